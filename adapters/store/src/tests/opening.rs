//! Opening: what is created, what is refused, and in which words.

use std::error::Error;
use std::os::unix::fs::PermissionsExt;

use tokio::task::JoinSet;

use super::*;
use crate::StoreError;

/// The error with its causes, as a log shows it.
fn chain(error: &StoreError) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

async fn refusal(url: &str) -> String {
    chain(&Store::open(url).await.err().expect("refused"))
}

on_both! {
    async fn it_takes_writes_and_says_what_it_is(ground: &Ground) {
        let store = ground.store().await;
        store.ping().await.unwrap();
        let kind = match ground {
            Ground::Sqlite(_) => "sqlite",
            Ground::Postgres { .. } => "postgres",
        };
        assert_eq!(store.kind(), kind);
    }

    async fn opening_again_keeps_what_is_there(ground: &Ground) {
        let store = ground.store().await;
        store.put_message(message("a", "one"), at(0)).await.unwrap();
        store.append_audit(vec![audit::entry(1, None)], at(0)).await.unwrap();
        store.close().await;
        let again = ground.store().await;
        assert_eq!(again.outbox_depth().await.unwrap().waiting, 1);
        assert_eq!(audit::everything(&again).await.len(), 1);
    }

    async fn several_that_start_together_set_it_up_once(ground: &Ground) {
        let mut calls = JoinSet::new();
        for _ in 0..6 {
            let url = ground.url();
            calls.spawn(async move { Store::open(&url).await.unwrap().ping().await.unwrap() });
        }
        calls.join_all().await;
    }

    async fn a_newer_versions_database_is_refused(ground: &Ground) {
        ground.store().await.close().await;
        ground.tamper(
            "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
             SELECT 999, 'later', installed_on, success, checksum, 1 FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
        let refused = refusal(&ground.url()).await;
        assert!(refused.contains("was last used by a newer version of this program (migration 999)"), "{refused}");
    }

    async fn another_builds_database_is_refused(ground: &Ground) {
        ground.store().await.close().await;
        ground.tamper("UPDATE _sqlx_migrations SET checksum = 'ab'").await;
        let refused = refusal(&ground.url()).await;
        assert!(refused.contains("was set up by another build of this program (migration 1 differs)"), "{refused}");
    }

    async fn a_closed_store_says_so(ground: &Ground) {
        let store = ground.store().await;
        store.put_message(message("a", "one"), at(0)).await.unwrap();
        store.close().await;
        store.close().await;
        assert!(matches!(store.ping().await, Err(StoreError::Closed)));
        assert!(matches!(store.outbox_depth().await, Err(StoreError::Closed)));
    }
}

#[tokio::test]
async fn a_new_file_is_for_its_owner_alone() {
    let ground = Ground::sqlite();
    let store = ground.store().await;
    store.ping().await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let path = format!("{}{suffix}", ground.file().display());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
    store.close().await;
    assert!(!std::fs::exists(format!("{}-wal", ground.file().display())).unwrap(), "the file is whole");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let refused = refusal("sqlite:///nowhere/at/all/acgs.db").await;
    assert_eq!(
        refused,
        "the store's folder /nowhere/at/all does not exist: create it, or change [store] url"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let ground = Ground::sqlite();
    std::fs::write(ground.file(), "not a database, but a long enough text to be taken for one".repeat(100))
        .unwrap();
    let refused = refusal(&ground.url()).await;
    assert!(refused.contains("can't open the store /") && refused.contains("not a database"), "{refused}");
}

#[tokio::test]
async fn what_is_no_address_of_a_store_is_refused() {
    for url in
        ["", "mysql://x/y", "sqlite://", "sqlite://acgs.db", "sqlite::memory:", "sqlite:///a.db?mode=ro"]
    {
        let refused = refusal(url).await;
        assert!(refused.contains("write sqlite:///absolute/path.db or postgres://"), "{url}: {refused}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_and_the_password_is_not() {
    let refused = refusal("postgres://ada:hunter2@127.0.0.1:1/acgs").await;
    assert!(refused.contains("127.0.0.1:1/acgs") && refused.contains("refused"), "{refused}");
    assert!(!refused.contains("hunter2"), "{refused}");
    let refused = refusal("postgres://ada:hunter2@[::bad/acgs").await;
    assert!(!refused.contains("hunter2"), "{refused}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let started = std::time::Instant::now();
    refusal(&format!("postgres://ada@{}/acgs", silent.local_addr().unwrap())).await;
    assert!(started.elapsed() < Duration::from_secs(8));
}
