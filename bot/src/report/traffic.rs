//! Cards about the services' requests.

use std::cmp::Ordering;
use std::time::Duration;

use commands::card::{Align, Card, Column, Section, Table, Tone};
use commands::layout;
use commands::message::Reply;
use commands::period::Period;
use commands::traffic::{
    AuthFailure, AuthFailures, EndpointLatency, ErrorRates, HIGH_AUTH_FAILURES, HIGH_ERROR_RATIO, Latencies,
    Latency, Measured, Quantile, Restarts, SLOW_SECONDS, SecurityEvent, SecurityEvents, ServiceErrors,
    ServiceLatency, SlowEndpoints,
};
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, public};

/// Errors of each service, the worst first.
#[must_use]
pub fn errors(rates: &ErrorRates, window: Period, now: Timestamp) -> Reply {
    let mut services: Vec<&ServiceErrors> = rates.services.iter().collect();
    services.sort_by(|a, b| order(b.ratio()).total_cmp(&order(a.ratio())));
    let high = services.iter().filter(|service| service.is_high()).count();
    let silent = services.iter().filter(|service| service.ratio() == Measured::NotReported).count();
    let limit = HIGH_ERROR_RATIO * 100.0;
    let title = match (high, silent) {
        (0, 0) => format!("No service has more than {limit} % errors"),
        (0, silent) => format!("No service has more than {limit} % errors; {silent} not reported"),
        (1, _) => format!("1 service has more than {limit} % errors"),
        (high, _) => format!("{high} services have more than {limit} % errors"),
    };
    let table = Table {
        columns: vec![words_column("service"), numbers("errors"), numbers("5xx/s"), numbers("answers/s")],
        rows: services.iter().map(|service| cells(service)).collect(),
    };
    let mut sections = vec![Section::Table(table)];
    sections.extend(warnings(&rates.warnings));
    over(window, now, card(title, tone(high, silent), sections))
}

/// The time that most answers of each service took, the slowest first.
#[must_use]
pub fn latency(latencies: &Latencies, quantile: Quantile, window: Period, now: Timestamp) -> Reply {
    let mut services: Vec<&ServiceLatency> = latencies.services.iter().collect();
    services.sort_by(|a, b| latency_order(b.latency).total_cmp(&latency_order(a.latency)));
    let slow: Vec<&&ServiceLatency> = services.iter().filter(|service| service.latency.is_slow()).collect();
    let silent = services.iter().filter(|service| service.latency == Latency::NotReported).count();
    let limit = layout::duration(Duration::from_secs_f64(SLOW_SECONDS));
    let share = percentile(quantile);
    let title = match (slow.as_slice(), silent) {
        ([], 0) => format!("No service is slower than {limit} ({share})"),
        ([], silent) => format!("No service is slower than {limit} ({share}); {silent} not reported"),
        ([one], _) => format!("{} is slow: {share} {}", one.service, latency_words(one.latency)),
        (slow, _) => format!("{} services are slower than {limit} ({share})", slow.len()),
    };
    let table = Table {
        columns: vec![words_column("service"), numbers(&share), numbers("answers/s")],
        rows: services
            .iter()
            .map(|service| {
                let latency = latency_words(service.latency);
                vec![service.service.to_string(), latency, words(service.requests, rate)]
            })
            .collect(),
    };
    let mut sections = vec![Section::Table(table)];
    sections.extend(warnings(&latencies.warnings));
    if let Some(slowest) = slow.first() {
        let next = ["latency --top 10".to_owned(), format!("health {}", slowest.service)];
        sections.push(Section::Next(next.into()));
    }
    over(window, now, card(title, tone(slow.len(), silent), sections))
}

/// The slowest endpoints, the slowest first.
#[must_use]
pub fn slow_endpoints(slow: &SlowEndpoints, quantile: Quantile, window: Period, now: Timestamp) -> Reply {
    let over_limit = slow.endpoints.iter().filter(|endpoint| endpoint.latency.is_slow()).count();
    let limit = layout::duration(Duration::from_secs_f64(SLOW_SECONDS));
    let share = percentile(quantile);
    let title = match (slow.endpoints.first(), over_limit) {
        (None, _) => "No endpoint has enough traffic to be judged".to_owned(),
        (Some(_), 0) => format!("No endpoint is slower than {limit} ({share})"),
        (Some(slowest), 1) => {
            let name = layout::short(&endpoint_name(slowest), 60);
            format!("{name} is slow: {share} {}", latency_words(slowest.latency))
        }
        (Some(_), count) => format!("{count} endpoints are slower than {limit} ({share})"),
    };
    let table = Table {
        columns: vec![numbers(&share), numbers("1/s"), words_column("service"), words_column("endpoint")],
        rows: slow
            .endpoints
            .iter()
            .map(|endpoint| {
                let latency = latency_words(endpoint.latency);
                let requests = words(endpoint.requests, rate);
                vec![latency, requests, endpoint.service.clone(), endpoint_name(endpoint)]
            })
            .collect(),
    };
    let mut sections = Vec::new();
    if !slow.endpoints.is_empty() {
        sections.push(Section::Table(table));
    }
    sections.extend(warnings(&slow.warnings));
    let silent = usize::from(slow.endpoints.is_empty());
    over(window, now, card(title, tone(over_limit, silent), sections))
}

