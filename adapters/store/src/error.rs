//! What can go wrong with the store, in the classes that callers treat differently.

use std::path::PathBuf;
use std::sync::Arc;

use commands::ids::RunId;

/// A failure of the store. Cloneable, because one failed commit is the answer to a whole group of callers.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The configured address is not one of a store.
    #[error("[store] url {0}: write sqlite:///absolute/path.db or postgres://user@host/database")]
    Url(String),
    /// The file's folder is not there.
    #[error("the store's folder {} does not exist: create it, or change [store] url", .0.display())]
    NoFolder(PathBuf),
    /// The file can't be created.
    #[error("the store's file {} can't be created: check who owns the folder, or change [store] url", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// No connection, or no migration.
    #[error(
        "can't open the store {store}: check that it runs, that [store] url is right, and that the account may use it"
    )]
    Open {
        /// The file, or host, port and database; never a password.
        store: String,
        /// What the database said.
        source: Arc<sqlx::Error>,
    },
    /// The database has a migration that this program does not know.
    #[error(
        "the store {store} was last used by a newer version of this program (migration {version}): run that version, or restore a backup from before it"
    )]
    Newer {
        /// The file, or host, port and database.
        store: String,
        /// The unknown migration.
        version: i64,
    },
    /// The database has a migration that differs from the one of the same number here.
    #[error(
        "the store {store} was set up by another build of this program (migration {version} differs): run that build, or start with an empty store"
    )]
    Foreign {
        /// The file, or host, port and database.
        store: String,
        /// The migration that differs.
        version: i64,
    },
    /// The disk is full or may not be written. The next write works as soon as there is room again.
    #[error("the store can't be written: free some space, and check that its disk is not read-only")]
    Unwritable(#[source] Arc<sqlx::Error>),
    /// The database did not answer in time. What was asked for may be done or not.
    #[error("the store does not answer: check that its server runs and that the network to it works")]
    Silent,
    /// Another process serves the same file.
    #[error(
        "another acgs serves {}: stop that one first, or let several share a PostgreSQL by [store] url",
        .0.display()
    )]
    Served(PathBuf),
    /// A row holds what this program does not understand.
    #[error("the store's table {table} holds something unknown: {what}")]
    Decode {
        /// Which table.
        table: &'static str,
        /// Which column, and why not.
        what: String,
    },
    /// The message names no room that it could go to.
    #[error("message {slot} has no room to go to")]
    NoTarget {
        /// The message.
        slot: String,
    },
    /// Somebody else acts on the same thing. Nothing was changed.
    #[error("{target} is being worked on by run {run}")]
    Locked {
        /// The thing, as [`Target::lock`](commands::plan::Target::lock) names it.
        target: String,
        /// Whose.
        run: RunId,
    },
    /// A plan that was to begin has begun, is closed, or got another vote meanwhile. Nothing was changed.
    #[error("plan {run} is not what it was a moment ago")]
    PlanMoved {
        /// Whose.
        run: RunId,
    },
    /// Nothing acts while the freeze lasts. Nothing was changed.
    #[error("frozen by {person}: {why}")]
    Frozen {
        /// Who froze.
        person: String,
        /// Why, as typed.
        why: String,
    },
    /// Somebody took the execution over. Nothing was changed.
    #[error("run {run} was taken over")]
    TakenOver {
        /// Whose.
        run: RunId,
    },
    /// Used after [`Store::close`](crate::Store::close), or the writer died.
    #[error("the store is closed")]
    Closed,
    /// Anything else the database said.
    #[error("the store failed")]
    Failed(#[source] Arc<sqlx::Error>),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolClosed) {
            return Self::Closed;
        }
        let code = error.as_database_error().and_then(|e| e.code());
        match code.as_deref().map(Trouble::of) {
            Some(Trouble::Unwritable) => Self::Unwritable(Arc::new(error)),
            Some(Trouble::Other) | None => Self::Failed(Arc::new(error)),
        }
    }
}

enum Trouble {
    Unwritable,
    Other,
}

impl Trouble {
    /// SQLite gives its extended result code in decimal; the low byte is the class: 8 `SQLITE_READONLY`,
    /// 10 `SQLITE_IOERR`, 13 `SQLITE_FULL` (<https://www.sqlite.org/rescode.html>). PostgreSQL gives five
    /// characters: 53100 `disk_full`, 25006 `read_only_sql_transaction`
    /// (<https://www.postgresql.org/docs/15/errcodes-appendix.html>).
    fn of(code: &str) -> Self {
        if code.len() == 5 {
            return if matches!(code, "53100" | "25006") { Self::Unwritable } else { Self::Other };
        }
        match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(8 | 10 | 13) => Self::Unwritable,
            _ => Self::Other,
        }
    }
}
