//! The group `stack`.

use super::acting::{How, Words, typed_words};
use clap::value_parser;

use super::push_positional;
use crate::ids::ServiceName;
use crate::period::Period;
use crate::verb::Verb;

/// How long a freeze may last.
pub const FREEZE: (Period, Period) = (Period::minutes(1), Period::days(7));

/// Containers that a service may have.
pub const SCALE: std::ops::RangeInclusive<i64> = 1..=20;

/// The platform as a whole.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Stack {
    /// Nothing acts from now on.
    #[command(
        about = "Stop everything that acts",
        long_about = "From now on no command that acts begins, whoever asks and whoever approved it, and no scheduled job; what \
                      has begun goes on. It lasts until somebody thaws, or for the time given. Whoever may look may freeze.",
        after_help = "stack freeze 'two people restart things'\nstack freeze 'release review' 2h"
    )]
    Freeze {
        /// Why.
        #[arg(value_name = "WHY", help = "Why", value_parser = typed_words)]
        why: Words,
        /// For how long.
        #[arg(value_name = "TIME", help = "For how long, as 2h", value_parser = Period::within(FREEZE.0, FREEZE.1))]
        length: Option<Period>,
    },
    /// Everything may act again.
    #[command(
        about = "End the freeze",
        long_about = "Ends every freeze. Plans that were closed by it have to be asked for anew.",
        after_help = "stack unfreeze"
    )]
    Unfreeze,
    /// Restarts the services, the database only where it has to be.
    #[command(
        about = "Restart the whole platform",
        long_about = "Restarts every container of the platform that is no monitoring, one after another, what others need first. \
                      The database is restarted only if it is sick or with --database: then the services are stopped before it \
                      and started after it. Logs and states are kept first, nothing is removed or made anew, and at the end all \
                      are proved healthy and the canary logs in.",
        after_help = "stack restart\nstack restart --database\nstack restart --dry-run"
    )]
    Restart {
        /// The database too, however well it is.
        #[arg(long, help = "The database too")]
        database: bool,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Stops everything but what watches it.
    #[command(
        about = "Stop the platform",
        long_about = "Stops every container of the platform, the database last. Prometheus, Alertmanager and exporters go on \
                      unless --all is given. Logs and states are kept first; containers, networks and volumes stay. It is down \
                      until stack start.",
        after_help = "stack stop\nstack stop --all"
    )]
    Stop {
        /// Monitoring too.
        #[arg(long, help = "Monitoring too")]
        all: bool,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Removes what nobody needs.
    #[command(
        about = "Remove what nobody needs",
        long_about = "Lists, and removes by id, ended containers that nothing can be learnt from any more and images without a \
                      use. The newest ended container of each service, the newest images for the way back ([deploy] keep_images) \
                      and every volume stay. The last lines of each container are kept.",
        after_help = "stack cleanup --dry-run\nstack cleanup"
    )]
    Cleanup {
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// So many containers of a service.
    #[command(
        about = "Run so many of a service",
        long_about = "Lets Compose run so many containers of a service, and touches no other one. It is refused where the compose \
                      file fixes the container's name or a port of the machine, since there can be one of it only.",
        after_help = "stack scale auth_service 2"
    )]
    Scale {
        /// Which.
        #[arg(value_name = "SERVICE", help = "Which one")]
        service: ServiceName,
        /// How many.
        #[arg(value_name = "N", help = "How many", value_parser = value_parser!(u16).range(SCALE), allow_negative_numbers = true)]
        count: u16,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Starts what is stopped.
    #[command(
        about = "Start what is stopped",
        long_about = "Starts every container of the platform that is stopped, the database first and the rest when it is healthy. \
                      No container is made, no job is run. At the end all services are proved healthy and the canary logs in.",
        after_help = "stack start"
    )]
    Start {
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
}

impl Stack {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Freeze { .. } => Verb::StackFreeze,
            Self::Unfreeze => Verb::StackUnfreeze,
            Self::Restart { .. } => Verb::StackRestart,
            Self::Stop { .. } => Verb::StackStop,
            Self::Start { .. } => Verb::StackStart,
            Self::Cleanup { .. } => Verb::StackCleanup,
            Self::Scale { .. } => Verb::StackScale,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::Freeze { why, length } => {
                let values = [Some(why.to_string()), length.map(|length| length.to_string())];
                push_positional(words, values.into_iter().flatten());
            }
            Self::Unfreeze => {}
            Self::Restart { database, how } => {
                words.extend(database.then(|| "--database".to_owned()));
                how.push(words);
            }
            Self::Stop { all, how } => {
                words.extend(all.then(|| "--all".to_owned()));
                how.push(words);
            }
            Self::Start { how } | Self::Cleanup { how } => how.push(words),
            Self::Scale { service, count, how } => {
                words.extend([service.to_string(), count.to_string()]);
                how.push(words);
            }
        }
    }

    pub(super) const fn how(&self) -> Option<&How> {
        match self {
            Self::Restart { how, .. }
            | Self::Stop { how, .. }
            | Self::Start { how }
            | Self::Cleanup { how }
            | Self::Scale { how, .. } => Some(how),
            Self::Freeze { .. } | Self::Unfreeze => None,
        }
    }
}
