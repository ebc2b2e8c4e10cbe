//! Which tasks of the configuration were done. Rows are added and never changed; a task that the
//! configuration has no longer keeps its rows.

use jiff::Timestamp;

use crate::column::{micros, timestamp};
use crate::{Result, Store};

/// That a task was done, as somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskDone {
    /// Its name.
    pub task: String,
    /// When they said so.
    pub at: Timestamp,
    /// Who, as in the configuration.
    pub person: String,
}

impl Store {
    /// Records that `done.person` has done the task.
    pub async fn record_task(&self, done: TaskDone) -> Result<()> {
        writing!(self, record(done))
    }

    /// The last time of each task that was ever done, by name.
    pub async fn tasks_done(&self) -> Result<Vec<TaskDone>> {
        let rows = reading!(self, newest())?;
        rows.into_iter()
            .map(|(task, at, person)| Ok(TaskDone { task, at: timestamp("task_done", at)?, person }))
            .collect()
    }
}

per_driver! {
    pub(super) async fn record(connection: &mut Connection, done: &TaskDone) -> Result<()> {
        sqlx::query("INSERT INTO task_done (task, at, person) VALUES ($1, $2, $3)")
            .bind(&done.task)
            .bind(micros(done.at))
            .bind(&done.person)
            .execute(connection)
            .await?;
        Ok(())
    }

    pub(super) async fn newest(connection: &mut Connection) -> Result<Vec<(String, i64, String)>> {
        let rows = sqlx::query_as(
            "SELECT task, at, person FROM task_done AS done WHERE seq = \
             (SELECT seq FROM task_done WHERE task = done.task ORDER BY at DESC, seq DESC LIMIT 1) ORDER BY task",
        )
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }
}
