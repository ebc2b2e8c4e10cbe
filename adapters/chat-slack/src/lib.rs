//! Slack in and out: Socket Mode or signed HTTP to chat events, replies to Block Kit.
//!
//! [`SlackChat`] is all that the bot sees. What comes in is read in `inbound`, handed to the bot and
//! acknowledged by `deliver`; the two ways in are `socket` and `http`. What goes out is shaped by
//! `blocks` and sent by `outbound`. Nothing here decides what a line means or who may type it, and
//! nothing here tries a call twice: that is the outbox's.

mod api;
mod blocks;
mod channel;
mod deliver;
mod error;
mod form;
mod http;
mod inbound;
mod limits;
mod manifest;
mod outbound;
mod quoted;
mod seen;
mod socket;

use std::sync::{Arc, OnceLock};

use commands::ids::{Account, MessageRef, Room};
use commands::message::{ChatEvent, Liveness, Outgoing, RateKey, Receipt, Seen, SendError, Sent};
use commands::quoted::Quoted;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use error::SlackError;
pub use manifest::{ManifestMode, SCOPES, manifest};

/// How to reach Slack and as whom.
#[derive(Clone, Debug)]
pub struct SlackConfig {
    /// `https://slack.com/api/`, with or without the last slash. `http://` for loopback only.
    pub api_url: Url,
    /// `xoxb-…`, from the app's page "OAuth & Permissions".
    pub bot_token: SecretString,
    /// How events come in.
    pub mode: SlackMode,
    /// The wall clock: the age of signatures and of answer tokens, and when a command came.
    pub now: fn() -> Timestamp,
}

/// How events come in.
#[derive(Clone, Debug)]
pub enum SlackMode {
    /// Over sockets that we open: nothing of ours has to be reachable from outside.
    Socket {
        /// `xapp-…` with the scope `connections:write`.
        app_token: SecretString,
    },
    /// Slack posts to [`SlackChat::router`].
    Http {
        /// From the app's page "Basic Information".
        signing_secret: SecretString,
    },
}

/// Who the bot is on Slack, as [`SlackChat::check`] found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlackIdentity {
    /// The workspace's name.
    pub team: String,
    /// The bot's own user id, `U…`.
    pub bot_user_id: String,
    /// `A…`, where the app token tells it.
    pub app_id: Option<String>,
    /// Of [`SCOPES`], those that the bot token lacks. Install the app anew to grant them.
    pub missing_scopes: Vec<String>,
}

/// One Slack app in one workspace. Clones share everything.
#[derive(Clone, Debug)]
pub struct SlackChat {
    shared: Arc<Shared>,
}

/// What every part of the adapter reads.
#[derive(Debug)]
struct Shared {
    api: api::Api,
    mode: SlackMode,
    now: fn() -> Timestamp,
    /// Known from [`SlackChat::check`]; events carry it too.
    bot_user_id: OnceLock<String>,
    sockets: socket::Sockets,
    uploads: outbound::RecentUploads,
    members: channel::Members,
}

/// Whether sending `outgoing` uses up one of the few times that Slack takes an answer's token.
#[must_use]
pub const fn is_scarce(outgoing: &Outgoing) -> bool {
    outbound::is_scarce(outgoing)
}

