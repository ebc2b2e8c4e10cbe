//! The words of a watch: its beginning, each change, and what it came to.

use std::time::Duration;

use commands::card::{Align, Section, Table, Tone};
use commands::containers::Happened;
use commands::health::watch::{Became, Change, Watched};
use commands::health::{Reading, ServiceHealth};
use commands::layout;
use commands::message::Reply;
use commands::period::Period;
use commands::traffic::{Measured, ServiceTraffic};
use jiff::Timestamp;

use super::health::{clock_time, one_line};
use super::traffic::{latency_words, words};
use super::{card, column, public};

/// Rows of changes on a card.
const SHOWN: usize = 12;

/// The beginning.
#[must_use]
pub fn watching(health: &ServiceHealth, length: Period, began: Timestamp) -> Reply {
    let (now, tone) = if health.is_sick() {
        (format!("Now it is sick: {}.", one_line(health)), Tone::Warning)
    } else {
        ("Now it is well.".to_owned(), Tone::Neutral)
    };
    let text = format!("{now} A change gets a message of its own; the verdict comes here.");
    let title = format!("Watching {} for {length}", health.name);
    let mut watching = card(title, tone, vec![Section::Text(text)]);
    watching.footer = Some(format!("since {}", clock_time(began)));
    public(watching)
}

/// One change, told when it is seen. After the `last` one there is silence until the verdict.
#[must_use]
pub fn change(change: &Change, last: bool) -> Reply {
    let service = &change.health.name;
    let (title, tone) = match (change.became, change.restarted) {
        (Some(Became::Sick), false) => (format!("{service} is sick"), Tone::Bad),
        (Some(Became::Sick), true) => (format!("{service} was restarted and is sick"), Tone::Bad),
        (Some(Became::Well { .. }), false) => (format!("{service} is well again"), Tone::Good),
        (Some(Became::Well { .. }), true) => {
            (format!("{service} was restarted and is well again"), Tone::Good)
        }
        (None, true) if change.health.is_sick() => {
            (format!("{service} was restarted and is still sick"), Tone::Bad)
        }
        (None, true) => (format!("{service} was restarted"), Tone::Warning),
        (None, false) => (format!("{service} lost a process for want of memory"), Tone::Bad),
    };
    let mut sections = vec![Section::Text(change_words(change))];
    if !change.events.is_empty() {
        let events: Vec<String> = change.events.iter().map(|event| event.what).map(event_words).collect();
        sections.push(Section::Text(format!("Docker: {}", events.join(", "))));
    }
    if last {
        let text = "It changes too often to tell each time: the rest comes with the verdict.";
        sections.push(Section::Text(text.to_owned()));
    }
    if change.health.is_sick() {
        let next = [format!("health {service} --wait 60"), format!("logs {service} --since 5m")];
        sections.push(Section::Next(next.into()));
    }
    let mut told = card(title, tone, sections);
    told.footer = Some(format!("as of {}", clock_time(change.at)));
    public(told)
}

fn event_words(what: Happened) -> String {
    match what {
        Happened::Ended { exit_code: Some(code) } => format!("ended with code {code}"),
        Happened::Ended { exit_code: None } => "ended".to_owned(),
        Happened::OutOfMemory => "a process was killed for want of memory".to_owned(),
        Happened::Signalled { signal: Some(signal) } => format!("sent signal {signal}"),
        Happened::Signalled { signal: None } => "sent a signal".to_owned(),
        Happened::Stopped => "stopped".to_owned(),
        Happened::Started => "started".to_owned(),
        Happened::Paused => "paused".to_owned(),
        Happened::Unpaused => "goes on".to_owned(),
        Happened::Removed => "removed".to_owned(),
        Happened::Healthy => "its own check finds it healthy".to_owned(),
        Happened::Unhealthy => "its own check finds it unhealthy".to_owned(),
    }
}

fn change_words(change: &Change) -> String {
    let how = one_line(&change.health);
    let words = match change.became {
        Some(Became::Sick) => how,
        Some(Became::Well { after }) => format!("after {}: {how}", layout::duration(after)),
        None => how,
    };
    if change.restarted { format!("restarted; {words}") } else { words }
}

