//! A local Slack: the Web API, `response_url`s, uploads and Socket Mode (or signed requests), spoken
//! to the real SDK over real sockets.
//!
//! It enforces what Slack enforces (methods' arguments, token kinds, scopes, Block Kit's limits,
//! deadlines, rate limits, single-use addresses) and keeps a ledger: a test ends with
//! [`SlackServer::assert_clean`], which fails on every broken rule and on every message that the test
//! has not read. Faults are asked for one by one. It knows one workspace, one app and no history.

mod blocks;
mod channels;
mod delivery;
mod faults;
mod message;
mod methods;
mod rates;
mod response;
mod sockets;
mod state;
mod views;
mod web;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use channels::Channel;
pub use delivery::{AckOutcome, EventDelivery, signature};
pub use message::{Button, Message, Upload};
pub use state::Violation;
pub use views::View;

use state::{Shared, State};

/// The bot token that the server knows.
pub const BOT_TOKEN: &str = "xoxb-1-test-bot";
/// The app token that the server knows.
pub const APP_TOKEN: &str = "xapp-1-A0TEST-test-app";
/// The secret that requests are signed with in HTTP mode.
pub const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// The bot's own user id.
pub const BOT_USER: &str = "U0BOT";

/// How strict the server is, and how patient.
#[derive(Clone, Debug)]
pub struct SlackOptions {
    /// Whether more than about one post a second and channel is answered with 429.
    pub rate_limits: bool,
    /// The bot token's scopes.
    pub scopes: Vec<String>,
    /// When an event that was not acknowledged comes again. Slack's own are 0 s, 60 s and 300 s.
    pub event_retries: Vec<Duration>,
    /// How long a socket stays after its `disconnect`. Slack's is about 10 s.
    pub refresh_grace: Duration,
}

impl Default for SlackOptions {
    fn default() -> Self {
        let scopes = [
            "app_mentions:read",
            "channels:manage",
            "channels:read",
            "chat:write",
            "commands",
            "files:write",
            "reactions:read",
        ];
        Self {
            rate_limits: true,
            scopes: scopes.map(str::to_owned).to_vec(),
            event_retries: [0, 300, 900].map(Duration::from_millis).to_vec(),
            refresh_grace: Duration::from_secs(2),
        }
    }
}

/// The server. Clones are the same server; it stops when the last one is gone.
#[derive(Clone)]
pub struct SlackServer {
    shared: Arc<Shared>,
    _stop: Arc<tokio_util::sync::DropGuard>,
}

