//! What people read who are called.

use commands::card::{ButtonStyle, Section, Tone};
use commands::escalation::{Due, Duty, Phase, Recipient, What};
use commands::ids::Platform;
use commands::incident::{Incident, Severity};
use commands::layout;
use commands::message::Reply;
use commands::timeline::Happened;
use jiff::Timestamp;

use super::super::{STATUS_REOPENED, STATUS_RESOLVED, STATUS_UNCHANGED, card as plain, line_button, public};
use super::{age, title, tone};
use crate::escalation::telling::Telling;

/// One message to people.
#[must_use]
pub fn told(
    incident: &Incident,
    telling: &Telling,
    whom: &[Recipient],
    names: &[String],
    now: Timestamp,
) -> Reply {
    let mut sections = Vec::new();
    if telling.missed {
        let first = telling.owed.first().map_or(now, |due| due.at);
        let late = layout::duration(now.duration_since(first).unsigned_abs());
        let missed: Vec<String> = telling.owed.iter().map(|due| reason(&due.what)).collect();
        sections.push(Section::Text(format!(
            "LATE by up to {late}: I could not tell this in time. Missed meanwhile: {}.",
            shortened(&missed).join("; ")
        )));
    }
    sections.push(Section::Text(format!("{}: {}", who(whom, names), why(telling))));
    let mut facts = vec![("open for".to_owned(), age(incident, now))];
    if let Some(owner) = incident.state.owner() {
        facts.push(("has it".to_owned(), owner.to_owned()));
    }
    if let Some(update) = &incident.state.update {
        facts.push(("update".to_owned(), update.text.clone()));
    }
    sections.push(Section::Facts(facts));
    if telling.owed.iter().any(|due| matches!(due.what, What::Status { phase: Phase::Soon | Phase::Now, .. }))
    {
        sections.push(Section::Next(vec![draft(incident)]));
    }
    let mut card = plain(title(incident), tone(incident), sections);
    let number = incident.number;
    let mut buttons = vec![("Ack", format!("incident ack --number {number}"), ButtonStyle::Primary)];
    let is_status = |due: &Due| matches!(due.what, What::Status { .. });
    if telling.owed.iter().any(is_status) && incident.state.published.is_some() {
        let line = format!("incident status-page --no-change --number {number}");
        buttons.push(("No change", line, ButtonStyle::Plain));
    }
    buttons.push(("Show", format!("incident show --number {number}"), ButtonStyle::Plain));
    card.buttons
        .extend(buttons.into_iter().filter_map(|(label, line, style)| line_button(label, &line, style)));
    public(card)
}

/// What a status update could say, to be typed or changed.
fn draft(incident: &Incident) -> String {
    // Never of what was said among those who work on it.
    let text = incident.state.published.as_ref().map_or_else(
        || "We are looking into a problem and will report again soon.".to_owned(),
        |said| said.text.clone(),
    );
    let text = text.replace(['\'', '"'], "’");
    format!("incident status-page '{text}' --number {}", incident.number)
}

/// A long outage owes a lot: its beginning and its end are enough.
fn shortened(missed: &[String]) -> Vec<String> {
    const SHOWN: usize = 6;
    if missed.len() <= SHOWN {
        return missed.to_vec();
    }
    let hidden = missed.len() - SHOWN;
    let mut shown = missed[..SHOWN / 2].to_vec();
    shown.push(format!("{hidden} more"));
    shown.extend_from_slice(&missed[missed.len() - SHOWN / 2..]);
    shown
}

fn who(whom: &[Recipient], names: &[String]) -> String {
    if names.is_empty() { format!("{} (nobody to tell)", recipients(whom)) } else { names.join(", ") }
}

/// Whom a message is for.
#[must_use]
pub fn recipients(whom: &[Recipient]) -> String {
    let word = |recipient: &Recipient| match recipient {
        Recipient::Rung(rung) => rung.as_str().to_owned(),
        Recipient::Duty(duty) => duty.to_string(),
    };
    whom.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// Why they are told: the newest reason of each kind.
#[must_use]
pub fn why(telling: &Telling) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for due in telling.owed.iter().rev() {
        let reason = reason(&due.what);
        let same = |other: &String| other.split(' ').next() == reason.split(' ').next();
        if !reasons.iter().any(same) {
            reasons.insert(0, reason);
        }
    }
    reasons.join("; ")
}

fn reason(what: &What) -> String {
    match what {
        What::Decay => "the acknowledgement decayed".to_owned(),
        What::Step { tell, .. } => format!("{} is called by the schedule", tell.as_str()),
        What::Repage { round: 0, number } => format!("nobody has acknowledged it (page {})", number + 2),
        What::Repage { number, .. } => {
            format!("acknowledged, and no word of anybody since (page {})", number + 1)
        }
        What::NobodyLeft { number, .. } => {
            format!("NOBODY LEFT to call, and it is not resolved (said {} times)", number + 1)
        }
        What::Status { slot, phase: Phase::Soon } => format!("status update due at {}", hour(*slot)),
        What::Status { slot, phase: Phase::Now } => format!("status update due now ({})", hour(*slot)),
        What::Status { slot, phase: Phase::Missed } => {
            format!("status update of {} did not come", hour(*slot))
        }
        What::Unclaimed { duties, .. } => {
            let duties: Vec<&str> = duties.iter().map(|duty| Duty::as_str(*duty)).collect();
            format!("duties that nobody has: {}", duties.join(", "))
        }
    }
}

