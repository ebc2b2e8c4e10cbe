//! From an acting command to its plan: facts are read, then one value is made that leaves no choice open.
//!
//! The same function makes the plan that is voted on and, just before it begins, the one that it is
//! compared with.

mod archive;
mod backup;
mod cleanup;
mod compose;
mod deploy;
mod firewall;
mod migrate;
mod restart;
mod restore;
mod scale;
mod secrets;
mod session;
mod stack;
mod upkeep;

use commands::archive::ArchiveName;
use commands::ids::ServiceName;
use commands::intent::{Backup, Db, Deploy, Intent, Secrets, Security, Stack};
use commands::message::Reply;
use commands::plan::{Forecast, Plan, Seat, Step, Target, UpkeepKind};
use commands::risk::{Requirement, Risk};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::app::App;
use crate::backups::NEWEST;
use crate::report;

pub use self::migrate::Revisions;

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
///
/// Each command in a box of its own, as in [`perform`](crate::perform::perform).
#[must_use]
pub fn draft<'a>(app: &'a App, intent: &'a Intent) -> BoxFuture<'a, Result<Draft, NoPlan>> {
    match intent {
        Intent::Restart { service, .. } => Box::pin(async move { restart::draft(app, service).await }),
        Intent::Db(Db::Cancel { pid, .. }) => Box::pin(async move { session::cancel(app, *pid).await }),
        Intent::Db(Db::Kill { pid, .. }) => Box::pin(async move { session::kill(app, *pid).await }),
        Intent::Deploy(Deploy::Run { service, commit, .. }) => {
            Box::pin(async move { deploy::run(app, service, commit).await })
        }
        Intent::Deploy(Deploy::Rollback { service, .. }) => {
            Box::pin(async move { deploy::rollback(app, service).await })
        }
        Intent::Deploy(Deploy::Config { service, key, value, .. }) => {
            Box::pin(async move { deploy::config(app, service, key, value).await })
        }
        Intent::Secrets(Secrets::Rotate { which, .. }) => {
            Box::pin(async move { secrets::rotate(app, *which).await })
        }
        Intent::Stack(Stack::Restart { database, .. }) => {
            Box::pin(async move { stack::restart(app, *database).await })
        }
        Intent::Stack(Stack::Stop { all, .. }) => Box::pin(async move { stack::stop_all(app, *all).await }),
        Intent::Stack(Stack::Start { .. }) => Box::pin(async move { stack::start_all(app).await }),
        Intent::Backup(Backup::Create { files: false, .. }) => {
            Box::pin(async move { backup::create(app).await })
        }
        Intent::Backup(Backup::Create { files: true, .. }) => {
            Box::pin(async move { archive::files(app).await })
        }
        Intent::Backup(Backup::Archive { .. }) => Box::pin(async move { archive::newest(app).await }),
        Intent::Db(Db::Vacuum { table, .. }) => {
            Box::pin(async move { upkeep::tidy(app, UpkeepKind::Vacuum, table.as_deref()).await })
        }
        Intent::Db(Db::Analyze { table, .. }) => {
            Box::pin(async move { upkeep::tidy(app, UpkeepKind::Analyze, table.as_deref()).await })
        }
        Intent::Db(Db::IndexCreate { name, .. }) => {
            Box::pin(async move { upkeep::create_index(app, name).await })
        }
        Intent::Security(Security::Block { network, length, .. }) => {
            Box::pin(async move { firewall::block(app, *network, *length).await })
        }
        Intent::Security(Security::Unblock { network, .. }) => {
            Box::pin(async move { firewall::unblock(app, *network).await })
        }
        Intent::Db(Db::Migrate { check: false, .. }) => Box::pin(async move { migrate::draft(app).await }),
        Intent::Db(Db::PoolReset { service, .. }) => {
            Box::pin(async move { upkeep::pool_reset(app, service).await })
        }
        Intent::Backup(Backup::Drill { archive, .. }) => Box::pin(async move {
            let newest = || ArchiveName::try_from(NEWEST.to_owned()).map_err(anyhow::Error::msg);
            let archive = archive.clone().map_or_else(newest, Ok)?;
            restore::drill(app, &archive).await
        }),
        Intent::Backup(Backup::Restore { archive: Some(archive), undo: false, .. }) => {
            Box::pin(async move { restore::restore(app, archive).await })
        }
        Intent::Backup(Backup::Restore { .. }) => Box::pin(async move { restore::undo(app).await }),
        Intent::Stack(Stack::Cleanup { .. }) => Box::pin(async move { cleanup::draft(app).await }),
        Intent::Stack(Stack::Scale { service, count, .. }) => {
            Box::pin(async move { scale::draft(app, service, u32::from(*count)).await })
        }
        other => Box::pin(async move { Err(anyhow::anyhow!("{} does not act", other.verb()).into()) }),
    }
}

