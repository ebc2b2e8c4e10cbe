//! Indexes that cost writes and help nobody, asked through the seat. Sizes are the catalog's: asking for
//! the file's own takes a lock, which somebody may hold just now.

use std::time::Duration;

use commands::database::{IdleIndex, IdleIndexes};

use crate::{Postgres, PostgresError, count, length, rows};

/// Two indexes do the same when their method, columns, operators, collations, expressions and predicates
/// are alike; where one of them is needed, or was there before, the other one is to go.
const IDLE: &str = "WITH all_of_them AS (
    SELECT i.indexrelid, i.indrelid, i.indisvalid, coalesce(s.idx_scan, 0) AS scans, c.relname, c.relpages,
           i.indisunique OR i.indisprimary OR i.indisexclusion OR i.indisreplident
             OR EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid) AS needed,
           concat_ws('|', c.relam, i.indkey, i.indclass, i.indcollation,
             regexp_replace(i.indexprs::text, ':location -?[0-9]+', '', 'g'), '|',
             regexp_replace(i.indpred::text, ':location -?[0-9]+', '', 'g')) AS shape
      FROM pg_index AS i
      JOIN pg_class AS c ON c.oid = i.indexrelid
      JOIN pg_stat_user_indexes AS s ON s.indexrelid = i.indexrelid
  ), judged AS (
    SELECT *, (SELECT min(other.relname::text) FROM all_of_them AS other
                WHERE other.indrelid = one.indrelid AND other.shape = one.shape AND other.indisvalid
                  AND other.indexrelid <> one.indexrelid
                  AND (other.needed OR other.indexrelid < one.indexrelid)) AS same_as
      FROM all_of_them AS one
  )
  SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || t.relname, judged.relname::text,
         ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = indexrelid AND attnum > 0 ORDER BY attnum),
         judged.relpages::int8 * current_setting('block_size')::int8, scans, NOT indisvalid,
         EXISTS (SELECT FROM pg_stat_progress_create_index WHERE index_relid = indexrelid),
         CASE WHEN NOT needed THEN same_as END
    FROM judged JOIN pg_class AS t ON t.oid = indrelid JOIN pg_namespace AS n ON n.oid = t.relnamespace
   WHERE NOT indisvalid OR (NOT needed AND (scans = 0 OR same_as IS NOT NULL))
   ORDER BY indisvalid, judged.relpages DESC, 1, 2 LIMIT 200";

const SERVER: &str = "SELECT (SELECT count(*) FROM pg_stat_user_indexes)::int4,
    (SELECT extract(epoch FROM clock_timestamp() - stats_reset)::float8
       FROM pg_stat_database WHERE datname = current_database()),
    extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8,
    (SELECT count(*) FROM pg_stat_replication)::int4, pg_is_in_recovery()";

type Row = (String, String, Vec<String>, i64, i64, bool, bool, Option<String>);

impl Postgres {
    /// Indexes of this database that nobody uses, that are there twice or that are invalid, within
    /// `deadline`.
    pub async fn idle_indexes(&self, deadline: Duration) -> Result<IdleIndexes, PostgresError> {
        let found: Vec<Row> = self.seat.rows(IDLE, &[], deadline).await?;
        let (all, since, up, replicas, standby): (i32, Option<f64>, f64, i32, bool) =
            self.seat.ask(SERVER, deadline).await?;
        let index = |(table, name, columns, size, scans, invalid, building, same_as): Row| IdleIndex {
            table,
            name,
            columns,
            size: rows(size),
            scans: rows(scans),
            invalid,
            building,
            same_as,
        };
        Ok(IdleIndexes {
            indexes: found.into_iter().map(index).collect(),
            all: count(all)?,
            since: length(since),
            up: length(Some(up)).unwrap_or_default(),
            replicas: count(replicas)?,
            standby,
        })
    }
}
