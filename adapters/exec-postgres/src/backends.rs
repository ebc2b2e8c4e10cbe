//! One backend, or the idle ones of a program, as exactly as a signal needs them. Asked through the seat.

use std::time::Duration;

use commands::backend::{Backend, BackendId, IdleBackend, Pool, Protection, SessionTag, Target};
use commands::database::SessionKind;
use commands::statement::without_values;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

use crate::instants::instant;
use crate::seat::Parameter;
use crate::{Postgres, PostgresError, count, length};

const BACKEND: &str = "SELECT pid,
    (extract(epoch FROM backend_start) * 1000000)::int8 AS started,
    (extract(epoch FROM query_start) * 1000000)::int8 AS statement_started,
    backend_type AS kind, coalesce(application_name, '') AS application,
    coalesce(usename::text, '') AS role, coalesce(datname::text, '') AS base,
    host(client_addr) AS client, coalesce(state, '') AS state,
    extract(epoch FROM clock_timestamp() - xact_start)::float8 AS transaction,
    CASE WHEN state = 'active' OR state LIKE 'fastpath%'
         THEN extract(epoch FROM clock_timestamp() - query_start)::float8 END AS statement_for,
    CASE WHEN wait_event_type <> 'Client' THEN wait_event_type || ': ' || wait_event END AS waits_for,
    ARRAY(SELECT DISTINCT waiting.pid FROM pg_locks AS waiting
           WHERE NOT waiting.granted AND activity.pid = ANY (pg_blocking_pids(waiting.pid))
           ORDER BY 1) AS blocks,
    coalesce(left(query, 10000), '') AS statement,
    coalesce(datname = current_database(), false) AS is_here,
    coalesce((SELECT rolsuper FROM pg_roles WHERE oid = usesysid), false) AS is_superuser
  FROM pg_stat_activity AS activity WHERE pid = $1::int4";

/// Clients that are idle now, and how many others of that name there are.
const POOL: &str = "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::int8 AS started,
    coalesce(state = 'idle', false) AS is_idle,
    extract(epoch FROM clock_timestamp() - state_change)::float8 AS idle_for,
    coalesce((SELECT rolsuper FROM pg_roles WHERE oid = usesysid), false) AS is_superuser
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND datname = current_database() AND application_name = $1
   AND pid <> pg_backend_pid()
 ORDER BY state_change, pid LIMIT 2000";

struct Known {
    pid: i32,
    started: Option<i64>,
    statement_started: Option<i64>,
    kind: Option<String>,
    application: String,
    role: String,
    base: String,
    client: Option<String>,
    state: String,
    transaction: Option<f64>,
    statement_for: Option<f64>,
    waits_for: Option<String>,
    blocks: Vec<i32>,
    statement: String,
    is_here: bool,
    is_superuser: bool,
}

impl FromRow<'_, PgRow> for Known {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            pid: row.try_get("pid")?,
            started: row.try_get("started")?,
            statement_started: row.try_get("statement_started")?,
            kind: row.try_get("kind")?,
            application: row.try_get("application")?,
            role: row.try_get("role")?,
            base: row.try_get("base")?,
            client: row.try_get("client")?,
            state: row.try_get("state")?,
            transaction: row.try_get("transaction")?,
            statement_for: row.try_get("statement_for")?,
            waits_for: row.try_get("waits_for")?,
            blocks: row.try_get("blocks")?,
            statement: row.try_get("statement")?,
            is_here: row.try_get("is_here")?,
            is_superuser: row.try_get("is_superuser")?,
        })
    }
}

struct Pooled {
    pid: i32,
    started: Option<i64>,
    is_idle: bool,
    idle_for: Option<f64>,
    is_superuser: bool,
}

impl FromRow<'_, PgRow> for Pooled {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            pid: row.try_get("pid")?,
            started: row.try_get("started")?,
            is_idle: row.try_get("is_idle")?,
            idle_for: row.try_get("idle_for")?,
            is_superuser: row.try_get("is_superuser")?,
        })
    }
}

impl Postgres {
    /// The backend with this process id, within `deadline`; `None` where there is none. One that the role may
    /// not see is an error, since it can't be told from another one.
    pub async fn backend(&self, pid: i32, deadline: Duration) -> Result<Option<Backend>, PostgresError> {
        let rows: Vec<Known> = self.seat.rows(BACKEND, &[Parameter::Whole(pid.into())], deadline).await?;
        rows.into_iter().next().map(backend).transpose()
    }

    /// The connections of the program that calls itself `application` to this database, within `deadline`.
    pub async fn pool(&self, application: &str, deadline: Duration) -> Result<Pool, PostgresError> {
        let rows: Vec<Pooled> = self.seat.rows(POOL, &[Parameter::Text(application)], deadline).await?;
        let (idle, busy): (Vec<Pooled>, Vec<Pooled>) = rows.into_iter().partition(|one| one.is_idle);
        let one = |one: Pooled| {
            Ok(IdleBackend {
                backend: BackendId { pid: one.pid, started: instant(one.started.ok_or_else(hidden)?)? },
                idle_for: length(one.idle_for),
                is_superuser: one.is_superuser,
            })
        };
        Ok(Pool {
            application: application.to_owned(),
            idle: idle.into_iter().map(one).collect::<Result<_, PostgresError>>()?,
            busy: u32::try_from(busy.len()).unwrap_or(u32::MAX),
        })
    }

    /// How many sessions have this name, in whichever database, within `deadline`.
    pub async fn tagged(&self, tag: &SessionTag, deadline: Duration) -> Result<u32, PostgresError> {
        let (number,): (i32,) = self
            .seat
            .rows(
                "SELECT count(*)::int4 FROM pg_stat_activity WHERE application_name = $1",
                &[Parameter::Text(tag.as_str())],
                deadline,
            )
            .await?
            .pop()
            .unwrap_or_default();
        count(number)
    }
}

fn hidden() -> PostgresError {
    PostgresError::NotAllowed("other people's sessions are hidden from it".to_owned())
}

fn backend(row: Known) -> Result<Backend, PostgresError> {
    let statement = without_values(&row.statement);
    let backend_type = row.kind.ok_or_else(hidden)?;
    let kind = SessionKind::of(&backend_type, &row.application, &statement);
    let started = instant(row.started.ok_or_else(hidden)?)?;
    let protection = if backend_type != "client backend" {
        Some(Protection::NotAClient)
    } else if !row.is_here {
        Some(Protection::OtherDatabase)
    } else if SessionTag::is_own(&row.application) || row.application == crate::session::APPLICATION {
        Some(Protection::OwnRun)
    } else if row.is_superuser {
        Some(Protection::Superuser)
    } else if is_precious(kind) {
        Some(Protection::Precious(kind))
    } else {
        None
    };
    Ok(Backend {
        target: Target {
            backend: BackendId { pid: row.pid, started },
            statement: row.statement_started.map(instant).transpose()?,
        },
        kind,
        application: row.application,
        user: row.role,
        database: row.base,
        client: row.client,
        state: row.state,
        transaction: length(row.transaction),
        statement_for: length(row.statement_for),
        waits_for: row.waits_for,
        blocks: row.blocks,
        statement,
        protection,
    })
}

/// Whether a client's work should not be cut off. A statement that is over is none.
pub fn is_precious(kind: SessionKind) -> bool {
    matches!(kind, SessionKind::Dump | SessionKind::IndexBuild | SessionKind::Vacuum)
}
