//! What people do on the page, as [`ChatEvent`]s, and the little that the page asks.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use commands::form::Form;
use commands::ids::{Account, DeliveryId, MessageRef, Place, Platform, Room};
use commands::message::{AnswerTo, ChatEvent, EventKind, ReactionChange, Receipt, Visibility};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::{Posted, Visitor};
use crate::history::{Body, EMOJIS, History, MessageId, NewMessage};
use crate::refusal::Refusal;
use crate::view::PersonView;
use crate::{Completion, Web, WebMode};

/// Longer lines get no completion.
const COMPLETED_BYTES: usize = 1000;
/// As many as fit a list that is read at a glance.
const COMPLETIONS: usize = 25;

/// The page draws it anew for each act and keeps it for a second try of the same act.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct ActId(String);

impl TryFrom<String> for ActId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if is_plain && (1..=64).contains(&text.len()) { Ok(Self(text)) } else { Err("not an id") }
    }
}

/// `POST /api/line`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    id: ActId,
    room: String,
    line: String,
}

/// `POST /api/click`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Click {
    id: ActId,
    room: String,
    message: String,
    value: String,
}

/// `POST /api/form`: a button's form, filled in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filled {
    id: ActId,
    room: String,
    message: String,
    value: String,
    /// By the names of the form's fields.
    answers: BTreeMap<String, String>,
}

/// `POST /api/reaction`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reaction {
    id: ActId,
    room: String,
    message: String,
    emoji: String,
    change: ReactionChange,
}

/// What the page is told of an act.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// An answer will come.
    Accepted,
    /// Done, without an answer.
    Noted,
    /// Was done before.
    Repeat,
}

/// What the page shows of an act once it is stored.
enum Trace {
    Line { id: MessageId, text: String },
    Click,
    Reaction { message: MessageId, emoji: String, change: ReactionChange },
}

pub(crate) async fn line(
    State(web): State<Web>,
    visitor: Visitor,
    Posted(posted): Posted<Line>,
) -> Result<Json<Value>, Refusal> {
    let room = room(&web, &posted.room)?;
    let line = without_command(&posted.line).to_owned();
    let kind = EventKind::Command { line, answer: answer_to(&visitor, &room) };
    let event = event(&web, &visitor, &posted.id, room, kind);
    let id = web.chat.change(|history| history.reserve());
    deliver(web, event, Trace::Line { id, text: posted.line }).await
}

pub(crate) async fn click(
    State(web): State<Web>,
    visitor: Visitor,
    Posted(posted): Posted<Click>,
) -> Result<Json<Value>, Refusal> {
    let message = message_with_button(&web, &visitor, (&posted.room, &posted.message), &posted.value)?;
    let answer = answer_to(&visitor, &message.room);
    let room = message.room.clone();
    let kind = EventKind::Click { value: posted.value, message, answer };
    let event = event(&web, &visitor, &posted.id, room, kind);
    deliver(web, event, Trace::Click).await
}

/// What is filled in is the line that could have been typed, and is shown as one.
pub(crate) async fn form(
    State(web): State<Web>,
    visitor: Visitor,
    Posted(posted): Posted<Filled>,
) -> Result<Json<Value>, Refusal> {
    let message = message_with_button(&web, &visitor, (&posted.room, &posted.message), &posted.value)?;
    let form = Form::of(&posted.value).ok_or(Refusal::UnknownButton)?;
    let line = form.line(&posted.answers.into_iter().collect::<Vec<_>>());
    let kind = EventKind::Command { line: line.clone(), answer: answer_to(&visitor, &message.room) };
    let event = event(&web, &visitor, &posted.id, message.room, kind);
    let id = web.chat.change(|history| history.reserve());
    deliver(web, event, Trace::Line { id, text: line }).await
}

pub(crate) async fn reaction(
    State(web): State<Web>,
    visitor: Visitor,
    Posted(posted): Posted<Reaction>,
) -> Result<Json<Value>, Refusal> {
    let (id, message) = message(&web, &visitor, &posted.room, &posted.message)?;
    let Reaction { id: act, emoji, change, .. } = posted;
    if !EMOJIS.contains(&emoji.as_str()) {
        return Err(Refusal::UnknownEmoji);
    }
    let room = message.room.clone();
    let kind = EventKind::Reaction { change, emoji: emoji.clone(), message };
    let event = event(&web, &visitor, &act, room, kind);
    deliver(web, event, Trace::Reaction { message: id, emoji, change }).await
}

/// Hands the event to the bot and shows it once it is stored. In a task of its own: a page that goes
/// away in the middle must not leave an event stored and not shown.
async fn deliver(web: Web, event: ChatEvent, trace: Trace) -> Result<Json<Value>, Refusal> {
    if !web.chat.inner.pulse.borrow().open {
        return Err(Refusal::Closed);
    }
    let task = tokio::spawn(async move {
        let (by, room, at) = (event.from.id.clone(), event.place.room.clone(), event.at);
        let receipt = (web.receive)(event).await?;
        match receipt {
            Receipt::Accepted(visibility) => show(&web, trace, (by, room, at), visibility),
            Receipt::Noted => show(&web, trace, (by, room, at), Visibility::Private),
            Receipt::Repeat => {}
        }
        Some(match receipt {
            Receipt::Accepted(_) => Outcome::Accepted,
            Receipt::Noted => Outcome::Noted,
            Receipt::Repeat => Outcome::Repeat,
        })
    });
    let outcome = task.await.map_err(|error| {
        tracing::error!(%error, "storing an event of the web chat panicked");
        Refusal::Failed
    })?;
    Ok(Json(json!({ "outcome": outcome.ok_or(Refusal::NotStored)? })))
}