/// What a watch came to.
#[must_use]
pub fn watched(watched: &Watched, length: Period) -> Reply {
    let last = watched.watch.last();
    let (sick, restarts) = watched.counts();
    let worse = matches!(&watched.traffic, Reading::Read(traffic) if traffic.is_worse());
    let mut sections = Vec::new();
    if last.is_sick() {
        sections.push(Section::Text(format!("{}: {}", last.name, one_line(last))));
    }
    if watched.interrupted {
        let text = "I was restarted meanwhile: changes before that are in messages of their own, and what \
                    changed while I was away was not seen.";
        sections.push(Section::Text(text.to_owned()));
    }
    let changes = watched.watch.changes();
    if !changes.is_empty() {
        sections.push(Section::Table(changes_table(changes)));
    }
    if changes.len() > SHOWN {
        sections.push(Section::Text(format!("and {} changes before these", changes.len() - SHOWN)));
    }
    sections.push(Section::Facts(facts(watched)));
    let next = match (last.is_sick() || sick > 0, worse || restarts > 0) {
        (true, _) => vec![format!("logs {} --since {length}", last.name), "deploy list".to_owned()],
        (false, true) => vec![format!("errors --window {length}"), format!("latency --window {length}")],
        (false, false) => Vec::new(),
    };
    if !next.is_empty() {
        sections.push(Section::Next(next));
    }
    let (title, tone) = title(watched, length, worse);
    let mut verdict = card(title, tone, sections);
    verdict.footer =
        Some(format!("watched from {} to {}", clock_time(watched.began), clock_time(watched.ended)));
    public(verdict)
}

fn title(watched: &Watched, length: Period, worse: bool) -> (String, Tone) {
    let last = watched.watch.last();
    let name = &last.name;
    let (sick, restarts) = watched.counts();
    let restarted = match restarts {
        0 => String::new(),
        1 => ", restarted once".to_owned(),
        times => format!(", restarted {times} times"),
    };
    let became = watched.watch.changes().iter().any(|change| change.became.is_some());
    match (last.is_sick(), sick, became) {
        (true, 0, false) => (format!("{name} was sick for all of {length}{restarted}"), Tone::Bad),
        (true, ..) => (format!("{name} is sick after {length}{restarted}"), Tone::Bad),
        (false, 0, true) if worse => (
            format!("{name} became well within {length}{restarted}, but answers worse than before"),
            Tone::Warning,
        ),
        (false, 0, true) => (
            format!("{name} became well within {length}{restarted}"),
            if restarts == 0 { Tone::Good } else { Tone::Warning },
        ),
        (false, 0, false) if worse => (
            format!("{name} stayed well for {length}{restarted}, but answers worse than before"),
            Tone::Warning,
        ),
        (false, 0, false) if restarts == 0 => (format!("{name} stayed well for {length}"), Tone::Good),
        (false, 0, false) => (format!("{name} is well after {length}{restarted}"), Tone::Warning),
        (false, 1, _) => {
            (format!("{name} is well after {length}, and was sick once{restarted}"), Tone::Warning)
        }
        (false, times, _) => {
            (format!("{name} is well after {length}, and was sick {times} times{restarted}"), Tone::Warning)
        }
    }
}

fn changes_table(changes: &[Change]) -> Table {
    let row = |change: &Change| {
        let state = match (change.became, change.health.is_sick()) {
            (Some(Became::Sick), _) | (None, true) => "sick",
            (Some(Became::Well { .. }), _) | (None, false) => "well",
        };
        vec![change.at.strftime("%H:%M:%S").to_string(), state.to_owned(), change_words(change)]
    };
    let from = changes.len().saturating_sub(SHOWN);
    Table {
        columns: vec![column("UTC", Align::Left), column("", Align::Left), column("what", Align::Left)],
        rows: changes[from..].iter().map(row).collect(),
    }
}

fn facts(watched: &Watched) -> Vec<(String, String)> {
    let took = Duration::try_from(watched.ended.duration_since(watched.began)).unwrap_or_default();
    let looks = format!("{} in {}", watched.watch.looks(), layout::duration(took));
    let mut facts = vec![("looks".to_owned(), looks)];
    match &watched.traffic {
        Reading::NotConfigured => {
            facts.push(("errors, p95".to_owned(), "[prometheus] is not configured".to_owned()));
        }
        Reading::Unavailable(why) => facts.push(("errors, p95".to_owned(), format!("not known: {why}"))),
        Reading::Read(traffic) => {
            let errors = |traffic: &ServiceTraffic| errors_words(traffic.errors);
            let p95 = |traffic: &ServiceTraffic| latency_words(traffic.p95);
            let compared = |words: &dyn Fn(&ServiceTraffic) -> String| {
                format!("{} before, {} meanwhile", words(&traffic.before), words(&traffic.during))
            };
            facts.push(("errors".to_owned(), compared(&errors)));
            facts.push(("p95".to_owned(), compared(&p95)));
            if !traffic.warnings.is_empty() {
                facts.push(("Prometheus warns".to_owned(), traffic.warnings.join("; ")));
            }
        }
    }
    facts
}

fn errors_words(errors: Measured) -> String {
    words(errors, |ratio| format!("{:.1} %", ratio * 100.0))
}