/// Refused logins and tokens, the most first.
#[must_use]
pub fn auth_failures(auth: &AuthFailures, window: Period, now: Timestamp) -> Reply {
    let title = match auth.by_service().first() {
        None => "Failed logins are not reported".to_owned(),
        Some((service, per_second)) if auth.is_high() => {
            format!("{}: {} failed logins and tokens a second", layout::short(service, 60), rate(*per_second))
        }
        Some(_) => format!("No service refuses more than {HIGH_AUTH_FAILURES} logins and tokens a second"),
    };
    let silent = usize::from(auth.failures.is_empty());
    let mut sections = Vec::new();
    if !auth.failures.is_empty() {
        sections.push(Section::Table(failures_table(&auth.failures, window)));
    }
    let refused = match (auth.refused_logins, auth.logins) {
        (Measured::Value(refused), Measured::Value(all)) if all > 0.0 => {
            format!("{}/s, {:.0} % of them", rate(refused), refused / all * 100.0)
        }
        (Measured::Value(_), Measured::Value(_)) => "no traffic".to_owned(),
        (refused, _) => words(refused, |value| format!("{}/s", rate(value))),
    };
    let logins = words(auth.logins, |value| format!("{}/s", rate(value)));
    let facts = [("login requests", logins), ("refused (401, 403)", refused)];
    sections.push(Section::Facts(facts.map(|(label, value)| (label.to_owned(), value)).into()));
    sections.extend(restarted(&auth.restarts));
    sections.extend(warnings(&auth.warnings));
    if auth.is_high() {
        sections.push(Section::Next(vec!["security watch".to_owned()]));
    }
    over(window, now, card(title, tone(usize::from(auth.is_high()), silent), sections))
}

fn failures_table(failures: &[AuthFailure], window: Period) -> Table {
    let mut failures: Vec<&AuthFailure> = failures.iter().collect();
    failures.sort_by(|a, b| order(b.per_second).total_cmp(&order(a.per_second)));
    let row = |failure: &&AuthFailure| {
        let count = words(failure.per_second, |value| count(value * f64::from(window.as_secs())));
        vec![failure.service.clone(), failure.reason.clone(), words(failure.per_second, rate), count]
    };
    Table {
        columns: vec![words_column("service"), words_column("reason"), numbers("1/s"), numbers("in all")],
        rows: failures.iter().map(row).collect(),
    }
}

/// What the services took for attacks, the severe first.
#[must_use]
pub fn security_watch(security: &SecurityEvents, window: Period, now: Timestamp) -> Reply {
    let mut events: Vec<&SecurityEvent> = security.events.iter().collect();
    events.sort_by(|a, b| {
        (is_severe(b), order(b.count)).partial_cmp(&(is_severe(a), order(a.count))).unwrap_or(Ordering::Equal)
    });
    let happened: Vec<&&SecurityEvent> = events.iter().filter(|event| event.happened()).collect();
    let sum: f64 = happened.iter().map(|event| order(event.count)).sum();
    let restarts = security.restarts.len();
    let title = match (happened.len(), restarts) {
        (0, _) if events.is_empty() => "Security events are not reported".to_owned(),
        (0, 0) => "No security event".to_owned(),
        (0, 1) => "No security event was seen, but a service was restarted".to_owned(),
        (0, restarts) => format!("No security event was seen, but {restarts} services were restarted"),
        (_, _) if count(sum) == "1" => "1 security event".to_owned(),
        (_, _) => format!("{} security events", count(sum)),
    };
    let tone = match happened.as_slice() {
        [] if events.is_empty() => Tone::Bad,
        [] if restarts == 0 && security.silent.is_empty() => Tone::Good,
        [] => Tone::Warning,
        [first, ..] if is_severe(first) => Tone::Bad,
        [..] => Tone::Warning,
    };
    let mut sections = Vec::new();
    if !events.is_empty() {
        sections.push(Section::Table(Table {
            columns: vec![words_column("type"), words_column("severity"), numbers("events")],
            rows: events
                .iter()
                .map(|event| {
                    vec![event.event_type.clone(), event.severity.clone(), words(event.count, count)]
                })
                .collect(),
        }));
    }
    sections.extend(restarted(&security.restarts));
    if !security.silent.is_empty() {
        let names: Vec<String> = security.silent.iter().map(ToString::to_string).collect();
        sections.push(Section::Text(format!("Not reported by {}.", names.join(", "))));
    }
    sections.extend(warnings(&security.warnings));
    if !happened.is_empty() {
        sections.push(Section::Next(vec!["auth failures".to_owned(), "health".to_owned()]));
    }
    over(window, now, card(title, tone, sections))
}

