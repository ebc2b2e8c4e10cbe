//! The chain: what is appended is found again, and whatever is done to it past the store is noticed.

use std::collections::HashSet;

use tokio::task::JoinSet;

use super::*;
use crate::{AuditDecision, AuditEntry, AuditFilter, AuditOutcome, AuditRow, Head, Verified};

pub(super) fn entry(number: u64, person: Option<&str>) -> AuditEntry {
    AuditEntry {
        run: run(number),
        account: Account::new(Platform::Slack, "U1"),
        person: person.map(str::to_owned),
        place: Some(Place::channel(room())),
        verb: "health".to_owned(),
        line: "health\0 'é'".to_owned(),
        decision: AuditDecision::Refused { reason: "ask Ada".to_owned() },
        outcome: Some(AuditOutcome::Failed),
        detail: serde_json::json!({ "services": 6 }),
    }
}

pub(super) async fn everything(store: &Store) -> Vec<AuditRow> {
    store.audit_rows(AuditFilter { last: 1000, ..AuditFilter::default() }).await.unwrap()
}

async fn append(store: &Store, count: u64) {
    for number in 1..=count {
        store.append_audit(vec![entry(number, Some("ada"))], at(0)).await.unwrap();
    }
}

async fn broken_after(ground: &Ground, tampering: &'static str) -> (i64, String) {
    let store = ground.store().await;
    append(&store, 5).await;
    assert!(matches!(store.verify_audit().await.unwrap(), Verified::Intact { rows: 5, .. }));
    ground.tamper(tampering).await;
    match store.verify_audit().await.unwrap() {
        Verified::BrokenAt { seq, what } => (seq, what),
        intact @ Verified::Intact { .. } => panic!("{intact:?}"),
    }
}

