//! The platform's PostgreSQL: looked at, and told to cancel and end sessions ([`act`]).
//!
//! Three kinds of connections, each with its own job. The ping opens a fresh one every time, as a service
//! that starts now would, so it finds out when no more are to be had. The seat ([`seat`]) is held open, so
//! that the bot can say who holds all the others, waits and blocks at the very moment when the ping is
//! turned away. What may take its time ([`visit`]) has one of its own, so that it holds up nobody.
//!
//! Only fixed queries and those of the configuration, in read-only sessions with time limits. What a
//! superuser has to do is done by PostgreSQL's own programs in the database's container;
//! [`administration`] says with which arguments, and reads what they print. The bot's own state is not here.

pub mod act;
pub mod administration;
mod backends;
mod connections;
mod databases;
mod error;
mod indexes;
mod instants;
mod locks;
mod long;
mod lookup;
mod ping;
mod rows;
mod seat;
mod session;
mod slow;
mod tables;
#[cfg(test)]
mod tests;
mod users;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use commands::health::{DatabaseHealth, DatabasePing, Seats};
use secrecy::SecretString;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::{Instant, timeout};

pub use crate::error::PostgresError;
use crate::seat::Seat;

/// How long [`Postgres::check`] waits for an answer.
const CHECK_DEADLINE: Duration = Duration::from_secs(5);

/// How long a ping's goodbye may take; its latency is known by then.
const GOODBYE: Duration = Duration::from_millis(100);

/// Client backends, `max_connections`, and what is kept back for superusers. Without `pg_monitor` the
/// server hides the kind of other people's sessions; those that are in a database count as clients.
const SEATS: &str = "SELECT
    (SELECT count(*) FROM pg_stat_activity
      WHERE backend_type = 'client backend'
         OR (backend_type IS NULL AND datid IS NOT NULL AND usesysid IS NOT NULL))::int4,
    current_setting('max_connections')::int4,
    current_setting('superuser_reserved_connections')::int4
      + coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int4";

/// Who the bot is on this server.
const INFO: &str = "SELECT current_setting('server_version'), current_user::text,
    current_setting('is_superuser') = 'on', pg_has_role(current_user, 'pg_monitor', 'USAGE'),
    pg_has_role(current_user, 'pg_signal_backend', 'USAGE')
      AND pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')";

/// What the doctor wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresInfo {
    /// Such as `15.8 (Debian 15.8-0+deb12u1)`.
    pub version: String,
    /// The role that the bot works as.
    pub role: String,
    /// It can do anything, which is more than the bot needs.
    pub superuser: bool,
    /// It has the rights of `pg_monitor`, without which counts may be too low.
    pub pg_monitor: bool,
    /// It may see and signal other roles' sessions: `pg_signal_backend` and `pg_read_all_stats`.
    pub signals: bool,
}

/// One database server. Cheap to clone; clones share the seat.
#[derive(Clone)]
pub struct Postgres {
    options: PgConnectOptions,
    seat: Arc<Seat>,
}

impl Postgres {
    /// Reads the address; connects to nothing yet. What the address leaves out comes from the usual
    /// `PG…` environment variables and `.pgpass`, as with every PostgreSQL client.
    pub fn new(url: &SecretString) -> Result<Self, PostgresError> {
        let options = session::options(url)?;
        let seat = Arc::new(Seat::new(options.clone()));
        Ok(Self { options, seat })
    }

    /// The database that its address names, or that the server would take where it names none.
    #[must_use]
    pub fn database(&self) -> &str {
        self.options.get_database().unwrap_or_else(|| self.options.get_username())
    }

    /// A ping and the count of seats, side by side, both within `deadline`. A fault of the ping is in
    /// the answer; a count that can't be had is `None`.
    pub async fn health(&self, deadline: Duration) -> DatabaseHealth {
        let (ping, seats) = tokio::join!(self.ping(deadline), self.seats(deadline));
        if let Err(error) = &seats {
            tracing::info!(%error, "the database's connections can't be counted");
        }
        DatabaseHealth { ping, seats: seats.ok() }
    }

    /// Connects and asks who the bot is there. Takes the seat as well, so that calling this at start
    /// makes the seat ready before trouble comes.
    pub async fn check(&self) -> Result<PostgresInfo, PostgresError> {
        let (version, role, superuser, pg_monitor, signals) = self.seat.ask(INFO, CHECK_DEADLINE).await?;
        Ok(PostgresInfo { version, role, superuser, pg_monitor, signals })
    }

    async fn ping(&self, deadline: Duration) -> DatabasePing {
        let started = Instant::now();
        let answered = timeout(deadline, async {
            let mut connection = PgConnection::connect_with(&self.options).await?;
            sqlx::query("SELECT 1").persistent(false).fetch_one(&mut connection).await?;
            Ok::<_, sqlx::Error>((connection, started.elapsed()))
        });
        match answered.await {
            Ok(Ok((connection, took))) => {
                // A goodbye that does not arrive costs the server one log line.
                let _ = timeout(GOODBYE, connection.close()).await;
                DatabasePing::Answered(took)
            }
            Ok(Err(error)) => PostgresError::from(error).into(),
            Err(_) => DatabasePing::TimedOut,
        }
    }

    /// How many connections are taken, through the seat.
    pub async fn seats(&self, deadline: Duration) -> Result<Seats, PostgresError> {
        let (used, max, reserved): (i32, i32, i32) = self.seat.ask(SEATS, deadline).await?;
        Ok(Seats { used: count(used)?, max: count(max)?, reserved: count(reserved)? })
    }
}

fn count(number: i32) -> Result<u32, PostgresError> {
    u32::try_from(number).map_err(|_| PostgresError::Failed("it counts below zero".to_owned()))
}

/// The clocks of two processes may differ by a moment; a length of time is never below zero.
fn length(seconds: Option<f64>) -> Option<Duration> {
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok())
}

/// A count of rows, which the server keeps as a signed number or, for estimates, as -1 for "unknown".
fn rows(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