impl SlackChat {
    /// Checks the configuration's shape and builds the client. Nothing is sent.
    ///
    /// # Errors
    /// [`SlackError::Config`] names the key that is wrong.
    pub fn new(config: SlackConfig) -> Result<Self, SlackError> {
        check_shape(&config)?;
        let app_token = match &config.mode {
            SlackMode::Socket { app_token } => Some(app_token),
            SlackMode::Http { .. } => None,
        };
        let api = api::Api::new(&config.api_url, &config.bot_token, app_token)?;
        let shared = Shared {
            api,
            mode: config.mode,
            now: config.now,
            bot_user_id: OnceLock::new(),
            sockets: socket::Sockets::default(),
            uploads: outbound::RecentUploads::default(),
            members: channel::Members::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Asks Slack who the bot is and whether its tokens and scopes suffice.
    ///
    /// # Errors
    /// [`SlackError::Refused`] when Slack takes a token for wrong, [`SlackError::Unreachable`] when
    /// Slack did not answer.
    pub async fn check(&self) -> Result<SlackIdentity, SlackError> {
        let identity = self.shared.api.identity().await?;
        if matches!(self.shared.mode, SlackMode::Socket { .. }) {
            self.shared.api.open_socket_url().await.map_err(|error| error.about("app token"))?;
        }
        // A second check finds the same id, so losing this one's answer loses nothing.
        let _ = self.shared.bot_user_id.set(identity.bot_user_id.clone());
        Ok(identity)
    }

    /// Keeps two sockets open and hands every event to `receive` until `stop`. In HTTP mode it only
    /// waits for `stop`: events come through [`router`](Self::router).
    ///
    /// `receive` answers once the event is stored; only then is it acknowledged. `None` means that
    /// it could not be stored: an event is then left for Slack to send again, and the asker of a
    /// command or click, which Slack does not send again, is told.
    ///
    /// # Errors
    /// [`SlackError::Refused`] when Slack refuses the app token before the first socket is open.
    /// Later refusals are tried again and reported by [`liveness`](Self::liveness).
    pub async fn serve<R, F>(&self, receive: R, stop: CancellationToken) -> Result<(), SlackError>
    where
        R: Fn(ChatEvent) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Option<Receipt>> + Send + 'static,
    {
        match &self.shared.mode {
            SlackMode::Socket { .. } => socket::serve(Arc::clone(&self.shared), receive, stop).await,
            SlackMode::Http { .. } => {
                stop.cancelled().await;
                Ok(())
            }
        }
    }

    /// `POST /slack/commands`, `/slack/interactions` and `/slack/events`; no route in Socket Mode.
    /// `receive` as in [`serve`](Self::serve).
    pub fn router<R, F>(&self, receive: R) -> axum::Router
    where
        R: Fn(ChatEvent) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Option<Receipt>> + Send + 'static,
    {
        match &self.shared.mode {
            SlackMode::Socket { .. } => axum::Router::new(),
            SlackMode::Http { signing_secret } => {
                http::router(Arc::clone(&self.shared), signing_secret.clone(), receive)
            }
        }
    }

    /// The limits that sending `outgoing` counts against.
    #[must_use]
    pub fn rate_keys(&self, outgoing: &Outgoing) -> Vec<RateKey> {
        outbound::rate_keys(&self.shared, outgoing)
    }

    /// Posts or edits one message, with its file where it has one. Never tries a call twice.
    ///
    /// # Errors
    /// As [`SendError`] says; a 5xx and `internal_error` are [`SendError::Unknown`], since Slack
    /// says that a part of the call may have been done.
    pub async fn send(&self, outgoing: &Outgoing) -> Result<Sent, SendError> {
        outbound::send(&self.shared, outgoing).await
    }

    /// Makes a public channel with a topic and people in it, and returns it. Where an earlier try has made one of this name,
    /// it is that one.
    ///
    /// # Errors
    /// [`SendError::Rejected`] where the app may not or the workspace lets nobody; else as [`SendError`] says.
    pub async fn open_channel(&self, name: &str, topic: &str, people: &[Account]) -> Result<Room, SendError> {
        channel::open(&self.shared, name, topic, people).await
    }

    /// One of our messages as Slack shows it now; `None` if it is not there any more.
    ///
    /// # Errors
    /// As [`SendError`] says.
    pub async fn seen(&self, message: &MessageRef) -> Result<Option<Seen>, SendError> {
        seen::seen(&self.shared, message).await
    }

    /// Anybody's message in a channel that the bot is in; `None` if it is not there any more.
    ///
    /// # Errors
    /// As [`SendError`] says.
    pub async fn quoted(&self, message: &MessageRef) -> Result<Option<Quoted>, SendError> {
        quoted::quoted(&self.shared, message).await
    }

    /// Whether events arrive and answers may leave. In HTTP mode nothing can be known before one comes.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        if let Some(why) = self.shared.api.barred() {
            return Liveness::Down(format!("messages are {why}"));
        }
        match self.shared.mode {
            SlackMode::Socket { .. } => self.shared.sockets.liveness(),
            SlackMode::Http { .. } => Liveness::Live,
        }
    }
}

fn check_shape(config: &SlackConfig) -> Result<(), SlackError> {
    if !api::is_allowed(&config.api_url, "https", "http", api::is_loopback(&config.api_url)) {
        return Err(SlackError::config("api_url", "must begin with https:// (http:// for loopback only)"));
    }
    let bot = config.bot_token.expose_secret();
    if bot.is_empty() {
        return Err(SlackError::config("bot_token", "is empty"));
    }
    if bot.starts_with("xapp-") {
        return Err(SlackError::config("bot_token", "is an app-level token (xapp-); use the one with xoxb-"));
    }
    match &config.mode {
        SlackMode::Socket { app_token } if app_token.expose_secret().is_empty() => {
            Err(SlackError::config("app_token", "is empty"))
        }
        SlackMode::Socket { app_token } if app_token.expose_secret().starts_with("xoxb-") => {
            Err(SlackError::config("app_token", "is a bot token (xoxb-); use the one with xapp-"))
        }
        SlackMode::Http { signing_secret } if signing_secret.expose_secret().is_empty() => {
            Err(SlackError::config("signing_secret", "is empty"))
        }
        SlackMode::Socket { .. } | SlackMode::Http { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests;
