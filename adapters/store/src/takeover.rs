//! What a process that is gone was working on, taken over at once instead of when its leases are over.
//!
//! An SQLite store has one process that serves, held by a lock on a file beside it, so at its start every lease is a
//! dead one's. On PostgreSQL another replica may hold it, and the lease has to run out.

use jiff::Timestamp;

use crate::column::micros;
use crate::{Database, Result, Store};

impl Store {
    /// Makes everything claimed claimable again, if this process is the only one. To be called once,
    /// at the start of a process that serves, before anything is claimed. Messages put off (a rate
    /// limit) stay put off. Fails with [`StoreError::Served`](crate::StoreError::Served) where another process serves the same file.
    pub async fn take_over(&self, now: Timestamp) -> Result<()> {
        let now = micros(now);
        match &*self.database {
            Database::Sqlite(db) => {
                db.serve_alone()?;
                db.writer.transaction(now, |unit, now| Box::pin(release(&mut unit.connection, now))).await
            }
            Database::Postgres(_) => Ok(()),
        }
    }
}

/// A message whose post was begun and not settled is a claimed one.
async fn release(connection: &mut sqlx::SqliteConnection, now: &i64) -> Result<()> {
    sqlx::query("UPDATE delivery SET claimed_until = $1 WHERE concluded_at IS NULL AND claimed_until > $1")
        .bind(now)
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE run SET lease_until = $1 WHERE ended_at IS NULL AND lease_until > $1")
        .bind(now)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE outbox SET due_at = $1 \
         WHERE sent_version < version AND dead_at IS NULL AND (unheard > 0 OR claimed_by IS NOT NULL) AND due_at > $1",
    )
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
