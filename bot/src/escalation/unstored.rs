//! What is told while the store can be read and takes no writes: its disk is full, or the server that it was failed over
//! to only reads. Nothing can be recorded then and nobody can acknowledge, and people must be called all the same.
//!
//! It goes out past the outbox, says so, and is remembered here: one process tells nothing twice. When writes work again
//! it stands on the timeline as told. Whoever dies meanwhile has forgotten it; the next one tells it again.
//!
//! Of several replicas one tells it, on all platforms. Writes do not come back to all of them at one moment, so the others
//! first leave that one the time to store what it has told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use commands::escalation::{Due, What};
use commands::ids::Platform;
use commands::incident::{Incident, IncidentNumber};
use commands::message::{Outgoing, SendError};
use jiff::Timestamp;
use store::{Change, NewEntry, NewMessage, NewWebhook, StoreError, StoredIncident};
use tokio::time::Instant;

use super::{decayed, quiet, telling, unchanged};
use crate::app::App;
use crate::chat::platform_of;
use crate::replica::Duty;
use crate::report;
use crate::webhook::{Address, post};

/// Incidents that are looked at at once. What was told is still owed by them, so it is more than may be open.
const LIMIT: u32 = 10_000;
/// How often one message is tried.
const TRIES: u32 = 8;
/// Between two tries at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long whoever told nothing waits once writes work: longer than the teller's way from one look to the next, in which
/// it may be cut off from the store once.
const GRACE: Duration = Duration::from_secs(3);

/// What this process has told and nobody could store.
#[derive(Debug, Default)]
pub struct Unstored {
    told: Mutex<BTreeMap<IncidentNumber, Told>>,
    part: Mutex<Part>,
    /// Messages, so that no two have one name.
    count: AtomicU32,
}

/// What this process does about a store that takes no writes.
#[derive(Clone, Copy, Debug, Default)]
enum Part {
    /// Nothing: it takes them.
    #[default]
    None,
    /// It tells what is owed.
    Tells,
    /// Somebody else does.
    Leaves,
    /// Somebody else did, and has until then to store it.
    Waits(Instant),
}

#[derive(Debug, Default)]
struct Told {
    /// Each thing that was told.
    names: BTreeSet<String>,
    /// For the timeline.
    entries: Vec<NewEntry>,
}

fn name(epoch: u32, due: &Due) -> String {
    match due.what {
        // A name for one moment: several have the same key.
        What::Decay => format!("{epoch}/decay/{}", due.at.as_microsecond()),
        _ => format!("{epoch}/{}", due.what.key()),
    }
}

impl Unstored {
    /// What of `owed` was not told yet. What was is put into `change` as told.
    #[must_use]
    pub fn leave_out(&self, incident: &Incident, owed: Vec<Due>, change: &mut Change) -> Vec<Due> {
        let epoch = incident.state.course.epoch;
        let told = self.told();
        let Some(told) = told.get(&incident.number) else { return owed };
        let (before, now): (Vec<Due>, Vec<Due>) =
            owed.into_iter().partition(|due| told.names.contains(&name(epoch, due)));
        let names: BTreeSet<String> = before.iter().map(|due| entry_name(epoch, due)).collect();
        let of_these = |entry: &&NewEntry| entry.once.as_ref().is_some_and(|once| names.contains(once));
        change.entries.extend(told.entries.iter().filter(of_these).cloned());
        now
    }

    /// Everything that was told, for the timelines; it is remembered no more.
    fn take(&self) -> Vec<(IncidentNumber, Vec<NewEntry>)> {
        let told = std::mem::take(&mut *self.told());
        told.into_iter().map(|(number, told)| (number, told.entries)).collect()
    }

    fn note(&self, incident: &Incident, owed: &[Due], entries: Vec<NewEntry>) {
        let epoch = incident.state.course.epoch;
        let mut told = self.told();
        let told = told.entry(incident.number).or_default();
        told.names.extend(owed.iter().map(|due| name(epoch, due)));
        told.entries.extend(entries);
    }

    fn part(&self) -> MutexGuard<'_, Part> {
        self.part.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<IncidentNumber, Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Discord takes a second message of a name for the first one.
    fn slot(&self, incident: IncidentNumber) -> String {
        format!("i{incident}-u{}-{:x}", self.count.fetch_add(1, Ordering::Relaxed), rand::random::<u16>())
    }
}

/// As the timeline's entry is called that tells of it.
fn entry_name(epoch: u32, due: &Due) -> String {
    match due.what {
        What::Decay => decayed(due).once.unwrap_or_default(),
        _ => name(epoch, due),
    }
}

