//! Who is on call in somebody else's place.

use commands::ids::RunId;
use jiff::Timestamp;

use crate::column::{micros, timestamp, unknown};
use crate::{Result, Store};

const TABLE: &str = "shift";

/// One time on call, taken or given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The command that it is from; the same one again is the same shift.
    pub run: RunId,
    /// Who, as in the configuration.
    pub person: String,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Who said so: themselves, or whoever gave it.
    pub by: String,
}

impl Store {
    /// Records a shift; where shifts overlap, the newest holds.
    pub async fn add_shift(&self, shift: Shift) -> Result<()> {
        writing!(self, add(shift))
    }

    /// Shifts that end after a time, the newest first.
    pub async fn shifts(&self, after: Timestamp) -> Result<Vec<Shift>> {
        reading!(self, ending_after(micros(after)))?.into_iter().map(stored).collect()
    }
}

type Columns = (String, String, i64, i64, String);

fn stored((run, person, from, until, by): Columns) -> Result<Shift> {
    Ok(Shift {
        run: run.parse().map_err(|error: std::num::ParseIntError| unknown(TABLE, &error))?,
        person,
        from: timestamp(TABLE, from)?,
        until: timestamp(TABLE, until)?,
        by,
    })
}

per_driver! {
    pub(super) async fn add(connection: &mut Connection, shift: &Shift) -> Result<()> {
        sqlx::query(
            "INSERT INTO shift (person, from_at, until_at, given_by, run) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (run) DO NOTHING",
        )
        .bind(&shift.person)
        .bind(micros(shift.from))
        .bind(micros(shift.until))
        .bind(&shift.by)
        .bind(shift.run.to_string())
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(super) async fn ending_after(connection: &mut Connection, after: i64) -> Result<Vec<Columns>> {
        let sql = "SELECT run, person, from_at, until_at, given_by FROM shift WHERE until_at > $1 ORDER BY seq DESC";
        Ok(sqlx::query_as(sql).bind(after).fetch_all(connection).await?)
    }
}
