//! What an incident owes, and whom.

use jiff::Timestamp;

use crate::escalation::{Duty, Way};
use crate::oncall::Rung;

/// Something that an incident owes since a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The absolute time, from the opening on: lateness never adds up.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What is owed. In this order where several are owed at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Nobody has said a word for so long that the acknowledgement is worth nothing any more.
    Decay,
    /// A step of the ladder.
    Step {
        /// Its place in the ladder.
        index: usize,
        /// Who.
        tell: Rung,
        /// How.
        how: Way,
    },
    /// The on-call once more.
    Repage {
        /// Grows each time that an acknowledgement decays.
        round: u32,
        /// In this round, from 0.
        number: u32,
    },
    /// The ladder has no more steps and it is not resolved.
    NobodyLeft {
        /// Who is at the ladder's end.
        tell: Rung,
        /// How often it was said before.
        number: u32,
    },
    /// A status update.
    Status {
        /// When it is due by the grid.
        slot: Timestamp,
        /// Before, at or after that.
        phase: Phase,
    },
    /// Duties that nobody has taken.
    Unclaimed {
        /// Which.
        duties: Vec<Duty>,
        /// How often they were named before.
        number: u32,
    },
}

/// Where a status update stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// It will be due soon.
    Soon,
    /// Now.
    Now,
    /// It did not come.
    Missed,
}

/// Who is told of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// Whoever stands on a rung now.
    Rung(Rung),
    /// Whoever has a duty in this incident; the on-call where nobody has.
    Duty(Duty),
}

impl What {
    /// Who is told, and how; `None` where nobody is.
    #[must_use]
    pub const fn tells(&self) -> Option<(Recipient, Way)> {
        match self {
            Self::Decay => None,
            Self::Step { tell, how, .. } => Some((Recipient::Rung(*tell), *how)),
            Self::Repage { .. } => Some((Recipient::Rung(Rung::OnCall), Way::Page)),
            Self::NobodyLeft { tell, .. } => Some((Recipient::Rung(*tell), Way::Page)),
            Self::Status { phase: Phase::Soon | Phase::Now, .. } => {
                Some((Recipient::Duty(Duty::Comms), Way::Notify))
            }
            Self::Status { phase: Phase::Missed, .. } => {
                Some((Recipient::Duty(Duty::Commander), Way::Notify))
            }
            Self::Unclaimed { .. } => Some((Recipient::Rung(Rung::OnCall), Way::Notify)),
        }
    }

    /// Names it within its incident and epoch: the same thing twice has the same name.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Decay => "decay".to_owned(),
            Self::Step { index, .. } => format!("step/{index}"),
            Self::Repage { round, number } => format!("page/{round}/{number}"),
            Self::NobodyLeft { number, .. } => format!("left/{number}"),
            Self::Status { slot, phase } => {
                let phase = match phase {
                    Phase::Soon => "soon",
                    Phase::Now => "now",
                    Phase::Missed => "missed",
                };
                format!("status/{}/{phase}", slot.as_second())
            }
            Self::Unclaimed { number, .. } => format!("unclaimed/{number}"),
        }
    }
}
