//! Discord in and out: gateway to chat events, replies to embeds.
//!
//! [`DiscordChat`] is all that the bot sees. What comes in over the `gateway` is read in `inbound`, handed
//! to the bot by `deliver` and acknowledged; what was missed is fetched by `readback`. What goes out is
//! shaped by `embeds` and sent by `outbound`. `registration` makes the grammar Discord's own `/acgs`.
//! Nothing here decides what a line means or who may type it, and a post or an edit is tried once: trying
//! again is the outbox's.

mod acknowledge;
mod api;
mod check;
mod deliver;
mod embeds;
mod error;
mod gateway;
mod identifies;
mod inbound;
mod invalid;
mod limits;
mod manifest;
mod outbound;
mod places;
mod quoted;
mod reactions;
mod readback;
mod registration;
mod seen;
mod snowflake;
mod status;
mod thread;
mod vigil;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use commands::ids::{Account, MessageRef, Platform, Room};
use commands::message::{ChatEvent, Liveness, Outgoing, RateKey, Receipt, Seen, SendError, Sent};
use commands::quoted::Quoted;
use commands::tree::CommandTree;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

pub use error::DiscordError;
pub use manifest::manifest;

use crate::api::CallError;

/// Suggests services to a person for what is typed so far.
pub type Complete = Arc<dyn Fn(&Account, &str) -> Vec<String> + Send + Sync>;

/// Asks for leave to begin a session: zero for yes, else how long to wait before asking again. Discord counts the
/// sessions that all of an application's processes begin.
pub type Leave = Arc<dyn Fn() -> BoxFuture<'static, Duration> + Send + Sync>;

/// What is taken and not dealt with when the bot stops gets this long.
const DRAIN: Duration = Duration::from_millis(400);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How to reach Discord and as whom.
pub struct DiscordConfig {
    /// The origin, `https://discord.com`. `http://` for loopback only.
    pub api_url: Url,
    /// From the developer portal, page "Bot".
    pub token: SecretString,
    /// From the developer portal, page "General Information".
    pub application_id: u64,
    /// Where `/acgs` is registered; everywhere without one.
    pub guild_id: Option<u64>,
    /// The incident channels: where missed mentions and reactions are looked for.
    pub rooms: Vec<Room>,
    /// What `/acgs` offers.
    pub tree: CommandTree,
    /// Suggestions for options that take a service.
    pub complete: Complete,
    /// Before each session; `None` where no other process begins any.
    pub leave: Option<Leave>,
    /// The wall clock: when a reaction was seen and whether a token still lives.
    pub now: fn() -> Timestamp,
}

/// Who the bot is on Discord, as [`DiscordChat::check`] found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscordIdentity {
    /// The application's name.
    pub application: String,
    /// The bot user's name.
    pub bot_user: String,
    /// The names of the servers that the bot is in.
    pub guilds: Vec<String>,
    /// What stands in the bot's way, each with what to do about it.
    pub problems: Vec<String>,
}

/// One Discord application. Clones share everything.
#[derive(Clone)]
pub struct DiscordChat {
    shared: Arc<Shared>,
}

/// What every part of the adapter reads.
struct Shared {
    api: api::Api,
    origin: Url,
    token: SecretString,
    application: u64,
    guild: Option<u64>,
    rooms: Vec<u64>,
    tree: CommandTree,
    complete: Complete,
    leave: Option<Leave>,
    now: fn() -> Timestamp,
    status: status::Status,
    places: places::Places,
    unacknowledged: outbound::Unacknowledged,
}

impl std::fmt::Debug for DiscordChat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiscordChat").field("application", &self.shared.application).finish_non_exhaustive()
    }
}

