//! What changes the running database: signals to its sessions, by a role with `pg_signal_backend` and
//! `pg_read_all_stats`.
//!
//! A process id alone may be another one's by the time a person has said yes. So each signal is one
//! statement that looks once more who the backend is and what it runs, and signals only the one that was
//! meant. Being sent twice, a signal does no more than once, so the seat may try again.

use std::time::Duration;

use commands::backend::{BackendId, Precious, Protection, SessionTag, Signal, Signalled, Target};
use commands::database::SessionKind;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

use crate::instants::instant;
use crate::seat::Parameter;
use crate::{Postgres, PostgresError};

/// What a signal is asked with: process, its start, its statement's start (or null), whether precious work
/// was named, whether it must be idle.
macro_rules! signal {
    ($sent:literal, $running:literal) => {
        concat!(
            "WITH seen AS MATERIALIZED (
               SELECT pid, CASE
                 WHEN backend_start IS NULL THEN 'hidden'
                 WHEN (extract(epoch FROM backend_start) * 1000000)::int8 <> $2 THEN 'gone'
                 WHEN backend_type <> 'client backend' THEN 'no client'
                 WHEN datname IS DISTINCT FROM current_database() THEN 'elsewhere'
                 WHEN pid = pg_backend_pid() OR application_name = 'acgs-bot' OR application_name LIKE 'acgs-run-%' THEN 'own'
                 WHEN $5 AND state <> 'idle' THEN 'changed'
                 WHEN $3::int8 IS NOT NULL
                   AND (extract(epoch FROM query_start) * 1000000)::int8 IS DISTINCT FROM $3 THEN 'changed'
                 WHEN NOT $4 AND application_name IN ('pg_dump', 'pg_dumpall', 'pg_basebackup') THEN 'dump'
                 WHEN NOT $4 AND state = 'active' AND bare ~* '^(create\\s+(unique\\s+)?index|reindex)\\M' THEN 'index'
                 WHEN NOT $4 AND state = 'active' AND bare ~* '^(vacuum|analyze)\\M' THEN 'vacuum'
                 WHEN ",
            $running,
            " THEN 'not running'
                 ELSE 'meant' END AS verdict
                 FROM (SELECT *, regexp_replace(query, '^(\\s|--[^\\n]*(\\n|$)|/\\*([^*]|\\*[^/])*\\*+/)+', '') AS bare
                         FROM pg_stat_activity WHERE pid = $1::int4) AS one
             )
             SELECT verdict, CASE WHEN verdict = 'meant' THEN ",
            $sent,
            "(pid) END FROM seen"
        )
    };
}

const CANCEL: &str =
    signal!("pg_cancel_backend", "NOT (state = 'active' OR coalesce(state LIKE 'fastpath%', false))");
const TERMINATE: &str = signal!("pg_terminate_backend", "false");

/// Whether the backend is there, whether it runs a statement, and since when.
const STILL: &str = "SELECT (extract(epoch FROM query_start) * 1000000)::int8 AS statement,
    coalesce(state = 'active' OR state LIKE 'fastpath%', false) AS runs
  FROM pg_stat_activity
 WHERE pid = $1::int4 AND (backend_start IS NULL OR (extract(epoch FROM backend_start) * 1000000)::int8 = $2)";

/// Of any database: a run's programs work in several.
const TAGGED: &str = "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::int8
  FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid() ORDER BY pid";

/// By its name once more.
const END_TAGGED: &str = "SELECT CASE WHEN application_name = $3 THEN 'meant' ELSE 'gone' END,
    CASE WHEN application_name = $3 THEN pg_terminate_backend(pid) END
  FROM pg_stat_activity
 WHERE pid = $1::int4 AND (extract(epoch FROM backend_start) * 1000000)::int8 = $2";

struct Still {
    statement: Option<i64>,
    runs: bool,
}

impl FromRow<'_, PgRow> for Still {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self { statement: row.try_get("statement")?, runs: row.try_get("runs")? })
    }
}

/// Cancels the statement that `target` names, within `deadline`. Whether it has ended is for [`is_gone`].
pub async fn cancel(
    postgres: &Postgres,
    target: &Target,
    precious: Precious,
    deadline: Duration,
) -> Result<Signalled, PostgresError> {
    send(postgres, CANCEL, target, precious.into(), deadline).await
}

/// Ends the backend that `target` names, within `deadline`. Whether it has ended is for [`is_gone`].
pub async fn terminate(
    postgres: &Postgres,
    target: &Target,
    precious: Precious,
    deadline: Duration,
) -> Result<Signalled, PostgresError> {
    send(postgres, TERMINATE, target, precious.into(), deadline).await
}

