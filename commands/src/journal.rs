//! What became of a plan's execution: each step's outcome, readings before and after, the verdict.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ServiceName;

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum StepOutcome {
    /// It was done, and what there is to say of it.
    Done {
        /// What the platform said or what was found; may be empty.
        note: String,
    },
    /// It was certainly not done, or it was done and did not work.
    Failed {
        /// Why, and what to do next.
        why: String,
    },
    /// Nobody knows whether it was done, and looking did not tell.
    Unknown {
        /// What looking found.
        found: String,
    },
}

impl StepOutcome {
    /// Whether the steps after it may begin.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        match self {
            Self::Done { .. } => true,
            Self::Failed { .. } | Self::Unknown { .. } => false,
        }
    }
}

/// A step in the journal. One that began and has no outcome was under way when the process died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalStep {
    /// Its place in the plan, from 0.
    pub number: u32,
    /// When it began.
    pub began_at: Timestamp,
    /// When its outcome was known.
    pub ended_at: Option<Timestamp>,
    /// What became of it.
    pub outcome: Option<StepOutcome>,
}

/// How a service does at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Whose.
    pub service: ServiceName,
    /// Whether it answered as a healthy one, three times in a row where it was asked for that long.
    pub healthy: bool,
    /// What it answered otherwise, in a few words.
    pub health: String,
    /// Thousandths of a per cent of its answers that were server errors; `None` where there were too few answers to
    /// tell, or no Prometheus.
    pub errors_milli_percent: Option<u64>,
    /// Milliseconds within which 95 of 100 answers came; `None` likewise.
    pub p95_ms: Option<u64>,
    /// How often Docker has restarted its container; `None` without Docker or container.
    pub restarts: Option<u64>,
}

/// Whether an execution helped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Something is worse than before.
    Worse,
    /// What was sick is sick still, or what was well is well still.
    Unchanged {
        /// Whether all is well, so that there was nothing to mend.
        well: bool,
    },
    /// What was sick is well.
    Improved,
}

/// Of more than this share of answers, in thousandths of a per cent, errors are a sign: 5 %, as the platform's alert
/// `HighErrorRate` has it.
const BAD_ERRORS: u64 = 5_000;

impl Reading {
    fn fails(&self) -> bool {
        self.errors_milli_percent.is_some_and(|errors| errors > BAD_ERRORS)
    }

    const fn restarted_since(&self, before: &Self) -> bool {
        match (before.restarts, self.restarts) {
            (Some(before), Some(after)) => after > before,
            _ => false,
        }
    }
}

/// What the readings after say beside those before. Readings of services that are on one side alone are
/// left out. Errors after an execution are those of a window that begins with it.
#[must_use]
pub fn verdict(before: &[Reading], after: &[Reading]) -> Verdict {
    let pairs: Vec<_> = before
        .iter()
        .filter_map(|one| Some((one, after.iter().find(|other| other.service == one.service)?)))
        .collect();
    let each = pairs.iter().map(|(before, after)| {
        let was_well = before.healthy && !before.fails();
        // Docker restarting the container by itself afterwards is a crash, however well it answers between.
        let is_well = after.healthy && !after.fails() && !after.restarted_since(before);
        match (was_well, is_well) {
            (true, false) => Verdict::Worse,
            (false, true) => Verdict::Improved,
            (true, true) => Verdict::Unchanged { well: true },
            (false, false) => Verdict::Unchanged { well: false },
        }
    });
    let each: Vec<_> = each.collect();
    if each.contains(&Verdict::Worse) {
        Verdict::Worse
    } else if each.contains(&Verdict::Unchanged { well: false }) {
        Verdict::Unchanged { well: false }
    } else if each.contains(&Verdict::Improved) {
        Verdict::Improved
    } else {
        Verdict::Unchanged { well: true }
    }
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every step was done; `verdict` is `None` where no service was to be proved.
    Done {
        /// Whether it helped.
        verdict: Option<Verdict>,
    },
    /// A step failed; the ones after it did not begin.
    Failed {
        /// Its place in the plan, from 0.
        step: u32,
    },
    /// What became of a step is not known; the ones after it did not begin.
    Unknown {
        /// Its place in the plan, from 0.
        step: u32,
    },
}

#[cfg(test)]
mod tests;
