//! The gateway: serenity's shard on a thread and runtime of its own, and what restarts it.
//!
//! Its own thread, because serenity 0.12's shard can spin without yielding: after a connection reset whose
//! first reconnect is refused it reads an ended stream in a loop until the next heartbeat, up to 41 s. On a
//! runtime of its own that starves nobody else. A pulse on that runtime tells when it stands still; the
//! thread is then given up (it ends by itself when the spin does) and another one takes its place, so that
//! events flow again after seconds and not after a heartbeat.
//!
//! serenity also waits for ever for a connection that is taken and then says nothing. [`vigil`](crate::vigil)
//! judges when that has gone on for too long, and such a thread is replaced as well.
//!
//! One worker that runs tasks first come, first served, because serenity hands every event on in a task of
//! its own: so they arrive in Discord's order.
//!
//! serenity resumes a session by itself where it can. Where it can't, a new session begins and
//! [`readback`](crate::readback) fetches what was missed. On a wish to stop, the session is closed with
//! code 1000: it is over, and a successor in another process begins its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serenity::all::{Context, RawEventHandler};
use serenity::async_trait;
use serenity::cache::{Cache, Settings};
use serenity::gateway::{ConnectionStage, GatewayError, ShardManager, ShardManagerOptions};
use serenity::http::HttpBuilder;
use serenity::model::event::Event;
use serenity::model::id::ShardId;
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::Shared;
use crate::api::CallError;
use crate::deliver::Inbox;
use crate::error::DiscordError;
use crate::identifies::Identifies;
use crate::manifest::INTENTS;
use crate::vigil::{Verdict, Vigil};

const SHARD: ShardId = ShardId(0);
const PULSE: Duration = Duration::from_millis(250);
/// Without a pulse for this long the thread is given up. Long enough for a loaded machine.
const STUCK: Duration = Duration::from_secs(3);
/// How long serenity waits for the gateway's address, so that it is seen to ask for it.
const ASKED_WITHIN: Duration = Duration::from_millis(25);
/// A resume takes milliseconds; only one that takes this long is worth telling of.
const NOTICEABLE: Duration = Duration::from_secs(2);
/// For the close frame and its echo; `serve` promises two seconds in all.
const CLOSE: Duration = Duration::from_millis(1_200);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// With fewer sessions left of the day's 1,000 they are spread over the rest of the day.
const FEW: u64 = 100;
const LONGEST_TURN: Duration = Duration::from_secs(600);

/// `GET /gateway/bot`.
#[derive(Deserialize)]
struct Gateway {
    url: String,
    #[serde(default)]
    session_start_limit: Option<SessionStarts>,
}

#[derive(Deserialize)]
struct SessionStarts {
    remaining: u64,
    /// Milliseconds.
    reset_after: u64,
}

/// How one thread ended.
enum End {
    /// Discord will not have us: another try would end the same.
    Fatal(DiscordError),
    /// Worth another thread.
    Lost(&'static str),
    /// By our wish.
    Stopped,
}

/// Keeps a session until `stop`.
pub(crate) async fn run(inbox: &Arc<Inbox>, stop: &CancellationToken) -> Result<(), DiscordError> {
    let shared = &inbox.shared;
    let identifies = Arc::new(Identifies::default());
    loop {
        let ready = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            ready = ready_to_connect(shared, &identifies) => ready,
        };
        let thread = Thread::start(inbox, &identifies, ready?)?;
        match thread.watch(&identifies, stop).await {
            End::Stopped => return Ok(()),
            End::Fatal(error) => {
                shared.status.down(error.to_string());
                return Err(error);
            }
            End::Lost(why) => shared.status.down(why),
        }
    }
}

