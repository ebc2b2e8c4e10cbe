//! A message as the page reads it. All texts are plain; the page puts them into text nodes.

use std::collections::BTreeMap;

use commands::card::Card;
use commands::form::Form;
use commands::ids::{Platform, Room};
use jiff::Timestamp;
use serde::Serialize;

use crate::history::{Body, EMOJIS, Message};
use crate::{WebChat, WebPerson};

/// A person, by key and name.
#[derive(Serialize)]
pub(crate) struct PersonView<'a> {
    key: &'a str,
    name: &'a str,
    roles: &'a str,
}

impl<'a> PersonView<'a> {
    pub(crate) fn of(person: &'a WebPerson) -> Self {
        Self { key: &person.key, name: &person.name, roles: &person.roles }
    }
}

/// A message in a room.
#[derive(Serialize)]
pub(crate) struct MessageView<'a> {
    room: &'a str,
    /// Text, because a number of JavaScript is not a 64-bit number.
    id: String,
    at: Timestamp,
    edited_at: Option<Timestamp>,
    private: bool,
    /// Absent: the bot.
    by: Option<AuthorView<'a>>,
    line: Option<&'a str>,
    card: Option<&'a Card>,
    /// What its buttons ask for before they do anything, by their values.
    forms: BTreeMap<&'a str, Form>,
    /// Names of those whom it is to reach.
    mentions: Vec<&'a str>,
    file: Option<FileView<'a>>,
    picture: Option<PictureView<'a>>,
    reactions: Vec<ReactionView<'a>>,
}

#[derive(Serialize)]
struct AuthorView<'a> {
    key: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct FileView<'a> {
    name: &'a str,
    /// In bytes.
    size: usize,
}

/// The page asks for the picture itself by the message's id.
#[derive(Serialize)]
struct PictureView<'a> {
    name: &'a str,
    alt: &'a str,
}

#[derive(Serialize)]
struct ReactionView<'a> {
    emoji: &'static str,
    /// Names in the order of time.
    by: Vec<&'a str>,
    mine: bool,
}

impl<'a> MessageView<'a> {
    pub(crate) fn new(chat: &'a WebChat, message: &'a Message, viewer: &str) -> Self {
        let name = |key: &'a str| chat.person(key).map_or(key, |person| person.name.as_str());
        let (by, line) = match &message.body {
            Body::Line { by, text } => (Some(AuthorView { key: by, name: name(by) }), Some(text.as_str())),
            Body::Reply { .. } => (None, None),
        };
        let file = message.reply().and_then(|reply| reply.file.as_ref());
        let picture = message.reply().and_then(|reply| reply.picture.as_ref());
        let mentions = message.reply().map(|reply| reply.mentions.as_slice()).unwrap_or_default();
        let reactions = EMOJIS.iter().zip(&message.reactions).filter(|(_, by)| !by.is_empty());
        let buttons = message.reply().map(|reply| reply.card.buttons.as_slice()).unwrap_or_default();
        let forms =
            buttons.iter().filter_map(|button| Some((button.value.as_str(), Form::of(&button.value)?)));
        let Room { id: room, .. } = &message.room;
        Self {
            room,
            id: message.id.to_string(),
            at: message.at,
            edited_at: message.edited_at,
            private: message.only_for.is_some(),
            by,
            line,
            card: message.reply().map(|reply| &reply.card),
            forms: forms.collect(),
            mentions: mentions
                .iter()
                .filter(|account| account.platform == Platform::Web)
                .map(|account| name(&account.id))
                .collect(),
            file: file.map(|file| FileView { name: &file.name, size: file.content.len() }),
            picture: picture.map(|picture| PictureView { name: &picture.name, alt: &picture.alt }),
            reactions: reactions
                .map(|(emoji, by)| ReactionView {
                    emoji,
                    by: by.iter().map(|key| name(key)).collect(),
                    mine: by.iter().any(|key| key == viewer),
                })
                .collect(),
        }
    }
}
