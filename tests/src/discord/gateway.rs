//! The gateway: HELLO, IDENTIFY, RESUME, heartbeats and dispatches, with Discord's close codes
//! (events/gateway, topics/opcodes-and-status-codes).

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_util::sync::CancellationToken;

use super::faults::{Drop, without};
use super::state::{Shared, State};
use super::{APPLICATION, BOT_TOKEN, BOT_USER, GUILD, objects};

/// Privileged intents, which the application was not granted: members, presences, message content.
const PRIVILEGED: u64 = (1 << 1) | (1 << 8) | (1 << 15);
/// All that exist.
const KNOWN: u64 = 0x0331_ffff;
const IDENTIFY_APART: Duration = Duration::from_secs(5);
const FRAMES: usize = 120;
const FRAME_WINDOW: Duration = Duration::from_secs(60);
const FRAME_BYTES: usize = 4096;

/// Intents that events need.
pub(super) const GUILDS: u64 = 1;
/// Interactions come without any.
pub(super) const NO_INTENT: u64 = 0;
pub(super) const GUILD_MESSAGES: u64 = 1 << 9;
pub(super) const GUILD_MESSAGE_REACTIONS: u64 = 1 << 10;

/// One session, connected or waiting to be resumed.
pub(super) struct Session {
    intents: u64,
    compress: bool,
    sequence: u64,
    /// Dispatches with their numbers, for replaying.
    sent: VecDeque<(u64, Value)>,
    socket: Option<mpsc::UnboundedSender<Order>>,
}

/// What a socket is told to do.
pub(super) enum Order {
    Send(Value),
    Frame(Frame),
    /// Neither to speak nor to listen any more.
    Hush,
    End(Drop),
}

impl Session {
    pub(super) const fn is_live(&self) -> bool {
        self.socket.is_some()
    }

    pub(super) fn order(&mut self, order: Order) {
        let ends = matches!(order, Order::End(_));
        // A socket that is gone has nothing left to be told.
        let _ = self.socket.as_ref().map(|socket| socket.send(order));
        if ends {
            self.socket = None;
        }
    }

    fn dispatch(&mut self, kind: &str, data: &Value) {
        self.sequence += 1;
        let payload = json!({"op": 0, "s": self.sequence, "t": kind, "d": data});
        if self.is_live() {
            let frame = encode(&payload, self.compress);
            self.order(Order::Frame(frame));
        }
        self.sent.push_back((self.sequence, payload));
        if self.sent.len() > 1000 {
            self.sent.pop_front();
        }
    }
}

impl State {
    /// Tells every session that asked for it. Returns how many there were, connected or not.
    pub(super) fn dispatch(&mut self, kind: &str, mut data: Value, intent: u64) -> usize {
        for field in std::mem::take(&mut self.malformed_next) {
            without(&mut data, &field);
        }
        let times = if std::mem::take(&mut self.duplicate_next) { 2 } else { 1 };
        let mut told = 0;
        for session in self.sessions.values_mut().filter(|session| session.intents & intent == intent) {
            told += 1;
            (0..times).for_each(|_| session.dispatch(kind, &data));
        }
        told
    }
}

/// Discord compresses each payload by itself when IDENTIFY asked for it.
fn encode(payload: &Value, compress: bool) -> Frame {
    let text = payload.to_string();
    if !compress {
        return Frame::text(text);
    }
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(text.len() / 2), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("a Vec takes everything");
    Frame::binary(encoder.finish().expect("a Vec takes everything"))
}

pub(super) async fn listen(shared: Arc<Shared>, listener: TcpListener, stop: CancellationToken) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let welcome = welcome(&shared);
        let shared = Arc::clone(&shared);
        let stop = stop.clone();
        match welcome {
            Welcome::Served => {}
            Welcome::Refused => {
                // Reset, as a port that nobody listens on.
                let _ = stream.set_zero_linger();
                continue;
            }
            Welcome::Silent => {
                tokio::spawn(async move {
                    stop.cancelled().await;
                    drop(stream);
                });
                continue;
            }
        }
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = Socket::serve(shared, stream) => {}
            }
        });
    }
}

/// What a connection meets.
enum Welcome {
    Served,
    Refused,
    Silent,
}

fn welcome(shared: &Shared) -> Welcome {
    let mut state = shared.state();
    if state.refuse_connections > 0 {
        state.refuse_connections -= 1;
        Welcome::Refused
    } else if state.silent_connections > 0 {
        state.silent_connections -= 1;
        Welcome::Silent
    } else {
        Welcome::Served
    }
}

/// One connection.
struct Socket {
    shared: Arc<Shared>,
    stream: WebSocketStream<TcpStream>,
    orders: mpsc::UnboundedReceiver<Order>,
    sender: mpsc::UnboundedSender<Order>,
    session: Option<String>,
    last_beat: Instant,
    frames: VecDeque<Instant>,
}

