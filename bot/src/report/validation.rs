//! The card that says whether the platform works.

use commands::card::{Align, Section, Table, Tone};
use commands::health::{HealthReport, Reading};
use commands::message::Reply;
use commands::traffic::{ErrorRates, Measured, ServiceErrors};
use commands::validation::{Validation, is_read};
use jiff::Timestamp;

use super::health::{clock_time, says, title};
use super::{card, column, logins, public};

/// One check: whether it is well (`None` where it was not made), its name, and what was found.
type Check = (Option<bool>, &'static str, String);

/// Every check by name, the failed ones first.
#[must_use]
pub fn validation(validation: &Validation, now: Timestamp) -> Reply {
    let mut checks = vec![
        health(&validation.health),
        login(validation),
        reads(validation),
        errors(&validation.errors),
        targets(&validation.health),
    ];
    checks.sort_by_key(|(well, ..)| match well {
        Some(false) => 0,
        Some(true) => 1,
        None => 2,
    });
    let failed = checks.iter().filter(|(well, ..)| *well == Some(false)).count();
    let made = checks.iter().filter(|(well, ..)| well.is_some()).count();
    let (title, tone) = match failed {
        0 => (format!("The platform works: {made} checks passed"), Tone::Good),
        failed => (format!("The platform does not work: {failed} of {made} checks failed"), Tone::Bad),
    };
    let row = |(well, name, found): Check| {
        let sign = match well {
            Some(true) => "ok",
            Some(false) => "!!",
            None => "",
        };
        vec![sign.to_owned(), name.to_owned(), found]
    };
    let table = Table {
        columns: vec![column("", Align::Left), column("check", Align::Left), column("found", Align::Left)],
        rows: checks.into_iter().map(row).collect(),
    };
    let mut sections = vec![Section::Table(table)];
    if failed > 0 {
        sections.push(Section::Next(vec!["health".to_owned()]));
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
