//! What whoever did something to an incident reads.

use commands::card::{ButtonStyle, Section, Tone};
use commands::escalation::{Duty, TooQuiet};
use commands::incident::{Handoff, Incident, IncidentNumber, Severity};
use commands::layout;
use commands::message::Reply;
use commands::oncall::{Rung, Who};
use jiff::Timestamp;

use super::super::health::clock_time;
use super::super::{card as plain, line_button, public};
use super::{named, title, tone};
use crate::incident::Wanted;

fn said(title: impl Into<String>, tone: Tone, text: impl Into<String>) -> Reply {
    public(plain(title, tone, vec![Section::Text(text.into())]))
}

/// One was opened.
#[must_use]
pub fn opened(number: IncidentNumber, wanted: &Wanted<'_>, calls: bool) -> Reply {
    let Wanted { severity, title, service, security, drill } = wanted;
    let about = service.map_or_else(String::new, |service| format!(" It is about {service}."));
    let attack = if *security { " It is about security." } else { "" };
    let calls = if calls {
        "The on-call is told now, the next rungs by the schedule."
    } else {
        "Nobody is called: [[escalation]] is not in the bot's configuration."
    };
    let text = format!(
        "{title}.{about}{attack} {calls} A change of one service needs the confirmation of who asks for it alone while this \
         is open."
    );
    let tone = match severity {
        Severity::P0 | Severity::P1 => Tone::Bad,
        Severity::P2 => Tone::Warning,
    };
    let next = vec!["incident ack".to_owned(), "health".to_owned(), "runbook list".to_owned()];
    let drill = if *drill { "Drill: incident" } else { "Incident" };
    let sections = vec![Section::Text(text), Section::Next(next)];
    public(plain(format!("{drill} {number} is open: {severity}"), tone, sections))
}

/// There is none that could be meant, or more than one.
#[must_use]
pub fn no_incident(open: &[Incident]) -> Reply {
    if open.is_empty() {
        return said("No incident is open", Tone::Warning, "incident open P1 'what is wrong' opens one.");
    }
    let numbers: Vec<_> = open.iter().map(|incident| incident.number.to_string()).collect();
    let text = format!("Say which one with --number: {} are open.", numbers.join(", "));
    said("Which incident?", Tone::Warning, text)
}

/// It has ended already, or never was.
#[must_use]
pub fn not_open(number: IncidentNumber) -> Reply {
    let text = format!("Incident {number} is not open. incident list shows which are.");
    said("Not open", Tone::Warning, text)
}

/// A command that was taken up after a crash had done its work before.
#[must_use]
pub fn done_before(number: IncidentNumber) -> Reply {
    let text = "It was done before I was started anew. incident timeline shows what happened.";
    said(format!("Incident {number}: done"), Tone::Neutral, text)
}

/// No such person.
#[must_use]
pub fn nobody(who: &Who) -> Reply {
    let text = format!(
        "{:?} is nobody in the bot's configuration: @mention them, or write the name as oncall who shows it.",
        layout::short(who.as_str(), 60)
    );
    said("Who?", Tone::Warning, text)
}

/// Somebody has it.
#[must_use]
pub fn acknowledged(incident: &Incident, by: &str, now: Timestamp) -> Reply {
    let after = layout::duration(now.duration_since(incident.opened.0).unsigned_abs());
    let text = format!(
        "{by} has it, {after} after it was opened. Pages to the on-call stop; the next rungs are called until it is resolved."
    );
    said(format!("Acknowledged: {}", named(incident)), Tone::Good, text)
}

/// Somebody had it.
#[must_use]
pub fn acknowledged_before(incident: &Incident, holder: &str) -> Reply {
    said(format!("{} was acknowledged before", named(incident)), Tone::Neutral, format!("{holder} has it."))
}

/// Acknowledged for a while.
#[must_use]
pub fn snoozed(incident: &Incident, by: &str, until: Timestamp) -> Reply {
    let text = format!("{by} has it until {}. The next rungs are called all the same.", clock_time(until));
    said(format!("Snoozed: {}", named(incident)), Tone::Neutral, text)
}

/// A word for those who work on it.
#[must_use]
pub fn updated(incident: &Incident) -> Reply {
    let text = incident.state.update.as_ref().map(|said| said.text.clone()).unwrap_or_default();
    said(format!("Update: {}", named(incident)), Tone::Neutral, text)
}

/// On the timeline.
#[must_use]
pub fn noted(incident: &Incident) -> Reply {
    said(format!("Noted: {}", named(incident)), Tone::Neutral, "It stands on the timeline.")
}

/// It is so already.
#[must_use]
pub fn same_severity(incident: &Incident) -> Reply {
    let text = format!("It is {} already. Nothing was changed.", incident.severity());
    said(named(incident), Tone::Neutral, text)
}

/// Lowering takes a reason.
#[must_use]
pub fn lowered_without_reason(incident: &Incident, to: Severity) -> Reply {
    let text = format!(
        "Lowering it cancels calls: say why, as in incident severity {to} 'logins work again'. Nothing was changed."
    );
    said(format!("Why? {}", named(incident)), Tone::Warning, text)
}

