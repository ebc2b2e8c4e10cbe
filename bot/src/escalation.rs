//! Escalation is a reconciler: what an incident owes is computed from what is stored, and stored together with the
//! messages that tell it. A process that dies between two of these loses nothing and tells nothing twice.
//!
//! In reading order: this loop, [`telling`] (whom, and what to say to them), [`audit`] (whether anything is late),
//! [`fallback`] (what no platform takes), [`unstored`] (what is told while nothing can be stored).

pub mod audit;
pub mod fallback;
pub mod telling;
pub mod unstored;

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use commands::escalation::{Due, Quiet, What};
use commands::incident::{Incident, IncidentNumber};
use commands::message::Target;
use commands::timeline::{Entry, Happened};
use jiff::Timestamp;
use store::{Cancel, Change, Changed, Lane, NewEntry, NewMessage, StoreError, StoredIncident, card_slot};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::{clock, failpoint, report};

/// Incidents that are taken at once.
const BATCH: u32 = 2048;
/// So many of them are stored at once, while the next ones are decided.
const PART: usize = 512;
/// Whoever takes an incident stores what it owes within this time, or somebody else does.
const LEASE: Duration = Duration::from_secs(2);
/// The safety net beneath the times that are known.
const POLL: Duration = Duration::from_secs(1);
/// After a failure of the store.
const PAUSE: Duration = Duration::from_millis(250);
/// So many are decided by one core: less is not worth another one's while.
const ALONE: usize = 32;