/// Waits until Discord can be asked for the gateway's address and lets us begin a session; the address.
async fn ready_to_connect(shared: &Shared, identifies: &Identifies) -> Result<String, DiscordError> {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(wait) = identifies.pause(Instant::now()) {
            tokio::time::sleep(wait).await;
        }
        let wait = match shared.api.get::<Gateway>(&["gateway", "bot"], &[]).await {
            Ok(gateway) => match exhausted(&gateway) {
                None => {
                    if let Some(wait) = ration(&gateway) {
                        shared.status.down(format!(
                            "Discord allows few more sessions today; something restarts too often; waiting {} s",
                            wait.as_secs()
                        ));
                        tokio::time::sleep(wait).await;
                    }
                    let url = gateway_url(&gateway.url, &shared.origin)?;
                    let leave = match &shared.leave {
                        Some(leave) => leave().await,
                        None => Duration::ZERO,
                    };
                    if leave.is_zero() {
                        return Ok(url);
                    }
                    shared
                        .status
                        .down("another session was begun a moment ago; Discord wants five seconds between");
                    leave
                }
                Some(wait) => {
                    shared.status.down("Discord allows no more sessions today; something restarts too often");
                    wait
                }
            },
            Err(CallError::RateLimited { retry_after, .. }) => retry_after,
            // Not worth another try. Any other refusal is a page of something in front of Discord, for one.
            Err(error @ CallError::Refused { status: 0 | 401, .. }) => {
                return Err(error.into_error("tell its gateway"));
            }
            Err(error) => {
                shared.status.down(format!("Discord is not reached: {error}"));
                let wait = pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
                // Many bots lose Discord at the same moment.
                wait.mul_f64(rand::random_range(0.5..1.0))
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Past its limit of session starts Discord resets the token.
fn exhausted(gateway: &Gateway) -> Option<Duration> {
    let limit = gateway.session_start_limit.as_ref()?;
    (limit.remaining == 0).then(|| Duration::from_millis(limit.reset_after.max(1_000)))
}

/// How long one of the last sessions of the day waits for its turn. A process that is started again and again
/// forgets how many it began, and would end with none for the rest of the day.
fn ration(gateway: &Gateway) -> Option<Duration> {
    let limit = gateway.session_start_limit.as_ref().filter(|limit| limit.remaining < FEW)?;
    let share = limit.reset_after.checked_div(limit.remaining)?;
    Some(Duration::from_millis(share).min(LONGEST_TURN))
}

/// The token goes to this address, so it is as safe as the REST address or it is not used.
fn gateway_url(url: &str, origin: &Url) -> Result<String, DiscordError> {
    let refused =
        |why: &str| DiscordError::Refused { what: "tell its gateway", why: format!("{url:?} {why}") };
    let parsed = Url::parse(url).map_err(|_| refused("is no address"))?;
    match parsed.scheme() {
        "wss" => Ok(url.trim_end_matches('/').to_owned()),
        "ws" if origin.scheme() == "http" && crate::is_loopback(&parsed) => {
            Ok(url.trim_end_matches('/').to_owned())
        }
        _ => Err(refused("is not wss://")),
    }
}

/// When the thread last showed a sign of life.
struct Pulse {
    start: Instant,
    last: AtomicU64,
}

impl Pulse {
    fn beat(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(elapsed, Ordering::Relaxed);
    }

    fn is_still(&self) -> bool {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(last) > STUCK
    }
}

/// A running shard.
struct Thread {
    pulse: Arc<Pulse>,
    /// Closes the session and ends the thread.
    close: CancellationToken,
    /// Ends the thread as soon as it listens, without a word to Discord; so does dropping this.
    abandon: DropGuard,
    end: oneshot::Receiver<End>,
}

impl Thread {
    fn start(inbox: &Arc<Inbox>, identifies: &Arc<Identifies>, ws_url: String) -> Result<Self, DiscordError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(DiscordError::Thread)?;
        let (ended, end) = oneshot::channel();
        let (close, abandon) = (CancellationToken::new(), CancellationToken::new());
        let pulse = Arc::new(Pulse { start: Instant::now(), last: AtomicU64::new(0) });
        let session = Session {
            handler: Handler {
                inbox: Arc::clone(inbox),
                identifies: Arc::clone(identifies),
                watched: Watched(Arc::new(Mutex::new(Vigil::new(Instant::now())))),
            },
            address: Arc::new(tokio::sync::Mutex::new(ws_url)),
            pulse: Arc::clone(&pulse),
            close: close.clone(),
            abandon: abandon.clone(),
        };
        std::thread::Builder::new()
            .name("discord".to_owned())
            .spawn(move || {
                let end = runtime.block_on(session.run());
                // Nobody listens to a thread that was given up.
                let _ = ended.send(end);
            })
            .map_err(DiscordError::Thread)?;
        Ok(Self { pulse, close, abandon: abandon.drop_guard(), end })
    }

    async fn watch(mut self, identifies: &Identifies, stop: &CancellationToken) -> End {
        let mut tick = tokio::time::interval(PULSE * 2);
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    self.close.cancel();
                    // A thread that does not end in time ends on being dropped, without a close frame.
                    let _ = tokio::time::timeout(CLOSE + PULSE, &mut self.end).await;
                    return End::Stopped;
                }
                end = &mut self.end => return end.unwrap_or(End::Lost("the gateway's thread panicked")),
                _ = tick.tick() => {
                    if self.pulse.is_still() {
                        metrics::counter!("acgs_gateway_stuck_total").increment(1);
                        drop(self.abandon);
                        return End::Lost("the gateway's thread stood still and was replaced");
                    }
                    if identifies.take_too_fast() {
                        drop(self.abandon);
                        return End::Lost("too many new sessions in an hour; waiting before the next one");
                    }
                }
            }
        }
    }
}

