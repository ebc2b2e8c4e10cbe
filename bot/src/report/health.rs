//! The health card: sick ones first, a verdict, and for what is sick the next line to type.

use std::time::Duration;

use commands::card::{Align, ButtonStyle, Card, Section, Table, Tone};
use commands::health::{
    AlertmanagerHealth, Container, ContainerHealth, ContainerState, DatabaseHealth, DatabasePing,
    HealthReport, Part, Probe, ProbeOutcome, PrometheusHealth, PublicHealth, Reading, ServiceHealth, Silence,
    Verdict,
};
use commands::layout;
use commands::message::Reply;
use jiff::Timestamp;
use url::{Position, Url};

use super::{card, column, line_button, public};

/// Down targets and firing alerts named before "and N more".
const NAMED: usize = 3;

/// How a wait for recovery goes.
#[derive(Clone, Copy, Debug)]
pub struct Waited {
    /// Looks so far.
    pub looks: u32,
    /// Good ones in a row, up to now.
    pub good: u32,
    /// How many in a row count as recovered.
    pub of: u32,
    /// Since the first look.
    pub took: Duration,
    /// When it gives up.
    pub limit: Duration,
}

/// The whole platform.
#[must_use]
pub fn health(report: &HealthReport) -> Reply {
    let verdict = report.verdict();
    let mut sections = Vec::new();
    let faults: Vec<String> = report.services.iter().filter(|service| service.is_sick()).map(fault).collect();
    if !faults.is_empty() {
        sections.push(Section::Text(faults.join("\n")));
    }
    if report.services.is_empty() {
        sections.push(Section::Text(
            "No service is configured: add [[service]] to the configuration.".to_owned(),
        ));
    } else {
        sections.push(Section::Table(services_table(&report.services, report.as_of)));
    }
    sections.push(Section::Facts(vec![
        ("Docker".to_owned(), docker(&report.services)),
        ("PostgreSQL".to_owned(), reading(&report.database, database)),
        ("Prometheus".to_owned(), reading(&report.prometheus, prometheus)),
        ("Alertmanager".to_owned(), reading(&report.alertmanager, alertmanager)),
    ]));
    let mut next: Vec<String> =
        report.services.iter().filter(|service| service.is_sick()).map(next_line).collect();
    if !verdict.concerns.is_empty() {
        next.push("health".to_owned());
    }
    if !next.is_empty() {
        sections.push(Section::Next(next));
    }
    let mut health = card(title(&verdict), verdict.tone, sections);
    health.footer = Some(as_of(report.as_of, report.took));
    health.buttons.extend(line_button("Check again", "health", ButtonStyle::Plain));
    public(health)
}

/// The verdict in a line: what is sick, and what an incident would be opened with.
pub(super) fn title(verdict: &Verdict) -> String {
    let services = match (verdict.sick, verdict.services) {
        (0, 0) => "No service is configured".to_owned(),
        (0, all) => format!("All {all} services are well"),
        (1, all) => format!("1 of {all} services is sick"),
        (sick, all) => format!("{sick} of {all} services are sick"),
    };
    let concerns: Vec<&str> = verdict.concerns.iter().map(|part| part_word(*part)).collect();
    let concerns =
        if concerns.is_empty() { String::new() } else { format!("; look at {}", concerns.join(", ")) };
    let severity = verdict.severity.map_or_else(String::new, |severity| format!(" ({})", severity.as_str()));
    format!("{services}{concerns}{severity}")
}

const fn part_word(part: Part) -> &'static str {
    match part {
        Part::Database => "PostgreSQL",
        Part::Docker => "Docker",
        Part::Prometheus => "Prometheus",
        Part::Alertmanager => "Alertmanager",
    }
}

/// One service with all that is known.
#[must_use]
pub fn service_health(service: &ServiceHealth, now: Timestamp) -> Reply {
    let mut health = service_card(service, now);
    health.footer = Some(as_of(now, service.probe.took));
    health.buttons.extend(line_button(
        "Check again",
        &format!("health {}", service.name),
        ButtonStyle::Plain,
    ));
    public(health)
}

