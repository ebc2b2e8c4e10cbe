//! Socket Mode: single-use addresses, `hello`, pings, acknowledgements, at most ten sockets.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};
use tokio_util::sync::CancellationToken;

use super::state::Shared;

/// Slack allows an app ten.
const MOST_SOCKETS: usize = 10;
/// How long an address is good for. Slack documents no number.
const TICKET_LIFE: Duration = Duration::from_secs(30);
const PING_EVERY: Duration = Duration::from_secs(2);

/// The server's hold on one socket.
pub(super) struct Link {
    orders: mpsc::UnboundedSender<Order>,
    /// It was told that it will be closed.
    pub(super) leaving: bool,
}

/// What a socket is to do.
pub(super) enum Order {
    Send(String),
    /// Announce the end, and end after the grace.
    Refresh,
    /// Break off.
    Abort,
    /// Stay open and do nothing any more.
    Freeze,
}

impl Link {
    /// A socket that has just ended takes no orders; whoever waits for it times out.
    pub(super) fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

pub(super) async fn listen(shared: Arc<Shared>, listener: TcpListener, stop: CancellationToken) {
    loop {
        let accepted = stop.run_until_cancelled(listener.accept()).await;
        let Some(Ok((stream, _))) = accepted else { return };
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tokio::spawn(async move { stop.run_until_cancelled(serve(shared, stream)).await });
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    // Both are only about how fast and how abruptly; the socket works without.
    let _ = stream.set_nodelay(true);
    #[expect(clippy::result_large_err, reason = "the type is tungstenite's")]
    let check = |request: &Request, response: Response| admit(&shared, request).map(|()| response);
    let Ok(mut socket) = accept_hdr_async(stream, check).await else { return };
    let refused = {
        let mut state = shared.state();
        let refused = state.refuse_sockets > 0;
        state.refuse_sockets = state.refuse_sockets.saturating_sub(1);
        refused
    };
    if refused {
        let _ = socket.close(None).await;
        return;
    }
    if shared.state().sockets.len() >= MOST_SOCKETS {
        shared.violation("too_many_websockets", "an eleventh socket");
        let goodbye = json!({ "type": "disconnect", "reason": "too_many_websockets" });
        let _ = socket.send(Frame::text(goodbye.to_string())).await;
        return;
    }
    let (orders, inbox) = mpsc::unbounded_channel();
    let (id, count) = {
        let mut state = shared.state();
        let id = state.number();
        (id, state.sockets.len() + 1)
    };
    let hello = json!({
        "type": "hello", "num_connections": count, "connection_info": { "app_id": "A0TEST" },
        "debug_info": { "host": "applink-1", "approximate_connection_time": 18060 },
    });
    if socket.send(Frame::text(hello.to_string())).await.is_ok() {
        shared.state().sockets.insert(id, Link { orders, leaving: false });
        shared.changed.notify_waiters();
        talk(&shared, &mut socket, inbox).await;
    }
    shared.state().sockets.remove(&id);
    shared.changed.notify_waiters();
}

#[expect(clippy::result_large_err, reason = "the type is tungstenite's")]
fn admit(shared: &Shared, request: &Request) -> Result<(), ErrorResponse> {
    let query = request.uri().query().unwrap_or_default();
    let ticket = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "ticket");
    let issued = ticket.and_then(|(_, ticket)| shared.state().tickets.remove(ticket.as_ref()));
    if issued.is_some_and(|at| at.elapsed() < TICKET_LIFE) {
        return Ok(());
    }
    shared.violation("socket_url", "used twice, too old or made up");
    let mut refusal = ErrorResponse::new(None);
    *refusal.status_mut() = http::StatusCode::REQUEST_TIMEOUT;
    Err(refusal)
}

async fn talk(
    shared: &Shared,
    socket: &mut WebSocketStream<TcpStream>,
    mut inbox: mpsc::UnboundedReceiver<Order>,
) {
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut ends: Option<Instant> = None;
    loop {
        let end = ends.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        let sent = tokio::select! {
            order = inbox.recv() => match order {
                Some(Order::Send(text)) => socket.send(Frame::text(text)).await,
                Some(Order::Refresh) => {
                    ends = Some(Instant::now() + shared.options.refresh_grace);
                    let notice = json!({ "type": "disconnect", "reason": "refresh_requested" });
                    socket.send(Frame::text(notice.to_string())).await
                }
                Some(Order::Abort) => {
                    let _ = socket.get_ref().set_zero_linger();
                    return;
                }
                Some(Order::Freeze) => std::future::pending().await,
                None => return,
            },
            frame = socket.next() => match frame {
                Some(Ok(Frame::Text(text))) => {
                    acknowledged(shared, text.as_str());
                    Ok(())
                }
                Some(Ok(Frame::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => Ok(()),
            },
            _ = ping.tick() => socket.send(Frame::Ping(Vec::new().into())).await,
            () = sleep_until(end) => {
                let _ = socket.close(None).await;
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

fn acknowledged(shared: &Shared, text: &str) {
    let Ok(ack) = serde_json::from_str::<Value>(text) else {
        return shared.violation("malformed_ack", text);
    };
    if !ack["payload"].is_null() {
        shared.violation("answer_in_ack", text);
    }
    let id = ack["envelope_id"].as_str().unwrap_or_default();
    let mut state = shared.state();
    match state.pending.get_mut(id) {
        Some(pending) => {
            let latency = pending.sent.elapsed();
            if let Some(waiting) = pending.acknowledged.take() {
                // Whoever sent the envelope may have stopped waiting.
                let _ = waiting.send(latency);
            }
        }
        None => state.violation("unknown_envelope", text),
    }
}