/// What runs on the thread.
struct Session {
    handler: Handler,
    address: Arc<tokio::sync::Mutex<String>>,
    pulse: Arc<Pulse>,
    close: CancellationToken,
    abandon: CancellationToken,
}

impl Session {
    async fn run(self) -> End {
        // Before serenity can ask for it.
        let address = Arc::clone(&self.address).lock_owned().await;
        let options = self.options();
        let (manager, mut verdict) = ShardManager::new(options);
        manager.set_shards(SHARD.0, 1, 1).await;
        // Ends with the thread's runtime.
        tokio::spawn(notice_dials(address, self.handler.watched.clone()));
        if manager.initialize().is_err() {
            return End::Lost("the gateway could not be started");
        }
        let mut tick = tokio::time::interval(PULSE);
        let mut before = ConnectionStage::Disconnected;
        loop {
            tokio::select! {
                () = self.abandon.cancelled() => return End::Stopped,
                () = self.close.cancelled() => {
                    // Only a courtesy: without it Discord notices by itself.
                    let _ = tokio::time::timeout(CLOSE, manager.shutdown(SHARD, 1000)).await;
                    return End::Stopped;
                }
                end = verdict.next() => return ended(end.as_ref()),
                _ = tick.tick() => {
                    self.pulse.beat();
                    let runners = manager.runners.lock().await;
                    let told = runners.get(&SHARD).map(|runner| (runner.stage, runner.latency));
                    drop(runners);
                    let (stage, latency) = told.unwrap_or((ConnectionStage::Disconnected, None));
                    let now = Instant::now();
                    let verdict = self.handler.watched.vigil().look(stage, latency, now);
                    if let Some(why) = self.given_up(verdict, now) {
                        return End::Lost(why);
                    }
                    self.observe(stage, std::mem::replace(&mut before, stage), verdict);
                }
            }
        }
    }

    /// Why the thread is to be replaced, if it is.
    fn given_up(&self, verdict: Verdict, now: Instant) -> Option<&'static str> {
        let why = match verdict {
            Verdict::AsTold | Verdict::Dials(_) => return None,
            Verdict::Unanswered(why) => {
                self.handler.identifies.count(now);
                why
            }
            Verdict::Lost(why) => why,
        };
        metrics::counter!("acgs_gateway_stuck_total").increment(1);
        tracing::warn!(why, "the Discord gateway's connection is given up and made anew");
        Some(why)
    }

    /// serenity tells of a stage only when it has settled or failed.
    fn observe(&self, stage: ConnectionStage, before: ConnectionStage, verdict: Verdict) {
        let inbox = &self.handler.inbox;
        match (stage, verdict) {
            (ConnectionStage::Connected | ConnectionStage::Disconnected, Verdict::Dials(waited))
                if waited >= NOTICEABLE =>
            {
                let seconds = waited.as_secs();
                inbox.shared.status.down(format!("the gateway has not answered for {seconds} s"));
            }
            (ConnectionStage::Connected, Verdict::Dials(_)) => {}
            (ConnectionStage::Connected, _) => inbox.shared.status.still(inbox.now()),
            // Told of an IDENTIFY only when it came to nothing; READY tells of the others.
            (ConnectionStage::Identifying, _) => {
                if before != ConnectionStage::Identifying {
                    self.handler.identifies.count(Instant::now());
                }
                inbox.shared.status.down("Discord refuses a new session");
            }
            (other, _) => inbox.shared.status.down(format!("the gateway is {other}")),
        }
    }

    fn options(&self) -> ShardManagerOptions {
        let shared = &self.handler.inbox.shared;
        // serenity makes no REST call here: it takes the token from its client and no more. Its rate limiter
        // must be off for the proxy, which is how it is told another origin, to be looked at.
        let http = HttpBuilder::new(shared.token.expose_secret())
            .client(shared.api.client())
            .proxy(shared.origin.as_str().trim_end_matches('/'))
            .ratelimiter_disabled(true)
            .build();
        let mut nothing = Settings::default();
        nothing.cache_guilds = false;
        nothing.cache_channels = false;
        nothing.cache_users = false;
        ShardManagerOptions {
            data: Arc::default(),
            // None of these: an event is copied for each handler.
            event_handlers: Vec::new(),
            raw_event_handlers: vec![Arc::new(self.handler.clone())],
            shard_index: SHARD.0,
            shard_init: 1,
            shard_total: 1,
            ws_url: Arc::clone(&self.address),
            cache: Arc::new(Cache::new_with_settings(nothing)),
            http: Arc::new(http),
            intents: INTENTS,
            presence: None,
        }
    }
}

