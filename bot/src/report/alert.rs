//! The words of alerts.

use commands::alert::{ActiveAlert, Alert, Notification, Status, name};
use commands::card::{Align, ButtonStyle, Section, Table, Tone};
use commands::incident::{Incident, Severity};
use commands::layout;
use commands::message::Reply;
use commands::silence::NewSilence;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, column, line_button, public, quoted};

/// As whom it opens incidents.
pub const ALERTMANAGER: &str = "Alertmanager";

/// Alerts of a group that a card shows.
const SHOWN: usize = 15;

/// One group: one message, edited as it changes.
#[must_use]
pub fn alert(notification: &Notification, incident: Option<&Incident>, now: Timestamp) -> Reply {
    let severity = notification.severity();
    let (word, tone) = match (notification.status, severity) {
        (Status::Resolved, _) => ("Over", Tone::Good),
        (Status::Firing, Severity::P0 | Severity::P1) => ("Alert", Tone::Bad),
        (Status::Firing, Severity::P2) => ("Alert", Tone::Warning),
    };
    let row = |alert: &Alert| {
        let state = match alert.status {
            Status::Firing => format!("since {}", clock_time(alert.starts_at)),
            Status::Resolved => "over".to_owned(),
        };
        let about = alert.labels.get("service").or_else(|| alert.labels.get("instance")).cloned();
        let said = alert.annotations.get("summary").or_else(|| alert.annotations.get("description"));
        vec![
            alert.name().to_owned(),
            about.unwrap_or_default(),
            state,
            said.map(|said| quoted(said)).unwrap_or_default(),
        ]
    };
    let columns = ["alert", "of", "state", "says"].map(|heading| column(heading, Align::Left)).to_vec();
    let rows = notification.alerts.iter().take(SHOWN).map(row).collect();
    let mut sections = vec![Section::Table(Table { columns, rows })];
    let left = notification.alerts.len().saturating_sub(SHOWN) as u64 + notification.truncated_alerts;
    if left > 0 {
        sections.push(Section::Text(format!("and {left} more: alert list")));
    }
    if let Some(incident) = incident {
        sections.push(Section::Text(format!("It belongs to incident {}.", incident.number)));
    }
    let title = format!("{word} {severity}: {}", layout::short(&quoted(&notification.title()), 120));
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("as of {}", clock_time(now)));
    if let Some(incident) = incident.filter(|_| notification.status == Status::Firing) {
        let line = format!("incident ack --number {}", incident.number);
        card.buttons.extend(line_button("Ack", &line, ButtonStyle::Primary));
    }
    public(card)
}

/// Those that Alertmanager has now.
#[must_use]
pub fn alerts(alerts: &[ActiveAlert], now: Timestamp) -> Reply {
    if alerts.is_empty() {
        let text = "Alertmanager has none.".to_owned();
        return public(card("No alert fires", Tone::Good, vec![Section::Text(text)]));
    }
    let row = |alert: &ActiveAlert| {
        let about = alert.labels.get("service").or_else(|| alert.labels.get("instance")).cloned();
        let age = layout::duration(now.duration_since(alert.since).unsigned_abs());
        let state = if alert.held_back { format!("held back, {age}") } else { format!("fires for {age}") };
        let severity = alert.labels.get("severity").cloned().unwrap_or_default();
        vec![
            alert.fingerprint.clone(),
            quoted(name(&alert.labels)),
            about.map(|about| quoted(&about)).unwrap_or_default(),
            quoted(&severity),
            state,
        ]
    };
    let columns =
        ["id", "alert", "of", "severity", "state"].map(|heading| column(heading, Align::Left)).to_vec();
    let table = Table { columns, rows: alerts.iter().map(row).collect() };
    let loud = alerts.iter().filter(|alert| !alert.held_back).count();
    let title = format!("{loud} of {} alerts fire, the others are held back", alerts.len());
    let tone = if loud == 0 { Tone::Neutral } else { Tone::Bad };
    public(card(title, tone, vec![Section::Table(table)]))
}

/// None, or several, begin so.
#[must_use]
pub fn no_such_alert(id: &str) -> Reply {
    let text = format!("No single alert has an id that begins with {id}. alert list shows them.");
    public(card("Which alert?", Tone::Warning, vec![Section::Text(text)]))
}

/// It is held back.
#[must_use]
pub fn alert_silenced(name: &str, silence: &NewSilence) -> Reply {
    let matchers: Vec<String> = silence.matchers.iter().map(ToString::to_string).collect();
    let text = format!(
        "Silenced until {}: {}. It holds back what has all of {}.",
        clock_time(silence.ends),
        silence.comment,
        matchers.join(", ")
    );
    public(card(format!("Silenced: {}", quoted(name)), Tone::Good, vec![Section::Text(text)]))
}
