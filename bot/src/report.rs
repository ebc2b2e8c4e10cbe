//! Every text that people read, as functions from facts to replies. No other module words anything.
//!
//! Texts are plain: adapters escape all of it. What is quoted from a person or a program is cleaned
//! and shortened here, and redacted on its way into the outbox.

mod alert;
mod backups;
mod checked;
mod containers;
mod database;
mod deployed;
mod firewall;
mod health;
mod host;
pub mod incident;
mod links;
mod logins;
mod logs;
mod lookup;
mod maintenance;
mod memory;
mod migration;
mod oncall;
mod plain;
pub mod plan;
mod plot;
mod runbook;
mod scan;
mod schedule;
mod secrets;
mod status_page;
mod survey;
mod task;
mod traffic;
mod usage;
mod validation;
mod watch;

use std::net::SocketAddr;

use commands::card::{Align, Button, ButtonStyle, Card, Column, Section, Table, Tone};
use commands::health::ServiceHealth;
use commands::help::Help;
use commands::ids::{RunId, ServiceName};
use commands::intent::Intent;
use commands::message::{Reply, TextFile, Visibility};
use commands::parse::ParseError;
use store::{AuditDecision, AuditOutcome, AuditRow, Verified};

use crate::asked::TYPE_LINE;
use crate::authorize::Refusal;

pub use alert::{ALERTMANAGER, alert, alert_silenced, alerts, no_such_alert};
pub use backups::{backups, no_such_backup, verified};
pub use checked::{administered, backups_checked, index_checked, next_time, rules, weight};
pub use containers::{is_out_of_service, ps};
pub use database::{connections, locks, long_queries, no_users, pinged, slow, unused_indexes, users};
pub use deployed::{checked_out, deployed};
pub use firewall::{blocks, let_in, stays_out};
pub use health::{Waited, health, public_health, service_health, waited, waiting};
pub use host::disk;
pub use links::{address, links, topics};
pub use logins::canary;
pub use logs::{logs, no_container};
pub use lookup::{looked_up, queries, unknown_query};
pub use maintenance::{
    maintained_already, maintenance_begun, maintenance_ended, no_alertmanager, silence_comment,
    silence_stays, which_maintenance,
};
pub use memory::memory_trend;
pub use migration::revisions;
pub use oncall::{contacts, is_reachable, not_reached, oncall, oncall_schedule, preview, shift};
pub use plain::text;
pub use plot::{PlotError, plot};
pub use runbook::{
    StepState, coverage, no_runbook, runbook, runbook_is_good, runbook_progress, runbook_result, runbooks,
};
pub use scan::scanned;
pub use schedule::{backups_too_old, scheduled};
pub use secrets::{no_secrets, rotated_checked, secrets};
pub use status_page::{STATUS_REOPENED, STATUS_RESOLVED, STATUS_UNCHANGED, status_atom, status_html};
pub use survey::{security_events, security_review};
pub use task::{task_done, tasks, unknown_task};
pub use traffic::{auth_failures, errors, latency, security_watch, slow_endpoints};
pub use usage::{is_starved, stats};
pub use validation::validation;
pub use watch::{change, watched, watching};

/// A row of the audit trail in chat is at most this wide; the file has all of it.
const AUDIT_ROWS_IN_CARD: usize = 10;
/// Discord's limit for the value of a button, in bytes (components reference: `custom_id`).
const LONGEST_VALUE: usize = 100;

fn column(heading: &str, align: Align) -> Column {
    Column { heading: heading.to_owned(), align }
}

fn card(title: impl Into<String>, tone: Tone, sections: Vec<Section>) -> Card {
    Card { title: title.into(), tone, sections, buttons: Vec::new(), footer: None }
}

pub(crate) const fn public(card: Card) -> Reply {
    Reply { visibility: Visibility::Public, card, file: None, picture: None, mentions: Vec::new() }
}

const fn private(card: Card) -> Reply {
    Reply { visibility: Visibility::Private, card, file: None, picture: None, mentions: Vec::new() }
}

