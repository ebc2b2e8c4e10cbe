//! The group `backup`.

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
}

impl Backup {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::List => Verb::BackupList,
        }
    }
}
