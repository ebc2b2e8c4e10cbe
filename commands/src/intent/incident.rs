//! The group `incident`.

use clap::value_parser;

use super::acting::{Words, typed_words};
use super::{push_both, push_option};
use crate::ids::ServiceName;
use crate::incident::{IncidentNumber, Severity};
use crate::verb::Verb;

/// Incidents that were opened, and those that ended.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum IncidentAsk {
    /// Opens one.
    #[command(
        about = "Open an incident",
        long_about = "Opens an incident here: P0 critical, P1 high, P2 medium. Inside an open incident a change of one service \
                      needs your confirmation alone; inside an open P0 the glass can be broken. --service says what it is \
                      about.",
        after_help = "incident open P1 'logins fail'\nincident open P0 'database is gone' --service auth_service"
    )]
    Open {
        /// How bad it is.
        #[arg(value_name = "SEVERITY", help = "P0, P1 or P2", value_parser = value_parser!(Severity))]
        severity: Severity,
        /// In a few words.
        #[arg(value_name = "TITLE", help = "In a few words", value_parser = typed_words)]
        title: Words,
        /// What it is about.
        #[arg(long, value_name = "SERVICE", help = "What it is about")]
        service: Option<ServiceName>,
    },
    /// Ends one.
    #[command(
        about = "Resolve an incident",
        long_about = "Ends the open incident of this channel, or the one that --number names, with what mended it.",
        after_help = "incident resolve 'restarted auth_service'\nincident resolve 'a false alarm' --number 7"
    )]
    Resolve {
        /// What mended it.
        #[arg(value_name = "HOW", help = "What mended it", value_parser = typed_words)]
        how: Words,
        /// Which one.
        #[arg(long, value_name = "N", help = "Which one", value_parser = number)]
        number: Option<IncidentNumber>,
    },
    /// Which there are.
    #[command(
        about = "Open incidents, then the last ones",
        long_about = "Lists the open incidents, the worst first, and then the last ten that ended.",
        after_help = "incident list"
    )]
    List,
}

impl IncidentAsk {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Open { .. } => Verb::IncidentOpen,
            Self::Resolve { .. } => Verb::IncidentResolve,
            Self::List => Verb::IncidentList,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::Open { severity, title, service } => {
                let mut options = Vec::new();
                push_option(&mut options, "service", service.as_ref());
                push_both(words, [severity.to_string(), title.to_string()], options);
            }
            Self::Resolve { how, number } => {
                let mut options = Vec::new();
                push_option(&mut options, "number", number.as_ref());
                push_both(words, [how.to_string()], options);
            }
            Self::List => {}
        }
    }
}

fn number(typed: &str) -> Result<IncidentNumber, String> {
    let digits = typed.trim_start_matches('#');
    let number = digits.parse().ok().filter(|number| *number > 0);
    number.map(IncidentNumber).ok_or_else(|| "the number of an incident, such as 7".to_owned())
}
