//! A local Discord: REST and gateway, version 10, spoken to the real SDK over real sockets.
//!
//! It enforces what Discord enforces (bodies' fields and limits, command trees, deadlines, token lifetimes,
//! nonces, intents, heartbeats, IDENTIFY's rate, 429s) and what a careful bot owes (no mention is ever
//! parsed, no repeat without a nonce, no deferral without an answer). It keeps a ledger: a test ends with
//! [`DiscordServer::assert_clean`], which fails on every broken rule and on every message that the test has
//! not read. Faults are asked for one by one. It knows one server with a few channels, one application and
//! no permissions.

mod commands;
mod faults;
mod form;
mod gateway;
mod message;
mod modals;
mod objects;
mod people;
mod rates;
mod rest;
mod rules;
mod state;

use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use faults::{Drop, Route};
pub use message::{Button, Message, Upload};
pub use modals::Modal;
pub use people::{Ack, AckOutcome, Asked};
pub use state::Violation;

use state::{Shared, State};

/// The bot token that the server knows.
pub const BOT_TOKEN: &str = "MTA.test.bot-token";
/// The application that the token belongs to.
pub const APPLICATION: u64 = 110_000_000_000_000_001;
/// The bot's own user.
pub const BOT_USER: u64 = 110_000_000_000_000_002;
/// The one server.
pub const GUILD: u64 = 110_000_000_000_000_003;
/// Its incident channel.
pub const CHANNEL: u64 = 110_000_000_000_000_004;
/// A thread of the incident channel.
pub const THREAD: u64 = 110_000_000_000_000_005;
/// A channel where no incidents are handled.
pub const LOUNGE: u64 = 110_000_000_000_000_006;

/// The channel of a user's direct messages.
#[must_use]
pub const fn direct(user: u64) -> u64 {
    user + 500_000_000
}

/// How strict the server is, and how patient.
#[derive(Clone, Debug)]
pub struct DiscordOptions {
    /// Whether more calls than Discord is seen to allow are answered with 429.
    pub rate_limits: bool,
    /// Discord's is 41.25 s.
    pub heartbeat_interval: Duration,
    /// Whether bursts of IDENTIFY are refused.
    pub identify_limit: bool,
}

impl Default for DiscordOptions {
    fn default() -> Self {
        Self { rate_limits: true, heartbeat_interval: Duration::from_millis(41_250), identify_limit: true }
    }
}

/// The server. Clones are the same server; it stops when the last one is gone.
#[derive(Clone)]
pub struct DiscordServer {
    shared: Arc<Shared>,
    _stop: Arc<tokio_util::sync::DropGuard>,
}

