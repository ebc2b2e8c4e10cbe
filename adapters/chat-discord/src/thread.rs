//! Threads that the bot makes of its own messages.

use commands::ids::MessageRef;
use commands::message::SendError;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Authorization, Body, CallError};
use crate::{Shared, outbound, snowflake};

/// "A thread has already been created for this message" (topics/opcodes-and-status-codes).
const THERE_ALREADY: u64 = 160_004;
/// Shown in the list of channels for so many minutes after the last word: a week.
const SHOWN_FOR: u64 = 10_080;

/// A message has one thread at most, whose id is the message's own (resources/channel, "Start Thread from Message"): so
/// repeating it is harmless.
pub(crate) async fn open(shared: &Shared, message: &MessageRef, name: &str) -> Result<String, SendError> {
    let path = ["channels", &message.room.id, "messages", &message.id, "threads"];
    let body = Body::json(&json!({ "name": name, "auto_archive_duration": SHOWN_FOR }));
    let body = body.map_err(|error| outbound::send_error(error, None))?;
    let thread = match shared.api.call(Method::POST, &path, Authorization::Bot, body).await {
        Ok(answer) => {
            let thread: Value = answer.read().map_err(|error| outbound::send_error(error, None))?;
            thread["id"].as_str().map_or_else(|| message.id.clone(), str::to_owned)
        }
        Err(CallError::Refused { code: THERE_ALREADY, .. }) => message.id.clone(),
        // A permission that is missing, or a channel that has no threads: the incident goes on without.
        Err(CallError::Refused { status: 400 | 403 | 404, message, .. }) => {
            return Err(SendError::Rejected(format!(
                "{message}: give the bot the permission Create Public Threads"
            )));
        }
        Err(error) => return Err(outbound::send_error(error, None)),
    };
    if let (Ok(thread), Some(parent)) = (thread.parse(), snowflake::read(&message.room.id.clone().into())) {
        shared.places.note(thread, Some(parent));
    }
    Ok(thread)
}
