//! Discord's rate limits (topics/rate-limits): buckets by route and channel or webhook. Their sizes are
//! the ones seen, since Discord documents none. And the rule that nothing is called before a 429's delay
//! is over.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// Calls that a bucket takes in its window.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) calls: u32,
    pub(super) window: Duration,
}

/// Messages in a channel, and edits of them.
pub(super) const MESSAGES: Limit = Limit { calls: 5, window: Duration::from_secs(5) };
/// Edits by one interaction's token.
pub(super) const TOKEN: Limit = Limit { calls: 5, window: Duration::from_secs(2) };
/// The one number that Discord documents: calls of the whole bot in any second.
const GLOBAL: usize = 50;
const SECOND: Duration = Duration::from_secs(1);
/// Everything else; generous.
pub(super) const OTHER: Limit = Limit { calls: 50, window: Duration::from_secs(1) };

struct Bucket {
    began: Instant,
    used: u32,
}

/// Who called what when.
pub(super) struct Rates {
    is_on: bool,
    buckets: HashMap<String, Bucket>,
    back_off: HashMap<String, Instant>,
    /// The calls of the last second that are not exempt.
    lately: VecDeque<Instant>,
}

/// What a call may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Allowance {
    /// Allowed; what the headers say is left.
    Go {
        limit: u32,
        remaining: u32,
        reset_after: Duration,
    },
    Wait(Duration),
    /// The whole bot is too fast.
    WaitAll(Duration),
    /// Called although it was told to wait.
    TooEarly(Duration),
}

impl Rates {
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on, buckets: HashMap::new(), back_off: HashMap::new(), lately: VecDeque::new() }
    }

    /// Starts a delay in which `key` may not be called; an empty key is every key.
    pub(super) fn back_off(&mut self, key: &str, delay: Duration, now: Instant) {
        self.back_off.insert(key.to_owned(), now + delay);
    }

    /// One call of `key`. Those of interactions are exempt from what counts for the whole bot.
    pub(super) fn call(&mut self, key: &str, limit: Limit, is_exempt: bool, now: Instant) -> Allowance {
        let all = (!is_exempt).then_some("");
        let told = [Some(key), all].into_iter().flatten().filter_map(|key| self.back_off.get(key)).max();
        if let Some(wait) =
            told.and_then(|until| until.checked_duration_since(now)).filter(|wait| !wait.is_zero())
        {
            return Allowance::TooEarly(wait);
        }
        if let Some(wait) = (!is_exempt && self.is_on).then(|| self.one_of_all(now)).flatten() {
            self.back_off("", wait, now);
            return Allowance::WaitAll(wait);
        }
        let fresh = Bucket { began: now, used: 0 };
        let bucket = self.buckets.entry(key.to_owned()).or_insert(fresh);
        if now.duration_since(bucket.began) >= limit.window {
            *bucket = Bucket { began: now, used: 0 };
        }
        let reset_after = limit.window.saturating_sub(now.duration_since(bucket.began));
        if self.is_on && bucket.used >= limit.calls {
            self.back_off(key, reset_after, now);
            return Allowance::Wait(reset_after);
        }
        bucket.used += 1;
        Allowance::Go { limit: limit.calls, remaining: limit.calls.saturating_sub(bucket.used), reset_after }
    }
    /// Counts a call of the whole bot; how long it has to wait if it is one too many.
    fn one_of_all(&mut self, now: Instant) -> Option<Duration> {
        while self.lately.front().is_some_and(|at| now.duration_since(*at) >= SECOND) {
            self.lately.pop_front();
        }
        if self.lately.len() >= GLOBAL {
            return self.lately.front().map(|oldest| SECOND - now.duration_since(*oldest));
        }
        self.lately.push_back(now);
        None
    }
}
