//! A backup's file: what it may be called, what is in it, how it looks from outside, and when it may go.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backup::{Archive, Backups, CHECKSUM, Flaw, MANIFEST, PART, Sha256Hex};
use crate::ids::RunId;
use crate::restore::DatabaseName;

/// Folders below the backups' folder, and the file.
const DEEPEST: usize = 4;

/// What file systems take, with room for the endings.
const LONGEST: usize = 200;

/// The name of an archive that the bot makes, below the backups' folder: up to 4 parts of letters, digits, `.`,
/// `_` and `-` with `/` between them, none of which begins with `.` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArchiveName(String);

impl ArchiveName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of a dump that a run makes: no two runs have the same.
    pub fn of_dump(database: &DatabaseName, at: Timestamp, run: RunId) -> Result<Self, &'static str> {
        Self::try_from(format!("{database}-{}-{run}.dump", at.strftime("%Y%m%dT%H%M%SZ")))
    }

    /// Of the platform's files that a run archives: no two runs have the same.
    pub fn of_files(at: Timestamp, run: RunId) -> Result<Self, &'static str> {
        Self::try_from(format!("files-{}-{run}.tar.gz", at.strftime("%Y%m%dT%H%M%SZ")))
    }

    /// The same file's name in another folder.
    pub fn in_folder(&self, folder: &str) -> Result<Self, &'static str> {
        let file = self.0.rsplit('/').next().unwrap_or_default();
        Self::try_from(format!("{folder}/{file}"))
    }
}

impl fmt::Display for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ArchiveName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = |part: &str| {
            let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !part.is_empty() && !part.starts_with(['.', '-']) && part.bytes().all(fit)
        };
        if text.len() > LONGEST || text.split('/').count() > DEEPEST || !text.split('/').all(good) {
            return Err("a backup's name has letters, digits, ., _ and -, and up to three folders before it");
        }
        if [MANIFEST, CHECKSUM, PART].iter().any(|ending| text.ends_with(ending)) {
            return Err("that ending stands for something else than a backup");
        }
        Ok(Self(text))
    }
}

impl From<ArchiveName> for String {
    fn from(name: ArchiveName) -> Self {
        name.0
    }
}

/// What is in an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// A dump of the database.
    #[default]
    Database,
    /// The platform's files: a gzipped tar.
    Files,
}

/// How a dump is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DumpFormat {
    /// `pg_restore` reads it; compressed.
    Custom,
    /// Statements that `psql` reads.
    Plain,
}

/// What whoever makes an archive knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// When the dump began.
    pub created: Timestamp,
    /// The database; empty for files.
    pub database: String,
    /// What is in it.
    pub contents: Contents,
    /// How a dump is written.
    pub dump: Option<DumpFormat>,
    /// The database's migrations.
    pub alembic_version: Option<String>,
    /// The run that makes it.
    pub run: Option<RunId>,
    /// Rows by `schema.table`, counted in the snapshot that is dumped.
    pub tables: BTreeMap<String, u64>,
}

/// What a file shows without being read through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// No byte.
    Empty,
    /// A custom dump by its first bytes. Whether it is whole is told by its size and its digest.
    Custom {
        /// Of the format, such as 1.14.
        version: (u8, u8),
    },
    /// A plain dump.
    Plain {
        /// It has the line that `pg_dump` writes last.
        is_whole: bool,
    },
    /// Something gzipped.
    Gzip,
    /// Nothing that is known.
    Unknown,
}

impl Look {
    /// How a dump that looks so is read in; `None` for one that is not to be read in.
    #[must_use]
    pub const fn dump(self) -> Option<DumpFormat> {
        match self {
            Self::Custom { .. } => Some(DumpFormat::Custom),
            Self::Plain { is_whole: true } => Some(DumpFormat::Plain),
            Self::Plain { is_whole: false } | Self::Empty | Self::Gzip | Self::Unknown => None,
        }
    }
}

/// An archive read through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Bytes that are there.
    pub bytes: u64,
    /// Their digest.
    pub sha256: Sha256Hex,
    /// What the manifest says of both; `None` where none stands beside it, `Err` says what is wrong with it.
    pub expected: Option<Result<(u64, Sha256Hex), String>>,
}

impl Sums {
    /// Whether it is what the manifest says. Without a manifest nobody knows.
    #[must_use]
    pub fn agree(&self) -> bool {
        matches!(&self.expected, Some(Ok((bytes, sha256))) if *bytes == self.bytes && *sha256 == self.sha256)
    }
}

/// How long backups are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Older ones may go.
    pub keep_for: Duration,
    /// As many of the newest good ones stay, however old they are.
    pub keep_at_least: usize,
}

