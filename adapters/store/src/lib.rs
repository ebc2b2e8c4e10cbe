//! The bot's own state: what was delivered, what is to be sent, what was done, who is logged in and which
//! tasks people have done.
//!
//! It lives in an embedded SQLite file, or in PostgreSQL when several replicas share it; both run the
//! same queries. The store keeps facts and decides nothing; the time is always an argument.
//!
//! In reading order: [`delivery`], [`outbox`], [`audit`], [`login`], [`task`], [`plan`] (with votes), [`journal`], [`incident`],
//! [`room`], [`shift`], [`webhook`], [`alert`], [`mod@freeze`], [`mod@evidence`], [`maintenance`], [`block`], `quoted`, [`schedule`], [`lease`] (who of several
//! replicas does what); then how it is done: `driver`
//! (one text for two databases), `sqlite` and its `writer` (group commit), `postgres`.

#[macro_use]
mod driver;
pub mod alert;
pub mod audit;
pub mod block;
mod column;
pub mod delivery;
mod error;
pub mod evidence;
pub mod freeze;
pub mod incident;
pub mod journal;
pub mod lease;
pub mod login;
pub mod maintenance;
mod migration;
pub mod outbox;
pub mod plan;
mod postgres;
mod probe;
mod quoted;
pub mod room;
pub mod schedule;
pub mod shift;
mod signal;
mod sqlite;
mod takeover;
pub mod task;
pub mod webhook;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

pub use alert::Noted;
pub use audit::{AuditDecision, AuditEntry, AuditFilter, AuditOutcome, AuditRow, Head, Verified};
pub use block::StandingBlock;
pub use delivery::{Conclusion, OpenDelivery, Recorded};
pub use error::StoreError;
pub use evidence::Evidence;
pub use freeze::Freeze;
pub use incident::{Cancel, Change, Changed, NewEntry, NewIncident, StoredIncident, page_slot};
pub use journal::{Begin, End, Engines, Held, RunRecord};
pub use lease::{LeaseRow, Take, replica_lease};
pub use login::LoginKind;
pub use maintenance::Maintenance;
use sqlx::postgres::PgConnectOptions;

pub use outbox::{Claimed, Confirmed, IncidentPage, Lane, NewMessage, OutboxDepth, Wanted};
pub use plan::{Cast, Closed, NewPlan, PlanState, StoredPlan, Way, plan_slot};
pub use room::{RoomMade, RoomWanted, card_slot};
pub use schedule::{ScheduleState, TakenOn};
pub use shift::Shift;
pub use signal::{Signal, Signals};
pub use task::TaskDone;
pub use webhook::{ClaimedWebhook, NewWebhook};

/// The short form of results here.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A handle to the bot's state; clones share it.
#[derive(Clone)]
pub struct Store {
    database: Arc<Database>,
    apart: Arc<lease::Apart>,
    /// Under which name this process claims things; `None` for one that claims nothing.
    holder: Option<Arc<str>>,
}

enum Database {
    Sqlite(sqlite::Sqlite),
    Postgres(sqlx::PgPool),
}

/// Where a store is.
enum Address {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Address {
    fn read(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            Ok(Self::Sqlite(sqlite::path(path)?))
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self::Postgres(Box::new(postgres::options(url)?)))
        } else {
            Err(StoreError::Url("is of no known kind".to_owned()))
        }
    }
}

impl Store {
    /// Opens the store at `url` and brings its tables up to date.
    ///
    /// `sqlite:///absolute/path.db` is created (mode 0600) if it is not there; its folder must be.
    /// `postgres://user@host/database` must be there; several replicas may open it at once.
    ///
    /// Connections belong to the runtime that is running when they are made, so use the store from one
    /// runtime only. A metrics recorder must be installed before.
    pub async fn open(url: &str) -> Result<Self> {
        let (database, apart) = match Address::read(url)? {
            Address::Sqlite(path) => (Database::Sqlite(sqlite::open(&path).await?), None),
            Address::Postgres(options) => {
                let apart = lease::Line::new((*options).clone());
                (Database::Postgres(postgres::open(*options).await?), Some(apart))
            }
        };
        Ok(Self { database: Arc::new(database), apart: Arc::new(apart), holder: None })
    }

    /// The same store for a process that claims what it works on as `holder`, so that the claims end with it: see
    /// [`Store::release_gone`].
    #[must_use]
    pub fn claiming_as(mut self, holder: &str) -> Self {
        self.holder = Some(holder.into());
        self
    }

    fn holder(&self) -> Option<String> {
        self.holder.as_deref().map(str::to_owned)
    }

    /// Whether [`Store::open`] could make something of `url`; nothing is opened.
    pub fn check_url(url: &str) -> Result<()> {
        Address::read(url).map(|_| ())
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.pick("sqlite", "postgres")
    }

    fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match &*self.database {
            Database::Sqlite(_) => sqlite,
            Database::Postgres(_) => postgres,
        }
    }

    /// Finishes what is queued and closes every connection. Later calls fail with [`StoreError::Closed`].
    pub async fn close(&self) {
        match &*self.database {
            Database::Sqlite(db) => db.close().await,
            Database::Postgres(pool) => pool.close().await,
        }
        if let Some(line) = &*self.apart {
            line.close().await;
        }
    }
}
