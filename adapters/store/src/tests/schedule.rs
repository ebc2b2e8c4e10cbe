//! Of many processes one takes a time on, and a time that was left is followed by one other.

use tokio::task::JoinSet;

use super::*;
use crate::{ScheduleState, TakenOn};

fn taken(name: &str, due: i64, run: u64, at_: i64) -> TakenOn {
    TakenOn { name: name.to_owned(), due: at(due), run: RunId::from_random(run), taken: at(at_) }
}

fn written(text: &str) -> Vec<(String, String)> {
    vec![("daily".to_owned(), text.to_owned()), ("weekly'; --".to_owned(), "0 3 * * 0".to_owned())]
}

on_both! {
    async fn a_schedule_begins_when_it_is_written_and_anew_when_it_is_written_otherwise(ground: &Ground) {
        let store = ground.store().await;
        store.write_schedules(written("0 2 * * *"), at(10)).await.unwrap();
        store.write_schedules(written("0 2 * * *"), at(20)).await.unwrap();
        let state = |name: &str, since, last: Option<i64>| {
            ScheduleState { name: name.to_owned(), since: at(since), last: last.map(at) }
        };
        let all = store.schedules().await.unwrap();
        assert_eq!(all, [state("daily", 10, None), state("weekly'; --", 10, None)]);
        assert!(store.take_on(taken("daily", 15, 1, 16)).await.unwrap());
        store.write_schedules(written("0 4 * * *"), at(30)).await.unwrap();
        let all = store.schedules().await.unwrap();
        assert_eq!(all, [state("daily", 30, Some(15)), state("weekly'; --", 10, None)]);
        store.close().await;
    }

    async fn of_many_one_takes_a_time_on(ground: &Ground) {
        let mut calls = JoinSet::new();
        for process in 0..4_u64 {
            let store = ground.store().await;
            for turn in 0..5 {
                let store = store.clone();
                calls.spawn(async move { store.take_on(taken("daily", 100, process * 10 + turn, 101)).await.unwrap() });
            }
        }
        let took = calls.join_all().await.into_iter().filter(|took| *took).count();
        assert_eq!(took, 1);
        let store = ground.store().await;
        assert!(store.take_on(taken("daily", 101, 99, 102)).await.unwrap(), "another time is another one");
        assert!(store.take_on(taken("weekly", 100, 98, 101)).await.unwrap());
    }

    async fn what_was_left_is_taken_over_once_until_it_is_settled(ground: &Ground) {
        let store = ground.store().await;
        let first = taken("daily", 100, 1, 101);
        assert!(store.take_on(first.clone()).await.unwrap());
        assert_eq!(store.unsettled(at(100)).await.unwrap(), []);
        assert_eq!(store.unsettled(at(101)).await.unwrap(), std::slice::from_ref(&first));
        assert!(store.take_over_schedule(first.clone(), at(161)).await.unwrap());
        assert!(!store.take_over_schedule(first.clone(), at(162)).await.unwrap());
        assert_eq!(store.unsettled(at(160)).await.unwrap(), []);
        let second = TakenOn { taken: at(161), ..first };
        assert_eq!(store.unsettled(at(161)).await.unwrap(), std::slice::from_ref(&second));
        store.settle(second.clone(), at(170)).await.unwrap();
        assert_eq!(store.unsettled(at(999)).await.unwrap(), []);
        assert!(!store.take_over_schedule(second.clone(), at(999)).await.unwrap());
        assert!(!store.take_on(second).await.unwrap());
        store.close().await;
    }
}