impl DiscordServer {
    /// Listens on two free loopback ports: one for REST, one for the gateway.
    ///
    /// # Panics
    /// Where no port can be had.
    pub async fn start(options: DiscordOptions) -> Self {
        // Some other part of the test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let rest = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = |listener: &TcpListener| listener.local_addr().expect("a bound listener");
        let shared = Arc::new(Shared::new(options, address(&rest), address(&socket)));
        let stop = CancellationToken::new();
        let served = axum::serve(
            rest.tap_io(|stream| stream.set_nodelay(true).expect("an open socket")),
            rest::router(Arc::clone(&shared)),
        );
        let until = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                outcome = served => outcome.expect("the listener works"),
                () = until.cancelled() => {}
            }
        });
        tokio::spawn(gateway::listen(Arc::clone(&shared), socket, stop.clone()));
        Self { shared, _stop: Arc::new(stop.drop_guard()) }
    }

    /// What `[discord] api_url` has to say.
    #[must_use]
    pub fn api_url(&self) -> Url {
        Url::parse(&format!("http://{}", self.shared.rest)).expect("a valid address")
    }

    /// The commands that are registered for the server, as they were put.
    #[must_use]
    pub fn registered_commands(&self) -> Value {
        self.state().commands.clone()
    }

    /// How often commands were put.
    #[must_use]
    pub fn registrations(&self) -> usize {
        self.state().registrations
    }

    /// How many sessions were begun.
    #[must_use]
    pub fn identifies(&self) -> usize {
        self.state().identifies
    }

    /// How many sessions were resumed.
    #[must_use]
    pub fn resumes(&self) -> usize {
        self.state().resumes
    }

    /// How many sessions are connected.
    #[must_use]
    pub fn live_sessions(&self) -> usize {
        self.state().sessions.values().filter(|session| session.is_live()).count()
    }

    /// How often a route was called, refused calls included.
    #[must_use]
    pub fn calls(&self, route: Route) -> usize {
        self.state().calls.get(&route).copied().unwrap_or(0)
    }

    /// The code of the last close frame that the bot sent.
    #[must_use]
    pub fn closed_with(&self) -> Option<u16> {
        self.state().closed_with
    }

    /// Waits until a session is connected and the commands are registered: a person can type.
    ///
    /// # Panics
    /// After `timeout`.
    pub async fn wait_ready(&self, timeout: Duration) {
        self.wait(timeout, "session and commands", |state| {
            (state.has_live_session() && !state.commands.as_array().is_none_or(Vec::is_empty)).then_some(())
        })
        .await;
    }

    /// Waits until so many sessions were begun and the newest is connected.
    ///
    /// # Panics
    /// After `timeout`.
    pub async fn wait_identifies(&self, count: usize, timeout: Duration) {
        self.wait(timeout, &format!("{count} sessions"), |state| {
            (state.identifies >= count && state.has_live_session()).then_some(())
        })
        .await;
    }

    /// Waits until so many sessions were resumed.
    ///
    /// # Panics
    /// After `timeout`.
    pub async fn wait_resumes(&self, count: usize, timeout: Duration) {
        self.wait(timeout, &format!("{count} resumes"), |state| (state.resumes >= count).then_some(())).await;
    }

    /// Waits until no session is connected.
    ///
    /// # Panics
    /// After `timeout`.
    pub async fn wait_disconnected(&self, timeout: Duration) {
        self.wait(timeout, "disconnection", |state| (!state.has_live_session()).then_some(())).await;
    }

    /// Waits for a message of the bot's that nobody has read yet, whose present form fits, and reads it.
    /// Deferrals are no messages yet.
    ///
    /// # Panics
    /// After `timeout`, with all messages.
    pub async fn wait_message(&self, fits: impl Fn(&Message) -> bool, timeout: Duration) -> Message {
        self.wait(timeout, "message", |state| {
            let found = state.messages.iter_mut().find(|message| message.is_unread() && fits(message))?;
            found.read = true;
            Some(found.clone())
        })
        .await
    }

    /// The bot may not write in this channel from now on.
    pub fn refuse_channel(&self, channel: u64) {
        self.shared.state().closed.insert(channel);
    }

    /// Threads that the bot has made: each has its message's id.
    #[must_use]
    pub fn threads(&self) -> Vec<(u64, String)> {
        self.state().threads.iter().map(|(id, (name, _))| (*id, name.clone())).collect()
    }

    /// The bot may make no threads from now on.
    pub fn refuse_threads(&self) {
        self.shared.state().may_thread = false;
    }

    /// This user takes no direct messages from now on.
    pub fn refuse_direct(&self, user: u64) {
        self.shared.state().shut.insert(user);
    }

    /// Waits for the answer that takes the place of an interaction's deferral, and reads it.
    ///
    /// # Panics
    /// After `timeout`.
    pub async fn wait_answer(&self, interaction: u64, timeout: Duration) -> Message {
        self.wait_message(|message| message.interaction == Some(interaction), timeout).await
    }

    /// Every message, the people's and the private ones too, in the order they were first posted.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.state().messages.clone()
    }

    /// Every rule that was broken.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.state().violations.clone()
    }

    /// Takes a violation that the test has provoked off the ledger. Returns how many of them there were.
    pub fn forgive(&self, kind: &str) -> usize {
        let mut state = self.state();
        let before = state.violations.len();
        state.violations.retain(|violation| violation.kind != kind);
        before - state.violations.len()
    }

    /// Deferrals ("the bot is thinking") whose place nothing has taken although the token is good for it.
    #[must_use]
    pub fn unanswered(&self) -> Vec<u64> {
        let state = self.state();
        let waits = |id: &u64| state.interactions.get(id).is_some_and(|interaction| !interaction.is_over);
        let deferrals = state.messages.iter().filter(|message| message.is_deferral);
        deferrals.filter_map(|message| message.interaction).filter(waits).collect()
    }

    /// Takes a deferral off the ledger whose answer the test itself has left out.
    ///
    /// # Panics
    /// Where nothing waits for an answer.
    pub fn leave_unanswered(&self, interaction: u64) {
        let mut state = self.state();
        let before = state.messages.len();
        state.messages.retain(|message| !(message.is_deferral && message.interaction == Some(interaction)));
        assert_eq!(state.messages.len() + 1, before, "interaction {interaction} waits for no answer");
    }

    /// Messages of the bot's that no test has read.
    #[must_use]
    pub fn unread(&self) -> Vec<String> {
        self.state().messages.iter().filter(|message| message.is_unread()).map(Message::visible).collect()
    }

    /// The end of every test.
    ///
    /// # Panics
    /// On a broken rule, on an unread message and on an interaction whose answer still has to come.
    pub fn assert_clean(&self) {
        let (violations, unread, unanswered) = (self.violations(), self.unread(), self.unanswered());
        assert!(violations.is_empty(), "Discord's rules were broken: {violations:#?}");
        assert!(unread.is_empty(), "messages that nobody read: {unread:#?}");
        assert!(unanswered.is_empty(), "the bot thinks for ever about: {unanswered:?}");
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.state()
    }

    /// Asks again after every change until there is an answer.
    async fn wait<T>(
        &self,
        timeout: Duration,
        what: &str,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> T {
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.state()) {
                return found;
            }
            if tokio::time::timeout_at(deadline, changed).await.is_err() {
                let messages: Vec<_> = self.messages().iter().map(Message::visible).collect();
                panic!("no {what} within {timeout:?}; messages: {messages:#?}, {:#?}", self.violations());
            }
        }
    }
}
