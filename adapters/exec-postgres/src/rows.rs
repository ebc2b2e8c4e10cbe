//! How many rows the tables of a backup have now.
//!
//! The names come from a file. They are compared as values with the server's own catalogue, and what is
//! counted is what that says, in the server's own quotes: no character of the file gets into a statement.

use std::time::Duration;

use commands::backup::LiveRows;
use sqlx::AssertSqlSafe;
use tokio::time::Instant;

use crate::error::TOO_SLOW;
use crate::visit::visit;
use crate::{Postgres, PostgresError, rows};

/// All counting together takes no longer; what is left then is estimated.
const COUNTING: Duration = Duration::from_secs(4);

/// One table takes no longer.
const ONE_TABLE: &str = "SELECT set_config('statement_timeout', '1500ms', false)";

/// For each name asked about: the table by `schema.table`, or by `table` alone where the search path finds
/// it. Partitions' statistics are their parent's; where a crash has taken them, the last ANALYZE's count is
/// left. Behind row-level security a count would be too low.
const TABLES: &str = "SELECT asked.name, found.quoted, coalesce(found.may_count, false) AS may_count,
      coalesce(found.known, 0) AS known
    FROM unnest($1::text[]) WITH ORDINALITY AS asked (name, place)
    LEFT JOIN LATERAL (
      SELECT format('%I.%I', nspname, relname) AS quoted,
          has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
            AND NOT row_security_active(c.oid) AS may_count,
          (SELECT sum(CASE
                WHEN pg_stat_get_live_tuples(leaf.oid) = 0 AND pg_stat_get_tuples_deleted(leaf.oid) = 0
                THEN greatest(leaf.reltuples, 0) ELSE pg_stat_get_live_tuples(leaf.oid) END)
             FROM pg_class leaf WHERE leaf.relkind <> 'p'
              AND (leaf.oid = c.oid OR leaf.oid IN (SELECT relid FROM pg_partition_tree(c.oid) WHERE isleaf))
          )::int8 AS known
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'p', 'm')
          AND (nspname || '.' || relname = asked.name OR (relname = asked.name AND pg_table_is_visible(c.oid)))
        ORDER BY nspname || '.' || relname = asked.name DESC
        LIMIT 1
    ) AS found ON true
    ORDER BY asked.place";

/// The name asked about, the table (`None` where there is none), whether the role may count it, and how many
/// rows the statistics have.
type Table = (String, Option<String>, bool, i64);

impl Postgres {
    /// The name of the database that the bot looks at, and the rows of each of these tables in it, by
    /// `schema.table`, on a connection of its own, within `deadline`.
    pub async fn row_counts(
        &self,
        tables: &[String],
        deadline: Duration,
    ) -> Result<(String, Vec<(String, LiveRows)>), PostgresError> {
        visit(&self.options, deadline, async |connection| {
            let database: String = sqlx::query_scalar("SELECT current_database()::text")
                .persistent(false)
                .fetch_one(&mut *connection)
                .await
                .map_err(PostgresError::of_question)?;
            let found: Vec<Table> = sqlx::query_as(TABLES)
                .bind(tables)
                .persistent(false)
                .fetch_all(&mut *connection)
                .await
                .map_err(PostgresError::of_question)?;
            sqlx::query(ONE_TABLE)
                .persistent(false)
                .execute(&mut *connection)
                .await
                .map_err(PostgresError::of_question)?;
            let until = Instant::now() + COUNTING;
            let mut counted = Vec::new();
            for (name, quoted, may_count, known) in found {
                let live = match quoted {
                    None => LiveRows::Missing,
                    Some(_) if !may_count => LiveRows::NotAllowed(rows(known)),
                    Some(_) if Instant::now() >= until => LiveRows::TooSlow(rows(known)),
                    Some(quoted) => {
                        // The server has put the quotes: see above.
                        let count = AssertSqlSafe(format!("SELECT count(*) FROM {quoted}"));
                        let counted = sqlx::query_scalar::<_, i64>(count).persistent(false);
                        match counted.fetch_one(&mut *connection).await {
                            Ok(number) => LiveRows::Counted(rows(number)),
                            Err(sqlx::Error::Database(error)) => match error.code().as_deref() {
                                Some(code) if TOO_SLOW.contains(&code) => LiveRows::TooSlow(rows(known)),
                                // The right was taken away since.
                                Some("42501") => LiveRows::NotAllowed(rows(known)),
                                // Dropped since it was found.
                                Some("42P01") => LiveRows::Missing,
                                _ => return Err(PostgresError::of_question(sqlx::Error::Database(error))),
                            },
                            Err(error) => return Err(PostgresError::of_question(error)),
                        }
                    }
                };
                counted.push((name, live));
            }
            Ok((database, counted))
        })
        .await
    }
}
