//! Announced work, with the silence that it began with.

use commands::ids::{RunId, ServiceName};
use commands::silence::SilenceId;
use jiff::Timestamp;

use crate::column::{micros, timestamp, unknown};
use crate::{Result, Store, StoreError};

const TABLE: &str = "maintenance";

/// One maintenance that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// The command that began it; the same one again begins nothing.
    pub run: RunId,
    /// On which service.
    pub service: ServiceName,
    /// Why, as typed.
    pub why: String,
    /// Who, as in the configuration.
    pub person: String,
    /// When it began.
    pub begun: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// What holds its alerts back, where there is something.
    pub silence: Option<SilenceId>,
}

impl Store {
    /// Records that one begins. The run that began one gets that one again, as it was recorded first.
    pub async fn begin_maintenance(&self, begun: Maintenance) -> Result<Maintenance> {
        stored(transacting!(self, begin(begun))?)
    }

    /// Records what holds its alerts back.
    pub async fn silenced(&self, run: RunId, silence: SilenceId) -> Result<()> {
        writing!(self, set_silence((run, silence)))
    }

    /// Those that are under way at `now`, the oldest first.
    pub async fn maintenances(&self, now: Timestamp) -> Result<Vec<Maintenance>> {
        reading!(self, under_way(micros(now)))?.into_iter().map(stored).collect()
    }

    /// Ends one. `false` if there is none of that run, or it has ended.
    pub async fn end_maintenance(&self, run: RunId, person: &str, now: Timestamp) -> Result<bool> {
        writing!(self, end((run, person.to_owned(), micros(now))))
    }
}

/// run, service, why, person, `begun_at`, `until_at`, silence.
type Columns = (String, String, String, String, i64, i64, Option<String>);

fn stored((run, service, why, person, begun, until, silence): Columns) -> Result<Maintenance> {
    let broken = |what: String| StoreError::Decode { table: TABLE, what };
    Ok(Maintenance {
        run: run.parse().map_err(|_| broken(format!("run {run}")))?,
        service: service.parse().map_err(|error| unknown(TABLE, &error))?,
        why,
        person,
        begun: timestamp(TABLE, begun)?,
        until: timestamp(TABLE, until)?,
        silence: silence.map(SilenceId::try_from).transpose().map_err(|what| broken(what.to_owned()))?,
    })
}

per_driver! {
    pub(super) async fn begin(connection: &mut Connection, begun: &Maintenance) -> Result<Columns> {
        sqlx::query(
            "INSERT INTO maintenance (run, service, why, person, begun_at, until_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (run) DO NOTHING",
        )
        .bind(begun.run.to_string())
        .bind(begun.service.as_str())
        .bind(&begun.why)
        .bind(&begun.person)
        .bind(micros(begun.begun))
        .bind(micros(begun.until))
        .execute(&mut *connection)
        .await?;
        let row = sqlx::query_as(
            "SELECT run, service, why, person, begun_at, until_at, silence FROM maintenance WHERE run = $1",
        )
        .bind(begun.run.to_string())
        .fetch_one(connection)
        .await?;
        Ok(row)
    }

    pub(super) async fn set_silence(
        connection: &mut Connection,
        (run, silence): &(RunId, SilenceId),
    ) -> Result<()> {
        sqlx::query("UPDATE maintenance SET silence = $2 WHERE run = $1")
            .bind(run.to_string())
            .bind(silence.as_str())
            .execute(connection)
            .await?;
        Ok(())
    }

    pub(super) async fn under_way(connection: &mut Connection, now: i64) -> Result<Vec<Columns>> {
        let rows = sqlx::query_as(
            "SELECT run, service, why, person, begun_at, until_at, silence FROM maintenance \
             WHERE ended_at IS NULL AND until_at > $1 ORDER BY begun_at, run",
        )
        .bind(now)
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }

    pub(super) async fn end(
        connection: &mut Connection,
        (run, person, at): &(RunId, String, i64),
    ) -> Result<bool> {
        let ended = sqlx::query(
            "UPDATE maintenance SET ended_at = $3, ended_by = $2 WHERE run = $1 AND ended_at IS NULL",
        )
        .bind(run.to_string())
        .bind(person)
        .bind(at)
        .execute(connection)
        .await?;
        Ok(ended.rows_affected() == 1)
    }
}
