//! A connection for one question that may take its time, so that the seat stays free for what is asked
//! when nothing else goes.
//!
//! A question that is given up must not go on at the server: the visit asks it to notice when the bot has
//! hung up (PostgreSQL 14 and later), and the session's `statement_timeout` ends it in any case.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::timeout;

use crate::GOODBYE;
use crate::error::PostgresError;

/// Older servers do not have the setting, and would refuse a session that asks for it by name.
const NOTICE_HANGING_UP: &str = "SELECT set_config(name, '500ms', false) FROM pg_settings
    WHERE name = 'client_connection_check_interval' AND context = 'user'";

/// Does `work` on a connection of its own, all of it within `deadline`. Dropping it hangs up.
pub async fn visit<T>(
    options: &PgConnectOptions,
    deadline: Duration,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, PostgresError>,
) -> Result<T, PostgresError> {
    let visited = timeout(deadline, async {
        let mut connection = PgConnection::connect_with(options).await?;
        sqlx::query(NOTICE_HANGING_UP).persistent(false).execute(&mut connection).await?;
        let worked = work(&mut connection).await;
        Ok::<_, PostgresError>((connection, worked))
    });
    let (connection, worked) = visited.await.map_err(|_| PostgresError::TimedOut)??;
    // A goodbye that does not arrive costs the server one log line.
    let _ = timeout(GOODBYE, connection.close()).await;
    worked
}
