//! What nothing on this machine can be faster than: a round trip over loopback, a durable commit.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use commands::ids::{Account, DeliveryId, Place, Platform, Room, RunId};
use commands::message::{AnswerTo, AnswerToken, ChatEvent, EventKind};
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use store::Store;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// About what a command's envelope takes.
const MESSAGE: usize = 1024;
/// One page in SQLite's log, with its head.
const FRAME: usize = 4096 + 24;
/// SQLite writes its log anew from the start after this many pages.
const FRAMES: u64 = 1000;

/// A connection to an echo.
pub struct Loopback(TcpStream);

impl Loopback {
    pub async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let stream = TcpStream::connect(listener.local_addr()?).await?;
        stream.set_nodelay(true)?;
        let (mut other, _) = listener.accept().await?;
        other.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut message = [0; MESSAGE];
            while other.read_exact(&mut message).await.is_ok() {
                // The measuring end is gone when this fails, and then the next read ends the task.
                let _ = other.write_all(&message).await;
            }
        });
        Ok(Self(stream))
    }

    pub async fn round_trip(&mut self) -> anyhow::Result<Duration> {
        let mut message = [7; MESSAGE];
        let started = Instant::now();
        self.0.write_all(&message).await?;
        self.0.read_exact(&mut message).await?;
        Ok(started.elapsed())
    }
}

/// An SQLite file as the store opens its own, and the least that a durable commit writes to it.
pub struct Commits {
    connection: SqliteConnection,
    event: String,
}

impl Commits {
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        let mut connection = SqliteConnection::connect_with(&options(&folder.join("commits.db"))).await?;
        let table = "CREATE TABLE delivery (id TEXT PRIMARY KEY, event TEXT NOT NULL)";
        sqlx::query(table).execute(&mut connection).await?;
        Ok(Self { connection, event: "e".repeat(600) })
    }

    /// One row, committed.
    pub async fn one(&mut self, number: usize) -> anyhow::Result<Duration> {
        let id = format!("delivery-{number}");
        let started = Instant::now();
        sqlx::query("INSERT INTO delivery (id, event) VALUES ($1, $2)")
            .bind(&id)
            .bind(&self.event)
            .execute(&mut self.connection)
            .await?;
        Ok(started.elapsed())
    }
}

/// The disk alone: a page written and synced in a file that does not grow.
pub struct Pages {
    file: File,
    next: u64,
}

impl Pages {
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let file = File::create(folder.join("pages"))?;
        for page in 0..FRAMES {
            file.write_all_at(&[0; FRAME], page * FRAME as u64)?;
        }
        file.sync_all()?;
        Ok(Self { file, next: 0 })
    }

    pub fn one(&mut self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        self.file.write_all_at(&[1; FRAME], self.next % FRAMES * FRAME as u64)?;
        self.file.sync_data()?;
        self.next += 1;
        Ok(started.elapsed())
    }
}

/// The bot's own store, in this process.
pub struct Deliveries(Store);

impl Deliveries {
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("store.db");
        Ok(Self(Store::open(&format!("sqlite://{}", path.display())).await?))
    }

    /// One delivery recorded, as before every acknowledgement.
    pub async fn one(&self, number: usize) -> anyhow::Result<Duration> {
        let event = event(number);
        let run = RunId::from_random(u64::try_from(number)?);
        let started = Instant::now();
        self.0.record_delivery(&event, run, Duration::from_secs(15), event.at).await?;
        Ok(started.elapsed())
    }
}

/// The least that many rows take in a database that the bot uses too: a row a statement, so many in a commit.
pub enum Rows {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Rows {
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        Ok(match url.strip_prefix("sqlite://") {
            Some(path) => Self::Sqlite(SqliteConnection::connect_with(&options(Path::new(path))).await?),
            None => Self::Postgres(PgConnection::connect(url).await?),
        })
    }

    /// What a query counts.
    pub async fn count(&mut self, sql: &'static str) -> anyhow::Result<i64> {
        Ok(match self {
            Self::Sqlite(connection) => sqlx::query_scalar(sql).fetch_one(connection).await?,
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_one(connection).await?,
        })
    }

    /// So many rows of so many bytes, in groups as the store's writer makes them.
    pub async fn commit(&mut self, rows: u32, bytes: usize) -> anyhow::Result<Duration> {
        let what = "e".repeat(bytes);
        for sql in
            ["DROP TABLE IF EXISTS bare", "CREATE TABLE bare (number BIGINT PRIMARY KEY, what TEXT NOT NULL)"]
        {
            match self {
                Self::Sqlite(connection) => {
                    sqlx::query(sql).execute(connection).await?;
                }
                Self::Postgres(connection) => {
                    sqlx::query(sql).execute(connection).await?;
                }
            }
        }
        let numbers: Vec<u32> = (0..rows).collect();
        let started = Instant::now();
        for group in numbers.chunks(GROUP) {
            match self {
                Self::Sqlite(connection) => {
                    let mut whole = connection.begin().await?;
                    for number in group {
                        sqlx::query(ROW).bind(number).bind(&what).execute(&mut *whole).await?;
                    }
                    whole.commit().await?;
                }
                Self::Postgres(connection) => {
                    let mut whole = connection.begin().await?;
                    for number in group {
                        sqlx::query(ROW).bind(i64::from(*number)).bind(&what).execute(&mut *whole).await?;
                    }
                    whole.commit().await?;
                }
            }
        }
        Ok(started.elapsed())
    }
}

const ROW: &str = "INSERT INTO bare (number, what) VALUES ($1, $2)";
/// Rows in one commit.
const GROUP: usize = 256;

/// As the store opens its file.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
}

fn event(number: usize) -> ChatEvent {
    let asker = Account::new(Platform::Slack, "U0CY");
    let place = Place::channel(Room::new(Platform::Slack, "C000000001"));
    let token = AnswerToken { value: "t".repeat(100), expires: Timestamp::UNIX_EPOCH };
    let answer = AnswerTo { place: place.clone(), asker: asker.clone(), token: Some(token) };
    ChatEvent {
        delivery: DeliveryId { platform: Platform::Slack, id: format!("delivery-{number}") },
        at: Timestamp::UNIX_EPOCH,
        from: asker,
        place,
        kind: EventKind::Command { line: "help".to_owned(), answer },
    }
}
