//! The group `auth`.

use super::{WINDOW, WINDOW_DEFAULT, push_option};
use crate::period::Period;
use crate::verb::Verb;

/// Look-ups about logins.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Auth {
    /// Whether anybody can log in.
    #[command(
        about = "Log in as the canary",
        long_about = "Logs in with the canary's account and shows the token to the service that gave it. The account \
                      exists for this alone, so a refusal means that logins are broken, and never raises the alert on \
                      failed logins while they work.",
        after_help = "auth test"
    )]
    Test,
    /// Who was not let in.
    #[command(
        about = "Failed logins and bad tokens",
        long_about = "Shows the refused logins and tokens a second by reason, and how many of all login requests were \
                      refused, over the last five minutes or --window. More than one in two seconds is too many.",
        after_help = "auth failures\nauth failures --window 1h"
    )]
    Failures {
        /// Over how long.
        #[arg(long, value_name = "TIME", help = "Over how long, as 5m", default_value_t = WINDOW_DEFAULT, value_parser = Period::within(WINDOW.0, WINDOW.1))]
        window: Period,
    },
}

impl Auth {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Test => Verb::AuthTest,
            Self::Failures { .. } => Verb::AuthFailures,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::Test => {}
            Self::Failures { window } => {
                push_option(words, "window", Some(window).filter(|window| **window != WINDOW_DEFAULT));
            }
        }
    }
}
