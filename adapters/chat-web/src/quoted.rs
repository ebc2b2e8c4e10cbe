//! A message of the page, for a timeline.

use commands::ids::{Account, MessageRef, Place, Platform};
use commands::quoted::Quoted;

use crate::WebChat;
use crate::history::{Body, Message};

/// `None` for one that is kept no more and for one that not everybody sees.
pub(crate) fn quoted(chat: &WebChat, message: &MessageRef) -> Option<Quoted> {
    let number = message.id.parse().ok()?;
    let found = chat.read(|history| history.find(&message.room, number, "").cloned())?;
    let (author, name, text) = said(chat, &found);
    Some(Quoted {
        message: message.clone(),
        place: Place::channel(message.room.clone()),
        author: Account::new(Platform::Web, author),
        author_name: Some(name),
        at: found.at,
        // The page has no address of one message.
        link: format!("{}#{}", message.room, message.id),
        text: Some(text),
    })
}

fn said(chat: &WebChat, message: &Message) -> (String, String, String) {
    match &message.body {
        Body::Line { by, text } => {
            let name = chat.person(by).map_or(by, |person| &person.name);
            (by.clone(), name.clone(), text.clone())
        }
        Body::Reply { reply, .. } => {
            let bot = &chat.config().bot;
            (bot.clone(), bot.clone(), reply.card.title.clone())
        }
    }
}
