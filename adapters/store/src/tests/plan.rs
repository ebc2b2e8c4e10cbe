//! Plans, votes, runs: what at most one can begin, and what is left after a crash.

use commands::approval::{Ballot, Quorum};
use commands::ids::ServiceName;
use commands::journal::{Reading, RunOutcome, StepOutcome};
use commands::plan::{Plan, Target as Acted};
use commands::risk::{Risk, Role};

use super::*;
use crate::{
    AuditDecision, AuditEntry, Begin, Cast, Closed, Conclusion, End, Engines, Evidence, Freeze, Held,
    NewPlan, PlanState, StoreError, Way, plan_slot,
};

const LEASE: Duration = Duration::from_secs(15);

fn run(number: u64) -> RunId {
    RunId::from_random(number)
}

fn room() -> Place {
    Place::channel(Room::new(Platform::Slack, "C1"))
}

fn plan(number: u64, target: &str) -> NewPlan {
    let plan = Plan {
        run: run(number),
        nonce: format!("{number:032x}"),
        line: "restart ac_service".to_owned(),
        commands: vec!["restart ac_service".to_owned()],
        risk: Risk::Change,
        requester: "Dee".to_owned(),
        incident: None,
        break_glass: None,
        created: at(0),
        engine: None,
        targets: vec![Acted::Named { name: target.to_owned() }],
        steps: Vec::new(),
        proves: Vec::new(),
        effect: "It does.".to_owned(),
        forecast: Vec::new(),
        undo: "It does not.".to_owned(),
    };
    let quorum = Quorum { votes: 1, role: Role::Operator, confirm: false, configured: false };
    NewPlan { plan, quorum, place: room(), asked_from: Account::new(Platform::Slack, "U1") }
}

async fn put(store: &Store, number: u64, target: &str) -> NewPlan {
    let new = plan(number, target);
    let conclusion = Conclusion { plan: Some(new.clone()), ..Conclusion::default() };
    assert!(store.conclude(conclusion, at(0)).await.unwrap());
    new
}

fn cast(number: u64, person: &str, way: Way, said: bool) -> Cast {
    Cast { run: run(number), person: person.to_owned(), ballot: Ballot::Approve, way, at: at(5), said }
}

fn reaction(user: &str) -> Way {
    Way::Reaction(Account::new(Platform::Slack, user))
}

fn entry(number: u64) -> AuditEntry {
    AuditEntry {
        run: run(number),
        account: Account::new(Platform::Slack, "U1"),
        person: Some("Dee".to_owned()),
        place: None,
        verb: "restart".to_owned(),
        line: "restart ac_service".to_owned(),
        decision: AuditDecision::Allowed,
        outcome: None,
        detail: serde_json::json!({}),
    }
}

fn begin(number: u64, version: i64, locks: &[&str]) -> Begin {
    Begin {
        run: run(number),
        version,
        locks: locks.iter().map(|lock| (*lock).to_owned()).collect(),
        approved_by: vec!["Bo".to_owned()],
        before: vec![reading(false)],
        lease: LEASE,
        audit: entry(number),
        engine: None,
    }
}

fn reading(healthy: bool) -> Reading {
    Reading {
        service: "ac_service".parse::<ServiceName>().unwrap(),
        healthy,
        health: "answers 503".to_owned(),
        errors_milli_percent: Some(7),
        p95_ms: None,
        restarts: Some(3),
    }
}

async fn version(store: &Store, number: u64) -> i64 {
    store.plan(run(number)).await.unwrap().unwrap().version
}

fn end(number: u64, fence: i64) -> End {
    End {
        held: Held { run: run(number), fence },
        outcome: RunOutcome::Done { verdict: None },
        after: vec![reading(true)],
        audit: entry(number),
        messages: Vec::new(),
        noted: None,
    }
}

