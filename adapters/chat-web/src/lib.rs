//! The built-in chat page: try the bot with no account.
//!
//! The same contract as the other chat adapters: what people do becomes a
//! [`ChatEvent`], what the bot says comes through [`WebChat::send`]. What was said is kept in memory
//! only; the bot's store has what must survive a restart. In reading order:
//!
//! 1. `history`: the messages of each room and who reacted to them.
//! 2. `inbound`: lines, clicks and reactions to [`ChatEvent`]s.
//! 3. `outbound`: [`Outgoing`](commands::message::Outgoing)s to messages.
//! 4. `stream`: the server-sent events that keep a page current.
//! 5. `view`: a message as the page reads it.
//! 6. `access`: who may call: host, origin, session.
//! 7. `login`: one-time links and the session cookie.
//! 8. `page`: the page itself, compiled in, and its security headers.
//! 9. `refusal`: what a refused request is told.
//!
//! It does not listen: the bot mounts [`WebChat::router`] on a listener of its own.

mod access;
mod history;
mod inbound;
mod login;
mod outbound;
mod page;
mod quoted;
mod refusal;
mod stream;
mod view;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use commands::ids::{Account, MessageRef, Room};
use commands::message::{ChatEvent, Liveness, Receipt};
use commands::quoted::Quoted;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::{Semaphore, watch};

use crate::history::History;

/// No request body is larger than this.
const BODY_LIMIT: usize = 64 * 1024;
/// Open pages at once. Each holds a connection.
const STREAM_LIMIT: usize = 100;

/// What the page needs to know of the bot.
pub struct WebConfig {
    /// What the bot is called on the page.
    pub bot: String,
    /// Who may use the page.
    pub people: Vec<WebPerson>,
    /// Rooms of the platform `web`; the first is shown first.
    pub rooms: Vec<Room>,
    /// How a visitor shows who they are.
    pub mode: WebMode,
    /// The wall clock.
    pub now: fn() -> Timestamp,
    /// What could come next in an unfinished line, given without a leading `/acgs`.
    pub complete: Complete,
    /// One line of plain text above the chat.
    pub banner: Option<String>,
}

/// Completes an unfinished line for a person.
pub type Complete = Arc<dyn Fn(&Account, &str) -> Vec<Completion> + Send + Sync>;

/// One way to go on with a line.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Completion {
    /// The word that takes the place of the line's last, unfinished word.
    pub insert: String,
    /// What it does, in a few words.
    pub describe: String,
}

/// A person who may use the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebPerson {
    /// The id of the person's [`Account`] on the platform `web`.
    pub key: String,
    /// Shown beside what they say.
    pub name: String,
    /// Shown beside the name where one picks who one is.
    pub roles: String,
}

/// How a visitor shows who they are.
pub enum WebMode {
    /// By picking a name. Answers to a loopback host name only, so that no other web site can reach it
    /// through the visitor's browser.
    Demo,
    /// By a session cookie, which a one-time link gives.
    Login(Logins),
}

/// A value from a request, looked up by the bot.
pub type Lookup<T> = Arc<dyn Fn(String) -> BoxFuture<'static, T> + Send + Sync>;

/// The bot's side of logging in. Tokens and cookies are opaque here.
pub struct Logins {
    /// Takes a link's token, which is worth nothing afterwards; `None` when it was not worth anything.
    pub redeem: Lookup<Option<NewSession>>,
    /// Whose session a cookie is: a [`WebPerson::key`].
    pub session: Lookup<Option<String>>,
    /// Ends a cookie's session.
    pub end: Lookup<()>,
}

/// A session just begun.
pub struct NewSession {
    /// The value of the session cookie: letters, digits, `-` and `_`.
    pub cookie: SecretString,
    /// A [`WebPerson::key`].
    pub person: String,
    /// How long the browser keeps the cookie.
    pub max_age: Duration,
}

type Receive = Arc<dyn Fn(ChatEvent) -> BoxFuture<'static, Option<Receipt>> + Send + Sync>;

