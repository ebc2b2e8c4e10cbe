//! When a platform may be called next: pure bookkeeping of rate limits, with the clock passed in.
//!
//! Each key (an adapter's [`RateKey`]) has a bucket of `burst` calls that refills by one call each
//! `every`. A call that counts against several keys needs all of them, and takes from none before it
//! has them: a limit of the whole bot is one more key. A 429 closes its key until the moment the
//! platform named; what the platform says is left of a limit closes the key before it is overrun.
//! What must wait is not held here: the outbox puts it off, so that newer content replaces it
//! meanwhile. Pages are told the next free moment; answers queue behind one another, and progress
//! behind everything.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use commands::message::{Quota, RateKey};
use store::Lane;

/// Every key in use.
#[derive(Debug, Default)]
pub struct Governor {
    keys: HashMap<String, Key>,
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

    /// When the next call may be made, lanes aside.
    fn open_at(&self, key: &RateKey, now: Instant) -> Instant {
        let burst_ahead = key.every * key.burst.saturating_sub(1);
        self.full_at.checked_sub(burst_ahead).unwrap_or(now).max(self.closed_until)
    }

    /// The place in the queue of what can't go before `open_at`.
    fn queue(&mut self, key: &RateKey, lane: Lane, open_at: Instant) -> Instant {
        match lane {
            Lane::Page => open_at,
            Lane::Answer => {
                let at = open_at.max(self.answers_end);
                self.answers_end = at + key.every;
                at
            }
            Lane::Cosmetic => {
                let at = open_at.max(self.answers_end).max(self.cosmetics_end);
                self.cosmetics_end = at + key.every;
                at
            }
        }
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
    /// Asks at `now` for one call that counts against all of `keys`.
    pub fn ask(&mut self, keys: &[RateKey], lane: Lane, now: Instant) -> Permit {
        let mut place = None;
        for key in keys {
            let state = self.state(key, now);
            let open_at = state.open_at(key, now);
            // Only the keys that hold it up have a queue to stand in.
            if open_at > now {
                place = place.max(Some(state.queue(key, lane, open_at)));
            }
        }
        if let Some(at) = place {
            return Permit::After(at - now);
        }
        for key in keys {
            let state = self.state(key, now);
            state.full_at = state.full_at.max(now) + key.every;
        }
        Permit::Now
    }

    fn state(&mut self, key: &RateKey, new_at: Instant) -> &mut Key {
        self.keys.entry(key.key.clone()).or_insert(Key::new(new_at))
    }

    /// The platform said 429: nothing on `key` before `until`.
    pub fn close(&mut self, key: &RateKey, until: Instant) {
        let state = self.state(key, until);
        state.closed_until = until.max(state.closed_until);
        state.answers_end = until.max(state.answers_end);
        state.cosmetics_end = until.max(state.cosmetics_end);
    }

    /// The platform said what is left of a limit.
    pub fn learn(&mut self, quota: &Quota, now: Instant) {
        if quota.remaining == 0 {
            self.close(&quota.limit, now + quota.reset_after);
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
