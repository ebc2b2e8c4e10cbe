//! The group `backup`.

use super::How;
use crate::archive::ArchiveName;
use crate::verb::Verb;

/// The platform's backups.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Backup {
    /// What lies in their folder.
    #[command(
        about = "Backups, and whether one is good",
        long_about = "Lists the files below the backups' folder, the newest first, with size, age, and whether a manifest and \
                      a checksum stand beside each. A newest good one that is older than 26 hours, an empty one, a gzip of \
                      nothing and a part that was left over are bad. It opens no archive: what is in one is not judged here.",
        after_help = "backup list"
    )]
    List,
    /// Makes one.
    #[command(
        about = "Back up the database, or files",
        long_about = "Dumps the platform's database from one snapshot into the backups' folder: first to a name ending in .part, for \
                      the bot's eyes alone, with its SHA-256 and the rows of each table counted in the same snapshot. It gets \
                      its name when pg_dump has ended well and pg_restore lists every table in it. What fails, takes too long \
                      or fills the disk leaves nothing behind, in the folder or at the server. With --files it archives the \
                      files and folders that [backups] files lists instead, as a tar in gzip, in the same way; they hold \
                      secrets, and so does it.",
        after_help = "backup create\nbackup create --files"
    )]
    Create {
        /// Those of the configuration, and not the database.
        #[arg(long, help = "Files instead")]
        files: bool,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Copies the newest ones to where they stay longer.
    #[command(
        about = "Copy the newest to the archive",
        long_about = "Copies the newest good backup of the database and the newest one of files into the folder monthly below the \
                      backups' folder, each with its manifest. Both are read through first, and the copy is read back: its \
                      SHA-256 is that of the manifest or there is no copy. One that is there already is left.",
        after_help = "backup archive"
    )]
    Archive {
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Whether one is whole.
    #[command(
        about = "Whether a backup is whole",
        long_about = "Reads a backup through and compares its size and SHA-256 with its manifest, looks how it begins and ends, \
                      and lets pg_restore list its tables. A name is one that backup list shows, or newest.",
        after_help = "backup verify newest"
    )]
    Verify {
        /// Which.
        #[arg(value_name = "BACKUP", help = "A name, or newest", value_parser = archive)]
        archive: ArchiveName,
    },
    /// Puts one in the live database's place.
    #[command(
        about = "Put a backup in the live place",
        long_about = "Reads a backup into a new database beside the live one, all of it or nothing, compares its rows with the \
                      manifest, and gives it the live name in one transaction; services are shut out for less than a second \
                      and are not stopped. The live one is kept, closed, and --undo puts it back. Half a dump is refused; \
                      what fails leaves the live database as it is and nothing beside it. A backup has a name that backup \
                      list shows, or newest.",
        after_help = "backup restore newest\nbackup restore --undo"
    )]
    Restore {
        /// Which.
        #[arg(value_name = "BACKUP", help = "A name, or newest", value_parser = archive, required_unless_present = "undo")]
        archive: Option<ArchiveName>,
        /// The database of before the last restore.
        #[arg(long, help = "Put the old one back", conflicts_with = "archive")]
        undo: bool,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Whether one could be restored.
    #[command(
        about = "Try a restore beside the live one",
        long_about = "Reads a backup, the newest good one or the one named, into a new database beside the live one, compares \
                      its rows with the manifest, and drops it. The live database is not touched. The result and the seconds \
                      that it took are in the answer and in the record of the run.",
        after_help = "backup drill\nbackup drill newest"
    )]
    Drill {
        /// Which.
        #[arg(value_name = "BACKUP", help = "A name, or newest", value_parser = archive)]
        archive: Option<ArchiveName>,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
}

impl Backup {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::List => Verb::BackupList,
            Self::Create { .. } => Verb::BackupCreate,
            Self::Archive { .. } => Verb::BackupArchive,
            Self::Verify { .. } => Verb::BackupVerify,
            Self::Restore { .. } => Verb::BackupRestore,
            Self::Drill { .. } => Verb::BackupDrill,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::List => {}
            Self::Create { files, how } => {
                words.extend(files.then(|| "--files".to_owned()));
                how.push(words);
            }
            Self::Archive { how } => how.push(words),
            Self::Verify { archive } => words.push(archive.to_string()),
            Self::Drill { archive, how } => {
                words.extend(archive.iter().map(ToString::to_string));
                how.push(words);
            }
            Self::Restore { archive, undo, how } => {
                words.extend(archive.iter().map(ToString::to_string));
                words.extend(undo.then(|| "--undo".to_owned()));
                how.push(words);
            }
        }
    }

    pub(super) const fn how(&self) -> Option<&How> {
        match self {
            Self::Create { how, .. }
            | Self::Archive { how }
            | Self::Restore { how, .. }
            | Self::Drill { how, .. } => Some(how),
            Self::List | Self::Verify { .. } => None,
        }
    }
}

/// A name as `backup list` shows it, or `newest`.
fn archive(typed: &str) -> Result<ArchiveName, String> {
    ArchiveName::try_from(typed.to_owned())
        .map_err(|_| "a name as backup list shows it, or newest".to_owned())
}
