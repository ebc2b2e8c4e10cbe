//! Leases: one holder at a time, a fence that only grows, and what a replica leaves behind.

use super::*;
use crate::{LeaseRow, Recorded, Take, Wanted, replica_lease};

const LENGTH: Duration = Duration::from_millis(300);
/// Over before anybody looks.
const NO_LENGTH: Duration = Duration::ZERO;
const WANTED: Wanted<'static> = Wanted { platforms: &[Platform::Slack], busy: &[], lease: LEASE, limit: 9 };

fn take(name: &str, seen: i64) -> Take {
    Take { name: name.to_owned(), seen }
}

async fn the(store: &Store, name: &str, now: Timestamp) -> LeaseRow {
    let rows = store.leases(now).await.unwrap();
    rows.into_iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no lease {name}"))
}

on_both! {
    async fn one_of_two_has_it_and_the_other_after_it(ground: &Ground) {
        let (a, b) = (ground.store().await, ground.store().await);
        assert_eq!(a.take_lease("a", &take("gate", 0), LENGTH, at(0)).await.unwrap(), Some(1));
        assert_eq!(b.take_lease("b", &take("gate", 0), LENGTH, at(0)).await.unwrap(), None, "seen before it was there");
        assert_eq!(b.take_lease("b", &take("gate", 1), LENGTH, at(0)).await.unwrap(), None, "it is held");
        let row = the(&b, "gate", at(0)).await;
        assert_eq!((row.holder.as_deref(), row.fence, row.is_held()), (Some("a"), 1, true));
        assert!(row.left <= LENGTH, "{row:?}");
        a.give_back("a", &["gate", "another"]).await.unwrap();
        assert_eq!((the(&b, "gate", at(0)).await.holder, the(&b, "gate", at(0)).await.fence), (None, 1));
        assert_eq!(b.take_lease("b", &take("gate", 1), LENGTH, at(0)).await.unwrap(), Some(2));
        a.give_back("a", &["gate"]).await.unwrap();
        assert_eq!(the(&a, "gate", at(0)).await.holder.as_deref(), Some("b"), "nobody gives back what is another's");
    }

    async fn one_that_is_over_is_taken_with_a_greater_fence_and_stays_its_holder_s_until_then(ground: &Ground) {
        let store = ground.store().await;
        assert_eq!(store.take_lease("a", &take("gate", 0), NO_LENGTH, at(0)).await.unwrap(), Some(1));
        assert!(!the(&store, "gate", at(1)).await.is_held());
        let rows = store.renew_leases("a", None, LENGTH, at(1)).await.unwrap();
        assert!(rows.iter().all(|row| row.is_held() && row.fence == 1), "{rows:?}");
        assert_eq!(store.take_lease("b", &take("gate", 1), LENGTH, at(1)).await.unwrap(), None);
        store.renew_leases("a", None, NO_LENGTH, at(1)).await.unwrap();
        assert_eq!(store.take_lease("b", &take("gate", 1), LENGTH, at(2)).await.unwrap(), Some(2));
        let rows = store.renew_leases("a", None, LENGTH, at(2)).await.unwrap();
        assert_eq!(rows[0].holder.as_deref(), Some("b"), "the one before learns of it by renewing");
    }

    async fn of_many_who_see_it_free_one_takes_it(ground: &Ground) {
        let store = ground.store().await;
        store.take_lease("dead", &take("gate", 0), NO_LENGTH, at(0)).await.unwrap();
        let takers = (0..16).map(|number| {
            let store = store.clone();
            async move {
                let taken = store.take_lease(&format!("r{number}"), &take("gate", 1), Duration::from_secs(60), at(1)).await;
                taken.unwrap()
            }
        });
        let mut tasks = tokio::task::JoinSet::new();
        takers.for_each(|taker| drop(tasks.spawn(taker)));
        let taken = tasks.join_all().await;
        assert_eq!(taken.iter().flatten().collect::<Vec<_>>(), [&2], "{taken:?}");
    }

    async fn a_replica_s_claims_end_with_it_and_its_fence_is_worth_nothing_afterwards(ground: &Ground) {
        let a = ground.store().await.claiming_as("a");
        let b = ground.store().await.claiming_as("b");
        assert_eq!(a.take_lease("a", &take(&replica_lease("a"), 0), NO_LENGTH, at(0)).await.unwrap(), Some(1));
        b.take_lease("b", &take(&replica_lease("b"), 0), Duration::from_secs(60), at(0)).await.unwrap();
        assert_eq!(a.record_delivery(&event("E1"), run(1), LEASE, at(0)).await.unwrap(), Recorded::New);
        assert_eq!(b.record_delivery(&event("E2"), run(2), LEASE, at(0)).await.unwrap(), Recorded::New);
        a.put_message(message("one", "one"), at(0)).await.unwrap();
        let claimed = a.claim_messages(WANTED, at(0)).await.unwrap();
        a.put_message(message("put off", "two"), at(0)).await.unwrap();
        let put_off = a.claim_messages(WANTED, at(0)).await.unwrap();
        assert!(a.defer(&put_off[0], at(60), true).await.unwrap());
        assert_eq!(b.unfinished_deliveries(at(0), LEASE, 9).await.unwrap(), []);

        assert_eq!(b.release_gone(at(1)).await.unwrap(), ["a"]);
        assert_eq!(b.release_gone(at(1)).await.unwrap(), [""; 0], "once");
        let open = b.unfinished_deliveries(at(1), LEASE, 9).await.unwrap();
        assert_eq!(open.iter().map(|open| open.run).collect::<Vec<_>>(), [run(1)], "and b's own is b's");
        let again = b.claim_messages(WANTED, at(1)).await.unwrap();
        assert_eq!(again.iter().map(|again| again.slot.as_str()).collect::<Vec<_>>(), ["one"], "what waits for a limit waits");
        let posted = commands::message::Posted::Message(message_ref("1"));
        assert_eq!(a.confirm(&claimed[0], posted, at(1)).await.unwrap(), crate::Confirmed::TakenOver);
        let rows = a.renew_leases("a", None, LENGTH, at(1)).await.unwrap();
        assert!(rows.iter().all(|row| row.replica() != Some("a")), "a learns that it was struck out: {rows:?}");
    }

    async fn whoever_leaves_leaves_nothing_held(ground: &Ground) {
        let a = ground.store().await.claiming_as("a");
        a.take_lease("a", &take(&replica_lease("a"), 0), Duration::from_secs(60), at(0)).await.unwrap();
        a.take_lease("a", &take("gate", 0), Duration::from_secs(60), at(0)).await.unwrap();
        a.record_delivery(&event("E1"), run(1), LEASE, at(0)).await.unwrap();
        a.leave("a").await.unwrap();
        let rows = a.leases(at(0)).await.unwrap();
        assert_eq!(rows.iter().map(|row| (row.name.as_str(), row.is_held())).collect::<Vec<_>>(), [("gate", false)]);
        assert_eq!(a.unfinished_deliveries(at(0), LEASE, 9).await.unwrap().len(), 1);
    }

    async fn a_replica_says_which_engine_it_acts_on(ground: &Ground) {
        let store = ground.store().await;
        for name in ["gate", &replica_lease("a")] {
            store.take_lease("a", &take(name, 0), LENGTH, at(0)).await.unwrap();
        }
        let rows = store.renew_leases("a", Some("E:1"), LENGTH, at(0)).await.unwrap();
        let engines: Vec<_> = rows.iter().map(|row| (row.replica(), row.engine.as_deref())).collect();
        assert_eq!(engines, [(None, None), (Some("a"), Some("E:1"))]);
    }
}

