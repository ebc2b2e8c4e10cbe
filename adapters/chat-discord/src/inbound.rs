//! What arrives over the gateway, reduced to what the bot needs of it.
//!
//! serenity's models refuse an event as a whole when one field is missing that we never read, and hand it
//! on as `Event::Unknown`. Such events are read a second time by [`bare`], so that no command is lost
//! because of, say, a missing locale. Nothing here decides, stores or answers.

mod bare;
mod modelled;

use commands::form::Form;
use commands::ids::{Account, DeliveryId, MessageRef, Place, Platform, Room};
use commands::message::{AnswerTo, AnswerToken, ChatEvent, EventKind, ReactionChange};
use commands::quoted::MessageCommand;
use commands::tree::CommandTree;
use jiff::{SignedDuration, Timestamp};
use serenity::model::event::Event;

use crate::snowflake;

/// An interaction's token works for this long (interactions/receiving-and-responding).
const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(15);

/// An event that matters to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// A new session: whatever happened since the last one was lost.
    Ready {
        /// The bot's own user.
        bot_user: u64,
        /// Where the bot is.
        guilds: Vec<u64>,
    },
    /// The old session goes on and its events are replayed.
    Resumed,
    /// Where channels are: each with the channel that it is a thread of.
    Channels(Vec<(u64, Option<u64>)>),
    /// A slash command, a click, a form, or a word to complete.
    Interaction(Interaction),
    /// A message in a channel.
    Message(Message),
    /// A reaction put on or taken away by somebody.
    Reaction(Reaction),
    /// Every reaction, or every one with this emoji, was taken off a message by a moderator.
    ReactionsCleared {
        /// Where the message is.
        channel: u64,
        /// The message.
        message: u64,
        /// `None`: all of them.
        emoji: Option<String>,
    },
}

/// A slash command, a click, a form, or a word to complete.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Interaction {
    pub(crate) id: u64,
    pub(crate) token: String,
    /// `None` when Discord did not say; such a one is nobody and may do nothing.
    pub(crate) user: Option<u64>,
    pub(crate) channel: u64,
    /// The channel that `channel` is a thread of.
    pub(crate) parent: Option<u64>,
    pub(crate) guild: Option<u64>,
    pub(crate) asked: Asked,
}

impl std::fmt::Debug for Interaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the token: whoever holds it can answer.
        f.debug_struct("Interaction")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("channel", &self.channel)
            .field("parent", &self.parent)
            .field("guild", &self.guild)
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

/// What an interaction asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A slash command: the words below `/acgs` and the options filled in.
    Command { path: Vec<String>, options: Vec<(String, String)> },
    /// Suggestions for the option being typed.
    Complete { typed: String },
    /// A command on somebody's message, by the name that it is registered under.
    OnMessage { command: MessageCommand, message: Written },
    /// A button.
    Click { value: String, message: u64 },
    /// A form that was filled in: its name and the answers by their fields.
    Submit { value: String, answers: Vec<(String, String)> },
    /// Something that we never registered or sent.
    Other,
}

/// What somebody wrote, as a timeline needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) id: u64,
    pub(crate) author: u64,
    pub(crate) author_name: Option<String>,
    /// Empty where Discord does not show it.
    pub(crate) content: String,
}

/// A message in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) channel: u64,
    pub(crate) author: u64,
    /// Written by a bot or a webhook.
    pub(crate) automatic: bool,
    /// Empty for messages that do not mention the bot: it has no message content intent.
    pub(crate) content: String,
}

/// A reaction put on or taken away by somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reaction {
    pub(crate) channel: u64,
    pub(crate) message: u64,
    pub(crate) user: u64,
    /// Known for a reaction put on only.
    pub(crate) by_bot: bool,
    /// Who wrote the message; known for a reaction put on only, and not always.
    pub(crate) author: Option<u64>,
    pub(crate) emoji: String,
    pub(crate) change: ReactionChange,
}

/// What `event` means to us; `None` for what doesn't matter or can't be made out at all.
pub(crate) fn read(event: &Event) -> Option<Incoming> {
    match event {
        Event::Unknown(unknown) => bare::read(&unknown.kind, &unknown.value),
        known => modelled::read(known),
    }
}

/// Whether events of this kind are worth a complaint when they can't be read.
pub(crate) fn matters(kind: &str) -> bool {
    matches!(
        kind,
        "READY"
            | "INTERACTION_CREATE"
            | "MESSAGE_CREATE"
            | "MESSAGE_REACTION_ADD"
            | "MESSAGE_REACTION_REMOVE"
    )
}

/// A custom emoji has an id and never equals a Unicode one, whatever its name is.
fn custom_emoji(name: &str, id: u64) -> String {
    format!("{name}:{id}")
}

/// A message as REST gives it, for reading back.
pub(crate) fn message(value: &serde_json::Value) -> Option<Message> {
    bare::message(value)
}

/// A message as REST gives it, for a timeline.
pub(crate) fn written(value: &serde_json::Value) -> Option<Written> {
    bare::written(value)
}

