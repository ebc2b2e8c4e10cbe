//! Everything the server remembers, and the ledger of broken rules.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::faults::{Fault, Route};
use super::gateway::Session;
use super::message::Message;
use super::people::Ack;
use super::rates::Rates;
use super::{DiscordOptions, objects};

/// Milliseconds from 1970 to Discord's epoch.
const EPOCH: i64 = 1_420_070_400_000;

/// A rule of Discord's that the bot broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// A short name, the same for every breach of one rule.
    pub kind: &'static str,
    /// What happened.
    pub detail: String,
}

/// What all parts of the server share.
pub(super) struct Shared {
    pub(super) options: DiscordOptions,
    pub(super) rest: SocketAddr,
    pub(super) socket: SocketAddr,
    pub(super) changed: Notify,
    state: Mutex<State>,
}

/// The platform.
pub(super) struct State {
    pub(super) messages: Vec<Message>,
    /// What people deleted.
    pub(super) deleted: Vec<Message>,
    pub(super) violations: Vec<Violation>,
    pub(super) commands: Value,
    pub(super) registrations: usize,
    /// Channels of one user each that were opened.
    pub(super) directs: std::collections::BTreeSet<u64>,
    /// Threads that were made of messages, with their names: each has its message's id, and the message's channel.
    pub(super) threads: BTreeMap<u64, (String, u64)>,
    /// Whether the bot may make threads.
    pub(super) may_thread: bool,
    /// Channels that the bot may not write in.
    pub(super) closed: std::collections::BTreeSet<u64>,
    /// Users who take no direct messages.
    pub(super) shut: std::collections::BTreeSet<u64>,
    pub(super) identifies: usize,
    pub(super) resumes: usize,
    pub(super) last_identify: Option<Instant>,
    pub(super) closed_with: Option<u16>,
    pub(super) calls: HashMap<Route, usize>,
    pub(super) faults: HashMap<Route, VecDeque<Fault>>,
    pub(super) rates: Rates,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) interactions: HashMap<u64, Interaction>,
    pub(super) refuse_connections: usize,
    pub(super) silent_connections: usize,
    pub(super) duplicate_next: bool,
    /// Fields to leave out of the next event.
    pub(super) malformed_next: Vec<String>,
    pub(super) intents_refused: bool,
    /// What a test says about the limit of sessions a day, instead of the truth.
    pub(super) sessions_left: Option<(usize, Duration)>,
    next: u64,
}

/// A slash command, a click or a completion that a person waits for.
pub(super) struct Interaction {
    pub(super) token: String,
    /// 2: command, 3: component, 4: completion, 5: form.
    pub(super) kind: u64,
    pub(super) channel: u64,
    pub(super) sent: Instant,
    pub(super) acknowledged: bool,
    /// Set by a test to let the token expire before its 15 minutes are over.
    pub(super) is_over: bool,
    pub(super) waiting: Option<oneshot::Sender<(Duration, Ack)>>,
    /// The message that `@original` means.
    pub(super) original: Option<u64>,
}

impl Shared {
    pub(super) fn new(options: DiscordOptions, rest: SocketAddr, socket: SocketAddr) -> Self {
        let rates = Rates::new(options.rate_limits);
        let state = State {
            messages: Vec::new(),
            deleted: Vec::new(),
            violations: Vec::new(),
            commands: json!([]),
            registrations: 0,
            directs: std::collections::BTreeSet::new(),
            threads: BTreeMap::new(),
            may_thread: true,
            closed: std::collections::BTreeSet::new(),
            shut: std::collections::BTreeSet::new(),
            identifies: 0,
            resumes: 0,
            last_identify: None,
            closed_with: None,
            calls: HashMap::new(),
            faults: HashMap::new(),
            rates,
            sessions: BTreeMap::new(),
            interactions: HashMap::new(),
            refuse_connections: 0,
            silent_connections: 0,
            duplicate_next: false,
            malformed_next: Vec::new(),
            intents_refused: false,
            sessions_left: None,
            next: 0,
        };
        Self { options, rest, socket, changed: Notify::new(), state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn violation(&self, kind: &'static str, detail: impl Into<String>) {
        self.state().violation(kind, detail);
        self.changed.notify_waiters();
    }
}

impl State {
    pub(super) fn violation(&mut self, kind: &'static str, detail: impl Into<String>) {
        self.violations.push(Violation { kind, detail: detail.into() });
    }

    /// A new id, made of the time and a number.
    pub(super) fn snowflake(&mut self) -> u64 {
        self.next += 1;
        let time = u64::try_from(clock().as_millisecond() - EPOCH).expect("after 2015");
        (time << 22) | (self.next & 0x003f_ffff)
    }

    /// A channel or thread as Discord describes it.
    pub(super) fn channel_object(&self, id: u64) -> Value {
        match self.threads.get(&id) {
            Some((name, parent)) => objects::thread(id, name, *parent),
            None => objects::channel(id),
        }
    }

    pub(super) fn message_mut(&mut self, id: u64) -> Option<&mut Message> {
        self.messages.iter_mut().rfind(|message| message.id == id)
    }

    pub(super) fn has_live_session(&self) -> bool {
        self.sessions.values().any(Session::is_live)
    }
}

/// Discord's own clock.
#[expect(clippy::disallowed_methods, reason = "this is a server of its own, with a clock of its own")]
pub(super) fn clock() -> Timestamp {
    Timestamp::now()
}
