//! What people do to an open incident.

use std::time::Duration;

use commands::escalation::{Alertness, Course, Only, Way};
use commands::ids::{Place, RunId};
use commands::incident::{Handoff, Incident, Resolved, Said};
use commands::intent::IncidentAsk;
use commands::message::{Reply, Target};
use commands::oncall::Rung;
use commands::timeline::{Entry, Happened};
use commands::verb::Verb;
use jiff::Timestamp;
use store::{Cancel, Change, Changed, Lane, NewEntry, NewMessage, NewWebhook, StoredIncident, page_slot};

use super::{meant, room, somebody};
use crate::app::App;
use crate::asked::Asker;
use crate::escalation::telling::{Message, Roster, send};
use crate::escalation::{finish, unchanged};
use crate::performed::{News, Performed};
use crate::webhook::Address;
use crate::{clock, report};

/// Others may be quicker so often in a row.
const TRIES: usize = 20;

/// What an act comes to, decided on the incident as it was read.
enum Decided {
    /// It is done: what stands on the timeline, and what everybody reads.
    Done(Happened, Reply),
    /// There is nothing to change: only a word of a person.
    Already(Reply),
    /// It can't be.
    Refused(Reply),
}

/// Does what `ask` says to the incident that is meant.
pub async fn act(app: &App, asker: Asker<'_>, ask: &IncidentAsk, run: RunId) -> anyhow::Result<Performed> {
    let mut which = ask.which().unwrap_or_default();
    // Taken up after a crash, it is the incident that it changed then and no other.
    if let Some(number) = app.store.changed_by(run).await? {
        return Ok(Performed::done(report::incident::done_before(number), News::Good));
    }
    let reopens = matches!(ask, IncidentAsk::Reopen { .. });
    for _ in 0..TRIES {
        let stored = match meant(app, asker, which, reopens).await? {
            Ok(stored) => stored,
            Err(performed) => return Ok(performed),
        };
        which.number = Some(stored.incident.number);
        if let IncidentAsk::Resolve { anyway: None, .. } = ask {
            let sick = sick(app, &stored.incident).await;
            if !sick.is_empty() {
                return Ok(Performed::failed(report::incident::still_sick(&stored.incident, &sick)));
            }
        }
        let now = clock::now();
        let roster = Roster::read(app, now).await?;
        let (performed, change) = decide(asker, ask, run, &roster, stored);
        let Some(change) = change else { return Ok(performed) };
        match app.store.change_incidents(vec![change], now).await?.first() {
            // The same command, taken up after a crash.
            Some(Changed::Done | Changed::Before) => {
                if let IncidentAsk::Severity { .. } = ask
                    && let Some(number) = which.number
                {
                    room::want_more(app, number).await;
                }
                app.incidents.notify_one();
                app.outbox.nudge();
                app.webhooks.notify_one();
                return Ok(performed);
            }
            Some(Changed::Stale) | None => {}
        }
    }
    anyhow::bail!("others changed this incident {TRIES} times meanwhile")
}

/// The services that it is about and that are not well.
async fn sick(app: &App, incident: &Incident) -> Vec<String> {
    let about = |service: &&crate::config::Service| {
        incident.services.is_empty() || incident.services.contains(&service.name)
    };
    let services: Vec<_> = app.config.services.iter().filter(about).cloned().collect();
    let looked = app.executors.services(&services).await;
    looked.iter().filter(|service| service.is_sick()).map(|service| service.name.to_string()).collect()
}

