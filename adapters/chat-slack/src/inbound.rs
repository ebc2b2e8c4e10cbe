//! From Slack's payloads to [`ChatEvent`]s.
//!
//! Payloads are read field by field and nothing but the person and a way to answer is insisted on:
//! slack-morphism's models refuse whole deliveries for want of a field that Slack leaves out (a
//! click in an org-wide install has no team) and such a delivery would be lost. What a line means is
//! not decided here.

mod form;
pub(crate) mod json;
mod shortcut;
pub(crate) mod text;

use commands::form::Form;
use commands::ids::{Account, DeliveryId, MessageRef, Place, Platform, Room};
use commands::message::{AnswerTo, AnswerToken, ChatEvent, EventKind, ReactionChange};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

pub(crate) use form::{CALLBACK, Carried, Opening};
pub(crate) use json::{field, parse, timestamp};
pub(crate) use text::typed;

/// How long Slack takes answers at a `response_url`
/// (docs.slack.dev/interactivity/handling-user-interaction).
const ANSWER_TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(30);

/// Which kind of payload a delivery has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadKind {
    /// A slash command.
    Command,
    /// A click, a shortcut, a form.
    Interaction,
    /// The Events API.
    Event,
}

/// What the reader knows besides the payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// Our own user id, where it is known.
    pub(crate) bot: Option<&'a str>,
    /// When the payload came.
    pub(crate) now: Timestamp,
    /// Names the delivery if the payload does not.
    pub(crate) fallback_id: &'a str,
}

/// What a payload turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A person did something that concerns us.
    Event(Box<ChatEvent>),
    /// A person wants to fill in a form. Nothing is to be stored.
    Form(Box<Opening>),
    /// Nothing for us; acknowledge and forget.
    Nothing,
    /// A payload of ours that nobody can be held to or answered; why.
    Unusable(&'static str),
}

/// Reads one payload.
pub(crate) fn read(kind: PayloadKind, payload: &Value, context: Context<'_>) -> Heard {
    match kind {
        PayloadKind::Command => command(payload, context),
        PayloadKind::Interaction => interaction(payload, context),
        PayloadKind::Event => event_callback(payload, context),
    }
}

fn command(payload: &Value, context: Context<'_>) -> Heard {
    let token = answer_token(payload, context.now);
    let channel = match (field(payload, "/channel_id"), &token) {
        (Some(channel), _) => channel,
        // The room is unknown and so on no list of rooms, but the token still leads back.
        (None, Some(_)) => "",
        (None, None) => return Heard::Unusable("a command without a channel and a response_url"),
    };
    let Some(user) = field(payload, "/user_id") else {
        return Heard::Unusable("a command without a user");
    };
    let from = Account::new(Platform::Slack, user);
    let place = Place::channel(Room::new(Platform::Slack, channel));
    let line = typed(field(payload, "/text").unwrap_or_default()).trim().to_owned();
    let answer = AnswerTo { place: place.clone(), asker: from.clone(), token };
    let id = field(payload, "/trigger_id").unwrap_or(context.fallback_id);
    heard(id, context.now, from, place, EventKind::Command { line, answer })
}

fn interaction(payload: &Value, context: Context<'_>) -> Heard {
    match field(payload, "/type") {
        Some("block_actions") => click(payload, context),
        Some("message_action") => shortcut::shortcut(payload, context),
        Some("view_submission") => form::submission(payload, context),
        _ => Heard::Nothing,
    }
}