fn is_severe(event: &SecurityEvent) -> bool {
    matches!(event.severity.as_str(), "high" | "critical")
}

fn restarted(restarts: &[Restarts]) -> Option<Section> {
    let one = |restarts: &Restarts| {
        let times = match count(restarts.count).as_str() {
            "1" => "once".to_owned(),
            times => format!("{times} times"),
        };
        format!("{} was restarted {times}", restarts.service)
    };
    let all = restarts.iter().map(one).collect::<Vec<_>>().join(", ");
    let why = "its counts began at zero again, so quiet since then says nothing of what was before";
    (!restarts.is_empty()).then(|| Section::Text(format!("{all}: {why}.")))
}

fn over(window: Period, now: Timestamp, mut card: Card) -> Reply {
    card.footer = Some(format!("over the last {window}, as of {}", clock_time(now)));
    public(card)
}

const fn tone(bad: usize, silent: usize) -> Tone {
    match (bad, silent) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Warning,
        _ => Tone::Bad,
    }
}

fn words_column(heading: &str) -> Column {
    Column { heading: heading.to_owned(), align: Align::Left }
}

fn numbers(heading: &str) -> Column {
    Column { heading: heading.to_owned(), align: Align::Right }
}

/// `p95`, `p99.9`.
pub(super) fn percentile(quantile: Quantile) -> String {
    format!("p{}", quantile.percent())
}

fn endpoint_name(endpoint: &EndpointLatency) -> String {
    format!("{} {}", endpoint.method, endpoint.endpoint)
}

fn latency_words(latency: Latency) -> String {
    match latency {
        Latency::NotReported => "not reported".to_owned(),
        Latency::NoTraffic => "no traffic".to_owned(),
        Latency::Seconds(seconds) if seconds < 0.01 => format!("{:.1} ms", seconds * 1_000.0),
        Latency::Seconds(seconds) if seconds < 1.0 => format!("{:.0} ms", seconds * 1_000.0),
        Latency::Seconds(seconds) => format!("{seconds:.2} s"),
        Latency::Above(Some(edge)) => format!("> {edge} s"),
        Latency::Above(None) => "not known".to_owned(),
    }
}

/// The slowest, then what is known, then what is not.
const fn latency_order(latency: Latency) -> f64 {
    match latency {
        Latency::Above(_) => f64::INFINITY,
        Latency::Seconds(seconds) => seconds,
        Latency::NotReported => -1.0,
        Latency::NoTraffic => -2.0,
    }
}

fn rate(value: f64) -> String {
    format!("{value:.2}")
}

/// A number of events, which Prometheus' extension to the window's edges makes uneven.
fn count(value: f64) -> String {
    if value > 0.0 && value < 0.5 { "<1".to_owned() } else { format!("{value:.0}") }
}

/// What is high, then what is known, then what is not.
const fn order(ratio: Measured) -> f64 {
    match ratio {
        Measured::Value(ratio) => ratio,
        Measured::NotReported => -1.0,
        Measured::NoTraffic => -2.0,
    }
}

fn cells(service: &ServiceErrors) -> Vec<String> {
    let percent = words(service.ratio(), |ratio| format!("{:.1} %", ratio * 100.0));
    vec![service.service.to_string(), percent, words(service.errors, rate), words(service.requests, rate)]
}

fn words(measured: Measured, value: impl FnOnce(f64) -> String) -> String {
    match measured {
        Measured::NotReported => "not reported".to_owned(),
        Measured::NoTraffic => "no traffic".to_owned(),
        Measured::Value(number) => value(number),
    }
}

pub(super) fn warnings(all: &[String]) -> Option<Section> {
    (!all.is_empty()).then(|| Section::Text(format!("Prometheus warns: {}", all.join("; "))))
}
