//! The card about how memory goes.

use commands::card::{Align, Section, Table, Tone};
use commands::layout;
use commands::memory::{GROWING, MemoryTrend, ServiceMemory, Trend};
use commands::message::Reply;
use commands::period::Period;
use commands::traffic::Measured;
use jiff::Timestamp;

use super::health::clock_time;
use super::host::bytes;
use super::traffic::warnings;
use super::{card, column, public};

/// The memory of each service's process, the fastest growing first.
#[must_use]
pub fn memory_trend(trend: &MemoryTrend, over: Period, now: Timestamp) -> Reply {
    let mut services: Vec<&ServiceMemory> = trend.services.iter().collect();
    services.sort_by(|a, b| speed(b).total_cmp(&speed(a)));
    let growing: Vec<&&ServiceMemory> =
        services.iter().filter(|one| matches!(one.trend(), Trend::Grows(_))).collect();
    let unknown = services.iter().filter(|one| one.trend() == Trend::NotReported).count();
    let title = match growing.as_slice() {
        [] if unknown == services.len() => "Nobody reports the services' memory".to_owned(),
        [] => format!("No service grows by more than {:.0} % an hour", GROWING * 100.0),
        [one] => format!("{} needs more and more memory: {} an hour", one.service, hourly(one)),
        growing => format!("{} services need more and more memory", growing.len()),
    };
    let tone = match (growing.len(), unknown) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Warning,
        (_, _) => Tone::Bad,
    };
    let table = Table {
        columns: vec![
            column("service", Align::Left),
            column("now", Align::Right),
            column("an hour", Align::Right),
            column("restarts", Align::Right),
        ],
        rows: services.iter().map(|one| cells(one)).collect(),
    };
    let mut sections = vec![Section::Table(table)];
    if services.iter().any(|one| one.trend() == Trend::Restarted) {
        let text = "A service that began anew meanwhile has no trend over this time: take a shorter one.";
        sections.push(Section::Text(text.to_owned()));
    }
    sections.extend(warnings(&trend.warnings));
    if let Some(first) = growing.first() {
        let lines = [format!("stats {}", first.service), format!("logs {} --since 1h", first.service)];
        sections.push(Section::Next(lines.into()));
    }
    let mut card = card(title, tone, sections);
    let over = layout::duration(over.into());
    card.footer = Some(format!("as of {}, over {over}; memory: resident, of the process", clock_time(now)));
    public(card)
}

/// What is not known may be the worst.
fn speed(one: &ServiceMemory) -> f64 {
    match one.trend() {
        Trend::Grows(hourly) | Trend::Steady(hourly) => hourly,
        Trend::Restarted => 0.0,
        Trend::NotReported => f64::INFINITY,
    }
}

fn hourly(one: &ServiceMemory) -> String {
    let signed = |hourly: f64| {
        let size = bytes(whole(hourly.abs()));
        if hourly < 0.0 { format!("-{size}") } else { format!("+{size}") }
    };
    match one.trend() {
        Trend::NotReported => "not reported".to_owned(),
        Trend::Restarted => "restarted".to_owned(),
        Trend::Grows(hourly) | Trend::Steady(hourly) => signed(hourly),
    }
}

fn cells(one: &ServiceMemory) -> Vec<String> {
    let now = match one.now {
        Measured::Value(now) => bytes(whole(now)),
        Measured::NotReported | Measured::NoTraffic => "not reported".to_owned(),
    };
    let restarts =
        one.restarts.as_ref().map_or_else(|| "0".to_owned(), |restarts| format!("{:.0}", restarts.count));
    vec![one.service.to_string(), now, hourly(one), restarts]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bytes, cut at what a number can hold"
)]
const fn whole(bytes: f64) -> u64 {
    bytes as u64
}
