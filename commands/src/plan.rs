//! What exactly will be done, before anybody says yes to it.
//!
//! A [`Plan`] leaves no choice open: targets by the ids that can't be given twice, acts in order with
//! their arguments. Its bytes are its JSON as [`Plan::bytes`] writes it, its [`Digest`] is their SHA-256,
//! and that is what people vote on. What is shown, hashed and executed is this one value.
//!
//! What changes by itself from second to second (requests, sessions) stands in [`Plan::forecast`] as it
//! was measured when the plan was made; everything else must be found again just before execution.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ids::{RunId, ServiceName};
use crate::incident::IncidentNumber;
use crate::risk::Risk;

mod act;
mod difference;
mod forecast;
mod target;

pub use act::{Act, ExpectedRows, MigrationJob, OtherDatabase, Remake, Seat, Step, UpkeepKind, Variable};
pub use difference::{Difference, differences};
pub use forecast::Forecast;
pub use target::Target;

/// The whole of what will be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The command's way through the bot; a run has at most one plan.
    pub run: RunId,
    /// 128 random bits in hex, so that no two plans have one digest.
    pub nonce: String,
    /// What was typed, as its canonical line.
    pub line: String,
    /// The commands that act, each as its canonical line: that line alone, or those of a runbook.
    pub commands: Vec<String>,
    /// What it can do to the platform; decides what approval it takes.
    pub risk: Risk,
    /// Who asked, as in the configuration.
    pub requester: String,
    /// The open incident that it belongs to.
    pub incident: Option<IncidentNumber>,
    /// Why it does not wait for votes, where somebody broke the glass.
    pub break_glass: Option<String>,
    /// When the facts were read.
    pub created: Timestamp,
    /// The Docker daemon that the containers' ids are of.
    pub engine: Option<String>,
    /// What it is done to.
    pub targets: Vec<Target>,
    /// In order.
    pub steps: Vec<Step>,
    /// Services that have to be well afterwards.
    pub proves: Vec<ServiceName>,
    /// What it does, in words.
    pub effect: String,
    /// Who and what is hit, as measured when the plan was made.
    pub forecast: Vec<Forecast>,
    /// How it is taken back, in words.
    pub undo: String,
}

/// The SHA-256 of a plan's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of a plan's bytes as they are stored.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The first 12 hex digits, as people see it.
    #[must_use]
    pub fn short(&self) -> String {
        let mut whole = self.to_string();
        whole.truncate(12);
        whole
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Plan {
    /// The one way in which a plan is written: JSON, fields in their declared order, no spaces, no map and
    /// no fraction in it.
    #[must_use]
    pub fn bytes(&self) -> String {
        serde_json::to_string(self).expect("a plan has no map and no failing serializer")
    }

    /// Of [`Plan::bytes`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.bytes().as_bytes())
    }

    /// What nobody else may act on meanwhile, sorted, each once.
    #[must_use]
    pub fn locks(&self) -> Vec<String> {
        let mut locks: Vec<_> = self.targets.iter().map(Target::lock).collect();
        locks.sort();
        locks.dedup();
        locks
    }

    /// The plan that facts read later make: what belongs to the asking and to its moment is taken from
    /// `first`. It has the digest of `first` if and only if the facts are the same.
    #[must_use]
    pub fn read_again(self, first: &Self) -> Self {
        Self {
            run: first.run,
            nonce: first.nonce.clone(),
            line: first.line.clone(),
            commands: first.commands.clone(),
            requester: first.requester.clone(),
            incident: first.incident,
            break_glass: first.break_glass.clone(),
            created: first.created,
            forecast: first.forecast.clone(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
