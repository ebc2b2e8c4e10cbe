//! Opening a PostgreSQL database that replicas share: timeouts on everything, migrations under a lock.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};

use crate::migration::{POSTGRES, explain, migrator};
use crate::{Result, StoreError};

/// One of them listens.
const CONNECTIONS: u32 = 9;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that rested for longer than this is tried before it is used, so that a restarted
/// server costs callers no error, and a busy connection no round trip.
const FRESH: Duration = Duration::from_secs(1);

/// A server that is there ends every statement before this; past it the network is cut, and a connection would wait
/// for a quarter of an hour.
const CALL: Duration = Duration::from_secs(8);

/// Gives a call up that does not come back.
pub(crate) async fn in_time<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(CALL, call).await.unwrap_or(Err(StoreError::Silent))
}

pub(crate) fn options(url: &str) -> Result<PgConnectOptions> {
    // sqlx's own words could repeat the URL, which may have a password in it.
    Ok(PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::Url("is not a PostgreSQL URL".to_owned()))?
        .application_name("acgs"))
}

pub(crate) async fn open(options: PgConnectOptions) -> Result<PgPool> {
    migrate(&options).await?;
    Ok(pool(options))
}

/// On a connection of its own, without the statement timeout, since a migration may take its time.
/// sqlx takes an advisory lock meanwhile, so replicas that start together wait for each other.
async fn migrate(options: &PgConnectOptions) -> Result<()> {
    let store = name_of(options);
    let failed = |source| StoreError::Open { store: store.clone(), source: Arc::new(source) };
    let mut connection =
        match tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await {
            Ok(connected) => connected.map_err(failed)?,
            Err(_) => return Err(failed(sqlx::Error::PoolTimedOut)),
        };
    migrator(POSTGRES)
        .run_direct(None, &mut connection, false)
        .await
        .map_err(|error| explain(&store, error))?;
    connection.close().await.map_err(failed)
}

/// Host, port and database.
fn name_of(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    format!("{}:{}/{database}", options.get_host(), options.get_port())
}

fn pool(options: PgConnectOptions) -> PgPool {
    // A commit is durable when it returns, whatever the server's default is.
    let options = options.options([
        ("synchronous_commit", "on"),
        ("statement_timeout", "5s"),
        ("lock_timeout", "3s"),
        // Every statement has an index. A plan that was made while a table was small, or before anybody counted it, would
        // read all of it for each row.
        ("enable_seqscan", "off"),
        // A replica that stands still in the middle of a transaction holds the others up no longer than this; they wait
        // for a lock longer.
        ("idle_in_transaction_session_timeout", "2s"),
    ]);
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(CONNECT_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for < FRESH {
                    return Ok(true);
                }
                Ok(tokio::time::timeout(FRESH, connection.ping()).await.is_ok_and(|pong| pong.is_ok()))
            })
        })
        .connect_lazy_with(options)
}
