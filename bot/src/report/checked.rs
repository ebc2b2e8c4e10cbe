//! Lines of `acgs check` about what acts.

use commands::backup::Backups;
use commands::layout;
use commands::migration::{Revision, shown};
use commands::plan::Seat;
use commands::schedule::Schedule;
use commands::table::{IndexDefinition, IndexFound, IndexState};
use jiff::Timestamp;

use super::health::clock_time;
use super::host::bytes;

/// The database can be administered.
#[must_use]
pub fn administered(container: &str, seat: &Seat, revisions: &[Revision]) -> String {
    format!("{} administers {} in {container}, at {}", seat.role, seat.database, shown(revisions))
}

/// The firewall can be asked.
#[must_use]
pub fn rules(count: usize) -> String {
    match count {
        1 => "1 rule of the bot stands".to_owned(),
        count => format!("{count} rules of the bot stand"),
    }
}

/// An index of the list could be made, or is there.
pub fn index_checked(index: &IndexDefinition, state: &IndexState) -> Result<String, String> {
    if !state.has_table {
        return Err(format!("there is no table {}", index.table));
    }
    if !state.missing_columns.is_empty() {
        return Err(format!("{} has no column {}", index.table, state.missing_columns.join(", ")));
    }
    match &state.found {
        IndexFound::Other(_) => Err("something else has its name".to_owned()),
        IndexFound::Invalid => Err("it is there and INVALID: db index-create makes it anew".to_owned()),
        IndexFound::Valid { .. } => Ok(format!("on {}", index.table)),
        IndexFound::Building => Ok(format!("being made on {}", index.table)),
        IndexFound::Nothing => Ok(match &state.same_as {
            Some(same) => format!("not needed: {same} does the same"),
            None => format!("not there; it could be made on {}", index.table),
        }),
    }
}

/// The backups' folder can be read.
#[must_use]
pub fn backups_checked(backups: &Backups, now: Timestamp) -> String {
    match backups.newest_good(now) {
        Some(newest) => format!(
            "{} files, the newest good one {}",
            backups.archives.len(),
            layout::ago(newest.made(), now)
        ),
        None => format!("{} files, none of them a good backup yet", backups.archives.len()),
    }
}

/// Files that can be archived.
#[must_use]
pub fn weight(size: u64) -> String {
    format!("{} to archive", bytes(size))
}

/// When something is done by itself.
#[must_use]
pub fn next_time(schedule: &Schedule, now: Timestamp) -> String {
    let next = schedule.next(now).map_or_else(|| "never again".to_owned(), clock_time);
    format!("{} next at {next}", schedule.intent())
}
