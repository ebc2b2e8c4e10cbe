//! The words of restores.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use commands::archive::Look;
use commands::backup::{Archive, Flaw};
use commands::card::Tone;
use commands::layout;
use commands::message::Reply;
use commands::plain_dump::DumpFault;
use commands::plan::{ExpectedRows, Seat};
use commands::restore::{DatabaseName, SetAside};

use super::card::short_card;
use crate::report::health::clock_time;
use crate::report::host::bytes;
use crate::report::public;

/// Of what is listed.
const SHOWN: usize = 300;

fn refusal(title: &str, text: String) -> Reply {
    public(short_card(title.to_owned(), Tone::Warning, text))
}

fn name(archive: &Archive) -> String {
    layout::short(&commands::escape::clean(&archive.name), 100)
}

/// What an archive is, in a few words.
#[must_use]
pub fn archive_about(archive: &Archive, has_manifest: bool) -> String {
    let made = clock_time(archive.made());
    let manifest = if has_manifest { "" } else { ", without a manifest: its rows can't be compared" };
    format!("{} ({}, made {made}{manifest})", name(archive), bytes(archive.bytes))
}

/// What a restore does.
#[must_use]
pub fn restore_effect(seat: &Seat, archive: &str) -> String {
    format!(
        "Reads {archive} into a new database beside {0} and gives it the name {0}. WHAT WAS WRITTEN SINCE THE BACKUP IS OUT \
         OF SIGHT then, and everybody's sessions end. Services are not stopped.",
        seat.database
    )
}

/// How it is taken back.
#[must_use]
pub fn restore_undo() -> String {
    "backup restore --undo: the database of before is kept, closed, and gets its name back.".to_owned()
}

/// What taking it back does.
#[must_use]
pub fn undo_effect(seat: &Seat, old: &DatabaseName, note: &SetAside) -> String {
    format!(
        "Gives {old}, which was {} until {}, its name back. What was written since then is kept in a database beside, \
         closed. Everybody's sessions end; services are not stopped.",
        seat.database,
        clock_time(note.at)
    )
}

/// What a drill does.
#[must_use]
pub fn drill_effect(seat: &Seat, archive: &str) -> String {
    format!(
        "Reads {archive} into a new database beside {}, compares it, and drops it. The live database is not touched.",
        seat.database
    )
}

/// How a drill is taken back.
#[must_use]
pub fn drill_undo() -> String {
    "Nothing to take back: what it makes is gone in the end.".to_owned()
}

/// Nothing was set aside.
#[must_use]
pub fn nothing_set_aside(database: &DatabaseName) -> Reply {
    let text =
        format!("No database of the server was {database} before a restore: there is nothing to take back.");
    refusal("Nothing to take back", text)
}

/// An archive that is none to rely on.
#[must_use]
pub fn flawed(archive: &Archive, flaw: Flaw) -> Reply {
    let what = match flaw {
        Flaw::Empty => "is empty".to_owned(),
        Flaw::EmptyGzip => "is a gzip of nothing".to_owned(),
        Flaw::LeftOver => "was left over, not finished".to_owned(),
        Flaw::BeingMade => "is being made".to_owned(),
        Flaw::OtherSize { expected } => {
            format!("has {}, and its manifest says {}", bytes(archive.bytes), bytes(expected))
        }
    };
    refusal("No backup to restore", format!("{} {what}.", name(archive)))
}

/// An archive that is no whole dump.
#[must_use]
pub fn no_dump(archive: &Archive, look: Look) -> Reply {
    let what = match look {
        Look::Plain { .. } => "breaks off: the line that pg_dump writes last is missing",
        Look::Gzip => "is gzipped: unpack it beside, its SHA-256 is of the packed one",
        Look::Empty => "is empty",
        Look::Custom { .. } | Look::Unknown => "is no dump that pg_restore or psql reads",
    };
    refusal("No backup to restore", format!("{} {what}.", name(archive)))
}

/// An archive whose manifest says something else.
#[must_use]
pub fn other_sums(archive: &Archive) -> Reply {
    let text =
        format!("{} is not what its manifest says: its size or its SHA-256 is another.", name(archive));
    refusal("No backup to restore", text)
}

/// An archive whose manifest is of no use.
#[must_use]
pub fn bad_manifest(archive: &Archive, why: &str) -> Reply {
    let why = layout::short(&commands::escape::clean(why), 120);
    refusal("No backup to restore", format!("The manifest of {} can't be read: {why}", name(archive)))
}

/// An archive that `pg_restore` can't list.
#[must_use]
pub fn not_listed(archive: &Archive, why: &str) -> Reply {
    let why = layout::short(&commands::escape::clean(why), SHOWN);
    refusal("No backup to restore", format!("pg_restore can't list {}: {why}", name(archive)))
}

