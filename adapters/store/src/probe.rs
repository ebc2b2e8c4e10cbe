//! Readiness, found out by writing.

use crate::{Result, Store};

impl Store {
    /// Whether the store takes writes, found out by a real commit: a full disk or a read-only file
    /// system shows here.
    pub async fn ping(&self) -> Result<()> {
        writing!(self, beat(()))
    }
}

per_driver! {
    pub(super) async fn beat(connection: &mut Connection, _: &()) -> Result<()> {
        sqlx::query("UPDATE probe SET beats = beats + 1 WHERE id = 1").execute(connection).await?;
        Ok(())
    }
}
