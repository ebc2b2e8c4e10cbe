use commands::escalation::{Course, Policy};
use commands::incident::{Incident, IncidentNumber, Resolved, State};
use commands::timeline::{Entry, Happened};
use tokio::task::JoinSet;

use super::*;
use crate::{Cancel, Change, Changed, NewEntry, NewIncident, NewWebhook, StoredIncident, page_slot};

const LEASE: Duration = Duration::from_secs(2);

fn entry(second: i64, what: Happened) -> Entry {
    Entry { at: at(second), by: Some("Cy".to_owned()), what }
}

fn new(number: u64, severity: &str, owed: Option<i64>) -> NewIncident {
    let severity = severity.parse().unwrap();
    let course = Course::open(Policy::silent(), severity, false, at(1));
    NewIncident {
        run: RunId::from_random(number),
        title: "it's \u{1f525}".to_owned(),
        place: Some(Place::channel(room())),
        services: vec!["ac_service".parse().unwrap()],
        by: "Cy".to_owned(),
        state: State::new(course, vec![Place::channel(room())], false, "Cy".to_owned()),
        owed_at: owed.map(at),
        entry: entry(1, Happened::Opened { severity, title: "it's \u{1f525}".to_owned() }),
    }
}

fn change(read: &StoredIncident, once: &str) -> Change {
    let Incident { number, state, resolved, .. } = read.incident.clone();
    Change {
        number,
        version: read.version,
        state,
        resolved,
        owed_at: None,
        entries: vec![NewEntry { entry: entry(2, Happened::Acknowledged), once: Some(once.to_owned()) }],
        messages: Vec::new(),
        webhooks: Vec::new(),
        cancel: Cancel::Nothing,
    }
}

async fn one(store: &Store, change: Change) -> Changed {
    store.change_incidents(vec![change], at(5)).await.unwrap()[0]
}

async fn read(store: &Store, number: IncidentNumber) -> StoredIncident {
    store.incident(number).await.unwrap().unwrap()
}

