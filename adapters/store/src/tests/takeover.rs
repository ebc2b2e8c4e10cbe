//! At the start of the only process nothing waits for the leases of the one before; what a platform
//! asked to put off stays put off.

use super::*;
use crate::{Recorded, Wanted};

const WANTED: Wanted<'static> = Wanted { platforms: &[Platform::Slack], busy: &[], lease: LEASE, limit: 9 };

#[tokio::test]
async fn the_only_process_takes_over_at_once() {
    let ground = Ground::sqlite();
    let store = ground.store().await;
    assert_eq!(store.record_delivery(&event("E1"), run(1), LEASE, at(0)).await.unwrap(), Recorded::New);
    store.put_message(message("claimed", ""), at(0)).await.unwrap();
    store.put_message(message("put off", ""), at(0)).await.unwrap();
    let claimed = store.claim_messages(WANTED, at(0)).await.unwrap();
    assert_eq!(claimed.len(), 2);
    let put_off = claimed.iter().find(|claimed| claimed.slot == "put off").unwrap();
    assert!(store.defer(put_off, at(60), true).await.unwrap());

    let (_copy, next) = ground.after_a_crash().await;
    assert_eq!(next.unfinished_deliveries(at(0), LEASE, 9).await.unwrap(), []);
    next.take_over(at(0)).await.unwrap();
    assert_eq!(next.unfinished_deliveries(at(0), LEASE, 9).await.unwrap().len(), 1);
    let again = next.claim_messages(WANTED, at(0)).await.unwrap();
    assert_eq!(again.iter().map(|claimed| claimed.slot.as_str()).collect::<Vec<_>>(), ["claimed"]);
    assert!(again[0].outgoing.may_repeat);
    assert!(!next.claim_messages(WANTED, at(60)).await.unwrap().is_empty());
}

#[tokio::test]
async fn replicas_keep_their_leases() {
    let ground = Ground::postgres().await;
    let (store, other) = (ground.store().await, ground.store().await);
    store.record_delivery(&event("E1"), run(1), LEASE, at(0)).await.unwrap();
    other.take_over(at(0)).await.unwrap();
    assert_eq!(other.unfinished_deliveries(at(0), LEASE, 9).await.unwrap(), []);
}
