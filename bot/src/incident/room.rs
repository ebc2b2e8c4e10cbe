//! Channels and threads of incidents' own: made beside the incident channel, and known as theirs.
//!
//! On Slack what is critical or high gets a channel and the rest a thread; on Discord everything gets a thread. Where a
//! platform does not let the bot make one, the incident goes on in the incident channel and its card says why.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use commands::ids::{Account, MessageRef, Place, Platform};
use commands::incident::{Incident, IncidentNumber, OwnRoom, RoomKind};
use commands::layout;
use commands::message::{Posted, SendError};
use commands::oncall::Rung;
use commands::timeline::{Entry, Happened};
use jiff::{SignedDuration, Timestamp};
use store::{Changed, NewEntry, RoomMade, RoomWanted, StoreError, StoredIncident};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::chat::{Chat, NewChannel};
use crate::escalation::telling::Roster;
use crate::escalation::{finish, unchanged};
use crate::{clock, report};

/// Made at once.
const BATCH: u32 = 8;
/// Making one takes less.
const LEASE: Duration = Duration::from_secs(45);
/// The safety net beneath the nudges, and how soon a replica knows what another one made.
const POLL: Duration = Duration::from_secs(1);
/// Until the card is posted that a thread hangs on.
const CARD_PAUSE: Duration = Duration::from_millis(250);
/// Between two tries at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Nobody moves to another channel so late.
const GIVE_UP_AFTER: u32 = 20;
/// How far apart the clocks of two replicas may be.
const SKEW: SignedDuration = SignedDuration::from_mins(1);
/// Characters of a thread's name that Discord takes.
const THREAD_NAME: usize = 100;
/// Others may be quicker so often in a row.
const TRIES: usize = 20;

/// The channels and threads that incidents have, as far as this process knows.
#[derive(Default)]
pub struct Rooms {
    known: RwLock<Known>,
    wake: Notify,
}

#[derive(Default)]
struct Known {
    /// Whose each is, and the home that it is beside.
    rooms: HashMap<Place, (IncidentNumber, Place)>,
    /// The newest of them.
    newest: Option<Timestamp>,
}

impl Rooms {
    /// The incident whose own channel or thread a place is, or is in.
    #[must_use]
    pub fn incident_at(&self, place: &Place) -> Option<IncidentNumber> {
        self.at(place, |(number, _)| *number)
    }

    /// The incident channel whose rules hold in a place.
    #[must_use]
    pub fn home_of(&self, place: &Place) -> Option<Place> {
        self.at(place, |(_, home)| home.clone())
    }

    /// Looks for wishes now.
    pub fn nudge(&self) {
        self.wake.notify_one();
    }

    fn at<T>(&self, place: &Place, of: impl Fn(&(IncidentNumber, Place)) -> T) -> Option<T> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.rooms.get(place).or_else(|| known.rooms.get(&Place::channel(place.room.clone())));
        found.map(of)
    }

    fn note(&self, made: Vec<RoomMade>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for room in made {
            known.newest = known.newest.max(Some(room.at));
            known.rooms.insert(room.place, (room.incident, room.beside));
        }
    }

    /// Reads what was made since the last time, by whichever replica.
    pub async fn refresh(&self, app: &App) -> Result<(), StoreError> {
        let newest = self.known.read().unwrap_or_else(PoisonError::into_inner).newest;
        let since = newest.map_or(Timestamp::MIN, |newest| newest.checked_sub(SKEW).unwrap_or(newest));
        self.note(app.store.rooms_made(since).await?);
        Ok(())
    }
}

/// What has become worse may have more than before. A wish that is lost here is one for comfort.
pub async fn want_more(app: &App, number: IncidentNumber) {
    let wanted = async {
        if let Some(stored) = app.store.incident(number).await? {
            app.store.want_rooms(number, &stored.incident.state, clock::now()).await?;
        }
        Ok::<_, StoreError>(())
    };
    if let Err(error) = wanted.await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "no channel is wished for what has become worse"
        );
    }
    app.rooms.nudge();
}