/// serenity takes the gateway's address from under this lock whenever it connects and tells nobody that it
/// does. So the lock is held and let go of again and again: whoever waits for it has it then, since it is
/// fair, and connects.
async fn notice_dials(mut held: OwnedMutexGuard<String>, watched: Watched) {
    let address = Arc::clone(OwnedMutexGuard::mutex(&held));
    loop {
        tokio::time::sleep(ASKED_WITHIN).await;
        drop(held);
        if address.try_lock().is_err() {
            watched.vigil().dials(Instant::now());
        }
        held = Arc::clone(&address).lock_owned().await;
    }
}

/// The vigil that all of a thread's tasks keep.
#[derive(Clone)]
struct Watched(Arc<Mutex<Vigil>>);

impl Watched {
    fn vigil(&self) -> MutexGuard<'_, Vigil> {
        self.0.lock().expect("no code panics while holding it")
    }
}

fn ended(verdict: Option<&Result<(), GatewayError>>) -> End {
    match verdict {
        Some(Err(GatewayError::InvalidAuthentication)) => End::Fatal(DiscordError::Token),
        Some(Err(GatewayError::InvalidGatewayIntents | GatewayError::DisallowedGatewayIntents)) => {
            End::Fatal(DiscordError::Intents)
        }
        Some(Ok(()) | Err(_)) | None => End::Lost("the gateway ended"),
    }
}

#[derive(Clone)]
struct Handler {
    inbox: Arc<Inbox>,
    identifies: Arc<Identifies>,
    watched: Watched,
}

#[async_trait]
impl RawEventHandler for Handler {
    async fn raw_event(&self, _: Context, event: Event) {
        let now = Instant::now();
        // One that serenity can't read never gets as far as its session.
        self.watched.vigil().hears(matches!(event, Event::Ready(_) | Event::Resumed(_)), now);
        if matches!(event, Event::Ready(_)) {
            self.identifies.count(now);
        }
        // Without waiting, so that the order of events is the order of these tasks.
        self.inbox.take(&event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_no_open_address() {
        let discord = Url::parse("https://discord.com").expect("a constant");
        let local = Url::parse("http://127.0.0.1:9").expect("a constant");
        assert!(gateway_url("wss://gateway.discord.gg", &discord).is_ok());
        assert_eq!(gateway_url("ws://127.0.0.1:9/", &local).expect("loopback"), "ws://127.0.0.1:9");
        for (url, origin) in [
            ("ws://127.0.0.1:9", &discord),
            ("ws://gateway.discord.gg", &local),
            ("https://discord.com", &discord),
            ("gateway", &discord),
        ] {
            assert!(gateway_url(url, origin).is_err(), "{url} with {origin}");
        }
    }

    #[test]
    fn no_session_is_begun_beyond_the_limit_of_the_day() {
        let gateway = |remaining| Gateway {
            url: String::new(),
            session_start_limit: Some(SessionStarts { remaining, reset_after: 60_000 }),
        };
        assert_eq!(exhausted(&gateway(1)), None);
        assert_eq!(exhausted(&gateway(0)), Some(Duration::from_secs(60)));
    }

    #[test]
    fn the_last_sessions_of_the_day_are_spread_over_it() {
        let left = |remaining, hours: u64| {
            let limit = SessionStarts { remaining, reset_after: hours * 3_600_000 };
            ration(&Gateway { url: String::new(), session_start_limit: Some(limit) })
        };
        assert_eq!(left(100, 20), None);
        assert_eq!(left(90, 10), Some(Duration::from_secs(400)));
        assert_eq!(left(1, 20), Some(LONGEST_TURN));
        assert_eq!(left(0, 20), None, "there is none to wait for");
        assert_eq!(ration(&Gateway { url: String::new(), session_start_limit: None }), None);
    }
}
