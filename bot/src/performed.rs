//! What a command came to.

use commands::intent::Intent;
use commands::message::Reply;
use store::AuditOutcome;

/// A command's result.
#[derive(Debug)]
pub struct Performed {
    /// What the person sees.
    pub reply: Reply,
    /// Whether the command did what was asked.
    pub outcome: AuditOutcome,
    /// Whether what it found is well: the terminal's exit code.
    pub news: News,
    /// Commands that act and that follow from it: they are asked for as one plan.
    pub acts: Vec<Intent>,
}

/// What a command that looks has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing to do.
    Good,
    /// Something is sick, or the command failed.
    Bad,
}

impl Performed {
    /// A command that did what was asked.
    #[must_use]
    pub const fn done(reply: Reply, news: News) -> Self {
        Self { reply, outcome: AuditOutcome::Done, news, acts: Vec::new() }
    }

    /// A command that did not.
    #[must_use]
    pub const fn failed(reply: Reply) -> Self {
        Self { reply, outcome: AuditOutcome::Failed, news: News::Bad, acts: Vec::new() }
    }
}

/// Good if all is well.
#[must_use]
pub const fn news(well: bool) -> News {
    if well { News::Good } else { News::Bad }
}
