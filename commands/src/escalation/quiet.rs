//! Hours in which what can wait does.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// From one time of day to another, over midnight where the second is the earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// They begin.
    pub from: Time,
    /// They are over.
    pub to: Time,
    /// On whose clock.
    pub zone: TimeZone,
}

impl Quiet {
    /// `at`, or the end of the quiet hours that it falls into.
    #[must_use]
    pub fn after(&self, at: Timestamp) -> Timestamp {
        let local = at.to_zoned(self.zone.clone());
        let time = local.time();
        let within = if self.from <= self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        };
        if !within {
            return at;
        }
        let day = if time < self.to { local.date() } else { local.date().saturating_add(1.day()) };
        // A time that a change of clocks leaves out is the moment after it.
        let end = day.to_datetime(self.to).to_zoned(self.zone.clone());
        end.map_or(at, |end| end.timestamp().max(at))
    }
}
