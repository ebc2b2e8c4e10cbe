//! The group `security`.

use super::{WINDOW, push_option};
use crate::period::Period;
use crate::risk::{Requirement, Risk, Role};
use crate::task::{TaskName, typed_name};
use crate::verb::Verb;

/// How long back `security watch` goes when nobody says: an attack is rarely noticed within minutes.
pub const WATCH_DEFAULT: Period = Period::hours(1);

/// How long back `security events` may go.
pub const EVENTS_SINCE: (Period, Period) = (Period::minutes(1), Period::days(7));

/// How long back it goes when nobody says.
pub const EVENTS_DEFAULT: Period = Period::hours(1);

/// How long back `security review` may go.
pub const REVIEW_SINCE: (Period, Period) = (Period::minutes(1), Period::days(30));

/// How long back it goes when nobody says: it is done once a week.
pub const REVIEW_DEFAULT: Period = Period::days(7);

/// Look-ups of attacks.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Security {
    /// What the services took for an attack.
    #[command(
        about = "Security events by type",
        long_about = "Counts the security events of the last hour, or of --window, by type and severity. The services \
                      count in memory: a restart ends the count, so restarts are shown, and quiet after one is no peace.",
        after_help = "security watch\nsecurity watch --window 6h"
    )]
    Watch {
        /// Over how long.
        #[arg(long, value_name = "TIME", help = "Over how long, as 1h", default_value_t = WATCH_DEFAULT, value_parser = Period::within(WINDOW.0, WINDOW.1))]
        window: Period,
    },
    /// Signs of an attack in the logs of all services.
    #[command(
        about = "Signs of an attack in all logs",
        long_about = "Reads the logs of all services at once and shows the lines of the last hour, or of --since, that \
                      speak of an attack: those marked SECURITY, and those with words such as breach, injection, brute \
                      force or failed login. They are counted by kind and by the address that they name, with the first \
                      and the last time. It says from when on each log is there, since a new container begins a new one.",
        after_help = "security events\nsecurity events --since 1d"
    )]
    Events {
        /// From when on.
        #[arg(long, value_name = "TIME", help = "How far back, as 1h", default_value_t = EVENTS_DEFAULT, value_parser = Period::within(EVENTS_SINCE.0, EVENTS_SINCE.1))]
        since: Period,
    },
    /// What the services complained of.
    #[command(
        about = "A week's warnings and errors",
        long_about = "Reads the logs of all services at once and shows the warnings, errors and SECURITY lines of the last \
                      seven days, or of --since: alike ones once, with how many there were, the worst first. All of them \
                      are in the file. It says from when on each log is there: a week is reviewed only where a week is \
                      left.",
        after_help = "security review\nsecurity review --since 1d"
    )]
    Review {
        /// From when on.
        #[arg(long, value_name = "TIME", help = "How far back, as 7d", default_value_t = REVIEW_DEFAULT, value_parser = Period::within(REVIEW_SINCE.0, REVIEW_SINCE.1))]
        since: Period,
    },
    /// Known holes of the services' images.
    #[command(
        about = "Known holes of the images",
        long_about = "Shows of every service's image what a scanner's report in [security] trivy_reports says of it: holes by \
                      severity, the worst with the versions that close them. Without a report it compares the image's own \
                      list of Debian packages with the lists in [security] package_lists. The date of the data stands \
                      beside it; older than 35 days is told to be old. Nothing is run in a container.",
        after_help = "security scan"
    )]
    Scan,
    /// What is to be done again and again.
    #[command(
        about = "What is due, and who did it last",
        long_about = "Lists the [[task]] entries of the configuration, the overdue ones first: how often, when one was last \
                      done and by whom, when it is due again, and the line to type for it. --done NAME records that you \
                      have done one now; that takes an operator.",
        after_help = "security tasks\nsecurity tasks --done log-review"
    )]
    Tasks {
        /// The one that was done.
        #[arg(long, value_name = "NAME", help = "Record one as done", value_parser = typed_name)]
        done: Option<TaskName>,
    },
}

impl Security {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Watch { .. } => Verb::SecurityWatch,
            Self::Events { .. } => Verb::SecurityEvents,
            Self::Review { .. } => Verb::SecurityReview,
            Self::Scan => Verb::SecurityScan,
            Self::Tasks { .. } => Verb::SecurityTasks,
        }
    }

    /// Whoever records something answers for it.
    pub(super) const fn needs(&self) -> Requirement {
        match self {
            Self::Tasks { done: Some(_) } => Requirement { risk: Risk::Coordinate, role: Role::Operator },
            Self::Watch { .. }
            | Self::Events { .. }
            | Self::Review { .. }
            | Self::Scan
            | Self::Tasks { done: None } => self.command().needs(),
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::Watch { window } => {
                push_option(words, "window", Some(window).filter(|window| **window != WATCH_DEFAULT));
            }
            Self::Events { since } => {
                push_option(words, "since", Some(since).filter(|since| **since != EVENTS_DEFAULT));
            }
            Self::Review { since } => {
                push_option(words, "since", Some(since).filter(|since| **since != REVIEW_DEFAULT));
            }
            Self::Scan => {}
            Self::Tasks { done } => push_option(words, "done", done.as_ref()),
        }
    }
}
