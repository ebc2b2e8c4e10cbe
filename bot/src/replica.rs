//! One process among several on one PostgreSQL: what it alone may do, and how soon it must stop doing it.
//!
//! The store's leases are renewed twice a second, all by one statement. Whoever could not renew them in time stops
//! by itself what only one may do, before anybody else may take it: so a process that stood still or was cut off
//! finds on waking that its time is over, whatever it was in the middle of. Where no other replica is, nobody could take
//! anything, and nothing is stopped. On SQLite one process does everything.

pub mod identify;
mod keep;
mod standing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use commands::ids::Platform;
use store::LeaseRow;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

pub use keep::{join, keep, while_held};
pub use standing::{Duty, Hold};

use crate::config::{Config, SlackMode};

/// A lease is over so long after its last renewal, by the database's clock.
const LENGTH: Duration = Duration::from_secs(2);
/// And is given up here so long after it, so that it is over here first.
const GIVEN_UP: Duration = Duration::from_millis(1_750);
/// How long a doubt is waited out: the next renewal tells.
const DOUBT: Duration = Duration::from_secs(3);

/// This process' place among the replicas. Clones of the reference share it.
pub struct Replica {
    id: String,
    /// Whether there can be no other.
    alone: bool,
    duties: Vec<Duty>,
    state: Mutex<State>,
    /// Counts what the database said.
    verdicts: watch::Sender<u64>,
    wake: Notify,
    engine: OnceLock<String>,
}

#[derive(Default)]
struct State {
    rows: Vec<LeaseRow>,
    held: BTreeMap<Duty, Hold>,
    /// Until when what is held is nobody else's.
    until: Option<Instant>,
    /// How often this process was registered: more than once if others gave it up meanwhile.
    life: u64,
    /// Nothing is taken any more.
    closing: bool,
    /// Nothing is held any more.
    retired: bool,
}

impl Replica {
    /// A process called `id`, with what `config` gives it to do.
    #[must_use]
    pub fn new(id: String, alone: bool, config: &Config) -> Arc<Self> {
        let sockets =
            config.slack.as_ref().is_some_and(|slack| matches!(slack.mode, SlackMode::Socket { .. }));
        let duties = [
            (Duty::Discord, config.discord.is_some()),
            (Duty::SlackSockets, sockets),
            (Duty::SlackSend, config.slack.is_some()),
            (Duty::Web, config.web.is_some()),
            (Duty::ReadBack, true),
        ];
        let duties: Vec<Duty> =
            duties.into_iter().filter_map(|(duty, wanted)| wanted.then_some(duty)).collect();
        for (duty, change) in duties.iter().flat_map(|duty| [(duty, "taken"), (duty, "lost")]) {
            metrics::counter!("acgs_lease_changes_total", "lease" => duty.leases()[0], "change" => change)
                .increment(0);
        }
        Arc::new(Self {
            id,
            alone,
            duties,
            state: Mutex::default(),
            verdicts: watch::Sender::new(0),
            wake: Notify::new(),
            engine: OnceLock::new(),
        })
    }

    /// Under which name it holds leases.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether there can be no other process.
    #[must_use]
    pub const fn is_alone(&self) -> bool {
        self.alone
    }

    /// The id of the Docker daemon that it acts on, once that is known.
    #[must_use]
    pub fn engine(&self) -> Option<&str> {
        self.engine.get().map(String::as_str)
    }

    /// Whether another replica that is there acts on the Docker daemon `engine`.
    #[must_use]
    pub fn is_another_on(&self, engine: &str) -> bool {
        standing::others(&self.state().rows, &self.id).any(|other| other.engine.as_deref() == Some(engine))
    }

    /// Whether it may do this now.
    #[must_use]
    pub fn holds(&self, duty: Duty) -> bool {
        if self.alone {
            return self.duties.contains(&duty);
        }
        let state = self.state();
        state.held.contains_key(&duty) && self.in_time(&state)
    }

    /// Whether what happens on `platform` comes to it alone.
    #[must_use]
    pub fn hears(&self, platform: Platform) -> bool {
        let duty = match platform {
            Platform::Slack => Duty::SlackSockets,
            Platform::Discord => Duty::Discord,
            Platform::Web => Duty::Web,
            Platform::Cli => return true,
        };
        // Slack's requests over HTTP come to any of them, each to one.
        !self.duties.contains(&duty) || self.holds(duty)
    }

    /// Whether it may send to `platform` now.
    #[must_use]
    pub fn sends(&self, platform: Platform) -> bool {
        Duty::sending(platform).is_none_or(|duty| self.holds(duty))
    }

    /// The same where it is worth a wait: what is in doubt, the next word of the database settles.
    pub async fn surely_sends(&self, platform: Platform) -> bool {
        self.settled(|| self.sends(platform)).await
    }

    /// Which of its registrations this is; work begun in one is not gone on with in the next.
    #[must_use]
    pub fn life(&self) -> u64 {
        self.state().life
    }

    /// Whether nobody has taken over what was claimed in `life`.
    pub async fn surely_lives(&self, life: u64) -> bool {
        let lives = || {
            let state = self.state();
            self.alone || (state.life == life && self.in_time(&state))
        };
        self.settled(lives).await
    }

    /// Waits until what was claimed in `life` is free for others.
    pub async fn lapsed(&self, life: u64) {
        self.until(|| !self.alone && self.state().life != life).await;
    }

    /// Waits until it may do this.
    pub async fn until_held(&self, duty: Duty) {
        self.until(|| self.holds(duty)).await;
    }

    /// Waits until it may not do this any more.
    pub async fn until_lost(&self, duty: Duty) {
        let mut verdicts = self.verdicts.subscribe();
        while self.holds(duty) {
            let over = self.state().until.filter(|over| *over > Instant::now());
            let over = over.unwrap_or_else(|| Instant::now() + LENGTH);
            tokio::select! {
                _ = verdicts.changed() => {}
                () = tokio::time::sleep_until(over) => {}
            }
        }
    }

    /// Something changed at the others': look now.
    pub fn nudge(&self) {
        self.wake.notify_one();
    }

    /// How it stands, for people and metrics.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let state = self.state();
        let held = |duty: &Duty| self.alone || (state.held.contains_key(duty) && self.in_time(&state));
        Standing {
            rows: state.rows.clone(),
            holds: self.duties.iter().copied().filter(held).collect(),
            others: standing::others(&state.rows, &self.id).count(),
            in_time: self.alone || self.in_time(&state),
        }
    }

    /// What is asked for among its duties.
    #[must_use]
    pub fn duties(&self) -> &[Duty] {
        &self.duties
    }

    fn in_time(&self, state: &State) -> bool {
        match state.until {
            None => false,
            Some(until) => until > Instant::now() || standing::others(&state.rows, &self.id).next().is_none(),
        }
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        let mut verdicts = self.verdicts.subscribe();
        while !is_so() {
            if verdicts.changed().await.is_err() {
                return;
            }
        }
    }

    async fn settled(&self, is_so: impl Fn() -> bool) -> bool {
        let mut verdicts = self.verdicts.subscribe();
        if is_so() {
            return true;
        }
        // Of its outcome nothing is needed: what is so then is asked for.
        let _ = tokio::time::timeout(DOUBT, verdicts.changed()).await;
        is_so()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a replica stands at a moment.
#[derive(Clone, Debug)]
pub struct Standing {
    /// All leases, as last read.
    pub rows: Vec<LeaseRow>,
    /// What it may do.
    pub holds: Vec<Duty>,
    /// How many others there are.
    pub others: usize,
    /// Whether what it holds is surely its own.
    pub in_time: bool,
}
