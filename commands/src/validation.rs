//! Whether the platform works, and not only answers: one check for each thing that can be green
//! while nobody can use it.

use serde::{Deserialize, Serialize};

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
