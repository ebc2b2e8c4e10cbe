//! How long a lane waits before it opens the next socket.

use std::time::Duration;

use rand::Rng;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(15);
/// A socket that lived this long before it broke shows that Slack takes sockets again.
const PROVEN: Duration = Duration::from_secs(10);
/// A shorter life is enough where Slack announced its end: that is no failure.
const PROVEN_IN_ORDER: Duration = Duration::from_secs(1);

/// Counts failures in a row. Four times the wait after each, and a random half of it, so that the
/// lanes (and other replicas) don't all come back at once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after a socket that broke when it had been open for `lived`.
    pub(super) fn after_break(&mut self, lived: Duration) -> Duration {
        self.after_life(lived, PROVEN)
    }

    /// The wait after Slack announced the end of a socket that had been open for `lived`.
    pub(super) fn after_announcement(&mut self, lived: Duration) -> Duration {
        self.after_life(lived, PROVEN_IN_ORDER)
    }

    fn after_life(&mut self, lived: Duration, proven: Duration) -> Duration {
        if lived >= proven {
            self.failures = 0;
            return Duration::ZERO;
        }
        self.after_failure(None)
    }

    /// The wait after a socket that did not open, at least what Slack asked for.
    pub(super) fn after_failure(&mut self, asked: Option<Duration>) -> Duration {
        let full = FIRST.saturating_mul(4_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let jittered = full.mul_f64(rand::rng().random_range(0.5..=1.0));
        asked.map_or(jittered, |asked| asked + jittered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_a_limit_and_never_beyond() {
        let mut backoff = Backoff::default();
        let mut full = FIRST;
        for _ in 0..40 {
            let wait = backoff.after_break(Duration::ZERO);
            assert!(wait >= full / 2 && wait <= full, "{wait:?} of {full:?}");
            full = (full * 4).min(LONGEST);
        }
    }

    #[test]
    fn a_socket_that_lasted_is_replaced_at_once() {
        let mut backoff = Backoff::default();
        backoff.after_failure(None);
        assert!(backoff.after_break(PROVEN_IN_ORDER) > Duration::ZERO);
        assert_eq!(backoff.after_announcement(PROVEN_IN_ORDER), Duration::ZERO);
        assert_eq!(backoff.after_break(PROVEN), Duration::ZERO);
        assert!(backoff.after_failure(None) <= FIRST);
    }

    #[test]
    fn what_slack_asks_for_is_waited() {
        let asked = Duration::from_secs(30);
        assert!(Backoff::default().after_failure(Some(asked)) >= asked);
    }
}