/// An emoji as REST gives it, for reading back.
pub(crate) fn emoji(value: &serde_json::Value) -> Option<String> {
    bare::emoji(value)
}

/// The channel that a channel object of REST's is a thread of.
pub(crate) fn thread_parent(value: &serde_json::Value) -> Option<u64> {
    bare::thread_parent(value)
}

/// The account of a Discord user.
pub(crate) fn account(user: u64) -> Account {
    Account::new(Platform::Discord, user.to_string())
}

/// `channel`, in its parent if it is a thread.
pub(crate) fn place(channel: u64, parent: Option<u64>) -> Place {
    let room = |id: u64| Room::new(Platform::Discord, id.to_string());
    match parent {
        Some(parent) => Place { room: room(parent), thread: Some(channel.to_string()) },
        None => Place::channel(room(channel)),
    }
}

/// A message of a channel or a thread.
pub(crate) fn message_ref(channel: u64, message: u64) -> MessageRef {
    MessageRef { room: Room::new(Platform::Discord, channel.to_string()), id: message.to_string() }
}

fn delivery(id: String) -> DeliveryId {
    DeliveryId { platform: Platform::Discord, id }
}

impl Interaction {
    /// The form that is the whole answer to it.
    pub(crate) fn form(&self) -> Option<Form> {
        match &self.asked {
            Asked::Click { value, .. } => Form::of(value),
            Asked::OnMessage { command: MessageCommand::Open, message } => {
                Some(Form::about(&message.content))
            }
            Asked::OnMessage { command: MessageCommand::Add, .. }
            | Asked::Command { .. }
            | Asked::Submit { .. }
            | Asked::Complete { .. }
            | Asked::Other => None,
        }
    }

    /// As a chat event; `None` when nobody asked or nothing is to be stored.
    pub(crate) fn event(&self, application: u64, tree: &CommandTree) -> Option<ChatEvent> {
        let from = account(self.user?);
        let place = place(self.channel, self.parent);
        let at = snowflake::made_at(self.id);
        let answer = AnswerTo {
            place: place.clone(),
            asker: from.clone(),
            token: Some(AnswerToken {
                value: format!("{application}/{}", self.token),
                expires: at + TOKEN_LIFE,
            }),
        };
        let kind = match &self.asked {
            Asked::Command { path, options } => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                EventKind::Command { line: tree.line(&path, options), answer }
            }
            Asked::Click { value, message } => EventKind::Click {
                value: value.clone(),
                message: message_ref(self.channel, *message),
                answer,
            },
            Asked::Submit { value, answers } => {
                EventKind::Command { line: Form::of(value)?.line(answers), answer }
            }
            Asked::OnMessage { command: MessageCommand::Add, message } => EventKind::Quote {
                quoted: Box::new(message.quoted((self.channel, self.parent), self.guild)),
                answer,
            },
            Asked::OnMessage { command: MessageCommand::Open, .. }
            | Asked::Complete { .. }
            | Asked::Other => return None,
        };
        Some(ChatEvent { delivery: delivery(self.id.to_string()), at, from, place, kind })
    }
}

impl Message {
    /// The line addressed to the bot: what follows a mention of it at the very start. A mention further
    /// on is people talking about the bot, and is left alone.
    pub(crate) fn line(&self, bot_user: u64) -> Option<&str> {
        if self.automatic || self.author == bot_user {
            return None;
        }
        let rest = self.content.trim_start().strip_prefix("<@")?;
        let rest = rest.strip_prefix('!').unwrap_or(rest);
        let (id, line) = rest.split_once('>')?;
        (id.parse() == Ok(bot_user)).then(|| line.trim())
    }

    /// As a chat event with `line`, in the channel or in the thread of `parent`.
    pub(crate) fn event(&self, line: &str, parent: Option<u64>) -> ChatEvent {
        let from = account(self.author);
        let place = place(self.channel, parent);
        let answer = AnswerTo { place: place.clone(), asker: from.clone(), token: None };
        ChatEvent {
            delivery: delivery(self.id.to_string()),
            at: snowflake::made_at(self.id),
            from,
            place,
            kind: EventKind::Command { line: line.to_owned(), answer },
        }
    }
}

impl Reaction {
    /// As a chat event. Discord dates and numbers no reaction: `known_at` is when we first knew of this
    /// change, and serves for both.
    pub(crate) fn event(&self, parent: Option<u64>, known_at: Timestamp) -> ChatEvent {
        let Self { message, user, emoji, .. } = self;
        let sign = match self.change {
            ReactionChange::Added => '+',
            ReactionChange::Removed => '-',
        };
        ChatEvent {
            delivery: delivery(format!("{message}:{user}:{emoji}:{sign}{}", known_at.as_millisecond())),
            at: known_at,
            from: account(*user),
            place: place(self.channel, parent),
            kind: EventKind::Reaction {
                change: self.change,
                emoji: emoji.clone(),
                message: message_ref(self.channel, *message),
            },
        }
    }
}

#[cfg(test)]
mod tests;
