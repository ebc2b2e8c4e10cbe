//! What somebody has to do again and again: `[[task]]` in the configuration, and when it is due.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::lookup::is_word;

/// A task's name, as it is typed: 1 to 32 of a-z, 0-9, `_` and `-`, starting with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskName(String);

/// A text that is no task's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("1 to 32 of a-z, 0-9, '_' and '-', starting with a letter")]
pub struct NoTaskName;

impl TaskName {
    /// As written in the configuration.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A typed name, which a phone may have begun with a capital.
pub(crate) fn typed_name(typed: &str) -> Result<TaskName, NoTaskName> {
    typed.to_ascii_lowercase().parse()
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TaskName {
    type Err = NoTaskName;

    fn from_str(text: &str) -> Result<Self, NoTaskName> {
        if is_word(text) { Ok(Self(text.to_owned())) } else { Err(NoTaskName) }
    }
}

impl TryFrom<String> for TaskName {
    type Error = NoTaskName;

    fn try_from(text: String) -> Result<Self, NoTaskName> {
        text.parse()
    }
}

impl From<TaskName> for String {
    fn from(name: TaskName) -> Self {
        name.0
    }
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// Every seven days.
    Weekly,
    /// On the same day of each month.
    Monthly,
    /// On the same day of every third month.
    Quarterly,
}

impl Every {
    /// As the configuration writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
        }
    }

    fn span(self) -> Span {
        match self {
            Self::Weekly => 7.days(),
            Self::Monthly => 1.month(),
            Self::Quarterly => 3.months(),
        }
    }

    /// When it is due again after it was done at `done`, by the calendar of UTC.
    #[must_use]
    pub fn after(self, done: Timestamp) -> Timestamp {
        let next = done.to_zoned(TimeZone::UTC).checked_add(self.span());
        // Only beyond the year 9999.
        next.map_or(Timestamp::MAX, |next| next.timestamp())
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A task as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// As people type it.
    pub name: TaskName,
    /// How often.
    pub every: Every,
    /// What to do, in a sentence.
    pub what: String,
    /// The line to type for it, where the bot does a part of it.
    pub line: Option<String>,
}

/// That a task was done, as somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// When they said so.
    pub at: Timestamp,
    /// Who.
    pub person: String,
}

/// When a task is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nobody ever said that it was done.
    NeverDone,
    /// Since this time.
    Overdue(Timestamp),
    /// Not before this time.
    Later(Timestamp),
}

/// A task with when it was last done and when it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// What.
    pub task: &'a Task,
    /// The last time.
    pub last: Option<Done>,
    /// And the next.
    pub due: Due,
}

impl Standing<'_> {
    /// Whether somebody has to do it now.
    #[must_use]
    pub const fn is_overdue(&self) -> bool {
        match self.due {
            Due::NeverDone | Due::Overdue(_) => true,
            Due::Later(_) => false,
        }
    }

    const fn order(&self) -> (u8, Timestamp) {
        match self.due {
            Due::NeverDone => (0, Timestamp::MIN),
            Due::Overdue(since) => (1, since),
            Due::Later(at) => (2, at),
        }
    }
}

/// Every task, those never done first, then by when they are due. `last` says when one was last done.
#[must_use]
pub fn standings(
    tasks: &[Task],
    last: impl Fn(&TaskName) -> Option<Done>,
    now: Timestamp,
) -> Vec<Standing<'_>> {
    let mut standings: Vec<Standing<'_>> = tasks
        .iter()
        .map(|task| {
            let last = last(&task.name);
            let due = match last.as_ref().map(|done| task.every.after(done.at)) {
                None => Due::NeverDone,
                Some(at) if at <= now => Due::Overdue(at),
                Some(at) => Due::Later(at),
            };
            Standing { task, last, due }
        })
        .collect();
    standings.sort_by_key(Standing::order);
    standings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn task(name: &str, every: Every) -> Task {
        Task { name: name.parse().unwrap(), every, what: "it".to_owned(), line: None }
    }

    #[test]
    fn a_month_is_one_of_the_calendar() {
        for (every, done, next) in [
            (Every::Weekly, "2026-02-26T10:00:00Z", "2026-03-05T10:00:00Z"),
            (Every::Monthly, "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"),
            (Every::Monthly, "2026-12-15T10:00:00Z", "2027-01-15T10:00:00Z"),
            (Every::Quarterly, "2026-11-30T10:00:00Z", "2027-02-28T10:00:00Z"),
        ] {
            assert_eq!(every.after(at(done)), at(next), "{every} {done}");
        }
        assert_eq!(Every::Quarterly.after(Timestamp::MAX), Timestamp::MAX);
    }

    #[test]
    fn what_is_overdue_stands_first_and_longest_first() {
        let tasks = [
            task("later", Every::Quarterly),
            task("due-now", Every::Weekly),
            task("never", Every::Weekly),
            task("overdue", Every::Monthly),
            task("soon", Every::Weekly),
        ];
        let last = |name: &TaskName| {
            let done = match name.as_str() {
                "later" => "2026-05-01T00:00:00Z",
                "due-now" => "2026-05-03T00:00:00Z",
                "overdue" => "2026-04-01T00:00:00Z",
                "soon" => "2026-05-03T00:00:01Z",
                _ => return None,
            };
            Some(Done { at: at(done), person: "Ada".to_owned() })
        };
        let told: Vec<_> = standings(&tasks, last, at("2026-05-10T00:00:00Z"))
            .iter()
            .map(|one| (one.task.name.to_string(), one.is_overdue()))
            .collect();
        let told: Vec<_> = told.iter().map(|(name, overdue)| (name.as_str(), *overdue)).collect();
        assert_eq!(
            told,
            [("never", true), ("overdue", true), ("due-now", true), ("soon", false), ("later", false)]
        );
    }

    #[test]
    fn names_are_words_of_commands() {
        assert_eq!("log-review".parse::<TaskName>().map(String::from), Ok("log-review".to_owned()));
        for name in ["", "Log", "a b", "--done"] {
            assert_eq!(name.parse::<TaskName>(), Err(NoTaskName), "{name}");
        }
        assert_eq!(typed_name("Log-Review").unwrap().as_str(), "log-review");
    }
}
