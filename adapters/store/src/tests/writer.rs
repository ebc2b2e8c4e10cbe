//! Group commit on SQLite: many callers share a commit, one that fails fails alone, and a full disk
//! is an error that passes.

use tokio::task::JoinSet;

use super::*;
use crate::writer::Writer;
use crate::{Database, Recorded, StoreError};

fn writer(store: &Store) -> &Writer {
    match &*store.database {
        Database::Sqlite(db) => &db.writer,
        Database::Postgres(_) => panic!("PostgreSQL has no writer"),
    }
}

/// Commits in the WAL. Each frame is a header of 24 bytes and a page; that of a commit's last one has
/// the size of the database at offset 4 (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).
fn commits(ground: &Ground) -> usize {
    let wal = std::fs::read(format!("{}-wal", ground.file().display())).unwrap();
    wal[32..].chunks_exact(24 + 4096).filter(|frame| frame[4..8] != [0; 4]).count()
}

async fn limit_pages(store: &Store, pages: u32) {
    let limited = writer(store)
        .statement(pages, |unit, pages| {
            Box::pin(async move {
                let pragma = AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
                sqlx::raw_sql(pragma).execute(&mut unit.connection).await?;
                Ok(())
            })
        })
        .await;
    limited.unwrap();
}

async fn pages(store: &Store) -> u32 {
    let count = writer(store).statement((), |unit, ()| {
        Box::pin(
            async move { Ok(sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut unit.connection).await?) },
        )
    });
    count.await.unwrap()
}

// On one thread all callers have queued their job before the writer takes the first.
#[tokio::test]
async fn many_callers_share_a_commit() {
    let ground = Ground::sqlite();
    let store = ground.store().await;
    let before = commits(&ground);
    let mut calls = JoinSet::new();
    for number in 0..64 {
        let store = store.clone();
        calls.spawn(async move {
            store.record_delivery(&event(&format!("E{number}")), run(1), LEASE, at(0)).await.unwrap()
        });
    }
    assert_eq!(calls.join_all().await, [Recorded::New; 64]);
    let after = commits(&ground);
    assert!((1..=2).contains(&(after - before)), "{before} then {after}");
}

#[tokio::test]
async fn a_job_that_fails_spoils_no_other() {
    let ground = Ground::sqlite();
    let store = ground.store().await;
    let mut calls = JoinSet::new();
    for number in 0..64 {
        let store = store.clone();
        calls.spawn(async move {
            let slot = if number == 20 { "z".repeat(26) } else { number.to_string() };
            let conclusion = crate::Conclusion {
                delivery: None,
                audit: vec![audit::entry(number, None)],
                messages: vec![message(&slot, "one")],
                plan: None,
            };
            (number, store.conclude(conclusion, at(0)).await.is_ok())
        });
    }
    let failed: Vec<u64> =
        calls.join_all().await.into_iter().filter(|(_, ok)| !ok).map(|(number, _)| number).collect();
    assert_eq!(failed, [20]);
    assert_eq!(store.outbox_depth().await.unwrap().waiting, 63);
    assert!(matches!(store.verify_audit().await.unwrap(), crate::Verified::Intact { rows: 63, .. }));
    let (_copy, next) = ground.after_a_crash().await;
    assert_eq!(next.outbox_depth().await.unwrap().waiting, 63);
}

#[tokio::test]
async fn a_full_disk_is_an_error_that_passes() {
    let ground = Ground::sqlite();
    let store = ground.store().await;
    limit_pages(&store, pages(&store).await + 4).await;
    let big = "x".repeat(4096);
    let mut stored = 0;
    let error = loop {
        match store.put_message(message(&stored.to_string(), &big), at(0)).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 100, "the disk never fills");
    };
    assert!(matches!(error, StoreError::Unwritable(_)), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");

    let conclusion = |number: u64| crate::Conclusion {
        delivery: None,
        audit: vec![audit::entry(number, None)],
        messages: vec![message(&format!("c{number}"), &big)],
        plan: None,
    };
    let (one, two) = tokio::join!(store.conclude(conclusion(1), at(0)), store.conclude(conclusion(2), at(0)));
    assert!(matches!((one, two), (Err(StoreError::Unwritable(_)), Err(StoreError::Unwritable(_)))));
    assert_eq!(store.outbox_depth().await.unwrap().waiting, stored, "reading goes on");

    limit_pages(&store, 1_000_000).await;
    store.conclude(conclusion(3), at(0)).await.unwrap();
    store.ping().await.unwrap();
    assert_eq!(store.outbox_depth().await.unwrap().waiting, stored + 1);
    assert!(matches!(store.verify_audit().await.unwrap(), crate::Verified::Intact { rows: 1, .. }));
}

#[tokio::test]
async fn a_ruined_connection_is_replaced() {
    let ground = Ground::sqlite();
    let store = ground.store().await;
    let ruin = writer(&store).transaction((), |unit, ()| {
        Box::pin(async move {
            // Ends the transaction under the writer's feet.
            sqlx::raw_sql("COMMIT; PRAGMA query_only = on").execute(&mut unit.connection).await?;
            Ok(())
        })
    });
    ruin.await.unwrap_err();
    store.put_message(message("a", "one"), at(0)).await.unwrap();
    assert_eq!(store.outbox_depth().await.unwrap().waiting, 1);
}

#[tokio::test]
async fn closing_finishes_what_is_queued() {
    let ground = Ground::sqlite();
    let store = ground.store().await;
    let mut calls = JoinSet::new();
    for number in 0..32 {
        let store = store.clone();
        calls.spawn(async move { store.put_message(message(&number.to_string(), "one"), at(0)).await });
    }
    // Every caller has queued its job when this one's turn comes.
    tokio::task::yield_now().await;
    store.close().await;
    assert_eq!(calls.join_all().await.iter().filter(|put| put.is_ok()).count(), 32);
    assert_eq!(ground.store().await.outbox_depth().await.unwrap().waiting, 32);
}

#[tokio::test]
async fn another_process_may_write_the_file_too() {
    let ground = Ground::sqlite();
    let stores = [ground.store().await, ground.store().await];
    let mut calls = JoinSet::new();
    for number in 0..40 {
        let store = stores[number % 2].clone();
        calls.spawn(async move { store.put_message(message(&number.to_string(), "one"), at(0)).await });
    }
    for put in calls.join_all().await {
        put.unwrap();
    }
    assert_eq!(stores[0].outbox_depth().await.unwrap().waiting, 40);
}
