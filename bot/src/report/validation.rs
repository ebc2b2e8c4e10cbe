//! The card that says whether the platform works.

use commands::backup::{LiveRows, RowCounts, TableRows};
use commands::card::{Align, Section, Table, Tone};
use commands::health::{HealthReport, Reading};
use commands::layout;
use commands::message::Reply;
use commands::traffic::{ErrorRates, Measured, ServiceErrors};
use commands::validation::{BackupRows, RowsVerdict, Validation, is_read};
use jiff::Timestamp;

use super::health::{clock_time, says, title};
use super::{card, column, logins, public};

/// What one check came to; the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Failed,
    Look,
    Passed,
    NotMade,
}

impl From<Option<bool>> for Sign {
    fn from(well: Option<bool>) -> Self {
        match well {
            Some(false) => Self::Failed,
            Some(true) => Self::Passed,
            None => Self::NotMade,
        }
    }
}

/// Tables named before "and N more".
const NAMED: usize = 5;

/// One check: whether it is well (`None` where it was not made), its name, and what was found.
type Check = (Option<bool>, &'static str, String);

/// Every check by name, the failed ones first.
#[must_use]
pub fn validation(validation: &Validation, now: Timestamp) -> Reply {
    let made = [
        health(&validation.health),
        login(validation),
        reads(validation),
        errors(&validation.errors),
        targets(&validation.health),
    ];
    let mut checks: Vec<(Sign, &'static str, String)> =
        made.into_iter().map(|(well, name, found)| (Sign::from(well), name, found)).collect();
    checks.push(rows(&validation.rows, now));
    checks.sort_by_key(|(sign, ..)| *sign);
    let failed = checks.iter().filter(|(sign, ..)| *sign == Sign::Failed).count();
    let look = checks.iter().any(|(sign, ..)| *sign == Sign::Look);
    let made = checks.iter().filter(|(sign, ..)| *sign != Sign::NotMade).count();
    let (title, tone) = match (failed, look) {
        (0, false) => (format!("The platform works: {made} checks passed"), Tone::Good),
        (0, true) => {
            ("The platform works, but the database has fewer rows than its backup".to_owned(), Tone::Warning)
        }
        (failed, _) => (format!("The platform does not work: {failed} of {made} checks failed"), Tone::Bad),
    };
    let row = |(sign, name, found): (Sign, &'static str, String)| {
        let sign = match sign {
            Sign::Failed => "!!",
            Sign::Look => "look",
            Sign::Passed => "ok",
            Sign::NotMade => "",
        };
        vec![sign.to_owned(), name.to_owned(), found]
    };
    let table = Table {
        columns: vec![column("", Align::Left), column("check", Align::Left), column("found", Align::Left)],
        rows: checks.into_iter().map(row).collect(),
    };
    let mut sections = vec![Section::Table(table)];
    let mut next = Vec::new();
    if failed > 0 {
        next.push("health".to_owned());
    }
    if matches!(validation.rows.verdict(), RowsVerdict::Bad | RowsVerdict::Look) {
        next.push("backup list".to_owned());
    }
    if !next.is_empty() {
        sections.push(Section::Next(next));
    }
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("as of {}", clock_time(now)));
    public(card)
}

fn health(report: &HealthReport) -> Check {
    let verdict = report.verdict();
    (Some(verdict.severity.is_none()), "health", title(&verdict))
}

fn login(validation: &Validation) -> Check {
    match &validation.login {
        Reading::NotConfigured => (None, "login", "[auth] is not configured".to_owned()),
        Reading::Unavailable(why) => (Some(false), "login", why.clone()),
        Reading::Read(login) => (Some(login.works()), "login", logins::words(login)),
    }
}

fn reads(validation: &Validation) -> Check {
    let all = validation.reads.len();
    let bad: Vec<String> = validation
        .reads
        .iter()
        .filter(|(_, outcome)| !is_read(outcome))
        .map(|(service, outcome)| format!("{service}: {}", says(outcome)))
        .collect();
    match (all, bad.is_empty()) {
        (0, _) => (None, "reads", "no service has a read_path".to_owned()),
        (all, true) => (Some(true), "reads", format!("{all} services answered")),
        (_, false) => (Some(false), "reads", bad.join(", ")),
    }
}

fn errors(errors: &Reading<ErrorRates>) -> Check {
    match errors {
        Reading::NotConfigured => (None, "errors", "[prometheus] is not configured".to_owned()),
        Reading::Unavailable(why) => (Some(false), "errors", why.clone()),
        Reading::Read(rates) => {
            let high: Vec<String> = rates.services.iter().filter(|one| one.is_high()).map(share).collect();
            if high.is_empty() {
                (Some(true), "errors", "no service has too many".to_owned())
            } else {
                (Some(false), "errors", high.join(", "))
            }
        }
    }
}

fn share(service: &ServiceErrors) -> String {
    match service.ratio() {
        Measured::Value(ratio) => format!("{}: {:.1} %", service.service, ratio * 100.0),
        Measured::NoTraffic | Measured::NotReported => service.service.to_string(),
    }
}

fn targets(report: &HealthReport) -> Check {
    match &report.prometheus {
        Reading::NotConfigured => (None, "targets", "[prometheus] is not configured".to_owned()),
        Reading::Unavailable(why) => (Some(false), "targets", why.clone()),
        Reading::Read(health) if health.targets_down.is_empty() => {
            (Some(health.ready), "targets", format!("{} scraped", health.targets_up))
        }
        Reading::Read(health) => {
            let down: Vec<&str> = health.targets_down.iter().map(|target| target.instance.as_str()).collect();
            (Some(false), "targets", format!("not scraped: {}", down.join(", ")))
        }
    }
}

fn rows(rows: &BackupRows, now: Timestamp) -> (Sign, &'static str, String) {
    let sign = match rows.verdict() {
        RowsVerdict::Bad => Sign::Failed,
        RowsVerdict::Look => Sign::Look,
        RowsVerdict::Good => Sign::Passed,
        RowsVerdict::NotMade => Sign::NotMade,
    };
    let found = match rows {
        BackupRows::NotConfigured => "[backups] or [postgres] is not configured".to_owned(),
        BackupRows::NoManifest => "no good backup has a manifest".to_owned(),
        BackupRows::OtherDatabase { backup, live } => {
            format!("the newest backup is of {}, not of {}", word(backup), word(live))
        }
        BackupRows::Unavailable(why) => layout::short(&commands::escape::clean(why), 200),
        BackupRows::Compared(counts) => compared(counts, now),
    };
    (sign, "rows", found)
}

/// What is missing, then what has shrunk; where nothing is, how many tables there are.
fn compared(counts: &RowCounts, now: Timestamp) -> String {
    let missing = counts.tables.iter().filter(|table| table.live == LiveRows::Missing);
    let shrunk = counts.tables.iter().filter(|table| table.has_shrunk());
    let faults: Vec<String> = missing.chain(shrunk).map(table_words).collect();
    let estimated = counts
        .tables
        .iter()
        .filter(|table| matches!(table.live, LiveRows::NotAllowed(_) | LiveRows::TooSlow(_)))
        .count();
    let backup = format!("the backup of {}", layout::ago(counts.made, now));
    let estimates = match estimated {
        0 => String::new(),
        1 => "; 1 of them estimated".to_owned(),
        more => format!("; {more} of them estimated"),
    };
    if faults.is_empty() {
        return format!("{} tables as in {backup}{estimates}", counts.tables.len());
    }
    let mut named = faults.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if faults.len() > NAMED {
        named.push_str(&format!(" and {} more", faults.len() - NAMED));
    }
    format!("{named}; of {} tables in {backup}{estimates}", counts.tables.len())
}

fn table_words(table: &TableRows) -> String {
    let name = word(&table.table);
    let of = table.backed_up;
    match table.live {
        LiveRows::Missing => format!("{name} is missing ({of} rows)"),
        LiveRows::Counted(live) => format!("{name}: {live} of {of} rows"),
        LiveRows::NotAllowed(live) => {
            format!("{name}: about {live} of {of} rows (estimated: may not be counted)")
        }
        LiveRows::TooSlow(live) => format!("{name}: about {live} of {of} rows (estimated: takes too long)"),
    }
}

fn word(name: &str) -> String {
    layout::short(&commands::escape::clean(name), 60)
}
