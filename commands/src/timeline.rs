//! What happened in an incident, one entry an event, each with its own time. Nothing is ever changed or taken away.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::approval::Ballot;
use crate::escalation::{Duty, Way};
use crate::ids::Place;
use crate::incident::Severity;
use crate::oncall::Rung;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it happened.
    pub at: Timestamp,
    /// Who did it, as in the configuration; `None` for what happened by itself.
    pub by: Option<String>,
    /// What.
    pub what: Happened,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// It was opened.
    Opened {
        /// How bad.
        severity: Severity,
        /// In a few words.
        title: String,
    },
    /// Somebody has it.
    Acknowledged,
    /// Nobody said a word for so long that the acknowledgement was worth nothing any more.
    Decayed,
    /// Its severity changed.
    Severity {
        /// What it was.
        from: Severity,
        /// What it is.
        to: Severity,
        /// Why.
        why: Option<String>,
    },
    /// Somebody got a duty.
    Assigned {
        /// Which.
        duty: Duty,
        /// Who.
        to: String,
    },
    /// Somebody was asked to take over.
    HandedOff {
        /// Who.
        to: String,
    },
    /// And said yes.
    TookOver {
        /// From whom.
        from: String,
    },
    /// A rung was called before its minute.
    Escalated {
        /// Which.
        rung: Rung,
    },
    /// Acknowledged for a while.
    Snoozed {
        /// Until when.
        until: Timestamp,
    },
    /// A note.
    Noted {
        /// The words.
        text: String,
    },
    /// A word for those who work on it.
    Updated {
        /// The words.
        text: String,
    },
    /// A word for everybody outside.
    Published {
        /// The words.
        text: String,
    },
    /// Nothing new for everybody outside.
    Unchanged,
    /// It is over.
    Resolved {
        /// What mended it.
        how: String,
        /// Why it is over although checks fail.
        anyway: Option<String>,
    },
    /// It was not over.
    Reopened,
    /// People were called.
    Told {
        /// Whom: a rung, a duty, or several.
        whom: String,
        /// Why, in a few words.
        why: String,
        /// How loudly.
        way: Way,
        /// Who they were.
        people: Vec<String>,
        /// When it was owed.
        owed: Timestamp,
    },
    /// A command was typed in its channel.
    Command {
        /// As typed, without secrets.
        line: String,
        /// What it came to.
        outcome: String,
        /// Of its plan, the first digits.
        plan: Option<String>,
    },
    /// Somebody voted on a plan.
    Voted {
        /// What.
        ballot: Ballot,
        /// Whether it was said or taken back.
        said: bool,
        /// The plan's line.
        line: String,
    },
    /// Alertmanager said something about it.
    Alert {
        /// Which alert.
        name: String,
        /// Whether it fires.
        firing: bool,
    },
    /// It has a channel or thread of its own.
    RoomOpened {
        /// Where.
        place: Place,
    },
    /// Somebody put 📌 on a message.
    Pinned {
        /// Who wrote it, by the platform's word.
        author: String,
        /// Where it is.
        link: String,
        /// What it says, where the platform lets us read it.
        text: Option<String>,
    },
}
