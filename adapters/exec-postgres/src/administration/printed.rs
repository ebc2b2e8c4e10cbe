//! What the programs print.

use std::collections::BTreeMap;

use commands::restore::DatabaseState;
use serde_json::Error;

use super::SnapshotId;
use crate::PostgresError;

/// What [`super::Administration::look_at`] prints; `None` where there is no such database.
pub fn database_state(printed: &str) -> Result<Option<DatabaseState>, PostgresError> {
    if printed.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(printed.trim()).map(Some).map_err(|error| not_understood("a database", &error))
}

/// What [`super::Administration::count_rows`] prints: rows by `schema.table`.
pub fn row_counts(printed: &str) -> Result<BTreeMap<String, u64>, PostgresError> {
    serde_json::from_str(printed.trim()).map_err(|error| not_understood("rows", &error))
}

/// What [`super::Administration::migrations`] prints: the version, several with commas between them; `None`
/// where Alembic was never here.
pub fn alembic_version(printed: &str) -> Result<Option<String>, PostgresError> {
    serde_json::from_str(printed.trim()).map_err(|error| not_understood("migrations", &error))
}

/// A number, which is all that a statement prints that counts.
pub fn number(printed: &str) -> Result<u64, PostgresError> {
    printed.trim().parse().map_err(|_| PostgresError::Failed("it printed no number".to_owned()))
}

/// What `df` prints for [`super::Administration::room`]: bytes that are free.
pub fn free_room(printed: &str) -> Result<u64, PostgresError> {
    let last = printed.lines().skip(1).last().unwrap_or_default();
    let number = last.split_whitespace().nth(3).and_then(|kilobytes| kilobytes.parse::<u64>().ok());
    let failed = || PostgresError::Failed("df printed no number of free blocks".to_owned());
    number.map(|kilobytes| kilobytes.saturating_mul(1_024)).ok_or_else(failed)
}

/// The first line of what a session that holds a snapshot prints.
pub fn snapshot(line: &str) -> Result<SnapshotId, PostgresError> {
    SnapshotId::try_from(line.trim().to_owned()).map_err(|why| PostgresError::Failed(why.to_owned()))
}

/// The tables, by `schema.table`, whose rows a custom dump holds, from what
/// [`super::Administration::list_archive`] prints: `215; 0 16385 TABLE DATA public users acgs_user`. A name with a
/// blank in it can't be told from its owner there, so such lines are left as they are, without the first
/// words.
#[must_use]
pub fn archive_tables(printed: &str) -> Vec<String> {
    let entries = printed.lines().filter(|line| !line.starts_with(';'));
    let table = |line: &str| {
        let (_, entry) = line.split_once(" TABLE DATA ")?;
        match entry.split(' ').collect::<Vec<_>>().as_slice() {
            [schema, table, _owner] => Some(format!("{schema}.{table}")),
            _ => Some(entry.to_owned()),
        }
    };
    entries.filter_map(table).collect()
}

fn not_understood(what: &str, error: &Error) -> PostgresError {
    PostgresError::Failed(format!("what it printed about {what} can't be understood: {error}"))
}
