//! When a platform may be called next: pure bookkeeping of rate limits, with the clock passed in.
//!
//! Each key (an adapter's [`RateKey`]) has a bucket of `burst` calls that refills by one call each
//! `every`. A 429 closes the key, or the whole platform, until the moment the platform named; what
//! the platform says is left of a limit closes the key before it is overrun. What must wait is not
//! held here: the outbox puts it off, so that newer content replaces it meanwhile. Pages are told
//! the next free moment; answers queue behind one another, and progress behind everything.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use commands::ids::Platform;
use commands::message::{Quota, RateKey};
use store::Lane;

/// Limits of every platform and key in use.
#[derive(Debug, Default)]
pub struct Governor {
    keys: HashMap<String, Key>,
    closed: HashMap<Platform, Instant>,
}

#[derive(Debug)]
struct Key {
    /// When the bucket would be full again: the "theoretical arrival time" of the generic cell rate algorithm.
    full_at: Instant,
    /// Nothing before this: a 429 or a spent quota.
    closed_until: Instant,
    /// Where the queue of put-off answers ends.
    answers_end: Instant,
    /// Where the queue of put-off progress ends, which waits for every answer.
    cosmetics_end: Instant,
}

impl Key {
    const fn new(at: Instant) -> Self {
        Self { full_at: at, closed_until: at, answers_end: at, cosmetics_end: at }
    }
}

/// Whether a call may be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Now; it is counted.
    Now,
    /// Not before this much time has passed.
    After(Duration),
}

impl Governor {
    /// Asks for one call on `key` at `now`.
    pub fn ask(&mut self, platform: Platform, key: &RateKey, lane: Lane, now: Instant) -> Permit {
        let closed = self.closed.get(&platform).copied().unwrap_or(now);
        let state = self.keys.entry(key.key.clone()).or_insert(Key::new(now));
        let burst_ahead = key.every * key.burst.saturating_sub(1);
        let conforms_at = state.full_at.checked_sub(burst_ahead).unwrap_or(now);
        let open_at = conforms_at.max(state.closed_until).max(closed);
        if open_at <= now {
            state.full_at = state.full_at.max(now) + key.every;
            return Permit::Now;
        }
        let at = match lane {
            Lane::Page => open_at,
            Lane::Answer => {
                let at = open_at.max(state.answers_end);
                state.answers_end = at + key.every;
                at
            }
            Lane::Cosmetic => {
                let at = open_at.max(state.answers_end).max(state.cosmetics_end);
                state.cosmetics_end = at + key.every;
                at
            }
        };
        Permit::After(at - now)
    }

    /// The platform said 429: nothing on `key` (or, with `global`, at all) before `until`.
    pub fn close(&mut self, platform: Platform, key: &RateKey, until: Instant, global: bool) {
        if global {
            let closed = self.closed.entry(platform).or_insert(until);
            *closed = until.max(*closed);
        }
        let state = self.keys.entry(key.key.clone()).or_insert(Key::new(until));
        state.closed_until = until.max(state.closed_until);
        state.answers_end = until.max(state.answers_end);
        state.cosmetics_end = until.max(state.cosmetics_end);
    }

    /// The platform said what is left of the limit of `key`.
    pub fn learn(&mut self, platform: Platform, key: &RateKey, quota: Quota, now: Instant) {
        if quota.remaining == 0 {
            self.close(platform, key, now + quota.reset_after, false);
        }
    }

    /// Forgets keys that are as good as new, so that memory does not grow with channels and tokens.
    pub fn tidy(&mut self, now: Instant) {
        self.keys.retain(|_, key| {
            key.full_at.max(key.closed_until).max(key.answers_end).max(key.cosmetics_end) > now
        });
    }
}

#[cfg(test)]
mod tests;
