//! The words of archives of files, and of copies.

use std::path::PathBuf;
use std::time::Duration;

use commands::archive::ArchiveName;
use commands::backup::Manifest;
use commands::card::Tone;
use commands::layout;
use commands::message::Reply;

use super::card::short_card;
use crate::report::host::bytes;
use crate::report::public;

/// Of what is listed.
const SHOWN: usize = 200;

fn refusal(title: &str, text: &str) -> Reply {
    public(short_card(title.to_owned(), Tone::Warning, text.to_owned()))
}

/// No file is configured.
#[must_use]
pub fn no_files() -> Reply {
    refusal(
        "No file to back up",
        "[backups] files is not in the bot's configuration: list files and folders there.",
    )
}

/// There is no good backup.
#[must_use]
pub fn nothing_to_archive() -> Reply {
    refusal(
        "Nothing to archive",
        "There is no good backup, neither of the database nor of files: backup create makes one.",
    )
}

/// Its copies are there.
#[must_use]
pub fn archived_already() -> Reply {
    refusal(
        "Archived already",
        "The newest good backups have their copies: there is nothing newer to archive.",
    )
}

/// A name that no copy can have.
#[must_use]
pub fn odd_archive(name: &str, why: &str) -> Reply {
    let name = layout::short(&commands::escape::clean(name), 80);
    refusal("It can't be archived", &format!("{name}: {why}."))
}

/// What archiving files does.
#[must_use]
pub fn files_effect(paths: &[String], folder: &str) -> String {
    let paths = layout::short(&paths.join(", "), SHOWN);
    format!(
        "Archives {paths} into {folder}, for the bot's eyes alone: what is secret in them is secret in it. A file that \
         shrinks while it is read ends it, and then there is no archive."
    )
}

/// What copying does.
#[must_use]
pub fn archive_effect(folder: &str, below: &str) -> String {
    format!("Copies the newest good backups to {folder}/{below}, and reads each copy back.")
}

/// An archive of files is there.
#[must_use]
pub fn files_there(name: &ArchiveName, manifest: &Manifest) -> String {
    let sha256 = manifest.sha256.as_str().get(..12).unwrap_or_default();
    format!("{name}, {}, SHA-256 {sha256}", bytes(manifest.archive_bytes))
}

/// An archive of files was made.
#[must_use]
pub fn files_made(
    name: &ArchiveName,
    manifest: &Manifest,
    (files, links): (u64, u64),
    left_out: &[PathBuf],
) -> String {
    let mut text = format!("{}, {files} files and {links} links", files_there(name, manifest));
    if !left_out.is_empty() {
        let paths: Vec<String> = left_out.iter().map(|path| path.display().to_string()).collect();
        let paths = layout::short(&commands::escape::clean(&paths.join(", ")), SHOWN);
        text.push_str(&format!(
            "; not in it, for it is neither a file nor a folder nor a link of the platform's: {paths}"
        ));
    }
    text
}

/// And how long it took.
#[must_use]
pub fn in_seconds(note: &str, took: Duration) -> String {
    format!("{note} in {:.1} s", took.as_secs_f64())
}

/// A copy is there.
#[must_use]
pub fn copied(to: &ArchiveName, sha256: &str) -> String {
    format!("{to} has the same SHA-256, {}", sha256.get(..12).unwrap_or_default())
}
