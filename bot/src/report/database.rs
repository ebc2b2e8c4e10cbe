//! Cards about the platform's database.

use commands::card::{Align, Column, Section, Table, Tone};
use commands::database::{ClientGroup, Connections};
use commands::layout;
use commands::message::Reply;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, public};

/// Who holds the connections, beside how many there may be.
#[must_use]
pub fn connections(connections: &Connections, now: Timestamp) -> Reply {
    let seats = connections.seats;
    let free = seats.max.saturating_sub(seats.reserved).saturating_sub(seats.used);
    let tone = if seats.are_scarce() { Tone::Bad } else { Tone::Good };
    let title = format!("{} of {} connections used, {free} free for services", seats.used, seats.max);
    let column = |heading: &str, align| Column { heading: heading.to_owned(), align };
    let table = Table {
        columns: vec![
            column("no.", Align::Right),
            column("state", Align::Left),
            column("for", Align::Right),
            column("program", Align::Left),
            column("role", Align::Left),
            column("database", Align::Left),
        ],
        rows: connections.groups.iter().map(cells).collect(),
    };
    let facts = [
        ("reserved for superusers", seats.reserved.to_string()),
        ("the server's own processes", format!("{}, which take no connection", connections.background)),
    ];
    let facts = facts.map(|(label, value)| (label.to_owned(), value)).into();
    let mut card = card(title, tone, vec![Section::Table(table), Section::Facts(facts)]);
    card.footer = Some(format!("as of {}; for: the longest in that state", clock_time(now)));
    public(card)
}

fn cells(group: &ClientGroup) -> Vec<String> {
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    vec![
        group.count.to_string(),
        group.state.clone().unwrap_or_else(|| "hidden".to_owned()),
        group.longest.map_or_else(String::new, layout::duration),
        or(&group.application, "unnamed"),
        or(&group.user, "hidden"),
        or(&group.database, "none"),
    ]
}
