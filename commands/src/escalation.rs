//! The severity schedule: whom an incident calls, when, and how it goes on. Pure: what happened and the time are
//! arguments.
//!
//! Two ladders run at once. *Not acknowledged* pages the on-call again and again until somebody says that they have it;
//! *not resolved* calls the next rung at fixed minutes after the opening, whoever has acknowledged. In reading order: the
//! [`Policy`] as configured, the [`Course`] of one incident, and what is [`Due`].

mod course;
mod due;
mod quiet;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::incident::Severity;
use crate::oncall::Rung;
use crate::period::Period;

pub use course::{Alertness, Course, Duty, TooQuiet};
pub use due::{Due, Phase, Recipient, What};
pub use quiet::Quiet;

/// "Nobody left" is said again after each of these.
pub const NOBODY_LEFT_EVERY: Period = Period::minutes(15);
/// Comms are warned so long before a status update is due.
pub const WARNED_BEFORE: Period = Period::minutes(2);
/// The commander is told so long after one was due and did not come.
pub const MISSED_AFTER: Period = Period::minutes(5);
/// Duties that nobody took are named again after each of these.
pub const NUDGED_EVERY: Period = Period::minutes(2);
/// And so often.
pub const NUDGES: u32 = 5;
/// "No change" stands for a status update so often in a row.
pub const UNCHANGED_IN_A_ROW: u8 = 2;

/// How loudly a rung is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A message in the incident's channel that mentions them.
    Notify,
    /// That, a message to each alone, and what is configured to wake them.
    Page,
}

impl Way {
    /// The word in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Page => "page",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// When a step is taken at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Only {
    /// At its minute, unless the incident is resolved.
    #[default]
    Unresolved,
    /// And unless somebody has acknowledged.
    Unacknowledged,
    /// And for incidents that are about security alone.
    Security,
}

/// One step of a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Seconds after the opening.
    pub after: u32,
    /// Who.
    pub tell: Rung,
    /// How.
    pub how: Way,
    /// On what condition.
    #[serde(default)]
    pub only: Only,
}

/// What one severity asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// Within this somebody has to acknowledge.
    pub respond_within: Period,
    /// From then on the on-call is paged again after each of these, until somebody does.
    pub repage_every: Option<Period>,
    /// An acknowledgement holds so long without a word of a person.
    pub acknowledgement_holds: Option<Period>,
    /// A status update is due at the opening and after each of these.
    pub status_every: Option<Period>,
    /// In the order of time.
    pub steps: Vec<Step>,
}

impl Ladder {
    /// The last step that an incident takes, about security or not.
    #[must_use]
    pub fn last(&self, security: bool) -> Option<&Step> {
        let taken = |step: &&Step| match step.only {
            Only::Unresolved => true,
            Only::Unacknowledged => false,
            Only::Security => security,
        };
        self.steps.iter().filter(taken).max_by_key(|step| step.after)
    }
}

/// A ladder for each severity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Critical.
    pub p0: Ladder,
    /// High.
    pub p1: Ladder,
    /// Medium.
    pub p2: Ladder,
}

impl Policy {
    /// One that calls nobody: where none is configured, an incident is a record.
    #[must_use]
    pub fn silent() -> Self {
        let nobody = Ladder {
            respond_within: Period::minutes(5),
            repage_every: None,
            acknowledgement_holds: None,
            status_every: None,
            steps: Vec::new(),
        };
        Self { p0: nobody.clone(), p1: nobody.clone(), p2: nobody }
    }

    /// That of a severity.
    #[must_use]
    pub const fn ladder(&self, severity: Severity) -> &Ladder {
        match severity {
            Severity::P0 => &self.p0,
            Severity::P1 => &self.p1,
            Severity::P2 => &self.p2,
        }
    }
}

/// What is wrong with a ladder, in words for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Steps out of order.
    #[error("the step at {after} s comes after a later one: write steps in the order of time")]
    NotIncreasing {
        /// Seconds after the opening.
        after: u32,
    },
    /// It can never be taken: the rung was told the same, or louder, at that moment already.
    #[error("the {} is told twice at {after} s: leave one of the two out", rung.as_str())]
    Twice {
        /// Who.
        rung: Rung,
        /// Seconds after the opening.
        after: u32,
    },
    /// Nobody is told when an incident opens.
    #[error("nobody is told at the opening: give a step with after = \"0m\"")]
    SilentOpening,
    /// It can't be taken before the on-call had time to answer.
    #[error("the step for the unacknowledged at {after} s comes before respond_within")]
    TooEarly {
        /// Seconds after the opening.
        after: u32,
    },
    /// Reminders would run into each other.
    #[error(
        "status_every must be 10 minutes or more: comms are warned 2 minutes before and asked 5 minutes after"
    )]
    TooOften,
    /// Every acknowledgement would decay before the first page after it could come.
    #[error("acknowledgement_holds is shorter than repage_every: an acknowledgement would never help")]
    NeverHolds,
}

impl Ladder {
    /// Everything that contradicts itself or can never happen.
    #[must_use]
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        for pair in self.steps.windows(2) {
            if pair[1].after < pair[0].after {
                flaws.push(Flaw::NotIncreasing { after: pair[1].after });
            }
        }
        for (index, step) in self.steps.iter().enumerate() {
            let same = |other: &Step| (other.after, other.tell) == (step.after, step.tell);
            if self.steps[..index].iter().any(same) {
                flaws.push(Flaw::Twice { rung: step.tell, after: step.after });
            }
            if step.only == Only::Unacknowledged && step.after < self.respond_within.as_secs() {
                flaws.push(Flaw::TooEarly { after: step.after });
            }
        }
        if !self.steps.iter().any(|step| step.after == 0 && step.only == Only::Unresolved) {
            flaws.push(Flaw::SilentOpening);
        }
        if self.status_every.is_some_and(|every| every < Period::minutes(10)) {
            flaws.push(Flaw::TooOften);
        }
        if self.acknowledgement_holds.zip(self.repage_every).is_some_and(|(holds, every)| holds < every) {
            flaws.push(Flaw::NeverHolds);
        }
        flaws
    }
}

#[cfg(test)]
mod tests;
