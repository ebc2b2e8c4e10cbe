//! Whether events arrive, and since when they don't.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use commands::message::Liveness;
use jiff::Timestamp;

/// The connection's state, shared by those who see it change and those who ask.
pub(crate) struct Status(Mutex<State>);

struct State {
    down: Option<String>,
    last_live: Option<Moment>,
}

/// One moment by both clocks: the monotonic one for lengths, the wall clock for asking Discord.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) time: Timestamp,
}

/// A time without a connection whose events nobody replays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) from: Timestamp,
    pub(crate) length: Duration,
}

impl Status {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { down: Some("not connected yet".to_owned()), last_live: None }))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("no code panics while holding it")
    }

    /// For readiness.
    pub(crate) fn liveness(&self) -> Liveness {
        self.state().down.clone().map_or(Liveness::Live, Liveness::Down)
    }

    /// Events arrive.
    pub(crate) fn live(&self, now: Moment) {
        let mut state = self.state();
        state.down = None;
        state.last_live = Some(now);
    }

    /// Events still arrive, if they did.
    pub(crate) fn still(&self, now: Moment) {
        let mut state = self.state();
        if state.down.is_none() {
            state.last_live = Some(now);
        }
    }

    /// Events don't arrive.
    pub(crate) fn down(&self, why: impl Into<String>) {
        let why = why.into();
        let mut state = self.state();
        if state.down.is_none() {
            tracing::warn!(why, "the Discord gateway is down");
        }
        state.down = Some(why);
    }

    /// No events are wanted any more. What comes until they are is no gap: somebody else hears it.
    pub(crate) fn rest(&self) {
        let mut state = self.state();
        state.down = Some("stopped".to_owned());
        state.last_live = None;
    }

    /// A new session begins. The gap since the last one, if there was one in this process.
    pub(crate) fn begin(&self, now: Moment) -> Option<Gap> {
        let last = self.state().last_live;
        self.live(now);
        last.map(|last| Gap { from: last.time, length: now.instant.duration_since(last.instant) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_begins_when_the_connection_was_last_seen_alive() {
        let status = Status::new();
        let start = Instant::now();
        let at = |seconds: u64| Moment {
            instant: start + Duration::from_secs(seconds),
            time: Timestamp::from_second(1_800_000_000 + i64::try_from(seconds).expect("small"))
                .expect("in range"),
        };
        assert_eq!(status.begin(at(0)), None, "the first session of a process");
        status.still(at(10));
        status.down("lost");
        status.still(at(20));
        assert_eq!(status.liveness(), Liveness::Down("lost".to_owned()));
        let gap = status.begin(at(31)).expect("a gap");
        assert_eq!(gap, Gap { from: at(10).time, length: Duration::from_secs(21) });
        assert_eq!(status.liveness(), Liveness::Live);
    }
}
