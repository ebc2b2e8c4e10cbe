//! A length of time as people type it: `30s`, `5m`, `2h`, `7d`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Whole seconds, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period(u32);

/// The units, the longest first.
const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Period {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// So many minutes.
    #[must_use]
    pub const fn minutes(minutes: u32) -> Self {
        Self(minutes * 60)
    }

    /// So many hours.
    #[must_use]
    pub const fn hours(hours: u32) -> Self {
        Self(hours * 3_600)
    }

    /// So many days.
    #[must_use]
    pub const fn days(days: u32) -> Self {
        Self(days * 86_400)
    }

    /// In whole seconds.
    #[must_use]
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// A number with a unit, `1h30m` as well. `None` for anything else, and for none at all.
    fn read(typed: &str) -> Option<Self> {
        let mut seconds: u32 = 0;
        let mut rest = typed;
        for (unit, length) in UNITS {
            let Some((number, after)) = rest.split_once(unit) else { continue };
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            seconds = seconds.checked_add(number.parse::<u32>().ok()?.checked_mul(length)?)?;
            rest = after;
        }
        (rest.is_empty() && seconds > 0).then_some(Self(seconds))
    }

    /// Reads a length within these limits.
    ///
    /// # Errors
    /// With what it should be.
    pub fn between(typed: &str, shortest: Self, longest: Self) -> Result<Self, String> {
        Self::read(&typed.to_ascii_lowercase())
            .filter(|period| (shortest..=longest).contains(period))
            .ok_or_else(|| format!("a length of time from {shortest} to {longest}, such as 15m or 2h"))
    }

    /// A reader of lengths within these limits, for the grammar.
    pub(crate) fn within(shortest: Self, longest: Self) -> impl Fn(&str) -> Result<Self, String> + Clone {
        move |typed| Self::between(typed, shortest, longest)
    }
}

impl From<Period> for Duration {
    fn from(period: Period) -> Self {
        Self::from_secs(u64::from(period.0))
    }
}

/// As it is typed; also how Prometheus takes it.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (unit, length) in UNITS {
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_and_printed() {
        for (typed, printed) in [
            ("30s", "30s"),
            ("5m", "5m"),
            ("90m", "1h30m"),
            ("1h30m", "1h30m"),
            ("7D", "7d"),
            ("86400s", "1d"),
        ] {
            let read = Period::within(Period::seconds(1), Period::days(30));
            assert_eq!(read(typed).map(|period| period.to_string()), Ok(printed.to_owned()), "{typed}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_limits() {
        let read = Period::within(Period::minutes(1), Period::hours(24));
        for typed in
            ["", "5", "m", "-5m", "5 m", "1m1h", "0m", "59s", "25h", "99999999999d", "5m5", "١m", "5x"]
        {
            assert_eq!(
                read(typed),
                Err("a length of time from 1m to 1d, such as 15m or 2h".to_owned()),
                "{typed}"
            );
        }
    }
}
