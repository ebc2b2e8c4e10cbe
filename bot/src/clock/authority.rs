//! The clock of the database, as it was last heard, and counted on since by a clock that nobody sets.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// By less than this nobody sets a clock: it is a question that took its time, or two clocks that drift apart.
const SET: SignedDuration = SignedDuration::from_secs(1);

/// The one of this process.
pub(super) static DATABASE: Clock = Clock::new();

/// A clock elsewhere.
pub(super) struct Clock {
    heard: RwLock<Option<Heard>>,
    /// The latest that was ever shown, in microseconds.
    shown: AtomicI64,
}

/// What an answer brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It is the first one.
    First,
    /// It is as was expected.
    Nothing,
    /// Somebody has set the clock, by so much.
    Set(SignedDuration),
}

/// A clock at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Heard {
    shown: Timestamp,
    at: Instant,
}

impl Heard {
    fn counted(self, at: Instant) -> Timestamp {
        let since = SignedDuration::try_from(at.saturating_duration_since(self.at)).unwrap_or_default();
        self.shown.checked_add(since).unwrap_or(self.shown)
    }
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// What the way there and back took explains the difference.
    Agrees,
    /// From now on it is counted from this one, and nothing that was shown is shown again.
    Drifted(Heard),
    /// Somebody has set the clock, by so much: everybody goes by it at once, forward or back.
    Set(Heard, SignedDuration),
}

/// `shown` is what the clock showed at some moment of a question that was asked at `asked` and `took` so long.
fn judge(before: Option<Heard>, shown: Timestamp, asked: Instant, took: Duration) -> Verdict {
    let heard = Heard { shown, at: asked + took / 2 };
    let Some(before) = before else { return Verdict::Drifted(heard) };
    let apart = shown.duration_since(before.counted(heard.at));
    if apart.abs() >= SET + SignedDuration::try_from(took).unwrap_or_default() {
        Verdict::Set(heard, apart)
    } else if apart.unsigned_abs() > took / 2 {
        Verdict::Drifted(heard)
    } else {
        Verdict::Agrees
    }
}

impl Clock {
    const fn new() -> Self {
        Self { heard: RwLock::new(None), shown: AtomicI64::new(i64::MIN) }
    }

    /// What it shows now; `None` where it was never heard. It goes back only if somebody set it back.
    pub(super) fn now(&self) -> Option<Timestamp> {
        let heard = (*self.heard.read().unwrap_or_else(PoisonError::into_inner))?;
        let counted = heard.counted(Instant::now()).as_microsecond();
        let before = self.shown.fetch_max(counted, Ordering::Relaxed);
        // Both are times that were shown.
        Timestamp::from_microsecond(counted.max(before)).ok()
    }

    /// Takes note of an answer, as [`judge`] has it.
    pub(super) fn hear(&self, shown: Timestamp, asked: Instant, took: Duration) -> News {
        let mut place = self.heard.write().unwrap_or_else(PoisonError::into_inner);
        let is_first = place.is_none();
        let (heard, news) = match judge(*place, shown, asked, took) {
            Verdict::Agrees => return News::Nothing,
            Verdict::Drifted(heard) => (heard, if is_first { News::First } else { News::Nothing }),
            Verdict::Set(heard, by) => {
                self.shown.store(i64::MIN, Ordering::Relaxed);
                (heard, News::Set(by))
            }
        };
        *place = Some(heard);
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn an_answer_changes_what_its_own_way_does_not_explain() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let before = Heard { shown: at(0), at: start };
        let judged = |shown, asked, took| judge(Some(before), at(shown), start + ms(asked), ms(took));
        assert_eq!(judged(500, 500, 0), Verdict::Agrees);
        assert_eq!(judged(503, 498, 10), Verdict::Agrees, "on the way for 10 ms");
        let drifted = Heard { shown: at(507), at: start + ms(500) };
        assert_eq!(judged(507, 499, 2), Verdict::Drifted(drifted));
        let back = Heard { shown: at(400), at: start + ms(500) };
        assert_eq!(judged(400, 500, 0), Verdict::Drifted(back), "it stands still until then");
        let hour = 3_600_000;
        let forward = Heard { shown: at(hour), at: start + ms(500) };
        assert_eq!(judged(hour, 500, 0), Verdict::Set(forward, SignedDuration::from_millis(hour - 500)));
        let back = Heard { shown: at(-hour), at: start + ms(500) };
        assert_eq!(judged(-hour, 500, 0), Verdict::Set(back, SignedDuration::from_millis(-hour - 500)));
        assert!(matches!(judged(1_900, 500, 1_000), Verdict::Drifted(_)), "the answer itself took a second");
        assert_eq!(
            judge(None, at(7), start, ms(4)),
            Verdict::Drifted(Heard { shown: at(7), at: start + ms(2) })
        );
    }

    #[test]
    fn it_is_counted_on_and_does_not_go_back_unless_it_was_set() {
        let clock = Clock::new();
        assert_eq!(clock.now(), None, "never heard");
        let start = Instant::now();
        assert_eq!(clock.hear(at(0), start, Duration::ZERO), News::First);
        let first = clock.now().unwrap();
        assert!(first >= at(0));
        // Half a second back: nobody sees it go there.
        assert_eq!(clock.hear(at(-500), start, Duration::ZERO), News::Nothing);
        assert!(clock.now().unwrap() >= first);
        let hour = SignedDuration::from_hours(1);
        let News::Set(by) = clock.hear(at(0) - hour, start, Duration::ZERO) else { panic!("it was set") };
        assert!(by < -SignedDuration::from_mins(59), "{by:?}");
        assert!(clock.now().unwrap() < first, "somebody set it back");
    }
}
