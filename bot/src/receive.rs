//! From a chat event to a receipt: store first, then say so.
//!
//! The platform is acknowledged as soon as the delivery is durable. What the line means and whether
//! the person may is decided before that, since both are pure and Discord fixes the answer's
//! visibility in the acknowledgement. The work itself runs afterwards in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use commands::ids::{Place, RunId};
use commands::intent::Intent;
use commands::message::{AnswerTo, ChatEvent, EventKind, Outgoing, Receipt, Reply, Target, Visibility};
use commands::parse::ParseError;
use commands::risk::{Late, Requirement, Risk, Role, late};
use jiff::Timestamp;
use store::{OpenDelivery, Recorded};

use crate::app::App;
use crate::authorize::{Decision, Refusal, authorize};
use crate::clock;
use crate::config::Person;
use crate::run;

/// The value of a button that types a line for the person who clicks it.
pub const TYPE_LINE: &str = "line ";
/// How long a delivery is nobody else's while it is being worked on, beside what it waits for by design.
const LEASE: Duration = Duration::from_secs(15);
/// Deliveries taken up again at once.
const RESUME: u32 = 64;

/// What an event asks for, once read and judged.
#[derive(Debug)]
pub enum Asked<'a> {
    /// A command of a person who may.
    Command {
        /// Who.
        person: &'a Person,
        /// What.
        intent: Intent,
        /// Where the answer goes.
        answer: &'a AnswerTo,
    },
    /// A command that acts, read long after it was typed: offered, not run.
    Stale {
        /// Who.
        person: &'a Person,
        /// What.
        intent: Intent,
        /// Where the offer goes.
        answer: &'a AnswerTo,
    },
    /// A line that is no command.
    Unparsed {
        /// Who.
        person: &'a Person,
        /// The line as typed.
        line: &'a str,
        /// Why it is none.
        error: ParseError,
        /// Where the correction goes.
        answer: &'a AnswerTo,
    },
    /// A person who may not.
    Refused {
        /// The line as typed.
        line: &'a str,
        /// Why not.
        refusal: Refusal,
        /// Where the refusal goes.
        answer: &'a AnswerTo,
    },
    /// A reaction or a foreign button: stored, and nothing waits for it.
    Nothing,
}

impl Asked<'_> {
    /// What the platform is told once the event is stored.
    const fn receipt(&self) -> Receipt {
        match self {
            Self::Command { .. } => Receipt::Accepted(Visibility::Public),
            Self::Stale { .. } | Self::Unparsed { .. } | Self::Refused { .. } => {
                Receipt::Accepted(Visibility::Private)
            }
            Self::Nothing => Receipt::Noted,
        }
    }
}

/// How long the work on it takes at most.
fn lease(asked: &Asked<'_>) -> Duration {
    match asked {
        Asked::Command { intent: Intent::Health { wait: Some(seconds), .. }, .. } => {
            LEASE + Duration::from_secs(u64::from(*seconds))
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
                self.start(event, run, now);
                Some(receipt)
            }
            Err(error) => {
                tracing::error!(%run, error = &error as &dyn std::error::Error, "delivery not stored");
                metrics::counter!("acgs_deliveries_total", "platform" => platform, "kind" => "not_stored")
                    .increment(1);
                if receipt == Receipt::Noted {
                    return None;
                }
                self.start_unrecorded(event, run, now);
                Some(receipt)
            }
        }
    }

    /// Reads and judges. Pure but for the configuration and grammar that it looks into.
    pub(crate) fn understand<'a>(&'a self, event: &'a ChatEvent, now: Timestamp) -> Asked<'a> {
        let (line, answer) = match &event.kind {
            EventKind::Command { line, answer } => (line.as_str(), answer),
            EventKind::Click { value, answer, .. } => match value.strip_prefix(TYPE_LINE) {
                Some(line) => (line, answer),
                None => return Asked::Nothing,
            },
            EventKind::Reaction { .. } => return Asked::Nothing,
        };
        let judge = |needs: Requirement| self.judge(event, &event.place, needs);
        // Somebody unknown learns nothing of the grammar.
        let person = match judge(Requirement { risk: Risk::Read, role: Role::Viewer }) {
            Decision::Allowed(person) => person,
            Decision::Refused(refusal) => return Asked::Refused { line, refusal, answer },
        };
        let intent = match self.grammar.parse(line) {
            Ok(intent) => intent,
            Err(error) => return Asked::Unparsed { person, line, error, answer },
        };
        let needs = intent.needs();
        if let Decision::Refused(refusal) = judge(needs) {
            return Asked::Refused { line, refusal, answer };
        }
        let age = Duration::try_from(now.duration_since(event.at)).unwrap_or_default();
        match late(needs, age) {
            Late::Answer => Asked::Command { person, intent, answer },
            Late::OfferRun => Asked::Stale { person, intent, answer },
        }
    }

    fn judge(&self, event: &ChatEvent, place: &Place, needs: Requirement) -> Decision<'_> {
        authorize(&self.config.people, &self.config.bot.incident_channels, &event.from, Some(place), needs)
    }

    fn start(self: &Arc<Self>, event: ChatEvent, run: RunId, now: Timestamp) {
        let app = Arc::clone(self);
        self.runs.spawn(async move { run::answer(&app, &event, run, now).await });
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
                for OpenDelivery { event, run, .. } in open {
                    tracing::info!(%run, delivery = %event.delivery, "taking up an unfinished delivery");
                    self.start(event, run, clock::now());
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
            slot: run::slot(run),
            target: Target::Answer(answer.clone()),
            reply: self.redactor.reply(reply),
            may_repeat: false,
        };
        if let Err(error) = chat.send(&outgoing).await {
            tracing::error!(%run, %error, "answer neither stored nor sent");
        }
    }
}
