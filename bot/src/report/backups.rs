//! The card about backups.

use commands::archive::{ArchiveName, Look};
use commands::backup::{Archive, Backups, Flaw, MOST_FILES, OLDEST_GOOD};
use commands::card::{Align, Section, Table, Tone};
use commands::layout;
use commands::message::{Reply, TextFile};
use jiff::Timestamp;

use super::health::clock_time;
use super::host::bytes;
use super::{card, column, public};
use crate::backups::Looked;

/// Rows on the card; the file has all of them.
const SHOWN: usize = 12;
/// A name on a phone.
const NAME: usize = 60;

/// The files, the newest first, and whether there is one to rely on.
#[must_use]
pub fn backups(backups: &Backups, now: Timestamp) -> Reply {
    let all = backups.newest_first();
    let concerns: Vec<&&Archive> = all.iter().filter(|archive| archive.is_concern(now)).collect();
    let (title, tone) = title(backups, concerns.len(), now);
    let mut sections = Vec::new();
    if !concerns.is_empty() {
        let mut lines: Vec<String> =
            concerns.iter().take(SHOWN).map(|archive| concern(archive, now)).collect();
        if concerns.len() > SHOWN {
            lines.push(format!("and {} more", concerns.len() - SHOWN));
        }
        sections.push(Section::Text(lines.join("\n")));
    }
    if !all.is_empty() {
        sections.push(Section::Table(table(&all[..all.len().min(SHOWN)], now)));
    }
    if all.len() > SHOWN {
        sections.push(Section::Text(format!("{} older ones are in the file", all.len() - SHOWN)));
    }
    if backups.has_more {
        let text =
            format!("There are more than {MOST_FILES} files, and the rest was not looked at: tidy up.");
        sections.push(Section::Text(text));
    }
    if tone != Tone::Good {
        sections.push(Section::Next(vec!["disk".to_owned()]));
    }
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("{} files, as of {}", all.len(), clock_time(now)));
    let mut reply = public(card);
    if all.len() > SHOWN {
        let content = table(&all, now).to_text(usize::MAX) + "\n";
        reply.file = Some(TextFile { name: "backups.txt".to_owned(), content });
    }
    reply
}

fn title(backups: &Backups, concerns: usize, now: Timestamp) -> (String, Tone) {
    let Some(newest) = backups.newest_good(now) else {
        let none = if backups.archives.is_empty() { "There is no backup" } else { "There is no good backup" };
        return (none.to_owned(), Tone::Bad);
    };
    let age = newest.age(now);
    let shown = layout::duration(age);
    let look = match concerns {
        0 => String::new(),
        1 => "; 1 file needs a look".to_owned(),
        more => format!("; {more} files need a look"),
    };
    if age > OLDEST_GOOD {
        let limit = OLDEST_GOOD.as_secs() / 3_600;
        return (format!("The newest backup is {shown} old, more than {limit} h{look}"), Tone::Bad);
    }
    let flawed =
        backups.archives.iter().any(|archive| archive.flaw(now).is_some_and(|flaw| flaw != Flaw::BeingMade));
    let tone = match (flawed, concerns, backups.has_more) {
        (true, ..) => Tone::Bad,
        (false, 0, false) => Tone::Good,
        (false, ..) => Tone::Warning,
    };
    (format!("The newest backup is {shown} old{look}"), tone)
}

fn table(archives: &[&Archive], now: Timestamp) -> Table {
    let row = |archive: &&Archive| {
        vec![
            layout::ago(archive.made(), now),
            bytes(archive.bytes),
            beside(archive),
            flaw(archive, now).unwrap_or_default(),
            name(archive),
        ]
    };
    Table {
        columns: vec![
            column("made", Align::Left),
            column("size", Align::Right),
            column("beside it", Align::Left),
            column("", Align::Left),
            column("name", Align::Left),
        ],
        rows: archives.iter().map(row).collect(),
    }
}

