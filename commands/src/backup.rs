//! The platform's backups as files: what lies in their folder, and whether the newest is one to rely on.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::archive::{About, Contents, DumpFormat};
use crate::ids::RunId;

/// A daily backup and two hours of grace.
pub const OLDEST_GOOD: Duration = Duration::from_secs(26 * 3_600);

/// Files looked at. A folder with more is a folder that nobody tidies up.
pub const MOST_FILES: usize = 1_000;

/// A manifest stands beside its archive as `NAME.manifest.json`.
pub const MANIFEST: &str = ".manifest.json";

/// A checksum stands beside its archive as `NAME.sha256`.
pub const CHECKSUM: &str = ".sha256";

/// An archive has this name while it is written.
pub const PART: &str = ".part";

/// What `gzip` makes of nothing, as after a dump that failed.
const EMPTY_GZIP: u64 = 20;

/// A part that was written to within this time is one that is being made.
const BEING_MADE: Duration = Duration::from_secs(10 * 60);

/// What a manifest says of its archive. Fields that a later version adds are not an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of these fields' meaning.
    pub format: FormatVersion,
    /// When the dump began; RFC 3339.
    pub created: Timestamp,
    /// The database that was dumped; empty where files were archived.
    pub database: String,
    /// What is in it. Those of before said nothing, and were dumps.
    #[serde(default)]
    pub contents: Contents,
    /// How the dump is written; `None` where that was not said, and for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<DumpFormat>,
    /// Which of Alembic's migrations the database had; `None` where that was not said or there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alembic_version: Option<String>,
    /// The run that made it; `None` where that was not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The archive's size.
    pub archive_bytes: u64,
    /// The archive's SHA-256: 64 hex digits.
    pub sha256: Sha256Hex,
    /// Rows of each table, by `schema.table`, counted in the snapshot that was dumped.
    pub tables: BTreeMap<String, u64>,
}

impl Manifest {
    /// That of an archive that has been written.
    #[must_use]
    pub fn of(about: About, archive_bytes: u64, sha256: Sha256Hex) -> Self {
        Self {
            format: FormatVersion,
            created: about.created,
            database: about.database,
            contents: about.contents,
            dump: about.dump,
            alembic_version: about.alembic_version,
            run: about.run,
            archive_bytes,
            sha256,
            tables: about.tables,
        }
    }
}

/// The version of a manifest's format: 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct FormatVersion;

impl TryFrom<u32> for FormatVersion {
    type Error = String;

    fn try_from(version: u32) -> Result<Self, String> {
        if version == 1 { Ok(Self) } else { Err(format!("its format is version {version}, and 1 is known")) }
    }
}

impl From<FormatVersion> for u32 {
    fn from(_: FormatVersion) -> Self {
        1
    }
}

/// A SHA-256 in lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<[u8; 32]> for Sha256Hex {
    fn from(digest: [u8; 32]) -> Self {
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl TryFrom<String> for Sha256Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err("a SHA-256 has 64 hex digits".to_owned())
        }
    }
}

impl From<Sha256Hex> for String {
    fn from(digest: Sha256Hex) -> Self {
        digest.0
    }
}

/// A file in the backups' folder that is neither a manifest nor a checksum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Its path below the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last written to.
    pub modified: Timestamp,
    /// `None` where none stands beside it; `Err` says what is wrong with the one that does.
    pub manifest: Option<Result<Manifest, String>>,
    /// Whether a checksum stands beside it.
    pub has_checksum: bool,
}

/// Why an archive is none to rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// It has no byte.
    Empty,
    /// It is a gzip of nothing.
    EmptyGzip,
    /// Whoever made it did not finish.
    LeftOver,
    /// It is being made now.
    BeingMade,
    /// Its manifest says another size.
    OtherSize {
        /// By the manifest.
        expected: u64,
    },
}

impl Archive {
    /// When it was made. A copy is newer than what is in it, and a manifest from the future is wrong, so the
    /// older one of both counts.
    #[must_use]
    pub fn made(&self) -> Timestamp {
        match &self.manifest {
            Some(Ok(manifest)) => manifest.created.min(self.modified),
            Some(Err(_)) | None => self.modified,
        }
    }

    /// Whether it is known to hold files and no database.
    #[must_use]
    pub fn holds_files(&self) -> bool {
        matches!(&self.manifest, Some(Ok(manifest)) if manifest.contents == Contents::Files)
    }