/// The public address, and how long its certificate is good.
#[must_use]
pub fn public_health(url: &Url, health: &PublicHealth, now: Timestamp) -> Reply {
    let host = url[Position::BeforeHost..Position::AfterPort].to_owned();
    let days = health.days_left(now);
    let certificate = match (health.certificate_ends, days) {
        (Some(ends), Some(days)) => format!("good for {days} days, until {}", clock_time(ends)),
        _ if url.scheme() == "https" => "none was shown".to_owned(),
        _ => "none: the address is not https".to_owned(),
    };
    let (title, tone) = if !health.probe.outcome.is_healthy() {
        (format!("{host} is sick"), Tone::Bad)
    } else if health.is_well(now) {
        (format!("{host} is well"), Tone::Good)
    } else {
        (format!("The certificate of {host} is about to end"), Tone::Bad)
    };
    let facts = [("answer", probe_words(&health.probe)), ("certificate", certificate)];
    let facts = facts.map(|(label, value)| (label.to_owned(), value)).into();
    let mut public = card(title, tone, vec![Section::Facts(facts)]);
    public.footer = Some(as_of(now, health.probe.took));
    super::public(public)
}

/// Between two looks of a wait.
#[must_use]
pub fn waiting(services: &[ServiceHealth], waited: &Waited, now: Timestamp) -> Reply {
    let title =
        format!("Waiting for {}: {} of {} good answers in a row", names(services), waited.good, waited.of);
    let limit = format!(
        "gives up after {}, {} so far",
        layout::duration(waited.limit),
        layout::duration(waited.took)
    );
    public(wait_card(title, Tone::Neutral, services, &limit, now))
}

/// The end of a wait.
#[must_use]
pub fn waited(services: &[ServiceHealth], waited: &Waited, now: Timestamp) -> Reply {
    let took = layout::duration(waited.took);
    let (title, tone) = if waited.good >= waited.of {
        (format!("{} well: {} good answers in a row", names(services), waited.of), Tone::Good)
    } else {
        (format!("{} not well after {took}", names(services)), Tone::Bad)
    };
    public(wait_card(title, tone, services, &format!("{} looks in {took}", waited.looks), now))
}

fn names(services: &[ServiceHealth]) -> String {
    match services {
        [one] => one.name.to_string(),
        all => format!("{} services", all.len()),
    }
}

fn wait_card(title: String, tone: Tone, services: &[ServiceHealth], footer: &str, now: Timestamp) -> Card {
    let mut sections = vec![Section::Table(services_table(services, now))];
    let faults: Vec<String> = services.iter().filter(|service| service.is_sick()).map(fault).collect();
    if !faults.is_empty() {
        sections.insert(0, Section::Text(faults.join("\n")));
    }
    let mut wait = card(title, tone, sections);
    wait.footer = Some(format!("as of {}, {footer}", clock_time(now)));
    wait
}

fn as_of(at: Timestamp, took: Duration) -> String {
    format!("as of {}, looked for {}", clock_time(at), layout::duration(took))
}

pub(super) fn clock_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn services_table(services: &[ServiceHealth], now: Timestamp) -> Table {
    let with_containers = services.iter().any(|service| service.container != Reading::NotConfigured);
    let mut columns =
        vec![column("service", Align::Left), column("says", Align::Left), column("took", Align::Right)];
    if with_containers {
        columns.push(column("container", Align::Left));
    }
    let row = |service: &ServiceHealth| {
        let mut cells = vec![
            service.name.to_string(),
            says(&service.probe.outcome),
            layout::duration(service.probe.took),
        ];
        if with_containers {
            cells.push(container_cell(&service.container, now));
        }
        cells
    };
    Table { columns, rows: services.iter().map(row).collect() }
}

/// Code and word, short enough for a table.
pub(super) fn says(outcome: &ProbeOutcome) -> String {
    match outcome {
        ProbeOutcome::Healthy { status } => format!("200 {status}"),
        ProbeOutcome::Unhealthy { code, status } => {
            format!("{code} {}", status.as_deref().unwrap_or("no status"))
        }
        ProbeOutcome::Redirect { code, .. } => format!("{code} redirect"),
        ProbeOutcome::NotJson { code, .. } => format!("{code} not JSON"),
        ProbeOutcome::NoStatus { code } => format!("{code} no status"),
        ProbeOutcome::TooLarge { code } => format!("{code} too large"),
        ProbeOutcome::Frozen => "frozen".to_owned(),
        ProbeOutcome::Slow { code } => format!("{code} slow drip"),
        ProbeOutcome::Refused => "dead".to_owned(),
        ProbeOutcome::Broken(_) => "broke off".to_owned(),
        ProbeOutcome::Unreachable(_) => "unreachable".to_owned(),
    }
}

/// What is wrong with one service, in a sentence.
fn fault(service: &ServiceHealth) -> String {
    format!("{}: {}", service.name, one_line(service))
}

