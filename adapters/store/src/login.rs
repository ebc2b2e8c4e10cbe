//! Who is logged in to the web chat. Only hashes of tokens are stored, so that a copy of the store
//! lets nobody in; people are named as in the configuration.

use jiff::Timestamp;

use crate::column::micros;
use crate::{Result, Store};

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginKind {
    /// Gives one session.
    Link,
    /// Sends lines until it expires.
    Session,
}

impl LoginKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Session => "session",
        }
    }
}

impl Store {
    /// Stores the hash of a token that names `person` until it expires.
    pub async fn put_login(
        &self,
        token_sha256: &str,
        kind: LoginKind,
        person: &str,
        expires: Timestamp,
    ) -> Result<()> {
        let login = Login {
            token_sha256: token_sha256.to_owned(),
            kind,
            person: person.to_owned(),
            expires_at: micros(expires),
        };
        writing!(self, insert(login))
    }

    /// Uses a link up and says whom it names; `None` if it is unknown, used or expired.
    pub async fn take_link(&self, token_sha256: &str, now: Timestamp) -> Result<Option<String>> {
        let taken: Vec<(String, i64)> = writing!(self, take(token_sha256.to_owned()))?;
        Ok(taken.into_iter().find(|(_, expires_at)| micros(now) < *expires_at).map(|(person, _)| person))
    }

    /// Whom a session names; `None` if it is unknown, ended or expired.
    pub async fn session(&self, token_sha256: &str, now: Timestamp) -> Result<Option<String>> {
        reading!(self, person(token_sha256, micros(now)))
    }

    /// Logs out. A session that is not there is out already.
    pub async fn end_session(&self, token_sha256: &str) -> Result<()> {
        writing!(self, end(token_sha256.to_owned()))
    }

    /// Forgets expired links and sessions and says how many.
    pub async fn forget_logins(&self, now: Timestamp) -> Result<u64> {
        writing!(self, forget(micros(now)))
    }
}

struct Login {
    token_sha256: String,
    kind: LoginKind,
    person: String,
    expires_at: i64,
}

per_driver! {
    pub(super) async fn insert(connection: &mut Connection, login: &Login) -> Result<()> {
        sqlx::query("INSERT INTO login (token_sha256, kind, person, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(&login.token_sha256)
            .bind(login.kind.as_str())
            .bind(&login.person)
            .bind(login.expires_at)
            .execute(connection)
            .await?;
        Ok(())
    }

    pub(super) async fn take(connection: &mut Connection, token_sha256: &String) -> Result<Vec<(String, i64)>> {
        let taken = sqlx::query_as(
            "DELETE FROM login WHERE token_sha256 = $1 AND kind = 'link' RETURNING person, expires_at",
        )
        .bind(token_sha256)
        .fetch_all(connection)
        .await?;
        Ok(taken)
    }

    pub(super) async fn person(connection: &mut Connection, token_sha256: &str, now: i64) -> Result<Option<String>> {
        let person = sqlx::query_scalar(
            "SELECT person FROM login WHERE token_sha256 = $1 AND kind = 'session' AND expires_at > $2",
        )
        .bind(token_sha256)
        .bind(now)
        .fetch_optional(connection)
        .await?;
        Ok(person)
    }

    pub(super) async fn end(connection: &mut Connection, token_sha256: &String) -> Result<()> {
        sqlx::query("DELETE FROM login WHERE token_sha256 = $1 AND kind = 'session'")
            .bind(token_sha256)
            .execute(connection)
            .await?;
        Ok(())
    }

    pub(super) async fn forget(connection: &mut Connection, now: &i64) -> Result<u64> {
        let done = sqlx::query("DELETE FROM login WHERE expires_at <= $1").bind(now).execute(connection).await?;
        Ok(done.rows_affected())
    }
}