/// It is worse, or less bad.
#[must_use]
pub fn severity_changed(incident: &Incident, from: Severity, by: &str, why: Option<&str>) -> Reply {
    let to = incident.severity();
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    let text = format!(
        "{by} changed it from {from} to {to}{why}. Every minute still counts from the opening; whoever should have been told by \
         now is told at once."
    );
    said(title(incident), tone(incident), text)
}

/// Somebody has a duty.
#[must_use]
pub fn assigned(incident: &Incident, duty: Duty, person: &str) -> Reply {
    said(format!("{person} is {duty}"), Tone::Good, named(incident))
}

/// Somebody is asked to take over.
#[must_use]
pub fn handed_off(incident: &Incident, from: &str, to: &str) -> Reply {
    let text = format!("{from} asks {to} to take it over. It stays {from}'s until {to} accepts.");
    let mut reply = said(format!("Handed over: {}", title(incident)), Tone::Warning, text);
    let line = format!("incident handoff --number {}", incident.number);
    reply.card.buttons.extend(line_button("Accept", &line, ButtonStyle::Primary));
    reply
}

/// Whoever is asked could do nothing with it.
#[must_use]
pub fn may_not_take_over(incident: &Incident, person: &str) -> Reply {
    let text = format!("{person} could not accept it: that takes the role operator. Nothing was changed.");
    said(format!("Not handed over: {}", named(incident)), Tone::Warning, text)
}

/// And took it.
#[must_use]
pub fn taken_over(incident: &Incident, handoff: &Handoff) -> Reply {
    let text = format!("{} has it now, with every duty that was {}'s.", handoff.to, handoff.from);
    said(format!("Taken over: {}", named(incident)), Tone::Good, text)
}

/// Nothing was handed over to who accepts.
#[must_use]
pub fn nothing_to_accept(incident: &Incident, handoff: Option<&Handoff>) -> Reply {
    let text = match handoff {
        None => "Nobody hands it over. incident handoff with a name asks somebody.".to_owned(),
        Some(handoff) => format!("{} asked {}, and only they can accept.", handoff.from, handoff.to),
    };
    said(format!("Nothing to accept: {}", named(incident)), Tone::Warning, text)
}

/// A rung is called before its minute.
#[must_use]
pub fn escalated(incident: &Incident, rung: Rung, by: &str, people: &[String]) -> Reply {
    let text = format!("{by} calls {} ({}) now.", people.join(", "), rung.as_str());
    let mut reply = said(format!("Escalated: {}", title(incident)), tone(incident), text);
    let line = format!("incident ack --number {}", incident.number);
    reply.card.buttons.extend(line_button("Ack", &line, ButtonStyle::Primary));
    reply
}

/// Nobody could be called.
#[must_use]
pub fn nobody_on(incident: &Incident, rung: Rung) -> Reply {
    let text =
        format!("Nobody but you stands on the rung {}. oncall who shows who stands where.", rung.as_str());
    said(format!("Nobody to call: {}", named(incident)), Tone::Warning, text)
}

/// Everybody outside was told.
#[must_use]
pub fn published(incident: &Incident) -> Reply {
    let text = incident.state.published.as_ref().map(|said| said.text.clone()).unwrap_or_default();
    said(format!("Status update: {}", named(incident)), Tone::Good, text)
}

/// As before, for everybody outside.
#[must_use]
pub fn status_unchanged(incident: &Incident) -> Reply {
    said(
        format!("Status: no change, {}", named(incident)),
        Tone::Good,
        "It stands for the update that is due.",
    )
}

/// Too often in a row.
#[must_use]
pub fn too_quiet(incident: &Incident, why: &TooQuiet) -> Reply {
    let text = format!("{why}: incident status-page 'what is known now'.");
    said(format!("No status update: {}", named(incident)), Tone::Warning, text)
}

/// It is over.
#[must_use]
pub fn resolved(incident: &Incident, by: &str, how: &str, now: Timestamp) -> Reply {
    let lasted = layout::duration(now.duration_since(incident.opened.0).unsigned_abs());
    let text = format!("Resolved by {by} after {lasted}: {how}");
    let title = format!("Incident {} is resolved: {}", incident.number, layout::short(&incident.title, 80));
    let next = vec![format!("incident postmortem --number {}", incident.number)];
    public(plain(title, Tone::Good, vec![Section::Text(text), Section::Next(next)]))
}

/// Its services are not well.
#[must_use]
pub fn still_sick(incident: &Incident, sick: &[String]) -> Reply {
    let text = format!(
        "{} not well. If it is over all the same, say why: incident resolve 'what mended it' --anyway 'why'.",
        match sick {
            [one] => format!("{one} is"),
            several => format!("{} are", several.join(", ")),
        }
    );
    said(format!("Not resolved: {}", named(incident)), Tone::Bad, text)
}

/// It is not over.
#[must_use]
pub fn still_open(incident: &Incident) -> Reply {
    said(format!("{} is open", named(incident)), Tone::Neutral, "Nothing was changed.")
}

/// It was not over.
#[must_use]
pub fn reopened(incident: &Incident, by: &str) -> Reply {
    let text = format!("{by} opened it again. Somebody has to acknowledge it anew.");
    said(title(incident), tone(incident), text)
}