fn beside(archive: &Archive) -> String {
    match (&archive.manifest, archive.has_checksum) {
        (Some(_), true) => "manifest, sha256",
        (Some(_), false) => "manifest",
        (None, true) => "sha256",
        (None, false) => "nothing",
    }
    .to_owned()
}

fn name(archive: &Archive) -> String {
    layout::short(&commands::escape::clean(&archive.name), NAME)
}

fn concern(archive: &Archive, now: Timestamp) -> String {
    let manifest = match &archive.manifest {
        Some(Err(why)) => {
            let why = layout::short(&commands::escape::clean(why), 120);
            Some(format!("its manifest can't be read: {why}"))
        }
        Some(Ok(_)) | None => None,
    };
    let what: Vec<String> = flaw(archive, now).into_iter().chain(manifest).collect();
    format!("{}: {}", name(archive), what.join("; "))
}

fn flaw(archive: &Archive, now: Timestamp) -> Option<String> {
    archive.flaw(now).map(|flaw| match flaw {
        Flaw::Empty => "empty".to_owned(),
        Flaw::EmptyGzip => "a gzip of nothing".to_owned(),
        Flaw::LeftOver => "left over, not finished".to_owned(),
        Flaw::BeingMade => "being made".to_owned(),
        Flaw::OtherSize { expected } => format!("its manifest says {}", bytes(expected)),
    })
}

/// There is no archive of that name.
#[must_use]
pub fn no_such_backup(asked: &ArchiveName) -> Reply {
    let text = format!("No backup is called {asked}, and none is meant by it. backup list shows them.");
    public(card("No such backup".to_owned(), Tone::Warning, vec![Section::Text(text)]))
}

/// One archive, read through.
#[must_use]
pub fn verified(looked: &Looked, now: Timestamp) -> Reply {
    let shown = name(&looked.archive);
    let (title, tone) = if looked.is_well() {
        (format!("{shown} is whole"), Tone::Good)
    } else {
        (format!("{shown} is not one to rely on"), Tone::Bad)
    };
    let sums = match &looked.sums.expected {
        None => "there is no manifest to compare it with".to_owned(),
        Some(Err(why)) => {
            format!("its manifest can't be read: {}", layout::short(&commands::escape::clean(why), 120))
        }
        Some(Ok(_)) if looked.sums.agree() => "as its manifest says".to_owned(),
        Some(Ok((size, sha256))) => {
            format!("its manifest says {} and {}", bytes(*size), sha256.as_str())
        }
    };
    let kind = match looked.look {
        Look::Empty => "empty".to_owned(),
        Look::Custom { version: (major, minor) } => format!("a custom dump, format {major}.{minor}"),
        Look::Plain { is_whole: true } => "a plain dump with its last line".to_owned(),
        Look::Plain { is_whole: false } => {
            "a plain dump that breaks off: its last line is missing".to_owned()
        }
        Look::Gzip => "something gzipped".to_owned(),
        Look::Unknown => "nothing that is known".to_owned(),
    };
    let missing = looked.missing();
    let listed = match &looked.listed {
        None => "not asked for".to_owned(),
        Some(Err(why)) => {
            format!("pg_restore can't list it: {}", layout::short(&commands::escape::clean(why), 200))
        }
        Some(Ok(listed)) if missing.is_empty() => format!("{} listed", listed.len()),
        Some(Ok(_)) => format!("missing: {}", layout::short(&missing.join(", "), 200)),
    };
    let facts = [
        ("made", layout::ago(looked.archive.made(), now)),
        ("size", bytes(looked.sums.bytes)),
        ("SHA-256", looked.sums.sha256.as_str().to_owned()),
        ("bytes", sums),
        ("kind", kind),
        ("tables", listed),
    ];
    let facts = facts.map(|(label, value)| (label.to_owned(), value));
    public(card(title, tone, vec![Section::Facts(facts.into())]))
}
