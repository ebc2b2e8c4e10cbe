//! Deliveries come at least once and count once; one whose recorder died is taken up again, once.

use super::*;
use crate::{Conclusion, OpenDelivery, Recorded};
use tokio::task::JoinSet;

async fn claimed_reply(store: &Store) -> Vec<Reply> {
    let wanted = crate::Wanted { platforms: &[Platform::Slack], busy: &[], lease: LEASE, limit: 9 };
    let claimed = store.claim_messages(wanted, at(3)).await.unwrap();
    claimed.into_iter().map(|claimed| claimed.outgoing.reply).collect()
}

on_both! {
    async fn the_same_delivery_again_is_a_repeat(ground: &Ground) {
        let store = ground.store().await;
        assert_eq!(store.record_delivery(&event("E1"), run(1), LEASE, at(0)).await.unwrap(), Recorded::New);
        assert_eq!(store.record_delivery(&event("E1"), run(2), LEASE, at(1)).await.unwrap(), Recorded::Repeat);
        assert_eq!(store.record_delivery(&event("E2"), run(3), LEASE, at(1)).await.unwrap(), Recorded::New);
        let mut elsewhere = event("E1");
        elsewhere.delivery.platform = Platform::Discord;
        assert_eq!(store.record_delivery(&elsewhere, run(4), LEASE, at(1)).await.unwrap(), Recorded::New);
    }

    async fn of_64_equal_deliveries_at_once_one_is_new(ground: &Ground) {
        let stores = [ground.store().await, ground.store().await];
        let mut calls = JoinSet::new();
        for number in 0..64 {
            let store = stores[number % 2].clone();
            calls.spawn(async move { store.record_delivery(&event("E1"), run(1), LEASE, at(0)).await.unwrap() });
        }
        let outcomes = calls.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Recorded::New).count(), 1);
    }

    async fn a_delivery_outlives_its_recorder(ground: &Ground) {
        let store = ground.store().await;
        store.record_delivery(&event("E1"), run(7), LEASE, at(0)).await.unwrap();
        let (_copy, next) = ground.after_a_crash().await;
        assert_eq!(next.unfinished_deliveries(at(1), LEASE, 9).await.unwrap(), []);
        let open = OpenDelivery { event: event("E1"), run: run(7), received_at: at(0) };
        assert_eq!(next.unfinished_deliveries(at(2), LEASE, 9).await.unwrap(), [open]);
        assert_eq!(next.unfinished_deliveries(at(3), LEASE, 9).await.unwrap(), []);
    }

    async fn a_concluded_delivery_is_finished_but_not_forgotten(ground: &Ground) {
        let store = ground.store().await;
        store.record_delivery(&event("E1"), run(1), LEASE, at(0)).await.unwrap();
        let conclusion = Conclusion { delivery: Some(&event("E1").delivery), ..Conclusion::default() };
        store.conclude(conclusion, at(1)).await.unwrap();
        assert_eq!(store.unfinished_deliveries(at(99), LEASE, 9).await.unwrap(), []);
        assert_eq!(store.record_delivery(&event("E1"), run(2), LEASE, at(99)).await.unwrap(), Recorded::Repeat);
        assert_eq!(store.forget_deliveries(at(1)).await.unwrap(), 0);
        assert_eq!(store.forget_deliveries(at(2)).await.unwrap(), 1);
        assert_eq!(store.record_delivery(&event("E1"), run(3), LEASE, at(99)).await.unwrap(), Recorded::New);
    }

    async fn a_second_conclusion_changes_nothing(ground: &Ground) {
        let store = ground.store().await;
        let recorded = event("E1");
        store.record_delivery(&recorded, run(1), LEASE, at(0)).await.unwrap();
        let conclusion = |text: &str| Conclusion {
            delivery: Some(&recorded.delivery),
            audit: vec![audit::entry(1, Some("ada"))],
            messages: vec![message("a", text)], plan: None };
        assert!(store.conclude(conclusion("one"), at(1)).await.unwrap());
        assert!(!store.conclude(conclusion("two"), at(2)).await.unwrap());
        assert_eq!(audit::everything(&store).await.len(), 1);
        assert_eq!(claimed_reply(&store).await, [reply("one")]);
    }

    async fn a_delivery_that_is_kept_is_not_handed_out(ground: &Ground) {
        let store = ground.store().await;
        let recorded = event("E1");
        store.record_delivery(&recorded, run(1), LEASE, at(0)).await.unwrap();
        store.keep_delivery(&recorded.delivery, at(9)).await.unwrap();
        assert_eq!(store.unfinished_deliveries(at(8), LEASE, 9).await.unwrap(), []);
        assert_eq!(store.unfinished_deliveries(at(9), LEASE, 9).await.unwrap().len(), 1);
    }

    async fn two_replicas_never_take_up_the_same_delivery(ground: &Ground) {
        let stores = [ground.store().await, ground.store().await];
        for number in 0..40 {
            let recorded = event(&format!("E{number}"));
            stores[0].record_delivery(&recorded, run(number), LEASE, at(0)).await.unwrap();
        }
        let mut calls = JoinSet::new();
        for number in 0..16 {
            let store = stores[number % 2].clone();
            calls.spawn(async move { store.unfinished_deliveries(at(9), LEASE, 5).await.unwrap() });
        }
        let mut taken: Vec<RunId> = calls.join_all().await.into_iter().flatten().map(|open| open.run).collect();
        // Replicas step over what another is taking, so a late one may find less than is there.
        while taken.len() < 40 {
            let more = stores[0].unfinished_deliveries(at(9), LEASE, 5).await.unwrap();
            assert_ne!(more, [], "some deliveries were never handed out");
            taken.extend(more.into_iter().map(|open| open.run));
        }
        taken.sort_unstable();
        assert_eq!(taken, (0..40).map(run).collect::<Vec<_>>());
    }

    async fn the_oldest_are_taken_up_first(ground: &Ground) {
        let store = ground.store().await;
        for seconds in [3, 1, 2] {
            store.record_delivery(&event(&format!("E{seconds}")), run(1), LEASE, at(seconds)).await.unwrap();
        }
        let taken = store.unfinished_deliveries(at(9), LEASE, 2).await.unwrap();
        assert_eq!(taken.iter().map(|open| open.received_at).collect::<Vec<_>>(), [at(1), at(2)]);
    }

    async fn the_newest_event_is_known_for_each_platform(ground: &Ground) {
        let store = ground.store().await;
        assert_eq!(store.last_event_at(Platform::Slack).await.unwrap(), None);
        for (id, seconds) in [("E1", 5), ("E2", 3)] {
            let recorded = ChatEvent { at: at(seconds), ..event(id) };
            store.record_delivery(&recorded, run(1), LEASE, at(9)).await.unwrap();
        }
        assert_eq!(store.last_event_at(Platform::Slack).await.unwrap(), Some(at(5)));
        assert_eq!(store.last_event_at(Platform::Web).await.unwrap(), None);
    }

    async fn a_conclusion_happens_whole_or_not_at_all(ground: &Ground) {
        let store = ground.store().await;
        store.record_delivery(&event("E1"), run(1), LEASE, at(0)).await.unwrap();
        let conclusion = |last_slot: &str| Conclusion {
            delivery: Some(&DELIVERY),
            audit: vec![audit::entry(1, Some("ada"))],
            messages: vec![message("a", "one"), message(last_slot, "two")], plan: None };
        static DELIVERY: std::sync::LazyLock<DeliveryId> = std::sync::LazyLock::new(|| event("E1").delivery);
        // The second message's name is too long for the table, after the first is stored.
        store.conclude(conclusion(&"z".repeat(26)), at(1)).await.unwrap_err();
        assert_eq!(store.outbox_depth().await.unwrap().waiting, 0);
        assert_eq!(audit::everything(&store).await, []);
        assert_eq!(store.unfinished_deliveries(at(2), LEASE, 9).await.unwrap().len(), 1);

        store.conclude(conclusion("z"), at(3)).await.unwrap();
        assert_eq!(store.outbox_depth().await.unwrap().waiting, 2);
        assert_eq!(audit::everything(&store).await.len(), 1);
        assert_eq!(store.unfinished_deliveries(at(99), LEASE, 9).await.unwrap(), []);
    }

    async fn an_unknown_word_in_the_store_is_an_error(ground: &Ground) {
        let store = ground.store().await;
        store.record_delivery(&event("E1"), run(1), LEASE, at(0)).await.unwrap();
        ground.tamper("UPDATE delivery SET event = replace(event, 'command', 'singing')").await;
        let error = store.unfinished_deliveries(at(9), LEASE, 9).await.unwrap_err();
        assert!(error.to_string().contains("table delivery holds something unknown"), "{error}");
    }
}
