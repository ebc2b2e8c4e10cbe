//! From an acting command to its plan: facts are read, then one value is made that leaves no choice open.
//!
//! The same function makes the plan that is voted on and, just before it begins, the one that it is
//! compared with.

mod backup;
mod restart;
mod restore;
mod session;

use commands::ids::ServiceName;
use commands::intent::{Backup, Db, Intent};
use commands::message::Reply;
use commands::plan::{Forecast, Plan, Seat, Step, Target};
use jiff::Timestamp;

use crate::app::App;
use crate::report;

/// What a command's facts make of it; who asked and when is added by [`Draft::plan`].
#[derive(Debug)]
pub struct Draft {
    /// The Docker daemon that the containers' ids are of.
    pub engine: Option<String>,
    /// What it is done to.
    pub targets: Vec<Target>,
    /// In order.
    pub steps: Vec<Step>,
    /// Services that have to be well afterwards.
    pub proves: Vec<ServiceName>,
    /// What it does, in words.
    pub effect: String,
    /// Who and what is hit, as measured now.
    pub forecast: Vec<Forecast>,
    /// How it is taken back, in words.
    pub undo: String,
}

/// Why there is no plan.
#[derive(Debug)]
pub enum NoPlan {
    /// What it would act on is not there, can't be read, or must not be acted on; worded.
    Refused(Box<Reply>),
    /// Something went wrong inside.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for NoPlan {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl NoPlan {
    /// With these words.
    #[must_use]
    pub fn refused(reply: Reply) -> Self {
        Self::Refused(Box::new(reply))
    }
}

/// Reads the facts of `intent`, which acts.
pub async fn draft(app: &App, intent: &Intent) -> Result<Draft, NoPlan> {
    match intent {
        Intent::Restart { service, .. } => restart::draft(app, service).await,
        Intent::Db(Db::Cancel { pid, .. }) => session::cancel(app, *pid).await,
        Intent::Db(Db::Kill { pid, .. }) => session::kill(app, *pid).await,
        Intent::Backup(Backup::Create { .. }) => backup::create(app).await,
        Intent::Backup(Backup::Restore { archive: Some(archive), undo: false, .. }) => {
            restore::restore(app, archive).await
        }
        Intent::Backup(Backup::Restore { .. }) => restore::undo(app).await,
        other => Err(anyhow::anyhow!("{} does not act", other.verb()).into()),
    }
}

/// Where the platform's database is administered, for a question that changes nothing.
pub async fn seat(app: &App) -> Result<Seat, String> {
    match backup::administered(app).await {
        Ok(here) => Ok(here.seat),
        Err(NoPlan::Refused(reply)) => Err(report::in_a_line(&reply)),
        Err(NoPlan::Failed(error)) => Err(error.to_string()),
    }
}

/// Who asked, when, and for what.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The command's way through the bot.
    pub run: commands::ids::RunId,
    /// 128 random bits in hex.
    pub nonce: String,
    /// Who, as in the configuration.
    pub requester: String,
    /// The open incident that it belongs to.
    pub incident: Option<commands::incident::IncidentNumber>,
    /// Now.
    pub created: Timestamp,
}

impl Draft {
    /// The whole plan.
    #[must_use]
    pub fn plan(self, intent: &Intent, asking: Asking) -> Plan {
        Plan {
            run: asking.run,
            nonce: asking.nonce,
            line: intent.to_string(),
            risk: intent.needs().risk,
            requester: asking.requester,
            incident: asking.incident,
            break_glass: intent.how().and_then(|how| how.break_glass.as_ref()).map(ToString::to_string),
            created: asking.created,
            engine: self.engine,
            targets: self.targets,
            steps: self.steps,
            proves: self.proves,
            effect: self.effect,
            forecast: self.forecast,
            undo: self.undo,
        }
    }
}
