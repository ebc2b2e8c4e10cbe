//! Messages go out in order, to one sender at a time, in their newest version, and none is lost.

use commands::message::Posted;
use tokio::task::JoinSet;

use super::*;
use crate::{Claimed, Confirmed, OutboxDepth, StoreError, Wanted};

const SLACK: Wanted<'static> = Wanted { platforms: &[Platform::Slack], busy: &[], lease: LEASE, limit: 10 };

async fn claim(store: &Store, seconds: i64) -> Vec<Claimed> {
    store.claim_messages(SLACK, at(seconds)).await.unwrap()
}

async fn claim_one(store: &Store, seconds: i64) -> Claimed {
    let mut claimed = claim(store, seconds).await;
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.remove(0)
}

fn titles(claimed: &[Claimed]) -> Vec<&str> {
    claimed.iter().map(|claimed| claimed.outgoing.reply.card.title.as_str()).collect()
}

fn posted() -> Posted {
    Posted::Message(message_ref("100.1"))
}

on_both! {
    async fn a_message_is_claimed_sent_and_done(ground: &Ground) {
        let store = ground.store().await;
        store.put_message(message("a", "one"), at(0)).await.unwrap();
        let claimed = claim_one(&store, 1).await;
        assert_eq!((claimed.version, claimed.attempts, claimed.created_at), (1, 1, at(0)));
        assert_eq!(claimed.outgoing.slot, "a");
        assert_eq!(claimed.outgoing.target, Target::Post(Place::channel(room())));
        assert_eq!(claimed.outgoing.reply, reply("one"));
        assert!(!claimed.outgoing.may_repeat);
        assert_eq!(store.confirm(&claimed, posted(), at(1)).await.unwrap(), Confirmed::Whole);
        assert_eq!(claim(&store, 99).await, []);
        let depth = OutboxDepth { waiting: 0, oldest: None, dead: 0 };
        assert_eq!(store.outbox_depth().await.unwrap(), depth);
    }

    async fn a_message_outlives_the_process_that_put_it(ground: &Ground) {
        ground.store().await.put_message(message("a", "one"), at(0)).await.unwrap();
        let (_copy, next) = {
            let _open = ground.store().await;
            ground.after_a_crash().await
        };
        let claimed = claim_one(&next, 1).await;
        assert_eq!(claimed.outgoing.reply, reply("one"));
        assert!(!claimed.outgoing.may_repeat);
    }

    async fn pages_go_first_then_the_oldest(ground: &Ground) {
        let store = ground.store().await;
        let puts = [
            ("tidy", Lane::Cosmetic, 0),
            ("second", Lane::Answer, 2),
            ("first", Lane::Answer, 1),
            ("page", Lane::Page, 3),
        ];
        for (slot, lane, seconds) in puts {
            store.put_message(NewMessage { lane, ..message(slot, slot) }, at(seconds)).await.unwrap();
        }
        let few = store.claim_messages(Wanted { limit: 2, ..SLACK }, at(9)).await.unwrap();
        assert_eq!(titles(&few), ["page", "first"]);
        assert_eq!(titles(&claim(&store, 9).await), ["second", "tidy"]);
    }

    async fn messages_of_one_conclusion_go_in_its_order(ground: &Ground) {
        let store = ground.store().await;
        let messages = ["z", "a", "m"].map(|slot| message(slot, slot)).to_vec();
        store.conclude(crate::Conclusion { messages, ..crate::Conclusion::default() }, at(0)).await.unwrap();
        assert_eq!(titles(&claim(&store, 0).await), ["z", "a", "m"]);
    }

    async fn other_platforms_and_busy_rooms_are_left_alone(ground: &Ground) {
        let store = ground.store().await;
        let rooms =
            [room(), Room::new(Platform::Slack, "C11"), Room::new(Platform::Discord, "C1"), Room::new(Platform::Web, "w")];
        for (number, room) in rooms.iter().enumerate() {
            let slot = number.to_string();
            let target = Target::Post(Place::channel(room.clone()));
            store.put_message(NewMessage { target, ..message(&slot, &slot) }, at(0)).await.unwrap();
        }
        let busy = [room(), Room::new(Platform::Web, "w")];
        let wanted = Wanted { busy: &busy, platforms: &[Platform::Slack, Platform::Web], ..SLACK };
        assert_eq!(titles(&store.claim_messages(wanted, at(1)).await.unwrap()), ["1"]);
        assert_eq!(store.next_due(&[Platform::Cli]).await.unwrap(), None);
        assert_eq!(store.next_due(&[Platform::Cli, Platform::Web]).await.unwrap(), Some(at(0)));
        assert_eq!(store.claim_messages(Wanted { platforms: &[], ..SLACK }, at(1)).await.unwrap(), []);
    }

    async fn two_replicas_never_claim_the_same_message(ground: &Ground) {
        let stores = [ground.store().await, ground.store().await];
        for number in 0..40 {
            stores[0].put_message(message(&format!("{number:02}"), "one"), at(0)).await.unwrap();
        }
        let mut calls = JoinSet::new();
        for number in 0..16 {
            let store = stores[number % 2].clone();
            calls.spawn(async move { store.claim_messages(Wanted { limit: 5, ..SLACK }, at(1)).await.unwrap() });
        }
        let mut slots: Vec<String> = calls.join_all().await.into_iter().flatten().map(|c| c.slot).collect();
        while slots.len() < 40 {
            let more = claim(&stores[1], 1).await;
            assert_ne!(more, [], "some messages were never handed out");
            slots.extend(more.into_iter().map(|c| c.slot));
        }
        slots.sort_unstable();
        assert_eq!(slots, (0..40).map(|number| format!("{number:02}")).collect::<Vec<_>>());
    }

    async fn whoever_lost_the_claim_is_told_no(ground: &Ground) {
        let stores = [ground.store().await, ground.store().await];
        stores[0].put_message(message("a", "one"), at(0)).await.unwrap();
        let old = claim_one(&stores[0], 1).await;
        assert_eq!(claim(&stores[1], 2).await, [], "the lease is not over");
        assert_eq!(stores[1].next_due(&[Platform::Slack]).await.unwrap(), Some(at(3)));
        let new = claim_one(&stores[1], 3).await;
        assert!(new.fence > old.fence);
        assert_eq!(stores[0].confirm(&old, Posted::ByToken, at(3)).await.unwrap(), Confirmed::TakenOver);
        assert!(!stores[0].defer(&old, at(50), true).await.unwrap());
        assert!(!stores[0].give_up(&old, "no", at(3)).await.unwrap());
        assert_eq!(stores[1].confirm(&new, posted(), at(4)).await.unwrap(), Confirmed::Whole);
        stores[0].put_message(message("a", "two"), at(5)).await.unwrap();
        let edit = Target::Edit { posted: posted(), answer: None };
        assert_eq!(claim_one(&stores[0], 5).await.outgoing.target, edit);
    }

    async fn a_post_whose_end_was_not_heard_may_repeat(ground: &Ground) {
        let store = ground.store().await;
        store.put_message(message("a", "one"), at(0)).await.unwrap();
        assert!(!claim_one(&store, 1).await.outgoing.may_repeat);
        let (_copy, next) = ground.after_a_crash().await;
        let again = claim_one(&next, 3).await;
        assert!(again.outgoing.may_repeat);
        assert_eq!(again.attempts, 2);
        // Not reached this time; of the first try still nothing is known.
        assert!(next.defer(&again, at(4), true).await.unwrap());
        let third = claim_one(&next, 4).await;
        assert!(third.outgoing.may_repeat);
        assert_eq!(next.confirm(&third, posted(), at(4)).await.unwrap(), Confirmed::Whole);
        next.put_message(message("a", "two"), at(5)).await.unwrap();
        assert!(!claim_one(&next, 5).await.outgoing.may_repeat);
    }

    async fn a_deferred_message_waits_and_knows_what_happened(ground: &Ground) {
        let store = ground.store().await;
        store.put_message(message("a", "one"), at(0)).await.unwrap();
        let first = claim_one(&store, 1).await;
        assert!(store.defer(&first, at(30), true).await.unwrap());
        assert_eq!(claim(&store, 29).await, []);
        assert_eq!(store.next_due(&[Platform::Slack]).await.unwrap(), Some(at(30)));
        let second = claim_one(&store, 30).await;
        assert!(!second.outgoing.may_repeat, "a 429 posts nothing");
        assert!(store.defer(&second, at(40), false).await.unwrap());
        assert!(claim_one(&store, 40).await.outgoing.may_repeat);
    }

    async fn edits_of_a_waiting_message_become_one(ground: &Ground) {
        let store = ground.store().await;
        for text in ["one", "two", "three"] {
            store.put_message(message("a", text), at(0)).await.unwrap();
        }
        let claimed = claim_one(&store, 1).await;
        assert_eq!((titles(std::slice::from_ref(&claimed)), claimed.version), (vec!["three"], 3));
        store.put_message(message("a", "four"), at(1)).await.unwrap();
        store.put_message(message("a", "five"), at(1)).await.unwrap();
        assert_eq!(claim(&store, 1).await, [], "somebody is sending it");
        assert_eq!(store.confirm(&claimed, posted(), at(2)).await.unwrap(), Confirmed::NewerWaits);
        let edit = claim_one(&store, 2).await;
        assert_eq!((titles(std::slice::from_ref(&edit)), edit.version), (vec!["five"], 5));
        assert_eq!(edit.outgoing.target, Target::Edit { posted: posted(), answer: None });
        assert_eq!(store.confirm(&edit, posted(), at(2)).await.unwrap(), Confirmed::Whole);
        assert_eq!(claim(&store, 99).await, []);
    }

    async fn an_edit_keeps_the_delay_that_the_platform_asked_for(ground: &Ground) {
        let store = ground.store().await;
        store.put_message(message("a", "one"), at(0)).await.unwrap();
        let claimed = claim_one(&store, 1).await;
        store.defer(&claimed, at(30), true).await.unwrap();
        store.put_message(message("a", "two"), at(2)).await.unwrap();
        assert_eq!(claim(&store, 29).await, []);
        assert_eq!(titles(&claim(&store, 30).await), ["two"]);
    }

    async fn an_edit_keeps_the_way_of_the_answer(ground: &Ground) {
        let store = ground.store().await;
        let EventKind::Command { answer, .. } = event("E1").kind else { panic!("a command") };
        let first = NewMessage { target: Target::Answer(answer.clone()), ..message("a", "one") };
        store.put_message(first, at(0)).await.unwrap();
        let claimed = claim_one(&store, 0).await;
        assert_eq!(claimed.outgoing.target, Target::Answer(answer.clone()));
        store.confirm(&claimed, Posted::ByToken, at(0)).await.unwrap();
        store.put_message(message("a", "two"), at(1)).await.unwrap();
        let edit = claim_one(&store, 1).await;
        assert_eq!(edit.outgoing.target, Target::Edit { posted: Posted::ByToken, answer: Some(answer) });
    }

    async fn a_private_post_is_posted_anew_and_may_repeat(ground: &Ground) {
        let store = ground.store().await;
        store.put_message(message("a", "one"), at(0)).await.unwrap();
        store.confirm(&claim_one(&store, 0).await, Posted::Ephemeral, at(0)).await.unwrap();
        store.put_message(message("a", "two"), at(1)).await.unwrap();
        assert!(!claim_one(&store, 1).await.outgoing.may_repeat);
        assert!(claim_one(&store, 3).await.outgoing.may_repeat);
    }

    async fn an_edit_that_was_not_heard_of_repeats_nothing(ground: &Ground) {
        let store = ground.store().await;
        let target = Target::Edit { posted: posted(), answer: None };
        store.put_message(NewMessage { target: target.clone(), ..message("a", "one") }, at(0)).await.unwrap();
        claim_one(&store, 0).await;
        let again = claim_one(&store, 2).await;
        assert_eq!(again.outgoing.target, target);
        assert!(!again.outgoing.may_repeat);
    }

    async fn a_waiting_message_never_falls_behind_its_lane(ground: &Ground) {
        let store = ground.store().await;
        store.put_message(NewMessage { lane: Lane::Page, ..message("a", "one") }, at(0)).await.unwrap();
        store.put_message(NewMessage { lane: Lane::Cosmetic, ..message("a", "two") }, at(1)).await.unwrap();
        let claimed = claim_one(&store, 1).await;
        assert_eq!(claimed.lane, Lane::Page);
        store.confirm(&claimed, posted(), at(1)).await.unwrap();
        store.put_message(NewMessage { lane: Lane::Cosmetic, ..message("a", "three") }, at(2)).await.unwrap();
        assert_eq!(claim_one(&store, 2).await.lane, Lane::Cosmetic);
    }

    async fn a_refused_message_is_kept_counted_and_left_alone(ground: &Ground) {
        let store = ground.store().await;
        store.put_message(message("a", "one"), at(0)).await.unwrap();
        store.put_message(message("b", "one"), at(5)).await.unwrap();
        let refused = claim_one(&store, 1).await;
        assert!(store.give_up(&refused, "channel_not_found\0", at(1)).await.unwrap());
        let depth = OutboxDepth { waiting: 1, oldest: Some(at(5)), dead: 1 };
        assert_eq!(store.outbox_depth().await.unwrap(), depth);
        assert_eq!(titles(&claim(&store, 99).await), ["one"]);
        store.put_message(message("a", "two"), at(100)).await.unwrap();
        assert_eq!(titles(&claim(&store, 100).await), ["two"]);
        assert_eq!(store.outbox_depth().await.unwrap().dead, 0);
    }

    async fn what_was_put_while_the_old_was_refused_is_tried(ground: &Ground) {
        let store = ground.store().await;
        store.put_message(message("a", "too long"), at(0)).await.unwrap();
        let refused = claim_one(&store, 0).await;
        store.put_message(message("a", "short"), at(0)).await.unwrap();
        assert!(store.give_up(&refused, "msg_too_long", at(1)).await.unwrap());
        assert_eq!(titles(&claim(&store, 1).await), ["short"]);
    }

    async fn old_messages_are_forgotten_when_they_are_over(ground: &Ground) {
        let store = ground.store().await;
        for (slot, seconds) in [("dead", 0), ("sent", 1), ("unsent", 2)] {
            store.put_message(message(slot, slot), at(seconds)).await.unwrap();
        }
        let claimed = claim(&store, 3).await;
        assert_eq!(titles(&claimed), ["dead", "sent", "unsent"]);
        store.give_up(&claimed[0], "no", at(3)).await.unwrap();
        store.confirm(&claimed[1], posted(), at(3)).await.unwrap();
        assert_eq!(store.forget_messages(at(3)).await.unwrap(), 0);
        assert_eq!(store.forget_messages(at(4)).await.unwrap(), 2);
        assert_eq!(titles(&claim(&store, 9).await), ["unsent"]);
    }

    async fn a_message_without_a_room_is_refused(ground: &Ground) {
        let store = ground.store().await;
        let target = Target::Edit { posted: Posted::ByToken, answer: None };
        let put = store.put_message(NewMessage { target, ..message("a", "one") }, at(0)).await;
        assert!(matches!(put, Err(StoreError::NoTarget { slot }) if slot == "a"));
    }

    async fn an_unknown_lane_or_target_is_an_error(ground: &Ground) {
        let store = ground.store().await;
        store.put_message(message("a", "one"), at(0)).await.unwrap();
        ground.tamper("UPDATE outbox SET target = '{\"pigeon\":{}}'").await;
        let error = store.claim_messages(SLACK, at(0)).await.unwrap_err();
        assert!(error.to_string().contains("table outbox holds something unknown"), "{error}");
    }
}
