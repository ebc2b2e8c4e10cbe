//! The one place that calls what changes the platform: each act of a plan with the adapter that does it,
//! and how to find out afterwards whether it was done.

mod archive;
mod backup;
mod firewall;
mod fleet;
mod guarded;
mod image;
pub(super) mod migration;
mod restore;
mod upkeep;
mod variables;
mod waiting;

use std::time::Duration;

use commands::backend::{Precious, Signal, Signalled, Target};
use commands::health::ContainerState;
use commands::journal::StepOutcome;
use commands::plan::{Act, Plan};
use commands::workload::ContainerId;
use exec_docker::act::{ActError, Acts, Done};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::clock;
use crate::health::DEADLINE;
use crate::report::plan as say;

use self::restore::Wants;
pub use self::variables::OldTokens;

/// Between two looks whether a session is gone.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a look at a step's target tells of a step that nobody has the outcome of.
pub(super) enum Found {
    /// It was done.
    Done(String),
    /// It was not.
    NotDone(String),
    /// It can't be told.
    Unclear(String),
}

fn failed(why: String) -> StepOutcome {
    StepOutcome::Failed { why }
}

fn done(note: impl Into<String>) -> StepOutcome {
    StepOutcome::Done { note: note.into() }
}

/// Does step `number` of `plan` within about `limit`.
///
/// Each act in a box of its own, as in [`perform`](crate::perform::perform).
pub(super) fn act<'a>(
    app: &'a App,
    plan: &'a Plan,
    number: u32,
    limit: Duration,
) -> BoxFuture<'a, StepOutcome> {
    let Some(step) = usize::try_from(number).ok().and_then(|at| plan.steps.get(at)) else {
        return Box::pin(async move { failed(say::no_such_step(number)) });
    };
    match &step.act {
        Act::RestartContainer { id, grace_seconds, .. } => Box::pin(async move {
            docker(app, async |docker| docker.restart(id, seconds(*grace_seconds)).await).await
        }),
        Act::StopContainer { id, grace_seconds, .. } => Box::pin(async move {
            docker(app, async |docker| docker.stop(id, seconds(*grace_seconds)).await).await
        }),
        Act::StartContainer { id, .. } => {
            Box::pin(async move { docker(app, async |docker| docker.start(id).await).await })
        }
        Act::RotateVariables { path, sha256, variables, length } => {
            Box::pin(
                async move { variables::rotate(app, plan.run, (path, sha256), variables, *length).await },
            )
        }
        Act::TakeVariables { name, service, path, variables, way, .. } => Box::pin(async move {
            let part = variables::Part { name, service: service.as_ref(), path, variables, way: *way };
            variables::take(app, plan, part).await
        }),
        Act::SetVariable { path, sha256, variable, value } => {
            Box::pin(async move { variables::set(path, sha256, variable, value).await })
        }
        Act::FastForward { repository, from, to } => {
            Box::pin(async move { image::fast_forward(repository, from, to, limit).await })
        }
        Act::KeepImage { id, name } => Box::pin(async move { image::keep(app, id, name).await }),
        Act::BuildImage { service, reference, commit } => {
            Box::pin(async move { image::build(app, service, reference, commit, limit).await })
        }
        Act::Recreate { name, service, reference, .. } => {
            Box::pin(async move { image::recreate(app, name, service, reference).await })
        }
        Act::SwapImage { name, id, reference, from, to } => Box::pin(async move {
            let swap = image::Swap { name, id, reference, from, to };
            image::swap(app, swap).await
        }),
        Act::ProveRotation { path, ends_sessions } => {
            Box::pin(async move { variables::prove(app, plan, path, *ends_sessions).await })
        }
        Act::RemoveContainer { id, .. } => Box::pin(async move { fleet::remove_container(app, id).await }),
        Act::RemoveImage { id, tags, .. } => {
            Box::pin(async move { fleet::remove_image(app, id, tags).await })
        }
        Act::Scale { service, count, .. } => {
            Box::pin(async move { fleet::scale(app, service, *count, limit).await })
        }
        Act::AwaitHealthy { name } => Box::pin(async move { waiting::healthy(app, name, limit).await }),
        Act::TryLogin => Box::pin(async move { waiting::login(app, limit).await }),
        Act::CancelBackend { target } => {
            Box::pin(async move { signal(app, Signal::Cancel, target, limit).await })
        }
        Act::TerminateBackend { target } => {
            Box::pin(async move { signal(app, Signal::Terminate, target, limit).await })
        }
        Act::DumpDatabase { seat, folder } => {
            Box::pin(async move { backup::dump(app, plan, number, (seat, folder), limit).await })
        }
        Act::ArchiveFiles { folder, paths } => {
            Box::pin(async move { archive::files(plan, (folder, paths), limit).await })
        }
        Act::CopyArchive { folder, from, to, sha256 } => {
            Box::pin(async move { archive::copy_one(folder, (from, to), sha256, limit).await })
        }
        Act::CreateBeside { seat } => {
            Box::pin(
                async move { restore::beside(app, plan, number, seat, async |at| at.create().await).await },
            )
        }
        Act::LoadArchive { seat, folder, archive, sha256, format } => Box::pin(async move {
            let dump = restore::Dump { folder, archive, sha256, format: *format };
            let limit = restore::without_tidying(limit);
            restore::beside(app, plan, number, seat, async |at| at.load(dump, limit).await).await
        }),
        Act::CompareBeside { seat, rows, alembic_version } => Box::pin(async move {
            let limit = restore::without_tidying(limit);
            let (rows, version) = (rows.as_deref(), alembic_version.as_deref());
            restore::beside(app, plan, number, seat, async |at| at.compare(rows, version, limit).await).await
        }),
        Act::DressBeside { seat } => {
            Box::pin(
                async move { restore::beside(app, plan, number, seat, async |at| at.dress().await).await },
            )
        }
        Act::DropBeside { seat } => Box::pin(async move {
            restore::beside(app, plan, number, seat, async |at| {
                at.drop_beside().await.map(|()| say::beside_gone())
            })
            .await
        }),
        Act::SwapDatabases { seat, with } => {
            Box::pin(async move { restore::swap(app, plan, number, (seat, with.as_ref())).await })
        }
        Act::Upkeep { seat, kind, table } => {
            Box::pin(
                async move { upkeep::tidy(app, plan, number, (seat, *kind, table.as_ref()), limit).await },
            )
        }
        Act::BlockNetwork { network, seconds: length } => {
            Box::pin(async move { firewall::shut_out(app, plan, number, (*network, seconds(*length))).await })
        }
        Act::UnblockNetwork { blocks } => Box::pin(async move { firewall::let_in(app, blocks).await }),
        Act::Migrate { seat, like, from, to } => Box::pin(async move {
            let work = migration::Migrating { seat, job: like, from, to };
            migration::migrate(app, plan, number, work, limit).await
        }),
        Act::CreateIndex { seat, index } => {
            Box::pin(async move { upkeep::create_index(app, plan, number, (seat, index), limit).await })
        }
        Act::EndIdle { application, backends, superusers, seat } => Box::pin(async move {
            let idle = upkeep::Idle { application, backends, superusers, seat: seat.as_ref() };
            upkeep::end_idle(app, plan, number, idle).await
        }),
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

async fn docker(app: &App, call: impl AsyncFnOnce(&Acts) -> Result<Done, ActError>) -> StepOutcome {
    let Some(docker) = &app.executors.docker else { return failed(say::part_missing("docker")) };
    match call(&Acts::new(docker.clone())).await {
        Ok(Done::Changed) => done(""),
        Ok(Done::AlreadySo) => done(say::already_so()),
        Err(error) if error.may_have_acted() => StepOutcome::Unknown { found: error.to_string() },
        Err(error) => failed(error.to_string()),
    }
}

async fn signal(app: &App, signal: Signal, target: &Target, limit: Duration) -> StepOutcome {
    let Some(postgres) = &app.executors.signals else {
        return failed(say::part_missing("postgres] signal_url [postgres"));
    };
    let sent = match signal {
        Signal::Cancel => exec_postgres::act::cancel(postgres, target, Precious::Spared, DEADLINE).await,
        Signal::Terminate => {
            exec_postgres::act::terminate(postgres, target, Precious::Spared, DEADLINE).await
        }
    };
    match sent {
        Ok(Signalled::Sent) => {}
        Ok(Signalled::Gone) => return done(say::session_gone()),
        Ok(other) => return failed(say::not_signalled(&other)),
        Err(error) => return failed(error.to_string()),
    }
    let by = Instant::now() + limit;
    loop {
        match exec_postgres::act::is_gone(postgres, signal, target, DEADLINE).await {
            Ok(true) => return done(""),
            Ok(false) if Instant::now() >= by => return failed(say::still_there(limit)),
            Ok(false) => sleep(LOOK_EVERY).await,
            Err(error) => return StepOutcome::Unknown { found: error.to_string() },
        }
    }
}

/// Whether step `number`, which began at `began`, was done.
pub(super) async fn inspect(app: &App, plan: &Plan, number: u32, began: Timestamp) -> Found {
    let Some(step) = usize::try_from(number).ok().and_then(|at| plan.steps.get(at)) else {
        return Found::Unclear(say::no_such_step(number));
    };
    match &step.act {
        Act::RestartContainer { id, .. } => restarted(app, id, began).await,
        Act::StopContainer { id, .. } => state(app, id, false).await,
        Act::StartContainer { id, .. } => state(app, id, true).await,
        Act::FastForward { repository, from, to } => image::look_at_head(repository, from, to).await,
        // Another tag, or another build of the same, does no harm.
        Act::KeepImage { .. } | Act::BuildImage { .. } => Found::NotDone(String::new()),
        Act::Recreate { name, reference, .. } => image::look(app, name, reference).await,
        Act::SwapImage { name, reference, to, .. } => image::look_at_swap(app, name, reference, to).await,
        Act::RotateVariables { path, sha256, .. } | Act::SetVariable { path, sha256, .. } => {
            variables::look_at_file(path, sha256).await
        }
        Act::TakeVariables { name, service, path, variables, way, .. } => {
            let part = variables::Part { name, service: service.as_ref(), path, variables, way: *way };
            variables::look(app, part).await
        }
        Act::ProveRotation { .. } => Found::NotDone(String::new()),
        Act::RemoveContainer { id, .. } => fleet::look_at_container(app, id).await,
        Act::RemoveImage { id, .. } => fleet::look_at_image(app, id).await,
        Act::Scale { service, count, .. } => fleet::look_at_scale(app, service, *count).await,
        Act::AwaitHealthy { name } => waiting::look(app, name).await,
        Act::TryLogin => Found::NotDone(String::new()),
        Act::CancelBackend { target } => signalled(app, Signal::Cancel, target).await,
        Act::TerminateBackend { target } => signalled(app, Signal::Terminate, target).await,
        Act::DumpDatabase { seat, folder } => backup::inspect(app, plan, number, (seat, folder)).await,
        Act::ArchiveFiles { folder, .. } => archive::inspect_files(plan, folder).await,
        Act::CopyArchive { folder, to, sha256, .. } => archive::inspect_copy(folder, to, sha256).await,
        Act::CreateBeside { seat } => restore::inspect_beside(app, plan, number, seat, Wants::There).await,
        Act::LoadArchive { seat, .. } => {
            restore::inspect_beside(app, plan, number, seat, Wants::Tables).await
        }
        Act::CompareBeside { seat, .. } | Act::DressBeside { seat } => {
            restore::inspect_beside(app, plan, number, seat, Wants::Again).await
        }
        Act::DropBeside { seat } => restore::inspect_beside(app, plan, number, seat, Wants::Gone).await,
        Act::Upkeep { seat, .. } => upkeep::inspect_tidy(app, plan, number, seat).await,
        Act::CreateIndex { seat, index } => upkeep::inspect_index(app, plan, number, (seat, index)).await,
        Act::BlockNetwork { .. } => firewall::look_for(app, plan, number).await,
        Act::UnblockNetwork { .. } => Found::NotDone(String::new()),
        Act::Migrate { seat, like, from, to } => {
            migration::inspect(app, plan, migration::Migrating { seat, job: like, from, to }).await
        }
        Act::EndIdle { .. } => Found::NotDone(String::new()),
        Act::SwapDatabases { seat, .. } => restore::inspect_swap(app, plan, number, seat).await,
    }
}

async fn restarted(app: &App, id: &ContainerId, began: Timestamp) -> Found {
    // The Engine's times are its machine's, which is this one.
    let began = clock::on_this_machine(began);
    match container(app, id).await {
        Err(found) => Found::Unclear(found),
        Ok(found) => {
            let runs = found.state == ContainerState::Running;
            let note = say::container_found(&found);
            match (runs, found.started_at.is_some_and(|at| at >= began)) {
                (true, true) => Found::Done(note),
                (true, false) => Found::NotDone(note),
                // The Engine may be between the stop and the start.
                (false, _) => Found::Unclear(note),
            }
        }
    }
}

async fn state(app: &App, id: &ContainerId, should_run: bool) -> Found {
    match container(app, id).await {
        Err(found) => Found::Unclear(found),
        Ok(found) => {
            let note = say::container_found(&found);
            if (found.state == ContainerState::Running) == should_run {
                Found::Done(note)
            } else {
                Found::NotDone(note)
            }
        }
    }
}

async fn container(app: &App, id: &ContainerId) -> Result<commands::health::Container, String> {
    let Some(docker) = &app.executors.docker else { return Err(say::part_missing("docker")) };
    match docker.target(id, DEADLINE).await {
        Ok(Some(found)) => Ok(found.container),
        Ok(None) => Err(say::container_gone(id)),
        Err(error) => Err(error.to_string()),
    }
}

async fn signalled(app: &App, signal: Signal, target: &Target) -> Found {
    let Some(postgres) = &app.executors.signals else {
        return Found::Unclear(say::part_missing("postgres] signal_url [postgres"));
    };
    match exec_postgres::act::is_gone(postgres, signal, target, DEADLINE).await {
        Ok(true) => Found::Done(say::session_gone()),
        Ok(false) => Found::NotDone(say::session_there()),
        Err(error) => Found::Unclear(error.to_string()),
    }
}
