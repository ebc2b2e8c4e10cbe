//! The group `secrets`.

use crate::verb::Verb;

/// Look-ups of the platform's secrets. None shows a value.
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
}

impl Secrets {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Check => Verb::SecretsCheck,
        }
    }
}
