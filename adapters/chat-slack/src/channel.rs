//! Channels that the bot makes, and bringing people into them.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use commands::ids::{Account, Platform, Room};
use commands::message::SendError;
use serde_json::{Value, json};

use crate::error::CallError;
use crate::{Shared, blocks};

/// Characters of a topic (docs.slack.dev/reference/methods/conversations.setTopic).
const TOPIC: usize = 250;
/// Names that somebody else has are passed over so often.
const NAMES: u32 = 5;
/// Channels in one answer, and answers that are looked through: more than a workspace of ten thousand channels.
const PAGE: u32 = 1_000;
const PAGES: usize = 20;
/// What is only a kindness takes no longer.
const KINDNESS: Duration = Duration::from_secs(5);
/// More people and channels than one workspace's incidents have; beyond it the memory starts anew.
const KEPT: usize = 20_000;

/// Who is known to be in a channel, or not to be got into it.
#[derive(Debug, Default)]
pub(crate) struct Members(Mutex<HashSet<(String, String)>>);

impl Members {
    fn unknown(&self, channel: &str, people: &[Account]) -> Vec<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = blocks::mentioned(people)
            .filter(|person| !known.contains(&(channel.to_owned(), person.id.clone())));
        unknown.map(|person| person.id.clone()).collect()
    }

    fn note(&self, channel: &str, people: Vec<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > KEPT {
            known.clear();
        }
        known.extend(people.into_iter().map(|person| (channel.to_owned(), person)));
    }
}

/// Makes a public channel, or finds the one of an earlier try whose answer was lost.
pub(crate) async fn open(
    shared: &Shared,
    name: &str,
    topic: &str,
    people: &[Account],
) -> Result<Room, SendError> {
    let channel = made(shared, name).await?;
    let topic: String = topic.chars().take(TOPIC).collect();
    let set = json!({ "channel": channel, "topic": topic });
    if let Err(error) = shared.api.call("conversations.setTopic", &set).await {
        tracing::warn!(channel, %error, "a channel has no topic");
    }
    bring(shared, &channel, people).await;
    Ok(Room::new(Platform::Slack, channel))
}

async fn made(shared: &Shared, name: &str) -> Result<String, SendError> {
    for number in 1..=NAMES {
        let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        match shared.api.call("conversations.create", &json!({ "name": name })).await {
            Ok(answer) => {
                let id = answer["channel"]["id"].as_str().map(str::to_owned);
                return id.ok_or_else(|| SendError::Unknown("conversations.create gave no id".to_owned()));
            }
            Err(CallError::Refused(code)) if code == "name_taken" => {
                if let Some(own) = own_channel(shared, &name).await? {
                    return Ok(own);
                }
            }
            Err(error) => return Err(not_made(error)),
        }
    }
    Err(SendError::Rejected(format!("channels called {name} and alike are there already")))
}

/// The channel of this name, if it is the bot's own.
async fn own_channel(shared: &Shared, name: &str) -> Result<Option<String>, SendError> {
    let bot = shared.bot_user_id.get().map(String::as_str);
    let mut cursor = String::new();
    for _ in 0..PAGES {
        let answer = match shared.api.channels(PAGE, &cursor).await {
            Ok(answer) => answer,
            // Without the scope to look, another name is taken.
            Err(CallError::Barred(_) | CallError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut channels = answer["channels"].as_array().into_iter().flatten();
        let is_own = |channel: &&Value| match bot {
            Some(bot) => channel["creator"] == bot,
            None => channel["is_member"] == true,
        };
        if let Some(found) = channels.find(|channel| channel["name"] == name) {
            return Ok(Some(found).filter(is_own).and_then(|own| own["id"].as_str()).map(str::to_owned));
        }
        let next = answer["response_metadata"]["next_cursor"].as_str().unwrap_or_default();
        if next.is_empty() {
            return Ok(None);
        }
        next.clone_into(&mut cursor);
    }
    Ok(None)
}

/// What an operator would have to grant first is as good as a no: the incident goes on without.
fn not_made(error: CallError) -> SendError {
    let barred = matches!(error, CallError::Barred(_));
    match SendError::from(error) {
        SendError::Barred { why, .. } if barred => SendError::Rejected(why),
        other => other,
    }
}

/// Gets people into a channel who are not in it: a mention reaches nobody outside.
pub(crate) async fn bring(shared: &Shared, channel: &str, people: &[Account]) {
    let people = shared.members.unknown(channel, people);
    if people.is_empty() {
        return;
    }
    // With `force` those who can't be invited keep nobody else out.
    let invite = json!({ "channel": channel, "users": people.join(","), "force": true });
    let invited = shared.api.call("conversations.invite", &invite);
    match tokio::time::timeout(KINDNESS, invited).await {
        // Whoever Slack refuses now it refuses the next time, too.
        Ok(Ok(_) | Err(CallError::Refused(_) | CallError::Barred(_))) => shared.members.note(channel, people),
        Ok(Err(error)) => tracing::warn!(channel, %error, "people could not be invited"),
        Err(_) => tracing::warn!(channel, "people could not be invited in time"),
    }
}
