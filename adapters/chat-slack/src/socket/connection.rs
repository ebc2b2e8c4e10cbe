//! One socket: reads envelopes, starts a task for each, writes their acknowledgements, and notices
//! when nobody is at the other end any more.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use commands::message::{ChatEvent, Receipt};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Lane;
use crate::deliver::{Verdict, deliver, malformed};
use crate::error::CallError;
use crate::inbound::{self, PayloadKind};

/// For the connection, the handshake and Slack's `hello` together.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(4);
/// Two pings of ours unanswered, and none of Slack's either.
const SILENCE_LIMIT: Duration = Duration::from_secs(9);
/// How long the old socket is read after the new one is up.
const DRAIN: Duration = Duration::from_secs(10);
/// How long the last acknowledgements may take.
const LAST_ACKS: Duration = Duration::from_secs(2);
/// The largest payload is a click with the message that it was on: some 200 kB by Block Kit's limits.
const MESSAGE_LIMIT: usize = 1024 * 1024;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A lane's hold on a socket that is read by a task of its own.
pub(super) struct Connection {
    phase: watch::Receiver<Phase>,
    drain: CancellationToken,
}

/// How far a socket is.
#[derive(Clone, Debug)]
enum Phase {
    Connecting,
    Open,
    Ended(Ending),
}

/// Why a lane needs another socket, or none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Slack will close it soon and said so.
    Announced,
    /// Slack does not want it: too many sockets, Socket Mode off.
    Unwanted(String),
    /// Closed or broken.
    Closed(String),
    /// Nothing came back for too long.
    Silent,
    /// We stop.
    Stopped,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Announced => f.write_str("Slack will close the socket"),
            Self::Unwanted(reason) if reason == "link_disabled" => {
                f.write_str("Socket Mode is off: switch it on on the app's page")
            }
            Self::Unwanted(reason) => write!(f, "Slack does not want the socket: {reason}"),
            Self::Closed(why) => write!(f, "the socket closed: {why}"),
            Self::Silent => write!(f, "nothing came from Slack for {SILENCE_LIMIT:?}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl Connection {
    /// Connects and waits for Slack's `hello`.
    pub(super) async fn open<R, F>(lane: &Arc<Lane<R>>, url: &Url) -> Result<Self, CallError>
    where
        R: Fn(ChatEvent) -> F + Send + Sync + 'static,
        F: Future<Output = Option<Receipt>> + Send + 'static,
    {
        let deadline = Instant::now() + OPEN_TIMEOUT;
        let late = |_| CallError::NotReached(format!("no socket within {OPEN_TIMEOUT:?}"));
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_LIMIT))
            .max_frame_size(Some(MESSAGE_LIMIT))
            .read_buffer_size(16 * 1024)
            .write_buffer_size(4 * 1024);
        // The address holds a ticket, so errors are told without it.
        let connecting = connect_async_with_config(url.as_str(), Some(config), true);
        let (socket, _) =
            timeout_at(deadline, connecting).await.map_err(late)?.map_err(|error| socket_error(&error))?;
        let (phase_sender, phase) = watch::channel(Phase::Connecting);
        let mut connection = Self { phase, drain: CancellationToken::new() };
        let reader = Reader {
            lane: Arc::clone(lane),
            socket,
            phase: phase_sender,
            drain: connection.drain.clone(),
            heard: Instant::now(),
        };
        lane.tasks.spawn(reader.run());
        let known = connection.phase.wait_for(|phase| !matches!(phase, Phase::Connecting));
        let ended = match timeout_at(deadline, known).await.map_err(late)?.as_deref() {
            Ok(Phase::Ended(Ending::Announced) | Phase::Connecting | Phase::Open) => None,
            Ok(Phase::Ended(ending)) => Some(ending.to_string()),
            Err(_) => Some("the reader ended".to_owned()),
        };
        ended.map_or(Ok(connection), |why| Err(CallError::NotReached(why)))
    }

    /// Waits until the lane needs another socket.
    pub(super) async fn ending(&mut self) -> Ending {
        match self.phase.wait_for(|phase| matches!(phase, Phase::Ended(_))).await.as_deref() {
            Ok(Phase::Ended(ending)) => ending.clone(),
            Ok(Phase::Connecting | Phase::Open) | Err(_) => Ending::Closed("the reader ended".to_owned()),
        }
    }
}

