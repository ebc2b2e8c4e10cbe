//! How many of our requests Discord counted as invalid, and the pause before it bans the address.
//!
//! Discord bans an IP address after 10,000 answers of 401, 403 or 429 in 10 minutes
//! (topics/rate-limits, *Invalid Request Limit*). Far below that something is wrong with the bot, so it stops.

use std::sync::Mutex;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(600);
const ALLOWED: u32 = 1_000;

/// Counts in windows of ten minutes.
#[derive(Default)]
pub(crate) struct InvalidRequests {
    window: Mutex<Option<Window>>,
}

#[derive(Clone, Copy)]
struct Window {
    began: Instant,
    count: u32,
}

impl InvalidRequests {
    /// Takes note of one answer.
    pub(crate) fn count(&self, status: u16) {
        metrics::counter!("acgs_discord_invalid_requests_total", "status" => status.to_string()).increment(1);
        self.count_at(Instant::now());
    }

    /// How long no call may be made, if there were too many.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.pause_at(Instant::now())
    }

    fn count_at(&self, now: Instant) {
        let mut window = self.window.lock().expect("no code panics while holding it");
        let current = window.filter(|window| now.duration_since(window.began) < WINDOW);
        let Window { began, count } = current.unwrap_or(Window { began: now, count: 0 });
        *window = Some(Window { began, count: count.saturating_add(1) });
    }

    fn pause_at(&self, now: Instant) -> Option<Duration> {
        let window = (*self.window.lock().expect("no code panics while holding it"))?;
        let rest = WINDOW.checked_sub(now.duration_since(window.began))?;
        (window.count >= ALLOWED).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_invalid_requests_stop_the_bot_until_the_window_ends() {
        let requests = InvalidRequests::default();
        let start = Instant::now();
        (1..ALLOWED).for_each(|_| requests.count_at(start));
        assert_eq!(requests.pause_at(start), None);
        requests.count_at(start);
        let later = start + Duration::from_secs(60);
        assert_eq!(requests.pause_at(later), Some(Duration::from_secs(540)));
        assert_eq!(requests.pause_at(start + WINDOW + Duration::from_secs(1)), None);
    }
}
