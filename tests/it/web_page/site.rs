//! A chat page whose bot answers with cards, behind a wire that can be cut.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_web::{Completion, Logins, NewSession, WebChat, WebConfig, WebMode, WebPerson};
use commands::card::{Align, Button, ButtonStyle, Card, Column, Section, Table, Tone};
use commands::ids::{Account, MessageRef, Place, Platform, Room};
use commands::message::{
    AnswerTo, ChatEvent, EventKind, Outgoing, Posted, Receipt, Reply, Target, TextFile, Visibility,
};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

/// The page and what its bot heard.
pub(crate) struct Site {
    pub(crate) chat: WebChat,
    pub(crate) wire: Wire,
    heard: Arc<Mutex<Vec<ChatEvent>>>,
    server: AbortHandle,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Site {
    pub(crate) async fn start(mode: WebMode) -> anyhow::Result<Self> {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (chat, server, address) = serve(mode, &heard).await?;
        Ok(Self { chat, wire: Wire::to(address).await?, heard, server })
    }

    /// The same address with a new process behind it, which remembers nothing.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        self.wire.cut().await;
        self.server.abort();
        let (chat, server, address) = serve(WebMode::Demo, &self.heard).await?;
        (self.chat, self.server, self.wire.far) = (chat, server, address);
        self.wire.mend().await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.wire.near)
    }

    pub(crate) fn heard(&self) -> Vec<ChatEvent> {
        self.heard.lock().expect("no test panics with it held").clone()
    }
}

async fn serve(
    mode: WebMode,
    heard: &Arc<Mutex<Vec<ChatEvent>>>,
) -> anyhow::Result<(WebChat, AbortHandle, SocketAddr)> {
    let chat = WebChat::new(config(mode));
    let (bot, heard) = (chat.clone(), heard.clone());
    let router = chat.router(move |event| receive(bot.clone(), heard.clone(), event));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
    Ok((chat, server, address))
}

fn config(mode: WebMode) -> WebConfig {
    let person = |key: &str, name: &str, roles: &str| WebPerson {
        key: key.to_owned(),
        name: name.to_owned(),
        roles: roles.to_owned(),
    };
    let words = [
        ("health", "Is the platform well?"),
        ("help", "What can be asked"),
        ("audit", "Who did what"),
        ("--wait", "Until three good answers in a row"),
    ];
    WebConfig {
        people: vec![person("ann", "Ann Example", "operator"), person("bob", "Bob Example", "approver")],
        rooms: vec![room(), Room::new(Platform::Web, "drill")],
        mode,
        now: || Timestamp::from_second(1_772_600_767).expect("in range"),
        complete: Arc::new(move |_, line| {
            let (before, word) = line.rsplit_once(' ').unwrap_or(("", line));
            let fits =
                |insert: &str| insert.starts_with(word) && insert.starts_with("--") != before.is_empty();
            let found = words.iter().filter(|(insert, _)| fits(insert));
            found
                .map(|&(insert, describe)| Completion { insert: insert.into(), describe: describe.into() })
                .collect()
        }),
        bot: "pager".to_owned(),
        banner: Some("Demo: everything is local, nothing is sent anywhere.".to_owned()),
    }
}

fn room() -> Room {
    Room::new(Platform::Web, "incidents")
}

/// Answers `health…` with a card, a click with an edit of it, and stores `disk full` at the second try.
async fn receive(chat: WebChat, heard: Arc<Mutex<Vec<ChatEvent>>>, event: ChatEvent) -> Option<Receipt> {
    let tries = {
        let mut heard = heard.lock().expect("no test panics with it held");
        heard.push(event.clone());
        heard.iter().filter(|earlier| earlier.delivery == event.delivery).count()
    };
    let outgoing = match event.kind {
        EventKind::Command { line, .. } if line == "disk full" && tries == 1 => return None,
        EventKind::Command { line, answer } if line.starts_with("health") => {
            Some(outgoing("health", Target::Answer(answer), health_card()))
        }
        EventKind::Command { .. } => None,
        EventKind::Click { message, answer, .. } => {
            let target = Target::Edit { posted: Posted::Message(message), answer: Some(answer) };
            let card = Card { title: "auth_service was started".to_owned(), ..health_card() };
            Some(outgoing("health", target, card))
        }
        EventKind::Reaction { .. } | EventKind::Quote { .. } => return Some(Receipt::Noted),
    };
    if let Some(outgoing) = outgoing {
        chat.send(&outgoing).await.expect("the page takes it");
    }
    Some(Receipt::Accepted(Visibility::Public))
}

pub(crate) fn post(slot: &str, card: Card) -> Outgoing {
    let asker = Account::new(Platform::Web, "ann");
    let answer = AnswerTo { place: Place::channel(room()), asker, token: None };
    outgoing(slot, Target::Answer(answer), card)
}

fn outgoing(slot: &str, target: Target, card: Card) -> Outgoing {
    let file = TextFile { name: "health.txt".to_owned(), content: "all of it\n".repeat(400) };
    let reply =
        Reply { visibility: Visibility::Public, card, file: Some(file), picture: None, mentions: Vec::new() };
    Outgoing { slot: slot.to_owned(), target, reply, may_repeat: false }
}

