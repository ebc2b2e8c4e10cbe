//! Whether the platform works, and not only answers: one check for each thing that can be green
//! while nobody can use it.

use serde::{Deserialize, Serialize};

use crate::backup::{LiveRows, RowCounts, TableRows};
use crate::canary::CanaryLogin;
use crate::health::{HealthReport, ProbeOutcome, Reading};
use crate::ids::ServiceName;
use crate::traffic::ErrorRates;

/// Everything that was looked at, at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The usual look.
    pub health: HealthReport,
    /// A login.
    pub login: Reading<CanaryLogin>,
    /// Errors of the last minutes.
    pub errors: Reading<ErrorRates>,
    /// One read from each service that has a page for it.
    pub reads: Vec<(ServiceName, ProbeOutcome)>,
    /// The newest backup's rows beside the database's.
    pub rows: BackupRows,
}

/// Whether the database has what its newest backup has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupRows {
    /// The configuration has no folder of backups, or no database.
    NotConfigured,
    /// No good backup has a manifest that can be read.
    NoManifest,
    /// The newest manifest is of another database than the one that the bot looks at.
    OtherDatabase {
        /// The backup's.
        backup: String,
        /// The bot's.
        live: String,
    },
    /// The folder or the database could not be read.
    Unavailable(String),
    /// Table by table.
    Compared(RowCounts),
}

/// What the comparison with the newest backup comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowsVerdict {
    /// A table is missing, or it could not be told.
    Bad,
    /// More than a tenth of a table's rows is gone, which may be right: somebody has to look.
    Look,
    /// Nothing is missing.
    Good,
    /// There was nothing to compare with.
    NotMade,
}

impl BackupRows {
    /// The judgement.
    #[must_use]
    pub fn verdict(&self) -> RowsVerdict {
        match self {
            Self::NotConfigured | Self::NoManifest | Self::OtherDatabase { .. } => RowsVerdict::NotMade,
            Self::Unavailable(_) => RowsVerdict::Bad,
            Self::Compared(counts) => {
                if counts.tables.iter().any(|table| table.live == LiveRows::Missing) {
                    RowsVerdict::Bad
                } else if counts.tables.iter().any(TableRows::has_shrunk) {
                    RowsVerdict::Look
                } else {
                    RowsVerdict::Good
                }
            }
        }
    }
}

/// Whether what was read from a service is an answer: 200, whatever is in it.
#[must_use]
pub const fn is_read(outcome: &ProbeOutcome) -> bool {
    match outcome {
        ProbeOutcome::Healthy { .. } => true,
        ProbeOutcome::Unhealthy { code, .. }
        | ProbeOutcome::NotJson { code, .. }
        | ProbeOutcome::NoStatus { code }
        | ProbeOutcome::TooLarge { code } => *code == 200,
        ProbeOutcome::Redirect { .. }
        | ProbeOutcome::Frozen
        | ProbeOutcome::Slow { .. }
        | ProbeOutcome::Refused
        | ProbeOutcome::Broken(_)
        | ProbeOutcome::Unreachable(_) => false,
    }
}
