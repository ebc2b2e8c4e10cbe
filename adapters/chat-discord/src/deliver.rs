//! One event from Discord: have it stored, then respond.
//!
//! Everything here runs on the caller's runtime, where the store's connections live; the gateway's thread
//! only hands events over, in order. Reactions are stored one after another, so that one put on and taken
//! off is stored in that order; everything else at once.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use commands::ids::Platform;
use commands::message::{ChatEvent, Receipt, Visibility};
use commands::quoted::is_pin;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serenity::model::event::Event;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::acknowledge::{NOT_READABLE, NOT_RECORDED, NOTED, Response, TAKEN_UP, respond};
use crate::inbound::{self, Asked, Incoming, Interaction, Message, Reaction};
use crate::reactions::{Present, Reactions};
use crate::readback::ReadBack;
use crate::status::Moment;
use crate::{Shared, outbound};

/// Storing may take this long from an interaction's arrival before the interaction is acknowledged without
/// knowing how it ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// Stores an event and says how to acknowledge it.
pub(crate) type Receive = Arc<dyn Fn(ChatEvent) -> BoxFuture<'static, Option<Receipt>> + Send + Sync>;

/// Where the gateway's events go.
pub(crate) struct Inbox {
    pub(crate) shared: Arc<Shared>,
    receive: Receive,
    runtime: Handle,
    tasks: TaskTracker,
    bot_user: AtomicU64,
    reactions: Mutex<Reactions>,
    in_order: mpsc::UnboundedSender<(Reaction, Timestamp)>,
    read_back: ReadBack,
}

impl Inbox {
    /// To be called on the runtime that `receive` is to run on. `since` is when the newest stored event
    /// happened.
    pub(crate) fn open(shared: Arc<Shared>, receive: Receive, since: Option<Timestamp>) -> Arc<Self> {
        let (in_order, mut queue) = mpsc::unbounded_channel();
        let inbox = Arc::new(Self {
            shared,
            receive,
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            bot_user: AtomicU64::new(0),
            reactions: Mutex::default(),
            in_order,
            read_back: ReadBack::new(since),
        });
        // A weak reference: the queue ends with the inbox, not the inbox with the queue.
        let weak = Arc::downgrade(&inbox);
        inbox.runtime.spawn(async move {
            while let Some((reaction, known_at)) = queue.recv().await {
                let Some(inbox) = weak.upgrade() else { return };
                inbox.reaction(&reaction, known_at).await;
            }
        });
        inbox
    }

    /// Waits until what was taken is dealt with.
    pub(crate) async fn drain(&self) {
        self.read_back.stop();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The bot's own user; 0 before the first session.
    pub(crate) fn bot_user(&self) -> u64 {
        self.bot_user.load(Ordering::Relaxed)
    }

    pub(crate) fn now(&self) -> Moment {
        Moment { instant: Instant::now(), time: (self.shared.now)() }
    }

    /// Takes one event of the gateway's. Never waits and never fails.
    pub(crate) fn take(self: &Arc<Self>, event: &Event) {
        match inbound::read(event) {
            Some(incoming) => self.sort(incoming),
            None => {
                if let Event::Unknown(unknown) = event
                    && inbound::matters(&unknown.kind)
                {
                    metrics::counter!("acgs_malformed_deliveries_total", "platform" => "discord")
                        .increment(1);
                    tracing::warn!(kind = unknown.kind, "a Discord event can't be used");
                }
            }
        }
    }

    fn sort(self: &Arc<Self>, incoming: Incoming) {
        let arrived = Instant::now();
        match incoming {
            Incoming::Ready { bot_user, guilds } => self.new_session(bot_user, guilds),
            Incoming::Resumed => {
                metrics::counter!("acgs_socket_reconnects_total", "platform" => "discord").increment(1);
                self.shared.status.live(self.now());
            }
            Incoming::Channels(channels) => {
                for (channel, parent) in channels {
                    self.shared.places.note(channel, parent);
                }
            }
            Incoming::Interaction(interaction) => {
                let inbox = Arc::clone(self);
                self.spawn(async move { inbox.interaction(&interaction, arrived).await });
            }
            Incoming::Message(message) => {
                // Most messages of a channel are not for us: no task for those.
                if message.line(self.bot_user()).is_some() {
                    let inbox = Arc::clone(self);
                    self.spawn(async move { inbox.mention(&message).await });
                }
            }
            Incoming::Reaction(reaction) => self.reacted(reaction),
            Incoming::ReactionsCleared { message, emoji, .. } => {
                let gone = self.reactions().on(message, emoji.as_deref());
                gone.into_iter().for_each(|reaction| self.reacted(reaction));
            }
        }
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(work, &self.runtime);
    }

    fn reactions(&self) -> std::sync::MutexGuard<'_, Reactions> {
        self.reactions.lock().expect("no code panics while holding it")
    }

    /// What happened since the last session was lost on the way, slash commands and clicks for good;
    /// mentions and reactions are read back.
    fn new_session(self: &Arc<Self>, bot_user: u64, guilds: Vec<u64>) {
        self.bot_user.store(bot_user, Ordering::Relaxed);
        let now = self.now();
        let gap = self.shared.status.begin(now);
        if let Some(gap) = gap {
            metrics::counter!("acgs_socket_reconnects_total", "platform" => "discord").increment(1);
            metrics::counter!("acgs_gateway_gaps_total").increment(1);
            let seconds = gap.length.as_secs() + u64::from(gap.length.subsec_nanos() > 0);
            metrics::counter!("acgs_gateway_gap_seconds_total").increment(seconds);
            tracing::warn!(
                gap.seconds = seconds,
                "a new Discord session began: clicks and slash commands of the gap are lost"
            );
        }
        self.read_back.start(self, guilds, gap, &self.runtime);
    }

