//! What whoever wants a message on a timeline reads, alone.

use commands::card::{Button, ButtonStyle, Section, Tone};
use commands::ids::RunId;
use commands::incident::Incident;
use commands::layout;
use commands::message::Reply;
use commands::quoted::AddTo;

use super::super::{card as plain, private, refused};
use super::{named, title, tone};
use crate::incident::Outcome;

/// A message has five rows of five buttons on Discord; more incidents than that are told by their numbers.
const BUTTONS: usize = 10;

/// The answer; none to a reaction that belongs to no incident.
#[must_use]
pub fn quoted(run: RunId, outcome: &Outcome) -> Option<Reply> {
    Some(match outcome {
        Outcome::Nothing => return None,
        Outcome::Refused { why, .. } => refused(why),
        Outcome::Stands { incident, new: true, .. } => {
            let text = "The message stands there at its own time, with its author and a link to it.";
            said(format!("On the timeline of {}", named(incident)), tone(incident), text)
        }
        Outcome::Stands { incident, new: false, .. } => {
            said(format!("On the timeline of {}", named(incident)), Tone::Neutral, "It stood there already.")
        }
        Outcome::Which { open, .. } if open.is_empty() => said(
            "No incident is open",
            Tone::Warning,
            "incident open P1 'what is wrong' opens one; so does \"Open incident\" in the message's menu.",
        ),
        Outcome::Which { open, .. } => which(run, open),
        Outcome::Gone { .. } => {
            let text = "The incident has ended meanwhile, or the message was kept for too long: ask again from its menu.";
            said("Not added", Tone::Warning, text)
        }
    })
}

fn which(run: RunId, open: &[Incident]) -> Reply {
    let titles = open.iter().map(|incident| (incident.number.to_string(), title(incident)));
    let text = Section::Text(
        "More than one incident is open here. Which one does the message belong to?".to_owned(),
    );
    let mut card = plain("Which incident?", Tone::Neutral, vec![text, Section::Facts(titles.collect())]);
    let buttons = open.iter().take(BUTTONS).map(|incident| Button {
        label: layout::short(&format!("{}: {}", incident.number, incident.title), 60),
        value: AddTo { number: incident.number, run }.value(),
        style: ButtonStyle::Plain,
    });
    card.buttons = buttons.collect();
    private(card)
}

fn said(title: impl Into<String>, tone: Tone, text: impl Into<String>) -> Reply {
    private(plain(title, tone, vec![Section::Text(text.into())]))
}
