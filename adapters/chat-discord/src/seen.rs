//! One of our messages as Discord shows it now.

use commands::ids::MessageRef;
use commands::message::Seen;
use serde_json::Value;

use crate::api::{Api, CallError};
use crate::{inbound, snowflake};

const UNKNOWN_MESSAGE: u64 = 10_008;
/// Users that one call lists at most (discord.com/developers/docs/resources/message, "Get Reactions").
const PAGE: usize = 100;
/// More people than these pages hold react to no message of ours.
const PAGES: usize = 10;

/// `None` when the message is not there any more. Only the reactions with the emoji in `wanted` are read:
/// each costs a call.
pub(crate) async fn seen(
    api: &Api,
    message: &MessageRef,
    wanted: &[&str],
) -> Result<Option<Seen>, CallError> {
    let path = ["channels", &message.room.id, "messages", &message.id];
    let found: Value = match api.get(&path, &[]).await {
        Err(CallError::Refused { code: UNKNOWN_MESSAGE, .. }) => return Ok(None),
        other => other?,
    };
    let mut seen = Seen::default();
    seen.add_texts(&found);
    for reaction in found["reactions"].as_array().into_iter().flatten() {
        let Some(emoji) = inbound::emoji(&reaction["emoji"]) else { continue };
        if wanted.contains(&emoji.as_str()) {
            let on = (message.room.id.as_str(), message.id.as_str());
            let users = users(api, on, &emoji).await?;
            seen.reactions.extend(users.into_iter().map(|user| (emoji.clone(), inbound::account(user))));
        }
    }
    Ok(Some(seen))
}

/// Who put `emoji` on a message of a channel; no bots.
pub(crate) async fn users(
    api: &Api,
    (channel, message): (&str, &str),
    emoji: &str,
) -> Result<Vec<u64>, CallError> {
    let path = ["channels", channel, "messages", message, "reactions", emoji];
    let mut users = Vec::new();
    let mut after = 0;
    for _ in 0..PAGES {
        let query = [("limit", PAGE.to_string()), ("after", after.to_string())];
        let page: Vec<Value> = match api.get(&path, &query).await {
            // Taken off, or the message is deleted, since it was listed.
            Err(CallError::Refused { status: 404, .. }) => return Ok(users),
            other => other?,
        };
        let is_last = page.len() < PAGE;
        after = page.iter().filter_map(|user| snowflake::read(&user["id"])).max().unwrap_or(after);
        let people = page.iter().filter(|user| user["bot"] != true);
        users.extend(people.filter_map(|user| snowflake::read(&user["id"])));
        if is_last {
            break;
        }
    }
    Ok(users)
}
