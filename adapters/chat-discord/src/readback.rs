//! What happened while no session was there to be told: mentions, and reactions on our own messages.
//!
//! Read from the incident channels and their active threads, the newest messages first and at most
//! [`PAGES`] pages of each. Mentions keep their own time and id, so that the ones already stored are
//! recognised. Slash commands and clicks are not kept by Discord and can't be read back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::api::CallError;
use crate::deliver::Inbox;
use crate::inbound::{self, Message};
use crate::reactions::Present;
use crate::status::Gap;
use crate::{seen, snowflake};

/// A dead connection is noticed after two heartbeats of 41 s at the latest, and events are not stored in
/// the order in which they happened.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);
const PAGE: usize = 100;
const PAGES: usize = 10;
/// Tries of one call whose outcome does not matter twice.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Before a reading that failed begins anew; doubled each time.
const AGAIN: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The reading that runs now, and what is still to be read.
pub(crate) struct ReadBack(Arc<Mutex<State>>);

struct State {
    /// Read from here on; `None` when there is nothing to read.
    since: Option<Timestamp>,
    running: Option<JoinHandle<()>>,
}

impl ReadBack {
    /// `since` is when the newest stored event happened: the first session reads from there.
    pub(crate) fn new(since: Option<Timestamp>) -> Self {
        Self(Arc::new(Mutex::new(State { since, running: None })))
    }

    /// Begins to read what a new session missed. A reading that is not finished begins anew.
    pub(crate) fn start(&self, inbox: &Arc<Inbox>, guilds: Vec<u64>, gap: Option<Gap>, runtime: &Handle) {
        let mut state = self.0.lock().expect("no code panics while holding it");
        if let Some(running) = state.running.take() {
            running.abort();
        }
        state.since = match (state.since, gap.map(|gap| gap.from)) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let Some(since) = state.since else { return };
        let (inbox, this) = (Arc::clone(inbox), Arc::clone(&self.0));
        state.running = Some(runtime.spawn(async move {
            let mut pause = AGAIN;
            while let Err(error) = read(&inbox, &guilds, since).await {
                metrics::counter!("acgs_gateway_readback_failures_total").increment(1);
                tracing::error!(%error, %since, "missed Discord messages could not be read back; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            this.lock().expect("no code panics while holding it").since = None;
        }));
    }

    pub(crate) fn stop(&self) {
        let running = self.0.lock().expect("no code panics while holding it").running.take();
        if let Some(running) = running {
            running.abort();
        }
    }
}

async fn read(inbox: &Inbox, guilds: &[u64], since: Timestamp) -> Result<(), CallError> {
    let mut channels = inbox.shared.rooms.clone();
    for guild in guilds {
        channels.extend(threads(inbox, *guild).await?);
    }
    let from = since.checked_sub(OVERLAP).unwrap_or(Timestamp::MIN);
    for channel in channels {
        // Before the first request: a reaction put on while a page is read is on no page.
        let asked_at = (inbox.shared.now)();
        match messages(inbox, channel, from).await {
            Ok(found) => {
                let reading = Reading { channel, from, since, asked_at };
                reading.deliver(inbox, found).await?;
            }
            // One channel that we may not read hides no other.
            Err(error @ CallError::Refused { .. }) => {
                tracing::warn!(channel, %error, "a Discord channel can't be read back");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Active threads of the incident channels.
async fn threads(inbox: &Inbox, guild: u64) -> Result<Vec<u64>, CallError> {
    if inbox.shared.rooms.is_empty() {
        return Ok(Vec::new());
    }
    let path = ["guilds", &guild.to_string(), "threads", "active"];
    let value: Value = match patiently(|| inbox.shared.api.get(&path, &[])).await {
        Err(error @ CallError::Refused { .. }) => {
            tracing::warn!(guild, %error, "a Discord server's threads can't be read back");
            return Ok(Vec::new());
        }
        other => other?,
    };
    let threads = value["threads"].as_array().into_iter().flatten();
    Ok(threads
        .filter_map(|thread| {
            let (id, parent) = (snowflake::read(&thread["id"])?, inbound::thread_parent(thread)?);
            inbox.shared.places.note(id, Some(parent));
            inbox.shared.rooms.contains(&parent).then_some(id)
        })
        .collect())
}

/// A channel's messages as JSON, back to `from`, the oldest first.
async fn messages(inbox: &Inbox, channel: u64, from: Timestamp) -> Result<Vec<Value>, CallError> {
    let oldest_wanted = snowflake::first_at(from);
    let channel = channel.to_string();
    let path = ["channels", &channel, "messages"];
    let mut found: Vec<Value> = Vec::new();
    let mut before: Option<u64> = None;
    for _ in 0..PAGES {
        let mut query = vec![("limit", PAGE.to_string())];
        query.extend(before.map(|id| ("before", id.to_string())));
        let page: Vec<Value> = patiently(|| inbox.shared.api.get(&path, &query)).await?;
        let is_last = page.len() < PAGE;
        before = page.iter().filter_map(|message| snowflake::read(&message["id"])).min();
        found.extend(page);
        if is_last || before.is_none_or(|oldest| oldest <= oldest_wanted) {
            found.reverse();
            return Ok(found);
        }
    }
    tracing::warn!(
        channel,
        messages = found.len(),
        "too many messages were missed; the older ones are not read"
    );
    found.reverse();
    Ok(found)
}

/// The reading of one channel.
#[derive(Clone, Copy)]
struct Reading {
    channel: u64,
    /// Mentions are told from here on.
    from: Timestamp,
    since: Timestamp,
    asked_at: Timestamp,
}

impl Reading {
    async fn deliver(&self, inbox: &Inbox, found: Vec<Value>) -> Result<(), CallError> {
        for value in found {
            let Some(message) = inbound::message(&value) else { continue };
            if message.author == inbox.bot_user() {
                self.reactions(inbox, &message, &value).await?;
            } else if message.id >= snowflake::first_at(self.from) {
                inbox.mention(&message).await;
            }
        }
        Ok(())
    }

    /// Compares the reactions on one of our own messages with those known. A message without reactions
    /// costs no call and still tells that known ones are gone.
    async fn reactions(&self, inbox: &Inbox, message: &Message, value: &Value) -> Result<(), CallError> {
        let mut found = Vec::new();
        for reaction in value["reactions"].as_array().into_iter().flatten() {
            if let Some(emoji) = inbound::emoji(&reaction["emoji"]) {
                let (channel, message) = (self.channel.to_string(), message.id.to_string());
                let on = (channel.as_str(), message.as_str());
                let users = patiently(|| seen::users(&inbox.shared.api, on, &emoji)).await?;
                found.extend(users.into_iter().map(|user| (user, emoji.clone())));
            }
        }
        let Self { channel, since, asked_at, .. } = *self;
        let present = Present { channel, message: message.id, reactions: found, asked_at };
        inbox.reconcile(&present, since).await;
        Ok(())
    }
}

/// Reads, and reads again where that may help: reading twice is harmless.
async fn patiently<T, F: Future<Output = Result<T, CallError>>>(
    read: impl Fn() -> F,
) -> Result<T, CallError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match read().await {
            Err(CallError::RateLimited { retry_after, .. }) => tokio::time::sleep(retry_after).await,
            Err(CallError::NotReached(_) | CallError::Unknown(_)) => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            done => return done,
        }
    }
    read().await
}
