//! Somebody's message on an incident's timeline: by a message's menu, by a button that says which incident, by 📌.
//!
//! It stands there with its author's name and at its own time, once however often it is asked for, and counts as a
//! word of whoever asked. A reaction says nothing: where it can't be known to which incident its message belongs,
//! nothing is done.

use commands::ids::{MessageRef, Place, RunId};
use commands::incident::Incident;
use commands::message::ChatEvent;
use commands::quoted::{AddTo, Quoted};
use commands::risk::{Requirement, Risk};
use commands::timeline::{Entry, Happened};
use commands::verb::Verb;
use store::{NewEntry, StoredIncident};

use super::{told_here, word};
use crate::app::App;
use crate::authorize::{Decision, Refusal};
use crate::clock;

/// A timeline is read; whoever wants the whole of a long message follows its link.
const LONGEST_TEXT: usize = 2_000;

/// Which message is meant.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// As its platform handed it over.
    Whole(&'a Quoted),
    /// One that somebody put 📌 on.
    Pinned(&'a MessageRef),
    /// One that was kept until somebody says which incident it belongs to.
    Kept(AddTo),
}

/// What became of it.
#[derive(Debug)]
pub enum Outcome {
    /// A reaction that belongs to no incident.
    Nothing,
    /// They may not.
    Refused {
        /// Who, where they are in the configuration.
        person: Option<String>,
        /// Why not.
        why: Refusal,
        /// The message, where it is known.
        link: String,
    },
    /// It stands on the timeline.
    Stands {
        /// Who added it.
        person: String,
        /// Of this incident.
        incident: Box<Incident>,
        /// Whether it does since now.
        new: bool,
        /// The message.
        link: String,
    },
    /// It is not known on which. None: no incident is open.
    Which {
        /// Who asks.
        person: String,
        /// The open ones.
        open: Vec<Incident>,
        /// The message.
        link: String,
    },
    /// What was kept is there no more, or its incident has ended.
    Gone {
        /// Who asks.
        person: String,
    },
}

/// Adds it. Called again after a crash it finds what it did.
pub async fn add(app: &App, event: &ChatEvent, run: RunId, which: Which<'_>) -> anyhow::Result<Outcome> {
    let open = app.store.open_incidents().await?;
    // Most pins of a workspace are about no incident: nobody is asked for their messages.
    if open.is_empty() && matches!(which, Which::Pinned(_)) {
        return Ok(Outcome::Nothing);
    }
    let Some(quoted) = quoted(app, event, which).await? else {
        return Ok(match (which, may(app, event, &event.place, &open)) {
            (Which::Pinned(_), _) => Outcome::Nothing,
            (_, Err((person, why))) => Outcome::Refused { person, why, link: String::new() },
            (_, Ok(person)) => Outcome::Gone { person },
        });
    };
    let silent = matches!(which, Which::Pinned(_));
    let link = quoted.link.clone();
    let meant = match which {
        Which::Kept(add) => open.iter().find(|open| open.incident.number == add.number),
        Which::Whole(_) | Which::Pinned(_) => match app.rooms.incident_at(&quoted.place) {
            Some(own) => open.iter().find(|open| open.incident.number == own),
            None => told_here(&open, Some(&quoted.place)),
        },
    };
    if silent && (meant.is_none() || !is_incidents(app, &quoted.place, &open)) {
        return Ok(Outcome::Nothing);
    }
    let person = match may(app, event, &quoted.place, &open) {
        Ok(person) => person,
        Err((person, why)) => return Ok(Outcome::Refused { person, why, link }),
    };
    let Some(StoredIncident { incident, .. }) = meant else {
        return match which {
            Which::Kept(_) | Which::Pinned(_) => Ok(Outcome::Gone { person }),
            Which::Whole(_) => {
                app.store.keep_quoted(run, &quoted, clock::now()).await?;
                let open = open.into_iter().map(|open| open.incident).collect();
                Ok(Outcome::Which { person, open, link })
            }
        };
    };
    let entry = Entry { at: quoted.at, by: Some(person.clone()), what: pinned(app, &quoted) };
    let MessageRef { room, id } = &quoted.message;
    let entry = NewEntry { entry, once: Some(format!("message/{room}/{id}")) };
    let new = app.store.add_to_timeline(incident.number, entry).await?;
    word(app, incident.number).await?;
    Ok(Outcome::Stands { person, incident: Box::new(incident.clone()), new, link })
}

async fn quoted(app: &App, event: &ChatEvent, which: Which<'_>) -> anyhow::Result<Option<Quoted>> {
    match which {
        Which::Whole(quoted) => Ok(Some(quoted.clone())),
        Which::Kept(add) => Ok(app.store.quoted(add.run).await?),
        Which::Pinned(message) => {
            let Some(chat) = app.chats.get(event.from.platform) else { return Ok(None) };
            Ok(chat.quoted(message).await?)
        }
    }
}

/// Whether incidents are spoken of there.
fn is_incidents(app: &App, place: &Place, open: &[StoredIncident]) -> bool {
    app.config.bot.incident_channels.contains(&place.room)
        || app.rooms.incident_at(place).is_some()
        || open.iter().any(|open| open.incident.is_at(place))
}

/// Whether whoever asks may, in incident channels and where an incident is told: nothing else is an incident's.
fn may(
    app: &App,
    event: &ChatEvent,
    place: &Place,
    open: &[StoredIncident],
) -> Result<String, (Option<String>, Refusal)> {
    let told = open.iter().any(|open| open.incident.is_at(place));
    let needs = Verb::IncidentNote.needs();
    // What acts is taken in incident channels alone, and that is what is asked for here.
    let needs = if told { needs } else { Requirement { risk: Risk::Change, ..needs } };
    match app.authorize(&event.from, Some(place), needs) {
        Decision::Allowed(person) => Ok(person.name.clone()),
        Decision::Refused(why) => {
            Err((app.config.people.find(&event.from).map(|person| person.name.clone()), why))
        }
    }
}

/// As the timeline has it: what people wrote may hold a secret, and timelines are kept.
fn pinned(app: &App, quoted: &Quoted) -> Happened {
    let known = app.config.people.find(&quoted.author).map(|person| person.name.clone());
    let author = known.or_else(|| quoted.author_name.clone()).unwrap_or_else(|| quoted.author.id.clone());
    Happened::Pinned {
        author: app.redactor.text(&commands::layout::short(&commands::escape::clean(&author), 60)),
        link: quoted.link.clone(),
        text: quoted.text.as_ref().map(|text| {
            let text = app.redactor.text(&commands::escape::clean(text));
            commands::layout::short(&text, LONGEST_TEXT)
        }),
    }
}