/// What is right or wrong with one service, without its name.
pub(super) fn one_line(service: &ServiceHealth) -> String {
    let mut words = vec![probe_words(&service.probe)];
    if let Reading::Read(Some(container)) = &service.container {
        words.extend(container_fault(container));
    }
    words.join("; ")
}

fn probe_words(probe: &Probe) -> String {
    let took = layout::duration(probe.took);
    match &probe.outcome {
        ProbeOutcome::Healthy { status } => format!("answers 200 and says {status:?} after {took}"),
        ProbeOutcome::Unhealthy { code, status: Some(status) } => {
            format!("answers {code} and says {status:?}")
        }
        ProbeOutcome::Unhealthy { code, status: None } => format!("answers {code} without saying why"),
        ProbeOutcome::Redirect { code, to: Some(to) } => {
            format!("answers {code}, a redirect to {to}, which a health check does not follow")
        }
        ProbeOutcome::Redirect { code, to: None } => {
            format!("answers {code}, a redirect, which a health check does not follow")
        }
        ProbeOutcome::NotJson { code, content_type } => format!(
            "answers {code} with {} instead of JSON: an error page of something in front of it?",
            content_type.as_deref().unwrap_or("something unnamed")
        ),
        ProbeOutcome::NoStatus { code } => format!("answers {code} with JSON that has no .status"),
        ProbeOutcome::TooLarge { code } => format!("answers {code} with more than 64 KiB"),
        ProbeOutcome::Frozen => format!("takes connections and does not answer within {took}: frozen"),
        ProbeOutcome::Slow { code } => format!("began to answer {code} and did not end within {took}"),
        ProbeOutcome::Refused => "nobody listens on its port: dead".to_owned(),
        ProbeOutcome::Broken(why) => format!("broke off in the middle of the answer ({why})"),
        ProbeOutcome::Unreachable(why) => format!("can't be reached ({why})"),
    }
}

fn container_fault(container: &Container) -> Option<String> {
    match (container.state, container.health) {
        (ContainerState::Running, Some(ContainerHealth::Unhealthy)) => {
            Some("its container's own check fails".to_owned())
        }
        (ContainerState::Running, _) => None,
        (ContainerState::Exited, _) => {
            let code = container.exit_code.map_or_else(String::new, |code| format!(" with code {code}"));
            let memory = if container.oom_killed { ", killed for want of memory" } else { "" };
            Some(format!("its container exited{code}{memory}"))
        }
        (state, _) => Some(format!("its container is {}", state.as_str())),
    }
}

fn container_cell(container: &Reading<Option<Container>>, now: Timestamp) -> String {
    match container {
        Reading::NotConfigured => String::new(),
        Reading::Unavailable(_) => "Docker?".to_owned(),
        Reading::Read(None) => "none".to_owned(),
        Reading::Read(Some(container)) => container_words(container, now),
    }
}

pub(super) fn container_words(container: &Container, now: Timestamp) -> String {
    let mut words = match (container.state, container.started_at) {
        (ContainerState::Running, Some(started)) => {
            format!(
                "up {}",
                layout::duration(Duration::try_from(now.duration_since(started)).unwrap_or_default())
            )
        }
        (state, _) => state.as_str().to_owned(),
    };
    if let Some(health) = container.health {
        words.push_str(", ");
        words.push_str(health.as_str());
    }
    match container.restart_count {
        0 => {}
        1 => words.push_str(", 1 restart"),
        count => words.push_str(&format!(", {count} restarts")),
    }
    words
}

fn next_line(service: &ServiceHealth) -> String {
    format!("health {} --wait 60", service.name)
}

fn service_card(service: &ServiceHealth, now: Timestamp) -> Card {
    let (title, tone) = if service.is_sick() {
        (format!("{} is sick", service.name), Tone::Bad)
    } else {
        (format!("{} is well", service.name), Tone::Good)
    };
    let mut facts = vec![
        ("answer".to_owned(), probe_words(&service.probe)),
        ("latency".to_owned(), layout::duration(service.probe.took)),
        (
            "critical".to_owned(),
            if service.critical { "yes: the platform is down without it" } else { "no" }.to_owned(),
        ),
    ];
    facts.extend(container_facts(&service.container, now));
    let mut sections = vec![Section::Facts(facts)];
    if service.is_sick() {
        sections.push(Section::Next(vec![next_line(service)]));
    }
    card(title, tone, sections)
}

