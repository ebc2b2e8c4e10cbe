//! Whether the database answers, and what it is.

use std::time::Duration;

use commands::database::{Pinged, Server};

use crate::{Postgres, PostgresError, length};

const SERVER: &str = "SELECT current_setting('server_version'),
    extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8, pg_is_in_recovery()";

impl Postgres {
    /// A ping on a fresh connection, and side by side what the seat knows, each within `deadline`.
    pub async fn pinged(&self, deadline: Duration) -> Pinged {
        let (health, server) = tokio::join!(self.health(deadline), self.server(deadline));
        Pinged { health, server: server.ok() }
    }

    async fn server(&self, deadline: Duration) -> Result<Server, PostgresError> {
        let (version, up, standby): (String, f64, bool) = self.seat.ask(SERVER, deadline).await?;
        Ok(Server { version, up: length(Some(up)).unwrap_or_default(), standby })
    }
}
