//! `db cancel PID` and `db kill PID`.

use commands::backend::{Backend, Target as Session};
use commands::plan::{Act, Forecast, Step, Target};

use super::{Draft, NoPlan};
use crate::app::App;
use crate::health::DEADLINE;
use crate::report;
use crate::report::plan as say;

/// How long a session has to end.
const TIMEOUT_SECONDS: u32 = 10;

pub(super) async fn cancel(app: &App, pid: u32) -> Result<Draft, NoPlan> {
    let backend = backend(app, pid).await?;
    if backend.statement_for.is_none() {
        return Err(NoPlan::refused(say::no_statement(&backend)));
    }
    let act = Act::CancelBackend { target: backend.target };
    Ok(draft(&backend, backend.target, act, say::cancel_effect(&backend), say::cancel_undo()))
}

pub(super) async fn kill(app: &App, pid: u32) -> Result<Draft, NoPlan> {
    let backend = backend(app, pid).await?;
    // A session runs one statement after another; ending it means the session.
    let target = backend.target.whatever_it_runs();
    let act = Act::TerminateBackend { target };
    Ok(draft(&backend, target, act, say::kill_effect(&backend), say::kill_undo()))
}

/// The session of that number, if it may be signalled.
async fn backend(app: &App, pid: u32) -> Result<Backend, NoPlan> {
    let Some(postgres) = &app.executors.signals else {
        return Err(NoPlan::refused(say::no_signal_url()));
    };
    let number = i32::try_from(pid).map_err(anyhow::Error::from)?;
    let found = postgres.backend(number, DEADLINE).await;
    let found =
        found.map_err(|error| NoPlan::refused(report::unavailable("PostgreSQL", &error.to_string())))?;
    let Some(backend) = found else { return Err(NoPlan::refused(say::no_session(pid))) };
    match &backend.protection {
        Some(protection) => Err(NoPlan::refused(say::protected(&backend, protection))),
        None => Ok(backend),
    }
}

fn draft(backend: &Backend, target: Session, act: Act, effect: String, undo: String) -> Draft {
    Draft {
        engine: None,
        targets: vec![Target::Backend {
            backend: target.backend,
            query_start: target.statement,
            application: backend.application.clone(),
            user: backend.user.clone(),
            database: backend.database.clone(),
            // What it runs is pinned where the statement is meant, and not where the session is.
            statement: target.statement.map(|_| backend.statement.clone()).unwrap_or_default(),
        }],
        steps: vec![Step { act, timeout_seconds: TIMEOUT_SECONDS }],
        proves: Vec::new(),
        effect,
        forecast: vec![Forecast::Sessions { count: 1 }],
        undo,
    }
}