/// The database's clock counts, whatever a replica thinks that the time is.
#[tokio::test]
async fn on_postgres_the_servers_clock_decides() {
    let ground = Ground::postgres().await;
    let store = ground.store().await;
    assert_eq!(store.take_lease("a", &take("gate", 0), LENGTH, at(0)).await.unwrap(), Some(1));
    // Its clock is a day ahead.
    assert_eq!(store.take_lease("b", &take("gate", 1), LENGTH, at(86_400)).await.unwrap(), None);
    let started = std::time::Instant::now();
    let taken = loop {
        if let Some(fence) = store.take_lease("b", &take("gate", 1), LENGTH, at(0)).await.unwrap() {
            break fence;
        }
        assert!(started.elapsed() < Duration::from_secs(5), "it is never over");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(taken, 2);
    ground.clear().await;
}

#[tokio::test]
async fn replicas_hear_of_messages_and_of_leases_given_back() {
    let ground = Ground::postgres().await;
    let (a, b) = (ground.store().await, ground.store().await);
    let mut signals = b.signals().await.unwrap().expect("PostgreSQL has them");
    a.put_message(message("one", "one"), at(0)).await.unwrap();
    assert_eq!(signals.next().await.unwrap(), crate::Signal::Outbox);
    a.claim_messages(WANTED, at(0)).await.unwrap();
    a.leave("a").await.unwrap();
    assert_eq!(signals.next().await.unwrap(), crate::Signal::Lease, "a claim is no news");
    drop(signals);
    ground.clear().await;
    assert!(Ground::sqlite().store().await.signals().await.unwrap().is_none());
}

#[tokio::test]
async fn two_do_not_serve_one_file() {
    let ground = Ground::sqlite();
    let (first, second) = (ground.store().await, ground.store().await);
    first.take_over(at(0)).await.unwrap();
    let refused = second.take_over(at(0)).await.unwrap_err();
    assert!(matches!(refused, crate::StoreError::Served(_)), "{refused}");
    // The terminal writes to it all the same.
    second.put_message(message("one", "one"), at(0)).await.unwrap();
    first.close().await;
    second.take_over(at(0)).await.unwrap();
}
