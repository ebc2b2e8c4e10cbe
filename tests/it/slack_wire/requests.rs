//! HTTP mode: what is signed, fresh and new is heard, and nothing else.

use chat_slack::SlackChat;
use commands::ids::Platform;
use commands::message::{ChatEvent, EventKind, Target};
use e2e::slack::{AckOutcome, SIGNING_SECRET, SlackOptions, SlackServer, signature};
use tokio::sync::mpsc;

use super::{
    ALICE, Plans, ROOM, SOON, Storing, answer_of, config, http_mode, line_of, now, outgoing, private, reply,
    room, stand_in,
};

/// The adapter's routes on a port of their own.
struct Listening {
    slack: SlackServer,
    chat: SlackChat,
    events: mpsc::UnboundedReceiver<ChatEvent>,
    plans: Plans,
    base: url::Url,
    client: reqwest::Client,
}

impl Listening {
    async fn start() -> Self {
        let slack = SlackServer::start(SlackOptions::default()).await;
        let chat = SlackChat::new(config(&slack, http_mode())).unwrap();
        let (receive, events, plans) = stand_in();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base: url::Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let router = chat.router(receive);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        slack.use_requests(base.clone());
        let client = reqwest::Client::builder().timeout(SOON).build().unwrap();
        Self { slack, chat, events, plans, base, client }
    }

    async fn event(&mut self) -> ChatEvent {
        tokio::time::timeout(SOON, self.events.recv()).await.expect("an event").expect("the adapter runs")
    }

    async fn post(&self, body: &str, timestamp: i64, signature: &str) -> u16 {
        let request = self
            .client
            .post(self.base.join("slack/commands").unwrap())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", timestamp.to_string())
            .header("x-slack-signature", signature)
            .body(body.to_owned());
        request.send().await.unwrap().status().as_u16()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_clicks_and_events_come_by_request() {
    let mut slack = Listening::start().await;
    slack.slack.slash(ALICE, ROOM, "logs a&b + c=d").await.latency();
    assert_eq!(line_of(&slack.event().await), "logs a&b + c=d");
    let delivery = slack.slack.mention(ALICE, ROOM, None, "health").await;
    let event = slack.event().await;
    assert_eq!((line_of(&event), event.delivery.id.as_str()), ("health", delivery.event_id.as_str()));
    assert_eq!(event.from.platform, Platform::Slack);
    slack.chat.send(&outgoing("s", Target::Post(room(ROOM)), reply("x"))).await.unwrap();
    let message = slack.slack.wait_message(|_| true, SOON).await;
    slack.slack.click(ALICE, &message, "again:1").await.latency();
    let click = slack.event().await;
    assert!(matches!(&click.kind, EventKind::Click { value, .. } if value == "again:1"));
    slack.chat.send(&outgoing("t", Target::Answer(answer_of(&click)), private("thanks"))).await.unwrap();
    slack.slack.wait_message(|message| message.only_for.is_some(), SOON).await;
    slack.slack.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_challenge_of_the_events_address_is_answered() {
    let slack = Listening::start().await;
    assert_eq!(slack.slack.verify_events_url("3eZbrw1a").await, "3eZbrw1a");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_could_not_be_stored_is_sent_again() {
    let mut slack = Listening::start().await;
    slack.plans.lock().unwrap().push(Storing::Fails);
    let delivery = slack.slack.mention(ALICE, ROOM, None, "health").await;
    assert_eq!(delivery.attempts, 2);
    assert_eq!(slack.event().await.delivery.id, delivery.event_id);
    slack.plans.lock().unwrap().push(Storing::Panics);
    assert!(matches!(slack.slack.slash(ALICE, ROOM, "health").await, AckOutcome::Acknowledged(_)));
    let told = slack.slack.wait_message(|_| true, SOON).await;
    assert!(told.visible().contains("nothing was done"));
    slack.slack.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_old_future_and_repeated_requests_are_refused() {
    let mut slack = Listening::start().await;
    let body = format!("command=%2Facgs&text=health&user_id={ALICE}&channel_id={ROOM}&trigger_id=1.2");
    let now = now().as_second();
    let sign = |timestamp: i64| signature(SIGNING_SECRET, timestamp, body.as_bytes());
    assert_eq!(slack.post(&body, now, &signature("another secret", now, body.as_bytes())).await, 401);
    assert_eq!(slack.post(&body, now, "v0=00").await, 401);
    assert_eq!(slack.post(&body, now - 301, &sign(now - 301)).await, 401);
    assert_eq!(slack.post(&body, now + 320, &sign(now + 320)).await, 401);
    assert_eq!(slack.post(&body, now - 1, &sign(now)).await, 401);
    assert_eq!(slack.post(&body, now, &sign(now)).await, 200);
    assert_eq!(slack.post(&body, now, &sign(now)).await, 401, "the same request again");
    assert_eq!(slack.event().await.delivery.id, "1.2");
    assert!(slack.events.try_recv().is_err(), "one of them was heard");
    slack.slack.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_could_not_be_stored_may_come_again_as_it_was() {
    let mut slack = Listening::start().await;
    let body = format!("command=%2Facgs&text=health&user_id={ALICE}&channel_id={ROOM}");
    let now = now().as_second();
    let signed = signature(SIGNING_SECRET, now, body.as_bytes());
    slack.plans.lock().unwrap().push(Storing::Fails);
    assert_eq!(slack.post(&body, now, &signed).await, 500);
    assert_eq!(slack.post(&body, now, &signed).await, 200);
    assert_eq!(line_of(&slack.event().await), "health");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_unread() {
    let slack = Listening::start().await;
    let body = "x".repeat(1024 * 1024 + 1);
    let now = now().as_second();
    assert_eq!(slack.post(&body, now, &signature(SIGNING_SECRET, now, body.as_bytes())).await, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_heard_as_far_as_they_are() {
    let mut slack = Listening::start().await;
    let body = format!("command=%2Facgs&text=health%FF%80&user_id={ALICE}&channel_id={ROOM}&trigger_id=7.7");
    let now = now().as_second();
    assert_eq!(slack.post(&body, now, &signature(SIGNING_SECRET, now, body.as_bytes())).await, 200);
    assert_eq!(line_of(&slack.event().await), "health\u{fffd}\u{fffd}");
}