/// Why a connection ends: a close code, or nothing more to say.
type Ended = Option<u16>;

impl Socket {
    async fn serve(shared: Arc<Shared>, stream: TcpStream) {
        // Refused only on a socket that is gone already.
        let _ = stream.set_nodelay(true);
        let Ok(stream) = tokio_tungstenite::accept_async(stream).await else { return };
        let (sender, orders) = mpsc::unbounded_channel();
        let last_beat = Instant::now();
        let mut socket =
            Self { shared, stream, orders, sender, session: None, last_beat, frames: VecDeque::new() };
        let code = socket.run().await;
        socket.end(code).await;
    }

    async fn run(&mut self) -> Ended {
        let interval = self.shared.options.heartbeat_interval;
        let milliseconds = u64::try_from(interval.as_millis()).expect("a short time");
        let hello = json!({"op": 10, "d": {"heartbeat_interval": milliseconds, "_trace": []}});
        self.send(&hello).await?;
        loop {
            let silent_until = self.last_beat + interval.mul_f64(1.5);
            let orders = &mut self.orders;
            let next = tokio::select! {
                order = orders.recv() => Err(order?),
                frame = self.stream.next() => Ok(frame),
                () = tokio::time::sleep_until(silent_until) => {
                    self.shared.violation("heartbeat", "silence of 1.5 intervals");
                    return Some(4009);
                }
            };
            match next {
                Err(order) => self.obey(order).await?,
                Ok(Some(Ok(frame))) => {
                    if let Err(code) = self.hear(frame).await {
                        return code;
                    }
                }
                Ok(Some(Err(_)) | None) => return None,
            }
        }
    }

    async fn send(&mut self, payload: &Value) -> Option<()> {
        self.stream.send(Frame::text(payload.to_string())).await.ok()
    }

    async fn obey(&mut self, order: Order) -> Option<()> {
        match order {
            Order::Send(payload) => self.send(&payload).await,
            Order::Frame(frame) => self.stream.send(frame).await.ok(),
            Order::End(Drop::Close(code)) => {
                let frame = CloseFrame { code: code.into(), reason: "".into() };
                // It may be gone already.
                let _ = self.stream.close(Some(frame)).await;
                None
            }
            Order::Hush => {
                while let Some(Ok(_)) = self.stream.next().await {}
                None
            }
            Order::End(Drop::Abort) => None,
            Order::End(Drop::Reset) => {
                let _ = self.stream.get_mut().set_zero_linger();
                None
            }
        }
    }

    /// `Err`: the connection ends with this code.
    async fn hear(&mut self, frame: Frame) -> Result<(), Ended> {
        let text = match frame {
            Frame::Text(text) => text.to_string(),
            Frame::Close(frame) => {
                let ended = self.heard_close(frame);
                // The echo; the bot may be gone already.
                let _ = self.stream.flush().await;
                return Err(ended);
            }
            Frame::Ping(_) | Frame::Pong(_) => return Ok(()),
            Frame::Binary(_) | Frame::Frame(_) => return Err(self.breach(4002, "a frame that is no text")),
        };
        let now = Instant::now();
        self.frames.push_back(now);
        self.frames.retain(|at| now.duration_since(*at) < FRAME_WINDOW);
        if self.frames.len() > FRAMES {
            return Err(self.breach(4008, "more than 120 frames in 60 s"));
        }
        if text.len() > FRAME_BYTES {
            return Err(self.breach(4002, "a frame over 4096 bytes"));
        }
        let Ok(payload) = serde_json::from_str::<Value>(&text) else {
            return Err(self.breach(4002, "a frame that is no JSON"));
        };
        match (payload["op"].as_u64(), self.session.is_some()) {
            (Some(1), _) => self.heartbeat().await,
            (Some(2), false) => self.identify(&payload["d"]).await,
            (Some(2), true) => Err(self.breach(4005, "IDENTIFY twice")),
            (Some(6), false) => self.resume(&payload["d"]).await,
            (Some(3 | 8), true) => Ok(()),
            (_, false) => Err(self.breach(4003, "something before IDENTIFY")),
            (other, true) => Err(self.breach(4001, &format!("opcode {other:?}"))),
        }
    }

    fn breach(&self, code: u16, what: &str) -> Ended {
        self.shared.violation("gateway", format!("{what} ({code})"));
        Some(code)
    }

    /// 1000 and 1001 end the session; after anything else it waits to be resumed.
    fn heard_close(&mut self, frame: Option<CloseFrame>) -> Ended {
        let code = frame.map(|frame| u16::from(frame.code));
        let mut state = self.shared.state();
        state.closed_with = code;
        if matches!(code, Some(1000 | 1001))
            && let Some(session) = self.session.take()
        {
            state.sessions.remove(&session);
        }
        None
    }

