//! Sends what is stored: pages before answers before cosmetics, never faster than a platform allows,
//! and nothing lost over a crash.
//!
//! A message is stored first, then sent, then marked. The stored row holds the newest wanted
//! content, so edits that wait for their turn replace one another. A 429 puts the row off until the
//! moment that the platform named. An outcome that was never heard is tried again: Discord and the
//! web page know the repeat by its slot, on Slack the message says that it may be one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use commands::ids::{Platform, RunId};
use commands::message::{Outgoing, RateKey, SendError, Sent, Target};
use jiff::{SignedDuration, Timestamp};
use store::{Claimed, Confirmed, Lane, Store, StoreError, Wanted};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::chat::{Chat, Chats, platform_of};
use crate::clock;
use crate::failpoint::{self, Failpoint};
use crate::governor::{Governor, Permit};
use crate::replica::Replica;

/// How long a claimed message is nobody else's.
const LEASE: Duration = Duration::from_secs(45);
/// One try may be several calls: a file, its message, a second way where the first is closed. All of it ends
/// before the lease, so that nobody sends the same message beside it.
const TRY: Duration = Duration::from_secs(40);
/// Looks again at least this often, for rows whose lease another replica let go.
const POLL: Duration = Duration::from_secs(5);
/// Calls under way at once over all platforms.
const CALLS_AT_ONCE: usize = 32;
/// Rows claimed by one look.
const CLAIM: u32 = 32;
/// The longest pause between two tries of one message.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What could not be sent for so long is news to nobody, and the outbox must not grow for ever.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// About an hour of tries: a bot that was down for longer than [`GIVE_UP_AFTER`] gives up nothing at its start.
const TRIES_BEFORE_GIVING_UP: u32 = 60;

/// What one call counts against.
struct Limit {
    platform: Platform,
    keys: Vec<RateKey>,
}

/// What one try came to.
enum Settled {
    /// Nothing more is to be done.
    Over,
    /// Something is due, now or later.
    Due,
    /// Somebody else has it.
    TakenOver,
}

/// The outbox slot of a run's one answer.
#[must_use]
pub fn answer_slot(run: RunId) -> String {
    format!("run-{run}")
}

const fn settled(confirmed: Confirmed) -> Settled {
    match confirmed {
        Confirmed::Whole => Settled::Over,
        Confirmed::NewerWaits => Settled::Due,
        Confirmed::TakenOver => Settled::TakenOver,
    }
}

async fn post(chat: &Chat, message: &Claimed) -> Result<Sent, SendError> {
    let is_page = message.lane == Lane::Page;
    if is_page {
        failpoint::hit(Failpoint::BeforePage);
    }
    let sent = chat.send(&message.outgoing).await;
    if is_page && sent.is_ok() {
        failpoint::hit(Failpoint::AfterPage);
    }
    sent
}

async fn within(
    limit: Duration,
    call: impl Future<Output = Result<Sent, SendError>>,
) -> Result<Sent, SendError> {
    let late = |_| Err(SendError::Unknown(format!("not done within {} s", limit.as_secs())));
    tokio::time::timeout(limit, call).await.unwrap_or_else(late)
}

/// The sender's shared state.
pub struct Outbox {
    store: Store,
    chats: Chats,
    replica: Arc<Replica>,
    governor: Mutex<Governor>,
    wake: Notify,
    calls: Arc<Semaphore>,
    /// Set while the last look may have left something that waits for a free call.
    crowded: AtomicBool,
    last_look: Mutex<Instant>,
}

impl Outbox {
    /// A sender for `chats`.
    #[must_use]
    pub fn new(store: Store, chats: Chats, replica: Arc<Replica>) -> Self {
        Self {
            store,
            chats,
            replica,
            governor: Mutex::default(),
            wake: Notify::new(),
            calls: Arc::new(Semaphore::new(CALLS_AT_ONCE)),
            crowded: AtomicBool::new(false),
            last_look: Mutex::new(Instant::now()),
        }
    }

    /// Something was stored: look now.
    pub fn nudge(&self) {
        self.wake.notify_one();
    }

