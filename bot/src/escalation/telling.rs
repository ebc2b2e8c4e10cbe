//! Who is told what, and by which messages.

use std::time::Duration;

use commands::escalation::{Alertness, Due, Duty, Recipient, Way, What};
use commands::ids::{Account, Platform};
use commands::incident::Incident;
use commands::message::{Reply, Target};
use commands::oncall::{Cover, Rung, standing};
use commands::timeline::{Entry, Happened};
use jiff::Timestamp;
use store::{Change, Lane, NewEntry, NewMessage, NewWebhook, page_slot};

use crate::app::App;
use crate::report;

/// What is owed for longer than this was missed: it is told in one message that says so.
const MISSED: Duration = Duration::from_secs(60);
/// The first copy of a message that is a webhook: far from those in chats.
const WEBHOOKS: usize = 50;

/// Who stands where at one moment.
pub struct Roster<'a> {
    /// The configuration that names them.
    pub app: &'a App,
    /// The moment.
    pub now: Timestamp,
    covers: Vec<Cover>,
}

impl<'a> Roster<'a> {
    /// With the shifts that were taken or given.
    pub async fn read(app: &'a App, now: Timestamp) -> Result<Self, store::StoreError> {
        Ok(Self { app, now, covers: covers(app, now).await? })
    }

    /// Who stands on a rung, the first to be reached first.
    #[must_use]
    pub fn on(&self, rung: Rung) -> Vec<&str> {
        let Some(oncall) = &self.app.config.oncall else { return Vec::new() };
        let listed = oncall.rungs.get(&rung).map(Vec::as_slice).unwrap_or_default();
        let covers = if rung == Rung::OnCall { self.covers.as_slice() } else { &[] };
        standing(listed, oncall.rotations.get(&rung), covers, self.now)
    }

    /// Whom an incident tells: one, or, when nobody answers, everybody on the rung.
    fn of<'b>(&'b self, incident: &'b Incident, recipient: Recipient, all: bool) -> Vec<&'b str> {
        let on_call = || self.on(Rung::OnCall).into_iter().take(1).collect();
        match recipient {
            Recipient::Rung(rung) if all => self.on(rung),
            Recipient::Rung(rung) => self.on(rung).into_iter().take(1).collect(),
            Recipient::Duty(duty) => {
                let duties = &incident.state.course.duties;
                let holder = duties.get(&duty).or_else(|| duties.get(&Duty::Commander));
                holder.map_or_else(on_call, |holder| vec![holder.as_str()])
            }
        }
    }
}

/// Shifts that are not over, the newest first.
pub async fn covers(app: &App, now: Timestamp) -> Result<Vec<Cover>, store::StoreError> {
    let shifts = app.store.shifts(now).await?;
    let cover = |shift: store::Shift| Cover { person: shift.person, from: shift.from, until: shift.until };
    Ok(shifts.into_iter().map(cover).collect())
}

/// What one message tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// What is owed; at least one, in the order of time.
    pub owed: Vec<Due>,
    /// It was owed for so long that it was missed.
    pub missed: bool,
}

/// One message for each recipient; one in all where something was missed. What decayed is told by the page after it.
#[must_use]
pub fn group(owed: &[Due], now: Timestamp) -> Vec<Telling> {
    let told = owed.iter().filter(|due| due.what.tells().is_some());
    let late = |due: &&Due| now.duration_since(due.at).unsigned_abs() > MISSED && due.at < now;
    if told.clone().any(|due| late(&due)) {
        return vec![Telling { owed: told.cloned().collect(), missed: true }];
    }
    let mut tellings: Vec<(Recipient, Telling)> = Vec::new();
    for due in told {
        let Some((recipient, _)) = due.what.tells() else { continue };
        match tellings.iter_mut().find(|(other, _)| *other == recipient) {
            Some((_, telling)) => telling.owed.push(due.clone()),
            None => tellings.push((recipient, Telling { owed: vec![due.clone()], missed: false })),
        }
    }
    tellings.into_iter().map(|(_, telling)| telling).collect()
}

/// People and how loudly each is told.
struct Told<'a> {
    whom: Vec<Recipient>,
    people: Vec<(&'a str, Way)>,
}

