//! Opening the embedded database: one file, one writer, a few readers.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
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
    path: PathBuf,
    /// Locked while this process serves. Not the database's own file: closing that would let go of SQLite's locks.
    serves: Mutex<Option<File>>,
}

impl Sqlite {
    /// Makes sure that no other process serves this file, for as long as this one lives.
    pub(crate) fn serve_alone(&self) -> Result<()> {
        let fault = |error| StoreError::NoFile { path: self.path.clone(), source: Arc::new(error) };
        let path = self.path.with_extension("serves");
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(path).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Served(self.path.clone())),
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        *self.serves.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(())
    }

    /// The readers first, so that the writer's connection is the last and folds the WAL into the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        drop(self.serves.lock().unwrap_or_else(PoisonError::into_inner).take());
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
    Ok(Sqlite {
        writer: Writer::start(options, connection),
        readers,
        path: path.to_owned(),
        serves: Mutex::default(),
    })
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
