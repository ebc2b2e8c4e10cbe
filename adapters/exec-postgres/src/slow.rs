//! `pg_stat_statements`, whose columns are called differently from version to version: PostgreSQL 13 has
//! made `total_exec_time` of `total_time`, and 14 has added `pg_stat_statements_info`.

use std::time::Duration;

use commands::database::{SlowBy, SlowStatement, SlowStatements};
use commands::statement::without_values;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::visit::visit;
use crate::{Postgres, PostgresError, length};

/// How many statements are shown.
const MOST: u32 = 10;

/// The extension in this database: its version, its schema as it has to be quoted, and which columns and
/// views it has. One row, whether it is there or not.
const EXTENSION: &str = "SELECT current_database()::text, extversion, quote_ident(nspname),
    coalesce((SELECT array_agg(attname::text) FROM pg_attribute
               WHERE attrelid = to_regclass(format('%I.pg_stat_statements', coalesce(nspname, 'pg_catalog'))) AND attnum > 0), '{}'),
    to_regclass(format('%I.pg_stat_statements_info', coalesce(nspname, 'pg_catalog'))) IS NOT NULL,
    EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements'),
    (SELECT setting LIKE '%pg_stat_statements%' FROM pg_settings WHERE name = 'shared_preload_libraries')
  FROM (SELECT 1) AS always
  LEFT JOIN (pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace)
    ON extname = 'pg_stat_statements'";

type Extension = (String, Option<String>, Option<String>, Vec<String>, bool, bool, Option<bool>);

/// SQLSTATE of a view whose library the server did not load at start.
const NOT_LOADED: &str = "55000";

impl Postgres {
    /// The costliest statements of this database, on a connection of their own, within `deadline`.
    pub async fn slow(&self, by: SlowBy, deadline: Duration) -> Result<SlowStatements, PostgresError> {
        visit(&self.options, deadline, async |connection| {
            let (database, version, schema, columns, has_info, available, preloaded): Extension =
                sqlx::query_as(EXTENSION)
                    .persistent(false)
                    .fetch_one(&mut *connection)
                    .await
                    .map_err(PostgresError::of_question)?;
            let (Some(version), Some(schema)) = (version, schema) else {
                return Ok(SlowStatements::NotInstalled { database, available, preloaded });
            };
            let new_names = columns.iter().any(|column| column == "total_exec_time");
            match read(connection, &schema, new_names, has_info, by).await {
                Ok((statements, since, dropped)) => {
                    Ok(SlowStatements::Read { version, since: length(since), dropped, statements })
                }
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NOT_LOADED) => {
                    Ok(SlowStatements::NotLoaded)
                }
                Err(error) => Err(PostgresError::of_question(error)),
            }
        })
        .await
    }
}

type Found = (Vec<SlowStatement>, Option<f64>, Option<i64>);

/// `schema` comes quoted from the server; everything else in the text is a constant.
async fn read(
    connection: &mut PgConnection,
    schema: &str,
    new_names: bool,
    has_info: bool,
    by: SlowBy,
) -> Result<Found, sqlx::Error> {
    let time = if new_names { "total_exec_time" } else { "total_time" };
    let order = match by {
        SlowBy::Total => "2",
        SlowBy::Mean => "3",
    };
    // One row for each role that runs the statement, which is one statement all the same.
    let statements = format!(
        "SELECT sum(calls)::int8, sum({time})::float8, (sum({time}) / greatest(sum(calls), 1))::float8, \
                sum(rows)::int8, coalesce(left(min(query), 10000), '') \
           FROM {schema}.pg_stat_statements \
          WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
          GROUP BY queryid, CASE WHEN queryid IS NULL THEN userid END HAVING sum(calls) > 0 \
          ORDER BY {order} DESC, 1 DESC LIMIT {MOST}"
    );
    let rows: Vec<(i64, f64, f64, i64, String)> =
        sqlx::query_as(AssertSqlSafe(statements)).persistent(false).fetch_all(&mut *connection).await?;
    let statements = rows.into_iter().map(|(calls, total_ms, mean_ms, rows, text)| SlowStatement {
        calls,
        total_ms,
        mean_ms,
        rows,
        statement: without_values(&text),
    });
    let statements = statements.collect();
    if !has_info {
        return Ok((statements, None, None));
    }
    let info = format!(
        "SELECT extract(epoch FROM clock_timestamp() - stats_reset)::float8, dealloc::int8 \
           FROM {schema}.pg_stat_statements_info"
    );
    let (since, dropped) =
        sqlx::query_as(AssertSqlSafe(info)).persistent(false).fetch_one(&mut *connection).await?;
    Ok((statements, since, dropped))
}