fn told<'a>(roster: &'a Roster<'_>, incident: &'a Incident, telling: &Telling) -> Told<'a> {
    let mut told = Told { whom: Vec::new(), people: Vec::new() };
    for due in &telling.owed {
        let Some((recipient, way)) = due.what.tells() else { continue };
        if !told.whom.contains(&recipient) {
            told.whom.push(recipient);
        }
        let all = matches!(due.what, What::Repage { number: 1.., .. } | What::NobodyLeft { .. });
        // Nobody is pinged about their own act.
        let own = |person: &&str| due.at == incident.state.course.since && *person == incident.state.moved_by;
        for person in roster.of(incident, recipient, all).into_iter().filter(|person| !own(person)) {
            match told.people.iter_mut().find(|(other, _)| *other == person) {
                Some((_, louder)) => *louder = way.max(*louder),
                None => told.people.push((person, way)),
            }
        }
    }
    told
}

/// Adds the messages, posts and the entry of one telling to a change.
pub fn tell(roster: &Roster<'_>, incident: &mut Incident, telling: &Telling, change: &mut Change) {
    let now = roster.now;
    let Some(last) = telling.owed.last() else { return };
    let told = told(roster, incident, telling);
    let whom = told.whom;
    let way = told.people.iter().map(|(_, way)| *way).max().unwrap_or(Way::Notify);
    let names: Vec<String> = told.people.iter().map(|(person, _)| (*person).to_owned()).collect();
    let reply = report::incident::told(incident, telling, &whom, &names, now);
    let wants_answer = telling.owed.iter().all(|due| matches!(due.what, What::Repage { .. }))
        && matches!(incident.state.course.alertness, Alertness::Waiting { .. });
    let loud = told.people.iter().filter(|(_, way)| *way == Way::Page);
    let loud: Vec<String> = loud.map(|(person, _)| (*person).to_owned()).collect();
    let message = Message { reply, names: &names, loud: &loud, wants_answer };
    let entry = Entry {
        at: now,
        by: None,
        what: Happened::Told {
            whom: report::incident::recipients(&whom),
            why: report::incident::why(telling),
            way,
            people: names.clone(),
            owed: last.at,
        },
    };
    let once = format!("{}/{}", incident.state.course.epoch, last.what.key());
    send(roster.app, incident, message, change);
    change.entries.push(NewEntry { entry, once: Some(once) });
}

/// A message of an incident to people.
pub struct Message<'a> {
    /// What it says.
    pub reply: Reply,
    /// Whom it mentions.
    pub names: &'a [String],
    /// Who is reached alone, too, and by what wakes them.
    pub loud: &'a [String],
    /// It only wants an answer: it need not be sent once there is one.
    pub wants_answer: bool,
}

/// Where people talk about the incident on each platform, to each alone who is to be woken, and to their webhooks.
pub fn send(app: &App, incident: &mut Incident, message: Message<'_>, change: &mut Change) {
    let Message { reply, names, loud, wants_answer } = message;
    // Before it becomes JSON: a pattern that takes the rest of a line would take the rest of a body.
    let reply = app.redactor.reply(reply);
    let number = incident.state.messages;
    incident.state.messages += 1;
    // Who is to be woken goes before who is only told.
    let lane = if loud.is_empty() { Lane::Answer } else { Lane::Page };
    let slot = |copy| page_slot(incident.number, wants_answer, number, copy);
    let accounts =
        |name: &str| app.config.people.named(name).map(|person| person.accounts.clone()).unwrap_or_default();
    let mentions: Vec<Account> = names.iter().flat_map(|name| accounts(name)).collect();
    let places = incident.state.talked_at().filter(|place| app.config.connects(place.room.platform));
    let mut targets: Vec<(Target, Reply)> = places
        .map(|place| {
            let here = mentions.iter().filter(|account| account.platform == place.room.platform).cloned();
            (Target::Post(place.clone()), Reply { mentions: here.collect(), ..reply.clone() })
        })
        .collect();
    for account in loud.iter().flat_map(|name| accounts(name)) {
        let reached = match account.platform {
            Platform::Slack | Platform::Discord => app.config.connects(account.platform),
            // Whoever has the page open sees the room; nothing reaches them besides.
            Platform::Web | Platform::Cli => false,
        };
        if reached {
            targets.push((Target::Direct(account), reply.clone()));
        }
    }
    change.messages.extend(targets.into_iter().enumerate().map(|(copy, (target, reply))| NewMessage {
        slot: slot(copy),
        lane,
        target,
        reply,
    }));
    let woken = loud.iter().filter_map(|name| app.config.people.named(name));
    let woken = woken.filter(|person| person.page_webhook.is_some()).enumerate();
    change.webhooks.extend(woken.map(|(copy, person)| NewWebhook {
        id: slot(WEBHOOKS + copy),
        address: crate::webhook::Address::Person(person.name.clone()).to_string(),
        body: report::incident::page_body(incident, &person.name, &reply),
    }));
}

#[cfg(test)]
mod tests;
