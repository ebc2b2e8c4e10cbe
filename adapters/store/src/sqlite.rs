//! Opening the embedded database: one file, one writer, a few readers.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use crate::migration::{SQLITE, explain, migrator};
use crate::writer::Writer;
use crate::{Result, StoreError};

const READERS: u32 = 4;
/// How long a lock of another process is waited for.
const BUSY: Duration = Duration::from_secs(5);
/// A connection keeps a thread and a page cache; readers are given up soon.
const IDLE: Duration = Duration::from_secs(30);

/// An open file.
pub(crate) struct Sqlite {
    pub(crate) writer: Writer,
    pub(crate) readers: SqlitePool,
}

impl Sqlite {
    /// The readers first, so that the writer's connection is the last and folds the WAL into the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

pub(crate) async fn open(path: &Path) -> Result<Sqlite> {
    create(path)?;
    let options = options(path);
    let connection = prepare(&options, path).await?;
    let readers = SqlitePoolOptions::new()
        .min_connections(0)
        .max_connections(READERS)
        .idle_timeout(IDLE)
        .test_before_acquire(false)
        .connect_lazy_with(options.clone().pragma("query_only", "on"));
    Ok(Sqlite { writer: Writer::start(options, connection), readers })
}

/// The file that a URL without its scheme names.
pub(crate) fn path(path: &str) -> Result<PathBuf> {
    if !path.starts_with('/') || path.ends_with('/') || path.contains(['?', '#']) {
        return Err(StoreError::Url("is not the absolute path of a file".to_owned()));
    }
    Ok(PathBuf::from(path))
}

/// Nobody else may read it: it holds what was typed, and tokens for answers.
fn create(path: &Path) -> Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(StoreError::NoFolder(path.parent().unwrap_or(path).to_owned()))
        }
        Err(error) => Err(StoreError::NoFile { path: path.to_owned(), source: Arc::new(error) }),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .disable_statement_logging()
}

async fn prepare(options: &SqliteConnectOptions, path: &Path) -> Result<SqliteConnection> {
    let store = path.display().to_string();
    let fault = |source| StoreError::Open { store: store.clone(), source: Arc::new(source) };
    let mut connection = SqliteConnection::connect_with(options).await.map_err(fault)?;
    if is_set_up(&mut connection).await {
        // No lock, so that a file to which another process writes can be opened.
        let checked = migrator(SQLITE).run_direct(None, &mut connection, false).await;
        checked.map_err(|error| explain(&store, error))?;
        return Ok(connection);
    }
    // The lock from the beginning: another process that sets the same file up waits, and finds it done.
    let mut whole = connection.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
    migrator(SQLITE).run_direct(None, &mut *whole, false).await.map_err(|error| explain(&store, error))?;
    whole.commit().await.map_err(fault)?;
    Ok(connection)
}

/// Whether the newest migration is there. A new file has no table to say so.
async fn is_set_up(connection: &mut SqliteConnection) -> bool {
    let newest = SQLITE.last().map(|(version, ..)| *version);
    let applied = sqlx::query_scalar::<_, Option<i64>>("SELECT max(version) FROM _sqlx_migrations");
    applied.fetch_one(connection).await.is_ok_and(|applied| applied >= newest)
}
