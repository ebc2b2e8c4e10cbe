//! Who of several replicas does what only one may do: a lease with a name, a holder and a fence.
//!
//! A lease is over when it has not been renewed for its length, by the database's own clock where replicas share
//! one. Whoever takes it gets a greater fence than all before. Each replica holds a lease on itself too, called
//! `replica/ID`: once that is over, [`Store::release_gone`] frees everything that the replica had claimed.
//!
//! On PostgreSQL all of this has a connection of its own: a replica that waits for one of the pool would lose
//! what it holds.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};
use tokio::sync::Mutex;

use crate::column::{micros, timestamp, unsigned};
use crate::{Database, Result, Store, StoreError};

const TABLE: &str = "lease";
/// What the name of a replica's lease on itself begins with.
const REPLICA: &str = "replica/";
/// A server that is there answers in this time; a lease must not be waited for until it is over.
const CALL: Duration = Duration::from_millis(800);

/// One lease as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRow {
    /// What it is on.
    pub name: String,
    /// Who has it; `None` when it was given back.
    pub holder: Option<String>,
    /// Of the last taking.
    pub fence: i64,
    /// For how long it is nobody else's; zero when it is over.
    pub left: Duration,
    /// Of a replica: the id of the Docker daemon that it acts on.
    pub engine: Option<String>,
}

impl LeaseRow {
    /// Whether somebody has it now.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.holder.is_some() && !self.left.is_zero()
    }

    /// The replica whose lease on itself this is.
    #[must_use]
    pub fn replica(&self) -> Option<&str> {
        self.name.strip_prefix(REPLICA)
    }
}

/// The name of a replica's lease on itself.
#[must_use]
pub fn replica_lease(id: &str) -> String {
    format!("{REPLICA}{id}")
}

/// A lease that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// Which.
    pub name: String,
    /// The fence that it was seen with, 0 if it was not there. One with another fence is not taken: somebody was
    /// faster.
    pub seen: i64,
}

/// The connection that leases have for themselves; `None` on SQLite.
pub(crate) type Apart = Option<Line>;

/// A connection that is given up after any fault, so that the next call begins with a fresh one.
pub(crate) struct Line {
    options: PgConnectOptions,
    connection: Mutex<Option<PgConnection>>,
}

impl Line {
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        let options = options.options([
            ("synchronous_commit", "on"),
            ("statement_timeout", "700"),
            ("lock_timeout", "500"),
            ("idle_in_transaction_session_timeout", "1s"),
        ]);
        Self { options, connection: Mutex::new(None) }
    }

    /// Runs `call` on the connection, and drops that if the call fails or does not come back.
    async fn call<T>(&self, call: impl AsyncFnOnce(&mut PgConnection) -> Result<T>) -> Result<T> {
        let work = async {
            let mut place = self.connection.lock().await;
            let mut connection = match place.take() {
                Some(connection) => connection,
                None => PgConnection::connect_with(&self.options).await?,
            };
            let result = call(&mut connection).await;
            let keeps = match &result {
                Ok(_) => true,
                Err(error) => matches!(error, StoreError::Unwritable(_)),
            };
            if keeps {
                *place = Some(connection);
            }
            result
        };
        tokio::time::timeout(CALL, work).await.unwrap_or(Err(StoreError::Silent))
    }

    pub(crate) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // A server that is gone needs no goodbye.
            let _ = tokio::time::timeout(CALL, connection.close()).await;
        }
    }
}

/// Runs a body on the leases' own connection; a body of several writes in a transaction.
macro_rules! apart {
    ($store:expr, $body:ident($arguments:expr)) => {
        apart!($store, $body($arguments), async |connection| postgres::$body(connection, &$arguments).await)
    };
    ($store:expr, whole $body:ident($arguments:expr)) => {
        apart!($store, $body($arguments), async |connection| {
            let mut whole = connection.begin().await?;
            let result = postgres::$body(&mut whole, &$arguments).await?;
            whole.commit().await?;
            Ok(result)
        })
    };
    ($store:expr, $body:ident($arguments:expr), $on_postgres:expr) => {
        match (&*$store.database, &*$store.apart) {
            (Database::Postgres(_), Some(line)) => line.call($on_postgres).await,
            (Database::Postgres(_), None) => Err(StoreError::Closed),
            (Database::Sqlite(db), _) => {
                db.writer
                    .transaction($arguments, |unit, arguments| {
                        Box::pin(sqlite::$body(&mut unit.connection, arguments))
                    })
                    .await
            }
        }
    };
}

