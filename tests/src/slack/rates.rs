//! Slack's rate limits (docs.slack.dev/apis/web-api/rate-limits): about one post a second and
//! channel with a small burst, tiers by the minute and method, and the rule that nothing is called
//! before a 429's delay is over.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// Posts that a channel takes at once after a rest. Slack documents no number.
const POST_BURST: f64 = 4.0;
const MINUTE: Duration = Duration::from_secs(60);

/// Who called what when.
#[derive(Default)]
pub(super) struct Rates {
    posts: HashMap<String, (f64, Instant)>,
    calls: HashMap<&'static str, VecDeque<Instant>>,
    back_off: HashMap<String, Instant>,
}

/// What a call may do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Allowance {
    Go,
    /// Seconds for `Retry-After`.
    Wait(u64),
    /// Called although it was told to wait.
    TooEarly(u64),
}

impl Rates {
    /// Starts a delay in which `key` may not be called.
    pub(super) fn back_off(&mut self, key: &str, seconds: u64, now: Instant) {
        self.back_off.insert(key.to_owned(), now + Duration::from_secs(seconds));
    }

    /// Whether a told delay is over.
    pub(super) fn patience(&mut self, key: &str, now: Instant) -> Allowance {
        match self.back_off.get(key) {
            Some(until) if now < *until => Allowance::TooEarly((*until - now).as_secs() + 1),
            _ => {
                self.back_off.remove(key);
                Allowance::Go
            }
        }
    }

    /// One post to a channel.
    pub(super) fn post(&mut self, channel: &str, now: Instant) -> Allowance {
        let (tokens, since) = self.posts.entry(channel.to_owned()).or_insert((POST_BURST, now));
        *tokens = (*tokens + now.duration_since(*since).as_secs_f64()).min(POST_BURST);
        *since = now;
        if *tokens < 1.0 {
            return Allowance::Wait(1);
        }
        *tokens -= 1.0;
        Allowance::Go
    }

    /// One call of a method that has a limit by the minute.
    pub(super) fn call(&mut self, method: &'static str, a_minute: usize, now: Instant) -> Allowance {
        let calls = self.calls.entry(method).or_default();
        while calls.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            calls.pop_front();
        }
        if calls.len() >= a_minute {
            return Allowance::Wait(30);
        }
        calls.push_back(now);
        Allowance::Go
    }
}
