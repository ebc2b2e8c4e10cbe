//! A vote as it comes in, and what became of it.

use commands::approval::{Ballot, Standing};
use commands::ids::{Account, MessageRef, Place, RunId};
use jiff::Timestamp;
use store::PlanState;

use crate::authorize::Refusal;

/// What somebody's vote is on.
#[derive(Clone, Debug)]
pub enum On<'a> {
    /// A reaction's message.
    Message(&'a MessageRef),
    /// A button's plan.
    Plan {
        /// Whose.
        run: RunId,
        /// The first hex digits of its digest, as the button has them.
        digest: String,
    },
}

/// What somebody says, or takes back.
#[derive(Clone, Debug)]
pub struct Said<'a> {
    /// On what.
    pub on: On<'a>,
    /// By the platform's word.
    pub account: &'a Account,
    /// Where.
    pub place: &'a Place,
    /// What.
    pub ballot: Ballot,
    /// Whether it is said or taken back.
    pub said: bool,
    /// When.
    pub at: Timestamp,
}

/// What became of a vote.
#[derive(Debug)]
pub enum Counted {
    /// It is on no plan.
    NoPlan,
    /// It is recorded; the plan stands so.
    Recorded {
        /// Whose.
        run: RunId,
        /// Who, by the configuration.
        person: String,
        /// How the plan stands with it.
        standing: Standing,
    },
    /// It does not count.
    Refused {
        /// The plan.
        run: RunId,
        /// Who, if they are known.
        person: Option<String>,
        /// Why.
        why: NotCounted,
    },
}

/// Why a vote does not count.
#[derive(Debug)]
pub enum NotCounted {
    /// This person may not vote on it.
    Refusal(Refusal),
    /// One's own plan.
    Own,
    /// Somebody else's plan can't be confirmed, and this one takes no confirmation.
    NoConfirmation,
    /// The plan has begun or is closed.
    NotOpen(PlanState),
    /// Its time for votes is over.
    TooLate,
    /// The button is another plan's.
    OtherPlan,
}