/// Reads the facts of several commands, which are carried out one after the other as one plan.
pub async fn drafts(app: &App, intents: &[Intent]) -> Result<Draft, NoPlan> {
    let mut whole: Option<Draft> = None;
    for intent in intents {
        let next = draft(app, intent).await?;
        whole = Some(match whole {
            None => next,
            Some(before) => before.and(next),
        });
    }
    whole.ok_or_else(|| anyhow::anyhow!("no command acts").into())
}

/// The risk of all of them is that of the worst.
#[must_use]
pub fn needs(intents: &[Intent]) -> Option<Requirement> {
    let each = intents.iter().map(Intent::needs);
    each.reduce(|one, other| Requirement { risk: one.risk.max(other.risk), role: one.role.max(other.role) })
}

/// Where the platform's database is administered, for a question that changes nothing.
pub async fn seat(app: &App) -> Result<Seat, String> {
    match backup::administered(app).await {
        Ok(here) => Ok(here.seat),
        Err(NoPlan::Refused(reply)) => Err(report::in_a_line(&reply)),
        Err(NoPlan::Failed(error)) => Err(error.to_string()),
    }
}

/// At which revision the database is, and which is the newest.
pub async fn revisions(app: &App) -> Result<Revisions, NoPlan> {
    migrate::look(app).await.map(|looked| looked.revisions)
}

/// Who asked, when, and for what.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The command's way through the bot.
    pub run: commands::ids::RunId,
    /// 128 random bits in hex.
    pub nonce: String,
    /// What was typed, as its canonical line.
    pub line: String,
    /// Why it does not wait for votes.
    pub break_glass: Option<String>,
    /// Who, as in the configuration.
    pub requester: String,
    /// The open incident that it belongs to.
    pub incident: Option<commands::incident::IncidentNumber>,
    /// Now.
    pub created: Timestamp,
}

impl Draft {
    /// The whole plan of `intents`, whose risk is `risk`.
    #[must_use]
    pub fn plan(self, intents: &[Intent], risk: Risk, asking: Asking) -> Plan {
        Plan {
            run: asking.run,
            nonce: asking.nonce,
            line: asking.line,
            commands: intents.iter().map(ToString::to_string).collect(),
            risk,
            requester: asking.requester,
            incident: asking.incident,
            break_glass: asking.break_glass,
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

    /// This and then `next`.
    fn and(mut self, next: Self) -> Self {
        self.engine = self.engine.or(next.engine);
        for target in next.targets {
            if !self.targets.contains(&target) {
                self.targets.push(target);
            }
        }
        self.steps.extend(next.steps);
        for service in next.proves {
            if !self.proves.contains(&service) {
                self.proves.push(service);
            }
        }
        self.forecast.extend(next.forecast);
        for (text, more) in [(&mut self.effect, next.effect), (&mut self.undo, next.undo)] {
            if *text != more {
                text.push(' ');
                text.push_str(&more);
            }
        }
        self
    }
}
