//! Cards about the people to reach.

use commands::card::{Align, Section, Table, Tone};
use commands::ids::Platform;
use commands::incident::Severity;
use commands::message::Reply;
use commands::oncall::{Rung, Turn};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use store::Shift;

use super::health::clock_time;
use super::{card, column, incident, public};
use crate::config::{Contact, Oncall, People, Person};
use crate::escalation::telling::Telling;
use crate::oncall::Previewed;

/// Whether every rung has somebody who can be reached from outside of this machine.
#[must_use]
pub fn is_reachable(oncall: &Oncall, people: &People) -> bool {
    wanted(oncall).all(|rung| of(oncall, people, rung).any(|person| !ways(person).is_empty()))
}

/// Each rung; the security team's only where it has somebody.
fn wanted(oncall: &Oncall) -> impl Iterator<Item = Rung> {
    Rung::ALL.into_iter().filter(|rung| *rung != Rung::Security || !oncall.listed(*rung).is_empty())
}

/// Each rung with its people; `on_call` are those who stand on the first now.
#[must_use]
pub fn oncall(oncall: &Oncall, people: &People, on_call: &[&str]) -> Reply {
    let mut rows = Vec::new();
    for rung in wanted(oncall) {
        let mut nobody = true;
        let standing: Vec<&Person> = if rung == Rung::OnCall {
            on_call.iter().filter_map(|name| people.named(name)).collect()
        } else {
            of(oncall, people, rung).collect()
        };
        for person in standing {
            nobody = false;
            let ways = ways(person);
            let ways = if ways.is_empty() { "can't be reached".to_owned() } else { ways.join(", ") };
            rows.push(vec![rung.as_str().to_owned(), person.name.clone(), ways]);
        }
        if nobody {
            rows.push(vec![rung.as_str().to_owned(), "nobody".to_owned(), "add to [oncall]".to_owned()]);
        }
    }
    let first = on_call.first();
    let title = first.map_or_else(|| "Nobody is on call".to_owned(), |person| format!("{person} is on call"));
    let tone = if is_reachable(oncall, people) { Tone::Good } else { Tone::Bad };
    let table = Table {
        columns: vec![column("rung", Align::Left), column("who", Align::Left), column("by", Align::Left)],
        rows,
    };
    public(card(title, tone, vec![Section::Table(table)]))
}

fn of<'a>(oncall: &'a Oncall, people: &'a People, rung: Rung) -> impl Iterator<Item = &'a Person> {
    oncall.listed(rung).into_iter().filter_map(|name| people.named(name))
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

/// Who is on call when.
#[must_use]
pub fn oncall_schedule(turns: &[Turn], zone: &TimeZone) -> Reply {
    let local = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M %Z").to_string();
    let row = |turn: &Turn| {
        let who = turn.person.clone().unwrap_or_else(|| "nobody".to_owned());
        vec![local(turn.from), local(turn.until), who]
    };
    let table = Table {
        columns: vec![column("from", Align::Left), column("until", Align::Left), column("who", Align::Left)],
        rows: turns.iter().map(row).collect(),
    };
    let gap = turns.iter().any(|turn| turn.person.is_none());
    let tone = if gap { Tone::Bad } else { Tone::Good };
    public(card("On call over the next 14 days", tone, vec![Section::Table(table)]))
}

/// Somebody is on call for a while.
#[must_use]
pub fn shift(shift: &Shift) -> Reply {
    let by = if shift.by == shift.person { String::new() } else { format!(" {} said so.", shift.by) };
    let text =
        format!("From now until {}.{by} oncall schedule shows the next days.", clock_time(shift.until));
    public(card(format!("{} is on call", shift.person), Tone::Good, vec![Section::Text(text)]))
}

/// Nobody could wake them.
#[must_use]
pub fn not_reached(name: &str) -> Reply {
    let text = format!(
        "{name} has no account on a platform that is configured and no page_webhook: nobody could wake them. Nothing was \
         changed."
    );
    public(card(format!("{name} can't be called"), Tone::Warning, vec![Section::Text(text)]))
}

/// Every message that an incident would send.
#[must_use]
pub fn preview(severity: Severity, previewed: &[Previewed], now: Timestamp) -> Reply {
    let row = |previewed: &Previewed| {
        let minute = previewed.due.at.duration_since(now).as_secs() / 60;
        let way = previewed.due.what.tells().map(|(_, way)| way.as_str()).unwrap_or_default();
        let who = if previewed.people.is_empty() { "nobody".to_owned() } else { previewed.people.join(", ") };
        let telling = Telling { owed: vec![previewed.due.clone()], missed: false };
        vec![minute.to_string(), way.to_owned(), who, incident::why(&telling)]
    };
    let table = Table {
        columns: vec![
            column("min", Align::Right),
            column("how", Align::Left),
            column("who", Align::Left),
            column("why", Align::Left),
        ],
        rows: previewed.iter().map(row).collect(),
    };
    let text = "If it were opened now and nobody ever answered. Nothing is sent.".to_owned();
    let sections = vec![Section::Text(text), Section::Table(table)];
    public(card(format!("Whom a {severity} would call"), Tone::Neutral, sections))
}
