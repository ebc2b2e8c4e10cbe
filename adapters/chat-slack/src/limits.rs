//! Slack's limits (docs.slack.dev/apis/web-api/rate-limits), one for each method, and which of them are closed
//! by a 429.
//!
//! The bot's governor asks for what a message certainly needs. A second way (a used-up `response_url`, the
//! asker's own conversation) is found out about in the middle of a try: so what is closed is known here too,
//! and no call is made that Slack has just forbidden.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use commands::message::RateKey;

/// Tiers 3 and 4 are 50 and 100 calls a minute and method, here parted into a burst and a steady rest so that
/// no minute sees more.
const TIER_3: (u32, Duration) = (10, Duration::from_millis(1500));
const TIER_4: (u32, Duration) = (20, Duration::from_millis(750));

fn limit(key: &str, (burst, every): (u32, Duration)) -> RateKey {
    RateKey { key: format!("slack:{key}"), burst, every }
}

/// About one post a second and channel, of which a few may come together.
pub(crate) fn post(channel: &str) -> RateKey {
    limit(&format!("chat.postMessage:{channel}"), (3, Duration::from_secs(1)))
}

pub(crate) fn update() -> RateKey {
    limit("chat.update", TIER_3)
}

pub(crate) fn whisper() -> RateKey {
    limit("chat.postEphemeral", TIER_4)
}

pub(crate) fn reacted() -> RateKey {
    limit("reactions.get", TIER_3)
}

pub(crate) fn view() -> RateKey {
    limit("views.open", TIER_4)
}

/// Five uses in all, and the address is a secret while keys are logged.
pub(crate) fn respond(response_url: &str) -> RateKey {
    let mut hasher = DefaultHasher::new();
    response_url.hash(&mut hasher);
    limit(&format!("response_url:{:016x}", hasher.finish()), (5, Duration::from_secs(1)))
}

/// The three calls of a file, in their order.
pub(crate) fn file() -> [RateKey; 3] {
    [upload_address(), upload(), share()]
}

pub(crate) fn upload_address() -> RateKey {
    limit("files.getUploadURLExternal", TIER_4)
}

/// The host that takes the bytes; Slack documents no limit of it.
pub(crate) fn upload() -> RateKey {
    limit("files.upload", TIER_4)
}

pub(crate) fn share() -> RateKey {
    limit("files.completeUploadExternal", TIER_4)
}

/// A method that sends nothing to anybody.
pub(crate) fn other(method: &str) -> RateKey {
    limit(method, TIER_3)
}

/// What may not be called yet.
#[derive(Debug, Default)]
pub(crate) struct Closed(Mutex<HashMap<String, Instant>>);

impl Closed {
    /// Nothing on `key` before `until`.
    pub(crate) fn close(&self, key: &RateKey, until: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.key.clone(), until);
    }

    /// How long `key` stays closed; `None` when it is open.
    pub(crate) fn rest(&self, key: &RateKey, now: Instant) -> Option<Duration> {
        let mut closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.retain(|_, until| *until > now);
        closed.get(&key.key).map(|until| *until - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_key_opens_to_the_moment_and_closes_no_other() {
        let (closed, start) = (Closed::default(), Instant::now());
        closed.close(&share(), start + Duration::from_secs(7));
        let almost = start + Duration::from_millis(6999);
        assert_eq!(closed.rest(&share(), almost), Some(Duration::from_millis(1)));
        assert_eq!(closed.rest(&upload(), almost), None);
        assert_eq!(closed.rest(&share(), start + Duration::from_secs(7)), None);
    }

    #[test]
    fn no_minute_sees_more_calls_than_the_tier() {
        let most = |limit: RateKey| f64::from(limit.burst) + 60.0 / limit.every.as_secs_f64();
        assert!(most(update()) <= 50.0);
        assert!(file().into_iter().chain([whisper(), view()]).all(|limit| most(limit) <= 100.0));
    }
}