fn decide(
    asker: Asker<'_>,
    ask: &IncidentAsk,
    run: RunId,
    roster: &Roster<'_>,
    stored: StoredIncident,
) -> (Performed, Option<Change>) {
    let Roster { app, now, .. } = *roster;
    let StoredIncident { mut incident, version } = stored;
    let mut change = unchanged(&incident, version);
    let by = asker.person.name.as_str();
    let decided = match ask {
        IncidentAsk::Handoff { who: Some(who), .. } => {
            let Some(person) = somebody(app, asker, who) else {
                return (Performed::failed(report::incident::nobody(who)), None);
            };
            if !Verb::IncidentHandoff.needs().allows(Some(person.role)) {
                return (
                    Performed::failed(report::incident::may_not_take_over(&incident, &person.name)),
                    None,
                );
            }
            hand_off(roster, &mut incident, (by, &person.name), &mut change)
        }
        IncidentAsk::Assign { duty, who, .. } => {
            let Some(person) = somebody(app, asker, who) else {
                return (Performed::failed(report::incident::nobody(who)), None);
            };
            incident.state.course.assign(*duty, &person.name);
            incident.state.course.word(now);
            let reply = report::incident::assigned(&incident, *duty, &person.name);
            Decided::Done(Happened::Assigned { duty: *duty, to: person.name.clone() }, reply)
        }
        IncidentAsk::Escalate { rung, .. } => {
            let rung = rung.unwrap_or_else(|| next_rung(&incident.state.course));
            escalate(roster, &mut incident, (by, rung), &mut change)
        }
        ask => by_oneself(&mut incident, ask, by, now, &mut change),
    };
    match decided {
        Decided::Refused(reply) => (Performed::failed(reply), None),
        Decided::Already(reply) => {
            finish(app, incident, &mut change, now);
            (Performed::done(reply, News::Good), Some(change))
        }
        Decided::Done(what, reply) => {
            let what = redacted(app, what);
            for said in [&mut incident.state.update, &mut incident.state.published].into_iter().flatten() {
                said.text = app.redactor.text(&said.text);
            }
            if let Some(resolved) = &mut incident.resolved {
                resolved.how = app.redactor.text(&resolved.how);
            }
            if matches!(what, Happened::Resolved { .. }) {
                tell_elsewhere(roster, &mut incident, asker, &reply, &mut change);
            }
            if app.config.status_webhook.is_some()
                && let Some(body) = report::incident::status_body(&incident, &what)
            {
                let id = format!("status-{run}");
                change.webhooks.push(NewWebhook { id, address: Address::Status.to_string(), body });
            }
            let entry = Entry { at: now, by: Some(by.to_owned()), what };
            change.entries.push(NewEntry { entry, once: Some(format!("run/{run}")) });
            finish(app, incident, &mut change, now);
            (Performed::done(reply, News::Good), Some(change))
        }
    }
}

/// Where it is told besides: whoever is on another platform hears that it is over, too.
fn tell_elsewhere(
    roster: &Roster<'_>,
    incident: &mut Incident,
    asker: Asker<'_>,
    reply: &Reply,
    change: &mut Change,
) {
    let app = roster.app;
    let here = |told: &&Place| {
        let asked = asker.place;
        asked.is_some_and(|asked| {
            asked.room == told.room && (told.thread.is_none() || told.thread == asked.thread)
        })
    };
    let talked_at = incident.state.talked_at();
    let elsewhere = talked_at.filter(|place| !here(place) && app.config.connects(place.room.platform));
    let number = incident.state.messages;
    change.messages.extend(elsewhere.enumerate().map(|(copy, home)| NewMessage {
        slot: page_slot(incident.number, false, number, copy),
        lane: Lane::Answer,
        target: Target::Post(home.clone()),
        reply: app.redactor.reply(reply.clone()),
    }));
    incident.state.messages += 1;
}

/// What is typed may hold a secret, and timelines are kept.
fn redacted(app: &App, what: Happened) -> Happened {
    let text = |text: String| app.redactor.text(&text);
    match what {
        Happened::Noted { text: said } => Happened::Noted { text: text(said) },
        Happened::Updated { text: said } => Happened::Updated { text: text(said) },
        Happened::Published { text: said } => Happened::Published { text: text(said) },
        Happened::Resolved { how, anyway } => Happened::Resolved { how: text(how), anyway: anyway.map(text) },
        Happened::Severity { from, to, why } => Happened::Severity { from, to, why: why.map(text) },
        other => other,
    }
}

