//! The words of incidents and of freezes.

mod answer;
mod postmortem;
mod quoted;
mod standing;
mod telling;

use commands::card::{Align, Section, Table, Tone};
use commands::incident::{Incident, Severity};
use commands::layout;
use commands::message::Reply;
use commands::period::Period;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card as plain, column, public};

pub use answer::{
    acknowledged, acknowledged_before, assigned, done_before, escalated, handed_off, lowered_without_reason,
    may_not_take_over, no_incident, nobody, nobody_on, not_open, noted, nothing_to_accept, opened, published,
    reopened, resolved, same_severity, severity_changed, snoozed, status_unchanged, still_open, still_sick,
    taken_over, too_quiet, updated,
};
pub use postmortem::{postmortem, postmortem_made};
pub use quoted::quoted;
pub use standing::{card, show, timeline};
pub use telling::{
    fallback_body, heartbeat, not_taken, page_body, recipients, status_body, told, unheard, unstored,
    unwoken, why,
};

/// Red while it is open and bad, green once it is over.
fn tone(incident: &Incident) -> Tone {
    match (incident.resolved.is_some(), incident.severity()) {
        (true, _) => Tone::Good,
        (false, Severity::P0 | Severity::P1) => Tone::Bad,
        (false, Severity::P2) => Tone::Warning,
    }
}

/// Names it: `P0 incident 7`, and whether it is an exercise.
fn named(incident: &Incident) -> String {
    let drill = if incident.state.drill { "DRILL, " } else { "" };
    format!("{drill}{} incident {}", incident.severity(), incident.number)
}

/// In a line.
#[must_use]
pub fn title(incident: &Incident) -> String {
    format!("{}: {}", named(incident), layout::short(&incident.title, 100))
}

/// How long it has gone on, or went on.
fn age(incident: &Incident, now: Timestamp) -> String {
    let end = incident.resolved.as_ref().map_or(now, |resolved| resolved.at);
    layout::duration(end.duration_since(incident.opened.0).unsigned_abs())
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
        return public(plain(title, tone, vec![Section::Text("There has been none.".to_owned())]));
    }
    let rows = all.iter().map(|incident| {
        let state = match &incident.resolved {
            None => {
                let owner = incident.state.owner().unwrap_or("nobody");
                format!("open for {}, {owner} has it", age(incident, now))
            }
            Some(resolved) => format!("resolved {} by {}", clock_time(resolved.at), resolved.by),
        };
        vec![
            incident.number.to_string(),
            incident.severity().to_string(),
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
    public(plain(title, tone, vec![Section::Table(table)]))
}

/// Nothing acts from now on.
#[must_use]
pub fn freeze_begun(why: &str, length: Option<Period>) -> Reply {
    let until = length.map_or_else(
        || "until an approver types stack unfreeze".to_owned(),
        |length| format!("for {length}, or until an approver types stack unfreeze"),
    );
    let text = format!("{why:?}. No command that acts begins {until}; what has begun goes on.");
    public(plain("Frozen: nothing acts", Tone::Warning, vec![Section::Text(text)]))
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
    public(plain("Thawed", Tone::Good, vec![Section::Text(text)]))
}
