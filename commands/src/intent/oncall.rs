//! The group `oncall`.

use crate::verb::Verb;

/// Look-ups of people.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Oncall {
    /// Our own.
    #[command(
        about = "Who is on call, and who is next",
        long_about = "Shows each rung of escalation with its people and the ways to reach them. A rung with nobody, or \
                      with somebody who can't be reached, is flagged.",
        after_help = "oncall who"
    )]
    Who,
    /// Others.
    #[command(
        about = "Whom to reach outside",
        long_about = "Shows the people and companies outside of the team: cloud provider, database support, security.",
        after_help = "oncall contacts"
    )]
    Contacts,
}

impl Oncall {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Who => Verb::OncallWho,
            Self::Contacts => Verb::OncallContacts,
        }
    }
}
