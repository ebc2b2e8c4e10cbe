//! The database's migrations, in a container that is made for them and removed.

use std::time::Duration;

use commands::backend::SessionTag;
use commands::ids::RunId;
use commands::journal::StepOutcome;
use commands::migration::{Revision, listed, printed};
use commands::plan::{MigrationJob, Plan, Seat};
use exec_docker::act::{Acts, Job, JobEnd, JobError, JobFault, Template};
use exec_postgres::administration::{Administration, alembic_version};
use secrecy::SecretString;
use tokio::time::Instant;

use super::backup::TIDY;
use super::{Found, done, failed};
use crate::app::App;
use crate::clock;
use crate::config::MigrationLike;
use crate::execute::administrator::{Administrator, ProgramError};
use crate::health::DEADLINE;
use crate::report::plan as say;

/// What is asked of the migrations changes nothing and is in one file each.
const QUESTION: Duration = Duration::from_secs(30);
/// A statement that only looks.
const SHORT: Duration = Duration::from_secs(20);
/// Of what the program wrote.
const LINES: u16 = 200;
/// By it the server names sessions of the programs that use its own library.
const SESSION_NAME: &str = "PGAPPNAME";

/// A step's work.
pub(super) struct Migrating<'a> {
    /// Where the database is asked.
    pub seat: &'a Seat,
    /// What is run.
    pub job: &'a MigrationJob,
    /// What the database had.
    pub from: &'a [Revision],
    /// What it will have.
    pub to: &'a [Revision],
}

/// Runs the migrations, unless the database has them.
pub(super) async fn migrate(
    app: &App,
    plan: &Plan,
    number: u32,
    work: Migrating<'_>,
    limit: Duration,
) -> StepOutcome {
    let tag = SessionTag::of(plan.run, number);
    let begun = Instant::now();
    match ready(app, plan.run, &work, &tag).await {
        Ok(Ready::ThereAlready) => return done(say::migrated_already(work.to)),
        Ok(Ready::ToDo) => {}
        Err(why) => return failed(why),
    }
    let ended = run(app, plan.run, work.job, Some(&tag), limit.saturating_sub(TIDY)).await;
    let told = match &ended {
        Ok(ended) if ended.exit_code == 0 => None,
        Ok(ended) => Some(say::job_ended(ended.exit_code, ended.log.as_ref())),
        Err(error) => Some(say::job_failed(error, error.log.as_deref())),
    };
    // What was cut off may still be at work at the server.
    let still = match &ended {
        Err(JobError { why: JobFault::NotStarted(why), .. }) if !why.may_have_acted() => Ok(()),
        Ok(_) | Err(_) => end_sessions(app, work.seat, tag).await,
    };
    let found = revision(app, work.seat).await;
    match (told, still, found) {
        (None, _, Ok(found)) if found == work.to => done(say::migrated(work.from, work.to, begun.elapsed())),
        (None, _, Ok(found)) => failed(say::other_revision(&found, work.to)),
        (Some(why), Ok(()), Ok(found)) => failed(say::not_migrated(&why, &found, work.from)),
        (Some(why), Err(other), _) | (Some(why), Ok(()), Err(other)) => {
            StepOutcome::Unknown { found: say::both(&why, &other) }
        }
        (None, _, Err(why)) => StepOutcome::Unknown { found: why },
    }
}

/// How far the migrations came before this step.
enum Ready {
    ThereAlready,
    ToDo,
}

async fn ready(app: &App, run: RunId, work: &Migrating<'_>, tag: &SessionTag) -> Result<Ready, String> {
    remove_jobs(app, run).await?;
    end_sessions(app, work.seat, tag.clone()).await?;
    let found = revision(app, work.seat).await?;
    if found == work.to {
        Ok(Ready::ThereAlready)
    } else if found == work.from {
        Ok(Ready::ToDo)
    } else {
        Err(say::other_revision(&found, work.from))
    }
}

