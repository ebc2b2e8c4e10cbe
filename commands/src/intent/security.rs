//! The group `security`.

use super::{WINDOW, push_option};
use crate::period::Period;
use crate::verb::Verb;

/// How long back `security watch` goes when nobody says: an attack is rarely noticed within minutes.
pub const WATCH_DEFAULT: Period = Period::hours(1);

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
}

impl Security {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Watch { .. } => Verb::SecurityWatch,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::Watch { window } => {
                push_option(words, "window", Some(window).filter(|window| **window != WATCH_DEFAULT));
            }
        }
    }
}
