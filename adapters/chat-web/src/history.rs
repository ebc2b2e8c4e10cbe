//! The messages of each room and who reacted to them, in memory and bounded.
//!
//! Every change gives its message a new version, so that a page which has seen version `n` is made
//! current by the messages with a greater one. That needs no queue for each page: a slow page
//! skips what was overwritten meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;

use commands::ids::Room;
use commands::message::{ReactionChange, Reply};
use jiff::Timestamp;

/// Messages kept in a room.
pub(crate) const KEPT: usize = 500;
/// The reactions that the page offers.
pub(crate) const EMOJIS: [&str; 4] = ["✅", "⛔", "📌", "👀"];

/// A message's number, greater than those before it.
pub(crate) type MessageId = u64;

/// One message.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) version: u64,
    pub(crate) room: Room,
    pub(crate) at: Timestamp,
    /// When it was last made to say something else.
    pub(crate) edited_at: Option<Timestamp>,
    /// The one person who sees it; `None`: everybody.
    pub(crate) only_for: Option<String>,
    pub(crate) body: Body,
    /// Who reacted, in the order of [`EMOJIS`]; each list in the order of time.
    pub(crate) reactions: [Vec<String>; EMOJIS.len()],
}

/// What a message says.
#[derive(Clone)]
pub(crate) enum Body {
    /// A person's line as typed.
    Line { by: String, text: String },
    /// The bot's word.
    Reply { slot: String, reply: Box<Reply> },
}

impl Message {
    pub(crate) fn is_visible_to(&self, person: &str) -> bool {
        self.only_for.as_deref().is_none_or(|only| only == person)
    }

    /// The bot's word, where it is one.
    pub(crate) const fn reply(&self) -> Option<&Reply> {
        match &self.body {
            Body::Line { .. } => None,
            Body::Reply { reply, .. } => Some(reply),
        }
    }
}

/// What becomes a message.
pub(crate) struct NewMessage {
    pub(crate) room: Room,
    pub(crate) at: Timestamp,
    pub(crate) only_for: Option<String>,
    pub(crate) body: Body,
}

/// All rooms' messages.
pub(crate) struct History {
    rooms: Vec<(Room, VecDeque<Arc<Message>>)>,
    version: u64,
    last_id: MessageId,
    /// The newest version of a message that is no longer kept.
    forgotten: u64,
}

impl History {
    /// Ids start at the time in milliseconds, so that they are not those of an earlier process.
    pub(crate) fn new(rooms: &[Room], now: Timestamp) -> Self {
        let rooms = rooms.iter().map(|room| (room.clone(), VecDeque::new())).collect();
        let last_id = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self { rooms, version: 0, last_id, forgotten: 0 }
    }

    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    pub(crate) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// An id for a message that is shown later and yet stands before what is posted meanwhile: a line
    /// is shown once it is stored, and its answer may be quicker.
    pub(crate) const fn reserve(&mut self) -> MessageId {
        self.last_id += 1;
        self.last_id
    }

    const fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn messages(&self, room: &Room) -> Option<&VecDeque<Arc<Message>>> {
        self.rooms.iter().find(|(known, _)| known == room).map(|(_, messages)| messages)
    }

    fn messages_mut(&mut self, room: &Room) -> Option<&mut VecDeque<Arc<Message>>> {
        self.rooms.iter_mut().find(|(known, _)| known == room).map(|(_, messages)| messages)
    }

    /// Shows `new` under a reserved id. `None`: no such room.
    pub(crate) fn insert(&mut self, id: MessageId, new: NewMessage) -> Option<MessageId> {
        let version = self.next_version();
        let NewMessage { room, at, only_for, body } = new;
        let messages = self.messages_mut(&room)?;
        let place = messages.partition_point(|other| other.id < id);
        let reactions = Default::default();
        let message = Message { id, version, room, at, edited_at: None, only_for, body, reactions };
        messages.insert(place, Arc::new(message));
        let dropped = if messages.len() > KEPT { messages.pop_front() } else { None };
        self.forgotten = dropped.map_or(self.forgotten, |oldest| oldest.version.max(self.forgotten));
        Some(id)
    }

    /// The message that a slot was posted as, if it is still kept.
    pub(crate) fn with_slot(&self, room: &Room, wanted: &str) -> Option<&Arc<Message>> {
        self.messages(room)?
            .iter()
            .rev()
            .find(|message| matches!(&message.body, Body::Reply { slot, .. } if slot == wanted))
    }

    /// The message, if `viewer` may see it.
    pub(crate) fn find(&self, room: &Room, id: MessageId, viewer: &str) -> Option<&Arc<Message>> {
        let messages = self.messages(room)?;
        let at = messages.binary_search_by_key(&id, |message| message.id).ok()?;
        messages.get(at).filter(|message| message.is_visible_to(viewer))
    }

    /// Changes one message as `edit` says, under a new version.
    pub(crate) fn update(&mut self, room: &Room, id: MessageId, edit: impl FnOnce(&mut Message)) {
        let version = self.next_version();
        let Some(messages) = self.messages_mut(room) else { return };
        let Ok(at) = messages.binary_search_by_key(&id, |message| message.id) else { return };
        if let Some(message) = messages.get_mut(at) {
            let message = Arc::make_mut(message);
            edit(message);
            message.version = version;
        }
    }

    /// Puts a person's reaction on or takes it away; twice is the same as once.
    pub(crate) fn react(
        &mut self,
        message: (&Room, MessageId),
        emoji: &str,
        by: &str,
        change: ReactionChange,
    ) {
        let Some(index) = EMOJIS.iter().position(|known| *known == emoji) else { return };
        self.update(message.0, message.1, |message| {
            let people = &mut message.reactions[index];
            people.retain(|person| person != by);
            match change {
                ReactionChange::Added => people.push(by.to_owned()),
                ReactionChange::Removed => {}
            }
        });
    }

    /// The oldest `at_most` of the changes after version `seen` that `viewer` may see, oldest first.
    pub(crate) fn since(&self, seen: u64, viewer: &str, at_most: usize) -> Vec<Arc<Message>> {
        let mut changed: Vec<_> = self
            .rooms
            .iter()
            .flat_map(|(_, messages)| messages)
            .filter(|message| message.version > seen && message.is_visible_to(viewer))
            .cloned()
            .collect();
        changed.sort_unstable_by_key(|message| message.version);
        changed.truncate(at_most);
        changed
    }
}
