//! Whether anything may act at all.

use jiff::Timestamp;

use crate::column::{micros, timestamp};
use crate::{Result, Store};

const TABLE: &str = "frozen";

/// A freeze that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Since when.
    pub at: Timestamp,
    /// Who froze, as in the configuration.
    pub person: String,
    /// Why, as typed.
    pub why: String,
    /// When it ends by itself; `None` until somebody thaws.
    pub until: Option<Timestamp>,
}

impl Store {
    /// From now on nothing begins to act. A later freeze does not shorten an earlier one.
    pub async fn freeze(&self, freeze: Freeze) -> Result<()> {
        writing!(self, put(freeze))
    }

    /// Ends every freeze and tells how many there were.
    pub async fn thaw(&self, person: &str, now: Timestamp) -> Result<u64> {
        writing!(self, thaw((person.to_owned(), micros(now))))
    }

    /// The newest freeze that lasts at `now`.
    pub async fn frozen(&self, now: Timestamp) -> Result<Option<Freeze>> {
        let rows = reading!(self, newest(micros(now)))?;
        rows.into_iter()
            .next()
            .map(|(at, person, why, until)| {
                let until = until.map(|until| timestamp(TABLE, until)).transpose()?;
                Ok(Freeze { at: timestamp(TABLE, at)?, person, why, until })
            })
            .transpose()
    }
}

per_driver! {
    pub(super) async fn put(connection: &mut Connection, freeze: &Freeze) -> Result<()> {
        sqlx::query("INSERT INTO frozen (at, person, why, until_at) VALUES ($1, $2, $3, $4)")
            .bind(micros(freeze.at))
            .bind(&freeze.person)
            .bind(&freeze.why)
            .bind(freeze.until.map(micros))
            .execute(connection)
            .await?;
        Ok(())
    }

    pub(super) async fn thaw(connection: &mut Connection, (person, at): &(String, i64)) -> Result<u64> {
        let thawed = sqlx::query(
            "UPDATE frozen SET ended_at = $2, ended_by = $1 \
             WHERE ended_at IS NULL AND (until_at IS NULL OR until_at > $2)",
        )
        .bind(person)
        .bind(at)
        .execute(connection)
        .await?;
        Ok(thawed.rows_affected())
    }

    pub(super) async fn newest(
        connection: &mut Connection,
        now: i64,
    ) -> Result<Vec<(i64, String, String, Option<i64>)>> {
        let rows = sqlx::query_as(
            "SELECT at, person, why, until_at FROM frozen \
             WHERE ended_at IS NULL AND (until_at IS NULL OR until_at > $1) ORDER BY seq DESC LIMIT 1",
        )
        .bind(now)
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }
}
