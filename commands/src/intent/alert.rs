//! The group `alert`.

use super::acting::{Words, typed_words};
use super::push_both;
use crate::period::Period;
use crate::verb::Verb;

/// How long an alert may be silenced.
pub const SILENCE: (Period, Period) = (Period::minutes(1), Period::days(7));

/// Alertmanager's alerts.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum AlertAsk {
    /// Which there are.
    #[command(
        about = "Alerts that fire now",
        long_about = "Lists the alerts that Alertmanager has now, each with its id, since when, and whether a silence holds it back.",
        after_help = "alert list"
    )]
    List,
    /// Holds one back.
    #[command(
        about = "Silence an alert for a while",
        long_about = "Makes a silence in Alertmanager for exactly this alert, with your name and reason; it ends by itself.",
        after_help = "alert silence c0ffee 1h 'known, being mended'"
    )]
    Silence {
        /// Which.
        #[arg(value_name = "ID", help = "As alert list shows", value_parser = fingerprint)]
        id: String,
        /// For how long.
        #[arg(value_name = "TIME", help = "For how long, as 1h", value_parser = Period::within(SILENCE.0, SILENCE.1))]
        length: Period,
        /// Why.
        #[arg(value_name = "WHY", help = "Why", value_parser = typed_words)]
        why: Words,
    },
}

impl AlertAsk {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::List => Verb::AlertList,
            Self::Silence { .. } => Verb::AlertSilence,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::List => {}
            Self::Silence { id, length, why } => {
                push_both(words, [id.clone(), length.to_string(), why.to_string()], Vec::new());
            }
        }
    }
}

/// The beginning of Alertmanager's own name of an alert.
fn fingerprint(typed: &str) -> Result<String, String> {
    let good = (4..=16).contains(&typed.len()) && typed.bytes().all(|byte| byte.is_ascii_hexdigit());
    if good {
        Ok(typed.to_ascii_lowercase())
    } else {
        Err("4 to 16 hex digits, as alert list shows them".to_owned())
    }
}
