//! How many sessions were begun lately.
//!
//! Discord allows one IDENTIFY in five seconds and 1,000 a day, and resets the token of a bot that sends
//! more (events/gateway, *Rate Limiting* and *Session Start Limit*). serenity repeats a failing one every
//! five seconds for ever. So after a handful in an hour they are kept two minutes apart: 960 a day at most,
//! and the bot is never away for longer than those two minutes because of us.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3_600);
const FREELY: usize = 10;
const APART: Duration = Duration::from_secs(5);
const FAR_APART: Duration = Duration::from_secs(120);

/// The sessions of the last hour.
#[derive(Default)]
pub(crate) struct Identifies(Mutex<State>);

#[derive(Default)]
struct State {
    times: VecDeque<Instant>,
    too_fast: bool,
}

impl State {
    fn pause(&self, now: Instant) -> Option<Duration> {
        let lately = self.times.iter().filter(|time| now.duration_since(**time) < HOUR).count();
        let apart = if lately < FREELY { APART } else { FAR_APART };
        let next = *self.times.back()? + apart;
        next.checked_duration_since(now).filter(|pause| !pause.is_zero())
    }
}

impl Identifies {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("no code panics while holding it")
    }

    /// Takes note of one.
    pub(crate) fn count(&self, now: Instant) {
        let mut state = self.state();
        // serenity keeps the five seconds by itself, give or take what the network makes of them.
        state.too_fast |= state.pause(now).is_some_and(|pause| pause > APART);
        state.times.push_back(now);
        if state.times.len() > FREELY {
            state.times.pop_front();
        }
    }

    /// How long no other may be begun.
    pub(crate) fn pause(&self, now: Instant) -> Option<Duration> {
        self.state().pause(now)
    }

    /// Whether one was begun that should have waited; told once.
    pub(crate) fn take_too_fast(&self) -> bool {
        std::mem::take(&mut self.state().too_fast)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handful_of_sessions_is_free_and_then_they_are_far_apart() {
        let identifies = Identifies::default();
        let start = Instant::now();
        let second = |second: u64| start + Duration::from_secs(second);
        assert_eq!(identifies.pause(start), None);
        for number in 0..10 {
            assert_eq!(identifies.pause(second(number * 6)), None, "number {number}");
            identifies.count(second(number * 6));
        }
        assert!(!identifies.take_too_fast());
        assert_eq!(identifies.pause(second(54)), Some(FAR_APART));
        assert_eq!(identifies.pause(second(60)), Some(Duration::from_secs(114)));
        identifies.count(second(60));
        assert!(identifies.take_too_fast());
        assert!(!identifies.take_too_fast(), "told once");
        assert_eq!(identifies.pause(second(60 + 3_600)), None);
    }
}
