//! The words of announced work.

use commands::card::{Section, Tone};
use commands::ids::ServiceName;
use commands::layout;
use commands::message::Reply;
use commands::silence::SilenceId;
use jiff::Timestamp;
use store::Maintenance;

use super::health::clock_time;
use super::{card, public};

/// Alerts can't be silenced.
#[must_use]
pub fn no_alertmanager() -> String {
    "[alertmanager] is not in the bot's configuration".to_owned()
}

/// By which a silence is found again.
#[must_use]
pub fn silence_comment(begun: &Maintenance) -> String {
    format!("maintenance {} of {}: {}", begun.run, begun.service, begun.why)
}

/// One has begun.
#[must_use]
pub fn maintenance_begun(begun: &Maintenance, silenced: &Result<SilenceId, String>) -> Reply {
    let text = format!(
        "{} works on {} until {}: {}",
        begun.person,
        begun.service,
        clock_time(begun.until),
        begun.why
    );
    let (tone, alerts) = match silenced {
        Ok(id) => {
            (Tone::Warning, format!("alerts with service={} are silenced until then ({id})", begun.service))
        }
        Err(why) => (Tone::Bad, format!("its alerts are NOT silenced: {why}")),
    };
    let facts = vec![("alerts".to_owned(), alerts)];
    let next = vec![format!("maintenance end {}", begun.service)];
    let sections = vec![Section::Text(text), Section::Facts(facts), Section::Next(next)];
    public(card(format!("Maintenance of {}", begun.service), tone, sections))
}

/// One is over.
#[must_use]
pub fn maintenance_ended(meant: &Maintenance, by: &str, now: Timestamp, silenced: bool) -> Reply {
    let lasted = layout::duration(now.duration_since(meant.begun).unsigned_abs());
    let alerts = if silenced { " Its alerts are told again." } else { "" };
    let text = format!("Ended by {by} after {lasted}: {}.{alerts}", meant.why);
    let next = Section::Next(vec![format!("health {}", meant.service)]);
    public(card(
        format!("Maintenance of {} is over", meant.service),
        Tone::Good,
        vec![Section::Text(text), next],
    ))
}

/// There is one of that service.
#[must_use]
pub fn maintained_already(other: &Maintenance) -> Reply {
    let text = format!(
        "{} works on {} until {}: {}. End that one first.",
        other.person,
        other.service,
        clock_time(other.until),
        other.why
    );
    let next = Section::Next(vec![format!("maintenance end {}", other.service)]);
    public(card("Under maintenance already", Tone::Warning, vec![Section::Text(text), next]))
}

/// There is none to end, or more than one.
#[must_use]
pub fn which_maintenance(under_way: &[Maintenance], service: Option<&ServiceName>) -> Reply {
    let names: Vec<_> = under_way.iter().map(|one| one.service.to_string()).collect();
    let (title, text) = match (service, names.len()) {
        (_, 0) => ("No maintenance is under way", "There is nothing to end.".to_owned()),
        (Some(service), _) => (
            "No maintenance of that service",
            format!("None of {service} is under way; there is one of {}.", names.join(", ")),
        ),
        (None, _) => ("Which maintenance?", format!("Say of which service: {}.", names.join(", "))),
    };
    public(card(title, Tone::Warning, vec![Section::Text(text)]))
}

/// The silence could not be ended.
#[must_use]
pub fn silence_stays(meant: &Maintenance, why: &str) -> Reply {
    let text = format!(
        "The silence of {}'s alerts could not be ended: {why}. It ends by itself at {}. Try again.",
        meant.service,
        clock_time(meant.until)
    );
    public(card("The maintenance goes on", Tone::Bad, vec![Section::Text(text)]))
}
