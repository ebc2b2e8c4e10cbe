//! Tables as `VACUUM` and `ANALYZE` see them, and what is to be known before an index is made or dropped.
//! Asked through the seat. Sizes are the catalogue's: asking for the files' own takes locks.

use std::time::Duration;

use commands::table::{
    IndexDefinition, IndexFound, IndexProgress, IndexState, OpenTransaction, TableName, TableState,
};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

use crate::seat::Parameter;
use crate::{Postgres, PostgresError, length, rows};

/// Every table that somebody has made. A partitioned one has no rows of its own, and `VACUUM` goes to its
/// partitions.
const TABLES: &str = "SELECT n.nspname::text AS schema, c.relname::text AS name,
    ((c.relpages + coalesce((SELECT sum(i.relpages) FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid
                              WHERE indrelid = c.oid), 0)) * current_setting('block_size')::int8)::int8 AS size,
    coalesce(s.n_live_tup, 0)::int8 AS live, coalesce(s.n_dead_tup, 0)::int8 AS dead,
    extract(epoch FROM clock_timestamp() - greatest(s.last_vacuum, s.last_autovacuum))::float8 AS vacuumed,
    extract(epoch FROM clock_timestamp() - greatest(s.last_analyze, s.last_autoanalyze))::float8 AS analyzed,
    coalesce(s.vacuum_count, 0)::int8 AS vacuums, coalesce(s.analyze_count, 0)::int8 AS analyzes
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_stat_user_tables AS s ON s.relid = c.oid
 WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
   AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
 ORDER BY 1, 2 LIMIT 2000";

/// One row, whether the table is there or not. What does the same has the same columns in its key, no
/// expression and no condition, and is a `btree` as `CREATE INDEX` makes it.
const INDEX: &str = "WITH wanted AS (
    SELECT c.oid, c.relpages, c.relnamespace FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'm', 'p')
  ), keyed AS (
    SELECT i.indexrelid, i.indisvalid AND i.indisready AND i.indislive AS valid, i.indisunique AS is_unique,
           ic.relname::text AS name, ic.relpages,
           i.indpred IS NULL AND i.indexprs IS NULL AND am.amname = 'btree'
             AND i.indnkeyatts = i.indnatts
             AND NOT EXISTS (SELECT FROM unnest(i.indoption::int2[]) AS o WHERE o <> 0)
             AND NOT EXISTS (SELECT FROM unnest(i.indclass::oid[]) AS k JOIN pg_opclass AS oc ON oc.oid = k
                              WHERE NOT oc.opcdefault)
             AND ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (n, place)
                         JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.n
                        ORDER BY k.place) = $4::text[] AS same
      FROM wanted JOIN pg_index AS i ON i.indrelid = wanted.oid
      JOIN pg_class AS ic ON ic.oid = i.indexrelid JOIN pg_am AS am ON am.oid = ic.relam
  ), named AS (
    SELECT c.oid, c.relkind FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $3
  )
  SELECT EXISTS (SELECT FROM wanted) AS has_table,
    ARRAY(SELECT asked FROM unnest($4::text[]) AS asked
           WHERE NOT EXISTS (SELECT FROM pg_attribute JOIN wanted ON attrelid = wanted.oid
                              WHERE attname = asked AND attnum > 0 AND NOT attisdropped)) AS missing_columns,
    (SELECT CASE WHEN relkind IN ('i', 'I') THEN pg_get_indexdef(oid) ELSE 'no index' END FROM named) AS found,
    coalesce((SELECT same AND is_unique = $5 FROM keyed WHERE name = $3), false) AS as_defined,
    coalesce((SELECT valid FROM keyed WHERE name = $3), false) AS valid,
    EXISTS (SELECT FROM pg_stat_progress_create_index JOIN named ON index_relid = named.oid) AS building,
    (SELECT relpages::int8 * current_setting('block_size')::int8 FROM keyed WHERE name = $3) AS size,
    (SELECT min(name) FROM keyed WHERE same AND valid AND (is_unique OR NOT $5) AND name <> $3) AS same_as,
    coalesce((SELECT relpages::int8 * current_setting('block_size')::int8 FROM wanted), 0) AS table_size";

/// `CREATE INDEX CONCURRENTLY` waits for every transaction of the database that was open before: for those
/// that have written to the table, and in the end for all that hold a snapshot. `VACUUM` and other such
/// builds are left out by the server itself.
const OPEN: &str = "SELECT pid, coalesce(application_name, ''),
    extract(epoch FROM clock_timestamp() - xact_start)::float8
  FROM pg_stat_activity
 WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
   AND backend_type IN ('client backend', 'parallel worker')
 UNION ALL
 SELECT 0, gid, extract(epoch FROM clock_timestamp() - prepared)::float8
   FROM pg_prepared_xacts WHERE database = current_database()
 ORDER BY 3 DESC NULLS LAST LIMIT 200";

const PROGRESS: &str = "SELECT p.pid, coalesce(a.application_name, '') AS application,
    p.relid::regclass::text AS place, (SELECT relname::text FROM pg_class WHERE oid = p.index_relid) AS index,
    p.phase, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total, p.lockers_done, p.lockers_total,
    nullif(p.current_locker_pid, 0)::int4 AS waits_for
  FROM pg_stat_progress_create_index AS p LEFT JOIN pg_stat_activity AS a ON a.pid = p.pid
 WHERE p.datname = current_database() ORDER BY p.pid";