    /// How long ago the loop last looked; more than a few [`POLL`]s means that it hangs.
    #[must_use]
    pub fn idle_for(&self) -> Duration {
        self.last_look.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Runs until `stop`, then waits for the calls under way.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let tracker = TaskTracker::new();
        while !stop.is_cancelled() {
            let sleep = self.look(&tracker).await;
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(sleep) => {}
                () = stop.cancelled() => {}
            }
        }
        // What the last commands stored between the last look and the stop.
        self.look(&tracker).await;
        tracker.close();
        tracker.wait().await;
    }

    /// Claims what is due and starts sending it. Returns how long nothing will be due.
    async fn look(self: &Arc<Self>, tracker: &TaskTracker) -> Duration {
        *self.last_look.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        // To each platform one replica sends, since its limits are counted in one place.
        let mut platforms = self.chats.platforms();
        platforms.retain(|platform| self.replica.sends(*platform));
        let platforms = platforms.as_slice();
        if platforms.is_empty() {
            return POLL;
        }
        // Before counting: a call that ends after it was counted then says so.
        self.crowded.store(true, Ordering::SeqCst);
        let room = u32::try_from(self.calls.available_permits()).unwrap_or(CLAIM).min(CLAIM);
        if room == 0 {
            return POLL;
        }
        let claimed = match self
            .store
            .claim_messages(Wanted { platforms, busy: &[], lease: LEASE, limit: room }, clock::now())
            .await
        {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "outbox can't be read");
                return POLL;
            }
        };
        let full = claimed.len() == room as usize;
        for message in claimed {
            self.start(message, tracker).await;
        }
        if full {
            return Duration::ZERO;
        }
        self.crowded.store(false, Ordering::SeqCst);
        match self.store.next_due(platforms).await {
            Ok(Some(due)) => {
                Duration::try_from(due.duration_since(clock::now())).unwrap_or_default().min(POLL)
            }
            _ => POLL,
        }
    }

    async fn start(self: &Arc<Self>, message: Claimed, tracker: &TaskTracker) {
        let Ok(call) = Arc::clone(&self.calls).acquire_owned().await else { return };
        let platform = platform_of(&message.outgoing.target);
        let Some(chat) = self.chats.get(platform).cloned() else { return };
        // Here and not in the task: messages come in the order of their lanes, and tasks run in none.
        let limit = Limit { platform, keys: chat.rate_keys(&message.outgoing) };
        let permit = self.permit(&chat, &limit, &message);
        let outbox = Arc::clone(self);
        tracker.spawn(async move {
            let again = outbox.send(&chat, &limit, permit, message).await;
            drop(call);
            if again || outbox.crowded.load(Ordering::SeqCst) {
                outbox.nudge();
            }
        });
    }

    /// One try. Whether the next look has something to do with it, now or later.
    async fn send(&self, chat: &Chat, limit: &Limit, permit: Option<Permit>, message: Claimed) -> bool {
        let settled = match permit {
            Some(Permit::After(wait)) => self.put_off(&message, after(clock::now(), wait), true).await,
            // What comes after it is shown in its place.
            None => self.skip(&message).await,
            // A process that stood still meanwhile is not the one that sends any more.
            Some(Permit::Now) if !self.replica.surely_sends(limit.platform).await => Ok(Settled::TakenOver),
            Some(Permit::Now) => match within(TRY, post(chat, &message)).await {
                Ok(sent) => self.sent(limit, &message, sent).await,
                Err(error) => self.not_sent(limit, &message, &error).await,
            },
        };
        match settled {
            Ok(Settled::Over) => return false,
            Ok(Settled::Due) => {}
            Ok(Settled::TakenOver) => tracing::warn!(message.slot, "another replica took this message over"),
            Err(error) => tracing::error!(
                message.slot,
                error = &error as &dyn std::error::Error,
                "outbox can't be written; the message stays due"
            ),
        }
        true
    }

    /// Sends what can't be stored, as soon as the platform's limits let it through.
    ///
    /// # Errors
    /// What the platform said. A limit that it names is waited for.
    pub async fn send_at_once(
        &self,
        chat: &Chat,
        lane: Lane,
        outgoing: &Outgoing,
    ) -> Result<Sent, SendError> {
        let keys = chat.rate_keys(outgoing);
        loop {
            let permit = self.with_governor(|governor| governor.ask(&keys, lane, Instant::now()));
            if let Permit::After(wait) = permit {
                tokio::time::sleep(wait).await;
                continue;
            }
            match within(TRY, chat.send(outgoing)).await {
                Err(SendError::RateLimited { retry_after, limit }) => {
                    self.with_governor(|governor| governor.close(&limit, Instant::now() + retry_after));
                }
                outcome => return outcome,
            }
        }
    }

    /// `None` where the call is worth more than the message.
    fn permit(&self, chat: &Chat, limit: &Limit, message: &Claimed) -> Option<Permit> {
        if message.lane == Lane::Cosmetic && chat.is_scarce(&message.outgoing) {
            return None;
        }
        let ask = |governor: &mut Governor| governor.ask(&limit.keys, message.lane, Instant::now());
        Some(self.with_governor(ask))
    }

    async fn skip(&self, message: &Claimed) -> Result<Settled, StoreError> {
        let Target::Edit { posted, .. } = &message.outgoing.target else { return Ok(Settled::Over) };
        Ok(settled(self.store.confirm(message, posted.clone(), clock::now()).await?))
    }

    async fn sent(&self, limit: &Limit, message: &Claimed, sent: Sent) -> Result<Settled, StoreError> {
        if let Some(quota) = &sent.quota {
            self.with_governor(|governor| governor.learn(quota, Instant::now()));
        }
        let now = clock::now();
        let waited = Duration::try_from(now.duration_since(message.created_at)).unwrap_or_default();
        metrics::histogram!("acgs_outbox_seconds", "platform" => limit.platform.as_str()).record(waited);
        Ok(settled(self.store.confirm(message, sent.posted, now).await?))
    }

    async fn not_sent(
        &self,
        limit: &Limit,
        message: &Claimed,
        error: &SendError,
    ) -> Result<Settled, StoreError> {
        let now = clock::now();
        let platform = limit.platform;
        match error {
            SendError::RateLimited { retry_after, limit } => {
                self.with_governor(|governor| governor.close(limit, Instant::now() + *retry_after));
                self.put_off(message, after(now, *retry_after), true).await
            }
            SendError::NotReached(_) | SendError::Unknown(_) | SendError::Barred { .. }
                if is_hopeless(message, now) =>
            {
                self.give_up(platform, message, &format!("not sent for too long: {error}"), now).await
            }
            SendError::NotReached(_) | SendError::Unknown(_) => {
                tracing::warn!(message.slot, %platform, %error, "not sent, will be tried again");
                let certainly_not_sent = matches!(error, SendError::NotReached(_));
                self.put_off(message, after(now, pause(message.attempts)), certainly_not_sent).await
            }
            SendError::Barred { why, limit } => {
                tracing::error!(message.slot, %platform, why, "not let through, kept until somebody mends it");
                metrics::counter!("acgs_messages_barred_total", "platform" => platform.as_str()).increment(1);
                let pause = pause(message.attempts);
                // A few tries stand for all that would fare the same.
                if let Some(limit) = limit {
                    self.with_governor(|governor| governor.close(limit, Instant::now() + pause));
                }
                self.put_off(message, after(now, pause), true).await
            }
            SendError::Rejected(reason) => self.give_up(platform, message, reason, now).await,
        }
    }

    async fn give_up(
        &self,
        platform: Platform,
        message: &Claimed,
        reason: &str,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        tracing::error!(message.slot, %platform, reason, "message given up");
        metrics::counter!("acgs_messages_refused_total", "platform" => platform.as_str()).increment(1);
        let buried = self.store.give_up(message, reason, now).await?;
        // What was put meanwhile is due.
        Ok(if buried { Settled::Due } else { Settled::TakenOver })
    }

    async fn put_off(
        &self,
        message: &Claimed,
        until: Timestamp,
        certainly_not_sent: bool,
    ) -> Result<Settled, StoreError> {
        let stored = self.store.defer(message, until, certainly_not_sent).await?;
        metrics::counter!("acgs_messages_put_off_total").increment(1);
        Ok(if stored { Settled::Due } else { Settled::TakenOver })
    }

    fn with_governor<T>(&self, ask: impl FnOnce(&mut Governor) -> T) -> T {
        ask(&mut self.governor.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Drops the limits of channels that have been quiet.
    pub fn tidy(&self) {
        self.with_governor(|governor| governor.tidy(Instant::now()));
    }
}

fn is_hopeless(message: &Claimed, now: Timestamp) -> bool {
    now.duration_since(message.created_at) > GIVE_UP_AFTER && message.attempts > TRIES_BEFORE_GIVING_UP
}

/// A quarter of a second, doubled with each try, a minute at most.
fn pause(attempts: u32) -> Duration {
    (Duration::from_millis(250) * 2u32.saturating_pow(attempts.min(10))).min(LONGEST_PAUSE)
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
