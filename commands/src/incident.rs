//! An incident as far as it is a record: number, severity, place, services, open or resolved.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{Place, ServiceName};

/// Counts from 1 over all incidents of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentNumber(pub u32);

impl fmt::Display for IncidentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How bad it is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Critical: the platform or its data.
    P0,
    /// High: a service, or all of them slowly.
    P1,
    /// Medium: something that has to be mended and hurts few.
    P2,
}

impl Severity {
    /// The worst first.
    pub const ALL: [Self; 3] = [Self::P0, Self::P1, Self::P2];

    /// As it is typed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str().eq_ignore_ascii_case(typed))
            .ok_or_else(|| "P0 (critical), P1 (high) or P2 (medium)".to_owned())
    }
}

/// One incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number.
    pub number: IncidentNumber,
    /// How bad it is.
    pub severity: Severity,
    /// In a few words, as typed.
    pub title: String,
    /// Where it was opened.
    pub place: Option<Place>,
    /// What it is about; empty for everything.
    pub services: Vec<ServiceName>,
    /// When, and by whom of the configuration.
    pub opened: (Timestamp, String),
    /// When, by whom, and what mended it; `None` while it is open.
    pub resolved: Option<Resolved>,
}

/// How an incident ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// When.
    pub at: Timestamp,
    /// By whom of the configuration.
    pub by: String,
    /// What mended it, as typed.
    pub how: String,
}