/// A button that types `line` for whoever clicks it; none if the line is too long for a button.
fn line_button(label: &str, line: &str, style: ButtonStyle) -> Option<Button> {
    let value = format!("{TYPE_LINE}{line}");
    (value.len() <= LONGEST_VALUE).then(|| Button { label: label.to_owned(), value, style })
}

/// A line as typed, made fit to be shown and stored.
#[must_use]
pub fn quoted(line: &str) -> String {
    commands::layout::short(&commands::escape::clean(line), 200)
}

/// A command whose part of the platform is not in the configuration.
#[must_use]
pub fn not_configured(section: &str) -> Reply {
    let text = format!("[{section}] is not in the bot's configuration: add it to look there.");
    public(card(format!("{section} is not configured"), Tone::Neutral, vec![Section::Text(text)]))
}

/// A command whose part of the platform could not be asked.
#[must_use]
pub fn unavailable(part: &str, why: &str) -> Reply {
    let why = commands::layout::short(&commands::escape::clean(why), 300);
    public(card(format!("{part} could not be asked"), Tone::Bad, vec![Section::Text(why)]))
}

/// An answer that was to have a picture.
#[must_use]
pub fn without_picture(mut reply: Reply, why: &str) -> Reply {
    let why = commands::layout::short(&commands::escape::clean(why), 200);
    reply.card.sections.push(Section::Text(format!("No picture of how it went: {why}")));
    reply
}

/// How a service does, in a few words.
#[must_use]
pub fn health_in_a_line(service: &ServiceHealth) -> String {
    health::one_line(service)
}

/// A reply's title and its first sentence, for where there is one line.
#[must_use]
pub fn in_a_line(reply: &Reply) -> String {
    let text = reply.card.sections.iter().find_map(|section| match section {
        Section::Text(text) => Some(text.as_str()),
        Section::Facts(_) | Section::Table(_) | Section::Code(_) | Section::Next(_) => None,
    });
    match text {
        Some(text) => format!("{}: {text}", reply.card.title),
        None => reply.card.title.clone(),
    }
}

/// What a runbook found, and what became of its steps that act.
#[must_use]
pub fn with_acts(mut looked: Reply, asked: &Reply) -> Reply {
    looked.card.sections.push(Section::Text(in_a_line(asked)));
    looked
}

/// What a person may type.
#[must_use]
pub fn help(help: &Help) -> Reply {
    let title = if help.topic.is_empty() {
        "What you can ask me to do".to_owned()
    } else {
        format!("Help: {}", help.topic)
    };
    let mut sections = vec![Section::Text(help.text.clone())];
    if !help.usage.is_empty() {
        sections.push(Section::Code(help.usage.clone()));
    }
    for pairs in [&help.commands, &help.options] {
        if !pairs.is_empty() {
            sections.push(Section::Facts(pairs.clone()));
        }
    }
    if let Some(needs) = help.needs {
        let facts = [("risk", needs.risk.to_string()), ("who may", format!("{} and above", needs.role))];
        sections.push(Section::Facts(facts.map(|(label, value)| (label.to_owned(), value)).into()));
    }
    if !help.examples.is_empty() {
        sections.push(Section::Next(help.examples.clone()));
    }
    public(card(title, Tone::Neutral, sections))
}

/// The audit trail's newest rows; the file has every column of every row.
#[must_use]
pub fn audit(rows: &[AuditRow]) -> Reply {
    if rows.is_empty() {
        return private(card("Audit", Tone::Neutral, vec![Section::Text("No such row.".to_owned())]));
    }
    let table = Table {
        columns: vec![
            column("time", Align::Left),
            column("who", Align::Left),
            column("line", Align::Left),
            column("", Align::Left),
        ],
        rows: rows.iter().rev().take(AUDIT_ROWS_IN_CARD).map(audit_cells).collect(),
    };
    let mut audit =
        card(format!("Audit: {}", rows_word(rows.len())), Tone::Neutral, vec![Section::Table(table)]);
    audit.footer = rows
        .last()
        .map(|row| format!("newest: row {}, hash {}", row.seq, &row.hash[..12.min(row.hash.len())]));
    let file = TextFile { name: "audit.txt".to_owned(), content: audit_file(rows) };
    Reply {
        visibility: Visibility::Private,
        card: audit,
        file: Some(file),
        picture: None,
        mentions: Vec::new(),
    }
}

