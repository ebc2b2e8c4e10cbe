//! One new session on Discord in five seconds, whichever replica begins it, also after a restart.

use std::sync::Arc;
use std::time::Duration;

use chat_discord::Leave;
use futures_util::FutureExt as _;
use store::{Store, StoreError, Take};

use crate::clock;

/// A lease that nobody renews: for so long after somebody took it nobody begins a session.
const NAME: &str = "discord/session";
/// Discord wants five seconds between two; the rest is for the way from the leave to the gateway.
const APART: Duration = Duration::from_secs(6);
/// Before the store is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// Asks the store for leave to begin a session.
#[must_use]
pub fn leave(store: Store) -> Leave {
    Arc::new(move || {
        let store = store.clone();
        async move {
            wait(&store).await.unwrap_or_else(|error| {
                // Only who holds the gateway asks, so nobody else is likely to begin one at the same time.
                tracing::warn!(error = &error as &dyn std::error::Error, "begun without asking for leave");
                Duration::ZERO
            })
        }
        .boxed()
    })
}

async fn wait(store: &Store) -> Result<Duration, StoreError> {
    let rows = store.leases(clock::now()).await?;
    let row = rows.iter().find(|row| row.name == NAME);
    if let Some(row) = row.filter(|row| row.is_held()) {
        return Ok(row.left.min(APART));
    }
    let take = Take { name: NAME.to_owned(), seen: row.map_or(0, |row| row.fence) };
    // In nobody's name, so that it runs out and is renewed by nobody.
    let taken = store.take_lease("a session", &take, APART, clock::now()).await?;
    Ok(if taken.is_some() { Duration::ZERO } else { AGAIN })
}