pub(crate) fn message(posted: &Posted) -> &MessageRef {
    match posted {
        Posted::Message(message) => message,
        Posted::ByToken | Posted::Ephemeral => panic!("the page's messages have ids"),
    }
}

pub(crate) fn small_card(title: &str, tone: Tone) -> Card {
    Card { title: title.to_owned(), tone, sections: vec![], buttons: vec![], footer: None }
}

/// Every kind of section, as a health check with two sick services would fill them.
pub(crate) fn health_card() -> Card {
    let column = |heading: &str, align| Column { heading: heading.to_owned(), align };
    let rows = [
        ["auth_service", "refused", "", "exited", "", "0", "137"],
        ["audit_engine", "503 degraded", "41 ms", "running", "3 h 12 min", "2", ""],
        ["constitutional-ai_service", "200 healthy", "12 ms", "running", "6 d 4 h", "0", ""],
        ["integrity", "200 healthy", "9 ms", "running", "6 d 4 h", "0", ""],
        ["governance", "200 healthy", "14 ms", "running", "6 d 4 h", "0", ""],
        ["policy", "200 healthy", "1,204 ms", "running", "6 d 4 h", "0", ""],
    ];
    let table = Table {
        columns: vec![
            column("Service", Align::Left),
            column("Answer", Align::Left),
            column("Latency", Align::Right),
            column("Container", Align::Left),
            column("Up", Align::Right),
            column("Restarts", Align::Right),
            column("Exit", Align::Right),
        ],
        rows: rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect(),
    };
    let facts = [
        ("PostgreSQL", "answers in 4 ms, 37 of 100 connections used"),
        ("Prometheus", "ready, 7 of 8 targets up; down: acgs/auth_service:8000 (connection refused)"),
        ("Alertmanager", "ready, 1 alert fires: ServiceDown"),
    ];
    let button = |label: &str, value: &str, style| Button { label: label.into(), value: value.into(), style };
    Card {
        title: "2 of 6 services are sick: auth_service is down, audit_engine says degraded".to_owned(),
        tone: Tone::Bad,
        sections: vec![
            Section::Table(table),
            Section::Facts(facts.iter().map(|&(label, fact)| (label.into(), fact.into())).collect()),
            Section::Text("auth_service was killed for memory 4 min ago.".to_owned()),
            Section::Code("2026-03-04T05:02:11Z ERROR pool timed out while waiting for an open connection at_host=db-primary.internal.example:5432 attempt=3\n2026-03-04T05:02:12Z Killed".to_owned()),
            Section::Next(vec!["health auth_service".to_owned(), "help health".to_owned()]),
        ],
        buttons: vec![
            button("Start auth_service", "start:auth", ButtonStyle::Primary),
            button("Look again", "again", ButtonStyle::Plain),
            button("Stop everything", "stop", ButtonStyle::Danger),
        ],
        footer: Some("as of 05:06:07 UTC · took 1.2 s · run 00c0ffee1234".to_owned()),
    }
}

/// The token `good` is Ann's, once.
pub(crate) fn logins() -> Logins {
    let tokens = Arc::new(Mutex::new(vec!["good".to_owned()]));
    let session = Arc::new(Mutex::new(None::<String>));
    let (opened, ended) = (session.clone(), session.clone());
    Logins {
        redeem: Arc::new(move |token| {
            let mut tokens = tokens.lock().expect("no test panics with it held");
            let is_good = tokens.contains(&token);
            tokens.retain(|other| *other != token);
            let session = is_good.then(|| {
                *opened.lock().expect("no test panics with it held") = Some("c00kie".to_owned());
                let (cookie, person) = (SecretString::from("c00kie"), "ann".to_owned());
                NewSession { cookie, person, max_age: Duration::from_secs(3600) }
            });
            async move { session }.boxed()
        }),
        session: Arc::new(move |cookie| {
            let is_open = *session.lock().expect("no test panics with it held") == Some(cookie);
            async move { is_open.then(|| "ann".to_owned()) }.boxed()
        }),
        end: Arc::new(move |_| {
            *ended.lock().expect("no test panics with it held") = None;
            async {}.boxed()
        }),
    }
}

/// A wire between the browser and the server.
pub(crate) struct Wire {
    near: SocketAddr,
    far: SocketAddr,
    carrying: JoinHandle<()>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

impl Wire {
    async fn to(far: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let near = listener.local_addr()?;
        Ok(Self { near, far, carrying: carry(listener, far) })
    }

    /// Every connection breaks, and nobody listens any more.
    pub(crate) async fn cut(&mut self) {
        self.carrying.abort();
        // It is over once this returns, with the error that says so.
        (&mut self.carrying).await.ok();
    }

    /// As before the cut, on the same port.
    pub(crate) async fn mend(&mut self) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.near).await?;
        self.carrying = carry(listener, self.far);
        Ok(())
    }
}

fn carry(listener: TcpListener, far: SocketAddr) -> JoinHandle<()> {
    let carrying = async move {
        // Aborting this task drops the set, and that aborts every connection in it.
        let mut connections = JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut far = TcpStream::connect(far).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    };
    tokio::spawn(carrying)
}
