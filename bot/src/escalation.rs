//! Escalation is a reconciler: what an incident owes is computed from what is stored, and stored together with the
//! messages that tell it. A process that dies between two of these loses nothing and tells nothing twice.
//!
//! In reading order: this loop, [`telling`] (whom, and what to say to them), [`audit`] (whether anything is late),
//! [`fallback`] (what no platform takes).

pub mod audit;
pub mod fallback;
pub mod telling;

use std::sync::Arc;
use std::time::Duration;

use commands::escalation::{Due, Quiet, What};
use commands::incident::Incident;
use commands::message::Target;
use commands::timeline::{Entry, Happened};
use jiff::Timestamp;
use store::{Cancel, Change, Lane, NewEntry, NewMessage, StoredIncident, card_slot};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::{clock, failpoint, report};

/// Incidents that are looked at at once.
const BATCH: u32 = 256;
/// Whoever takes an incident stores what it owes within this time, or somebody else does.
const LEASE: Duration = Duration::from_secs(2);
/// The safety net beneath the times that are known.
const POLL: Duration = Duration::from_secs(1);
/// After a failure of the store.
const PAUSE: Duration = Duration::from_millis(250);

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
async fn look(app: &App) -> anyhow::Result<Duration> {
    let now = clock::now();
    let taken = app.store.owing_incidents(now, LEASE, BATCH).await?;
    if taken.is_empty() {
        let next = app.store.next_owed().await?;
        let rest = next
            .map_or(POLL, |next| Duration::try_from(next.duration_since(clock::now())).unwrap_or_default());
        return Ok(rest.min(POLL));
    }
    let roster = telling::Roster::read(app, now).await?;
    let lateness = metrics::histogram!("acgs_escalation_late_seconds");
    let changes = taken.into_iter().map(|stored| {
        let (change, late) = owed(&roster, stored);
        late.into_iter().for_each(|late| lateness.record(late));
        change
    });
    let changes: Vec<Change> = changes.collect();
    failpoint::hit(failpoint::Failpoint::BeforeTelling);
    app.store.change_incidents(changes, now).await?;
    failpoint::hit(failpoint::Failpoint::AfterTelling);
    app.outbox.nudge();
    app.webhooks.notify_one();
    Ok(Duration::ZERO)
}

/// What an incident owes at the roster's moment, as a change of it; and how late each part of it is.
fn owed(roster: &telling::Roster<'_>, stored: StoredIncident) -> (Change, Vec<Duration>) {
    let telling::Roster { app, now, .. } = *roster;
    let StoredIncident { mut incident, version } = stored;
    let owed = incident.state.course.owed(now, quiet(app));
    let late =
        owed.iter().map(|due| Duration::try_from(now.duration_since(due.at)).unwrap_or_default()).collect();
    let mut change = unchanged(&incident, version);
    for due in owed.iter().filter(|due| due.what == What::Decay) {
        let entry = Entry { at: due.at, by: None, what: Happened::Decayed };
        let once = Some(format!("decay/{}", due.at.as_microsecond()));
        change.entries.push(NewEntry { entry, once });
    }
    for telling in telling::group(&owed, now) {
        telling::tell(roster, &mut incident, &telling, &mut change);
    }
    finish(app, incident, &mut change, now);
    (change, late)
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
            reply: app.redactor.reply(report::incident::card(incident, next, now)),
        })
        .collect()
}

/// The hours in which what is medium waits.
#[must_use]
pub fn quiet(app: &App) -> Option<&Quiet> {
    app.config.oncall.as_ref()?.quiet.as_ref()
}