/// There is no room for a second copy.
#[must_use]
pub fn no_room(database: &str, needed: u64, free: u64) -> Reply {
    let text = format!(
        "A second copy of {database} needs {}, and {} are free where the server keeps its files. Make room first: disk shows \
         what takes it.",
        bytes(needed),
        bytes(free)
    );
    refusal("No room for two copies", text)
}

/// Nobody knows whether there is.
#[must_use]
pub fn no_room_known(why: &str) -> Reply {
    let why = layout::short(&commands::escape::clean(why), SHOWN);
    refusal("No room known", format!("How much room the server has could not be asked: {why}"))
}

/// The file is not what was voted on.
#[must_use]
pub fn archive_changed(archive: &str) -> String {
    format!("{archive} has another SHA-256 than the one that was voted on")
}

/// It was read in.
#[must_use]
pub fn loaded(size: u64, took: Duration) -> String {
    format!("{} in {:.1} s", bytes(size), took.as_secs_f64())
}

/// A table with other rows than the manifest says.
#[must_use]
pub fn other_rows(expected: &ExpectedRows, found: Option<u64>) -> String {
    let found = found.map_or_else(|| "is missing".to_owned(), |rows| format!("has {rows} rows"));
    format!("{} {found} and should have {}", expected.table, expected.rows)
}

/// Another migration than the manifest says.
#[must_use]
pub fn other_migration(expected: Option<&str>, found: Option<&str>) -> String {
    let word = |version: Option<&str>| version.unwrap_or("none").to_owned();
    format!("alembic_version is {} and should be {}", word(found), word(expected))
}

/// A database without a table.
#[must_use]
pub fn no_tables() -> String {
    "there is no table in it".to_owned()
}

/// What is not as it should be.
#[must_use]
pub fn not_as_expected(wrong: &[String]) -> String {
    layout::short(&wrong.join("; "), SHOWN)
}

/// All is as it should be.
#[must_use]
pub fn compared(
    found: &BTreeMap<String, u64>,
    with_manifest: bool,
    here: Option<&str>,
    live: Option<&str>,
) -> String {
    let rows: u64 = found.values().sum();
    let as_manifest = if with_manifest { " as in the manifest" } else { "; no manifest to compare with" };
    let migrations = match (here, live) {
        (here, live) if here == live => {
            here.map_or_else(String::new, |version| format!("; migrations at {version}, as before"))
        }
        (here, live) => format!(
            "; MIGRATIONS AT {} AND NOT AT {}: db migrate next",
            here.unwrap_or("none"),
            live.unwrap_or("none")
        ),
    };
    format!("{} tables with {rows} rows{as_manifest}{migrations}", found.len())
}

/// Nothing but the dump holds.
#[must_use]
pub fn nothing_to_put_on() -> String {
    "there are none".to_owned()
}

/// Settings and rights are there.
#[must_use]
pub fn put_on(count: usize) -> String {
    format!("{count} statements")
}

/// The names were changed.
#[must_use]
pub fn swapped(took: Duration, before: &DatabaseName) -> String {
    format!("nobody got in for {} ms; the one of before is {before}, closed", took.as_millis())
}

/// The names were found changed.
#[must_use]
pub fn swap_found(before: &DatabaseName) -> String {
    format!("the names are changed; the one of before is {before}, closed")
}

/// The names are not changed.
#[must_use]
pub fn not_swapped(live: &DatabaseName) -> String {
    format!("the names are not changed; {live} is the one of before, and open")
}

/// The old one has its new name and not the run's note.
#[must_use]
pub fn odd_names(before: &DatabaseName) -> String {
    format!("{before} is the database of before, and its note is not this run's: somebody else changed it")
}

/// The other one is not there.
#[must_use]
pub fn no_other(name: &DatabaseName) -> String {
    format!("{name} is not there, or another one has its name")
}

/// A database that is never dropped.
#[must_use]
pub fn never_dropped(name: &DatabaseName) -> String {
    format!("{name} is never dropped")
}

/// The database beside is gone.
#[must_use]
pub fn beside_gone() -> String {
    "it is gone".to_owned()
}

/// The database beside could not be taken away.
#[must_use]
pub fn beside_left(why: &dyn Display, beside: &DatabaseName, left: &dyn Display) -> String {
    format!("{why}; and {beside} could not be taken away: {left}")
}

/// What went wrong, and what was found then.
#[must_use]
pub fn both(why: &dyn Display, found: &dyn Display) -> String {
    format!("{why}; {found}")
}

/// A plain dump with something that `psql` would obey.
#[must_use]
pub fn commands_in_dump(archive: &Archive, fault: &DumpFault) -> Reply {
    let text = format!(
        "{}, {fault}. psql would obey what it takes for a command, and run programs; nothing was read in. Take a custom dump \
         (pg_dump -Fc, or backup create), or take that line out by hand.",
        name(archive)
    );
    refusal("The backup holds more than data", text)
}
