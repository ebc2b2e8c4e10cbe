//! What comes from a chat platform and what goes back to it, in words that no platform owns.
//!
//! An adapter turns its SDK's events into [`ChatEvent`], hands each to the bot and waits for the
//! [`Receipt`], which the bot gives as soon as the delivery is stored; then it acknowledges to the
//! platform. Everything that goes out is an [`Outgoing`] from the bot's outbox.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::card::Card;
use crate::ids::{Account, DeliveryId, MessageRef, Place};
use crate::quoted::Quoted;

/// One thing that a person did in chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatEvent {
    /// Unique on its platform; the same id again is the same event again.
    pub delivery: DeliveryId,
    /// When the person did it by the platform's clock.
    pub at: Timestamp,
    /// Who, by the platform's signed word.
    pub from: Account,
    /// Where.
    pub place: Place,
    /// What.
    pub kind: EventKind,
}

/// What a person did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Addressed a line to the bot: slash command, mention, web page. Without the leading `/acgs` or mention.
    Command {
        /// The line as typed.
        line: String,
        /// Where the answer goes.
        answer: AnswerTo,
    },
    /// Pressed one of our buttons.
    Click {
        /// The button's [`Button::value`](crate::card::Button::value).
        value: String,
        /// The message that has the button.
        message: MessageRef,
        /// Where the answer goes.
        answer: AnswerTo,
    },
    /// Wants a message of somebody's on an incident's timeline.
    Quote {
        /// The message.
        quoted: Box<Quoted>,
        /// Where the answer goes.
        answer: AnswerTo,
    },
    /// Put a reaction on a message or took it away.
    Reaction {
        /// Which of the two.
        change: ReactionChange,
        /// The Slack name without colons (`white_check_mark`) or the Unicode emoji; a custom Discord
        /// emoji is `name:id` and so never equals a Unicode one.
        emoji: String,
        /// The message reacted to.
        message: MessageRef,
    },
}

/// Put on or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReactionChange {
    /// Put on.
    Added,
    /// Taken away.
    Removed,
}

/// Where the answer to one event goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerTo {
    /// The channel or thread that the event came from.
    pub place: Place,
    /// Who sees a private answer.
    pub asker: Account,
    /// The platform's own way back to this event, where it gave one.
    pub token: Option<AnswerToken>,
}

/// A way back to one event: Slack's `response_url` (5 uses, 30 min), Discord's interaction
/// `application_id/token` (15 min). Whoever holds it can answer, so it is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerToken {
    /// Opaque outside the adapter that made it.
    pub value: String,
    /// After this the platform refuses it.
    pub expires: Timestamp,
}

impl std::fmt::Debug for AnswerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerToken").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The bot's word to the adapter, given once the event is stored. Only then may the adapter
/// acknowledge to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// An answer will come through the outbox. Discord fixes the visibility in its deferral.
    Accepted(Visibility),
    /// Stored or deliberately dropped, and no answer will come (a reaction, a click that needs none).
    Noted,
    /// This delivery was seen before. Acknowledge and do nothing.
    Repeat,
}

/// Who sees an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody in the channel.
    Public,
    /// The asker alone (an *ephemeral* message).
    Private,
}

/// Everything the bot says, before a platform gives it its shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Who sees it.
    pub visibility: Visibility,
    /// What it says.
    pub card: Card,
    /// Output that is too long for a card. Never cut: it is uploaded whole.
    pub file: Option<TextFile>,
    /// What a person sees quicker than they read it. The card is whole without it.
    #[serde(default)]
    pub picture: Option<Picture>,
    /// Accounts that a new message is to reach: really mentioned, where they are of the platform that it goes to.
    /// Nobody else ever is; an edit reaches nobody.
    #[serde(default)]
    pub mentions: Vec<Account>,
}

/// A text to upload beside a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextFile {
    /// For example `audit.txt`.
    pub name: String,
    /// UTF-8.
    pub content: String,
}

/// A picture to show beside a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// For example `errors.png`: ASCII letters, digits, `-`, and that ending.
    pub name: String,
    /// What is to be seen, for who can't see it; one sentence.
    pub alt: String,
    /// The picture.
    pub png: Png,
}

/// A PNG file; Base64 where it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Png(pub Vec<u8>);

impl std::fmt::Debug for Png {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Png({} bytes)", self.0.len())
    }
}