impl Backups {
    /// What may go from the folder `below` (all of it, with an empty one), the oldest first: archives with a
    /// readable manifest, whose maker is the bot, once they are too old, and what was left half made. Neither
    /// files that somebody else has put there nor the newest good ones are among them. Of a folder that was
    /// looked at in part only, nothing may go.
    #[must_use]
    pub fn expired(&self, below: &str, retention: Retention, now: Timestamp) -> Vec<&Archive> {
        if self.has_more {
            return Vec::new();
        }
        let is_below = |archive: &&Archive| {
            below.is_empty() || archive.name.strip_prefix(below).is_some_and(|rest| rest.starts_with('/'))
        };
        let mut kept = 0;
        let mut expired = Vec::new();
        for archive in self.newest_first().into_iter().filter(is_below) {
            let is_ours = matches!(&archive.manifest, Some(Ok(manifest)) if manifest.run.is_some());
            match archive.flaw(now) {
                Some(Flaw::LeftOver) => expired.push(archive),
                None if is_ours && kept < retention.keep_at_least => kept += 1,
                _ if is_ours && archive.age(now) > retention.keep_for => expired.push(archive),
                _ => {}
            }
        }
        expired.reverse();
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::Manifest;

    #[test]
    fn a_name_stays_in_its_folder() {
        let name = |text: &str| ArchiveName::try_from(text.to_owned());
        for good in ["acgs-20261126T020000Z.dump", "daily/x.sql", "a/b/c/d_e-f.tar.gz"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for other in [
            "",
            "/etc/passwd",
            "../x",
            "a/../x",
            "a//x",
            "a/",
            ".hidden",
            "-rf",
            "a/-x",
            "a b",
            "a\nb",
            "a\\b",
            "ä",
            "a/b/c/d/e",
            "x.part",
            "x.manifest.json",
            "x.sha256",
            &"x".repeat(201),
        ] {
            assert!(name(other).is_err(), "{other}");
        }
        let weekly = name("weekly/x.dump").expect("a name");
        assert_eq!(weekly.in_folder("monthly").map(|name| name.to_string()).as_deref(), Ok("monthly/x.dump"));
        assert!(weekly.in_folder("..").is_err());
    }

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + day * 86_400).expect("a time")
    }

    fn archive(name: &str, day: i64, contents: Contents, run: Option<u64>) -> Archive {
        let about = About {
            created: at(day),
            database: "acgs".to_owned(),
            contents,
            dump: None,
            alembic_version: None,
            run: run.map(RunId::from_random),
            tables: BTreeMap::new(),
        };
        let manifest = Manifest::of(about, 500, [7; 32].into());
        Archive {
            name: name.to_owned(),
            bytes: 500,
            modified: at(day),
            manifest: Some(Ok(manifest)),
            has_checksum: false,
        }
    }

    #[test]
    fn only_the_bot_s_own_go_and_never_the_newest_good_ones() {
        let ours = |name: &str, day| archive(name, day, Contents::Database, Some(1));
        let mut flawed = ours("daily/flawed", 9);
        flawed.bytes = 499;
        let mut left = ours("daily/left.part", 8);
        left.manifest = None;
        let archives = vec![
            ours("daily/1", 1),
            ours("daily/2", 2),
            ours("daily/3", 3),
            flawed,
            left,
            archive("daily/theirs", 0, Contents::Database, None),
            ours("dailyness/0", 0),
            ours("monthly/0", 0),
        ];
        let all = Backups { archives, has_more: false };
        let expired = |below: &str, keep_at_least, day| {
            let retention = Retention { keep_for: Duration::from_secs(7 * 86_400), keep_at_least };
            let expired = all.expired(below, retention, at(day));
            expired.iter().map(|archive| archive.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(expired("daily", 2, 100), ["daily/1", "daily/left.part", "daily/flawed"]);
        assert_eq!(expired("daily", 0, 9), ["daily/1", "daily/left.part"], "seven days are kept");
        assert_eq!(expired("monthly", 1, 100), Vec::<String>::new());
        assert_eq!(expired("", 0, 100).len(), 7);
        let part = Backups { has_more: true, ..all.clone() };
        let retention = Retention { keep_for: Duration::ZERO, keep_at_least: 0 };
        assert_eq!(part.expired("", retention, at(100)), Vec::<&Archive>::new());
    }

    #[test]
    fn an_archive_of_files_is_no_backup_of_the_database() {
        let files = archive("files.tar.gz", 5, Contents::Files, Some(1));
        let dump = archive("x.dump", 1, Contents::Database, Some(1));
        let all = Backups { archives: vec![files, dump], has_more: false };
        assert_eq!(all.newest_good(at(5)).map(|archive| archive.name.as_str()), Some("x.dump"));
        assert!(!all.are_well(at(5)), "the dump is too old");
    }

    #[test]
    fn sums_agree_only_with_a_manifest_that_says_the_same() {
        let sums = |expected| Sums { bytes: 5, sha256: [1; 32].into(), expected };
        assert!(sums(Some(Ok((5, [1; 32].into())))).agree());
        for other in [
            None,
            Some(Err("no JSON".to_owned())),
            Some(Ok((5, [2; 32].into()))),
            Some(Ok((6, [1; 32].into()))),
        ] {
            assert!(!sums(other).agree());
        }
    }
}
