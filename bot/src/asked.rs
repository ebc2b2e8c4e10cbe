//! What a chat event asks for: read by the grammar, judged by [`crate::authorize`]. Pure but for the
//! configuration and the grammar that it looks into.

use std::time::Duration;

use commands::approval::{Ballot, Pressed};
use commands::ids::{Account, MessageRef, Place, Platform};
use commands::intent::Intent;
use commands::message::{AnswerTo, ChatEvent, EventKind, ReactionChange, Receipt, Visibility};
use commands::parse::ParseError;
use commands::quoted::{AddTo, is_pin};
use commands::risk::{Late, Requirement, Risk, Role, late};
use jiff::Timestamp;

use crate::app::App;
use crate::authorize::{Decision, Refusal};
use crate::config::Person;
use crate::counted::On;
use crate::incident::WhichMessage;

/// The value of a button that types a line for the person who clicks it.
pub const TYPE_LINE: &str = "line ";

/// What an event asks for, once read and judged.
#[derive(Debug)]
pub enum Asked<'a> {
    /// A command of a person who may.
    Command {
        /// Who.
        person: &'a Person,
        /// What.
        intent: Intent,
        /// Where the answer goes.
        answer: &'a AnswerTo,
    },
    /// A command that acts, read long after it was typed: offered, not run.
    Stale {
        /// Who.
        person: &'a Person,
        /// What.
        intent: Intent,
        /// Where the offer goes.
        answer: &'a AnswerTo,
    },
    /// A line that is no command.
    Unparsed {
        /// Who.
        person: &'a Person,
        /// The line as typed.
        line: &'a str,
        /// Why it is none.
        error: ParseError,
        /// Where the correction goes.
        answer: &'a AnswerTo,
    },
    /// A person who may not.
    Refused {
        /// The line as typed.
        line: &'a str,
        /// Why not.
        refusal: Refusal,
        /// Where the refusal goes.
        answer: &'a AnswerTo,
    },
    /// What somebody says to a plan. Whether they may is asked when the plan is known.
    Vote {
        /// What.
        ballot: Ballot,
        /// On what.
        on: On<'a>,
        /// Whether it is said or taken back.
        said: bool,
        /// Where the answer to a button goes; a reaction gets none.
        answer: Option<&'a AnswerTo>,
    },
    /// A message for an incident's timeline. Whether they may is asked when it is known where the message is.
    Quote {
        /// Which.
        which: WhichMessage<'a>,
        /// Where the answer goes; a reaction gets none.
        answer: Option<&'a AnswerTo>,
    },
    /// Another reaction or a foreign button: stored, and nothing waits for it.
    Nothing,
}

/// Who asks, from where.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// By the configuration.
    pub person: &'a Person,
    /// By the platform's word.
    pub account: &'a Account,
    /// `None` for the terminal.
    pub place: Option<&'a Place>,
}

impl Asked<'_> {
    /// What the platform is told once the event is stored.
    pub(crate) const fn receipt(&self) -> Receipt {
        match self {
            Self::Command { intent, .. } => Receipt::Accepted(intent.visibility()),
            Self::Stale { .. } | Self::Unparsed { .. } | Self::Refused { .. } => {
                Receipt::Accepted(Visibility::Private)
            }
            Self::Vote { answer: Some(_), .. } | Self::Quote { answer: Some(_), .. } => {
                Receipt::Accepted(Visibility::Private)
            }
            Self::Vote { answer: None, .. } | Self::Quote { answer: None, .. } | Self::Nothing => {
                Receipt::Noted
            }
        }
    }
}

impl App {
    /// An error quotes what was typed, and cuts it: half a secret has no shape that could be known later. So
    /// it is made anew of the line without its secrets.
    fn without_secrets(&self, line: &str, error: ParseError) -> ParseError {
        let safe = self.redactor.text(line);
        if safe == line { error } else { self.grammar.parse(&safe).err().unwrap_or(error) }
    }

    /// Reads and judges. Pure but for the configuration and grammar that it looks into.
    pub(crate) fn understand<'a>(&'a self, event: &'a ChatEvent, now: Timestamp) -> Asked<'a> {
        let (line, answer) = match &event.kind {
            EventKind::Command { line, answer } => (line.as_str(), answer),
            EventKind::Click { value, answer, .. } => match value.strip_prefix(TYPE_LINE) {
                Some(line) => (line, answer),
                None => return button(value, answer),
            },
            EventKind::Quote { quoted, answer } => {
                return Asked::Quote { which: WhichMessage::Whole(quoted), answer: Some(answer) };
            }
            EventKind::Reaction { change, emoji, message } => {
                return reaction(event.from.platform, *change, emoji, message);
            }
        };
        let judge = |needs: Requirement| self.authorize(&event.from, Some(&event.place), needs);
        // Somebody unknown learns nothing of the grammar.
        let person = match judge(Requirement { risk: Risk::Read, role: Role::Viewer }) {
            Decision::Allowed(person) => person,
            Decision::Refused(refusal) => return Asked::Refused { line, refusal, answer },
        };
        let intent = match self.grammar.parse(line) {
            Ok(intent) => intent,
            Err(error) => {
                let error = self.without_secrets(line, error);
                return Asked::Unparsed { person, line, error, answer };
            }
        };
        let needs = intent.needs();
        if let Decision::Refused(refusal) = judge(needs) {
            return Asked::Refused { line, refusal, answer };
        }
        if intent.visibility() == Visibility::Private && !answers_alone(answer) {
            return Asked::Refused { line, refusal: Refusal::Overheard, answer };
        }
        let age = Duration::try_from(now.duration_since(event.at)).unwrap_or_default();
        match late(needs, age) {
            Late::Answer => Asked::Command { person, intent, answer },
            Late::OfferRun => Asked::Stale { person, intent, answer },
        }
    }
}

/// A button that types no line.
fn button<'a>(value: &str, answer: &'a AnswerTo) -> Asked<'a> {
    match Pressed::read(value) {
        Some(Pressed { ballot, run, digest }) => {
            Asked::Vote { ballot, on: On::Plan { run, digest }, said: true, answer: Some(answer) }
        }
        None => match AddTo::read(value) {
            Some(add) => Asked::Quote { which: WhichMessage::Kept(add), answer: Some(answer) },
            None => Asked::Nothing,
        },
    }
}

fn reaction<'a>(
    platform: Platform,
    change: ReactionChange,
    emoji: &str,
    message: &'a MessageRef,
) -> Asked<'a> {
    match Ballot::of_emoji(platform, emoji) {
        Some(ballot) => {
            let said = change == ReactionChange::Added;
            Asked::Vote { ballot, on: On::Message(message), said, answer: None }
        }
        // Taking a pin away changes nothing: what stands on a timeline stays there.
        None if change == ReactionChange::Added && is_pin(platform, emoji) => {
            Asked::Quote { which: WhichMessage::Pinned(message), answer: None }
        }
        None => Asked::Nothing,
    }
}

/// Whether an answer can be shown to the asker alone: on Discord only by an interaction's token, which a
/// mention does not have.
const fn answers_alone(answer: &AnswerTo) -> bool {
    match answer.place.room.platform {
        Platform::Discord => answer.token.is_some(),
        Platform::Slack | Platform::Web | Platform::Cli => true,
    }
}
