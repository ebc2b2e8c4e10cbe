//! A chat page on a real listener, with a `receive` that keeps what it is given.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use commands::card::{Button, ButtonStyle, Card, Section, Tone};
use commands::ids::{Account, Place, Platform, Room};
use commands::message::{
    AnswerTo, ChatEvent, EventKind, Outgoing, Posted, Receipt, Reply, Target, TextFile, Visibility,
};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{Completion, Logins, NewSession, WebChat, WebConfig, WebMode, WebPerson};

/// 2026-03-04T05:06:07Z
fn now() -> Timestamp {
    Timestamp::from_second(1_772_600_767).unwrap()
}

pub(crate) struct Site {
    pub(crate) chat: WebChat,
    pub(crate) address: SocketAddr,
    pub(crate) http: reqwest::Client,
    pub(crate) heard: Arc<Mutex<Vec<ChatEvent>>>,
    /// `receive` waits for one of these before it gives the receipt of a line `wait`.
    pub(crate) gate: Arc<tokio::sync::Semaphore>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Site {
    pub(crate) async fn demo() -> Self {
        Self::start(WebMode::Demo).await
    }

    pub(crate) async fn start(mode: WebMode) -> Self {
        // Another test may have been first.
        rustls::crypto::ring::default_provider().install_default().ok();
        let chat = WebChat::new(config(mode));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let bot = Bot { heard: heard.clone(), gate: gate.clone(), chat: chat.clone(), seen: Arc::default() };
        let router = chat.router(move |event| bot.clone().receive(event));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        Self { chat, address, http, heard, gate, server }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// As the page itself asks.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path)).header("Origin", self.url(""))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        read(self.request(Method::POST, path).json(body).send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn line(&self, person: &str, id: &str, line: &str) -> (StatusCode, Value) {
        let body = json!({ "id": id, "room": "incidents", "line": line });
        self.post(&format!("/api/line?as={person}"), &body).await
    }

    pub(crate) async fn events(&self, person: &str, last_event_id: &str) -> Events {
        let request = self.request(Method::GET, &format!("/api/events?as={person}"));
        Events::open(request.header("Last-Event-ID", last_event_id)).await
    }

    pub(crate) fn heard(&self) -> Vec<ChatEvent> {
        self.heard.lock().unwrap().clone()
    }
}

pub(crate) async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn config(mode: WebMode) -> WebConfig {
    let person = |key: &str, name: &str, roles: &str| WebPerson {
        key: key.to_owned(),
        name: name.to_owned(),
        roles: roles.to_owned(),
    };
    WebConfig {
        people: vec![person("ann", "Ann", "admin"), person("bob:2", "Bob <b>", "viewer")],
        rooms: vec![room("incidents"), room("quiet")],
        mode,
        now,
        complete: Arc::new(|account, line| {
            let word = Completion { insert: format!("{line}!"), describe: account.to_string() };
            vec![word; 30]
        }),
        bot: "acgs".to_owned(),
        banner: Some("A demo.".to_owned()),
    }
}

pub(crate) fn room(id: &str) -> Room {
    Room::new(Platform::Web, id)
}

/// A bot that stores in memory: a delivery seen before is a repeat.
#[derive(Clone)]
struct Bot {
    heard: Arc<Mutex<Vec<ChatEvent>>>,
    gate: Arc<tokio::sync::Semaphore>,
    chat: WebChat,
    seen: Arc<Mutex<HashSet<String>>>,
}

impl Bot {
    async fn receive(self, event: ChatEvent) -> Option<Receipt> {
        let line = match &event.kind {
            EventKind::Command { line, .. } => line.clone(),
            EventKind::Click { .. } | EventKind::Quote { .. } | EventKind::Reaction { .. } => String::new(),
        };
        if line == "disk full" {
            return None;
        }
        if !self.seen.lock().unwrap().insert(event.delivery.id.clone()) {
            return Some(Receipt::Repeat);
        }
        self.heard.lock().unwrap().push(event.clone());
        match line.as_str() {
            "wait" => self.gate.acquire().await.unwrap().forget(),
            "quick" => {
                self.chat.send(&answer("quick", "ann", Visibility::Public, "Quick")).await.unwrap();
            }
            "panic" => panic!("as asked"),
            _ => {}
        }
        Some(match event.kind {
            EventKind::Reaction { .. } | EventKind::Quote { .. } => Receipt::Noted,
            EventKind::Command { line, .. } if line == "secret" => Receipt::Accepted(Visibility::Private),
            EventKind::Command { .. } | EventKind::Click { .. } => Receipt::Accepted(Visibility::Public),
        })
    }
}

pub(crate) fn card(title: &str) -> Card {
    Card {
        title: title.to_owned(),
        tone: Tone::Bad,
        sections: vec![Section::Next(vec!["health".to_owned()])],
        buttons: vec![Button { label: "Run".into(), value: "run:1".into(), style: ButtonStyle::Primary }],
        footer: None,
    }
}

pub(crate) fn answer(slot: &str, asker: &str, visibility: Visibility, title: &str) -> Outgoing {
    let answer = AnswerTo {
        place: Place::channel(room("incidents")),
        asker: Account::new(Platform::Web, asker),
        token: None,
    };
    let file = TextFile { name: "all \"logs\".txt".to_owned(), content: "<script>é</script>".to_owned() };
    Outgoing {
        slot: slot.to_owned(),
        target: Target::Answer(answer),
        reply: Reply { visibility, card: card(title), file: Some(file), picture: None, mentions: Vec::new() },
        may_repeat: false,
    }
}

pub(crate) fn edit(earlier: &Outgoing, posted: &Posted, title: &str) -> Outgoing {
    let answer = match &earlier.target {
        Target::Answer(answer) => Some(answer.clone()),
        Target::Post(_) | Target::Direct(_) | Target::Edit { .. } => None,
    };
    let reply = Reply { card: card(title), ..earlier.reply.clone() };
    Outgoing { target: Target::Edit { posted: posted.clone(), answer }, reply, ..earlier.clone() }
}

/// The bot's side of logging in: the token `good` is Ann's, once, and `former` is nobody's any more.
pub(crate) fn logins() -> Logins {
    let tokens =
        Arc::new(Mutex::new(HashMap::from([("good".to_owned(), "ann"), ("former".to_owned(), "eve")])));
    let sessions = Arc::new(Mutex::new(HashMap::<String, String>::new()));
    let (opened, ended) = (sessions.clone(), sessions.clone());
    Logins {
        redeem: Arc::new(move |token| {
            let person = tokens.lock().unwrap().remove(&token);
            let session = person.map(|person| {
                opened.lock().unwrap().insert("c00kie".to_owned(), person.to_owned());
                let (cookie, person) = (SecretString::from("c00kie"), person.to_owned());
                NewSession { cookie, person, max_age: Duration::from_secs(3600) }
            });
            async move { session }.boxed()
        }),
        session: Arc::new(move |cookie| {
            let person = sessions.lock().unwrap().get(&cookie).cloned();
            async move { person }.boxed()
        }),
        end: Arc::new(move |cookie| {
            ended.lock().unwrap().remove(&cookie);
            async {}.boxed()
        }),
    }
}

/// An event of a stream.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

impl Event {
    /// The card's title or the line.
    pub(crate) fn text(&self) -> &str {
        self.data["card"]["title"].as_str().or_else(|| self.data["line"].as_str()).unwrap_or_default()
    }
}

/// A stream as a page reads it.
pub(crate) struct Events {
    response: Response,
    read: String,
}

impl Events {
    pub(crate) async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Self { response, read: String::new() }
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let event = parse(event);
                self.read = rest.to_owned();
                return Some(event);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.response.chunk());
            let chunk = chunk.await.expect("an event within ten seconds").ok().flatten()?;
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The events up to `ready`, without it.
    pub(crate) async fn until_ready(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == "ready" {
                return events;
            }
            events.push(event);
        }
    }

    /// The next message.
    pub(crate) async fn post(&mut self) -> Event {
        let event = self.next().await.expect("the stream goes on");
        assert_eq!(event.name, "post");
        event
    }
}

fn parse(text: &str) -> Event {
    let field = |name: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        lines.collect::<Vec<_>>().join("\n")
    };
    Event { name: field("event"), id: field("id"), data: serde_json::from_str(&field("data")).unwrap() }
}