fn hour(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

/// What is owed next and when, for the incident's card.
pub(super) fn planned(due: &Due, now: Timestamp) -> String {
    let what = match &due.what {
        What::Step { tell, how, .. } => format!("{how} {}", tell.as_str()),
        What::Repage { .. } => "page on-call again".to_owned(),
        What::NobodyLeft { tell, .. } => format!("page {} again: nobody left", tell.as_str()),
        What::Decay => "the acknowledgement decays, unless somebody says a word".to_owned(),
        What::Status { .. } => "status update due".to_owned(),
        What::Unclaimed { .. } => "open duties are named".to_owned(),
    };
    let wait = due.at.duration_since(now);
    if wait.is_positive() {
        format!("{what} at {} (in {})", hour(due.at), layout::duration(wait.unsigned_abs()))
    } else {
        format!("{what} now")
    }
}

/// What is posted to what wakes somebody, as JSON.
#[must_use]
pub fn page_body(incident: &Incident, person: &str, reply: &Reply) -> String {
    let body = serde_json::json!({
        "incident": incident.number,
        "severity": incident.severity(),
        "title": incident.title,
        "drill": incident.state.drill,
        "person": person,
        "opened": incident.opened.0.to_string(),
        "text": super::super::plain::text(reply, None, false),
    });
    body.to_string()
}

/// What is posted to the fallback, as JSON.
#[must_use]
pub fn fallback_body(reply: &Reply) -> String {
    let text = super::super::plain::text(reply, None, false);
    serde_json::json!({ "why": "no chat platform took this page", "text": text }).to_string()
}

/// What is posted to whoever watches the bot, as JSON.
#[must_use]
pub fn heartbeat(now: Timestamp) -> String {
    serde_json::json!({ "status": "ok", "at": now.to_string() }).to_string()
}

/// Said in the incident channel, of somebody whose own way of being woken is closed.
#[must_use]
pub fn unwoken(name: &str, why: &str) -> Reply {
    let text = format!(
        "What wakes {name} (their page_webhook) does not take the page: {why}. Call them, and mend the address in the \
         configuration."
    );
    public(plain(format!("{name} was not woken"), Tone::Warning, vec![Section::Text(text)]))
}

/// A page that could not be stored.
#[must_use]
pub fn unstored(mut page: Reply) -> Reply {
    let text = "NOT RECORDED: my own store takes no writes (see /readyz: a full disk?). Until it does I call people all \
                the same, nobody can acknowledge, and nothing that acts is done.";
    page.card.sections.insert(0, Section::Text(text.to_owned()));
    page
}

/// Said where a page did arrive, of those whom it did not reach alone.
#[must_use]
pub fn unheard(people: &[String], page: &Reply) -> Reply {
    let text = format!("{} did not get the direct message for 20 s: call them.", people.join(", "));
    let title = format!("Not everybody was reached: {}", layout::short(&page.card.title, 120));
    public(plain(title, Tone::Warning, vec![Section::Text(text)]))
}

/// Said where a page did arrive.
#[must_use]
pub fn not_taken(missing: &[Platform], page: &Reply) -> Reply {
    let mut names: Vec<&str> = missing.iter().map(|platform| platform.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let text = format!(
        "{} has not taken this page for 20 s. Whoever is only there may not know: call them.",
        names.join(", ")
    );
    let title = format!("Not everybody was reached: {}", layout::short(&page.card.title, 120));
    public(plain(title, Tone::Warning, vec![Section::Text(text)]))
}

/// What is posted to a status page elsewhere, as JSON, where an act is for everybody outside.
#[must_use]
pub fn status_body(incident: &Incident, what: &Happened) -> Option<String> {
    let (status, text) = match what {
        _ if incident.state.drill => return None,
        Happened::Published { text } => ("investigating", text.as_str()),
        Happened::Unchanged => ("investigating", STATUS_UNCHANGED),
        Happened::Resolved { .. } if incident.state.published.is_some() => ("resolved", STATUS_RESOLVED),
        Happened::Reopened if incident.state.published.is_some() => ("investigating", STATUS_REOPENED),
        _ => return None,
    };
    let impact = match incident.severity() {
        Severity::P0 => "critical",
        Severity::P1 => "major",
        Severity::P2 => "minor",
    };
    let body = serde_json::json!({
        "incident": { "id": incident.number, "status": status, "impact": impact, "body": text },
    });
    Some(body.to_string())
}