/// Whether the migrations were run.
pub(super) async fn inspect(app: &App, plan: &Plan, work: Migrating<'_>) -> Found {
    let looked = async {
        let Some(docker) = &app.executors.docker else { return Err(say::part_missing("docker")) };
        let jobs = docker.one_offs(DEADLINE).await.map_err(|error| error.to_string())?;
        if jobs.iter().any(|job| job.run == plan.run.to_string() && job.running) {
            return Ok(Found::Unclear(say::still_migrates()));
        }
        remove_jobs(app, plan.run).await?;
        let found = revision(app, work.seat).await?;
        Ok(if found == work.to {
            Found::Done(say::migrated_already(work.to))
        } else if found == work.from {
            Found::NotDone(say::other_revision(&found, work.to))
        } else {
            Found::Unclear(say::other_revision(&found, work.to))
        })
    };
    looked.await.unwrap_or_else(Found::Unclear)
}

/// Jobs of a run that ended with nobody to take them away.
async fn remove_jobs(app: &App, run: RunId) -> Result<(), String> {
    let Some(docker) = &app.executors.docker else { return Err(say::part_missing("docker")) };
    let jobs = docker.one_offs(DEADLINE).await.map_err(|error| error.to_string())?;
    for job in jobs.iter().filter(|job| job.run == run.to_string()) {
        let removed = Acts::new(docker.clone()).remove_one_off(&job.id).await;
        removed.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn end_sessions(app: &App, seat: &Seat, tag: SessionTag) -> Result<(), String> {
    let ended = async { Administrator::at(app, seat, tag)?.end_sessions().await };
    ended.await.map_err(|error: ProgramError| error.to_string())
}

/// The revisions that the database has by its own table.
pub(in crate::execute) async fn revision(app: &App, seat: &Seat) -> Result<Vec<Revision>, String> {
    let asked = async {
        let administrator = Administrator::at(app, seat, SessionTag::of(clock::new_run(), 0))?;
        let printed = administrator.ask(&seat.database, &Administration::migrations(), SHORT).await?;
        Ok::<_, ProgramError>(alembic_version(&printed)?)
    };
    let version = asked.await.map_err(|error| error.to_string())?;
    listed(version.as_deref()).map_err(str::to_owned)
}

/// The revisions that a job prints, which changes nothing.
pub(in crate::execute) async fn ask(app: &App, job: &MigrationJob) -> Result<Vec<Revision>, String> {
    let ended = run(app, clock::new_run(), job, None, QUESTION).await;
    let ended = ended.map_err(|error| say::job_failed(&error, error.log.as_deref()))?;
    if ended.exit_code != 0 {
        return Err(say::job_ended(ended.exit_code, ended.log.as_ref()));
    }
    let log = ended.log.ok_or_else(say::job_without_log)?;
    Ok(printed(log.sieved.lines.iter().map(|line| line.text.as_str())))
}

async fn run(
    app: &App,
    run: RunId,
    job: &MigrationJob,
    tag: Option<&SessionTag>,
    timeout: Duration,
) -> Result<JobEnd, JobError> {
    let missing = |section: &str| JobError {
        why: JobFault::NotStarted(exec_docker::act::ActError::Unfit(say::part_missing(section))),
        log: None,
        left: None,
    };
    let docker = app.executors.docker.as_ref().ok_or_else(|| missing("docker"))?;
    let migration = app.config.migration.as_ref().ok_or_else(|| missing("migration"))?;
    let argv: Vec<&str> = job.argv.iter().map(String::as_str).collect();
    let mut env: Vec<(String, SecretString)> = Vec::new();
    env.extend(migration.database_url.clone().map(|url| (migration.database_variable.clone(), url)));
    env.extend(tag.map(|tag| (SESSION_NAME.to_owned(), SecretString::from(tag.as_str()))));
    let (like, networks) = match (&job.container, &migration.like) {
        (Some(container), _) => (Template::Container(container), Vec::new()),
        (None, MigrationLike::Image { networks, .. }) => {
            (Template::Image(job.image.as_str()), networks.iter().map(String::as_str).collect())
        }
        (None, MigrationLike::Service(_)) => return Err(missing("migration")),
    };
    let job = Job { run, like, argv: &argv, env: &env, networks: &networks, timeout, lines: LINES };
    Acts::new(docker.clone()).run_one_off(&job, &app.redactor).await
}
