//! The words of backups that are made.

use std::time::Duration;

use commands::archive::ArchiveName;
use commands::backup::Manifest;
use commands::card::Tone;
use commands::health::Container;
use commands::layout;
use commands::message::Reply;
use commands::plan::Seat;

use super::card::short_card;
use crate::report::host::bytes;
use crate::report::public;

fn refusal(title: &str, text: String) -> Reply {
    public(short_card(title.to_owned(), Tone::Warning, text))
}

/// Nobody has said where the database is administered.
#[must_use]
pub fn no_administration() -> Reply {
    let text = "[postgres] container is not in the bot's configuration: add the exact name of the database's container, \
                such as acgs_postgres_db, and admin_role if its superuser is not acgs_user. PostgreSQL's own programs \
                are run in it.";
    refusal("The database can't be administered", text.to_owned())
}

/// The container that the configuration names is not there.
#[must_use]
pub fn no_database_container(name: &str) -> Reply {
    let text = format!(
        "Docker knows no container {name} of this project, which [postgres] container names. ps shows what there is."
    );
    refusal("No container of the database", text)
}

/// It does not run.
#[must_use]
pub fn database_container_rests(container: &Container) -> Reply {
    let text = format!("{} is {}: it has to run first.", container.name, container.state.as_str());
    refusal("The database's container does not run", text)
}

/// The database of the address is not there.
#[must_use]
pub fn no_database(name: &str) -> Reply {
    refusal("No such database", format!("The server has no database {name}, which [postgres] url names."))
}

/// The database can't be given to programs.
#[must_use]
pub fn odd_database(name: &str, why: &str) -> Reply {
    let name = layout::short(&commands::escape::clean(name), 80);
    refusal("The database can't be administered", format!("{name}: {why}."))
}

/// What a dump does.
#[must_use]
pub fn dump_effect(seat: &Seat, folder: &str) -> String {
    format!(
        "Dumps {} from one snapshot into {folder}. Services go on; the dump takes some of the database's time, and a \
         table must not be changed in its form meanwhile.",
        seat.database
    )
}

/// How it is taken back.
#[must_use]
pub fn dump_undo() -> String {
    "Nothing to take back: it only adds a file.".to_owned()
}

/// A backup is there.
#[must_use]
pub fn backup_made(name: &ArchiveName, manifest: &Manifest, took: Duration) -> String {
    format!("{} in {:.1} s", backup_there(name, manifest), took.as_secs_f64())
}

/// A backup that was found.
#[must_use]
pub fn backup_there(name: &ArchiveName, manifest: &Manifest) -> String {
    let rows: u64 = manifest.tables.values().sum();
    format!(
        "{name}, {}, {} tables with {rows} rows, SHA-256 {}",
        bytes(manifest.archive_bytes),
        manifest.tables.len(),
        manifest.sha256.as_str().get(..12).unwrap_or_default()
    )
}

/// There is none.
#[must_use]
pub fn no_backup(removed: usize) -> String {
    match removed {
        0 => "there is no backup of this run".to_owned(),
        _ => "there was half a backup of this run, which is taken away".to_owned(),
    }
}

/// A dump without all that it should hold.
#[must_use]
pub fn tables_missing(tables: &[String]) -> String {
    let names = layout::short(&tables.join(", "), 200);
    format!("pg_restore does not list every table in the dump: {names} missing")
}

/// The session that held the snapshot has ended.
#[must_use]
pub fn snapshot_lost() -> String {
    "the session that held the snapshot has ended".to_owned()
}

/// The database is another one by now.
#[must_use]
pub fn database_gone(seat: &Seat) -> String {
    format!("{} with OID {} is not there any more", seat.database, seat.oid)
}

/// Sessions that were told to end.
#[must_use]
pub fn sessions_stay() -> String {
    "sessions that were told to end are still there".to_owned()
}

/// A program's own words: the first that is an error and what stands behind it, or else the last lines.
#[must_use]
pub fn complaint(written: &[u8], most: usize) -> String {
    let text = commands::escape::clean(&String::from_utf8_lossy(written));
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_error = |line: &&str| ["ERROR:", "FATAL:", "error:"].iter().any(|word| line.contains(word));
    let from = lines.iter().position(is_error).unwrap_or(lines.len().saturating_sub(3));
    let last = lines.get(from..).unwrap_or_default().join("; ");
    if last.is_empty() { "it gave no reason".to_owned() } else { layout::short(&last, most) }
}
