//! The group `maintenance`.

use super::acting::{Words, typed_words};
use super::push_both;
use crate::ids::ServiceName;
use crate::period::Period;
use crate::verb::Verb;

/// How long a maintenance may last.
pub const MAINTENANCE: (Period, Period) = (Period::minutes(1), Period::days(1));

/// Work that everybody is told of.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Maintenance {
    /// Begins one.
    #[command(
        about = "Announce work, silence its alerts",
        long_about = "Tells the incident channels that somebody works on a service, and silences that service's alerts in \
                      Alertmanager for the time given: the silence ends by itself. maintenance end ends it before.",
        after_help = "maintenance start ac_service 30m 'new release'"
    )]
    Start {
        /// On which service.
        #[arg(value_name = "SERVICE", help = "On which service")]
        service: ServiceName,
        /// For how long.
        #[arg(value_name = "TIME", help = "For how long, as 30m", value_parser = Period::within(MAINTENANCE.0, MAINTENANCE.1))]
        length: Period,
        /// Why.
        #[arg(value_name = "WHY", help = "Why", value_parser = typed_words)]
        why: Words,
    },
    /// Ends it.
    #[command(
        about = "End a maintenance",
        long_about = "Tells the incident channels that the work is over and ends exactly the silence that it began with. With more \
                      than one under way, say of which service.",
        after_help = "maintenance end\nmaintenance end ac_service"
    )]
    End {
        /// Of which service.
        #[arg(value_name = "SERVICE", help = "Of which service")]
        service: Option<ServiceName>,
    },
}

impl Maintenance {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Start { .. } => Verb::MaintenanceStart,
            Self::End { .. } => Verb::MaintenanceEnd,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::Start { service, length, why } => {
                push_both(words, [service.to_string(), length.to_string(), why.to_string()], Vec::new());
            }
            Self::End { service } => words.extend(service.iter().map(ToString::to_string)),
        }
    }
}
