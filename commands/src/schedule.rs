//! What the bot does by itself, and when: `[[schedule]]` in the configuration.
//!
//! Times are a cron expression's on the clock of a named time zone. Where that clock leaves an hour out or has it
//! twice, `croner` says when a time of it is: a fixed hour comes once.

use std::str::FromStr;

use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::intent::{Backup, Intent};
use crate::lookup::is_word;

/// One thing that is done by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    name: String,
    cron: Cron,
    /// As written.
    expression: String,
    zone: TimeZone,
    zone_name: String,
    intent: Intent,
}

/// Why something can't be done by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The name is no word.
    #[error("name {0:?} is no word: use 1 to 32 of a-z, 0-9, '_' and '-', starting with a letter")]
    Name(String),
    /// The expression is none.
    #[error("cron {0:?}: {1}")]
    Cron(String, String),
    /// No day has it.
    #[error("cron {0:?} never comes: there is no such day")]
    Never(String),
    /// The line takes people.
    #[error(
        "line {0:?} takes people: backup create, backup create --files, backup archive, backup verify and backup drill can be \
         done by themselves, without --dry-run and --break-glass"
    )]
    Line(String),
}

impl Schedule {
    /// One that does `intent` whenever `expression` says so on the clock of `zone`.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn new(
        name: &str,
        expression: &str,
        (zone_name, zone): (&str, TimeZone),
        intent: Intent,
    ) -> Result<Self, ScheduleError> {
        if !is_word(name) {
            return Err(ScheduleError::Name(name.to_owned()));
        }
        let cron = Cron::from_str(expression)
            .map_err(|error| ScheduleError::Cron(expression.to_owned(), error.to_string()))?;
        let begin = Timestamp::UNIX_EPOCH.to_zoned(zone.clone());
        if cron.find_next_occurrence(&begin, false).is_err() {
            return Err(ScheduleError::Never(expression.to_owned()));
        }
        if !may_be_done_alone(&intent) {
            return Err(ScheduleError::Line(intent.to_string()));
        }
        Ok(Self {
            name: name.to_owned(),
            cron,
            expression: expression.to_owned(),
            zone,
            zone_name: zone_name.to_owned(),
            intent,
        })
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is done.
    #[must_use]
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }

    /// Whether it makes backups of the database.
    #[must_use]
    pub const fn backs_up(&self) -> bool {
        matches!(self.intent, Intent::Backup(Backup::Create { files: false, .. }))
    }

    /// As whom it asks.
    #[must_use]
    pub fn requester(&self) -> String {
        format!("schedule {}", self.name)
    }

    /// All that makes it another one when it is written otherwise.
    #[must_use]
    pub fn written(&self) -> String {
        format!("{} {}: {}", self.expression, self.zone_name, self.intent)
    }

    /// The time at which it should have been done and was not: the last one until `now`, if that is after `since`, when
    /// it was written so, and after `last`, the time that it was done for. Of several that were missed it is the
    /// last, so that it is caught up once.
    #[must_use]
    pub fn owed(&self, since: Timestamp, last: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let now = now.to_zoned(self.zone.clone());
        let newest = self.cron.find_previous_occurrence(&now, true).ok()?.timestamp();
        (newest > since && last.is_none_or(|last| newest > last)).then_some(newest)
    }

    /// When it is done next.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let now = now.to_zoned(self.zone.clone());
        self.cron.find_next_occurrence(&now, false).ok().map(|next| next.timestamp())
    }
}

