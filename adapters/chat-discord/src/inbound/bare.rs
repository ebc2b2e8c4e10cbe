//! Events that serenity's models refused, read from their JSON, field by field, as far as it goes.
//!
//! Only what an event cannot do without makes it unreadable: an interaction's id, token and channel,
//! a message's id, channel and author, a reaction's message, channel, user and emoji.

use commands::message::ReactionChange;
use commands::quoted::MessageCommand;
use serde_json::Value;

use super::{Asked, Incoming, Interaction, Message, Reaction, Written};
use crate::snowflake;

pub(super) fn read(kind: &str, value: &Value) -> Option<Incoming> {
    match kind {
        "READY" => Some(Incoming::Ready {
            bot_user: snowflake::read(&value["user"]["id"])?,
            guilds: list(&value["guilds"]).filter_map(|guild| snowflake::read(&guild["id"])).collect(),
        }),
        "RESUMED" => Some(Incoming::Resumed),
        "INTERACTION_CREATE" => interaction(value).map(Incoming::Interaction),
        "MESSAGE_CREATE" => message(value).map(Incoming::Message),
        "MESSAGE_REACTION_ADD" => reaction(value, ReactionChange::Added).map(Incoming::Reaction),
        "MESSAGE_REACTION_REMOVE" => reaction(value, ReactionChange::Removed).map(Incoming::Reaction),
        "MESSAGE_REACTION_REMOVE_ALL" => cleared(value, None),
        "MESSAGE_REACTION_REMOVE_EMOJI" => cleared(value, Some(emoji(&value["emoji"])?)),
        "GUILD_CREATE" => Some(channels(list(&value["channels"]).chain(list(&value["threads"])))),
        "THREAD_LIST_SYNC" => Some(channels(list(&value["threads"]))),
        "CHANNEL_CREATE" | "THREAD_CREATE" => Some(channels(std::iter::once(value))),
        _ => None,
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn cleared(value: &Value, emoji: Option<String>) -> Option<Incoming> {
    let channel = snowflake::read(&value["channel_id"])?;
    let message = snowflake::read(&value["message_id"])?;
    Some(Incoming::ReactionsCleared { channel, message, emoji })
}

fn channels<'a>(values: impl Iterator<Item = &'a Value>) -> Incoming {
    Incoming::Channels(
        values.filter_map(|value| Some((snowflake::read(&value["id"])?, thread_parent(value)))).collect(),
    )
}

/// The channel that a channel object is a thread of: types 10, 11 and 12 (resources/channel).
pub(super) fn thread_parent(channel: &Value) -> Option<u64> {
    matches!(channel["type"].as_u64(), Some(10..=12))
        .then(|| snowflake::read(&channel["parent_id"]))
        .flatten()
}

fn interaction(value: &Value) -> Option<Interaction> {
    let user =
        snowflake::read(&value["member"]["user"]["id"]).or_else(|| snowflake::read(&value["user"]["id"]));
    Some(Interaction {
        id: snowflake::read(&value["id"])?,
        token: value["token"].as_str()?.to_owned(),
        user,
        channel: snowflake::read(&value["channel_id"])
            .or_else(|| snowflake::read(&value["channel"]["id"]))?,
        parent: thread_parent(&value["channel"]),
        guild: snowflake::read(&value["guild_id"]),
        asked: asked(value),
    })
}

/// The numbers are interaction and component types (interactions/receiving-and-responding).
fn asked(value: &Value) -> Asked {
    let data = &value["data"];
    match value["type"].as_u64() {
        // A command on a message (application command type 3).
        Some(2) if data["type"].as_u64() == Some(3) => on_message(data).unwrap_or(Asked::Other),
        Some(2) => {
            let (path, options) = descend(&data["options"]);
            let options = options
                .filter_map(|option| Some((option["name"].as_str()?.to_owned(), text(&option["value"])?)))
                .collect();
            Asked::Command { path, options }
        }
        Some(4) => {
            let (_, mut options) = descend(&data["options"]);
            let focused = options.find(|option| option["focused"] == true);
            Asked::Complete { typed: focused.and_then(|option| text(&option["value"])).unwrap_or_default() }
        }
        Some(3) => click(value).unwrap_or(Asked::Other),
        Some(5) => data["custom_id"].as_str().map_or(Asked::Other, |form| Asked::Submit {
            value: form.to_owned(),
            answers: answers(&data["components"]),
        }),
        _ => Asked::Other,
    }
}

fn on_message(data: &Value) -> Option<Asked> {
    let command = MessageCommand::named(data["name"].as_str()?)?;
    let message = data["resolved"]["messages"].get(data["target_id"].as_str()?)?;
    Some(Asked::OnMessage { command, message: written(message)? })
}

fn click(value: &Value) -> Option<Asked> {
    let data = &value["data"];
    // Absent counts as a button: only a select menu has values.
    if data["component_type"].as_u64().is_some_and(|kind| kind != 2) {
        return None;
    }
    let value_of_button = data["custom_id"].as_str()?.to_owned();
    Some(Asked::Click { value: value_of_button, message: snowflake::read(&value["message"]["id"])? })
}

/// Each input stands in a row of its own, as it was sent.
fn answers(rows: &Value) -> Vec<(String, String)> {
    let inputs = list(rows).flat_map(|row| list(&row["components"]));
    let answers = inputs.filter_map(|input| {
        Some((input["custom_id"].as_str()?.to_owned(), input["value"].as_str()?.to_owned()))
    });
    answers.collect()
}

/// Down through groups (2) and subcommands (1) to the options.
fn descend(options: &Value) -> (Vec<String>, impl Iterator<Item = &Value>) {
    let mut path = Vec::new();
    let mut level = options;
    while let Some([only]) = level.as_array().map(Vec::as_slice)
        && matches!(only["type"].as_u64(), Some(1 | 2))
    {
        path.push(only["name"].as_str().unwrap_or_default().to_owned());
        level = &only["options"];
    }
    (path, list(level))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn written(value: &Value) -> Option<Written> {
    let author = &value["author"];
    let name = author["global_name"].as_str().or_else(|| author["username"].as_str());
    Some(Written {
        id: snowflake::read(&value["id"])?,
        author: snowflake::read(&author["id"])?,
        author_name: name.map(str::to_owned),
        content: value["content"].as_str().unwrap_or_default().to_owned(),
    })
}

pub(super) fn message(value: &Value) -> Option<Message> {
    Some(Message {
        id: snowflake::read(&value["id"])?,
        channel: snowflake::read(&value["channel_id"])?,
        author: snowflake::read(&value["author"]["id"])?,
        automatic: value["author"]["bot"] == true || !value["webhook_id"].is_null(),
        content: value["content"].as_str().unwrap_or_default().to_owned(),
    })
}

fn reaction(value: &Value, change: ReactionChange) -> Option<Reaction> {
    Some(Reaction {
        channel: snowflake::read(&value["channel_id"])?,
        message: snowflake::read(&value["message_id"])?,
        user: snowflake::read(&value["user_id"])?,
        by_bot: value["member"]["user"]["bot"] == true,
        author: snowflake::read(&value["message_author_id"]),
        emoji: emoji(&value["emoji"])?,
        change,
    })
}

pub(super) fn emoji(value: &Value) -> Option<String> {
    let name = value["name"].as_str();
    match snowflake::read(&value["id"]) {
        Some(id) => Some(super::custom_emoji(name.unwrap_or_default(), id)),
        None => name.filter(|name| !name.is_empty()).map(str::to_owned),
    }
}
