//! Whether this person may do this here. Pure, and the only place that asks.
//!
//! Everything that comes in (slash command, mention, button, reaction, web page, terminal) passes
//! here before anything is read or done on its behalf. What is not known is refused.

use commands::ids::{Account, Place, Room};
use commands::risk::{Requirement, Role};

use crate::config::{People, Person};

/// The answer to "may they?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// This person may.
    Allowed(&'a Person),
    /// They may not, and why.
    Refused(Refusal),
}

/// Why somebody may not, in terms that they can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The account belongs to nobody in the configuration.
    Unknown {
        /// Whom to ask.
        ask: Vec<String>,
    },
    /// The role does not reach.
    Role {
        /// What the person has.
        has: Role,
        /// What the command needs.
        needs: Role,
        /// Whom to ask.
        ask: Vec<String>,
    },
    /// Commands that act are taken in incident channels alone.
    Place {
        /// Where it would be taken.
        rooms: Vec<Room>,
    },
    /// The answer is for the asker alone, and where it was asked everybody would read it.
    Overheard,
}

/// Whether `account` may ask for something that needs `requirement` in `place`.
/// The terminal has no place: it is the host itself.
#[must_use]
pub fn authorize<'a>(
    people: &'a People,
    incident_rooms: &[Room],
    account: &Account,
    place: Option<&Place>,
    requirement: Requirement,
) -> Decision<'a> {
    let Some(person) = people.find(account) else {
        return Decision::Refused(Refusal::Unknown { ask: people.admins() });
    };
    if person.role < requirement.role {
        return Decision::Refused(Refusal::Role {
            has: person.role,
            needs: requirement.role,
            ask: people.admins(),
        });
    }
    let here = place.is_none_or(|place| incident_rooms.contains(&place.room));
    if requirement.risk.acts() && !here {
        let rooms = incident_rooms.iter().filter(|room| room.platform == account.platform).cloned().collect();
        return Decision::Refused(Refusal::Place { rooms });
    }
    Decision::Allowed(person)
}

/// Whether a person who may ask for a runbook may have this step of it: it only reads, so the place is
/// of no account.
#[must_use]
pub fn may_read(person: &Person, requirement: Requirement) -> bool {
    !requirement.risk.acts() && requirement.allows(Some(person.role))
}

#[cfg(test)]
mod tests;