/// Puts on the timelines what is not there yet. To be called when nothing is owed any more: then all that was told is
/// stored as told, or an act that came first has ended it.
pub async fn store(app: &App) {
    for (number, entries) in app.unstored.take() {
        for entry in entries {
            // What was stored with its incident has the same name, and is not put there again.
            if let Err(error) = app.store.add_to_timeline(number, entry).await {
                tracing::error!(
                    %number,
                    error = &error as &dyn std::error::Error,
                    "a timeline lacks what was told while nothing could be stored"
                );
            }
        }
    }
}

/// How long this process still leaves what is owed to the one that told it; `None` if it may store it itself.
pub async fn leaves(app: &App) -> Result<Option<Duration>, StoreError> {
    let part = *app.unstored.part();
    match part {
        Part::None | Part::Tells => Ok(None),
        Part::Leaves => {
            app.store.ping().await?;
            *app.unstored.part() = Part::Waits(Instant::now() + GRACE);
            Ok(Some(GRACE))
        }
        Part::Waits(until) => {
            let rest = until.saturating_duration_since(Instant::now());
            Ok(Some(rest).filter(|rest| !rest.is_zero()))
        }
    }
}

/// Writes work.
pub fn end(app: &App) {
    *app.unstored.part() = Part::None;
}

/// Tells what is owed at `now` and was not told yet, where that is this process' part.
pub async fn tell(app: &Arc<App>, now: Timestamp) -> anyhow::Result<()> {
    let tells = app.replica.holds(Duty::ReadBack);
    *app.unstored.part() = if tells { Part::Tells } else { Part::Leaves };
    if !tells {
        return Ok(());
    }
    let owing = app.store.overdue(now, LIMIT).await?;
    let roster = telling::Roster::read(app, now).await?;
    for StoredIncident { mut incident, version } in owing {
        let owed = incident.state.course.owed(now, quiet(app));
        let mut change = unchanged(&incident, version);
        let owed = app.unstored.leave_out(&incident, owed, &mut change);
        if owed.is_empty() {
            continue;
        }
        let mut entries: Vec<NewEntry> =
            owed.iter().filter(|due| due.what == What::Decay).map(decayed).collect();
        change.entries.clear();
        for telling in telling::group(&owed, now) {
            telling::tell(&roster, &mut incident, &telling, &mut change);
        }
        entries.append(&mut change.entries);
        // Before it is sent: whatever becomes of that, it is not begun again.
        app.unstored.note(&incident, &owed, entries);
        metrics::counter!("acgs_escalation_unstored_total").increment(owed.len() as u64);
        for message in change.messages {
            app.runs.spawn(send(Arc::clone(app), incident.number, message));
        }
        for webhook in change.webhooks {
            app.runs.spawn(call(Arc::clone(app), webhook));
        }
    }
    Ok(())
}

async fn send(app: Arc<App>, incident: IncidentNumber, message: NewMessage) {
    let platform = platform_of(&message.target);
    // The page lives in one process, and it may be another one. The other platforms take it from whoever sends it.
    let lives_here = platform != Platform::Web || app.replica.sends(platform);
    let Some(chat) = app.chats.get(platform).filter(|_| lives_here) else { return };
    let mut outgoing = Outgoing {
        slot: app.unstored.slot(incident),
        target: message.target,
        reply: report::incident::unstored(message.reply),
        may_repeat: false,
    };
    for attempt in 1..=TRIES {
        match app.outbox.send_at_once(chat, message.lane, &outgoing).await {
            Ok(_) => return,
            Err(SendError::Rejected(why)) => {
                tracing::error!(%platform, why, "a page was refused");
                return;
            }
            Err(error) => {
                tracing::warn!(%platform, %error, "a page was not taken, and is tried again");
                outgoing.may_repeat |= matches!(error, SendError::Unknown(_));
                tokio::time::sleep((Duration::from_millis(250) * 2u32.pow(attempt)).min(LONGEST_PAUSE)).await;
            }
        }
    }
    tracing::error!(%platform, "a page could be neither stored nor sent");
}

async fn call(app: Arc<App>, webhook: NewWebhook) {
    let Ok(address) = webhook.address.parse::<Address>() else { return };
    for attempt in 1..=TRIES {
        match post(&app, &address, &webhook.body).await {
            Ok(()) => return,
            Err(why) => {
                tracing::warn!(%address, why, "a page was not taken, and is tried again");
                tokio::time::sleep((Duration::from_millis(250) * 2u32.pow(attempt)).min(LONGEST_PAUSE)).await;
            }
        }
    }
    tracing::error!(%address, "a page could be neither stored nor posted");
}