impl DiscordChat {
    /// Checks the configuration's shape and builds the client. Nothing is sent.
    ///
    /// # Errors
    /// [`DiscordError::Config`] names the key that is wrong.
    pub fn new(config: DiscordConfig) -> Result<Self, DiscordError> {
        check_shape(&config)?;
        let shared = Shared {
            api: api::Api::new(&config.api_url, &config.token)?,
            origin: config.api_url,
            token: config.token,
            application: config.application_id,
            guild: config.guild_id,
            rooms: snowflakes(&config.rooms)?,
            tree: config.tree,
            complete: config.complete,
            leave: config.leave,
            now: config.now,
            status: status::Status::new(),
            places: places::Places::default(),
            unacknowledged: outbound::Unacknowledged::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Asks Discord who the bot is, where it is, and whether it may do there what it has to.
    ///
    /// # Errors
    /// [`DiscordError::Token`] when Discord refuses the token, [`DiscordError::Unreachable`] when it did
    /// not answer. Everything else is in [`DiscordIdentity::problems`].
    pub async fn check(&self) -> Result<DiscordIdentity, DiscordError> {
        check::check(&self.shared).await
    }

    /// Registers `/acgs` and keeps a gateway session until `stop`; then returns within two seconds. It may be called
    /// again afterwards.
    ///
    /// Each event is handed to `receive`, on the runtime that this is called on, and acknowledged by its
    /// receipt. With `since`, when the newest stored event happened, mentions and reactions after it are
    /// fetched first. The session itself runs on a thread of its own.
    ///
    /// # Errors
    /// [`DiscordError::Token`] and [`DiscordError::Intents`], after which trying again is useless, and
    /// [`DiscordError::Refused`] when Discord names no usable gateway. An outage is no error.
    pub async fn serve<R, F>(
        &self,
        since: Option<Timestamp>,
        receive: R,
        stop: CancellationToken,
    ) -> Result<(), DiscordError>
    where
        R: Fn(ChatEvent) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Option<Receipt>> + Send + 'static,
    {
        let receive: deliver::Receive = Arc::new(move |event| receive(event).boxed());
        let inbox = deliver::Inbox::open(Arc::clone(&self.shared), receive, since);
        let result = tokio::select! {
            result = gateway::run(&inbox, &stop) => result,
            refused = self.keep_registered() => refused.map(|never| match never {}),
        };
        // What is not done by then is found again by reading back.
        let _ = tokio::time::timeout(DRAIN, inbox.drain()).await;
        self.shared.status.rest();
        result
    }

    /// The limits that sending `outgoing` counts against.
    #[must_use]
    pub fn rate_keys(&self, outgoing: &Outgoing) -> Vec<RateKey> {
        outbound::rate_keys(outgoing, (self.shared.now)())
    }

    /// Posts or edits.
    ///
    /// An unknown outcome of a post may be tried again within minutes: Discord knows the slot.
    ///
    /// # Errors
    /// As [`SendError`] says.
    pub async fn send(&self, outgoing: &Outgoing) -> Result<Sent, SendError> {
        let Shared { api, unacknowledged, now, .. } = &*self.shared;
        outbound::send(api, unacknowledged, outgoing, now()).await
    }

    /// Makes the thread of a message and returns its id. Where it has one already, it is that one.
    ///
    /// # Errors
    /// [`SendError::Rejected`] where the bot may not; else as [`SendError`] says.
    pub async fn open_thread(&self, message: &MessageRef, name: &str) -> Result<String, SendError> {
        thread::open(&self.shared, message, name).await
    }

    /// One of our messages as Discord shows it now, with the reactions among `wanted`; `None` if it is not
    /// there any more.
    ///
    /// # Errors
    /// As [`SendError`] says.
    pub async fn seen(&self, message: &MessageRef, wanted: &[&str]) -> Result<Option<Seen>, SendError> {
        seen::seen(&self.shared.api, message, wanted).await.map_err(|error| outbound::send_error(error, None))
    }

    /// Anybody's message, with what it says where Discord lets us read it; `None` if it is not there any more.
    ///
    /// # Errors
    /// As [`SendError`] says.
    pub async fn quoted(&self, message: &MessageRef) -> Result<Option<Quoted>, SendError> {
        quoted::quoted(&self.shared, message).await.map_err(|error| outbound::send_error(error, None))
    }

    /// Whether events arrive.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        if self.shared.api.token_refused() {
            return Liveness::Down(DiscordError::Token.to_string());
        }
        self.shared.status.liveness()
    }

    /// Registers, and then waits for ever. A bot without slash commands still hears mentions, so only a
    /// refused token ends it. Whether they are registered is told in a metric and not by [`Self::liveness`].
    async fn keep_registered(&self) -> Result<Infallible, DiscordError> {
        let Shared { api, application, guild, tree, .. } = &*self.shared;
        let registered = metrics::gauge!("acgs_discord_commands_registered");
        registered.set(0.0);
        let mut pause = Duration::from_secs(1);
        loop {
            let wait = match registration::register(api, *application, *guild, tree).await {
                Ok(()) => {
                    registered.set(1.0);
                    return std::future::pending().await;
                }
                Err(error @ CallError::Refused { status: 401, .. }) => {
                    return Err(error.into_error("register the commands"));
                }
                Err(error) if registration::is_final(&error) => {
                    tracing::error!(%error, "Discord refused the slash commands for good; there are none");
                    return std::future::pending().await;
                }
                Err(CallError::RateLimited { retry_after, .. }) => retry_after,
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "the slash commands could not be registered; trying again. `acgs check` says more"
                    );
                    pause
                }
            };
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn check_shape(config: &DiscordConfig) -> Result<(), DiscordError> {
    let url = &config.api_url;
    let bad_url = |why: &str| DiscordError::Config { key: "api_url", why: why.to_owned() };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => {
            return Err(bad_url("http:// is for loopback only, since the token goes there; use https://"));
        }
        _ => return Err(bad_url("it is not an https:// address")),
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(bad_url("give the origin alone, such as https://discord.com; /api/v10 is added to it"));
    }
    if config.token.expose_secret().trim().is_empty() {
        return Err(DiscordError::Config {
            key: "token",
            why: "it is empty; copy it from the developer portal, page Bot".to_owned(),
        });
    }
    if config.application_id == 0 {
        return Err(DiscordError::Config {
            key: "application_id",
            why: "it is 0; copy it from the developer portal, page General Information".to_owned(),
        });
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn snowflakes(rooms: &[Room]) -> Result<Vec<u64>, DiscordError> {
    let of_discord = rooms.iter().filter(|room| room.platform == Platform::Discord);
    of_discord
        .map(|room| match room.id.parse() {
            Ok(id) if id != 0 => Ok(id),
            _ => Err(DiscordError::Config {
                key: "incident_channels",
                why: format!("{room} is no channel: use the channel's id, a number of 17 to 20 digits"),
            }),
        })
        .collect()
}

#[cfg(test)]
mod tests;
