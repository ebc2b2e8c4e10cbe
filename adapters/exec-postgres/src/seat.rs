//! The seat: one connection that is taken while there are free ones and then kept.
//!
//! It answers one question at a time. A slow answer does not cost the seat, because on a full server
//! there would be no second one: the connection stays until a new one is really there.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::FromRow;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::error::{PostgresError, leaves_the_session};

/// A value that a question is asked with.
#[derive(Clone, Copy, Debug)]
pub enum Parameter<'a> {
    /// `float8`
    Seconds(f64),
    /// `int8`
    Whole(i64),
    /// `int8`, or null
    Perhaps(Option<i64>),
    /// `bool`
    Flag(bool),
    /// `text`
    Text(&'a str),
    /// `text[]`
    Texts(&'a [String]),
}

/// A connection held open, opened on first use.
pub struct Seat {
    options: PgConnectOptions,
    held: Mutex<Option<PgConnection>>,
}

impl Seat {
    /// Connects to nothing yet.
    pub fn new(options: PgConnectOptions) -> Self {
        Self { options, held: Mutex::new(None) }
    }

    /// The one row of `query`, as [`Seat::rows`].
    pub async fn ask<R>(&self, query: &'static str, deadline: Duration) -> Result<R, PostgresError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let row = self.rows(query, &[], deadline).await?.into_iter().next();
        row.ok_or_else(|| PostgresError::Failed("it answered with no row".to_owned()))
    }

    /// The rows of `query` with these parameters, within `deadline`, which covers waiting
    /// for one's turn as well. If the held connection is dead, or silent for half of the time, a new one
    /// is tried, once.
    pub async fn rows<R>(
        &self,
        query: &'static str,
        parameters: &[Parameter<'_>],
        deadline: Duration,
    ) -> Result<Vec<R>, PostgresError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let asked = timeout(deadline, self.ask_in_turn(query, parameters, deadline / 2));
        asked.await.map_err(|_| PostgresError::TimedOut)?
    }

    async fn ask_in_turn<R>(
        &self,
        query: &'static str,
        parameters: &[Parameter<'_>],
        patience: Duration,
    ) -> Result<Vec<R>, PostgresError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut held = self.held.lock().await;
        if let Some(connection) = held.as_mut() {
            match timeout(patience, fetch(connection, query, parameters)).await {
                Ok(Ok(rows)) => return Ok(rows),
                // On a full server there would be no second seat for whoever asks next.
                Ok(Err(error)) if leaves_the_session(&error) => {
                    return Err(PostgresError::of_question(error));
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the held connection is of no use any more");
                    *held = None;
                }
                // An answer that still comes is read off by the library before the next question.
                Err(_) => tracing::debug!("the held connection is silent"),
            }
        }
        let mut connection = PgConnection::connect_with(&self.options).await?;
        let rows = fetch(&mut connection, query, parameters).await;
        if rows.as_ref().err().is_none_or(leaves_the_session) {
            *held = Some(connection);
        }
        rows.map_err(PostgresError::of_question)
    }
}

async fn fetch<R>(
    connection: &mut PgConnection,
    query: &'static str,
    parameters: &[Parameter<'_>],
) -> Result<Vec<R>, sqlx::Error>
where
    R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let asked = parameters.iter().fold(sqlx::query_as(query), |asked, parameter| match *parameter {
        Parameter::Seconds(seconds) => asked.bind(seconds),
        Parameter::Whole(number) => asked.bind(number),
        Parameter::Perhaps(number) => asked.bind(number),
        Parameter::Flag(flag) => asked.bind(flag),
        Parameter::Text(text) => asked.bind(text),
        Parameter::Texts(texts) => asked.bind(texts),
    });
    asked.persistent(false).fetch_all(connection).await
}
