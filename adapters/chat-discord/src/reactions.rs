//! The reactions known to be on messages, and what makes one change of them the same change again.
//!
//! Discord gives a reaction neither an id nor a time, so its delivery id is made of message, user, emoji,
//! and the moment at which we first knew of the change. That tells *put on, taken off, put on again* apart,
//! and a repeat of any of the three has the id it had. After an outage Discord tells which reactions are
//! there, not what happened: [`Reactions::reconcile`] turns that into the changes that are not known yet.
//!
//! This memory ends with the process. A reaction found by the first reading after a start takes the moment
//! of the newest stored event as its own, so that starting again finds the same id until something else has
//! been stored, and at worst a reaction already stored is told once more. Being told twice that a reaction
//! is there changes nothing: a vote is a state, not a count.

use std::collections::{HashMap, HashSet};

use commands::message::ReactionChange;
use jiff::Timestamp;

use crate::inbound::Reaction;
use crate::snowflake;

/// Entries kept; the ones on the oldest messages go first.
const KEPT: usize = 10_000;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    message: u64,
    user: u64,
    emoji: String,
}

#[derive(Clone, Copy)]
struct Known {
    channel: u64,
    change: ReactionChange,
    at: Timestamp,
}

/// The last known change of each reaction.
#[derive(Default)]
pub(crate) struct Reactions(HashMap<Key, Known>);

/// What REST says is on a message.
pub(crate) struct Present {
    pub(crate) channel: u64,
    pub(crate) message: u64,
    /// Who and with what.
    pub(crate) reactions: Vec<(u64, String)>,
    /// When the list was asked for: what is known to be newer than this is believed instead.
    pub(crate) asked_at: Timestamp,
}

impl Reactions {
    /// When `reaction` was first known: `now`, or earlier if this is the same change again.
    pub(crate) fn note(&mut self, reaction: &Reaction, now: Timestamp) -> Timestamp {
        let key = Key { message: reaction.message, user: reaction.user, emoji: reaction.emoji.clone() };
        let same = self.0.get(&key).filter(|known| known.change == reaction.change);
        if let Some(known) = same {
            return known.at;
        }
        self.0.insert(key, Known { channel: reaction.channel, change: reaction.change, at: now });
        self.forget_old();
        now
    }

    /// The reactions known to be on `message`, with `emoji` or with any.
    pub(crate) fn on(&self, message: u64, emoji: Option<&str>) -> Vec<Reaction> {
        self.0
            .iter()
            .filter(|(key, known)| {
                key.message == message
                    && known.change == ReactionChange::Added
                    && emoji.is_none_or(|emoji| emoji == key.emoji)
            })
            .map(|(key, known)| Reaction {
                channel: known.channel,
                message,
                user: key.user,
                by_bot: false,
                author: None,
                emoji: key.emoji.clone(),
                change: ReactionChange::Removed,
            })
            .collect()
    }

    /// The changes between what is known and what is `present`, each with its moment. Reactions never heard
    /// of were put on after `since`.
    pub(crate) fn reconcile(&mut self, present: &Present, since: Timestamp) -> Vec<(Reaction, Timestamp)> {
        let there: HashSet<&(u64, String)> = present.reactions.iter().collect();
        let mut changes: Vec<Reaction> = self
            .on(present.message, None)
            .into_iter()
            .filter(|gone| !there.contains(&(gone.user, gone.emoji.clone())))
            .collect();
        changes.extend(present.reactions.iter().map(|(user, emoji)| Reaction {
            channel: present.channel,
            message: present.message,
            user: *user,
            by_bot: false,
            author: None,
            emoji: emoji.clone(),
            change: ReactionChange::Added,
        }));
        changes.retain(|change| !self.is_newer(change, present.asked_at));
        let earliest = since.max(snowflake::made_at(present.message));
        changes
            .into_iter()
            .map(|change| {
                let unheard_of = match change.change {
                    ReactionChange::Added if !self.has(&change) => earliest,
                    ReactionChange::Added | ReactionChange::Removed => present.asked_at,
                };
                let at = self.note(&change, unheard_of);
                (change, at)
            })
            .collect()
    }

    fn key(reaction: &Reaction) -> Key {
        Key { message: reaction.message, user: reaction.user, emoji: reaction.emoji.clone() }
    }

    fn has(&self, reaction: &Reaction) -> bool {
        self.0.contains_key(&Self::key(reaction))
    }

    fn is_newer(&self, reaction: &Reaction, than: Timestamp) -> bool {
        self.0.get(&Self::key(reaction)).is_some_and(|known| known.at >= than)
    }

    fn forget_old(&mut self) {
        if self.0.len() <= KEPT {
            return;
        }
        let mut messages: Vec<u64> = self.0.keys().map(|key| key.message).collect();
        messages.sort_unstable();
        let oldest_kept = messages[messages.len() / 2];
        self.0.retain(|key, _| key.message >= oldest_kept);
    }
}

#[cfg(test)]
mod tests;