/// Makes what is wanted, until `stop`.
pub async fn keep(app: Arc<App>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let rest = match look(&app).await {
            Ok(rest) => rest,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "incidents' own channels can't be seen to");
                POLL
            }
        };
        tokio::select! {
            () = app.rooms.wake.notified() => {}
            () = tokio::time::sleep(rest) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn look(app: &App) -> anyhow::Result<Duration> {
    app.rooms.refresh(app).await?;
    let mut platforms = app.chats.platforms();
    platforms.retain(|platform| app.replica.sends(*platform));
    if platforms.is_empty() {
        return Ok(POLL);
    }
    let wanted = app.store.rooms_wanted(&platforms, clock::now(), LEASE, BATCH).await?;
    let mut rest = POLL;
    for wanted in wanted {
        let result = see_to(app, &wanted).await?;
        let until = match result {
            Made::Settled => continue,
            Made::NotYet => CARD_PAUSE,
            Made::Later(pause) => pause,
        };
        rest = rest.min(until);
        let until = SignedDuration::try_from(until).unwrap_or(SignedDuration::ZERO);
        app.store.defer_room(&wanted, clock::now() + until).await?;
    }
    Ok(rest)
}

/// What one try came to.
enum Made {
    /// It is there, or never will be.
    Settled,
    /// The card that it hangs on is not posted.
    NotYet,
    /// It is tried again after so long.
    Later(Duration),
}

async fn see_to(app: &App, wanted: &RoomWanted) -> anyhow::Result<Made> {
    let stored = app.store.incident(wanted.incident).await?;
    let Some(incident) = stored.map(|stored| stored.incident).filter(|open| open.resolved.is_none()) else {
        app.store.settle_room(wanted, None, clock::now()).await?;
        return Ok(Made::Settled);
    };
    let Some(chat) = app.chats.get(wanted.beside.room.platform) else { return Ok(Made::Later(POLL)) };
    let own = match make(app, chat, &incident, wanted).await {
        Ok(Some(place)) => OwnRoom::At(place),
        Ok(None) => return Ok(Made::NotYet),
        Err(SendError::RateLimited { retry_after, .. }) => return Ok(Made::Later(retry_after)),
        Err(SendError::Rejected(why)) => OwnRoom::Refused(why),
        Err(error) if wanted.tries >= GIVE_UP_AFTER => OwnRoom::Refused(error.to_string()),
        Err(error) => {
            tracing::warn!(%error, incident = %wanted.incident, "no channel of its own yet, will be tried again");
            let pause = Duration::from_millis(500) * 2u32.saturating_pow(wanted.tries.min(10));
            return Ok(Made::Later(pause.min(LONGEST_PAUSE)));
        }
    };
    if let OwnRoom::Refused(why) = &own {
        tracing::warn!(why, incident = %wanted.incident, "an incident has no channel of its own");
    }
    move_in(app, wanted, &own).await?;
    let (place, now) = (if let OwnRoom::At(place) = &own { Some(place) } else { None }, clock::now());
    app.store.settle_room(wanted, place, now).await?;
    if let Some(place) = place {
        let (beside, place) = (wanted.beside.clone(), place.clone());
        app.rooms.note(vec![RoomMade { incident: wanted.incident, beside, place, at: now }]);
    }
    app.outbox.nudge();
    Ok(Made::Settled)
}

/// `None` where the card that it hangs on is not posted yet.
async fn make(
    app: &App,
    chat: &Chat,
    incident: &Incident,
    wanted: &RoomWanted,
) -> Result<Option<Place>, SendError> {
    if wanted.kind == RoomKind::Channel {
        let channel = NewChannel {
            name: incident.room_name(),
            topic: app.redactor.text(&report::incident::title(incident)),
            people: invited(app, incident, wanted.beside.room.platform).await,
        };
        return chat.open_channel(&channel).await.map(|room| Some(Place::channel(room)));
    }
    let Some(Posted::Message(card)) = &wanted.card else { return Ok(None) };
    let thread = match chat {
        // Whatever answers it is its thread.
        Chat::Slack(_) => card.id.clone(),
        Chat::Discord(_) | Chat::Web(_) => {
            let name = app.redactor.text(&report::incident::title(incident));
            chat.open_thread(card, &layout::short(&name, THREAD_NAME)).await?
        }
    };
    let MessageRef { room, .. } = card;
    Ok(Some(Place { room: room.clone(), thread: Some(thread) }))
}

/// Who is to be in it from the first moment: who opened it, who has it and who is on call.
async fn invited(app: &App, incident: &Incident, platform: Platform) -> Vec<Account> {
    let mut names: Vec<&str> = vec![&incident.opened.1];
    names.extend(incident.state.owner());
    names.extend(incident.state.course.duties.values().map(String::as_str));
    let roster = Roster::read(app, clock::now()).await.ok();
    let on_call = roster.as_ref().map(|roster| roster.on(Rung::OnCall)).unwrap_or_default();
    names.extend(on_call.into_iter().take(1));
    names.sort_unstable();
    names.dedup();
    let people = names.into_iter().filter_map(|name| app.config.people.named(name));
    let accounts = people.flat_map(|person| person.accounts.iter());
    accounts.filter(|account| account.platform == platform).cloned().collect()
}

/// The incident goes on there.
async fn move_in(app: &App, wanted: &RoomWanted, own: &OwnRoom) -> anyhow::Result<()> {
    for _ in 0..TRIES {
        let Some(StoredIncident { mut incident, version }) = app.store.incident(wanted.incident).await?
        else {
            return Ok(());
        };
        let now = clock::now();
        // A channel that can't be had takes away no thread.
        if incident.state.room(wanted.home).is_some() && matches!(own, OwnRoom::Refused(_)) {
            return Ok(());
        }
        let mut change = unchanged(&incident, version);
        incident.state.rooms.insert(wanted.home, own.clone());
        if let OwnRoom::At(place) = own {
            let entry = Entry { at: now, by: None, what: Happened::RoomOpened { place: place.clone() } };
            change.entries.push(NewEntry {
                entry,
                once: Some(format!("room/{}/{}", wanted.home, wanted.kind.as_str())),
            });
        }
        finish(app, incident, &mut change, now);
        if app.store.change_incidents(vec![change], now).await?.first() != Some(&Changed::Stale) {
            return Ok(());
        }
    }
    anyhow::bail!("others changed incident {} {TRIES} times meanwhile", wanted.incident)
}
