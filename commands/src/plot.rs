//! How numbers went over time: what a picture shows, before anybody draws it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::period::Period;
use crate::traffic::Quantile;

/// Lines of one picture; more can't be told apart.
pub const MOST_LINES: usize = 8;

/// A number that can be shown over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Course {
    /// Server errors among all answers of each service, from 0 to 1.
    Errors,
    /// The time within which that share of each service's answers came, in seconds.
    Latency(Quantile),
    /// Refused logins and tokens of each service a second.
    AuthFailures,
    /// Memory of each service's process, in bytes.
    Memory,
    /// Connections to the database server by state.
    Connections {
        /// A database of that server.
        database: String,
    },
}

/// What is to be shown over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The number.
    pub course: Course,
    /// Rates and quantiles are over so long at each moment.
    pub window: Period,
    /// From so long ago until now.
    pub stretch: Period,
}

impl Wanted {
    /// `course` with rates over `window`, for twelve windows: so a change can be seen. An hour at least and a week at
    /// most.
    #[must_use]
    pub fn over(course: Course, window: Period) -> Self {
        let (hour, week) = (3_600, 7 * 24 * 3_600);
        let stretch = Period::seconds(window.as_secs().saturating_mul(12).clamp(hour, week));
        Self { course, window, stretch }
    }

    /// `course` from a quarter of an hour before one moment until another. Half an hour at least and a week at most.
    #[must_use]
    pub fn through(course: Course, from: Timestamp, until: Timestamp) -> Self {
        let (before, shortest, longest) = (15 * 60, 30 * 60, 7 * 24 * 3_600);
        let seconds = u32::try_from(until.duration_since(from).as_secs().max(0)).unwrap_or(longest);
        let stretch = Period::seconds(seconds.saturating_add(before).clamp(shortest, longest));
        Self { course, window: Period::minutes(5), stretch }
    }
}

/// Some numbers over one stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Where the stretch begins.
    pub from: Timestamp,
    /// Where it ends.
    pub until: Timestamp,
    /// One a name, for example of a service. Names are label values from outside, cut to a length.
    pub lines: Vec<Line>,
    /// What happened meanwhile.
    pub marks: Vec<Mark>,
}

/// One number over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Whose.
    pub name: String,
    /// In the order of time; `None` where nobody reported it or there was nothing to measure.
    pub points: Vec<(Timestamp, Option<f64>)>,
}

impl Line {
    /// The greatest number.
    #[must_use]
    pub fn greatest(&self) -> Option<f64> {
        self.points.iter().filter_map(|(_, value)| *value).max_by(f64::total_cmp)
    }

    /// The last number.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        self.points.iter().rev().find_map(|(_, value)| *value)
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// When it was first seen.
    pub at: Timestamp,
    /// What.
    pub kind: MarkKind,
    /// To which service, or which alert; from outside, cut to a length.
    pub name: String,
}

/// What a mark stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// A service began anew.
    Restart,
    /// An alert began to fire, and with it an incident of the alert's severity.
    Alert,
}

impl History {
    /// Whether there is a number at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.last().is_none())
    }

    /// The lines that are worth a colour: those that ever were greatest, at most [`MOST_LINES`], in their old order.
    #[must_use]
    pub fn foremost(&self) -> Vec<&Line> {
        let mut ranked: Vec<(usize, &Line, f64)> = self
            .lines
            .iter()
            .enumerate()
            .filter_map(|(index, line)| Some((index, line, line.greatest()?)))
            .collect();
        ranked.sort_by(|a, b| b.2.total_cmp(&a.2));
        ranked.truncate(MOST_LINES);
        ranked.sort_by_key(|(index, ..)| *index);
        ranked.into_iter().map(|(_, line, _)| line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, values: &[Option<f64>]) -> Line {
        let at =
            |second: usize| Timestamp::from_second(i64::try_from(second).expect("small")).expect("a time");
        let points = values.iter().enumerate().map(|(index, value)| (at(index), *value)).collect();
        Line { name: name.to_owned(), points }
    }

    #[test]
    fn the_greatest_lines_are_shown_in_their_order() {
        let lines =
            (0..10).map(|index: u8| line(&index.to_string(), &[Some(f64::from(index)), None])).collect();
        let history =
            History { from: Timestamp::UNIX_EPOCH, until: Timestamp::UNIX_EPOCH, lines, marks: Vec::new() };
        let names: Vec<_> = history.foremost().into_iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["2", "3", "4", "5", "6", "7", "8", "9"]);
        assert!(!history.is_empty());
        assert!(History { lines: vec![line("a", &[None])], ..history }.is_empty());
    }

    #[test]
    fn gaps_are_no_numbers() {
        let gaps = line("a", &[Some(1.0), Some(3.0), Some(2.0), None]);
        assert_eq!((gaps.greatest(), gaps.last()), (Some(3.0), Some(2.0)));
        assert_eq!(line("a", &[None]).greatest(), None);
    }

    #[test]
    fn a_stretch_is_long_enough_to_see_a_change() {
        let of = |window: Period| Wanted::over(Course::Errors, window).stretch.to_string();
        assert_eq!(of(Period::minutes(1)), "1h");
        assert_eq!(of(Period::minutes(5)), "1h");
        assert_eq!(of(Period::hours(1)), "12h");
        assert_eq!(of(Period::days(1)), "7d");
        let through = |minutes: i64| {
            let until = Timestamp::from_second(minutes * 60).expect("a time");
            Wanted::through(Course::Errors, Timestamp::UNIX_EPOCH, until).stretch.to_string()
        };
        assert_eq!(
            [through(-1), through(20), through(45), through(60 * 24 * 30)],
            ["30m", "35m", "1h", "7d"]
        );
    }
}