impl Store {
    /// Renews every lease of `holder` for `length` and tells how all leases stand then. One that was over and that
    /// nobody took meanwhile is `holder`'s again. `engine` is noted with the holder's lease on itself.
    ///
    /// On SQLite `now` is the clock; PostgreSQL has its own.
    pub async fn renew_leases(
        &self,
        holder: &str,
        engine: Option<&str>,
        length: Duration,
        now: Timestamp,
    ) -> Result<Vec<LeaseRow>> {
        let renewal = Renewal {
            update: self.pick(SQLITE_RENEW, POSTGRES_RENEW),
            select: self.pick(SQLITE_LEASES, POSTGRES_LEASES),
            holder: holder.to_owned(),
            itself: replica_lease(holder),
            engine: engine.map(str::to_owned),
            length: length_of(length),
            now: micros(now),
        };
        apart!(self, renew(renewal))?.into_iter().map(row).collect()
    }

    /// What the database's own clock shows, which is the time for all replicas on it; `None` on SQLite, where the one
    /// process' clock is.
    pub async fn clock(&self) -> Result<Option<Timestamp>> {
        let Some(line) = &*self.apart else { return Ok(None) };
        let shown: i64 = line
            .call(async |connection| Ok(sqlx::query_scalar(POSTGRES_CLOCK).fetch_one(connection).await?))
            .await?;
        timestamp(TABLE, shown).map(Some)
    }

    /// How all leases stand. Nothing is written.
    pub async fn leases(&self, now: Timestamp) -> Result<Vec<LeaseRow>> {
        let sql = self.pick(SQLITE_LEASES, POSTGRES_LEASES);
        apart!(self, standing((sql, micros(now))))?.into_iter().map(row).collect()
    }

    /// Takes a lease for `length`: one that nobody ever had, that was given back, or that is over. Returns its fence,
    /// and `None` when somebody else has it.
    pub async fn take_lease(
        &self,
        holder: &str,
        take: &Take,
        length: Duration,
        now: Timestamp,
    ) -> Result<Option<i64>> {
        let taking = Taking {
            sql: self.pick(SQLITE_TAKE, POSTGRES_TAKE),
            name: take.name.clone(),
            holder: holder.to_owned(),
            seen: take.seen,
            length: length_of(length),
            now: micros(now),
        };
        Ok(apart!(self, take(taking))?.into_iter().next())
    }

    /// Gives back those leases of `holder` that are called one of `names`, and tells the others of it.
    pub async fn give_back(&self, holder: &str, names: &[&str]) -> Result<()> {
        for name in names {
            apart!(self, give((holder.to_owned(), (*name).to_owned())))?;
        }
        self.tell_of_leases().await
    }

    /// The end of a replica that stops: its leases and everything that it had claimed are free, and the others are
    /// told of it.
    pub async fn leave(&self, holder: &str) -> Result<()> {
        apart!(self, whole leave((holder.to_owned(), replica_lease(holder))))?;
        self.tell_of_leases().await
    }

    async fn tell_of_leases(&self) -> Result<()> {
        match (&*self.database, &*self.apart) {
            (Database::Postgres(_), Some(line)) => {
                line.call(async |connection| {
                    connection.execute("SELECT pg_notify('acgs', 'lease')").await?;
                    Ok(())
                })
                .await
            }
            _ => Ok(()),
        }
    }

    /// Strikes out the replicas whose lease on themselves is over and frees what they had claimed: deliveries, messages
    /// and runs are then taken up as if their own leases were over. Returns the replicas.
    pub async fn release_gone(&self, now: Timestamp) -> Result<Vec<String>> {
        let sql = self.pick(SQLITE_GONE, POSTGRES_GONE);
        apart!(self, whole release((sql, micros(now))))
    }
}