    /// How old it is.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.made())).unwrap_or_default()
    }

    /// What is wrong with it, as far as its size and its name tell.
    #[must_use]
    pub fn flaw(&self, now: Timestamp) -> Option<Flaw> {
        if self.name.ends_with(PART) {
            let quiet = Duration::try_from(now.duration_since(self.modified)).unwrap_or_default();
            return Some(if quiet < BEING_MADE { Flaw::BeingMade } else { Flaw::LeftOver });
        }
        match (self.bytes, &self.manifest) {
            (0, _) => Some(Flaw::Empty),
            (EMPTY_GZIP, _) => Some(Flaw::EmptyGzip),
            (bytes, Some(Ok(manifest))) if manifest.archive_bytes != bytes => {
                Some(Flaw::OtherSize { expected: manifest.archive_bytes })
            }
            _ => None,
        }
    }

    /// Whether somebody has to look at it.
    #[must_use]
    pub fn is_concern(&self, now: Timestamp) -> bool {
        let flawed = self.flaw(now).is_some_and(|flaw| flaw != Flaw::BeingMade);
        flawed || matches!(self.manifest, Some(Err(_)))
    }
}

/// What lies in the backups' folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backups {
    /// In no order.
    pub archives: Vec<Archive>,
    /// There are more files than [`MOST_FILES`], and some were not looked at.
    pub has_more: bool,
}

impl Backups {
    /// The newest first.
    #[must_use]
    pub fn newest_first(&self) -> Vec<&Archive> {
        let mut all: Vec<&Archive> = self.archives.iter().collect();
        all.sort_by(|a, b| b.made().cmp(&a.made()).then_with(|| a.name.cmp(&b.name)));
        all
    }

    /// Those of the database without a flaw, the newest first.
    pub fn good(&self, now: Timestamp) -> impl Iterator<Item = &Archive> {
        self.newest_first()
            .into_iter()
            .filter(move |archive| !archive.holds_files() && archive.flaw(now).is_none())
    }

    /// The newest one of the database without a flaw.
    #[must_use]
    pub fn newest_good(&self, now: Timestamp) -> Option<&Archive> {
        self.good(now).next()
    }

    /// The newest one of the platform's files without a flaw.
    #[must_use]
    pub fn newest_files(&self, now: Timestamp) -> Option<&Archive> {
        let all = self.newest_first().into_iter();
        all.filter(|archive| archive.holds_files()).find(|archive| archive.flaw(now).is_none())
    }

    /// The newest one of the database without a flaw whose manifest can be read.
    #[must_use]
    pub fn newest_manifest(&self, now: Timestamp) -> Option<(&Archive, &Manifest)> {
        self.good(now).find_map(|archive| {
            let manifest = archive.manifest.as_ref()?.as_ref().ok()?;
            Some((archive, manifest))
        })
    }

    /// Whether there is one to rely on that is not too old, and nothing that somebody has to look at.
    #[must_use]
    pub fn are_well(&self, now: Timestamp) -> bool {
        let fresh = self.newest_good(now).is_some_and(|newest| newest.age(now) <= OLDEST_GOOD);
        fresh && !self.has_more && !self.archives.iter().any(|archive| archive.is_concern(now))
    }
}

/// The rows of one table of a backup, in the live database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRows {
    /// As the manifest has it.
    pub table: String,
    /// By the manifest.
    pub backed_up: u64,
    /// Now.
    pub live: LiveRows,
}

/// How many rows a table has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveRows {
    /// Counted.
    Counted(u64),
    /// By the server's statistics: the bot's role may not count.
    NotAllowed(u64),
    /// By the server's statistics: counting took too long.
    TooSlow(u64),
    /// There is no such table.
    Missing,
}

impl TableRows {
    /// Whether more than a tenth of its rows is gone.
    #[must_use]
    pub const fn has_shrunk(&self) -> bool {
        match self.live {
            LiveRows::Counted(live) | LiveRows::NotAllowed(live) | LiveRows::TooSlow(live) => {
                (live as u128) * 10 < (self.backed_up as u128) * 9
            }
            LiveRows::Missing => false,
        }
    }
}

