//! What people do arrives once, whole and acknowledged.

use std::time::Duration;

use commands::ids::{Account, Platform};
use commands::message::{EventKind, ReactionChange, Target};
use e2e::slack::AckOutcome;
use serde_json::json;

use super::{ALICE, ROOM, SOON, Storing, Wire, answer_of, line_of, reply, room};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_stored_acknowledged_answered_and_edited() {
    let mut wire = Wire::connect().await;
    let latency = wire.slack.slash(ALICE, ROOM, "logs <auth> && x").await.latency();
    assert!(latency < Duration::from_millis(500), "{latency:?}");
    let event = wire.event().await;
    assert_eq!(line_of(&event), "logs <auth> && x");
    assert_eq!(event.from, Account::new(Platform::Slack, ALICE));
    assert_eq!(event.place, room(ROOM));
    let answer = answer_of(&event);
    assert!(answer.token.is_some());
    let posted = wire.post("slot-1", Target::Answer(answer.clone()), reply("asking six services")).await;
    let first = wire.slack.wait_message(|message| message.channel == ROOM, SOON).await;
    assert_eq!(first.visible(), "✅ Health\nasking six services\n[Again]\nrun 00000000002a");
    assert_eq!(first.slot(), Some("slot-1"));
    wire.post("slot-1", Target::Edit { posted, answer: Some(answer) }, reply("all six answer")).await;
    let edited = wire.slack.wait_message(|message| message.ts == first.ts, SOON).await;
    assert!(edited.visible().contains("all six answer"));
    assert_eq!(edited.history, [first.visible()]);
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_in_a_thread_is_answered_in_the_thread() {
    let mut wire = Wire::connect().await;
    let delivery = wire.slack.mention(ALICE, ROOM, Some("1700000000.000100"), "health auth_service").await;
    assert_eq!(delivery.attempts, 1);
    let event = wire.event().await;
    assert_eq!(line_of(&event), "health auth_service");
    assert_eq!(event.delivery.id, delivery.event_id);
    assert_eq!(event.place.thread.as_deref(), Some("1700000000.000100"));
    wire.post("slot-1", Target::Answer(answer_of(&event)), reply("well")).await;
    let message = wire.slack.wait_message(|_| true, SOON).await;
    assert_eq!(message.thread.as_deref(), Some("1700000000.000100"));
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_and_reactions_name_their_message() {
    let mut wire = Wire::connect().await;
    wire.post("slot-1", Target::Post(room(ROOM)), reply("approve?")).await;
    let message = wire.slack.wait_message(|_| true, SOON).await;

    wire.slack.click(ALICE, &message, "again:1").await.latency();
    let click = wire.event().await;
    let EventKind::Click { value, message: clicked, answer } = click.kind else { panic!("{click:?}") };
    assert_eq!((value.as_str(), clicked.id.as_str()), ("again:1", message.ts.as_str()));
    assert!(answer.token.is_some());

    wire.slack.react(ALICE, &message, "white_check_mark").await.outcome.latency();
    wire.slack.unreact(ALICE, &message, "white_check_mark").await.outcome.latency();
    for expected in [ReactionChange::Added, ReactionChange::Removed] {
        let event = wire.event().await;
        let EventKind::Reaction { change, emoji, message: on } = event.kind else { panic!("{event:?}") };
        assert_eq!((change, emoji.as_str()), (expected, "white_check_mark"));
        assert_eq!((on.room.id.as_str(), on.id.as_str()), (ROOM, message.ts.as_str()));
    }
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_envelope_on_two_sockets_has_one_delivery_id() {
    let mut wire = Wire::connect().await;
    wire.slack.duplicate_next();
    wire.slack.slash(ALICE, ROOM, "health").await.latency();
    let (first, second) = (wire.event().await, wire.event().await);
    assert_eq!(first.delivery, second.delivery);
    wire.slack.slash(ALICE, ROOM, "health").await.latency();
    assert_ne!(wire.event().await.delivery, first.delivery);
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_could_not_be_stored_comes_again_under_the_same_id() {
    let mut wire = Wire::connect().await;
    wire.plan(Storing::Fails);
    let delivery = wire.slack.mention(ALICE, ROOM, None, "health").await;
    assert_eq!(delivery.attempts, 2);
    assert_eq!(wire.event().await.delivery.id, delivery.event_id);
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_asker_of_a_command_that_could_not_be_stored_is_told() {
    let mut wire = Wire::connect().await;
    for storing in [Storing::Fails, Storing::Panics] {
        wire.plan(storing);
        wire.slack.slash(ALICE, ROOM, "health").await.latency();
        let message = wire.slack.wait_message(|_| true, SOON).await;
        assert_eq!(message.only_for.as_deref(), Some(ALICE));
        assert!(message.visible().contains("nothing was done"), "{}", message.visible());
    }
    wire.slack.slash(ALICE, ROOM, "health").await.latency();
    assert_eq!(line_of(&wire.event().await), "health");
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_delivery_holds_up_no_other() {
    let mut wire = Wire::connect().await;
    // Two, so that both sockets have one.
    wire.plan(Storing::Takes(Duration::from_secs(2)));
    wire.plan(Storing::Takes(Duration::from_secs(2)));
    let slow = tokio::spawn({
        let slack = wire.slack.clone();
        async move { tokio::join!(slack.slash(ALICE, ROOM, "slow"), slack.slash(ALICE, ROOM, "slow")) }
    });
    crate::slack_wire::sockets::until(|| wire.plans.lock().unwrap().is_empty()).await;
    for _ in 0..20 {
        let latency = wire.slack.slash(ALICE, ROOM, "quick").await.latency();
        assert!(latency < Duration::from_millis(500), "{latency:?}");
        assert_eq!(line_of(&wire.event().await), "quick");
    }
    let (one, two) = slow.await.unwrap();
    assert!(one.latency() >= Duration::from_secs(2) && two.latency() >= Duration::from_secs(2));
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_and_strange_frames_are_survived() {
    let mut wire = Wire::connect().await;
    wire.slack.send_raw("{");
    wire.slack.send_raw(&json!({ "type": "something_new", "payload": 1 }).to_string());
    wire.slack
        .send_raw(&json!({ "type": "events_api", "payload": { "event": { "type": "tea" } } }).to_string());
    wire.slack.send_raw(&"x".repeat(2 * 1024 * 1024));
    wire.slack.wait_calls("apps.connections.open", 3, SOON).await;
    wire.slack.wait_sockets(2, SOON).await;
    for _ in 0..4 {
        wire.slack.slash(ALICE, ROOM, "health").await.latency();
        assert_eq!(line_of(&wire.event().await), "health");
    }
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_without_all_but_the_needful_is_heard() {
    let mut wire = Wire::connect().await;
    let event = json!({ "type": "app_mention", "user": ALICE, "channel": ROOM, "text": "health" });
    let delivery = wire.slack.event(&event).await;
    assert_eq!(delivery.attempts, 1);
    assert_eq!(line_of(&wire.event().await), "health");
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_and_other_events_are_acknowledged_and_not_heard() {
    let mut wire = Wire::connect().await;
    let by_bot =
        json!({ "type": "app_mention", "user": "U1", "bot_id": "B1", "channel": ROOM, "text": "health" });
    let by_us = json!({
        "type": "reaction_added", "user": "U0BOT", "reaction": "eyes",
        "item": { "type": "message", "channel": ROOM, "ts": "1.2" },
    });
    let other = json!({ "type": "team_join", "user": { "id": "U2" } });
    for event in [by_bot, by_us, other] {
        assert_eq!(wire.slack.event(&event).await.attempts, 1);
    }
    wire.slack.slash(ALICE, ROOM, "help").await.latency();
    assert_eq!(line_of(&wire.event().await), "help");
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_surrogate_pair_costs_one_character() {
    let mut wire = Wire::connect().await;
    let payload =
        format!(r#"{{"user_id":"{ALICE}","channel_id":"{ROOM}","text":"health \ud83d","trigger_id":"1.2"}}"#);
    let frame = format!(r#"{{"type":"slash_commands","envelope_id":"e1","payload":{payload}}}"#);
    wire.slack.send_raw(&frame);
    assert_eq!(line_of(&wire.event().await), "health \u{fffd}");
    // The server has never heard of the envelope that this test made up.
    crate::slack_wire::sockets::until(|| !wire.slack.violations().is_empty()).await;
    assert_eq!(wire.slack.forgive("unknown_envelope"), 1);
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_acknowledged_whole() {
    let mut wire = Wire::connect().await;
    let commands = (0..1000).map(|_| wire.slack.slash(ALICE, ROOM, "health"));
    let outcomes = futures_util::future::join_all(commands).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, AckOutcome::Acknowledged(_))));
    for _ in 0..outcomes.len() {
        wire.event().await;
    }
    wire.end().await;
}
