//! What replicas tell each other at once; looking now and then is the safety net beneath it.

use std::time::Duration;

use sqlx::postgres::PgListener;

use crate::{Database, Result, Store, StoreError};

/// One channel for everything, so that one connection hears it all.
const CHANNEL: &str = "acgs";
/// After so long without a word the server is asked whether it is still there: a network that is cut says nothing.
const SILENCE: Duration = Duration::from_secs(3);
/// A server that is there answers in this time.
const PING: Duration = Duration::from_secs(1);

/// What another replica did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It wants something to be sent.
    Outbox,
    /// It gave a lease back.
    Lease,
}

/// A connection that hears what replicas tell each other.
pub struct Signals(PgListener);

impl Store {
    /// Begins to listen; `None` on SQLite, where there is one process.
    pub async fn signals(&self) -> Result<Option<Signals>> {
        let Database::Postgres(pool) = &*self.database else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(Signals(listener)))
    }
}

impl Signals {
    /// Waits for the next one. Fails when the connection is lost; what is told until the next one is not heard.
    pub async fn next(&mut self) -> Result<Signal> {
        loop {
            let heard = match tokio::time::timeout(SILENCE, self.0.try_recv()).await {
                Ok(heard) => heard?.ok_or(StoreError::Silent)?,
                Err(_) => {
                    self.ping().await?;
                    continue;
                }
            };
            match heard.payload() {
                "outbox" => return Ok(Signal::Outbox),
                "lease" => return Ok(Signal::Lease),
                // Of a newer version.
                _ => {}
            }
        }
    }

    async fn ping(&mut self) -> Result<()> {
        let ping = sqlx::query("SELECT 1").execute(&mut self.0);
        tokio::time::timeout(PING, ping).await.map_err(|_| StoreError::Silent)??;
        Ok(())
    }
}