on_both! {
    async fn a_plan_is_read_back_as_it_was_hashed_and_a_changed_one_is_refused(ground: &Ground) {
        let store = ground.store().await;
        let new = put(&store, 1, "a").await;
        let read = store.plan(run(1)).await.unwrap().unwrap();
        assert_eq!((&read.plan, read.quorum, &read.place), (&new.plan, new.quorum, &new.place));
        assert_eq!((read.digest, read.state, read.posted), (new.plan.digest(), PlanState::Open, None));
        assert_eq!(store.plan(run(2)).await.unwrap(), None);
        ground.tamper("UPDATE plan SET body = replace(body, 'It does.', 'It lies.')").await;
        let refused = store.plan(run(1)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Decode { table: "plan", .. }), "{refused}");
    }

    async fn a_vote_counts_once_a_person_and_as_long_as_one_way_of_it_stands(ground: &Ground) {
        let store = ground.store().await;
        put(&store, 1, "a").await;
        assert_eq!(store.votes(run(1)).await.unwrap(), []);
        for (way, said) in [(reaction("U2"), true), (reaction("U2"), true), (Way::Button, true)] {
            assert!(store.cast(cast(1, "Bo", way, said)).await.unwrap());
        }
        let people = async || {
            let votes = store.votes(run(1)).await.unwrap();
            votes.into_iter().map(|vote| vote.person).collect::<Vec<_>>()
        };
        assert_eq!(people().await, ["Bo"]);
        store.cast(cast(1, "Bo", reaction("U2"), false)).await.unwrap();
        assert_eq!(people().await, ["Bo"], "the button stands");
        store.cast(cast(1, "Bo", Way::Button, false)).await.unwrap();
        assert_eq!(people().await, [] as [&str; 0]);
        assert!(!store.cast(cast(9, "Bo", Way::Button, true)).await.unwrap(), "there is no such plan");
    }

    async fn the_platforms_list_replaces_its_own_reactions_and_nothing_else(ground: &Ground) {
        let store = ground.store().await;
        put(&store, 1, "a").await;
        store.cast(cast(1, "Bo", reaction("U2"), true)).await.unwrap();
        store.cast(cast(1, "Eve", Way::Button, true)).await.unwrap();
        let elsewhere = Way::Reaction(Account::new(Platform::Discord, "12"));
        store.cast(cast(1, "Ada", elsewhere, true)).await.unwrap();
        let before = version(&store, 1).await;
        let same = vec![cast(1, "Bo", reaction("U2"), true)];
        assert!(store.replace_reactions(run(1), before, Platform::Slack, same).await.unwrap());
        assert_eq!(version(&store, 1).await, before, "nothing changed");
        let now = vec![cast(1, "Cy", reaction("U3"), true)];
        let moved = store.replace_reactions(run(1), before - 1, Platform::Slack, now.clone()).await;
        assert!(matches!(moved, Err(StoreError::PlanMoved { .. })), "a list from before the last vote: {moved:?}");
        assert_eq!(version(&store, 1).await, before, "nothing was changed");
        assert!(store.replace_reactions(run(1), before, Platform::Slack, now).await.unwrap());
        let mut people: Vec<_> = store.votes(run(1)).await.unwrap().into_iter().map(|vote| vote.person).collect();
        people.sort();
        assert_eq!(people, ["Ada", "Cy", "Eve"]);
        assert!(version(&store, 1).await > before);
    }

    async fn of_a_hundred_begins_at_once_one_begins(ground: &Ground) {
        let store = ground.store().await;
        let other = ground.store().await;
        put(&store, 1, "a").await;
        let begins = (0..100).map(|number| {
            let store = if number % 2 == 0 { store.clone() } else { other.clone() };
            tokio::spawn(async move { store.begin_run(begin(1, 0, &["named:a"]), at(9)).await })
        });
        let mut begun = 0;
        for one in begins.collect::<Vec<_>>() {
            match one.await.unwrap() {
                Ok(()) => begun += 1,
                Err(error) => assert!(matches!(error, StoreError::PlanMoved { .. }), "{error}"),
            }
        }
        assert_eq!(begun, 1);
        assert_eq!(store.plan(run(1)).await.unwrap().unwrap().state, PlanState::Begun);
        assert!(!store.cast(cast(1, "Bo", Way::Button, true)).await.unwrap(), "votes come too late");
        assert!(!store.close_plan(run(1), Closed::Withdrawn, at(9)).await.unwrap());
        assert_eq!(store.open_plans().await.unwrap(), []);
        let rows = store.audit_rows(crate::AuditFilter { last: 10, person: None, run: None }).await.unwrap();
        assert_eq!(rows.len(), 1, "one intent");
    }

    async fn a_plan_does_not_begin_after_another_vote_a_close_or_in_a_freeze(ground: &Ground) {
        let store = ground.store().await;
        put(&store, 1, "a").await;
        store.cast(cast(1, "Bo", Way::Button, true)).await.unwrap();
        let moved = store.begin_run(begin(1, 0, &[]), at(9)).await;
        assert!(matches!(moved, Err(StoreError::PlanMoved { .. })), "{moved:?}");
        let freeze = Freeze { at: at(8), person: "Cy".to_owned(), why: "x".to_owned(), until: Some(at(20)) };
        store.freeze(freeze.clone()).await.unwrap();
        assert_eq!(store.frozen(at(19)).await.unwrap(), Some(freeze));
        let frozen = store.begin_run(begin(1, 1, &[]), at(19)).await;
        assert!(matches!(frozen, Err(StoreError::Frozen { .. })), "{frozen:?}");
        assert_eq!(store.plan(run(1)).await.unwrap().unwrap().state, PlanState::Open, "nothing was changed");
        assert_eq!(store.frozen(at(20)).await.unwrap(), None, "it ends by itself");
        let why = Closed::Vetoed { by: "Bo".to_owned() };
        assert!(store.close_plan(run(1), why.clone(), at(21)).await.unwrap());
        assert!(!store.close_plan(run(1), Closed::Withdrawn, at(21)).await.unwrap(), "closed once");
        let closed = store.begin_run(begin(1, 1, &[]), at(22)).await;
        assert!(matches!(closed, Err(StoreError::PlanMoved { .. })), "{closed:?}");
        assert_eq!(store.plan(run(1)).await.unwrap().unwrap().state, PlanState::Closed(why));
    }

    async fn a_thaw_ends_every_freeze(ground: &Ground) {
        let store = ground.store().await;
        for why in ["one", "two"] {
            let freeze = Freeze { at: at(1), person: "Cy".to_owned(), why: why.to_owned(), until: None };
            store.freeze(freeze).await.unwrap();
        }
        assert_eq!(store.frozen(at(2)).await.unwrap().unwrap().why, "two");
        assert_eq!(store.thaw("Bo", at(3)).await.unwrap(), 2);
        assert_eq!(store.frozen(at(4)).await.unwrap(), None);
        assert_eq!(store.thaw("Bo", at(5)).await.unwrap(), 0);
    }

    async fn a_target_is_one_runs_until_it_ends(ground: &Ground) {
        let store = ground.store().await;
        for number in [1, 2, 3] {
            put(&store, number, "a").await;
        }
        store.begin_run(begin(1, 0, &["service:a", "service:b"]), at(1)).await.unwrap();
        let locked = store.begin_run(begin(2, 0, &["service:b", "service:c"]), at(2)).await.unwrap_err();
        let StoreError::Locked { target, run: holder } = locked else { panic!("{locked}") };
        assert_eq!((target.as_str(), holder), ("service:b", run(1)));
        assert_eq!(store.plan(run(2)).await.unwrap().unwrap().state, PlanState::Open);
        store.begin_run(begin(3, 0, &["service:c"]), at(2)).await.expect("its other locks were given back");
        store.end_run(end(1, 0), at(3)).await.unwrap();
        store.end_run(end(3, 0), at(3)).await.unwrap();
        store.begin_run(begin(2, 0, &["service:b", "service:c"]), at(4)).await.unwrap();
    }

    async fn who_was_taken_over_may_write_nothing_more(ground: &Ground) {
        let store = ground.store().await;
        put(&store, 1, "a").await;
        store.begin_run(begin(1, 0, &["service:a"]), at(0)).await.unwrap();
        let first = Held { run: run(1), fence: 0 };
        store.begin_step(first, 0, at(1)).await.unwrap();
        let done = StepOutcome::Done { note: "so".to_owned() };
        store.end_step(first, 0, &done, at(2)).await.unwrap();
        store.begin_step(first, 1, at(3)).await.unwrap();
        assert_eq!(store.take_over_runs(Engines::All, at(14), LEASE).await.unwrap(), [], "its lease is not over");
        store.renew_run(first, at(30)).await.unwrap();
        assert_eq!(store.take_over_runs(Engines::All, at(29), LEASE).await.unwrap(), []);
        assert_eq!(store.take_over_runs(Engines::All, at(30), LEASE).await.unwrap(), [run(1)]);
        assert_eq!(store.take_over_runs(Engines::All, at(31), LEASE).await.unwrap(), [], "somebody has it");
        let record = store.run_record(run(1)).await.unwrap().unwrap();
        assert_eq!((record.fence, record.outcome.clone(), record.ended_at), (1, None, None));
        assert_eq!(record.before, [reading(false)]);
        let steps: Vec<_> = record.steps.iter().map(|step| (step.number, step.outcome.clone())).collect();
        assert_eq!(steps, [(0, Some(done.clone())), (1, None)]);
        for refused in [
            store.renew_run(first, at(60)).await,
            store.begin_step(first, 2, at(32)).await,
            store.end_step(first, 1, &done, at(32)).await,
            store.end_run(end(1, 0), at(32)).await,
        ] {
            assert!(matches!(refused, Err(StoreError::TakenOver { .. })), "{refused:?}");
        }
        store.end_run(end(1, 1), at(33)).await.unwrap();
        let record = store.run_record(run(1)).await.unwrap().unwrap();
        assert_eq!(record.outcome, Some(RunOutcome::Done { verdict: None }));
        assert_eq!((record.after, record.ended_at), (vec![reading(true)], Some(at(33))));
        let again = store.end_run(end(1, 1), at(34)).await;
        assert!(matches!(again, Err(StoreError::TakenOver { .. })), "it ends once: {again:?}");
    }

    async fn a_run_is_taken_up_on_its_own_engine_alone(ground: &Ground) {
        let store = ground.store().await;
        put(&store, 1, "a").await;
        put(&store, 2, "b").await;
        let on = Begin { engine: Some("E:1".to_owned()), ..begin(1, 0, &["service:a"]) };
        store.begin_run(on, at(0)).await.unwrap();
        store.begin_run(begin(2, 0, &["service:b"]), at(0)).await.unwrap();
        assert_eq!(store.take_over_runs(Engines::Of(Some("E:2")), at(60), LEASE).await.unwrap(), [run(2)], "it acts on none");
        assert_eq!(store.take_over_runs(Engines::Of(None), at(61), LEASE).await.unwrap(), []);
        assert_eq!(store.take_over_runs(Engines::Of(Some("E:1")), at(61), LEASE).await.unwrap(), [run(1)]);
    }

    async fn evidence_is_kept_as_it_was_first(ground: &Ground) {
        let store = ground.store().await;
        let evidence = |content: &str| Evidence {
            run: run(1),
            incident: None,
            service: "ac_service".to_owned(),
            at: at(1),
            content: content.to_owned(),
        };
        store.keep_evidence(evidence("a \0 b")).await.unwrap();
        store.keep_evidence(evidence("after the crash")).await.unwrap();
        assert_eq!(store.evidence(run(1)).await.unwrap(), [evidence("a \u{fffd} b")]);
        assert_eq!(store.evidence(run(2)).await.unwrap(), []);
    }

    async fn an_open_plan_knows_its_message_once_it_was_posted(ground: &Ground) {
        let store = ground.store().await;
        put(&store, 1, "a").await;
        let message = NewMessage {
            slot: plan_slot(run(1)),
            lane: Lane::Answer,
            target: Target::Post(room()),
            reply: reply("Approve?"),
        };
        store.put_message(message, at(1)).await.unwrap();
        let wanted = crate::Wanted { platforms: &[Platform::Slack], busy: &[], lease: LEASE, limit: 1 };
        let claimed = store.claim_messages(wanted, at(1)).await.unwrap();
        let posted = commands::message::Posted::Message(MessageRef { room: room().room, id: "1.2".to_owned() });
        store.confirm(&claimed[0], posted.clone(), at(2)).await.unwrap();
        let open = store.open_plans().await.unwrap();
        assert_eq!(open.iter().map(|plan| plan.posted.clone()).collect::<Vec<_>>(), [Some(posted)]);
    }
}
