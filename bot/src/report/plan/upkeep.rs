//! The words of tables that are tidied up, indexes that are made, and pools.

use std::fmt::Display;

use commands::card::Tone;
use commands::ids::ServiceName;
use commands::layout;
use commands::message::Reply;
use commands::plan::{Seat, UpkeepKind};
use commands::table::{IndexDefinition, IndexFound, OpenTransaction, TableName, TableState};

use super::card::short_card;
use crate::report::host::bytes;
use crate::report::public;

/// Of what is listed.
const SHOWN: usize = 300;

fn refusal(title: &str, text: String) -> Reply {
    public(short_card(title.to_owned(), Tone::Warning, text))
}

/// What `VACUUM` or `ANALYZE` does.
#[must_use]
pub fn tidy_effect(kind: UpkeepKind, table: Option<&TableName>, seat: &Seat) -> String {
    let what = match kind {
        UpkeepKind::Vacuum => "Frees the room of dead rows and reads statistics anew",
        UpkeepKind::Analyze => "Reads statistics anew",
    };
    let of = table.map_or_else(|| format!("every table of {}", seat.database), ToString::to_string);
    format!("{what}, of {of}. It blocks nobody; the disk is busy meanwhile.")
}

/// How it is taken back.
#[must_use]
pub fn tidy_undo() -> String {
    "Nothing to take back: no row changes.".to_owned()
}

/// What came of it.
#[must_use]
pub fn tidied(kind: UpkeepKind, before: &[TableState], after: &[TableState], left: &[String]) -> String {
    let dead = |all: &[TableState]| all.iter().map(|one| one.dead).sum::<u64>();
    let mut text = format!("{} tables", before.len().saturating_sub(left.len()));
    if kind == UpkeepKind::Vacuum {
        text.push_str(&format!(", dead rows {} before and {} after", dead(before), dead(after)));
    }
    if !left.is_empty() {
        text.push_str(&format!("; not seen as done: {}", layout::short(&left.join(", "), SHOWN)));
    }
    text
}

/// There is no such table.
#[must_use]
pub fn no_table(asked: &str, names: &[TableName]) -> Reply {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let names = layout::short(&commands::escape::clean(&names.join(", ")), SHOWN);
    refusal("No such table", format!("The database has no table {asked}. It has {names}."))
}

/// There are two of that name.
#[must_use]
pub fn two_tables(one: &TableName, other: &TableName) -> Reply {
    refusal("Which table?", format!("There are {one} and {other}: type it with its schema."))
}

/// The index is not on the list.
#[must_use]
pub fn no_index_listed(asked: &str, listed: &[IndexDefinition]) -> Reply {
    let names: Vec<&str> = listed.iter().map(|index| index.name.as_str()).collect();
    let has = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    refusal("Not on the list", format!("{asked} is no [[index]] of the configuration, which has {has}."))
}

/// The index is there, or something else has its name.
#[must_use]
pub fn index_there(index: &IndexDefinition, found: &IndexFound) -> Reply {
    let name = &index.name;
    let text = match found {
        IndexFound::Valid { size } => format!("{name} is there and in use, with {}.", bytes(*size)),
        IndexFound::Building => format!("Somebody makes {name} just now."),
        IndexFound::Other(words) => {
            format!(
                "Something else is called {name}: {}.",
                layout::short(&commands::escape::clean(words), SHOWN)
            )
        }
        IndexFound::Nothing | IndexFound::Invalid => format!("{name} is not there."),
    };
    refusal("Nothing to make", text)
}

/// The table or a column is not there.
#[must_use]
pub fn no_columns(index: &IndexDefinition, missing: &[String]) -> Reply {
    let text = if missing.is_empty() {
        format!("There is no table {}.", index.table)
    } else {
        format!("{} has no column {}.", index.table, missing.join(", "))
    };
    refusal("Nothing to make it on", text)
}

/// Another index does the same.
#[must_use]
pub fn index_twice(index: &IndexDefinition, same: &str) -> Reply {
    let text = format!(
        "{} would do what {same} does already, on {} ({}): it would only cost writes.",
        index.name,
        index.table,
        index.columns.join(", ")
    );
    refusal("There is one that does the same", text)
}

/// A transaction that an index waits for.
#[must_use]
pub fn waits_for(open: &OpenTransaction) -> String {
    let name = layout::short(&commands::escape::clean(&open.application), 40);
    let since = open.since.map_or_else(String::new, |since| format!(" for {}", layout::duration(since)));
    format!("{} {name}{since}", open.pid)
}

/// What making an index does.
#[must_use]
pub fn index_effect(index: &IndexDefinition, replaces: bool) -> String {
    let first = if replaces { "Drops the invalid one that was left and makes it anew" } else { "Makes it" };
    format!(
        "{first} while {} is read and written to. It gives up on a transaction that stays open.",
        index.table
    )
}

/// How it is taken back.
#[must_use]
pub fn index_undo(index: &IndexDefinition) -> String {
    format!("DROP INDEX CONCURRENTLY {}, by hand.", index.name)
}

/// An index is there.
#[must_use]
pub fn index_made(index: &IndexDefinition, size: u64) -> String {
    format!("{} is valid, {}", index.name, bytes(size))
}

/// An index that could not be dropped.
#[must_use]
pub fn invalid_left(index: &IndexDefinition, why: &dyn Display) -> String {
    format!("{} is invalid and could not be dropped: {why}", index.name)
}

/// An index that is of no use.
#[must_use]
pub fn index_invalid(index: &IndexDefinition) -> String {
    format!("{} came out invalid and is dropped", index.name)
}

/// No index.
#[must_use]
pub fn index_missing(index: &IndexDefinition) -> String {
    format!("{} is not there", index.name)
}

/// Something else.
#[must_use]
pub fn index_odd(index: &IndexDefinition) -> String {
    format!("{} is being made by somebody, or is something else", index.name)
}

/// What ending a pool's idle connections does.
#[must_use]
pub fn pool_effect(service: &ServiceName) -> String {
    format!("Ends the connections of {service} that do nothing. It makes new ones at its next request.")
}

/// How it is taken back.
#[must_use]
pub fn pool_undo() -> String {
    "Nothing to take back: the service connects again by itself.".to_owned()
}

/// The service has none.
#[must_use]
pub fn no_pool(service: &ServiceName, busy: u32) -> Reply {
    let text = format!(
        "No connection of the program {service} does nothing; {busy} work. A service names its connections by \
         application_name: db connections shows who has which."
    );
    refusal("No idle connection", text)
}

/// They are ended.
#[must_use]
pub fn pool_reset(application: &str, ended: u64, of: usize) -> String {
    format!("{ended} of {of} connections of {application} ended; the others work or have gone")
}