    async fn heartbeat(&mut self) -> Result<(), Ended> {
        self.last_beat = Instant::now();
        self.send(&json!({"op": 11, "d": null})).await.ok_or(None)
    }

    async fn identify(&mut self, data: &Value) -> Result<(), Ended> {
        if !is_token(&data["token"]) {
            return Err(Some(4004));
        }
        let Some(intents) = data["intents"].as_u64().filter(|intents| intents & !KNOWN == 0) else {
            return Err(self.breach(4013, "intents that are none"));
        };
        if self.shared.state().intents_refused {
            return Err(Some(4014));
        }
        if intents & PRIVILEGED != 0 {
            return Err(self.breach(4014, "privileged intents that were not granted"));
        }
        if self.too_soon() {
            self.shared.violation("identify", "twice within five seconds");
            return self.send(&json!({"op": 9, "d": false})).await.ok_or(None);
        }
        let id = format!("{:032x}", rand::random::<u128>());
        let session = Session {
            intents,
            compress: data["compress"] == true,
            sequence: 0,
            sent: VecDeque::new(),
            socket: Some(self.sender.clone()),
        };
        let ready = json!({
            "v": 10, "user": objects::user(BOT_USER), "session_id": id, "shard": [0, 1],
            "guilds": [{"id": GUILD.to_string(), "unavailable": true}],
            "resume_gateway_url": format!("ws://{}", self.shared.socket),
            "application": {"id": APPLICATION.to_string(), "flags": 0}, "private_channels": [],
            "_trace": [],
        });
        let mut state = self.shared.state();
        state.sessions.insert(id.clone(), session);
        if let Some(session) = state.sessions.get_mut(&id) {
            session.dispatch("READY", &ready);
            if intents & GUILDS != 0 {
                session.dispatch("GUILD_CREATE", &objects::guild());
            }
        }
        state.identifies += 1;
        drop(state);
        self.session = Some(id);
        self.shared.changed.notify_waiters();
        Ok(())
    }

    fn too_soon(&self) -> bool {
        let now = Instant::now();
        let mut state = self.shared.state();
        let last = state.last_identify.replace(now);
        self.shared.options.identify_limit
            && last.is_some_and(|last| now.duration_since(last) < IDENTIFY_APART)
    }

    async fn resume(&mut self, data: &Value) -> Result<(), Ended> {
        if !is_token(&data["token"]) {
            return Err(Some(4004));
        }
        let id = data["session_id"].as_str().unwrap_or_default().to_owned();
        let seen = data["seq"].as_u64().unwrap_or_default();
        let resumed = self.take_over(&id, seen);
        match resumed {
            Resumed::Yes => {
                self.session = Some(id);
                self.shared.changed.notify_waiters();
                Ok(())
            }
            Resumed::BadSequence => Err(self.breach(4007, "a sequence number from the future")),
            Resumed::Gone => self.send(&json!({"op": 9, "d": false})).await.ok_or(None),
        }
    }

    /// Connects a waiting session to this socket and sends what it missed.
    fn take_over(&self, id: &str, seen: u64) -> Resumed {
        let mut state = self.shared.state();
        let Some(session) = state.sessions.get_mut(id) else { return Resumed::Gone };
        if seen > session.sequence {
            return Resumed::BadSequence;
        }
        session.socket = Some(self.sender.clone());
        let missed: Vec<Value> = session
            .sent
            .iter()
            .filter(|(number, _)| *number > seen)
            .map(|(_, payload)| payload.clone())
            .collect();
        for payload in missed {
            let frame = encode(&payload, session.compress);
            session.order(Order::Frame(frame));
        }
        session.dispatch("RESUMED", &json!({"_trace": []}));
        state.resumes += 1;
        Resumed::Yes
    }

    async fn end(mut self, code: Ended) {
        if let Some(id) = self.session.take() {
            self.leave(&id);
        }
        self.close(code).await;
    }

    /// The session waits for a RESUME, unless another socket has it already.
    fn leave(&self, id: &str) {
        let mut state = self.shared.state();
        if let Some(session) = state.sessions.get_mut(id)
            && session.socket.as_ref().is_some_and(|socket| socket.same_channel(&self.sender))
        {
            session.socket = None;
        }
        drop(state);
        self.shared.changed.notify_waiters();
    }

    async fn close(&mut self, code: Ended) {
        if let Some(code) = code {
            let frame = CloseFrame { code: code.into(), reason: "".into() };
            // It may be gone already.
            let _ = self.stream.close(Some(frame)).await;
        }
    }
}

enum Resumed {
    Yes,
    BadSequence,
    Gone,
}

/// With and without `Bot `: Discord takes both.
fn is_token(value: &Value) -> bool {
    value.as_str().is_some_and(|token| token.strip_prefix("Bot ").unwrap_or(token) == BOT_TOKEN)
}
