//! How an incident stands, and what happened in it.

use commands::card::{Align, Button, ButtonStyle, Section, Table};
use commands::escalation::{Alertness, Due, Duty};
use commands::form::Ask;
use commands::ids::{Place, Platform};
use commands::incident::{Incident, IncidentNumber, OwnRoom};
use commands::layout;
use commands::message::{Reply, TextFile};
use commands::timeline::{Entry, Happened};
use jiff::Timestamp;

use super::super::health::clock_time;
use super::super::{card as plain, column, line_button, public};
use super::{age, title, tone};

/// Entries of a timeline that a card shows; the file has all of them.
const ENTRIES: usize = 15;

/// Of an incident, in its channel: one message, edited as it goes on.
#[must_use]
pub fn card(incident: &Incident, next: Option<&Due>, now: Timestamp) -> Reply {
    let mut card = plain(title(incident), tone(incident), vec![Section::Facts(facts(incident, next, now))]);
    card.footer = Some(format!("as of {}", clock_time(now)));
    if incident.resolved.is_none() {
        card.buttons = buttons(incident.number);
    }
    public(card)
}

/// Five, so that they stand in one row everywhere. What needs words is asked for in a form.
fn buttons(number: IncidentNumber) -> Vec<Button> {
    let typed = |label: &str, verb: &str, style| {
        line_button(label, &format!("incident {verb} --number {number}"), style)
    };
    let asked =
        |label: &str, ask: Ask, style| Some(Button { label: label.to_owned(), value: ask.value(), style });
    let buttons = [
        typed("Ack", "ack", ButtonStyle::Primary),
        asked("Update", Ask::Update(number), ButtonStyle::Plain),
        typed("Escalate", "escalate", ButtonStyle::Danger),
        asked("Resolve", Ask::Resolve(number), ButtonStyle::Plain),
        typed("Timeline", "timeline", ButtonStyle::Plain),
    ];
    buttons.into_iter().flatten().collect()
}

fn facts(incident: &Incident, next: Option<&Due>, now: Timestamp) -> Vec<(String, String)> {
    let state = &incident.state;
    let mut facts =
        vec![("opened".to_owned(), format!("{} by {}", clock_time(incident.opened.0), incident.opened.1))];
    let mut fact = |label: &str, value: String| facts.push((label.to_owned(), value));
    if !incident.services.is_empty() {
        let services: Vec<String> = incident.services.iter().map(ToString::to_string).collect();
        fact("about", services.join(", "));
    }
    if state.course.security {
        fact("security", "yes".to_owned());
    }
    match (&incident.resolved, &state.course.alertness) {
        (Some(resolved), _) => {
            fact("resolved", format!("{} by {}: {}", clock_time(resolved.at), resolved.by, resolved.how));
            fact("lasted", age(incident, now));
        }
        (None, Alertness::Acknowledged { by, at, snoozed, .. }) => {
            let snoozed = snoozed.filter(|until| *until > now);
            let until =
                snoozed.map_or_else(String::new, |until| format!(", snoozed until {}", clock_time(until)));
            fact(
                "has it",
                format!("{}, acknowledged by {by} {}{until}", state.owner().unwrap_or(by), clock_time(*at)),
            );
        }
        (None, Alertness::Waiting { .. }) => fact("has it", "nobody: press Ack".to_owned()),
    }
    if incident.resolved.is_none() {
        let duties = Duty::ALL.iter().map(|duty| {
            format!("{duty}: {}", state.course.duties.get(duty).map_or("nobody", String::as_str))
        });
        fact("duties", duties.collect::<Vec<_>>().join(", "));
        fact(
            "next",
            next.map_or_else(|| "nothing more is called".to_owned(), |due| super::telling::planned(due, now)),
        );
    }
    for (home, own) in
        state.homes.iter().enumerate().filter_map(|(number, home)| Some((home, state.rooms.get(&number)?)))
    {
        let platform = home.room.platform;
        match own {
            OwnRoom::At(place) if place.thread.is_none() => fact("channel", link(place)),
            // It hangs on this card.
            OwnRoom::At(_) => {}
            OwnRoom::Refused(why) => fact("channel", format!("none of its own on {platform}: {why}")),
        }
    }
    if let Some(handoff) = &state.handoff {
        fact("handed over", format!("{} asks {}", handoff.from, handoff.to));
    }
    if let Some(update) = &state.update {
        fact("update", format!("{} ({}, {})", update.text, update.by, clock_time(update.at)));
    }
    if let Some(published) = &state.published {
        fact("published", format!("{} ({}, {})", published.text, published.by, clock_time(published.at)));
    }
    facts
}