impl Drop for Connection {
    /// Nobody needs it any more: what is still in it is read for a while, then it is closed.
    fn drop(&mut self) {
        self.drain.cancel();
    }
}

fn socket_error(error: &WsError) -> CallError {
    match error {
        WsError::Http(answer) => {
            CallError::NotReached(format!("the socket answered HTTP {}", answer.status().as_u16()))
        }
        WsError::Io(error) => CallError::NotReached(format!("no socket: {}", error.kind())),
        _ => CallError::NotReached("the socket's handshake failed".to_owned()),
    }
}

/// An acknowledgement on its way, and when its envelope came.
struct Ack {
    envelope_id: String,
    since: Instant,
}

/// The task that owns the socket.
struct Reader<R> {
    lane: Arc<Lane<R>>,
    socket: Socket,
    phase: watch::Sender<Phase>,
    drain: CancellationToken,
    /// When anything last came.
    heard: Instant,
}

impl<R, F> Reader<R>
where
    R: Fn(ChatEvent) -> F + Send + Sync + 'static,
    F: Future<Output = Option<Receipt>> + Send + 'static,
{
    async fn run(mut self) {
        // Unbounded, since what waits in it is bounded by the envelopes that Slack sent.
        let (acks, mut waiting) = mpsc::unbounded_channel();
        let ending = self.read(&acks, &mut waiting).await;
        let was_open = !matches!(*self.phase.borrow(), Phase::Connecting);
        self.end(ending.clone());
        // The tasks under way hold senders; once they are through, the channel ends.
        drop(acks);
        if matches!(ending, Ending::Stopped | Ending::Announced) {
            let last = async {
                while let Some(ack) = waiting.recv().await {
                    if self.acknowledge(ack, &mut waiting).await.is_break() {
                        break;
                    }
                }
                // The peer may be gone already; then there is nothing to say goodbye to.
                let _ = self.socket.close(None).await;
            };
            // What is not written by then is sent again by Slack.
            let _ = timeout(LAST_ACKS, last).await;
        }
        if was_open {
            self.lane.shared.sockets.closed(&ending.to_string());
        }
    }

    /// Reads until the socket is of no more use.
    async fn read(
        &mut self,
        acks: &mpsc::UnboundedSender<Ack>,
        waiting: &mut mpsc::UnboundedReceiver<Ack>,
    ) -> Ending {
        let mut ping = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (stop, drain) = (self.lane.stop.clone(), self.drain.clone());
        let drained = async {
            drain.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::pin!(drained);
        loop {
            let silent = self.heard + SILENCE_LIMIT;
            let step = tokio::select! {
                frame = self.socket.next() => self.frame(frame, acks),
                Some(ack) = waiting.recv() => self.acknowledge(ack, waiting).await,
                _ = ping.tick() => self.write(Message::Ping(Vec::new().into())).await,
                () = tokio::time::sleep_until(silent) => ControlFlow::Break(Ending::Silent),
                () = &mut drained => ControlFlow::Break(Ending::Announced),
                () = stop.cancelled() => ControlFlow::Break(Ending::Stopped),
            };
            if let ControlFlow::Break(ending) = step {
                return ending;
            }
        }
    }

    fn frame(
        &mut self,
        frame: Option<Result<Message, WsError>>,
        acks: &mpsc::UnboundedSender<Ack>,
    ) -> ControlFlow<Ending> {
        self.heard = Instant::now();
        match frame {
            Some(Ok(Message::Text(text))) => self.envelope(&text, acks),
            Some(Ok(Message::Binary(_))) => {
                malformed("a binary frame");
                ControlFlow::Continue(())
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => ControlFlow::Continue(()),
            Some(Ok(Message::Close(_))) | None => ControlFlow::Break(Ending::Closed("by Slack".to_owned())),
            Some(Err(error)) => {
                if matches!(error, WsError::Capacity(_) | WsError::Utf8(_) | WsError::Protocol(_)) {
                    malformed("a frame that is too large or broken");
                }
                ControlFlow::Break(Ending::Closed("broken".to_owned()))
            }
        }
    }

    fn envelope(&mut self, text: &Utf8Bytes, acks: &mpsc::UnboundedSender<Ack>) -> ControlFlow<Ending> {
        let Ok(mut envelope) = inbound::parse(text.as_str()) else {
            malformed("a frame that is not JSON");
            return ControlFlow::Continue(());
        };
        let kind = match envelope.get("type").and_then(Value::as_str) {
            Some("disconnect") => return self.disconnect(&envelope),
            Some("slash_commands") => Some(PayloadKind::Command),
            Some("interactive") => Some(PayloadKind::Interaction),
            Some("events_api") => Some(PayloadKind::Event),
            _ => None,
        };
        self.opened();
        let id = envelope.get("envelope_id").and_then(Value::as_str).map(str::to_owned);
        let payload = envelope.get_mut("payload").map(Value::take).unwrap_or_default();
        match (id, kind) {
            (Some(id), Some(kind)) => self.start(kind, payload, id, acks.clone()),
            // Something new of Slack's: it wants an acknowledgement, and we want nothing of it.
            (Some(id), None) => {
                // The receiver lives as long as this reader.
                let _ = acks.send(Ack { envelope_id: id, since: self.heard });
            }
            (None, Some(_)) => malformed("an envelope without an id"),
            (None, None) => {}
        }
        ControlFlow::Continue(())
    }

    /// Each delivery is a task of its own, so that none waits for or dies with another.
    fn start(&self, kind: PayloadKind, payload: Value, id: String, acks: mpsc::UnboundedSender<Ack>) {
        let lane = Arc::clone(&self.lane);
        let since = self.heard;
        self.lane.tasks.spawn(async move {
            let verdict = deliver(&lane.shared, kind, &payload, &id, &lane.receive).await;
            if verdict == Verdict::Acknowledge {
                // If the socket is gone, Slack sends the event again and it is then a repeat.
                let _ = acks.send(Ack { envelope_id: id, since });
            }
        });
    }

    fn disconnect(&mut self, envelope: &Value) -> ControlFlow<Ending> {
        match envelope.get("reason").and_then(Value::as_str).unwrap_or("no reason given") {
            reason @ ("too_many_websockets" | "link_disabled") => {
                ControlFlow::Break(Ending::Unwanted(reason.to_owned()))
            }
            // "warning", "refresh_requested" and whatever else: the socket goes on for a while.
            _ => {
                self.opened();
                self.end(Ending::Announced);
                ControlFlow::Continue(())
            }
        }
    }

    fn opened(&self) {
        let first = self.phase.send_if_modified(|phase| {
            let first = matches!(phase, Phase::Connecting);
            if first {
                *phase = Phase::Open;
            }
            first
        });
        if first {
            self.lane.shared.sockets.opened();
        }
    }

    /// Tells the lane, once.
    fn end(&self, ending: Ending) {
        self.phase.send_if_modified(|phase| {
            let first = !matches!(phase, Phase::Ended(_));
            if first {
                *phase = Phase::Ended(ending);
            }
            first
        });
    }

    /// Writes this acknowledgement and all others that wait, then flushes once.
    async fn acknowledge(
        &mut self,
        ack: Ack,
        waiting: &mut mpsc::UnboundedReceiver<Ack>,
    ) -> ControlFlow<Ending> {
        let mut written = Vec::new();
        let mut next = Some(ack);
        while let Some(ack) = next {
            let text = json!({ "envelope_id": ack.envelope_id }).to_string();
            self.feed(Message::text(text)).await?;
            written.push(ack.since);
            next = waiting.try_recv().ok();
        }
        self.flush().await?;
        for since in written {
            metrics::histogram!("acgs_ack_seconds", "platform" => "slack")
                .record(since.elapsed().as_secs_f64());
        }
        ControlFlow::Continue(())
    }

    async fn write(&mut self, message: Message) -> ControlFlow<Ending> {
        self.feed(message).await?;
        self.flush().await
    }

    /// A peer that reads nothing must not stop us from noticing that it says nothing.
    async fn feed(&mut self, message: Message) -> ControlFlow<Ending> {
        written(&timeout_at(self.heard + SILENCE_LIMIT, self.socket.feed(message)).await)
    }

    async fn flush(&mut self) -> ControlFlow<Ending> {
        written(&timeout_at(self.heard + SILENCE_LIMIT, self.socket.flush()).await)
    }
}

fn written(outcome: &Result<Result<(), WsError>, tokio::time::error::Elapsed>) -> ControlFlow<Ending> {
    match outcome {
        Ok(Ok(())) => ControlFlow::Continue(()),
        Ok(Err(_)) => ControlFlow::Break(Ending::Closed("broken while writing".to_owned())),
        Err(_) => ControlFlow::Break(Ending::Silent),
    }
}