fn rows_word(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

fn audit_cells(row: &AuditRow) -> Vec<String> {
    let who = row.entry.person.clone().unwrap_or_else(|| row.entry.account.to_string());
    vec![
        row.at.strftime("%m-%d %H:%M").to_string(),
        who,
        row.entry.line.clone(),
        verdict_word(&row.entry.decision, row.entry.outcome).to_owned(),
    ]
}

const fn verdict_word(decision: &AuditDecision, outcome: Option<AuditOutcome>) -> &'static str {
    match (decision, outcome) {
        (AuditDecision::Allowed, Some(AuditOutcome::Done)) => "done",
        (AuditDecision::Allowed, Some(AuditOutcome::Failed)) => "failed",
        (AuditDecision::Allowed, None) => "allowed",
        (AuditDecision::Refused { .. }, _) => "refused",
        (AuditDecision::Unparsed { .. }, _) => "no command",
    }
}

fn audit_file(rows: &[AuditRow]) -> String {
    let line = |row: &AuditRow| {
        let reason = match &row.entry.decision {
            AuditDecision::Allowed => String::new(),
            AuditDecision::Refused { reason } | AuditDecision::Unparsed { reason } => format!(" ({reason})"),
        };
        format!(
            "{} {} run={} account={} person={:?} place={} verb={} line={:?} {}{} hash={}\n",
            row.seq,
            row.at,
            row.entry.run,
            row.entry.account,
            row.entry.person.as_deref().unwrap_or("-"),
            row.entry.place.as_ref().map_or_else(|| "-".to_owned(), |place| place.room.to_string()),
            row.entry.verb,
            row.entry.line,
            verdict_word(&row.entry.decision, row.entry.outcome),
            reason,
            row.hash,
        )
    };
    rows.iter().rev().map(line).collect()
}

/// A line that is no command, with what may have been meant.
#[must_use]
pub fn unparsed(error: &ParseError) -> Reply {
    let mut sections = vec![Section::Text(parse_error(error))];
    sections.push(Section::Next(vec!["help".to_owned()]));
    private(card("Not understood", Tone::Warning, sections))
}

/// What is wrong with a line, in a sentence or two.
#[must_use]
pub fn parse_error(error: &ParseError) -> String {
    error.to_string()
}

/// Why a person may not, in a few words for the audit trail.
#[must_use]
pub fn refusal_reason(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unknown { .. } => "unknown account".to_owned(),
        Refusal::Role { has, needs, .. } => format!("needs {needs}, has {has}"),
        Refusal::Place { .. } => "not an incident channel".to_owned(),
        Refusal::Overheard => "asked where everybody reads the answer".to_owned(),
    }
}

/// Why a person may not and whom to ask.
#[must_use]
pub fn refused(refusal: &Refusal) -> Reply {
    let text = match refusal {
        Refusal::Unknown { ask } => {
            format!("This account is not in the bot's list of people. {}", ask_for(ask, "to add you"))
        }
        Refusal::Role { has, needs, ask } => {
            format!("This needs the role {needs}; yours is {has}. {}", ask_for(ask, "for it"))
        }
        Refusal::Overheard => {
            "The answer is for you alone, and everybody reads what answers a mention. Use the slash command: \
             only you see what it answers."
                .to_owned()
        }
        Refusal::Place { rooms } if rooms.is_empty() => {
            "This is taken in incident channels alone, and none is configured on this platform.".to_owned()
        }
        Refusal::Place { rooms } => {
            let rooms: Vec<_> = rooms.iter().map(|room| room.id.as_str()).collect();
            format!("This is taken in incident channels alone: {}.", rooms.join(", "))
        }
    };
    private(card("Not allowed", Tone::Warning, vec![Section::Text(text)]))
}

fn ask_for(ask: &[String], what: &str) -> String {
    match ask {
        [] => format!("Ask whoever keeps the bot's configuration {what}."),
        names => format!("Ask {} {what}.", names.join(" or ")),
    }
}

