//! The group `stack`.

use super::acting::{Words, typed_words};
use super::push_positional;
use crate::period::Period;
use crate::verb::Verb;

/// How long a freeze may last.
pub const FREEZE: (Period, Period) = (Period::minutes(1), Period::days(7));

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
}

impl Stack {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Freeze { .. } => Verb::StackFreeze,
            Self::Unfreeze => Verb::StackUnfreeze,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::Freeze { why, length } => {
                let values = [Some(why.to_string()), length.map(|length| length.to_string())];
                push_positional(words, values.into_iter().flatten());
            }
            Self::Unfreeze => {}
        }
    }
}
