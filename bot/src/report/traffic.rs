//! Cards about the services' requests.

use commands::card::{Align, Column, Section, Table, Tone};
use commands::message::Reply;
use commands::period::Period;
use commands::traffic::{ErrorRates, HIGH_ERROR_RATIO, Measured, ServiceErrors};
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
    let tone = match (high, silent) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Warning,
        _ => Tone::Bad,
    };
    let column = |heading: &str, align| Column { heading: heading.to_owned(), align };
    let table = Table {
        columns: vec![
            column("service", Align::Left),
            column("errors", Align::Right),
            column("5xx/s", Align::Right),
            column("answers/s", Align::Right),
        ],
        rows: services.iter().map(|service| cells(service)).collect(),
    };
    let mut sections = vec![Section::Table(table)];
    sections.extend(warnings(&rates.warnings));
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("over the last {window}, as of {}", clock_time(now)));
    public(card)
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
    let rate = |measured| words(measured, |rate| format!("{rate:.2}"));
    vec![service.service.to_string(), percent, rate(service.errors), rate(service.requests)]
}

fn words(measured: Measured, value: impl FnOnce(f64) -> String) -> String {
    match measured {
        Measured::NotReported => "not reported".to_owned(),
        Measured::NoTraffic => "no traffic".to_owned(),
        Measured::Value(number) => value(number),
    }
}

fn warnings(all: &[String]) -> Option<Section> {
    (!all.is_empty()).then(|| Section::Text(format!("Prometheus warns: {}", all.join("; "))))
}
