//! What the bot says, as messages on the page.
//!
//! A slot is posted once and edited from then on, so a try repeated by the outbox shows no second
//! message. After a restart the memory is empty, and an edit of what was said before shows it anew.

use std::time::Duration;

use commands::ids::{MessageRef, Place, Room};
use commands::message::{AnswerTo, Liveness, Outgoing, Posted, RateKey, SendError, Sent, Target, Visibility};
use jiff::Timestamp;

use crate::WebChat;
use crate::history::{Body, History, MessageId, NewMessage};

impl WebChat {
    /// The page has no limit of its own; this keeps one room from flooding every open page.
    #[must_use]
    pub fn rate_key(&self, outgoing: &Outgoing) -> RateKey {
        let room = target_room(&outgoing.target).map_or_else(|| "web".to_owned(), Room::to_string);
        RateKey { key: room, burst: 100, every: Duration::from_millis(10) }
    }

    /// Posts or edits.
    ///
    /// # Errors
    /// [`SendError::Rejected`] for a room that is not on the page and for a private message to nobody;
    /// [`SendError::NotReached`] once the chat is closed.
    #[expect(clippy::unused_async, reason = "the same call as on the platforms that are far away")]
    pub async fn send(&self, outgoing: &Outgoing) -> Result<Sent, SendError> {
        match self.liveness() {
            Liveness::Live => {}
            Liveness::Down(why) => return Err(SendError::NotReached(why)),
        }
        let room = target_room(&outgoing.target)
            .filter(|room| self.config().rooms.contains(room))
            .ok_or_else(|| SendError::Rejected("the chat page has no such room".to_owned()))?
            .clone();
        let now = (self.config().now)();
        let id = self.change(|history| place(history, &room, outgoing, now)).ok_or_else(|| {
            SendError::Rejected("a private message on the chat page needs a person it answers".to_owned())
        })?;
        Ok(Sent { posted: Posted::Message(MessageRef { room, id: id.to_string() }), quota: None })
    }
}

/// Where it goes; `None` if its first post was not on this page.
fn target_room(target: &Target) -> Option<&Room> {
    match target {
        Target::Answer(AnswerTo { place, .. }) | Target::Post(place) => Some(&place.room),
        Target::Edit { posted: Posted::Message(MessageRef { room, .. }), .. } => Some(room),
        Target::Edit { posted: Posted::ByToken | Posted::Ephemeral, answer } => {
            answer.as_ref().map(|AnswerTo { place: Place { room, .. }, .. }| room)
        }
        // Whoever has the page open sees its rooms; nobody is reached besides.
        Target::Direct(_) => None,
    }
}

fn asker(target: &Target) -> Option<&str> {
    match target {
        Target::Answer(answer) | Target::Edit { answer: Some(answer), .. } => Some(&answer.asker.id),
        Target::Post(_) | Target::Direct(_) | Target::Edit { answer: None, .. } => None,
    }
}

/// Edits the slot's message or makes it. `None`: private, and nobody to see it.
fn place(history: &mut History, room: &Room, outgoing: &Outgoing, now: Timestamp) -> Option<MessageId> {
    let Outgoing { slot, target, reply, .. } = outgoing;
    let known = history.with_slot(room, slot).cloned();
    let earlier = known.as_ref().and_then(|message| message.only_for.as_deref());
    let only_for = match reply.visibility {
        Visibility::Public => None,
        Visibility::Private => Some(asker(target).or(earlier)?.to_owned()),
    };
    let body = Body::Reply { slot: slot.clone(), reply: Box::new(reply.clone()) };
    let Some(known) = known else {
        let id = history.reserve();
        return history.insert(id, NewMessage { room: room.clone(), at: now, only_for, body });
    };
    // A repeated try says the same: the page need not hear of it.
    if known.reply() != Some(reply) {
        history.update(room, known.id, |message| {
            message.edited_at = Some(now);
            message.only_for = only_for;
            message.body = body;
        });
    }
    Some(known.id)
}
