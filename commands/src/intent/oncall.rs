//! The group `oncall`.

use clap::value_parser;

use crate::incident::Severity;
use crate::oncall::Who;
use crate::period::Period;
use crate::verb::Verb;

/// How long somebody may be on call in somebody else's place.
pub const OVERRIDE: (Period, Period) = (Period::minutes(5), Period::days(14));

/// People to reach.
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
    /// I am on call for a while.
    #[command(
        about = "Be on call for a while",
        long_about = "Puts you on call from now on for so long, in place of whoever it is by rotation.",
        after_help = "oncall take 2h"
    )]
    Take {
        /// For how long.
        #[arg(value_name = "TIME", help = "For how long, as 2h", value_parser = Period::within(OVERRIDE.0, OVERRIDE.1))]
        length: Period,
    },
    /// Somebody else is on call in my place.
    #[command(
        about = "Give your shift to somebody",
        long_about = "Puts somebody else on call from now on: for so long, or until your own shift ends.",
        after_help = "oncall give ada\noncall give ada 8h"
    )]
    Give {
        /// To whom.
        #[arg(value_name = "WHO", help = "@somebody, or a name", value_parser = value_parser!(Who))]
        who: Who,
        /// For how long.
        #[arg(value_name = "TIME", help = "For how long, as 8h", value_parser = Period::within(OVERRIDE.0, OVERRIDE.1))]
        length: Option<Period>,
    },
    /// Who will be.
    #[command(
        about = "Who is on call when",
        long_about = "Shows who is on call over the next fourteen days, by rotation and by what was taken or given away.",
        after_help = "oncall schedule"
    )]
    Schedule,
    /// Whom an incident would call.
    #[command(
        about = "Whom an incident would call",
        long_about = "Shows every message that an incident of this severity would send if it were opened now and nobody answered: minute, \
                      person, way and reason. Nothing is sent.",
        after_help = "oncall preview P0\noncall preview P1 --security"
    )]
    Preview {
        /// Of which severity.
        #[arg(value_name = "SEVERITY", help = "P0, P1 or P2", value_parser = value_parser!(Severity))]
        severity: Severity,
        /// Whether it is an attack.
        #[arg(long, help = "An attack or a leak")]
        security: bool,
    },
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
            Self::Take { .. } => Verb::OncallTake,
            Self::Give { .. } => Verb::OncallGive,
            Self::Schedule => Verb::OncallSchedule,
            Self::Preview { .. } => Verb::OncallPreview,
            Self::Contacts => Verb::OncallContacts,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::Take { length } => words.push(length.to_string()),
            Self::Give { who, length } => {
                words.push(who.to_string());
                words.extend(length.map(|length| length.to_string()));
            }
            Self::Preview { severity, security } => {
                words.push(severity.to_string());
                words.extend(security.then(|| "--security".to_owned()));
            }
            Self::Who | Self::Schedule | Self::Contacts => {}
        }
    }
}
