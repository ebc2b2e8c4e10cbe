//! Cards about the people to reach.

use commands::card::{Align, Section, Table, Tone};
use commands::ids::Platform;
use commands::message::Reply;
use commands::oncall::Rung;

use super::{card, column, public};
use crate::config::{Contact, Oncall, People, Person};

/// Whether every rung has somebody who can be reached from outside of this machine.
#[must_use]
pub fn is_reachable(oncall: &Oncall, people: &People) -> bool {
    Rung::ALL.iter().all(|rung| of(oncall, people, *rung).any(|person| !ways(person).is_empty()))
}

/// Each rung with its people.
#[must_use]
pub fn oncall(oncall: &Oncall, people: &People) -> Reply {
    let mut rows = Vec::new();
    for rung in Rung::ALL {
        let mut nobody = true;
        for person in of(oncall, people, rung) {
            nobody = false;
            let ways = ways(person);
            let ways = if ways.is_empty() { "can't be reached".to_owned() } else { ways.join(", ") };
            rows.push(vec![rung.as_str().to_owned(), person.name.clone(), ways]);
        }
        if nobody {
            rows.push(vec![rung.as_str().to_owned(), "nobody".to_owned(), "add to [oncall]".to_owned()]);
        }
    }
    let first = of(oncall, people, Rung::OnCall).next();
    let title =
        first.map_or_else(|| "Nobody is on call".to_owned(), |person| format!("{} is on call", person.name));
    let tone = if is_reachable(oncall, people) { Tone::Good } else { Tone::Bad };
    let table = Table {
        columns: vec![column("rung", Align::Left), column("who", Align::Left), column("by", Align::Left)],
        rows,
    };
    public(card(title, tone, vec![Section::Table(table)]))
}

fn of<'a>(oncall: &'a Oncall, people: &'a People, rung: Rung) -> impl Iterator<Item = &'a Person> {
    oncall.0.get(&rung).into_iter().flatten().filter_map(|name| people.named(name))
}

/// The phone, then the chats that reach a phone.
fn ways(person: &Person) -> Vec<String> {
    let chats = person.accounts.iter().filter(|account| match account.platform {
        Platform::Slack | Platform::Discord => true,
        Platform::Web | Platform::Cli => false,
    });
    person.phone.iter().cloned().chain(chats.map(|account| account.platform.to_string())).collect()
}

/// Others, as configured.
#[must_use]
pub fn contacts(contacts: &[Contact]) -> Reply {
    if contacts.is_empty() {
        let text = "No [[contact]] is in the bot's configuration.".to_owned();
        return public(card("No contacts", Tone::Neutral, vec![Section::Text(text)]));
    }
    let fact = |contact: &Contact| {
        let url = contact.url.as_ref().map(ToString::to_string);
        let ways: Vec<String> =
            [contact.phone.clone(), contact.mail.clone(), url].into_iter().flatten().collect();
        let about = contact.about.as_ref().map(|about| format!(" ({about})")).unwrap_or_default();
        (contact.name.clone(), format!("{}{about}", ways.join(", ")))
    };
    let facts = contacts.iter().map(fact).collect();
    public(card("Whom to reach outside", Tone::Neutral, vec![Section::Facts(facts)]))
}
