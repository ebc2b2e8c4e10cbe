//! The operators' own questions: one statement of the configuration, never of a chat.

use std::time::Duration;

use commands::lookup::LookedUp;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::visit::visit;
use crate::{Postgres, PostgresError};

/// More rows are no answer to read in a channel.
const ROWS: usize = 50;
/// Characters of one cell.
const CELL: usize = 200;
/// Bytes of all cells together.
const BYTES: usize = 16 * 1024;

impl Postgres {
    /// The rows of `sql`, which the configuration has found to be one question, as texts. It runs on a
    /// connection of its own in a transaction that can't write, within `deadline`; the server cuts rows and
    /// cells, so that a large answer is not even sent.
    pub async fn look_up(&self, sql: &str, deadline: Duration) -> Result<LookedUp, PostgresError> {
        // On a line of its own, since the last one may end in a comment.
        let wrapped = format!(
            "SELECT ARRAY(SELECT left(key, {CELL}) FROM json_each_text(row_to_json(question))), \
                    ARRAY(SELECT left(value, {CELL}) FROM json_each_text(row_to_json(question))) \
               FROM (\n{sql}\n) AS question LIMIT {}",
            ROWS + 1
        );
        let rows = visit(&self.options, deadline, async |connection| {
            // Whatever a session's settings are changed to, this transaction stays as it began.
            let mut reading = connection.begin_with("BEGIN READ ONLY").await?;
            let asked = sqlx::query_as::<_, (Vec<String>, Vec<Option<String>>)>(AssertSqlSafe(wrapped));
            let rows =
                asked.persistent(false).fetch_all(&mut *reading).await.map_err(PostgresError::of_question)?;
            reading.rollback().await?;
            Ok(rows)
        });
        Ok(limited(rows.await?))
    }
}

fn limited(rows: Vec<(Vec<String>, Vec<Option<String>>)>) -> LookedUp {
    let columns = rows.first().map(|(columns, _)| columns.clone()).unwrap_or_default();
    let mut looked_up = LookedUp { columns, rows: Vec::new(), cut: false, warnings: Vec::new() };
    let mut left = BYTES;
    for (_, cells) in rows {
        let size: usize = cells.iter().flatten().map(String::len).sum();
        if looked_up.rows.len() == ROWS || size > left {
            looked_up.cut = true;
            break;
        }
        left -= size;
        looked_up.rows.push(cells);
    }
    looked_up
}
