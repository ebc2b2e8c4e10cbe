//! The card about what containers use.

use std::cmp::Ordering;

use commands::card::{Align, Column, Section, Table, Tone};
use commands::containers::{FULL_MEMORY, HIGH_MEMORY, Measured, Usage, UsageOrder};
use commands::ids::ServiceName;
use commands::message::Reply;
use jiff::Timestamp;

use super::health::clock_time;
use super::host::bytes;
use super::{card, public};

/// Whether a container is about to be killed for want of memory.
#[must_use]
pub fn is_starved(one: &Measured) -> bool {
    ratio(one).is_some_and(|ratio| ratio >= FULL_MEMORY)
}

/// Every running container, the hungriest first.
#[must_use]
pub fn stats(
    service: Option<&ServiceName>,
    mut measured: Vec<Measured>,
    order: UsageOrder,
    now: Timestamp,
) -> Reply {
    measured.sort_by(|one, other| hungrier(one, other, order));
    let sections = if measured.is_empty() { Vec::new() } else { tables(&measured) };
    let mut card = card(title(service, &measured), tone(&measured), sections);
    let unread: Vec<String> = measured
        .iter()
        .filter_map(|one| Some(format!("{}: {}", name(one), one.usage.as_ref().err()?)))
        .collect();
    if !unread.is_empty() {
        card.sections.push(Section::Text(unread.join("\n")));
    }
    card.sections.extend(next(&measured));
    card.footer =
        Some(format!("as of {}; cpu: % of one core; network and disk since its start", clock_time(now)));
    public(card)
}

fn hungrier(one: &Measured, other: &Measured, order: UsageOrder) -> Ordering {
    let by = |one: &Measured| {
        let usage = one.usage.as_ref().ok()?;
        match order {
            UsageOrder::Cpu => usage.cpu_percent,
            #[expect(clippy::cast_precision_loss, reason = "only to compare")]
            UsageOrder::Memory => usage.memory.map(|bytes| bytes as f64),
        }
    };
    // What is not known may be the worst.
    let by = |one: &Measured| by(one).unwrap_or(f64::INFINITY);
    by(other).total_cmp(&by(one)).then_with(|| one.container.cmp(&other.container))
}

fn title(service: Option<&ServiceName>, measured: &[Measured]) -> String {
    let starved: Vec<String> = measured
        .iter()
        .filter(|one| ratio(one).is_some_and(|ratio| ratio >= HIGH_MEMORY))
        .map(name)
        .collect();
    let running = match (service, measured.len()) {
        (Some(service), 0) => return format!("No container of {service} runs"),
        (None, 0) => return "No container of this project runs".to_owned(),
        (_, 1) => "1 container runs".to_owned(),
        (_, all) => format!("{all} containers run"),
    };
    if starved.is_empty() {
        format!("{running}, each with memory to spare")
    } else {
        format!("{running}; near the memory limit: {}", starved.join(", "))
    }
}

fn tone(measured: &[Measured]) -> Tone {
    if measured.is_empty() || measured.iter().any(is_starved) {
        Tone::Bad
    } else if measured.iter().any(|one| ratio(one).is_none_or(|ratio| ratio >= HIGH_MEMORY)) {
        Tone::Warning
    } else {
        Tone::Good
    }
}

fn ratio(one: &Measured) -> Option<f64> {
    one.usage.as_ref().ok()?.memory_ratio()
}

fn name(one: &Measured) -> String {
    one.service.clone().unwrap_or_else(|| one.container.clone())
}

fn tables(measured: &[Measured]) -> Vec<Section> {
    let table = |headings: &[&str], cells: fn(&Usage) -> Vec<String>| {
        let column = |(at, heading): (usize, &&str)| Column {
            heading: (*heading).to_owned(),
            align: if at == 0 { Align::Left } else { Align::Right },
        };
        let row = |one: &Measured| {
            let cells = match &one.usage {
                Ok(usage) => cells(usage),
                Err(_) => vec!["not read".to_owned(); headings.len() - 1],
            };
            [vec![name(one)], cells].concat()
        };
        let columns = headings.iter().enumerate().map(column).collect();
        Section::Table(Table { columns, rows: measured.iter().map(row).collect() })
    };
    vec![
        table(&["service", "cpu", "memory", "of limit"], |usage| {
            vec![
                cpu(usage),
                known(usage.memory, bytes),
                known(usage.memory_ratio(), |ratio| format!("{:.1} %", ratio * 100.0)),
            ]
        }),
        table(&["service", "procs", "network in/out"], |usage| {
            vec![known(usage.processes, |count| count.to_string()), known(usage.network, pair)]
        }),
        table(&["service", "may use", "disk r/w"], |usage| {
            let cores = known(usage.cpu_limit, |cores| format!("{} cpu", rounded(cores)));
            let limits = format!("{cores}, {}", known(usage.memory_limit, bytes));
            vec![limits, known(usage.disk, pair)]
        }),
    ]
}

fn pair((one, other): (u64, u64)) -> String {
    format!("{} / {}", bytes(one), bytes(other))
}

fn cpu(usage: &Usage) -> String {
    known(usage.cpu_percent, |percent| format!("{percent:.2} %"))
}

/// Without needless zeros: 2, 0.5.
fn rounded(number: f64) -> String {
    format!("{number:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn known<T>(value: Option<T>, words: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "not reported".to_owned(), words)
}

/// The logs of who is about to be killed.
fn next(measured: &[Measured]) -> Option<Section> {
    let starved = measured.iter().filter(|one| is_starved(one)).filter_map(|one| one.service.as_ref());
    let lines: Vec<String> = starved.map(|service| format!("logs {service} --since 15m")).take(3).collect();
    (!lines.is_empty()).then_some(Section::Next(lines))
}