impl Serialize for Png {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Png {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// One message for a platform to post or to edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The same for every try and every edit of one message; at most 25 characters, so that it
    /// serves as Discord's `nonce`.
    pub slot: String,
    /// Where it goes.
    pub target: Target,
    /// What it says now.
    pub reply: Reply,
    /// An earlier try may have been posted: its outcome was never heard. Where the platform can't
    /// tell two equal posts apart (Slack), the message says that it may be a repeat.
    pub may_repeat: bool,
}

/// Where an [`Outgoing`] goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The first answer to an event.
    Answer(AnswerTo),
    /// A message of our own accord.
    Post(Place),
    /// A message to one person alone, of our own accord.
    Direct(Account),
    /// Replaces what an earlier [`Posted`] says.
    Edit {
        /// What the first post returned.
        posted: Posted,
        /// How the first post was sent, where it was an answer.
        answer: Option<AnswerTo>,
    },
}

/// What a platform gave back for a post, kept so that the post can be edited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Posted {
    /// A message with an id of its own.
    Message(MessageRef),
    /// Sent by the answer's token; edits go the same way while the token lives.
    ByToken,
    /// Sent privately and not editable (Slack's ephemeral messages): a later edit posts anew.
    Ephemeral,
}

/// What a platform said to a post or an edit that worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Where it is now.
    pub posted: Posted,
    /// What the platform said is left of the limit that this call counted against.
    pub quota: Option<Quota>,
}

/// What is left of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Which one: that of the call that was answered, which may have been a second way.
    pub limit: RateKey,
    /// Calls left before the limit.
    pub remaining: u32,
    /// When the count starts anew, from the platform's answer on.
    pub reset_after: Duration,
}

/// The limit that an [`Outgoing`] counts against, as its platform keys it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RateKey {
    /// Opaque: the platform, the method or route, and the channel or webhook.
    pub key: String,
    /// Calls allowed at once after a rest.
    pub burst: u32,
    /// One more call is allowed after each of these.
    pub every: Duration,
}

/// Why a post or an edit did not work, in the classes that the outbox treats differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// 429. Nothing may be sent that counts against this limit before the delay is over.
    #[error("rate limited for {retry_after:?} on {}", limit.key)]
    RateLimited {
        /// As the platform said.
        retry_after: Duration,
        /// That of the call that got the 429: the message's own, its file's, or that of a second way.
        limit: RateKey,
    },
    /// It certainly was not posted: no connection, or a 5xx that says so. Worth another try.
    #[error("not reached: {0}")]
    NotReached(String),
    /// It may have been posted: the connection broke or timed out after the request was sent.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// It certainly was not posted, and will be once somebody mends what is in its way: a token, a scope, the
    /// bot's place in the channel. Nobody who asked is to lose an answer over that.
    #[error("not let through: {why}")]
    Barred {
        /// What is in its way, and how it is mended.
        why: String,
        /// Whatever counts against this limit would fare the same.
        limit: Option<RateKey>,
    },
    /// The platform will never take it as it is.
    #[error("refused: {0}")]
    Rejected(String),
}

/// What a platform shows of one of our messages now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Everything that it says, in no particular order and markup.
    pub text: String,
    /// Each reaction with the account that it is of, named as in [`EventKind::Reaction`].
    pub reactions: Vec<(String, Account)>,
}

impl Seen {
    /// Adds every text in what a platform answered, wherever it puts them.
    pub fn add_texts(&mut self, answered: &serde_json::Value) {
        use serde_json::Value;
        match answered {
            Value::String(text) => {
                self.text.push_str(text);
                self.text.push('\n');
            }
            Value::Array(values) => values.iter().for_each(|value| self.add_texts(value)),
            Value::Object(fields) => fields.values().for_each(|value| self.add_texts(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Whether an adapter's connection to its platform works now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Events arrive.
    Live,
    /// They don't, and why.
    Down(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_reply_has_its_picture_and_one_of_before_has_none() {
        let card = r#"{"title":"t","tone":"good","sections":[],"buttons":[],"footer":null}"#;
        let before = format!(r#"{{"visibility":"public","card":{card},"file":null}}"#);
        let mut reply: Reply = serde_json::from_str(&before).expect("a reply of before");
        assert_eq!(reply.picture, None);
        reply.picture = Some(Picture {
            name: "p.png".to_owned(),
            alt: "nothing".to_owned(),
            png: Png(vec![0x89, 0, 255]),
        });
        let stored = serde_json::to_string(&reply).expect("JSON");
        assert!(stored.contains(r#""png":"iQD/""#), "{stored}");
        assert_eq!(serde_json::from_str::<Reply>(&stored).expect("a reply"), reply);
    }
}