on_both! {
    async fn what_is_appended_is_found_again(ground: &Ground) {
        let store = ground.store().await;
        assert_eq!(store.verify_audit().await.unwrap(), Verified::Intact { rows: 0, head: None });
        store.append_audit(vec![entry(1, Some("ada")), entry(2, None)], at(3)).await.unwrap();
        store.append_audit(vec![entry(3, Some("ada"))], at(4)).await.unwrap();
        let rows = everything(&store).await;
        let found: Vec<_> = rows.iter().map(|row| (row.seq, row.at, row.entry.clone())).collect();
        let ada = Some("ada");
        assert_eq!(found, [(1, at(3), entry(1, ada)), (2, at(3), entry(2, None)), (3, at(4), entry(3, ada))]);
        let head = Some(Head { seq: 3, hash: rows[2].hash.clone() });
        assert_eq!(store.verify_audit().await.unwrap(), Verified::Intact { rows: 3, head });
    }

    async fn rows_are_found_by_person_and_by_run(ground: &Ground) {
        let store = ground.store().await;
        let entries = [(1, Some("ada")), (2, None), (1, Some("bob")), (3, Some("ada")), (4, Some("ada"))];
        store.append_audit(entries.map(|(number, person)| entry(number, person)).to_vec(), at(0)).await.unwrap();
        let seqs = async |filter| {
            let rows = store.audit_rows(filter).await.unwrap();
            rows.iter().map(|row| row.seq).collect::<Vec<_>>()
        };
        assert_eq!(seqs(AuditFilter { last: 2, person: Some("ada".to_owned()), run: None }).await, [4, 5]);
        assert_eq!(seqs(AuditFilter { last: 9, person: None, run: Some(run(1)) }).await, [1, 3]);
        assert_eq!(seqs(AuditFilter { last: 9, person: Some("bob".to_owned()), run: Some(run(1)) }).await, [3]);
    }

    async fn the_chain_is_the_documented_one(ground: &Ground) {
        use sha2::{Digest, Sha256};
        let store = ground.store().await;
        append(&store, 2).await;
        let mut before = "0".repeat(64);
        for row in everything(&store).await {
            let json = serde_json::to_string(&row.entry).unwrap();
            let lines = format!("{before}\n{}\n{}\n{json}", row.seq, row.at.as_microsecond());
            before = hex::encode(Sha256::digest(lines));
            assert_eq!(row.hash, before);
        }
    }

    async fn many_writers_make_one_chain(ground: &Ground) {
        let stores = [ground.store().await, ground.store().await];
        let mut calls = JoinSet::new();
        for number in 0..64 {
            let store = stores[usize::try_from(number % 2).unwrap()].clone();
            calls.spawn(async move { store.append_audit(vec![entry(number, None); 2], at(0)).await.unwrap() });
        }
        calls.join_all().await;
        assert!(matches!(stores[0].verify_audit().await.unwrap(), Verified::Intact { rows: 128, .. }));
        let runs: HashSet<RunId> = everything(&stores[1]).await.iter().map(|row| row.entry.run).collect();
        assert_eq!(runs.len(), 64);
    }

    async fn a_chain_of_several_pages_is_checked_to_the_end(ground: &Ground) {
        let store = ground.store().await;
        store.append_audit(vec![entry(1, None); 1203], at(0)).await.unwrap();
        assert!(matches!(store.verify_audit().await.unwrap(), Verified::Intact { rows: 1203, .. }));
        ground.tamper("UPDATE audit SET at = at + 1 WHERE seq = 1202").await;
        assert!(matches!(store.verify_audit().await.unwrap(), Verified::BrokenAt { seq: 1202, .. }));
    }

    async fn an_edited_entry_is_noticed(ground: &Ground) {
        let broken = broken_after(ground, "UPDATE audit SET entry = replace(entry, 'ask Ada', 'ask Bob') WHERE seq = 3");
        assert_eq!(broken.await, (3, "is not what was appended here: its hash does not follow".to_owned()));
    }

    async fn another_time_is_noticed(ground: &Ground) {
        assert_eq!(broken_after(ground, "UPDATE audit SET at = at - 60000000 WHERE seq = 2").await.0, 2);
    }

    async fn another_person_in_the_index_is_noticed(ground: &Ground) {
        let broken = broken_after(ground, "UPDATE audit SET person = 'bob' WHERE seq = 4");
        assert_eq!(broken.await, (4, "is filed under another run or person than its entry says".to_owned()));
    }

    async fn a_deleted_row_is_noticed(ground: &Ground) {
        let broken = broken_after(ground, "DELETE FROM audit WHERE seq = 2");
        assert_eq!(broken.await, (2, "is missing: row 3 comes next".to_owned()));
    }

    async fn deleted_last_rows_are_noticed(ground: &Ground) {
        let broken = broken_after(ground, "DELETE FROM audit WHERE seq > 3");
        assert_eq!(broken.await, (4, "is missing at the end".to_owned()));
    }

    async fn renumbered_rows_are_noticed(ground: &Ground) {
        let renumber = "DELETE FROM audit WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; \
                        UPDATE audit SET seq = 3 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5; \
                        UPDATE audit_head SET seq = 4";
        assert_eq!(broken_after(ground, renumber).await.0, 2);
    }

    async fn swapped_rows_are_noticed(ground: &Ground) {
        let swap = "UPDATE audit SET seq = 99 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 4; \
                    UPDATE audit SET seq = 4 WHERE seq = 99";
        assert_eq!(broken_after(ground, swap).await.0, 2);
    }

    async fn a_row_after_the_end_is_noticed(ground: &Ground) {
        let rewind = "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit WHERE seq = 4)";
        assert_eq!(broken_after(ground, rewind).await, (5, "comes after the end".to_owned()));
    }

    async fn an_end_that_is_another_is_noticed(ground: &Ground) {
        let broken = broken_after(ground, "UPDATE audit_head SET hash = 'ab'");
        assert_eq!(broken.await, (5, "is not the one that the chain ended with".to_owned()));
    }
}
