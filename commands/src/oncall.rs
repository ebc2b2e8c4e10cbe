//! Who is to be reached when something is wrong, in the order of escalation.

use serde::{Deserialize, Serialize};

/// A rung of the ladder, the first to be paged first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Whoever is on call.
    OnCall,
    /// The DevOps team's lead.
    DevopsLead,
    /// Takes command of what lasts.
    EngineeringManager,
    /// Hears of the worst.
    Cto,
}

impl Rung {
    /// From the first to the last.
    pub const ALL: [Self; 4] = [Self::OnCall, Self::DevopsLead, Self::EngineeringManager, Self::Cto];

    /// As people say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnCall => "on-call",
            Self::DevopsLead => "DevOps lead",
            Self::EngineeringManager => "engineering manager",
            Self::Cto => "CTO",
        }
    }
}
