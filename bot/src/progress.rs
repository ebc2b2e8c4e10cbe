//! How a long command goes on, for whoever asked.

use std::io::Write as _;
use std::sync::Arc;

use commands::ids::{Platform, RunId};
use commands::message::{AnswerTo, Reply, Target};
use jiff::Timestamp;
use store::{Lane, NewMessage};

use crate::app::App;
use crate::outbox::answer_slot;
use crate::{clock, report};

/// A way to the asker while the command is under way.
pub struct Progress {
    /// When the line was received, which may have been before the bot's last start.
    pub begun: Timestamp,
    /// Whether the bot was started anew since then.
    pub resumed: bool,
    way: Way,
}

enum Way {
    Chat { app: Arc<App>, run: RunId, answer: AnswerTo },
    Terminal { app: Arc<App>, json: bool },
}

impl Progress {
    /// Progress by way of the outbox. `received` is when the line came, `now` when its work begins.
    #[must_use]
    pub fn stored(app: &Arc<App>, run: RunId, answer: AnswerTo, received: Timestamp, now: Timestamp) -> Self {
        let way = Way::Chat { app: Arc::clone(app), run, answer };
        Self { begun: received, resumed: received < now, way }
    }

    /// Progress on the terminal; beside JSON on standard output it goes to standard error.
    #[must_use]
    pub fn printed(app: &Arc<App>, json: bool) -> Self {
        Self { begun: clock::now(), resumed: false, way: Way::Terminal { app: Arc::clone(app), json } }
    }

    /// Shows in chat how it goes on, by editing its one message.
    pub async fn show(&self, reply: Reply) {
        match &self.way {
            Way::Chat { app, run, answer } => {
                put(app, answer_slot(*run), Lane::Cosmetic, Target::Answer(answer.clone()), reply).await;
            }
            Way::Terminal { .. } => {}
        }
    }

    /// Says that it has begun: in chat by the message that will be the answer.
    pub async fn open(&self, reply: Reply) {
        match &self.way {
            Way::Chat { .. } => self.show(reply).await,
            Way::Terminal { .. } => self.tell(reply).await,
        }
    }

    /// Tells news by a message of its own, since an edit notifies nobody.
    pub async fn tell(&self, reply: Reply) {
        match &self.way {
            Way::Chat { app, run, answer } => {
                // Seconds and not a count: a count would begin anew after the bot's restart.
                let seconds = clock::now().duration_since(self.begun).as_secs();
                let target = match answer.place.room.platform {
                    // Its way back to the event posts anew, and leads also to where the bot is no member.
                    Platform::Slack => Target::Answer(answer.clone()),
                    Platform::Discord | Platform::Web | Platform::Cli => Target::Post(answer.place.clone()),
                };
                put(app, format!("w-{run}-{seconds}"), Lane::Answer, target, reply).await;
            }
            Way::Terminal { app, json } => {
                if let Err(error) = print(&app.redactor.reply(reply), *json) {
                    tracing::warn!(error = &error as &dyn std::error::Error, "progress not printed");
                }
            }
        }
    }
}

async fn put(app: &Arc<App>, slot: String, lane: Lane, target: Target, reply: Reply) {
    let message = NewMessage { slot, lane, target, reply: app.redactor.reply(reply) };
    match app.store.put_message(message, clock::now()).await {
        Ok(()) => app.outbox.nudge(),
        // Progress is a courtesy; the result is stored by itself and reports the fault.
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "progress not stored"),
    }
}

fn print(reply: &Reply, json: bool) -> std::io::Result<()> {
    use std::io::IsTerminal as _;
    if json {
        let mut err = std::io::stderr().lock();
        return writeln!(err, "{}", report::text(reply, None, err.is_terminal()).trim_end());
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n", report::text(reply, None, out.is_terminal()).trim_end())?;
    out.flush()
}
