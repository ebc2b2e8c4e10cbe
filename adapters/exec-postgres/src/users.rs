//! How many users there are, counted if that may be done and goes fast enough.

use std::time::Duration;

use commands::database::{UserCount, Users};

use crate::error::TOO_SLOW;
use crate::visit::visit;
use crate::{Postgres, PostgresError, length, rows};

/// What the server knows of the table without reading it. `reltuples` is -1 before the first `ANALYZE`.
const KNOWN: &str = "SELECT has_any_column_privilege(oid, 'SELECT'), reltuples::float8::int8,
    coalesce(n_live_tup, 0), coalesce(n_tup_ins, 0), coalesce(n_tup_del, 0),
    extract(epoch FROM clock_timestamp()
      - greatest(last_vacuum, last_autovacuum, last_analyze, last_autoanalyze))::float8,
    (SELECT extract(epoch FROM clock_timestamp() - stats_reset)::float8
       FROM pg_stat_database WHERE datname = current_database())
  FROM pg_class LEFT JOIN pg_stat_user_tables ON relid = oid WHERE oid = to_regclass('users')";

type Known = (bool, i64, i64, i64, i64, Option<f64>, Option<f64>);

impl Postgres {
    /// The table `users` in the role's search path, on a connection of its own, within `deadline`. `None`
    /// when there is no such table.
    pub async fn users(&self, deadline: Duration) -> Result<Option<Users>, PostgresError> {
        visit(&self.options, deadline, async |connection| {
            let known: Option<Known> = sqlx::query_as(KNOWN)
                .persistent(false)
                .fetch_optional(&mut *connection)
                .await
                .map_err(PostgresError::of_question)?;
            let Some((may_count, before, live, inserted, deleted, looked, since)) = known else {
                return Ok(None);
            };
            let count = if may_count {
                let counted = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM users").persistent(false);
                match counted.fetch_one(&mut *connection).await {
                    Ok(number) => UserCount::Exact(rows(number)),
                    Err(sqlx::Error::Database(error))
                        if error.code().is_some_and(|code| TOO_SLOW.contains(&code.as_ref())) =>
                    {
                        UserCount::TooSlow(rows(live))
                    }
                    Err(error) => return Err(PostgresError::of_question(error)),
                }
            } else {
                UserCount::NotAllowed(rows(live))
            };
            let before = u64::try_from(before).ok().map(|before| (before, length(looked)));
            Ok(Some(Users {
                count,
                before,
                inserted: rows(inserted),
                deleted: rows(deleted),
                since: length(since),
            }))
        })
        .await
    }
}