    async fn interaction(&self, interaction: &Interaction, arrived: Instant) {
        let shared = &self.shared;
        if let Asked::Complete { typed } = &interaction.asked {
            let asker = interaction.user.map(inbound::account);
            let words = asker.map(|asker| (shared.complete)(&asker, typed)).unwrap_or_default();
            respond(&shared.api, interaction, arrived, Response::Suggest(words)).await;
            return;
        }
        // A form is the first response itself: nothing is done yet, and so nothing stored.
        if let Some(form) = interaction.form() {
            respond(&shared.api, interaction, arrived, Response::Ask(form)).await;
            return;
        }
        if let Some(parent) = interaction.parent {
            shared.places.note(interaction.channel, Some(parent));
        }
        match interaction.event(shared.application, &shared.tree) {
            Some(event) => self.answerable(interaction, arrived, event).await,
            None => {
                respond(&shared.api, interaction, arrived, Response::Say(NOT_READABLE)).await;
            }
        }
        metrics::histogram!("acgs_ack_seconds", "platform" => "discord").record(arrived.elapsed());
    }

    /// Stores a command or a click and responds. An answer that is ready before that waits for it.
    async fn answerable(&self, interaction: &Interaction, arrived: Instant, event: ChatEvent) {
        let api = &self.shared.api;
        let token = format!("{}/{}", self.shared.application, interaction.token);
        let held = self.shared.unacknowledged.hold(&token);
        let mut stored = pin!(self.store(event));
        let in_time = tokio::select! {
            receipt = &mut stored => Some(receipt),
            () = tokio::time::sleep_until((arrived + PATIENCE).into()) => None,
        };
        if let Some(receipt) = in_time {
            if let Some(response) = response(&interaction.asked, receipt) {
                respond(api, interaction, arrived, response).await;
            }
            return;
        }
        // Acknowledged before it is stored, since the token would be lost otherwise; privately, since it is
        // not known yet whether everybody may see the answer.
        let is_deferred = respond(api, interaction, arrived, Response::Defer(Visibility::Private)).await;
        drop(held);
        let receipt = stored.await;
        if !is_deferred {
            return;
        }
        match receipt {
            // The answer takes the deferral's place.
            Some(Receipt::Accepted(_)) => {}
            Some(Receipt::Noted) if matches!(interaction.asked, Asked::Click { .. }) => {
                outbound::take_back(api, &token).await;
            }
            Some(Receipt::Noted) => outbound::say(api, &token, NOTED).await,
            Some(Receipt::Repeat) => outbound::say_if_unanswered(api, &token, TAKEN_UP).await,
            None => outbound::say(api, &token, NOT_RECORDED).await,
        }
    }

    /// Stores a mention; called again for one that was read back.
    pub(crate) async fn mention(&self, message: &Message) {
        let Some(line) = message.line(self.bot_user()) else { return };
        let parent = self.shared.places.parent(&self.shared.api, message.channel).await;
        if self.store(message.event(line, parent)).await.is_none() {
            outbound::post_notice(&self.shared.api, message.channel, message.id, NOT_RECORDED).await;
        }
    }

    fn reacted(&self, reaction: Reaction) {
        let bot_user = self.bot_user();
        // On somebody else's message it is none of ours, but for a pin. One taken off does not say whose message it is on.
        let is_elsewhere = reaction.author.is_some_and(|author| author != bot_user)
            && !is_pin(Platform::Discord, &reaction.emoji);
        if reaction.by_bot || reaction.user == bot_user || is_elsewhere {
            return;
        }
        let known_at = self.reactions().note(&reaction, (self.shared.now)());
        // The queue's reader ends with this inbox.
        let _ = self.in_order.send((reaction, known_at));
    }

    async fn reaction(&self, reaction: &Reaction, known_at: Timestamp) {
        let parent = self.shared.places.parent(&self.shared.api, reaction.channel).await;
        if self.store(reaction.event(parent, known_at)).await.is_none() {
            tracing::error!(reaction.message, "a reaction could not be stored; it is read again later");
        }
    }

    /// Stores what reading back found changed on one message.
    pub(crate) async fn reconcile(&self, present: &Present, since: Timestamp) {
        let changes = self.reactions().reconcile(present, since);
        for (reaction, known_at) in changes {
            self.reaction(&reaction, known_at).await;
        }
    }

    /// `None` as well when `receive` panics: nothing is known to be stored then.
    async fn store(&self, event: ChatEvent) -> Option<Receipt> {
        let delivery = event.delivery.clone();
        let stored = AssertUnwindSafe(async { (self.receive)(event).await }).catch_unwind().await;
        match stored {
            Ok(Some(receipt)) => Some(receipt),
            Ok(None) => {
                tracing::error!(delivery.id = %delivery, "a Discord delivery could not be stored");
                None
            }
            Err(_) => {
                tracing::error!(delivery.id = %delivery, "storing a Discord delivery panicked");
                None
            }
        }
    }
}

/// The first response to a command or click; `None` when an earlier delivery had one.
const fn response(asked: &Asked, receipt: Option<Receipt>) -> Option<Response> {
    match receipt {
        // A new message in both cases: an update would take the place of the card that has the button.
        Some(Receipt::Accepted(visibility)) => Some(Response::Defer(visibility)),
        Some(Receipt::Noted) if matches!(asked, Asked::Click { .. }) => Some(Response::DeferUpdate),
        Some(Receipt::Noted) => Some(Response::Say(NOTED)),
        Some(Receipt::Repeat) => None,
        None => Some(Response::Say(NOT_RECORDED)),
    }
}
