//! Who may ask for what. A command's [`Risk`] is data on the command; [`Role`]s grow.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a configured person may do. Each role includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks, opens and acknowledges.
    Viewer,
    /// Asks for changes.
    Operator,
    /// Votes on other people's plans.
    Approver,
    /// Reads the audit trail and looks after the bot.
    Admin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Approver, Self::Admin];

    /// The lower-case word used in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a command can do to the platform, the harmless first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Looks only.
    Read,
    /// Our own records, posts and silences.
    Coordinate,
    /// Reversible, one service.
    Change,
    /// An outage or the loss of evidence is possible.
    Destructive,
    /// Data, a total outage, secrets.
    Critical,
}

impl Risk {
    /// Every class, the harmless first.
    pub const ALL: [Self; 5] =
        [Self::Read, Self::Coordinate, Self::Change, Self::Destructive, Self::Critical];

    /// The lower-case word used in help and the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Coordinate => "coordinate",
            Self::Change => "change",
            Self::Destructive => "destructive",
            Self::Critical => "critical",
        }
    }

    /// Whether something outside the bot may be different afterwards.
    #[must_use]
    pub const fn acts(self) -> bool {
        match self {
            Self::Read | Self::Coordinate => false,
            Self::Change | Self::Destructive | Self::Critical => true,
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a command can do and who may ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// What it can do to the platform; decides what approval it takes.
    pub risk: Risk,
    /// The weakest role that may ask for it.
    pub role: Role,
}

impl Requirement {
    /// Whether somebody with this role may ask. A person without a role may ask for nothing.
    #[must_use]
    pub fn allows(self, role: Option<Role>) -> bool {
        role.is_some_and(|role| role >= self.role)
    }
}

/// A line older than this was typed about a platform that may be another one by now.
pub const FRESH: Duration = Duration::from_secs(60);

/// What to do with a line that is read `age` after it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// Run it as if it had just been typed.
    Answer,
    /// Show the line with a Run button, and do nothing before somebody presses it.
    OfferRun,
}

/// Whether a line is answered although it is read `age` after it was typed. After [`FRESH`] only what
/// reads is: opening an incident or a silence late is as wrong as a late restart.
#[must_use]
pub fn late(needs: Requirement, age: Duration) -> Late {
    match needs.risk {
        Risk::Read => Late::Answer,
        Risk::Coordinate | Risk::Change | Risk::Destructive | Risk::Critical => {
            if age > FRESH {
                Late::OfferRun
            } else {
                Late::Answer
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_read_late_is_answered_only_if_it_reads() {
        let table = [
            (Risk::Read, 60_001, Late::Answer),
            (Risk::Coordinate, 60_000, Late::Answer),
            (Risk::Coordinate, 60_001, Late::OfferRun),
            (Risk::Change, 60_001, Late::OfferRun),
            (Risk::Destructive, 60_001, Late::OfferRun),
            (Risk::Critical, 60_000, Late::Answer),
            (Risk::Critical, 60_001, Late::OfferRun),
        ];
        for (risk, age, expected) in table {
            let needs = Requirement { risk, role: Role::Operator };
            assert_eq!(late(needs, Duration::from_millis(age)), expected, "{risk} after {age} ms");
        }
    }

    #[test]
    fn roles_grow_and_nobody_without_one_is_allowed() {
        let needs = Requirement { risk: Risk::Read, role: Role::Approver };
        let allowed = Role::ALL.map(|role| needs.allows(Some(role)));
        assert_eq!(allowed, [false, false, true, true]);
        assert!(!needs.allows(None));
    }
}