/// What takes nobody else.
fn by_oneself(
    incident: &mut Incident,
    ask: &IncidentAsk,
    by: &str,
    now: Timestamp,
    change: &mut Change,
) -> Decided {
    let course = &mut incident.state.course;
    match ask {
        IncidentAsk::Ack { .. } => {
            change.cancel = Cancel::Pages;
            if course.acknowledge(by, now) {
                Decided::Done(Happened::Acknowledged, report::incident::acknowledged(incident, by, now))
            } else {
                let holder = holder(course).to_owned();
                Decided::Already(report::incident::acknowledged_before(incident, &holder))
            }
        }
        IncidentAsk::Snooze { length, .. } => {
            change.cancel = Cancel::Pages;
            let until = now + Duration::from(*length);
            course.snooze(by, now, until);
            Decided::Done(Happened::Snoozed { until }, report::incident::snoozed(incident, by, until))
        }
        IncidentAsk::Update { text, .. } => {
            course.word(now);
            incident.state.update = Some(Said { at: now, by: by.to_owned(), text: text.to_string() });
            Decided::Done(Happened::Updated { text: text.to_string() }, report::incident::updated(incident))
        }
        IncidentAsk::Note { text, .. } => {
            course.word(now);
            Decided::Done(Happened::Noted { text: text.to_string() }, report::incident::noted(incident))
        }
        IncidentAsk::Severity { severity, why, .. } => {
            let from = course.severity;
            if *severity == from {
                return Decided::Refused(report::incident::same_severity(incident));
            }
            // The worst is the first.
            if *severity > from && why.is_none() {
                return Decided::Refused(report::incident::lowered_without_reason(incident, *severity));
            }
            if *severity > from {
                change.cancel = Cancel::Pages;
            }
            course.set_severity(*severity, now);
            course.word(now);
            incident.state.moved_by = by.to_owned();
            let why = why.as_ref().map(ToString::to_string);
            let reply = report::incident::severity_changed(incident, from, by, why.as_deref());
            Decided::Done(Happened::Severity { from, to: *severity, why }, reply)
        }
        IncidentAsk::StatusPage { text: Some(text), .. } => {
            course.status_posted(now);
            incident.state.published = Some(Said { at: now, by: by.to_owned(), text: text.to_string() });
            Decided::Done(
                Happened::Published { text: text.to_string() },
                report::incident::published(incident),
            )
        }
        IncidentAsk::StatusPage { text: None, .. } => match course.status_unchanged(now) {
            Ok(()) => Decided::Done(Happened::Unchanged, report::incident::status_unchanged(incident)),
            Err(error) => Decided::Refused(report::incident::too_quiet(incident, &error)),
        },
        IncidentAsk::Handoff { .. } => match incident.state.handoff.clone() {
            Some(handoff) if handoff.to == by => {
                incident.state.accept(&handoff, now);
                change.cancel = Cancel::Pages;
                let reply = report::incident::taken_over(incident, &handoff);
                Decided::Done(Happened::TookOver { from: handoff.from }, reply)
            }
            handoff => Decided::Refused(report::incident::nothing_to_accept(incident, handoff.as_ref())),
        },
        IncidentAsk::Resolve { how, anyway, .. } => {
            course.resolve(now);
            change.cancel = Cancel::Everything;
            let (how, anyway) = (how.to_string(), anyway.as_ref().map(ToString::to_string));
            incident.resolved = Some(Resolved { at: now, by: by.to_owned(), how: how.clone() });
            let reply = report::incident::resolved(incident, by, &how, now);
            Decided::Done(Happened::Resolved { how, anyway }, reply)
        }
        IncidentAsk::Reopen { .. } => {
            if incident.resolved.is_none() {
                return Decided::Refused(report::incident::still_open(incident));
            }
            course.reopen(now);
            incident.resolved = None;
            incident.state.moved_by = by.to_owned();
            Decided::Done(Happened::Reopened, report::incident::reopened(incident, by))
        }
        IncidentAsk::Open { .. }
        | IncidentAsk::List
        | IncidentAsk::Show { .. }
        | IncidentAsk::Timeline { .. }
        | IncidentAsk::Postmortem { .. }
        | IncidentAsk::Assign { .. }
        | IncidentAsk::Escalate { .. } => Decided::Refused(report::incident::no_incident(&[])),
    }
}

fn holder(course: &Course) -> &str {
    match &course.alertness {
        Alertness::Acknowledged { by, .. } => by,
        Alertness::Waiting { .. } => "nobody",
    }
}

fn hand_off(
    roster: &Roster<'_>,
    incident: &mut Incident,
    (by, to): (&str, &str),
    change: &mut Change,
) -> Decided {
    let now = roster.now;
    incident.state.course.word(now);
    incident.state.handoff = Some(Handoff { from: by.to_owned(), to: to.to_owned(), at: now });
    let names = [to.to_owned()];
    let reply = report::incident::handed_off(incident, by, to);
    let message = Message { reply: reply.clone(), names: &names, loud: &names, wants_answer: false };
    send(roster.app, incident, message, change);
    Decided::Done(Happened::HandedOff { to: to.to_owned() }, reply)
}

/// The first rung of the ladder that was not paged yet; its last one where all were.
fn next_rung(course: &Course) -> Rung {
    let steps = course.ladder().steps.iter();
    let steps =
        steps.filter(|step| step.how == Way::Page && (step.only != Only::Security || course.security));
    let mut unpaged = steps.clone().filter(|step| course.told.get(&step.tell) != Some(&Way::Page));
    unpaged.next().or_else(|| course.ladder().last(course.security)).map_or(Rung::OnCall, |step| step.tell)
}

fn escalate(
    roster: &Roster<'_>,
    incident: &mut Incident,
    (by, rung): (&str, Rung),
    change: &mut Change,
) -> Decided {
    let people: Vec<String> =
        roster.on(rung).into_iter().filter(|name| *name != by).take(1).map(str::to_owned).collect();
    if people.is_empty() {
        return Decided::Refused(report::incident::nobody_on(incident, rung));
    }
    incident.state.course.told.insert(rung, Way::Page);
    incident.state.course.word(roster.now);
    let reply = report::incident::escalated(incident, rung, by, &people);
    let message = Message { reply: reply.clone(), names: &people, loud: &people, wants_answer: false };
    send(roster.app, incident, message, change);
    Decided::Done(Happened::Escalated { rung }, reply)
}
