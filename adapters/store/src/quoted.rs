//! Messages that somebody wants on a timeline while it is not said on which.

use commands::ids::RunId;
use commands::quoted::Quoted;
use jiff::Timestamp;

use crate::column::{from_json, json, micros};
use crate::{Result, Store};

const TABLE: &str = "quoted";

impl Store {
    /// Keeps a message until somebody says which incident it belongs to. Of a run the first one stays.
    pub async fn keep_quoted(&self, run: RunId, quoted: &Quoted, now: Timestamp) -> Result<()> {
        writing!(self, keep((run, json(quoted), micros(now))))
    }

    /// What was kept; `None` once it is forgotten.
    pub async fn quoted(&self, run: RunId) -> Result<Option<Quoted>> {
        let kept = reading!(self, of(run))?;
        kept.map(|quoted| from_json(TABLE, &quoted)).transpose()
    }

    /// Forgets what was kept before a time and says how many.
    pub async fn forget_quoted(&self, before: Timestamp) -> Result<u64> {
        writing!(self, forget(micros(before)))
    }
}

per_driver! {
    pub(super) async fn keep(connection: &mut Connection, kept: &(RunId, String, i64)) -> Result<()> {
        let (run, quoted, at) = kept;
        sqlx::query("INSERT INTO quoted (run, at, quoted) VALUES ($1, $2, $3) ON CONFLICT (run) DO NOTHING")
            .bind(run.to_string())
            .bind(at)
            .bind(quoted)
            .execute(connection)
            .await?;
        Ok(())
    }

    pub(super) async fn of(connection: &mut Connection, run: RunId) -> Result<Option<String>> {
        let sql = "SELECT quoted FROM quoted WHERE run = $1";
        Ok(sqlx::query_scalar(sql).bind(run.to_string()).fetch_optional(connection).await?)
    }

    pub(super) async fn forget(connection: &mut Connection, before: &i64) -> Result<u64> {
        let done = sqlx::query("DELETE FROM quoted WHERE at < $1").bind(before).execute(connection).await?;
        Ok(done.rows_affected())
    }
}