/// Where a channel of an incident's own is opened.
fn link(place: &Place) -> String {
    match place.room.platform {
        // docs.slack.dev/interactivity/deep-linking
        Platform::Slack => format!("https://slack.com/app_redirect?channel={}", place.room.id),
        Platform::Discord | Platform::Web | Platform::Cli => place.room.to_string(),
    }
}

/// The same as an answer, with whom it told so far.
#[must_use]
pub fn show(incident: &Incident, next: Option<&Due>, entries: &[Entry], now: Timestamp) -> Reply {
    let mut reply = card(incident, next, now);
    let told = entries.iter().filter(|entry| matches!(entry.what, Happened::Told { .. }));
    let told: Vec<&Entry> = told.collect();
    if !told.is_empty() {
        let rest = told.len().saturating_sub(ENTRIES);
        reply.card.sections.push(Section::Table(table(told.into_iter().skip(rest))));
    }
    reply
}

fn table<'a>(entries: impl Iterator<Item = &'a Entry>) -> Table {
    let rows = entries.map(|entry| {
        let by = entry.by.clone().unwrap_or_default();
        vec![entry.at.strftime("%m-%d %H:%M:%S").to_string(), by, happened(&entry.what)]
    });
    Table {
        columns: vec![column("UTC", Align::Left), column("who", Align::Left), column("what", Align::Left)],
        rows: rows.collect(),
    }
}

/// What happened, in the order of time.
#[must_use]
pub fn timeline(incident: &Incident, entries: &[Entry]) -> Reply {
    let hidden = entries.len().saturating_sub(ENTRIES);
    let mut sections = vec![Section::Table(table(entries.iter().skip(hidden)))];
    let mut file = None;
    if hidden > 0 {
        sections
            .insert(0, Section::Text(format!("The last {ENTRIES} of {}; the file has all.", entries.len())));
        let lines = entries.iter().map(line);
        let name = format!("incident-{}-timeline.txt", incident.number);
        file = Some(TextFile { name, content: lines.collect::<Vec<_>>().join("\n") + "\n" });
    }
    Reply { file, ..public(plain(format!("Timeline of {}", title(incident)), tone(incident), sections)) }
}

/// One entry in one line.
pub(super) fn line(entry: &Entry) -> String {
    let by = entry.by.as_ref().map_or_else(String::new, |by| format!(" {by}:"));
    format!("{}{by} {}", clock_time(entry.at), happened(&entry.what))
}

fn happened(what: &Happened) -> String {
    let because = |why: &Option<String>| why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    match what {
        Happened::Opened { severity, title } => format!("opened as {severity}: {title}"),
        Happened::Acknowledged => "acknowledged".to_owned(),
        Happened::Decayed => "the acknowledgement decayed".to_owned(),
        Happened::Severity { from, to, why } => format!("severity {from} -> {to}{}", because(why)),
        Happened::Assigned { duty, to } => format!("{duty} is {to}"),
        Happened::HandedOff { to } => format!("asked {to} to take over"),
        Happened::TookOver { from } => format!("took over from {from}"),
        Happened::Escalated { rung } => format!("called the {}", rung.as_str()),
        Happened::Snoozed { until } => format!("acknowledged until {}", clock_time(*until)),
        Happened::Noted { text } => format!("note: {text}"),
        Happened::Updated { text } => format!("update: {text}"),
        Happened::Published { text } => format!("published: {text}"),
        Happened::Unchanged => "published: no change".to_owned(),
        Happened::Resolved { how, anyway: None } => format!("resolved: {how}"),
        Happened::Resolved { how, anyway: Some(why) } => {
            format!("resolved although checks fail ({why}): {how}")
        }
        Happened::Reopened => "opened it again".to_owned(),
        Happened::Told { whom, why, way, people, .. } => {
            let people = if people.is_empty() { "nobody".to_owned() } else { people.join(", ") };
            format!("{way} to {whom} ({people}): {why}")
        }
        Happened::Command { line, outcome, plan } => {
            let plan = plan.as_ref().map_or_else(String::new, |plan| format!(", plan {plan}"));
            format!("{} -> {outcome}{plan}", layout::short(line, 120))
        }
        Happened::Voted { ballot, said, line } => {
            let back = if *said { "" } else { "takes back: " };
            format!("{back}{} on {}", ballot.as_str(), layout::short(line, 120))
        }
        Happened::Alert { name, firing: true } => format!("alert fires: {name}"),
        Happened::Alert { name, firing: false } => format!("alert is over: {name}"),
        Happened::RoomOpened { place } if place.thread.is_none() => {
            format!("a channel of its own: {}", link(place))
        }
        Happened::RoomOpened { place } => format!("a thread of its own on {}", place.room.platform),
        Happened::Pinned { author, link, text } => {
            let text =
                text.as_ref().map_or_else(String::new, |text| format!(": {}", layout::short(text, 300)));
            format!("pinned a message of {author} ({link}){text}")
        }
    }
}