/// Tells what is owed, until `stop`.
pub async fn keep(app: Arc<App>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let rest = match look(&app).await {
            Ok(rest) => rest,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "what incidents owe can't be read or stored");
                PAUSE
            }
        };
        tokio::select! {
            () = app.incidents.notified() => {}
            () = tokio::time::sleep(rest) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Stores what is owed now. Returns how long nothing will be.
async fn look(app: &Arc<App>) -> anyhow::Result<Duration> {
    let now = clock::now();
    match store_owed(app, now).await {
        Ok(rest) => Ok(rest),
        Err(StoreError::Unwritable(error)) => {
            tracing::error!(
                error = &*error as &dyn std::error::Error,
                "the store takes no writes: what incidents owe is told past it"
            );
            unstored::tell(app, now).await?;
            Ok(POLL)
        }
        Err(error) => Err(error.into()),
    }
}

async fn store_owed(app: &App, now: Timestamp) -> Result<Duration, StoreError> {
    if let Some(rest) = unstored::leaves(app).await? {
        return Ok(rest);
    }
    // Whoever is on call is asked at the same time: it is a trip less where something is owed.
    let (taken, roster) =
        tokio::join!(app.store.owing_incidents(now, LEASE, BATCH), telling::Roster::read(app, now));
    let (taken, roster) = (taken?, roster?);
    unstored::end(app);
    if taken.is_empty() {
        unstored::store(app).await;
        let next = app.store.next_owed(now).await?;
        let rest = next.map_or(POLL, |next| match next.duration_since(clock::now()) {
            // It is there and can't be read.
            _ if next <= now => PAUSE,
            rest => Duration::try_from(rest).unwrap_or_default(),
        });
        return Ok(rest.min(POLL));
    }
    let mut rest = taken.into_iter();
    let mut part = || rest.by_ref().take(PART).collect::<Vec<_>>();
    let mut ready = decided(&roster, part());
    while !ready.is_empty() {
        let (changes, owed_at): (Vec<Change>, Vec<Vec<Timestamp>>) = ready.into_iter().unzip();
        // In this order: the store is at work when the next ones are decided.
        let stored = store_decided(&roster, changes, owed_at);
        ((), ready) = tokio::try_join!(stored, async { Ok(decided(&roster, part())) })?;
    }
    Ok(Duration::ZERO)
}

async fn store_decided(
    roster: &telling::Roster<'_>,
    changes: Vec<Change>,
    owed_at: Vec<Vec<Timestamp>>,
) -> Result<(), StoreError> {
    let telling::Roster { app, now, .. } = *roster;
    let numbers: Vec<IncidentNumber> = changes.iter().map(|change| change.number).collect();
    failpoint::hit(failpoint::Failpoint::BeforeTelling);
    let changed = app.store.change_incidents(changes, now).await?;
    failpoint::hit(failpoint::Failpoint::AfterTelling);
    let (stored_at, lateness) = (clock::now(), metrics::histogram!("acgs_escalation_late_seconds"));
    for ((number, changed), owed_at) in numbers.into_iter().zip(changed).zip(owed_at) {
        match changed {
            Changed::Done => owed_at.into_iter().for_each(|at| {
                lateness.record(Duration::try_from(stored_at.duration_since(at)).unwrap_or_default());
            }),
            Changed::Before => told_before(roster, number).await?,
            // It is still owed, or not any more.
            Changed::Stale => {}
        }
    }
    app.outbox.nudge();
    app.webhooks.notify_one();
    Ok(())
}

/// Something of what an incident owes stands on its timeline: nothing is told again, and it goes on.
async fn told_before(roster: &telling::Roster<'_>, number: IncidentNumber) -> Result<(), StoreError> {
    let Some(stored) = roster.app.store.incident(number).await? else { return Ok(()) };
    let (mut change, _) = owed(roster, stored);
    change.entries.clear();
    change.messages.clear();
    change.webhooks.clear();
    roster.app.store.change_incidents(vec![change], roster.now).await?;
    Ok(())
}

/// What each of them owes. After an outage that is much, and all cores decide it.
fn decided(roster: &telling::Roster<'_>, taken: Vec<StoredIncident>) -> Vec<(Change, Vec<Timestamp>)> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let each = taken.len().div_ceil(cores).max(ALONE);
    let mut rest = taken.into_iter();
    let parts: Vec<Vec<StoredIncident>> = std::iter::from_fn(|| {
        Some(rest.by_ref().take(each).collect::<Vec<_>>()).filter(|part| !part.is_empty())
    })
    .collect();
    let decide = |part: Vec<StoredIncident>| -> Vec<(Change, Vec<Timestamp>)> {
        part.into_iter().map(|stored| owed(roster, stored)).collect()
    };
    std::thread::scope(|scope| {
        let mut parts = parts.into_iter();
        let own = parts.next();
        let others: Vec<_> = parts.map(|part| scope.spawn(|| decide(part))).collect();
        let mut all = own.map(decide).unwrap_or_default();
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    })
}

/// What an incident owes at the roster's moment, as a change of it; and since when each part of it is owed.
fn owed(roster: &telling::Roster<'_>, stored: StoredIncident) -> (Change, Vec<Timestamp>) {
    let telling::Roster { app, now, .. } = *roster;
    let StoredIncident { mut incident, version } = stored;
    let owed = incident.state.course.owed(now, quiet(app));
    let owed_at = owed.iter().map(|due| due.at).collect();
    let mut change = unchanged(&incident, version);
    let owed = app.unstored.leave_out(&incident, owed, &mut change);
    change.entries.extend(owed.iter().filter(|due| due.what == What::Decay).map(decayed));
    for telling in telling::group(&owed, now) {
        telling::tell(roster, &mut incident, &telling, &mut change);
    }
    finish(app, incident, &mut change, now);
    (change, owed_at)
}

fn decayed(due: &Due) -> NewEntry {
    let entry = Entry { at: due.at, by: None, what: Happened::Decayed };
    NewEntry { entry, once: Some(format!("decay/{}", due.at.as_microsecond())) }
}

/// A change that changes nothing yet.
#[must_use]
pub fn unchanged(incident: &Incident, version: i64) -> Change {
    Change {
        number: incident.number,
        version,
        state: incident.state.clone(),
        resolved: incident.resolved.clone(),
        owed_at: None,
        entries: Vec::new(),
        messages: Vec::new(),
        webhooks: Vec::new(),
        cancel: Cancel::Nothing,
    }
}

/// Puts the incident as it is now into the change, with its cards and the time of what is owed next.
pub fn finish(app: &App, incident: Incident, change: &mut Change, now: Timestamp) {
    let next = incident.state.course.next(quiet(app));
    change.owed_at = next.as_ref().map(|due| due.at);
    change.messages.extend(cards(app, &incident, next.as_ref(), now));
    change.resolved = incident.resolved;
    change.state = incident.state;
}

/// The incident's card in each of its homes and in a channel of its own: one message each, edited from then on. A thread
/// hangs on the home's.
fn cards(app: &App, incident: &Incident, next: Option<&Due>, now: Timestamp) -> Vec<NewMessage> {
    // One for all of them: to take secrets out is most of the work.
    let reply = app.redactor.reply(report::incident::card(incident, next, now));
    let homes = incident.state.homes.iter().enumerate();
    let homes = homes.filter(|(_, home)| app.config.connects(home.room.platform));
    let places = homes.flat_map(|(number, home)| {
        let own = incident.state.room(number).filter(|own| own.thread.is_none());
        let own = own.map(|own| (format!("i{}-y{number}", incident.number), own));
        [(card_slot(incident.number, number), home)].into_iter().chain(own)
    });
    places
        .map(|(slot, place)| NewMessage {
            slot,
            lane: Lane::Answer,
            target: Target::Post(place.clone()),
            reply: reply.clone(),
        })
        .collect()
}

/// The hours in which what is medium waits.
#[must_use]
pub fn quiet(app: &App) -> Option<&Quiet> {
    app.config.oncall.as_ref()?.quiet.as_ref()
}