/// A backup's rows beside those of the live database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// The archive whose manifest it is.
    pub archive: String,
    /// When that was made.
    pub made: Timestamp,
    /// Every table of the manifest.
    pub tables: Vec<TableRows>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + hour * 3_600).expect("a time")
    }

    fn archive(name: &str, bytes: u64, hour: i64) -> Archive {
        Archive { name: name.to_owned(), bytes, modified: at(hour), manifest: None, has_checksum: false }
    }

    fn manifest(bytes: u64, hour: i64) -> Manifest {
        let text = format!(
            r#"{{"format":1,"created":"{}","database":"acgs","archive_bytes":{bytes},"sha256":"{DIGEST}","tables":{{"public.users":3}},"later":[]}}"#,
            at(hour)
        );
        serde_json::from_str(&text).expect("a manifest")
    }

    #[test]
    fn a_manifest_is_read_and_written_and_a_wrong_one_says_why() {
        let read = manifest(5, 0);
        let written = serde_json::to_string(&read).expect("JSON");
        assert_eq!(serde_json::from_str::<Manifest>(&written).expect("the same"), read);
        for (was, is, said) in [
            ("\"format\":1", "\"format\":2", "version 2"),
            (DIGEST, "abc", "64 hex digits"),
            ("\"archive_bytes\":5", "\"archive_bytes\":-5", "invalid value"),
            ("\"database\":\"acgs\",", "", "missing field `database`"),
        ] {
            let error = serde_json::from_str::<Manifest>(&written.replace(was, is)).unwrap_err().to_string();
            assert!(error.contains(said), "{said} in {error}");
        }
    }

    #[test]
    fn what_is_no_backup_is_not_relied_on() {
        let now = at(30);
        let with = |manifest: Manifest| Archive { manifest: Some(Ok(manifest)), ..archive("a.gz", 500, 29) };
        let table = [
            (archive("a.gz", 500, 29), None),
            (archive("a.gz", 0, 29), Some(Flaw::Empty)),
            (archive("a.gz", 20, 29), Some(Flaw::EmptyGzip)),
            (archive("a.gz.part", 500, 29), Some(Flaw::LeftOver)),
            (archive("a.gz.part", 500, 30), Some(Flaw::BeingMade)),
            (with(manifest(500, 29)), None),
            (with(manifest(501, 29)), Some(Flaw::OtherSize { expected: 501 })),
        ];
        for (archive, flaw) in table {
            assert_eq!(archive.flaw(now), flaw, "{archive:?}");
        }
        // Neither a copy nor a manifest from the future is a newer backup.
        assert_eq!(with(manifest(500, 2)).made(), at(2));
        assert_eq!(with(manifest(500, 99)).made(), at(29));
    }

    #[test]
    fn the_newest_good_one_may_be_26_hours_old() {
        let all = |archives: &[Archive]| Backups { archives: archives.to_vec(), has_more: false };
        let one = all(&[archive("a.gz", 500, 0), archive("b.gz", 500, 4)]);
        assert_eq!(one.newest_good(at(30)).map(|newest| newest.name.as_str()), Some("b.gz"));
        assert!(one.are_well(at(30)) && !one.are_well(at(31)));
        assert!(!all(&[]).are_well(at(0)));
        let empty = all(&[archive("a.gz", 500, 0), archive("b.gz", 20, 4)]);
        assert!(!empty.are_well(at(5)), "an empty one needs a look though there is a good one");
        assert_eq!(empty.newest_good(at(5)).map(|newest| newest.name.as_str()), Some("a.gz"));
        let making = all(&[archive("a.gz", 500, 0), archive("b.gz.part", 7, 4)]);
        assert!(making.are_well(at(4)) && !making.are_well(at(5)));
        assert!(!Backups { has_more: true, ..one }.are_well(at(5)));
        let mut broken = archive("a.gz", 500, 0);
        broken.manifest = Some(Err("it is no JSON".to_owned()));
        assert!(!all(&[broken]).are_well(at(1)));
    }

    #[test]
    fn a_tenth_of_the_rows_may_be_gone() {
        let shrunk = |backed_up, live| TableRows { table: "t".to_owned(), backed_up, live }.has_shrunk();
        assert!(!shrunk(100, LiveRows::Counted(90)) && shrunk(100, LiveRows::Counted(89)));
        assert!(shrunk(1, LiveRows::NotAllowed(0)) && !shrunk(0, LiveRows::Counted(0)));
        assert!(!shrunk(100, LiveRows::Missing) && shrunk(u64::MAX, LiveRows::TooSlow(1)));
    }
}