on_both! {
    async fn it_is_opened_once_a_run_and_stays_what_it_was(ground: &Ground) {
        let store = ground.store().await;
        let first = store.open_incident(new(1, "P2", None), at(1)).await.unwrap();
        assert_eq!(store.open_incident(new(1, "P2", None), at(2)).await.unwrap(), first, "taken up again");
        let second = store.open_incident(new(2, "P0", Some(1)), at(3)).await.unwrap();
        let open: Vec<_> =
            store.open_incidents().await.unwrap().into_iter().map(|open| open.incident.number).collect();
        assert_eq!(open, [second, first], "the worst first");
        let stored = read(&store, second).await;
        assert_eq!(stored.incident.state, new(2, "P0", None).state);
        assert_eq!(store.timeline(second).await.unwrap(), [new(2, "P0", None).entry]);
        assert_eq!(store.changed_by(RunId::from_random(2)).await.unwrap(), Some(second));
        assert_eq!(store.changed_by(RunId::from_random(9)).await.unwrap(), None);
        let resolved = Resolved { at: at(4), by: "Dee".to_owned(), how: "so".to_owned() };
        let ended = Change { resolved: Some(resolved.clone()), ..change(&stored, "run/3") };
        assert_eq!(one(&store, ended).await, Changed::Done);
        assert_eq!(read(&store, second).await.incident.resolved, Some(resolved));
        let last: Vec<_> = store.incidents(9).await.unwrap().iter().map(|last| last.incident.number).collect();
        assert_eq!(last, [second, first]);
    }

    async fn a_hundred_changes_at_once_are_one(ground: &Ground) {
        let store = ground.store().await;
        let number = store.open_incident(new(1, "P0", Some(1)), at(1)).await.unwrap();
        let stored = read(&store, number).await;
        let mut changes = JoinSet::new();
        for _ in 0..100 {
            let (store, change) = (store.clone(), change(&stored, "0/page/0/0"));
            changes.spawn(async move { one(&store, change).await });
        }
        let changed = changes.join_all().await;
        assert_eq!(changed.iter().filter(|changed| **changed == Changed::Done).count(), 1, "{changed:?}");
        let now = read(&store, number).await;
        assert_eq!(one(&store, change(&now, "0/page/0/0")).await, Changed::Before, "told already");
        assert_eq!(one(&store, change(&stored, "0/page/0/1")).await, Changed::Stale, "decided on what was");
        assert_eq!(one(&store, change(&now, "0/page/0/1")).await, Changed::Done);
        assert_eq!(store.timeline(number).await.unwrap().len(), 3);
    }

    async fn what_is_owed_is_taken_by_one_and_again_when_they_are_gone(ground: &Ground) {
        let (store, other) = (ground.store().await, ground.store().await);
        for (number, owed) in [(1, Some(10)), (2, Some(5)), (3, None), (4, Some(50))] {
            store.open_incident(new(number, "P1", owed), at(1)).await.unwrap();
        }
        assert_eq!(store.next_owed(at(1)).await.unwrap(), Some(at(5)));
        assert_eq!(store.overdue_incidents(at(11)).await.unwrap(), 2);
        let numbers = |taken: &[StoredIncident]| -> Vec<u32> {
            let mut numbers: Vec<u32> = taken.iter().map(|taken| taken.incident.number.0).collect();
            numbers.sort_unstable();
            numbers
        };
        assert_eq!(numbers(&store.overdue(at(10), 9).await.unwrap()), [1, 2], "looked at, and not taken");
        assert_eq!(numbers(&store.overdue(at(10), 1).await.unwrap()), [2], "the most overdue first");
        let (ours, theirs) =
            tokio::join!(store.owing_incidents(at(10), LEASE, 9), other.owing_incidents(at(10), LEASE, 9));
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        // One process serves an SQLite file: there it has nobody to share with.
        let shared = store.kind() == "postgres";
        let taken: Vec<StoredIncident> =
            ours.into_iter().chain(theirs.into_iter().filter(|_| shared)).collect();
        assert_eq!(numbers(&taken), [1, 2]);
        if shared {
            assert_eq!(store.next_owed(at(10)).await.unwrap(), Some(at(12)), "the lease's end");
            assert_eq!(numbers(&store.owing_incidents(at(11), LEASE, 9).await.unwrap()), [] as [u32; 0]);
            assert_eq!(numbers(&store.owing_incidents(at(12), LEASE, 9).await.unwrap()), [1, 2], "taken by the dead");
            // Claimed until 14, which no lease of now reaches.
            let went_back = store.owing_incidents(at(11), LEASE, 9).await.unwrap();
            assert_eq!(numbers(&went_back), [1, 2], "by a clock that has gone back since");
        }
        for taken in &taken {
            let next = Some(at(100));
            assert_eq!(one(&store, Change { owed_at: next, ..change(taken, "x") }).await, Changed::Done);
        }
        assert_eq!(store.next_owed(at(10)).await.unwrap(), Some(at(50)));
    }

    async fn many_changes_at_once_are_each_by_itself_all_or_not_at_all(ground: &Ground) {
        let store = ground.store().await;
        let mut changes = Vec::new();
        for number in 1..=300 {
            let opened = store.open_incident(new(number, "P1", Some(1)), at(1)).await.unwrap();
            let message = |text: &str| NewMessage {
                slot: page_slot(opened, false, 0, 0),
                lane: Lane::Page,
                target: Target::Post(Place::channel(room())),
                reply: reply(text),
            };
            let told = change(&read(&store, opened).await, "0/step/0");
            changes.push(Change { messages: vec![message("first"), message("last \0 \u{1f525}")], ..told });
        }
        let (stale, before) = (changes[7].number, changes[8].number);
        changes[7].version += 1;
        assert_eq!(one(&store, change(&read(&store, before).await, "0/step/0")).await, Changed::Done);
        // Of two of one incident, the second was decided on what the first has changed.
        changes.push(change(&read(&store, changes[0].number).await, "0/step/1"));
        let changed = store.change_incidents(changes, at(5)).await.unwrap();
        let count = |what| changed.iter().filter(|changed| **changed == what).count();
        assert_eq!((count(Changed::Done), count(Changed::Before), count(Changed::Stale)), (298, 1, 2));
        assert_eq!((changed[7], changed[8], changed[300]), (Changed::Stale, Changed::Before, Changed::Stale));
        assert_eq!(store.timeline(stale).await.unwrap().len(), 1, "nothing of it");
        assert_eq!(store.outbox_depth().await.unwrap().waiting, 298);
        let wanted = crate::Wanted { platforms: &Platform::ALL, busy: &[], lease: LEASE, limit: 1 };
        let first = store.claim_messages(wanted, at(6)).await.unwrap().remove(0);
        assert_eq!(first.outgoing.reply, reply("last \0 \u{1f525}"), "of two for one slot the last");
    }

    async fn a_change_stores_what_it_tells_and_takes_back_what_nobody_needs(ground: &Ground) {
        let store = ground.store().await;
        let number = store.open_incident(new(1, "P0", Some(1)), at(1)).await.unwrap();
        let message = |wants_answer, message| NewMessage {
            slot: page_slot(number, wants_answer, message, 0),
            lane: Lane::Page,
            target: Target::Post(Place::channel(room())),
            reply: reply("wake up"),
        };
        let hook = |wants_answer, number_of| NewWebhook {
            id: page_slot(number, wants_answer, number_of, 7),
            address: "person/Bo".to_owned(),
            body: "{}".to_owned(),
        };
        let told = Change {
            messages: vec![message(true, 0), message(false, 1), message(true, 2)],
            webhooks: vec![hook(true, 0), hook(false, 1), hook(true, 0)],
            ..change(&read(&store, number).await, "a")
        };
        assert_eq!(one(&store, told).await, Changed::Done);
        assert_eq!(store.outbox_depth().await.unwrap().waiting, 3);
        // One is being sent: whether it arrives is not known, and it is not tried again.
        let wanted = crate::Wanted { platforms: &Platform::ALL, busy: &[], lease: LEASE, limit: 1 };
        let under_way = store.claim_messages(wanted, at(6)).await.unwrap();
        assert_eq!(under_way[0].slot, page_slot(number, true, 0, 0));
        let answered = Change { cancel: Cancel::Pages, ..change(&read(&store, number).await, "b") };
        assert_eq!(one(&store, answered).await, Changed::Done);
        let depth = store.outbox_depth().await.unwrap();
        assert_eq!((depth.waiting, depth.dead), (1, 2));
        let posts = store.claim_webhooks(at(6), LEASE, 9).await.unwrap();
        assert_eq!(posts.iter().map(|post| post.webhook.clone()).collect::<Vec<_>>(), [hook(false, 1)]);
        let over = Change { cancel: Cancel::Everything, ..change(&read(&store, number).await, "c") };
        assert_eq!(one(&store, over).await, Changed::Done);
        assert_eq!(store.outbox_depth().await.unwrap().waiting, 0);
    }

    async fn one_that_can_not_be_read_keeps_no_other_from_being_told(ground: &Ground) {
        let store = ground.store().await;
        let broken = store.open_incident(new(1, "P0", Some(5)), at(1)).await.unwrap();
        let other = store.open_incident(new(2, "P1", Some(5)), at(1)).await.unwrap();
        ground.tamper("UPDATE incident SET state = '{}' WHERE number = 1").await;
        assert!(store.incident(broken).await.is_err());
        let taken = store.owing_incidents(at(9), LEASE, 9).await.unwrap();
        assert_eq!(taken.iter().map(|taken| taken.incident.number).collect::<Vec<_>>(), [other]);
        assert_eq!(store.open_incidents().await.unwrap().len(), 1);
        assert_eq!(store.overdue_incidents(at(9)).await.unwrap(), 2, "it is seen to be overdue");
    }

    async fn a_timeline_is_in_the_order_of_time_and_has_nothing_twice(ground: &Ground) {
        let store = ground.store().await;
        let number = store.open_incident(new(1, "P0", None), at(1)).await.unwrap();
        let noted = |second, text: &str, once: Option<&str>| NewEntry {
            entry: entry(second, Happened::Noted { text: text.to_owned() }),
            once: once.map(str::to_owned),
        };
        assert!(store.add_to_timeline(number, noted(9, "late", None)).await.unwrap());
        assert!(store.add_to_timeline(number, noted(3, "early", Some("pin/1"))).await.unwrap());
        assert!(!store.add_to_timeline(number, noted(4, "again", Some("pin/1"))).await.unwrap());
        let times: Vec<_> = store.timeline(number).await.unwrap().into_iter().map(|entry| entry.at).collect();
        assert_eq!(times, [at(1), at(3), at(9)]);
    }

    async fn the_newest_shift_stands_first_and_a_run_adds_one(ground: &Ground) {
        let store = ground.store().await;
        let shift = |number, person: &str, from, until| crate::Shift {
            run: RunId::from_random(number),
            person: person.to_owned(),
            from: at(from),
            until: at(until),
            by: "Ada".to_owned(),
        };
        for given in [shift(1, "Bo", 1, 10), shift(2, "Cy", 5, 20), shift(2, "Dee", 5, 20)] {
            store.add_shift(given).await.unwrap();
        }
        assert_eq!(store.shifts(at(2)).await.unwrap(), [shift(2, "Cy", 5, 20), shift(1, "Bo", 1, 10)]);
        assert_eq!(store.shifts(at(10)).await.unwrap(), [shift(2, "Cy", 5, 20)]);
    }
}

#[test]
fn slots_fit_the_outbox() {
    let longest = page_slot(IncidentNumber(9_999_999), true, 9_999_999, 99);
    assert!(longest.len() <= 25, "{longest}");
}
