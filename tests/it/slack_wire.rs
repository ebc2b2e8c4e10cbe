//! The Slack adapter against the local Slack, driven directly: no bot behind it.

mod inbound;
mod outbound;
mod requests;
mod sockets;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_slack::{SlackChat, SlackConfig, SlackError, SlackMode};
use commands::card::{Button, ButtonStyle, Card, Section, Tone};
use commands::ids::{Place, Platform, Room};
use commands::message::{
    AnswerTo, ChatEvent, EventKind, Outgoing, Posted, Receipt, Reply, Target, Visibility,
};
use e2e::slack::{APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackOptions, SlackServer};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(5);
const ALICE: &str = "UALICE";
const ROOM: &str = "C0INCIDENT";

#[expect(clippy::disallowed_methods, reason = "a test is an edge: the adapter is given the real clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn config(slack: &SlackServer, mode: SlackMode) -> SlackConfig {
    SlackConfig { api_url: slack.api_url(), bot_token: BOT_TOKEN.into(), mode, now }
}

fn socket_mode() -> SlackMode {
    SlackMode::Socket { app_token: APP_TOKEN.into() }
}

fn http_mode() -> SlackMode {
    SlackMode::Http { signing_secret: SIGNING_SECRET.into() }
}

/// What the next deliveries' storing does.
#[derive(Clone, Copy)]
enum Storing {
    Fails,
    Panics,
    Takes(Duration),
}

/// The adapter on two sockets, with a stand-in for the store that remembers what it was given.
struct Wire {
    slack: SlackServer,
    chat: SlackChat,
    events: mpsc::UnboundedReceiver<ChatEvent>,
    plans: Plans,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), SlackError>>,
}

impl Wire {
    async fn connect() -> Self {
        Self::connect_to(SlackServer::start(SlackOptions::default()).await).await
    }

    async fn connect_to(slack: SlackServer) -> Self {
        let chat = SlackChat::new(config(&slack, socket_mode())).unwrap();
        let (receive, events, plans) = stand_in();
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let (chat, stop) = (chat.clone(), stop.clone());
            async move { chat.serve(receive, stop).await }
        });
        slack.wait_sockets(2, SOON).await;
        Self { slack, chat, events, plans, stop, serving }
    }

    /// What the next delivery's storing does; without it, it works at once.
    fn plan(&self, storing: Storing) {
        self.plans.lock().unwrap().push(storing);
    }

    async fn event(&mut self) -> ChatEvent {
        tokio::time::timeout(SOON, self.events.recv()).await.expect("an event").expect("the adapter runs")
    }

    /// Somebody asks, and the way to answer.
    async fn asked(&mut self) -> AnswerTo {
        self.slack.slash(ALICE, ROOM, "health").await.latency();
        answer_of(&self.event().await)
    }

    async fn post(&self, slot: &str, target: Target, reply: Reply) -> Posted {
        self.chat.send(&outgoing(slot, target, reply)).await.unwrap().posted
    }

    async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(SOON, self.serving).await.expect("it stops").unwrap();
        ended.unwrap();
        self.slack.assert_clean();
    }
}

type Stored = BoxFuture<'static, Option<Receipt>>;
type Plans = Arc<Mutex<Vec<Storing>>>;

/// A store that takes everything, unless it was planned otherwise.
fn stand_in()
-> (impl Fn(ChatEvent) -> Stored + Clone + Send + Sync + 'static, mpsc::UnboundedReceiver<ChatEvent>, Plans) {
    let (sender, events) = mpsc::unbounded_channel();
    let plans = Plans::default();
    let planned = Arc::clone(&plans);
    let receive = move |event| -> Stored {
        let (sender, plan) = (sender.clone(), planned.lock().unwrap().pop());
        Box::pin(async move {
            match plan {
                Some(Storing::Fails) => return None,
                Some(Storing::Panics) => panic!("storing panics, as the test asked for"),
                Some(Storing::Takes(time)) => tokio::time::sleep(time).await,
                None => {}
            }
            // A test that looks at no event has dropped the other end.
            let _ = sender.send(event);
            Some(Receipt::Accepted(Visibility::Public))
        })
    };
    (receive, events, plans)
}

fn answer_of(event: &ChatEvent) -> AnswerTo {
    match &event.kind {
        EventKind::Command { answer, .. } | EventKind::Click { answer, .. } => answer.clone(),
        EventKind::Reaction { .. } | EventKind::Quote { .. } => panic!("a reaction has no answer"),
    }
}

fn line_of(event: &ChatEvent) -> &str {
    match &event.kind {
        EventKind::Command { line, .. } => line,
        EventKind::Click { .. } | EventKind::Quote { .. } | EventKind::Reaction { .. } => {
            panic!("not a command: {event:?}")
        }
    }
}

fn room(id: &str) -> Place {
    Place::channel(Room::new(Platform::Slack, id))
}

fn reply(text: &str) -> Reply {
    let card = Card {
        title: "Health".to_owned(),
        tone: Tone::Good,
        sections: vec![Section::Text(text.to_owned())],
        buttons: vec![Button {
            label: "Again".to_owned(),
            value: "again:1".to_owned(),
            style: ButtonStyle::Primary,
        }],
        footer: Some("run 00000000002a".to_owned()),
    };
    Reply { visibility: Visibility::Public, card, file: None, picture: None, mentions: Vec::new() }
}

fn private(text: &str) -> Reply {
    Reply { visibility: Visibility::Private, ..reply(text) }
}

fn outgoing(slot: &str, target: Target, reply: Reply) -> Outgoing {
    Outgoing { slot: slot.to_owned(), target, reply, may_repeat: false }
}
