//! Everything the server remembers, and the ledger of broken rules.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use url::Url;

use super::SlackOptions;
use super::channels::Channel;
use super::faults::Fault;
use super::message::{Message, Upload};
use super::rates::Rates;
use super::sockets::Link;
use super::views::{Trigger, View};

/// A rule of Slack's that the bot broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// A short name, the same for every breach of one rule.
    pub kind: &'static str,
    /// What happened.
    pub detail: String,
}

/// What all parts of the server share.
pub(super) struct Shared {
    pub(super) options: SlackOptions,
    pub(super) http: SocketAddr,
    pub(super) link: SocketAddr,
    pub(super) changed: Notify,
    pub(super) client: reqwest::Client,
    state: Mutex<State>,
}

/// The workspace.
#[derive(Default)]
pub(super) struct State {
    pub(super) messages: Vec<Message>,
    /// Channel and `ts` of what people deleted.
    pub(super) deleted: BTreeSet<(String, String)>,
    pub(super) uploads: Vec<Upload>,
    pub(super) violations: Vec<Violation>,
    pub(super) outside: BTreeSet<String>,
    /// Channels that were made, in the order of their making.
    pub(super) channels: Vec<Channel>,
    pub(super) calls: HashMap<String, usize>,
    pub(super) faults: HashMap<String, VecDeque<Fault>>,
    pub(super) rates: Rates,
    /// Addresses of sockets that were handed out and not used, with when.
    pub(super) tickets: HashMap<String, Instant>,
    pub(super) sockets: BTreeMap<u64, Link>,
    pub(super) refuse_sockets: usize,
    pub(super) duplicate_next: bool,
    pub(super) responses: HashMap<String, ResponseUrl>,
    /// What a modal may be opened with.
    pub(super) triggers: HashMap<String, Trigger>,
    pub(super) views: Vec<View>,
    /// Deliveries that wait for their acknowledgement, by envelope id.
    pub(super) pending: HashMap<String, Pending>,
    pub(super) request_base: Option<Url>,
    next: u64,
    last_ts: i64,
}

/// A way back to one command or click.
pub(super) struct ResponseUrl {
    pub(super) channel: String,
    pub(super) user: String,
    pub(super) uses: u32,
    pub(super) expires: Instant,
    /// The message that `replace_original` means: the clicked one, or the last one posted this way.
    pub(super) original: Option<String>,
}

/// One envelope on its way.
pub(super) struct Pending {
    pub(super) sent: Instant,
    pub(super) acknowledged: Option<oneshot::Sender<Duration>>,
}

impl Shared {
    pub(super) fn new(options: SlackOptions, http: SocketAddr, link: SocketAddr) -> Self {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).tcp_nodelay(true);
        Self {
            options,
            http,
            link,
            changed: Notify::new(),
            client: client.build().expect("a client"),
            state: Mutex::default(),
        }
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

    /// Sockets that take deliveries.
    pub(super) fn staying(&self) -> usize {
        self.sockets.values().filter(|link| !link.leaving).count()
    }

    /// The next number of the workspace.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A message's `ts`: the time, and never the same twice.
    pub(super) fn ts(&mut self) -> String {
        let now = clock().as_microsecond().max(self.last_ts + 1);
        self.last_ts = now;
        format!("{}.{:06}", now / 1_000_000, now % 1_000_000)
    }

    /// A new `response_url`'s id.
    pub(super) fn response_url(&mut self, channel: &str, user: &str, original: Option<String>) -> String {
        let id = format!("R{}x{:016x}", self.number(), rand::random::<u64>());
        let expires = Instant::now() + Duration::from_secs(30 * 60);
        let url =
            ResponseUrl { channel: channel.to_owned(), user: user.to_owned(), uses: 0, expires, original };
        self.responses.insert(id.clone(), url);
        id
    }
}

/// Slack's own clock.
#[expect(clippy::disallowed_methods, reason = "this is a server of its own, with a clock of its own")]
pub(super) fn clock() -> Timestamp {
    Timestamp::now()
}
