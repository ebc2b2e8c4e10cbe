//! The words of incidents and of freezes.

use commands::card::{Align, Section, Table, Tone};
use commands::ids::ServiceName;
use commands::incident::{Incident, IncidentNumber, Severity};
use commands::layout;
use commands::message::Reply;
use commands::period::Period;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, column, public};

/// One was opened.
#[must_use]
pub fn incident_opened(
    number: IncidentNumber,
    severity: Severity,
    title: &str,
    service: Option<&ServiceName>,
) -> Reply {
    let about = service.map_or_else(String::new, |service| format!(" It is about {service}."));
    let text = format!(
        "{title}.{about} A change of one service needs the confirmation of who asks for it alone while this is open."
    );
    let tone = match severity {
        Severity::P0 | Severity::P1 => Tone::Bad,
        Severity::P2 => Tone::Warning,
    };
    let sections =
        vec![Section::Text(text), Section::Next(vec!["health".to_owned(), "runbook list".to_owned()])];
    public(card(format!("Incident {number} is open: {severity}"), tone, sections))
}

/// One was resolved.
#[must_use]
pub fn incident_resolved(incident: &Incident, by: &str, how: &str, now: Timestamp) -> Reply {
    let lasted = layout::duration(now.duration_since(incident.opened.0).unsigned_abs());
    let text = format!("Resolved by {by} after {lasted}: {how}");
    let title = format!("Incident {} is resolved: {}", incident.number, layout::short(&incident.title, 80));
    public(card(title, Tone::Good, vec![Section::Text(text)]))
}

/// There is none to resolve, or more than one.
#[must_use]
pub fn no_incident(open: &[Incident]) -> Reply {
    let (title, text) = if open.is_empty() {
        ("No incident is open", "There is nothing to resolve.".to_owned())
    } else {
        let numbers: Vec<_> = open.iter().map(|incident| incident.number.to_string()).collect();
        ("Which incident?", format!("Say which one with --number: {} are open.", numbers.join(", ")))
    };
    public(card(title, Tone::Warning, vec![Section::Text(text)]))
}

/// It has ended already, or never was.
#[must_use]
pub fn not_open(number: IncidentNumber) -> Reply {
    let text = format!("Incident {number} is not open. incident list shows which are.");
    public(card("Nothing to resolve", Tone::Warning, vec![Section::Text(text)]))
}

/// The open ones, and the last that ended.
#[must_use]
pub fn incidents(all: &[Incident], now: Timestamp) -> Reply {
    let open = all.iter().filter(|incident| incident.resolved.is_none()).count();
    let (title, tone) = match open {
        0 => ("No incident is open".to_owned(), Tone::Good),
        1 => ("1 incident is open".to_owned(), Tone::Bad),
        open => (format!("{open} incidents are open"), Tone::Bad),
    };
    if all.is_empty() {
        return public(card(title, tone, vec![Section::Text("There has been none.".to_owned())]));
    }
    let rows = all.iter().map(|incident| {
        let state = match &incident.resolved {
            None => {
                format!("open for {}", layout::duration(now.duration_since(incident.opened.0).unsigned_abs()))
            }
            Some(resolved) => format!("resolved {} by {}", clock_time(resolved.at), resolved.by),
        };
        vec![
            incident.number.to_string(),
            incident.severity.to_string(),
            layout::short(&incident.title, 60),
            state,
        ]
    });
    let table = Table {
        columns: vec![
            column("", Align::Right),
            column("", Align::Left),
            column("title", Align::Left),
            column("state", Align::Left),
        ],
        rows: rows.collect(),
    };
    public(card(title, tone, vec![Section::Table(table)]))
}

/// Nothing acts from now on.
#[must_use]
pub fn freeze_begun(why: &str, length: Option<Period>) -> Reply {
    let until = length.map_or_else(
        || "until an approver types stack unfreeze".to_owned(),
        |length| format!("for {length}, or until an approver types stack unfreeze"),
    );
    let text = format!("{why:?}. No command that acts begins {until}; what has begun goes on.");
    public(card("Frozen: nothing acts", Tone::Warning, vec![Section::Text(text)]))
}

/// Everything may act again.
#[must_use]
pub fn thawed(count: u64) -> Reply {
    let text = if count == 0 {
        "Nothing was frozen.".to_owned()
    } else {
        "Commands that act are taken again. Plans that the freeze closed have to be asked for anew."
            .to_owned()
    };
    public(card("Thawed", Tone::Good, vec![Section::Text(text)]))
}
