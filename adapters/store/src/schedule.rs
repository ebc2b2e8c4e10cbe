//! What the bot does by itself: since when it is to, and for which times it was taken on. Of many processes one takes a
//! time on, and only one that died with it is followed by another.

use commands::ids::RunId;
use jiff::Timestamp;

use crate::column::{micros, timestamp};
use crate::plan::run_id;
use crate::{Result, Store};

const TABLE: &str = "schedule";
const RUNS: &str = "schedule_run";

/// How far a schedule came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleState {
    /// Its name.
    pub name: String,
    /// Since when it is written as it is.
    pub since: Timestamp,
    /// The last time that somebody took on.
    pub last: Option<Timestamp>,
}

/// A time that somebody took on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOn {
    /// Of which schedule.
    pub name: String,
    /// When it was due.
    pub due: Timestamp,
    /// The run that it became.
    pub run: RunId,
    /// When somebody took it on.
    pub taken: Timestamp,
}

impl Store {
    /// Records how schedules are written now, each by its name. One that is written otherwise than before begins at `now`.
    pub async fn write_schedules(&self, written: Vec<(String, String)>, now: Timestamp) -> Result<()> {
        transacting!(self, write((written, micros(now))))
    }

    /// All that were ever written.
    pub async fn schedules(&self) -> Result<Vec<ScheduleState>> {
        let rows = reading!(self, states())?;
        rows.into_iter()
            .map(|(name, since, last)| {
                let last = last.map(|last| timestamp(RUNS, last)).transpose()?;
                Ok(ScheduleState { name, since: timestamp(TABLE, since)?, last })
            })
            .collect()
    }

    /// Takes a time on. `false` if somebody has; then it is theirs.
    pub async fn take_on(&self, taken: TakenOn) -> Result<bool> {
        writing!(self, take(taken))
    }

    /// Those that were taken on until `before` and did not come to anything: whoever did so is gone.
    pub async fn unsettled(&self, before: Timestamp) -> Result<Vec<TakenOn>> {
        let rows = reading!(self, unsettled(micros(before)))?;
        rows.into_iter()
            .map(|(name, due, run, taken)| {
                Ok(TakenOn {
                    name,
                    due: timestamp(RUNS, due)?,
                    run: run_id(RUNS, &run)?,
                    taken: timestamp(RUNS, taken)?,
                })
            })
            .collect()
    }

    /// Takes one of those on at `now`. `false` if somebody else was faster.
    pub async fn take_over_schedule(&self, taken: TakenOn, now: Timestamp) -> Result<bool> {
        writing!(self, take_over((taken, micros(now))))
    }

    /// Records that a time that was taken on came to something: a plan, an answer or a refusal.
    pub async fn settle(&self, taken: TakenOn, now: Timestamp) -> Result<()> {
        writing!(self, settle((taken, micros(now))))
    }
}

per_driver! {
    pub(super) async fn write(
        connection: &mut Connection,
        (written, now): &(Vec<(String, String)>, i64),
    ) -> Result<()> {
        for (name, written) in written {
            sqlx::query(
                "INSERT INTO schedule (name, written, since_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (name) DO UPDATE SET written = excluded.written, since_at = excluded.since_at \
                 WHERE schedule.written <> excluded.written",
            )
            .bind(name)
            .bind(written)
            .bind(now)
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }

    pub(super) async fn states(connection: &mut Connection) -> Result<Vec<(String, i64, Option<i64>)>> {
        let rows = sqlx::query_as(
            "SELECT schedule.name, schedule.since_at, \
             (SELECT max(due_at) FROM schedule_run WHERE schedule_run.name = schedule.name) \
             FROM schedule ORDER BY schedule.name",
        )
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }

    pub(super) async fn take(connection: &mut Connection, taken: &TakenOn) -> Result<bool> {
        let took = sqlx::query(
            "INSERT INTO schedule_run (name, due_at, run, taken_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(&taken.name)
        .bind(micros(taken.due))
        .bind(taken.run.to_string())
        .bind(micros(taken.taken))
        .execute(connection)
        .await?;
        Ok(took.rows_affected() == 1)
    }

    pub(super) async fn unsettled(
        connection: &mut Connection,
        before: i64,
    ) -> Result<Vec<(String, i64, String, i64)>> {
        let rows = sqlx::query_as(
            "SELECT name, due_at, run, taken_at FROM schedule_run WHERE settled_at IS NULL AND taken_at <= $1 \
             ORDER BY due_at, name",
        )
        .bind(before)
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }

    pub(super) async fn take_over(
        connection: &mut Connection,
        (taken, now): &(TakenOn, i64),
    ) -> Result<bool> {
        let took = sqlx::query(
            "UPDATE schedule_run SET taken_at = $4 \
             WHERE name = $1 AND due_at = $2 AND taken_at = $3 AND settled_at IS NULL",
        )
        .bind(&taken.name)
        .bind(micros(taken.due))
        .bind(micros(taken.taken))
        .bind(now)
        .execute(connection)
        .await?;
        Ok(took.rows_affected() == 1)
    }

    pub(super) async fn settle(connection: &mut Connection, (taken, now): &(TakenOn, i64)) -> Result<()> {
        sqlx::query("UPDATE schedule_run SET settled_at = $3 WHERE name = $1 AND due_at = $2 AND settled_at IS NULL")
            .bind(&taken.name)
            .bind(micros(taken.due))
            .bind(now)
            .execute(connection)
            .await?;
        Ok(())
    }
}
