//! Two sockets at all times, whatever happens to them.

use std::time::Duration;

use chat_slack::{SlackChat, SlackError, SlackMode};
use commands::message::Liveness;
use e2e::slack::{AckOutcome, SlackOptions, SlackServer};
use e2e::wait::eventually;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{ALICE, ROOM, SOON, Storing, Wire, config, line_of, socket_mode, stand_in};

const OPEN: &str = "apps.connections.open";

/// Waits for a state.
pub(super) async fn until(mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !reached() {
        assert!(Instant::now() < deadline, "not reached within {SOON:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_right_behind_a_disconnect_is_heard() {
    let mut wire = Wire::connect().await;
    let outcomes = wire.slack.refresh_sockets_under_commands(ALICE, ROOM, "health").await;
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        outcome.latency();
        assert_eq!(line_of(&wire.event().await), "health");
    }
    wire.slack.wait_sockets(2, SOON).await;
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_under_load_lose_nothing() {
    let options = SlackOptions { refresh_grace: Duration::from_millis(300), ..SlackOptions::default() };
    let mut wire = Wire::connect_to(SlackServer::start(options).await).await;
    let mut sent = 0;
    for _ in 0..4 {
        let until = Instant::now() + Duration::from_millis(1200);
        while Instant::now() < until {
            wire.slack.slash(ALICE, ROOM, "between").await.latency();
            sent += 1;
        }
        let since = Instant::now();
        for outcome in wire.slack.refresh_sockets_under_commands(ALICE, ROOM, "behind").await {
            outcome.latency();
            sent += 1;
        }
        wire.slack.wait_sockets(2, SOON).await;
        assert!(since.elapsed() < Duration::from_millis(500), "{:?}", since.elapsed());
    }
    for _ in 0..sent {
        wire.event().await;
    }
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_are_replaced_within_a_second() {
    let mut wire = Wire::connect().await;
    assert_eq!(wire.slack.drop_sockets(), 2);
    let since = Instant::now();
    wire.slack.wait_sockets(2, SOON).await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    wire.slack.mention(ALICE, ROOM, None, "health").await.outcome.latency();
    assert_eq!(line_of(&wire.event().await), "health");
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_lost_with_its_socket_comes_again() {
    let mut wire = Wire::connect().await;
    wire.plan(Storing::Takes(Duration::from_secs(1)));
    let mention = tokio::spawn({
        let slack = wire.slack.clone();
        async move { slack.mention(ALICE, ROOM, None, "health").await }
    });
    until(|| wire.plans.lock().unwrap().is_empty()).await;
    wire.slack.drop_sockets();
    wire.slack.wait_sockets(2, SOON).await;
    let delivery = mention.await.unwrap();
    assert_eq!(delivery.attempts, 2);
    assert_eq!(wire.event().await.delivery, wire.event().await.delivery);
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_is_noticed_within_ten_seconds() {
    let mut wire = Wire::connect().await;
    assert_eq!(wire.slack.freeze_sockets(), 2);
    let since = Instant::now();
    wire.slack.wait_sockets(2, Duration::from_secs(12)).await;
    let noticed = since.elapsed();
    assert!(noticed > Duration::from_secs(4) && noticed < Duration::from_secs(10), "{noticed:?}");
    wire.slack.slash(ALICE, ROOM, "health").await.latency();
    assert_eq!(line_of(&wire.event().await), "health");
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_are_taken_and_closed_again_are_opened_ever_more_slowly() {
    let mut wire = Wire::connect().await;
    wire.slack.close_next_sockets(usize::MAX);
    let before = wire.slack.calls(OPEN);
    wire.slack.drop_sockets();
    let mut most = 0;
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(50)).await;
        most = wire.slack.calls(OPEN) - before;
    }
    assert!((2..=10).contains(&most), "{most} calls in 3 s");
    assert!(matches!(wire.chat.liveness(), Liveness::Down(_)));
    wire.slack.close_next_sockets(0);
    wire.slack.wait_sockets(2, Duration::from_secs(20)).await;
    wire.slack.slash(ALICE, ROOM, "health").await.latency();
    assert_eq!(line_of(&wire.event().await), "health");
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_open_is_given_up() {
    let slack = SlackServer::start(SlackOptions::default()).await;
    slack.hang_next(OPEN);
    slack.hang_next(OPEN);
    let chat = SlackChat::new(config(&slack, socket_mode())).unwrap();
    let (receive, _events, _) = stand_in();
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let (chat, stop) = (chat.clone(), stop.clone());
        async move { chat.serve(receive, stop).await }
    });
    assert!(matches!(chat.liveness(), Liveness::Down(_)));
    slack.wait_sockets(2, Duration::from_secs(13)).await;
    eventually(SOON, "the bot to hear of its sockets", async || {
        (chat.liveness() == Liveness::Live).then_some(())
    })
    .await;
    stop.cancel();
    serving.await.unwrap().unwrap();
    slack.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_of_the_open_call_is_waited_out() {
    let slack = SlackServer::start(SlackOptions::default()).await;
    slack.limit_next(OPEN, 1, 2);
    let since = Instant::now();
    let wire = Wire::connect_to(slack).await;
    assert!(since.elapsed() >= Duration::from_secs(2));
    // The other lane can't know of the delay that the first one was told.
    wire.slack.forgive("call_during_back_off");
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_app_token_ends_serving_with_what_to_do() {
    let slack = SlackServer::start(SlackOptions::default()).await;
    let mode = SlackMode::Socket { app_token: "xapp-1-A0TEST-wrong".into() };
    let chat = SlackChat::new(config(&slack, mode)).unwrap();
    let (receive, _events, _) = stand_in();
    let error = chat.serve(receive, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(&error, SlackError::Refused { code, .. } if code == "invalid_auth"), "{error}");
    assert!(error.to_string().contains("Copy it anew"));
    assert!(!error.to_string().contains("wrong"), "a secret in an error");
    slack.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_waits_for_the_acknowledgement_under_way() {
    let mut wire = Wire::connect().await;
    wire.plan(Storing::Takes(Duration::from_millis(700)));
    let command = tokio::spawn({
        let slack = wire.slack.clone();
        async move { slack.slash(ALICE, ROOM, "health").await }
    });
    until(|| wire.plans.lock().unwrap().is_empty()).await;
    wire.stop.cancel();
    assert!(matches!(command.await.unwrap(), AckOutcome::Acknowledged(_)));
    assert_eq!(line_of(&wire.event().await), "health");
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_slack_does_not_want_is_given_up_and_another_opened() {
    let mut wire = Wire::connect().await;
    for (reason, opened) in [("too_many_websockets", 3), ("link_disabled", 4)] {
        wire.slack.send_raw(&format!(r#"{{"type":"disconnect","reason":"{reason}"}}"#));
        wire.slack.wait_calls(OPEN, opened, SOON).await;
        wire.slack.wait_sockets(2, SOON).await;
    }
    wire.slack.slash(ALICE, ROOM, "health").await.latency();
    assert_eq!(line_of(&wire.event().await), "health");
    wire.end().await;
}