/// A line is seen by those who see its answer.
fn show(web: &Web, trace: Trace, (by, room, at): (String, Room, jiff::Timestamp), visibility: Visibility) {
    web.chat.change(|history| match trace {
        Trace::Line { id, text } => {
            let only_for = match visibility {
                Visibility::Public => None,
                Visibility::Private => Some(by.clone()),
            };
            history.insert(id, NewMessage { room, at, only_for, body: Body::Line { by, text } });
        }
        Trace::Click => {}
        Trace::Reaction { message, emoji, change } => history.react((&room, message), &emoji, &by, change),
    });
}

fn event(web: &Web, visitor: &Visitor, act: &ActId, room: Room, kind: EventKind) -> ChatEvent {
    // The key may hold a colon, the act's id can't: no two people share a delivery id.
    let id = format!("{}:{}", visitor.key, act.0);
    ChatEvent {
        delivery: DeliveryId { platform: Platform::Web, id },
        at: (web.chat.config().now)(),
        from: visitor.account(),
        place: Place::channel(room),
        kind,
    }
}

fn answer_to(visitor: &Visitor, room: &Room) -> AnswerTo {
    AnswerTo { place: Place::channel(room.clone()), asker: visitor.account(), token: None }
}

pub(crate) fn room(web: &Web, id: &str) -> Result<Room, Refusal> {
    web.chat.room(id).cloned().ok_or(Refusal::UnknownRoom)
}

fn message_id(text: &str) -> Option<MessageId> {
    text.parse().ok()
}

fn message(
    web: &Web,
    visitor: &Visitor,
    room_id: &str,
    id: &str,
) -> Result<(MessageId, MessageRef), Refusal> {
    let room = room(web, room_id)?;
    let number = message_id(id).ok_or(Refusal::UnknownMessage)?;
    let is_here = web.chat.read(|history| history.find(&room, number, &visitor.key).is_some());
    if is_here {
        Ok((number, MessageRef { room, id: number.to_string() }))
    } else {
        Err(Refusal::UnknownMessage)
    }
}

/// The message, which this visitor sees with a button of this value.
fn message_with_button(
    web: &Web,
    visitor: &Visitor,
    (room, id): (&str, &str),
    value: &str,
) -> Result<MessageRef, Refusal> {
    let (id, message) = message(web, visitor, room, id)?;
    let has_button = |history: &History| {
        let found = history.find(&message.room, id, &visitor.key)?;
        found.reply()?.card.buttons.iter().find(|button| button.value == value).map(|_| ())
    };
    web.chat.read(has_button).ok_or(Refusal::UnknownButton)?;
    Ok(message)
}

/// The line without the `/acgs` that people are used to type elsewhere.
fn without_command(line: &str) -> &str {
    let line = line.trim();
    match line.strip_prefix("/acgs") {
        Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => rest.trim_start(),
        Some(_) | None => line,
    }
}

/// `GET /api/people`: who the visitor is, and in the demo who they may be.
pub(crate) async fn people(
    State(web): State<Web>,
    visitor: Result<Visitor, Refusal>,
) -> Result<Json<Value>, Refusal> {
    let config = web.chat.config();
    let rooms: Vec<&str> = config.rooms.iter().map(|room| room.id.as_str()).collect();
    let me = match (&config.mode, visitor) {
        (WebMode::Demo, visitor) => visitor.ok().map(|visitor| visitor.key),
        (WebMode::Login(_), visitor) => Some(visitor?.key),
    };
    let (mode, people): (_, Vec<_>) = match config.mode {
        WebMode::Demo => ("demo", config.people.iter().collect()),
        WebMode::Login(_) => {
            ("login", me.as_deref().and_then(|me| web.chat.person(me)).into_iter().collect())
        }
    };
    let people: Vec<_> = people.into_iter().map(PersonView::of).collect();
    Ok(Json(json!({
        "bot": config.bot, "mode": mode, "me": me, "people": people, "rooms": rooms, "banner": config.banner, "emojis": EMOJIS,
    })))
}

/// `GET /api/complete?line=`
#[derive(Deserialize)]
pub(crate) struct Unfinished {
    line: String,
}

pub(crate) async fn complete(
    State(web): State<Web>,
    visitor: Visitor,
    unfinished: Result<Query<Unfinished>, QueryRejection>,
) -> Result<Json<Vec<Completion>>, Refusal> {
    let Query(Unfinished { line }) = unfinished.map_err(|_| Refusal::Malformed)?;
    if line.len() > COMPLETED_BYTES {
        return Ok(Json(Vec::new()));
    }
    let account: Account = visitor.account();
    let mut found = (web.chat.config().complete)(&account, without_finished_command(&line));
    found.truncate(COMPLETIONS);
    Ok(Json(found))
}

/// Like [`without_command`], but the blank after the last word stays: it says that the word is finished.
fn without_finished_command(line: &str) -> &str {
    let line = line.trim_start();
    match line.strip_prefix("/acgs") {
        Some(rest) if rest.starts_with(char::is_whitespace) => rest.trim_start(),
        Some(_) | None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::{without_command, without_finished_command};

    #[test]
    fn the_command_word_is_optional() {
        assert_eq!(without_command("  /acgs   health "), "health");
        assert_eq!(without_command("/acgs"), "");
        assert_eq!(without_command("/acgshealth"), "/acgshealth");
        assert_eq!(without_command("health /acgs"), "health /acgs");
        assert_eq!(without_finished_command("/acgs health "), "health ");
        assert_eq!(without_finished_command("hea"), "hea");
    }
}