fn click(payload: &Value, context: Context<'_>) -> Heard {
    let actions = payload.pointer("/actions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let pressed = actions.iter().find_map(|action| Some((action, field(action, "/value")?)));
    // A button that only opens a link has no value.
    let Some((action, value)) = pressed else { return Heard::Nothing };
    let Some(user) = field(payload, "/user/id") else {
        return Heard::Unusable("a click without a user");
    };
    let token = answer_token(payload, context.now);
    let channel = field(payload, "/channel/id").or_else(|| field(payload, "/container/channel_id"));
    let channel = match (channel, &token) {
        (Some(channel), _) => channel,
        (None, Some(_)) => "",
        (None, None) => return Heard::Unusable("a click without a channel and a response_url"),
    };
    let room = Room::new(Platform::Slack, channel);
    let thread = field(payload, "/message/thread_ts").or_else(|| field(payload, "/container/thread_ts"));
    let place = Place { room: room.clone(), thread: thread.map(str::to_owned) };
    if let Some(form) = Form::of(value) {
        let trigger = field(payload, "/trigger_id").map(str::to_owned);
        return Heard::Form(Box::new(Opening { form, trigger, place, token }));
    }
    // Without a ts the click still reaches the bot, on a message that it has never posted.
    let message = field(payload, "/container/message_ts").or_else(|| field(payload, "/message/ts"));
    let from = Account::new(Platform::Slack, user);
    let kind = EventKind::Click {
        value: value.to_owned(),
        message: MessageRef { room, id: message.unwrap_or_default().to_owned() },
        answer: AnswerTo { place: place.clone(), asker: from.clone(), token },
    };
    let at = field(action, "/action_ts").and_then(timestamp).unwrap_or(context.now);
    let id = field(payload, "/trigger_id").unwrap_or(context.fallback_id);
    heard(id, at, from, place, kind)
}

fn event_callback(payload: &Value, context: Context<'_>) -> Heard {
    let Some(event) = payload.pointer("/event").filter(|event| event.is_object()) else {
        return Heard::Nothing;
    };
    let context = Context { bot: authorized_bot(payload).or(context.bot), ..context };
    let source = EventSource {
        id: field(payload, "/event_id").map_or_else(|| event_fingerprint(event, context), str::to_owned),
        at: event_time(payload, event).unwrap_or(context.now),
    };
    let by_bot = field(event, "/bot_id").is_some()
        || field(event, "/subtype") == Some("bot_message")
        || (context.bot.is_some() && field(event, "/user") == context.bot);
    match field(event, "/type") {
        Some("app_mention" | "reaction_added" | "reaction_removed") if by_bot => Heard::Nothing,
        Some("app_mention") => mention(event, &source, context),
        Some("reaction_added") => reaction(event, &source, ReactionChange::Added),
        Some("reaction_removed") => reaction(event, &source, ReactionChange::Removed),
        _ => Heard::Nothing,
    }
}

/// What the wrapping of an event says of it.
struct EventSource {
    id: String,
    at: Timestamp,
}

fn mention(event: &Value, source: &EventSource, context: Context<'_>) -> Heard {
    let (Some(user), Some(channel)) = (field(event, "/user"), field(event, "/channel")) else {
        return Heard::Unusable("a mention without a user or a channel");
    };
    let from = Account::new(Platform::Slack, user);
    let thread = field(event, "/thread_ts").map(str::to_owned);
    let place = Place { room: Room::new(Platform::Slack, channel), thread };
    let addressed = text::without_mention(field(event, "/text").unwrap_or_default(), context.bot);
    let line = typed(addressed).trim().to_owned();
    let answer = AnswerTo { place: place.clone(), asker: from.clone(), token: None };
    heard(&source.id, source.at, from, place, EventKind::Command { line, answer })
}

fn reaction(event: &Value, source: &EventSource, change: ReactionChange) -> Heard {
    if field(event, "/item/type").is_some_and(|kind| kind != "message") {
        return Heard::Nothing;
    }
    let (Some(user), Some(channel), Some(ts)) =
        (field(event, "/user"), field(event, "/item/channel"), field(event, "/item/ts"))
    else {
        return Heard::Unusable("a reaction without a user or a message");
    };
    let Some(emoji) = field(event, "/reaction") else {
        return Heard::Unusable("a reaction without an emoji");
    };
    let room = Room::new(Platform::Slack, channel);
    let place = Place::channel(room.clone());
    let message = MessageRef { room, id: ts.to_owned() };
    let kind = EventKind::Reaction { change, emoji: emoji.to_owned(), message };
    heard(&source.id, source.at, Account::new(Platform::Slack, user), place, kind)
}

fn heard(id: &str, at: Timestamp, from: Account, place: Place, kind: EventKind) -> Heard {
    let delivery = DeliveryId { platform: Platform::Slack, id: id.to_owned() };
    Heard::Event(Box::new(ChatEvent { delivery, at, from, place, kind }))
}

fn answer_token(payload: &Value, now: Timestamp) -> Option<AnswerToken> {
    let value = field(payload, "/response_url")?.to_owned();
    Some(AnswerToken { value, expires: now.checked_add(ANSWER_TOKEN_LIFE).unwrap_or(now) })
}

/// Slack names the user that the event was delivered for: our own bot.
fn authorized_bot(payload: &Value) -> Option<&str> {
    let authorizations = payload.pointer("/authorizations")?.as_array()?;
    let ours = authorizations.iter().find(|who| who.pointer("/is_bot") == Some(&Value::Bool(true)))?;
    field(ours, "/user_id")
}

/// The same for every delivery of one event, for an event without an id.
fn event_fingerprint(event: &Value, context: Context<'_>) -> String {
    let ts = field(event, "/event_ts").or_else(|| field(event, "/ts"));
    let Some(ts) = ts else { return context.fallback_id.to_owned() };
    let part = |pointer| field(event, pointer).unwrap_or("-");
    let channel = field(event, "/channel").or_else(|| field(event, "/item/channel")).unwrap_or("-");
    format!("{}:{channel}:{ts}:{}:{}", part("/type"), part("/user"), part("/reaction"))
}

fn event_time(payload: &Value, event: &Value) -> Option<Timestamp> {
    let precise = field(event, "/event_ts").or_else(|| field(event, "/ts")).and_then(timestamp);
    precise.or_else(|| Timestamp::from_second(payload.pointer("/event_time")?.as_i64()?).ok())
}

#[cfg(test)]
mod tests;
