//! A message of somebody's that is to stand on an incident's timeline, and the commands that people find below a
//! message's menu.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{Account, MessageRef, Place, Platform, RunId};
use crate::incident::IncidentNumber;

/// Begins the value of a button that says to which incident a message belongs.
const ADD: &str = "add ";

/// A message as its platform has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// Which.
    pub message: MessageRef,
    /// Where it is, with its thread.
    pub place: Place,
    /// Who wrote it: a person or a bot.
    pub author: Account,
    /// What the platform calls the author, where it says so; anybody may call themselves anything.
    pub author_name: Option<String>,
    /// When it was written, by the platform's clock.
    pub at: Timestamp,
    /// Where it is to be found.
    pub link: String,
    /// What it says, in plain text; `None` where the platform does not let us read it, or it says nothing.
    pub text: Option<String>,
}

/// A command on a message: Slack's message shortcuts, Discord's message commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageCommand {
    /// Asks by a form for an incident with the message as its title.
    Open,
    /// Adds the message to the timeline of the incident of its channel or thread.
    Add,
}

impl MessageCommand {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Open, Self::Add];

    /// What people read in the menu: at most 24 characters (Slack), and what Discord calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "Open incident",
            Self::Add => "Add to incident",
        }
    }

    /// A few words more (Slack).
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Open => "Opens an incident about this message",
            Self::Add => "Puts this message on an incident's timeline",
        }
    }

    /// Slack's `callback_id`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Open => "open_incident",
            Self::Add => "add_to_incident",
        }
    }

    /// The one with this [`name`](Self::name).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name() == name)
    }

    /// The one with this [`id`](Self::id).
    #[must_use]
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.id() == id)
    }
}

/// What a button says about a message that was kept: to which incident it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddTo {
    /// The incident.
    pub number: IncidentNumber,
    /// The run that asked, by which the message was kept.
    pub run: RunId,
}

impl AddTo {
    /// The button's value; at most 100 bytes.
    #[must_use]
    pub fn value(self) -> String {
        format!("{ADD}{} {}", self.number, self.run)
    }

    /// Reads a button's value; `None` for every other button.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let (number, run) = value.strip_prefix(ADD)?.split_once(' ')?;
        let read = Self { number: IncidentNumber(number.parse().ok()?), run: run.parse().ok()? };
        (read.value() == value).then_some(read)
    }
}

/// Whether an emoji, as [`EventKind::Reaction`](crate::message::EventKind::Reaction) names it, is a pin: 📌.
#[must_use]
pub fn is_pin(platform: Platform, emoji: &str) -> bool {
    match platform {
        Platform::Slack => emoji == "pushpin",
        Platform::Discord | Platform::Web => emoji == PIN,
        Platform::Cli => false,
    }
}

/// The pin as a Unicode emoji.
pub const PIN: &str = "📌";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_that_names_an_incident_is_read_as_it_was_written() {
        let add = AddTo { number: IncidentNumber(7), run: RunId::from_random(12) };
        assert_eq!(add.value(), "add 7 00000000000c");
        assert_eq!(AddTo::read(&add.value()), Some(add));
        for other in
            ["", "add", "add 7", "add x 00000000000c", "add 07 00000000000c", "add 7 c", "line add 7 x"]
        {
            assert_eq!(AddTo::read(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_menu_keeps_to_the_platforms_limits() {
        for command in MessageCommand::ALL {
            assert!(command.name().len() <= 24 && command.description().len() <= 150, "{command:?}");
            assert_eq!(MessageCommand::named(command.name()), Some(command));
            assert_eq!(MessageCommand::of_id(command.id()), Some(command));
        }
        assert_eq!(MessageCommand::named("open incident"), None);
    }

    #[test]
    fn a_pin_is_one_emoji_of_each_platform() {
        assert!(is_pin(Platform::Slack, "pushpin") && is_pin(Platform::Discord, "📌"));
        assert!(!is_pin(Platform::Slack, "📌") && !is_pin(Platform::Discord, "📌:123"));
        assert!(!is_pin(Platform::Slack, "round_pushpin") && !is_pin(Platform::Cli, "📌"));
    }
}
