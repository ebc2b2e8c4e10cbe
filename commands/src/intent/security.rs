//! The group `security`.

use super::{How, WINDOW, push_option};
use crate::block::Network;
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

/// For how long somebody may be shut out.
pub const BLOCK: (Period, Period) = (Period::minutes(1), Period::days(30));

/// Look-ups of attacks, and addresses that are shut out.
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
    /// Shuts somebody out.
    #[command(
        about = "Shut an address out for a time",
        long_about = "Drops everything that comes from an address or a network, by rules at the top of the chains DOCKER-USER, \
                      which traffic to containers passes, and INPUT, by iptables or ip6tables. They are taken away when the time \
                      is over, also after a restart of the bot. This machine, its networks and those of [firewall] are refused, \
                      and so is more than a /16 of IPv4 or a /32 of IPv6.",
        after_help = "security block 203.0.113.7 1d\nsecurity block 2001:db8:7::/48 2h"
    )]
    Block {
        /// Whom.
        #[arg(value_name = "ADDRESS", help = "203.0.113.7 or a net", value_parser = network)]
        network: Network,
        /// For how long.
        #[arg(value_name = "TIME", help = "For how long, as 1d", value_parser = Period::within(BLOCK.0, BLOCK.1))]
        length: Period,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Lets somebody in again.
    #[command(
        about = "Let an address in again",
        long_about = "Takes away the rules with which the bot has shut out exactly this address or network. Those of other people \
                      stay. security blocks shows them.",
        after_help = "security unblock 203.0.113.7"
    )]
    Unblock {
        /// Whom.
        #[arg(value_name = "ADDRESS", help = "As blocks shows it", value_parser = network)]
        network: Network,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Who is shut out.
    #[command(
        about = "Addresses that are shut out",
        long_about = "Lists the rules with which the bot has shut somebody out: by whom, until when, and what they dropped so far. \
                      One that should stand and does not, because somebody has taken it away, is told.",
        after_help = "security blocks"
    )]
    Blocks,
}

/// An address, or a network in CIDR form.
fn network(typed: &str) -> Result<Network, String> {
    typed.parse().map_err(|expected: &str| expected.to_owned())
}

impl Security {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Watch { .. } => Verb::SecurityWatch,
            Self::Events { .. } => Verb::SecurityEvents,
            Self::Review { .. } => Verb::SecurityReview,
            Self::Scan => Verb::SecurityScan,
            Self::Tasks { .. } => Verb::SecurityTasks,
            Self::Block { .. } => Verb::SecurityBlock,
            Self::Unblock { .. } => Verb::SecurityUnblock,
            Self::Blocks => Verb::SecurityBlocks,
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
            | Self::Block { .. }
            | Self::Unblock { .. }
            | Self::Blocks
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
            Self::Scan | Self::Blocks => {}
            Self::Block { network, length, how } => {
                words.extend([network.to_string(), length.to_string()]);
                how.push(words);
            }
            Self::Unblock { network, how } => {
                words.push(network.to_string());
                how.push(words);
            }
            Self::Tasks { done } => push_option(words, "done", done.as_ref()),
        }
    }

    pub(super) const fn how(&self) -> Option<&How> {
        match self {
            Self::Block { how, .. } | Self::Unblock { how, .. } => Some(how),
            Self::Watch { .. }
            | Self::Events { .. }
            | Self::Review { .. }
            | Self::Scan
            | Self::Tasks { .. }
            | Self::Blocks => None,
        }
    }
}
