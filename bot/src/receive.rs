//! From a chat event to a receipt: store first, then say so.
//!
//! The platform is acknowledged as soon as the delivery is durable. What the line means and whether
//! the person may is decided before that, since both are pure and Discord fixes the answer's
//! visibility in the acknowledgement. The work itself runs afterwards in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use commands::ids::RunId;
use commands::intent::Intent;
use commands::message::{AnswerTo, ChatEvent, Outgoing, Receipt, Reply, Target};
use jiff::Timestamp;
use store::{OpenDelivery, Recorded};

use crate::app::App;
use crate::asked::Asked;
use crate::outbox::answer_slot;
use crate::{clock, run};

/// How long a delivery is nobody else's while it is being worked on, beside what it waits for by design.
const LEASE: Duration = Duration::from_secs(15);
/// Deliveries taken up again at once.
const RESUME: u32 = 64;

/// How long the work on it takes at most.
fn lease(asked: &Asked<'_>) -> Duration {
    match asked {
        Asked::Command { intent: Intent::Health { wait: Some(seconds), .. }, .. } => {
            LEASE + Duration::from_secs(u64::from(*seconds))
        }
        Asked::Command { intent: Intent::Health { watch: Some(length), .. }, .. } => {
            LEASE + Duration::from(*length)
        }
        _ => LEASE,
    }
}

impl App {
    /// Stores `event`, starts its work and tells what to acknowledge. `None`: it could not be stored
    /// and nothing was done.
    pub async fn receive(self: Arc<Self>, event: ChatEvent) -> Option<Receipt> {
        let started = std::time::Instant::now();
        let now = clock::now();
        let run = clock::new_run();
        let platform = event.from.platform.as_str();
        let asked = self.understand(&event, now);
        let receipt = asked.receipt();
        let recorded = self.store.record_delivery(&event, run, lease(&asked), now).await;
        metrics::histogram!("acgs_store_seconds", "step" => "delivery").record(started.elapsed());
        match recorded {
            Ok(Recorded::Repeat) => {
                metrics::counter!("acgs_deliveries_total", "platform" => platform, "kind" => "repeat")
                    .increment(1);
                Some(Receipt::Repeat)
            }
            Ok(Recorded::New) => {
                metrics::counter!("acgs_deliveries_total", "platform" => platform, "kind" => "new")
                    .increment(1);
                self.start(event, run, now, now);
                Some(receipt)
            }
            Err(error) => {
                tracing::error!(%run, error = &error as &dyn std::error::Error, "delivery not stored");
                metrics::counter!("acgs_deliveries_total", "platform" => platform, "kind" => "not_stored")
                    .increment(1);
                // Where others may hear it too, an answer that nobody recorded may be a second one.
                if receipt == Receipt::Noted || !self.replica.hears(event.from.platform) {
                    return None;
                }
                self.start_unrecorded(event, run, now);
                Some(receipt)
            }
        }
    }

    fn start(self: &Arc<Self>, event: ChatEvent, run: RunId, received: Timestamp, now: Timestamp) {
        let app = Arc::clone(self);
        let life = self.replica.life();
        self.runs.spawn(async move {
            let answering = run::answer(&app, &event, run, received, now);
            tokio::select! {
                () = answering => {}
                () = app.replica.lapsed(life) => tracing::warn!(%run, "another replica took this delivery up"),
            }
        });
    }

    /// The store takes nothing (a full disk, a lost database). Reading commands are answered all the
    /// same and say so; everything else is refused.
    fn start_unrecorded(self: &Arc<Self>, event: ChatEvent, run: RunId, now: Timestamp) {
        let app = Arc::clone(self);
        self.runs.spawn(async move { run::answer_unrecorded(&app, &event, run, now).await });
    }

    /// Takes up deliveries that were stored and never finished: after a crash, or from a replica
    /// that is gone.
    pub async fn resume(self: &Arc<Self>) {
        match self.store.unfinished_deliveries(clock::now(), LEASE, RESUME).await {
            Ok(open) => {
                for OpenDelivery { event, run, received_at } in open {
                    tracing::info!(%run, delivery = %event.delivery, "taking up an unfinished delivery");
                    let now = clock::now();
                    let lease = lease(&self.understand(&event, now));
                    if lease > LEASE
                        && let Err(error) = self.store.keep_delivery(&event.delivery, now + lease).await
                    {
                        // It may be taken up once more; only one of the two can conclude it.
                        tracing::warn!(%run, error = &error as &dyn std::error::Error, "lease not made longer");
                    }
                    self.start(event, run, received_at, now);
                }
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "unfinished deliveries can't be read"
                );
            }
        }
    }

    /// Sends `reply` past the outbox, for when nothing can be stored. One try.
    pub(crate) async fn send_unrecorded(&self, run: RunId, answer: &AnswerTo, reply: Reply) {
        let Some(chat) = self.chats.get(answer.place.room.platform) else { return };
        let outgoing = Outgoing {
            slot: answer_slot(run),
            target: Target::Answer(answer.clone()),
            reply: self.redactor.reply(reply),
            may_repeat: false,
        };
        if let Err(error) = chat.send(&outgoing).await {
            tracing::error!(%run, %error, "answer neither stored nor sent");
        }
    }
}