fn container_facts(container: &Reading<Option<Container>>, now: Timestamp) -> Vec<(String, String)> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    match container {
        Reading::NotConfigured => vec![fact("container", "Docker is not configured".to_owned())],
        Reading::Unavailable(why) => vec![fact("container", format!("unknown: {why}"))],
        Reading::Read(None) => vec![fact("container", "Docker has none for this service".to_owned())],
        Reading::Read(Some(container)) => {
            let mut facts = vec![
                fact(
                    "container",
                    format!("{} ({})", container.name, &container.id[..12.min(container.id.len())]),
                ),
                fact("state", container_words(container, now)),
            ];
            if let Some(started) = container.started_at {
                facts.push(fact("started", clock_time(started)));
            }
            facts.extend(container_fault(container).map(|what| fact("fault", what)));
            facts
        }
    }
}

fn reading<T>(reading: &Reading<T>, words: impl FnOnce(&T) -> String) -> String {
    match reading {
        Reading::NotConfigured => "not configured".to_owned(),
        Reading::Unavailable(why) => format!("unavailable: {why}"),
        Reading::Read(value) => words(value),
    }
}

/// The engine, as far as the services' containers tell.
fn docker(services: &[ServiceHealth]) -> String {
    if services.iter().all(|service| service.container == Reading::NotConfigured) {
        return "not configured".to_owned();
    }
    let unread: Vec<(&ServiceHealth, &String)> = services
        .iter()
        .filter_map(|service| match &service.container {
            Reading::Unavailable(why) => Some((service, why)),
            Reading::NotConfigured | Reading::Read(_) => None,
        })
        .collect();
    let found = services.iter().filter(|service| matches!(service.container, Reading::Read(Some(_)))).count();
    match unread.as_slice() {
        [] => format!("answers; containers of {found} of {} services found", services.len()),
        [(_, why), ..] if unread.len() == services.len() => format!("unavailable: {why}"),
        [(service, why), ..] => {
            format!(
                "answers; containers of {found} of {} services found, {} can't be read ({}: {why})",
                services.len(),
                unread.len(),
                service.name
            )
        }
    }
}

pub(super) fn ping_words(ping: &DatabasePing) -> String {
    match ping {
        DatabasePing::Answered(took) => format!("answers in {}", layout::duration(*took)),
        DatabasePing::Full => "full: every connection is taken".to_owned(),
        DatabasePing::NotAccepting(why) => format!("not accepting connections ({why})"),
        DatabasePing::Denied(why) => format!("refuses the bot ({why}): check [postgres] url"),
        DatabasePing::Refused => "nobody listens on its port: dead".to_owned(),
        DatabasePing::TimedOut => "does not answer: frozen".to_owned(),
        DatabasePing::Failed(why) => format!("failed: {why}"),
    }
}

fn database(health: &DatabaseHealth) -> String {
    let ping = ping_words(&health.ping);
    match health.seats {
        Some(seats) => {
            format!("{ping}; {} of {} connections used, {} reserved", seats.used, seats.max, seats.reserved)
        }
        None => ping,
    }
}

fn prometheus(health: &PrometheusHealth) -> String {
    let ready = if health.ready { "ready" } else { "not ready" };
    if health.targets_down.is_empty() {
        return format!("{ready}; all {} targets up", health.targets_up);
    }
    let down: Vec<String> =
        health.targets_down.iter().map(|target| format!("{} {}", target.job, target.instance)).collect();
    format!("{ready}; {} up, {} down: {}", health.targets_up, down.len(), named(&down))
}

fn alertmanager(health: &AlertmanagerHealth) -> String {
    let ready = if health.ready { "ready" } else { "not ready" };
    let firing = match health.firing.len() {
        0 => "nothing fires".to_owned(),
        1 => format!("1 alert fires: {}", named(&health.firing)),
        count => format!("{count} alerts fire: {}", named(&health.firing)),
    };
    format!("{ready}; {firing}{}", silenced(&health.silences))
}

/// Quiet may be made: what is held back, by whom and until when.
fn silenced(silences: &[Silence]) -> String {
    let silences: Vec<String> = silences
        .iter()
        .map(|silence| {
            let (what, until) = (layout::short(&silence.matchers, 60), clock_time(silence.until));
            let (by, why) = (layout::short(&silence.by, 30), layout::short(&silence.comment, 60));
            format!("{what} until {until} by {by} ({why})")
        })
        .collect();
    if silences.is_empty() { String::new() } else { format!("; silenced: {}", listed(&silences)) }
}

fn listed(all: &[String]) -> String {
    let mut text = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > NAMED {
        text.push_str(&format!(" and {} more", all.len() - NAMED));
    }
    text
}

fn named(all: &[String]) -> String {
    listed(&all.iter().map(|name| layout::short(name, 60)).collect::<Vec<_>>())
}