/// Ends those of a pool's connections that are still the same and still idle; each is told, in their order.
/// `deadline` is for each of them.
pub async fn end_idle(
    postgres: &Postgres,
    pool: &[BackendId],
    deadline: Duration,
) -> Vec<(BackendId, Result<Signalled, PostgresError>)> {
    let mut told = Vec::with_capacity(pool.len());
    for backend in pool {
        let target = Target { backend: *backend, statement: None };
        let sent = send(postgres, TERMINATE, &target, Only::Idle, deadline).await;
        told.push((*backend, sent));
    }
    told
}

/// Ends whatever a step of a run has left at the server; each session is told. `deadline` is for each of
/// them. Where the run worked as a superuser, the server refuses it, and
/// [`crate::administration::Administration::end_tagged`] is the way.
pub async fn terminate_tagged(
    postgres: &Postgres,
    tag: &SessionTag,
    deadline: Duration,
) -> Result<Vec<(BackendId, Signalled)>, PostgresError> {
    let found: Vec<(i32, Option<i64>)> =
        postgres.seat.rows(TAGGED, &[Parameter::Text(tag.as_str())], deadline).await?;
    let mut told = Vec::with_capacity(found.len());
    for (pid, started) in found {
        let Some(started) = started else {
            return Err(PostgresError::NotAllowed("other people's sessions are hidden from it".to_owned()));
        };
        let parameters =
            [Parameter::Whole(pid.into()), Parameter::Whole(started), Parameter::Text(tag.as_str())];
        let sent = postgres.seat.rows(END_TAGGED, &parameters, deadline).await;
        told.push((BackendId { pid, started: instant(started)? }, outcome(sent)?));
    }
    Ok(told)
}

/// Whether a signal has done its work, within `deadline`: the backend has ended, or after [`Signal::Cancel`]
/// the statement that `target` names is over.
pub async fn is_gone(
    postgres: &Postgres,
    signal: Signal,
    target: &Target,
    deadline: Duration,
) -> Result<bool, PostgresError> {
    let parameters = [
        Parameter::Whole(target.backend.pid.into()),
        Parameter::Whole(target.backend.started.as_microsecond()),
    ];
    let still: Vec<Still> = postgres.seat.rows(STILL, &parameters, deadline).await?;
    Ok(still.first().is_none_or(|still| match signal {
        Signal::Terminate => false,
        Signal::Cancel => {
            let meant = target.statement.map(jiff::Timestamp::as_microsecond);
            !still.runs || (meant.is_some() && still.statement != meant)
        }
    }))
}

/// Which of the backends that could be meant are signalled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Only {
    /// The one that was meant, whatever its work.
    Meant,
    /// Unless its work should not be cut off.
    Common,
    /// If it does nothing.
    Idle,
}

impl From<Precious> for Only {
    fn from(precious: Precious) -> Self {
        match precious {
            Precious::Spared => Self::Common,
            Precious::Named => Self::Meant,
        }
    }
}

async fn send(
    postgres: &Postgres,
    statement: &'static str,
    target: &Target,
    only: Only,
    deadline: Duration,
) -> Result<Signalled, PostgresError> {
    let parameters = [
        Parameter::Whole(target.backend.pid.into()),
        Parameter::Whole(target.backend.started.as_microsecond()),
        Parameter::Perhaps(target.statement.map(jiff::Timestamp::as_microsecond)),
        Parameter::Flag(only == Only::Meant),
        Parameter::Flag(only == Only::Idle),
    ];
    outcome(postgres.seat.rows(statement, &parameters, deadline).await)
}

fn outcome(sent: Result<Vec<(String, Option<bool>)>, PostgresError>) -> Result<Signalled, PostgresError> {
    let rows = match sent {
        Err(PostgresError::NotAllowed(why)) => return Ok(Signalled::NotAllowed(why)),
        sent => sent?,
    };
    let Some((verdict, sent)) = rows.into_iter().next() else { return Ok(Signalled::Gone) };
    Ok(match (verdict.as_str(), sent) {
        ("meant", Some(true)) => Signalled::Sent,
        // It has ended between the look and the signal.
        ("meant", _) | ("gone", _) => Signalled::Gone,
        ("changed", _) => Signalled::Changed,
        ("not running", _) => Signalled::NotRunning,
        ("no client", _) => Signalled::Refused(Protection::NotAClient),
        ("elsewhere", _) => Signalled::Refused(Protection::OtherDatabase),
        ("own", _) => Signalled::Refused(Protection::OwnRun),
        ("dump", _) => Signalled::Refused(Protection::Precious(SessionKind::Dump)),
        ("index", _) => Signalled::Refused(Protection::Precious(SessionKind::IndexBuild)),
        ("vacuum", _) => Signalled::Refused(Protection::Precious(SessionKind::Vacuum)),
        _ => Signalled::Refused(Protection::Hidden),
    })
}