/// A command that acts, read long after it was typed: offered again instead of run.
#[must_use]
pub fn stale(intent: &Intent) -> Reply {
    let line = intent.to_string();
    let text = format!(
        "{line:?} was typed more than a minute ago, while I could not read it. Things may have changed, so it did not run."
    );
    let mut stale =
        card("Still wanted?", Tone::Warning, vec![Section::Text(text), Section::Next(vec![line.clone()])]);
    stale.buttons.extend(line_button("Run", &line, ButtonStyle::Danger));
    private(stale)
}

/// Writes the run's id under an answer, so that `audit --run` and the log find it.
#[must_use]
pub fn with_run(mut reply: Reply, run: RunId) -> Reply {
    let footer =
        reply.card.footer.map_or_else(|| format!("run {run}"), |footer| format!("{footer}, run {run}"));
    reply.card.footer = Some(footer);
    reply
}

/// Something went wrong inside; the log has the rest under the run's id.
#[must_use]
pub fn failed(run: RunId) -> Reply {
    let text =
        format!("This failed inside the bot, run id {run}. The bot's log says more; it goes on working.");
    public(card("Failed", Tone::Bad, vec![Section::Text(text)]))
}

/// Marks an answer whose command could not be recorded.
#[must_use]
pub fn unrecorded(mut reply: Reply) -> Reply {
    let note = "Not recorded: the bot's own store takes no writes. See /readyz.".to_owned();
    reply.card.sections.push(Section::Text(note));
    reply
}

/// Nothing is done that can't be recorded.
#[must_use]
pub fn refused_unrecorded(run: RunId) -> Reply {
    let text = format!(
        "Refused: it can't be recorded, since the bot's own store takes no writes. Run id {run}. See /readyz."
    );
    private(card("Not done", Tone::Bad, vec![Section::Text(text)]))
}

/// Description and usage hint of the slash command in the app manifest.
#[must_use]
pub const fn slash_command() -> (&'static str, &'static str) {
    ("Health, help and the audit trail", "health | help | audit")
}

/// What `acgs audit verify` says.
#[must_use]
pub fn audit_verified(verified: &Verified) -> String {
    match verified {
        Verified::Intact { rows: 0, .. } => "The audit trail is empty.".to_owned(),
        Verified::Intact { rows, head } => {
            let head = head.as_ref().map_or_else(String::new, |head| {
                format!(" Its head is row {}, hash {}.", head.seq, head.hash)
            });
            format!(
                "The audit trail is intact: {}.{head}",
                rows_word(usize::try_from(*rows).unwrap_or(usize::MAX))
            )
        }
        Verified::BrokenAt { seq, what } => format!("The audit trail is broken at row {seq}: {what}."),
    }
}

/// A service's line in `acgs check`.
pub fn checked(service: &ServiceHealth) -> Result<String, String> {
    let words = health::one_line(service);
    if service.is_sick() { Err(words) } else { Ok(words) }
}

/// Prometheus' or Alertmanager's line in `acgs check`.
pub fn ready(ready: bool) -> Result<String, String> {
    if ready { Ok("ready".to_owned()) } else { Err("answers and is not ready".to_owned()) }
}

/// The line above the demo's chat.
#[must_use]
pub fn demo_banner(stack: bool) -> String {
    if stack {
        "Demo on the real stack: pick who you are and type health.".to_owned()
    } else {
        "Demo on six sandbox services: pick who you are and type health.".to_owned()
    }
}

/// What `acgs demo` prints when it is up.
#[must_use]
pub fn demo_greeting(address: SocketAddr, services: &[ServiceName], stack: bool) -> String {
    let open = format!("Open http://{address}/ and type: health\n");
    match services.get(1).or(services.first()) {
        Some(service) if !stack => {
            let switches = format!("http://{address}/sandbox/{service}/_sick");
            format!(
                "{open}\nBreak a service and look again:\n  curl -X POST '{switches}?html=1'    (also: down=1 hang=1 drip=1 redirect=1 crash=1 slow_ms=900)\nMend it:\n  curl -X POST '{switches}?well=1'\n\nStop with Ctrl-C."
            )
        }
        _ => format!("{open}\nStop with Ctrl-C."),
    }
}

#[cfg(test)]
mod tests;
