//! What goes on for too long, asked through the seat.

use std::time::Duration;

use commands::database::{LongQueries, LongSession, SessionKind};
use commands::statement::without_values;

use crate::seat::Parameter;
use crate::{Postgres, PostgresError, count, length};

/// Everything that is not idle. An idle session in a transaction runs nothing, so its statement is the
/// last one and only its transaction counts. Who waits is read from `pg_locks`, which hides nothing.
const SESSIONS: &str = "WITH waiting AS (
    SELECT pid, pg_blocking_pids(pid) AS blockers
      FROM (SELECT DISTINCT pid FROM pg_locks WHERE NOT granted AND pid IS NOT NULL) AS queued
  ), sessions AS (
    SELECT pid, coalesce(backend_type, '') AS kind, coalesce(application_name, '') AS application,
           coalesce(usename::text, '') AS role, coalesce(datname::text, '') AS base, state,
           extract(epoch FROM clock_timestamp() - xact_start)::float8 AS transaction,
           CASE WHEN state NOT LIKE 'idle in transaction%'
                THEN extract(epoch FROM clock_timestamp() - query_start)::float8 END AS statement_for,
           extract(epoch FROM clock_timestamp() - state_change)::float8 AS in_state,
           CASE WHEN wait_event_type <> 'Client' THEN wait_event_type || ': ' || wait_event END AS waits_for,
           coalesce(left(query, 10000), '') AS statement
      FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid()
    UNION ALL
    SELECT 0, 'prepared transaction', gid, owner::text, database::text, 'prepared',
           extract(epoch FROM clock_timestamp() - prepared)::float8, NULL, NULL, NULL, ''
      FROM pg_prepared_xacts
  )
  SELECT pid, kind, application, role, base, state, transaction, statement_for, in_state, waits_for,
         coalesce((SELECT blockers FROM waiting WHERE waiting.pid = sessions.pid), '{}'),
         (SELECT count(*) FROM waiting WHERE sessions.pid = ANY (blockers))::int4, statement
    FROM sessions WHERE greatest(transaction, statement_for) >= $1
   ORDER BY greatest(transaction, statement_for) DESC, pid LIMIT 200";

/// The text that the server puts in place of what a role may not see.
const HIDDEN: &str = "SELECT count(*)::int4 FROM pg_stat_activity WHERE query = '<insufficient privilege>'";

type Row = (
    i32,
    String,
    String,
    String,
    String,
    String,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<String>,
    Vec<i32>,
    i32,
    String,
);

impl Postgres {
    /// Sessions whose statement or transaction has gone on for `over` or longer, within `deadline`.
    pub async fn long_queries(
        &self,
        over: Duration,
        deadline: Duration,
    ) -> Result<LongQueries, PostgresError> {
        let rows: Vec<Row> =
            self.seat.rows(SESSIONS, &[Parameter::Seconds(over.as_secs_f64())], deadline).await?;
        let (hidden,): (i32,) = self.seat.ask(HIDDEN, deadline).await?;
        let sessions = rows.into_iter().map(session).collect::<Result<_, _>>()?;
        Ok(LongQueries { sessions, hidden: count(hidden)? })
    }
}

fn session(row: Row) -> Result<LongSession, PostgresError> {
    let (
        pid,
        kind,
        application,
        user,
        database,
        state,
        transaction,
        statement_for,
        in_state,
        waits_for,
        blockers,
        blocks,
        text,
    ) = row;
    let statement = without_values(&text);
    let mut blocked_by = blockers;
    // A parallel leader stands in it once for each of its workers.
    blocked_by.sort_unstable();
    blocked_by.dedup();
    Ok(LongSession {
        pid,
        kind: SessionKind::of(&kind, &application, &statement),
        application,
        user,
        database,
        state,
        transaction: length(transaction),
        statement_for: length(statement_for),
        in_state: length(in_state),
        waits_for,
        blocked_by,
        blocks: count(blocks)?,
        statement,
    })
}