struct Table {
    schema: String,
    name: String,
    size: i64,
    live: i64,
    dead: i64,
    vacuumed: Option<f64>,
    analyzed: Option<f64>,
    vacuums: i64,
    analyzes: i64,
}

impl FromRow<'_, PgRow> for Table {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            size: row.try_get("size")?,
            live: row.try_get("live")?,
            dead: row.try_get("dead")?,
            vacuumed: row.try_get("vacuumed")?,
            analyzed: row.try_get("analyzed")?,
            vacuums: row.try_get("vacuums")?,
            analyzes: row.try_get("analyzes")?,
        })
    }
}

struct Index {
    has_table: bool,
    missing_columns: Vec<String>,
    found: Option<String>,
    as_defined: bool,
    valid: bool,
    building: bool,
    size: Option<i64>,
    same_as: Option<String>,
    table_size: i64,
}

impl FromRow<'_, PgRow> for Index {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            has_table: row.try_get("has_table")?,
            missing_columns: row.try_get("missing_columns")?,
            found: row.try_get("found")?,
            as_defined: row.try_get("as_defined")?,
            valid: row.try_get("valid")?,
            building: row.try_get("building")?,
            size: row.try_get("size")?,
            same_as: row.try_get("same_as")?,
            table_size: row.try_get("table_size")?,
        })
    }
}

struct Progress {
    pid: i32,
    application: String,
    place: String,
    index: Option<String>,
    phase: String,
    blocks_done: i64,
    blocks_total: i64,
    tuples_done: i64,
    tuples_total: i64,
    lockers_done: i64,
    lockers_total: i64,
    waits_for: Option<i32>,
}

impl FromRow<'_, PgRow> for Progress {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            pid: row.try_get("pid")?,
            application: row.try_get("application")?,
            place: row.try_get("place")?,
            index: row.try_get("index")?,
            phase: row.try_get("phase")?,
            blocks_done: row.try_get("blocks_done")?,
            blocks_total: row.try_get("blocks_total")?,
            tuples_done: row.try_get("tuples_done")?,
            tuples_total: row.try_get("tuples_total")?,
            lockers_done: row.try_get("lockers_done")?,
            lockers_total: row.try_get("lockers_total")?,
            waits_for: row.try_get("waits_for")?,
        })
    }
}

impl Postgres {
    /// Every table of this database, by name, at most 2,000 of them, within `deadline`.
    pub async fn tables(&self, deadline: Duration) -> Result<Vec<TableState>, PostgresError> {
        let found: Vec<Table> = self.seat.rows(TABLES, &[], deadline).await?;
        let table = |one: Table| TableState {
            name: TableName { schema: one.schema, table: one.name },
            size: rows(one.size),
            live: rows(one.live),
            dead: rows(one.dead),
            vacuumed: length(one.vacuumed),
            analyzed: length(one.analyzed),
            vacuums: rows(one.vacuums),
            analyzes: rows(one.analyzes),
        };
        Ok(found.into_iter().map(table).collect())
    }

    /// What there is of an index and what stands in its way, within `deadline`.
    pub async fn index(
        &self,
        wanted: &IndexDefinition,
        deadline: Duration,
    ) -> Result<IndexState, PostgresError> {
        let parameters = [
            Parameter::Text(&wanted.table.schema),
            Parameter::Text(&wanted.table.table),
            Parameter::Text(&wanted.name),
            Parameter::Texts(&wanted.columns),
            Parameter::Flag(wanted.unique),
        ];
        let state: Vec<Index> = self.seat.rows(INDEX, &parameters, deadline).await?;
        let open: Vec<(i32, String, Option<f64>)> = self.seat.rows(OPEN, &[], deadline).await?;
        let state = state.into_iter().next();
        let state = state.ok_or_else(|| PostgresError::Failed("it answered with no row".to_owned()))?;
        let found = match state.found {
            None => IndexFound::Nothing,
            Some(_) if state.building => IndexFound::Building,
            Some(words) if !state.as_defined => IndexFound::Other(words),
            Some(_) if state.valid => IndexFound::Valid { size: rows(state.size.unwrap_or(0)) },
            Some(_) => IndexFound::Invalid,
        };
        let waits_for = open.into_iter().map(|(pid, application, since)| OpenTransaction {
            pid,
            application,
            since: length(since),
        });
        Ok(IndexState {
            has_table: state.has_table,
            missing_columns: state.missing_columns,
            found,
            same_as: state.same_as,
            table_size: rows(state.table_size),
            waits_for: waits_for.collect(),
        })
    }

    /// The indexes that are being made in this database, within `deadline`.
    pub async fn index_progress(&self, deadline: Duration) -> Result<Vec<IndexProgress>, PostgresError> {
        let found: Vec<Progress> = self.seat.rows(PROGRESS, &[], deadline).await?;
        let progress = |one: Progress| IndexProgress {
            pid: one.pid,
            application: one.application,
            table: one.place,
            index: one.index,
            phase: one.phase,
            blocks: (rows(one.blocks_done), rows(one.blocks_total)),
            rows: (rows(one.tuples_done), rows(one.tuples_total)),
            lockers: (rows(one.lockers_done), rows(one.lockers_total)),
            waits_for: one.waits_for,
        };
        Ok(found.into_iter().map(progress).collect())
    }
}
