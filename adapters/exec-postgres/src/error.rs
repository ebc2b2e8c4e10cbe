//! What can go wrong between the bot and the database, by the server's own SQLSTATE codes
//! (<https://www.postgresql.org/docs/current/errcodes-appendix.html>), never by the text of a message.

use std::io::{self, ErrorKind};

use commands::health::DatabasePing;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// SQLSTATE of a statement that took too long, by its own limit or its wait for a lock.
pub const TOO_SLOW: [&str; 2] = ["57014", "55P03"];

/// A server's message is shown up to this many characters.
const MESSAGE_LIMIT: usize = 200;

/// Why the database gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresError {
    /// The configured address is none. It is not repeated here: it may hold a password.
    #[error(
        "the database's address can't be read: write it as postgres://user@host:5432/database, with any \
         of / ? # @ : % in a password percent-encoded"
    )]
    Address,
    /// SQLSTATE 53300.
    #[error("every connection of the database is taken")]
    Full,
    /// SQLSTATE 57P01 to 57P03.
    #[error("the database takes no connections now: {0}")]
    NotAccepting(String),
    /// SQLSTATE class 28, 3D000, and 42501 when connecting.
    #[error("the database refuses this login: {0}; check user, password and database in its address")]
    Denied(String),
    /// Nobody listens.
    #[error("nobody listens on the database's port: is PostgreSQL running, and is the port right?")]
    Refused,
    /// SQLSTATE 42501 of a question, once connected.
    #[error("the bot's role may not ask that: {0}; GRANT it what the question reads")]
    NotAllowed(String),
    /// No answer before the deadline, the bot's or the session's own (SQLSTATE 57014).
    #[error("the database did not answer in time")]
    TimedOut,
    /// Anything else.
    #[error("the database could not be asked: {0}")]
    Failed(String),
}

impl From<sqlx::Error> for PostgresError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => by_sqlstate(error.code().as_deref(), error.message()),
            sqlx::Error::Io(error) => by_kind(&error),
            sqlx::Error::Tls(error) => Self::Failed(shortened(&format!("TLS: {error}"))),
            error => Self::Failed(shortened(&error.to_string())),
        }
    }
}

impl PostgresError {
    /// An error of a question on a session that has begun: what is denied then is no login.
    pub(crate) fn of_question(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Denied(why) => Self::NotAllowed(why),
            other => other,
        }
    }
}

/// Whether the server has refused the question alone, so that the session goes on.
pub(crate) fn leaves_the_session(error: &sqlx::Error) -> bool {
    let refused = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    refused.is_some_and(|error| matches!(error.severity(), PgSeverity::Error))
}

impl From<PostgresError> for DatabasePing {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::Full => Self::Full,
            PostgresError::NotAccepting(why) => Self::NotAccepting(why),
            PostgresError::Denied(why) => Self::Denied(why),
            PostgresError::Refused => Self::Refused,
            PostgresError::TimedOut => Self::TimedOut,
            PostgresError::Failed(why) | PostgresError::NotAllowed(why) => Self::Failed(why),
            PostgresError::Address => Self::Failed(PostgresError::Address.to_string()),
        }
    }
}

fn by_sqlstate(code: Option<&str>, message: &str) -> PostgresError {
    let why = shortened(message);
    match code.unwrap_or_default() {
        "53300" => PostgresError::Full,
        "57P01" | "57P02" | "57P03" => PostgresError::NotAccepting(why),
        "57014" => PostgresError::TimedOut,
        "3D000" | "42501" => PostgresError::Denied(why),
        code if code.starts_with("28") => PostgresError::Denied(why),
        code => PostgresError::Failed(format!("{why} (SQLSTATE {code})")),
    }
}

fn by_kind(error: &io::Error) -> PostgresError {
    match error.kind() {
        ErrorKind::ConnectionRefused => PostgresError::Refused,
        ErrorKind::TimedOut => PostgresError::TimedOut,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            PostgresError::Failed("no route to the host".to_owned())
        }
        ErrorKind::NotFound => PostgresError::Failed("there is no such socket".to_owned()),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            PostgresError::Failed("the connection broke".to_owned())
        }
        _ => PostgresError::Failed(shortened(&error.to_string())),
    }
}

/// On one line and not longer than [`MESSAGE_LIMIT`].
fn shortened(text: &str) -> String {
    let mut chars = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = chars.by_ref().take(MESSAGE_LIMIT).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
