//! Who waits for whom, asked through the seat.

use std::time::Duration;

use commands::database::{LockSession, LockWait};
use commands::statement::without_values;

use crate::{Postgres, PostgresError, length};

/// Whoever waits, and whoever is waited for. Who waits for a row waits for another transaction to end, and
/// holds the row's `tuple` lock meanwhile, which names the table. Before PostgreSQL 14 `waitstart` is not
/// there, and the start of the statement stands in for it.
const SESSIONS: &str = "WITH queued AS (
    SELECT DISTINCT ON (pid) pid, locktype, mode, database, relation,
           (to_jsonb(pg_locks) ->> 'waitstart')::timestamptz AS since
      FROM pg_locks WHERE NOT granted AND pid IS NOT NULL ORDER BY pid
  ), waiting AS (
    SELECT queued.*, pg_blocking_pids(pid) AS blockers FROM queued
  ), involved AS (
    SELECT pid FROM waiting WHERE cardinality(blockers) > 0
    UNION SELECT unnest(blockers) FROM waiting
  ), places AS (
    SELECT DISTINCT ON (pid) pid, database, relation FROM pg_locks
     WHERE locktype = 'tuple' AND granted AND pid IS NOT NULL ORDER BY pid
  )
  SELECT involved.pid,
         coalesce(application_name, CASE WHEN involved.pid = 0 THEN 'prepared transaction' ELSE '' END),
         coalesce(usename::text, ''), state,
         extract(epoch FROM clock_timestamp() - xact_start)::float8,
         coalesce(blockers, '{}'), locktype, mode,
         CASE WHEN coalesce(waiting.database, places.database)
                   = (SELECT oid FROM pg_database WHERE datname = current_database())
              THEN coalesce(waiting.relation, places.relation)::regclass::text END,
         extract(epoch FROM clock_timestamp() - coalesce(since, query_start))::float8,
         coalesce(left(query, 10000), '')
    FROM involved
    LEFT JOIN waiting ON waiting.pid = involved.pid AND cardinality(blockers) > 0
    LEFT JOIN places ON places.pid = waiting.pid
    LEFT JOIN pg_stat_activity AS activity ON activity.pid = involved.pid
   ORDER BY 10 DESC NULLS FIRST, 1 LIMIT 500";

type Row = (
    i32,
    String,
    String,
    Option<String>,
    Option<f64>,
    Vec<i32>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<f64>,
    String,
);

impl Postgres {
    /// Sessions that wait for a lock and those that they wait for, within `deadline`.
    pub async fn locks(&self, deadline: Duration) -> Result<Vec<LockSession>, PostgresError> {
        let rows: Vec<Row> = self.seat.rows(SESSIONS, &[], deadline).await?;
        Ok(rows.into_iter().map(session).collect())
    }
}

fn session(row: Row) -> LockSession {
    let (pid, application, user, state, transaction, mut blocked_by, kind, mode, relation, since, text) = row;
    let waits = kind.zip(mode).map(|(kind, mode)| LockWait { kind, mode, relation, since: length(since) });
    blocked_by.sort_unstable();
    blocked_by.dedup();
    let statement = without_values(&text);
    LockSession {
        pid,
        application,
        user,
        state,
        transaction: length(transaction),
        waits,
        blocked_by,
        statement,
    }
}