/// Microseconds.
fn length_of(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

struct Renewal {
    update: &'static str,
    select: &'static str,
    holder: String,
    itself: String,
    engine: Option<String>,
    length: i64,
    now: i64,
}

struct Taking {
    sql: &'static str,
    name: String,
    holder: String,
    seen: i64,
    length: i64,
    now: i64,
}

/// name, holder, fence, microseconds left, engine.
type Columns = (String, Option<String>, i64, i64, Option<String>);

fn row((name, holder, fence, left, engine): Columns) -> Result<LeaseRow> {
    let left = Duration::from_micros(unsigned(TABLE, left.max(0))?);
    Ok(LeaseRow { name, holder, fence, left, engine })
}

/// `$now` is the clock in microseconds. PostgreSQL's reads the parameter too, so that both take the same ones.
macro_rules! lease_sql {
    ($now:literal, renew) => {
        concat!(
            "UPDATE lease SET expires_at = ",
            $now,
            " + CAST($2 AS BIGINT), engine = CASE WHEN name = $4 THEN $5 ELSE engine END WHERE holder = $3"
        )
    };
    ($now:literal, leases) => {
        concat!("SELECT name, holder, fence, expires_at - ", $now, ", engine FROM lease ORDER BY name")
    };
    ($now:literal, take) => {
        concat!(
            "INSERT INTO lease (name, holder, fence, expires_at) SELECT $3, $4, 1, ",
            $now,
            " + CAST($2 AS BIGINT) WHERE true ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, \
             fence = lease.fence + 1, expires_at = excluded.expires_at, engine = NULL \
             WHERE lease.fence = $5 AND (lease.holder IS NULL OR lease.expires_at <= ",
            $now,
            ") RETURNING fence"
        )
    };
    ($now:literal, gone) => {
        concat!(
            "DELETE FROM lease WHERE name = 'replica/' || holder AND expires_at <= ",
            $now,
            " RETURNING holder"
        )
    };
}

const POSTGRES_CLOCK: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
const SQLITE_RENEW: &str = lease_sql!("CAST($1 AS BIGINT)", renew);
const POSTGRES_RENEW: &str = lease_sql!(
    "(CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) + 0 * CAST($1 AS BIGINT))",
    renew
);
const SQLITE_LEASES: &str = lease_sql!("CAST($1 AS BIGINT)", leases);
const POSTGRES_LEASES: &str = lease_sql!(
    "(CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) + 0 * CAST($1 AS BIGINT))",
    leases
);
const SQLITE_TAKE: &str = lease_sql!("CAST($1 AS BIGINT)", take);
const POSTGRES_TAKE: &str = lease_sql!(
    "(CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) + 0 * CAST($1 AS BIGINT))",
    take
);
const SQLITE_GONE: &str = lease_sql!("CAST($1 AS BIGINT)", gone);
const POSTGRES_GONE: &str = lease_sql!(
    "(CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) + 0 * CAST($1 AS BIGINT))",
    gone
);

/// What a replica had claimed is claimed by nobody, as if each claim were over.
const FREED: [&str; 3] = [
    "UPDATE delivery SET claimed_until = 0, claimed_by = NULL WHERE claimed_by = $1 AND concluded_at IS NULL",
    "UPDATE run SET lease_until = 0, claimed_by = NULL WHERE claimed_by = $1 AND ended_at IS NULL",
    "UPDATE outbox SET due_at = wanted_at, claimed_by = NULL WHERE claimed_by = $1 \
     AND sent_version < version AND dead_at IS NULL",
];

per_driver! {
    pub(super) async fn renew(connection: &mut Connection, renewal: &Renewal) -> Result<Vec<Columns>> {
        sqlx::query(renewal.update)
            .bind(renewal.now)
            .bind(renewal.length)
            .bind(&renewal.holder)
            .bind(&renewal.itself)
            .bind(&renewal.engine)
            .execute(&mut *connection)
            .await?;
        standing(connection, &(renewal.select, renewal.now)).await
    }

    pub(super) async fn standing(
        connection: &mut Connection,
        (sql, now): &(&'static str, i64),
    ) -> Result<Vec<Columns>> {
        Ok(sqlx::query_as(*sql).bind(now).fetch_all(connection).await?)
    }

    pub(super) async fn take(connection: &mut Connection, taking: &Taking) -> Result<Vec<i64>> {
        let taken = sqlx::query_scalar(taking.sql)
            .bind(taking.now)
            .bind(taking.length)
            .bind(&taking.name)
            .bind(&taking.holder)
            .bind(taking.seen)
            .fetch_all(connection)
            .await?;
        Ok(taken)
    }

    pub(super) async fn give(connection: &mut Connection, (holder, name): &(String, String)) -> Result<()> {
        sqlx::query("UPDATE lease SET holder = NULL, expires_at = 0 WHERE holder = $1 AND name = $2")
            .bind(holder)
            .bind(name)
            .execute(connection)
            .await?;
        Ok(())
    }

    pub(super) async fn leave(connection: &mut Connection, (holder, itself): &(String, String)) -> Result<()> {
        sqlx::query("DELETE FROM lease WHERE name = $1").bind(itself).execute(&mut *connection).await?;
        sqlx::query("UPDATE lease SET holder = NULL, expires_at = 0 WHERE holder = $1")
            .bind(holder)
            .execute(&mut *connection)
            .await?;
        free(connection, holder).await
    }

    async fn free(connection: &mut Connection, holder: &str) -> Result<()> {
        for statement in FREED {
            sqlx::query(statement).bind(holder).execute(&mut *connection).await?;
        }
        Ok(())
    }

    pub(super) async fn release(
        connection: &mut Connection,
        (sql, now): &(&'static str, i64),
    ) -> Result<Vec<String>> {
        let gone: Vec<String> = sqlx::query_scalar(*sql).bind(now).fetch_all(&mut *connection).await?;
        for holder in &gone {
            free(connection, holder).await?;
        }
        Ok(gone)
    }
}