/// The chat page and what is said on it. Clones are the same page.
#[derive(Clone)]
pub struct WebChat {
    inner: Arc<Inner>,
}

struct Inner {
    config: WebConfig,
    /// Held for memory work only, never across an await; so a std mutex.
    history: Mutex<History>,
    pulse: watch::Sender<Pulse>,
    seats: Arc<Semaphore>,
    /// Tells this process' event ids from those of an earlier one.
    epoch: String,
}

/// What wakes the open streams.
#[derive(Clone, Copy)]
struct Pulse {
    version: u64,
    logouts: u64,
    open: bool,
}

/// What the handlers share.
#[derive(Clone)]
struct Web {
    chat: WebChat,
    receive: Receive,
}

impl WebChat {
    /// An empty chat.
    #[must_use]
    pub fn new(config: WebConfig) -> Self {
        let history = Mutex::new(History::new(&config.rooms, (config.now)()));
        let (pulse, _) = watch::channel(Pulse { version: 0, logouts: 0, open: true });
        let seats = Arc::new(Semaphore::new(STREAM_LIMIT));
        let epoch = format!("{:016x}", rand::random::<u64>());
        Self { inner: Arc::new(Inner { config, history, pulse, seats, epoch }) }
    }

    /// The page and its API. A proxy in front must pass the `Host` header on. `receive` stores an event and gives the receipt; `None` means that it
    /// could not be stored, and the page keeps what was typed.
    pub fn router<R, F>(&self, receive: R) -> Router
    where
        R: Fn(ChatEvent) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Option<Receipt>> + Send + 'static,
    {
        let receive: Receive = Arc::new(move |event| receive(event).boxed());
        let web = Web { chat: self.clone(), receive };
        Router::new()
            .route("/", get(page::index))
            .route("/chat.css", get(page::style))
            .route("/chat.js", get(page::script))
            .route("/login", get(page::index).post(login::redeem))
            .route("/logout", post(login::end))
            .route("/api/people", get(inbound::people))
            .route("/api/complete", get(inbound::complete))
            .route("/api/line", post(inbound::line))
            .route("/api/click", post(inbound::click))
            .route("/api/form", post(inbound::form))
            .route("/api/reaction", post(inbound::reaction))
            .route("/api/file", get(page::file))
            .route("/api/picture", get(page::picture))
            .route("/api/events", get(stream::events))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .layer(from_fn_with_state(web.clone(), access::guard))
            .with_state(web)
    }

    /// Whether people are heard: the page needs no connection of its own.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        if self.inner.pulse.borrow().open {
            Liveness::Live
        } else {
            Liveness::Down("the web chat is closed".to_owned())
        }
    }

    /// Ends every open stream and sends nothing any more. Without it a graceful shutdown of the server
    /// would wait for the streams, which never end by themselves.
    pub fn close(&self) {
        self.inner.pulse.send_modify(|pulse| pulse.open = false);
    }

    /// A message that everybody sees; `None` if it is kept no more.
    #[must_use]
    pub fn quoted(&self, message: &MessageRef) -> Option<Quoted> {
        quoted::quoted(self, message)
    }

    fn config(&self) -> &WebConfig {
        &self.inner.config
    }

    fn person(&self, key: &str) -> Option<&WebPerson> {
        self.config().people.iter().find(|person| person.key == key)
    }

    fn room(&self, id: &str) -> Option<&Room> {
        self.config().rooms.iter().find(|room| room.id == id)
    }

    fn read<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        look(&self.inner.history.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the history and wakes the open streams.
    fn change<T>(&self, change: impl FnOnce(&mut History) -> T) -> T {
        let mut history = self.inner.history.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut history);
        let version = history.version();
        drop(history);
        self.inner.pulse.send_if_modified(|pulse| {
            let newer = version > pulse.version;
            pulse.version = pulse.version.max(version);
            newer
        });
        result
    }
}