/// Whether nobody has to be asked: it adds something, looks, or works on what is its own.
fn may_be_done_alone(intent: &Intent) -> bool {
    let plain = intent.how().is_none_or(|how| !how.dry_run && how.break_glass.is_none());
    let alone = match intent {
        Intent::Backup(backup) => match backup {
            Backup::Create { .. } | Backup::Archive { .. } | Backup::Verify { .. } | Backup::Drill { .. } => {
                true
            }
            Backup::List | Backup::Restore { .. } => false,
        },
        _ => false,
    };
    plain && alone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::tests::grammar;

    fn vienna() -> TimeZone {
        // What Central Europe does, by the rule itself: no file is read.
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a rule")
    }

    fn schedule(cron: &str, line: &str) -> Result<Schedule, ScheduleError> {
        Schedule::new("daily-dump", cron, ("Europe/Vienna", vienna()), grammar().parse(line).expect("a line"))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn it_is_due_on_the_clock_of_its_zone_and_once() {
        let daily = schedule("0 2 * * *", "backup create").expect("a schedule");
        let since = at("2026-11-01T00:00:00Z");
        let due = at("2026-11-26T01:00:00Z");
        let owed = |last, now| daily.owed(since, last, now);
        let before = Some(at("2026-11-25T01:00:00Z"));
        assert_eq!(owed(before, at("2026-11-26T00:59:59Z")), None);
        assert_eq!(owed(before, due), Some(due));
        assert_eq!(owed(before, at("2026-11-26T20:00:00Z")), Some(due), "missed, and caught up");
        assert_eq!(owed(Some(due), at("2026-11-26T20:00:00Z")), None, "once");
        assert_eq!(owed(None, at("2026-11-26T20:00:00Z")), Some(due));
        // A week without the bot: the last one alone.
        assert_eq!(owed(before, at("2026-12-03T00:00:00Z")), Some(at("2026-12-02T01:00:00Z")));
        // What was written after its time is not owed from before.
        assert_eq!(daily.owed(at("2026-11-26T01:00:01Z"), None, at("2026-11-26T20:00:00Z")), None);
        assert_eq!(daily.next(due), Some(at("2026-11-27T01:00:00Z")));
        assert!(daily.backs_up() && daily.requester() == "schedule daily-dump");
        assert_eq!(daily.written(), "0 2 * * * Europe/Vienna: backup create");
    }

    #[test]
    fn an_hour_that_the_clock_leaves_out_or_has_twice_comes_once() {
        let since = at("2026-01-01T00:00:00Z");
        let all = |cron: &str, from: &str, until: &str| {
            let schedule = schedule(cron, "backup create").expect("a schedule");
            let (mut now, until) = (at(from), at(until));
            let (mut last, mut found) = (Some(now), Vec::new());
            while now <= until {
                if let Some(due) = schedule.owed(since, last, now) {
                    found.push(due.to_string());
                    last = Some(due);
                }
                now += jiff::SignedDuration::from_mins(10);
            }
            found
        };
        // 2026-03-29: from 02:00 to 03:00.
        let spring = all("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
        assert_eq!(spring.len(), 1, "{spring:?}");
        // 2026-10-25: 02:30 is twice.
        let autumn = all("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
        assert_eq!(autumn.len(), 1, "{autumn:?}");
        assert_eq!(all("0 2 * * *", "2026-10-23T12:00:00Z", "2026-10-26T12:00:00Z").len(), 3);
    }

    #[test]
    fn what_can_not_be_done_alone_is_refused_with_what_can() {
        let line = |line: &str| schedule("0 2 * * *", line).map(|_| ());
        for good in [
            "backup create",
            "backup create --files",
            "backup archive",
            "backup verify newest",
            "backup drill",
        ] {
            assert_eq!(line(good), Ok(()), "{good}");
        }
        for bad in [
            "backup list",
            "backup restore newest",
            "backup create --dry-run",
            "backup drill --break-glass 'nobody else is awake'",
            "restart ac_service",
            "stack stop",
            "health",
        ] {
            assert!(matches!(line(bad), Err(ScheduleError::Line(_))), "{bad}");
        }
        assert!(matches!(schedule("61 2 * * *", "backup create"), Err(ScheduleError::Cron(..))));
        assert!(matches!(schedule("nightly", "backup create"), Err(ScheduleError::Cron(..))));
        assert!(matches!(schedule("0 2 30 2 *", "backup create"), Err(ScheduleError::Never(_))));
        let line = grammar().parse("backup create").expect("a line");
        let odd = Schedule::new("Daily dump", "0 2 * * *", ("UTC", TimeZone::UTC), line);
        assert!(matches!(odd, Err(ScheduleError::Name(_))));
    }
}
