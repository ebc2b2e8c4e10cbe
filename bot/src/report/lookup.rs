//! Cards about the operators' own look-ups.

use commands::card::{Align, Column, Section, Table, Tone};
use commands::lookup::{LookedUp, QueryName};
use commands::message::Reply;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, public};
use crate::config::Query;

/// Lines to type that a list ends with.
const NEXT: usize = 5;

/// All of them.
#[must_use]
pub fn queries(queries: &[Query]) -> Reply {
    if queries.is_empty() {
        let text = "Add [[query]] to the bot's configuration, as deploy/acgs.toml shows.".to_owned();
        return public(card("No look-up is configured", Tone::Neutral, vec![Section::Text(text)]));
    }
    let title = match queries.len() {
        1 => "1 look-up is configured".to_owned(),
        all => format!("{all} look-ups are configured"),
    };
    public(card(title, Tone::Neutral, vec![Section::Facts(descriptions(queries)), next(queries)]))
}

/// A name that none of them has.
#[must_use]
pub fn unknown_query(name: &QueryName, meant: Option<&str>, queries: &[Query]) -> Reply {
    let mut sections = Vec::new();
    match meant {
        Some(meant) => {
            sections.push(Section::Text(format!("Did you mean {meant}?")));
            sections.push(Section::Next(vec![format!("query {meant}")]));
        }
        None if queries.is_empty() => sections.push(Section::Text("None is configured.".to_owned())),
        None => sections.extend([Section::Facts(descriptions(queries)), next(queries)]),
    }
    public(card(format!("There is no look-up \"{name}\""), Tone::Neutral, sections))
}

/// What one gave.
#[must_use]
pub fn looked_up(query: &Query, found: &LookedUp, now: Timestamp) -> Reply {
    let title = match (found.rows.len(), found.cut) {
        (0, _) => format!("{}: nothing", query.name),
        (1, false) => format!("{}: 1 row", query.name),
        (rows, false) => format!("{}: {rows} rows", query.name),
        (rows, true) => format!("{}: the first {rows} rows, there are more", query.name),
    };
    let mut sections = vec![Section::Text(query.description.clone())];
    if !found.columns.is_empty() {
        sections.push(Section::Table(table(found)));
    }
    if !found.warnings.is_empty() {
        sections.push(Section::Text(format!("Prometheus warns: {}", found.warnings.join("; "))));
    }
    let mut card = card(title, Tone::Neutral, sections);
    card.footer = Some(format!("as of {}", clock_time(now)));
    public(card)
}

fn table(found: &LookedUp) -> Table {
    let numbers = |at: usize| {
        found.rows.iter().all(|row| {
            row.get(at).is_some_and(|cell| cell.as_ref().is_none_or(|cell| cell.parse::<f64>().is_ok()))
        })
    };
    let column = |(at, heading): (usize, &String)| Column {
        heading: heading.clone(),
        align: if numbers(at) { Align::Right } else { Align::Left },
    };
    let cells = |row: &Vec<Option<String>>| row.iter().map(|cell| cell.clone().unwrap_or_default()).collect();
    Table {
        columns: found.columns.iter().enumerate().map(column).collect(),
        rows: found.rows.iter().map(cells).collect(),
    }
}

fn descriptions(queries: &[Query]) -> Vec<(String, String)> {
    queries.iter().map(|query| (query.name.to_string(), query.description.clone())).collect()
}

fn next(queries: &[Query]) -> Section {
    Section::Next(queries.iter().take(NEXT).map(|query| format!("query {}", query.name)).collect())
}
