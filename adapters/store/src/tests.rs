//! One suite for both databases: each test is expanded for SQLite and for PostgreSQL, and each run
//! has a database of its own. What only one of them has is tested beside it, by name.

mod alert;
mod audit;
mod block;
mod delivery;
mod incident;
mod lease;
mod login;
mod maintenance;
mod opening;
mod outbox;
mod plan;
mod quoted;
mod room;
mod schedule;
mod takeover;
mod task;
mod webhook;
mod writer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use commands::card::{Card, Section, Tone};
use commands::ids::{Account, DeliveryId, MessageRef, Place, Platform, Room, RunId};
use commands::message::{AnswerTo, ChatEvent, EventKind, Reply, Target, Visibility};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};

use crate::{Lane, NewMessage, Store};

/// Expands each test into one for each database.
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($ground:ident: &Ground) $body:block)*) => {
        $($(#[$attribute])* async fn $name($ground: &Ground) $body)*

        mod sqlite {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let ground = Ground::sqlite();
                super::$name(&ground).await;
            })*
        }

        mod postgres {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let ground = Ground::postgres().await;
                super::$name(&ground).await;
                ground.clear().await;
            })*
        }
    };
}
use on_both;

/// A database of one test.
enum Ground {
    Sqlite(tempfile::TempDir),
    Postgres { server: String, name: String },
}

impl Ground {
    fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    #[expect(clippy::disallowed_methods, reason = "where the test server is")]
    async fn postgres() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("ACGS_TEST_POSTGRES_URL").expect(
            "ACGS_TEST_POSTGRES_URL must name a PostgreSQL server where databases may be created, \
             such as postgres://postgres@127.0.0.1:5432/postgres",
        );
        let name = format!("store_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let ground = Self::Postgres { server, name };
        ground.serve(|name| format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        ground.serve(|name| format!("CREATE DATABASE {name}")).await;
        ground
    }

    async fn serve(&self, statement: impl Fn(&str) -> String) {
        let Self::Postgres { server, name } = self else { return };
        let mut connection = PgConnection::connect(server).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement(name))).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    async fn clear(&self) {
        self.serve(|name| format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }

    fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("acgs.db"),
            Self::Postgres { .. } => panic!("PostgreSQL has no file"),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(_) => format!("sqlite://{}", self.file().display()),
            Self::Postgres { server, name } => {
                let (head, _) = server.rsplit_once('/').unwrap();
                format!("{head}/{name}")
            }
        }
    }

    /// One more store on the same database, as another process would have it.
    async fn store(&self) -> Store {
        Store::open(&self.url()).await.unwrap()
    }

    /// What is there for the next process if this one dies now.
    async fn after_a_crash(&self) -> (Self, Store) {
        let copy = match self {
            Self::Sqlite(_) => {
                let copy = Self::sqlite();
                for suffix in ["", "-wal"] {
                    let from = format!("{}{suffix}", self.file().display());
                    std::fs::copy(from, format!("{}{suffix}", copy.file().display())).unwrap();
                }
                copy
            }
            Self::Postgres { server, name } => Self::Postgres { server: server.clone(), name: name.clone() },
        };
        let store = copy.store().await;
        (copy, store)
    }

    /// Past the store, as somebody with the database's password would.
    async fn tamper(&self, statement: &'static str) {
        match self {
            Self::Sqlite(_) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.file());
                let mut connection: SqliteConnection = options.connect().await.unwrap();
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres { .. } => {
                let mut connection = PgConnection::connect(&self.url()).await.unwrap();
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }
}

const LEASE: Duration = Duration::from_secs(2);

/// A time of the tests' own, in seconds.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn run(number: u64) -> RunId {
    RunId::from_random(number)
}

fn room() -> Room {
    Room::new(Platform::Slack, "C1")
}

fn event(id: &str) -> ChatEvent {
    let place = Place::channel(room());
    let from = Account::new(Platform::Slack, "U1");
    ChatEvent {
        delivery: DeliveryId { platform: Platform::Slack, id: id.to_owned() },
        at: at(0),
        from: from.clone(),
        place: place.clone(),
        kind: EventKind::Command {
            line: "health\0 \"'; DROP TABLE delivery; -- é🧯".to_owned(),
            answer: AnswerTo { place, asker: from, token: None },
        },
    }
}

fn reply(text: &str) -> Reply {
    Reply {
        visibility: Visibility::Public,
        card: Card {
            title: text.to_owned(),
            tone: Tone::Good,
            sections: vec![Section::Text("six of six\0".to_owned())],
            buttons: Vec::new(),
            footer: None,
        },
        file: None,
        picture: None,
        mentions: Vec::new(),
    }
}

fn message(slot: &str, text: &str) -> NewMessage {
    NewMessage {
        slot: slot.to_owned(),
        lane: Lane::Answer,
        target: Target::Post(Place::channel(room())),
        reply: reply(text),
    }
}

fn message_ref(id: &str) -> MessageRef {
    MessageRef { room: room(), id: id.to_owned() }
}