impl SlackServer {
    /// Listens on two free loopback ports: one for HTTP, one for sockets.
    ///
    /// # Panics
    /// Where no port can be had.
    pub async fn start(options: SlackOptions) -> Self {
        // Some other part of the test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let link = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = |listener: &TcpListener| listener.local_addr().expect("a bound listener");
        let shared = Arc::new(Shared::new(options, address(&http), address(&link)));
        let stop = CancellationToken::new();
        let router = web::router(Arc::clone(&shared));
        let served = axum::serve(
            http.tap_io(|stream| stream.set_nodelay(true).expect("an open socket")),
            router.into_make_service_with_connect_info::<SocketAddr>(),
        );
        let until = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                outcome = served => outcome.expect("the listener works"),
                () = until.cancelled() => {}
            }
        });
        tokio::spawn(sockets::listen(Arc::clone(&shared), link, stop.clone()));
        Self { shared, _stop: Arc::new(stop.drop_guard()) }
    }

    /// What `[slack] api_url` has to say.
    #[must_use]
    pub fn api_url(&self) -> Url {
        Url::parse(&format!("http://{}/api/", self.shared.http)).expect("a valid address")
    }

    /// From now on deliveries are signed requests to `{base}/slack/…` instead of envelopes.
    pub fn use_requests(&self, base: Url) {
        self.state().request_base = Some(base);
    }

    /// Sockets that got their `hello`, are still there and have not been told to go.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.state().staying()
    }

    /// How often a method was called, refused calls included.
    #[must_use]
    pub fn calls(&self, method: &str) -> usize {
        self.state().calls.get(method).copied().unwrap_or(0)
    }

    /// Waits until so many sockets are open.
    ///
    /// # Panics
    /// After `timeout`.
    pub async fn wait_sockets(&self, count: usize, timeout: Duration) {
        self.wait(timeout, &format!("{count} sockets"), |state| (state.staying() == count).then_some(()))
            .await;
    }

    /// Waits for a message that nobody has read yet, whose present form fits, and reads it.
    ///
    /// # Panics
    /// After `timeout`, with all messages.
    pub async fn wait_message(&self, fits: impl Fn(&Message) -> bool, timeout: Duration) -> Message {
        self.wait(timeout, "a message", |state| {
            let found = state.messages.iter_mut().find(|message| !message.read && fits(message))?;
            found.read = true;
            Some(found.clone())
        })
        .await
    }

    /// Waits for a file that was shown in a channel, and reads it.
    ///
    /// # Panics
    /// After `timeout`.
    pub async fn wait_upload(&self, name: &str, timeout: Duration) -> Upload {
        self.wait(timeout, "a file", |state| {
            let found = state
                .uploads
                .iter_mut()
                .find(|file| file.name == name && !file.read && file.channel.is_some())?;
            found.read = true;
            Some(found.clone())
        })
        .await
    }

    /// The channels that the bot has made.
    #[must_use]
    pub fn channels(&self) -> Vec<Channel> {
        self.state().channels.clone()
    }

    /// Somebody else makes a channel.
    pub fn make_channel(&self, name: &str) {
        channels::made(&mut self.state(), name, "U0SOMEBODY");
    }

    /// Every message, the private ones too, in the order they were first posted.
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

    /// Messages and files that no test has read.
    #[must_use]
    pub fn unread(&self) -> Vec<String> {
        let state = self.state();
        let messages = state.messages.iter().filter(|message| !message.read).map(Message::visible);
        let files = state.uploads.iter().filter(|file| !file.read && file.channel.is_some());
        messages.chain(files.map(|file| format!("file {}", file.name))).collect()
    }

    /// The end of every test.
    ///
    /// # Panics
    /// On a broken rule and on an unread message.
    pub fn assert_clean(&self) {
        let (violations, unread) = (self.violations(), self.unread());
        assert!(violations.is_empty(), "Slack's rules were broken: {violations:#?}");
        assert!(unread.is_empty(), "messages that nobody read: {unread:#?}");
    }

    /// Somebody deletes a message.
    pub fn delete(&self, message: &Message) {
        let mut state = self.state();
        state.messages.retain(|other| !other.is(&message.channel, &message.ts));
        state.deleted.insert((message.channel.clone(), message.ts.clone()));
    }

    /// Somebody who may edits a message: one text in it becomes another.
    ///
    /// # Panics
    /// When the text is not in it.
    pub fn edit(&self, message: &Message, from: &str, to: &str) {
        let mut state = self.state();
        let same = state.messages.iter_mut().find(|other| other.is(&message.channel, &message.ts));
        let same = same.expect("the message is there");
        let before = same.args.to_string();
        assert!(before.contains(from), "{from} in {before}");
        same.args = serde_json::from_str(&before.replace(from, to)).expect("JSON");
    }

    /// From now on the bot is in every channel but these.
    pub fn not_in_channel(&self, channel: &str) {
        self.state().outside.insert(channel.to_owned());
    }

    /// The bot was invited.
    pub fn invite(&self, channel: &str) {
        self.state().outside.remove(channel);
    }

    /// Who has which reaction on a message: `(emoji, user)`.
    #[must_use]
    pub fn reactions(&self, message: &Message) -> BTreeSet<(String, String)> {
        let state = self.state();
        let same = state.messages.iter().find(|other| other.is(&message.channel, &message.ts));
        same.map(|message| message.reactions.clone()).unwrap_or_default()
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
