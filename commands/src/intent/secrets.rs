//! The group `secrets`.

use clap::value_parser;

use super::acting::How;
use crate::secrets::Rotated;
use crate::verb::Verb;

/// The platform's secrets. Nothing shows a value.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Secrets {
    /// Whether each is set, and to what its file says.
    #[command(
        about = "Set, blank, default, as the file?",
        long_about = "Shows of each [[secret]] in the configuration whether its container has it, its length and the first 8 \
                      hex digits of its SHA-256, whether that is what its env file holds, and whether it is a default. \
                      The value itself is shown nowhere.",
        after_help = "secrets check"
    )]
    Check,
    /// A new value, everywhere.
    #[command(
        about = "Make a secret anew, everywhere",
        long_about = "Makes a new random value, writes it into the env file and makes every service anew that has it. With jwt \
                      all sessions end. Proved afterwards: each container has what the file says, a token from before is refused, \
                      the canary logs in. If it fails halfway, file and containers get the old value back. The value is made when \
                      it begins and shown nowhere.",
        after_help = "secrets rotate jwt\nsecrets rotate csrf --dry-run"
    )]
    Rotate {
        /// Which.
        #[arg(value_name = "WHICH", help = "jwt or csrf", value_parser = value_parser!(Rotated))]
        which: Rotated,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
}

impl Secrets {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Check => Verb::SecretsCheck,
            Self::Rotate { .. } => Verb::SecretsRotate,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::Check => {}
            Self::Rotate { which, how } => {
                words.push(which.to_string());
                how.push(words);
            }
        }
    }

    pub(super) const fn how(&self) -> Option<&How> {
        match self {
            Self::Rotate { how, .. } => Some(how),
            Self::Check => None,
        }
    }
}
