//! The other way in: Slack posts to us. Every request is held to its signature over the raw body
//! before a byte of it is parsed; what was accepted once is not accepted again.

mod signature;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use commands::message::{ChatEvent, Receipt};
use secrecy::SecretString;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::Shared;
use crate::deliver::{Verdict, deliver, malformed};
use crate::inbound::{self, PayloadKind};
use signature::{Mac, Replays, verify};

/// The largest payload is a click with the message that it was on: some 200 kB by Block Kit's limits.
const BODY_LIMIT: usize = 1024 * 1024;
/// Slack sends its body at once; a slow drip is not Slack.
const BODY_TIMEOUT: Duration = Duration::from_secs(3);

/// What the three routes share.
struct Ears<R> {
    shared: Arc<Shared>,
    secret: SecretString,
    replays: Mutex<Replays>,
    receive: R,
}

pub(crate) fn router<R, F>(shared: Arc<Shared>, secret: SecretString, receive: R) -> Router
where
    R: Fn(ChatEvent) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Receipt>> + Send + 'static,
{
    let ears = Arc::new(Ears { shared, secret, replays: Mutex::default(), receive });
    let route = |kind| {
        let ears = Arc::clone(&ears);
        post(move |request: Request| async move { ears.hear(kind, request).await })
    };
    Router::new()
        .route("/slack/commands", route(PayloadKind::Command))
        .route("/slack/interactions", route(PayloadKind::Interaction))
        .route("/slack/events", route(PayloadKind::Event))
}

impl<R, F> Ears<R>
where
    R: Fn(ChatEvent) -> F + Send + Sync + 'static,
    F: Future<Output = Option<Receipt>> + Send + 'static,
{
    async fn hear(&self, kind: PayloadKind, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let body = match read_body(body).await {
            Ok(body) => body,
            Err(status) => return refuse(status, "body"),
        };
        let now = (self.shared.now)();
        let mac = match verify(&self.secret, &head.headers, &body, now) {
            Ok(mac) => mac,
            Err(reason) => return refuse(StatusCode::UNAUTHORIZED, reason),
        };
        if !self.replays().admit(mac, now) {
            return refuse(StatusCode::UNAUTHORIZED, "replay");
        }
        let answer = self.answer(kind, &head.headers, &body, mac).await;
        if answer.status().is_server_error() {
            // Slack may send the very same request again, and this time it may work.
            self.replays().forget(&mac);
        }
        answer
    }

    async fn answer(&self, kind: PayloadKind, headers: &HeaderMap, body: &Bytes, mac: Mac) -> Response {
        let Some(payload) = parse(kind, body) else {
            malformed("a signed body that is not what Slack sends");
            return StatusCode::BAD_REQUEST.into_response();
        };
        if payload.get("type").and_then(Value::as_str) == Some("url_verification") {
            let challenge = payload.get("challenge").and_then(Value::as_str).unwrap_or_default();
            return challenge.to_owned().into_response();
        }
        // Sent now and then to check our certificate; not a command.
        if payload.get("ssl_check").is_some() {
            return StatusCode::OK.into_response();
        }
        if let Some(retry) = headers.get("x-slack-retry-num") {
            tracing::info!(?retry, "Slack sends an event again");
        }
        let verdict = deliver(&self.shared, kind, &payload, &hex::encode(mac), &self.receive).await;
        match verdict {
            Verdict::Acknowledge => StatusCode::OK.into_response(),
            Verdict::Leave => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    fn replays(&self) -> std::sync::MutexGuard<'_, Replays> {
        self.replays.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read_body(body: Body) -> Result<Bytes, StatusCode> {
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_LIMIT)).await;
    read.map_err(|_| StatusCode::REQUEST_TIMEOUT)?.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)
}

fn refuse(status: StatusCode, reason: &'static str) -> Response {
    metrics::counter!("acgs_http_refused_total", "listener" => "slack", "reason" => reason).increment(1);
    status.into_response()
}

/// Commands come as a form, clicks as a form with one field of JSON, events as JSON.
fn parse(kind: PayloadKind, body: &Bytes) -> Option<Value> {
    match kind {
        PayloadKind::Command => {
            let fields = form_urlencoded::parse(body).map(|(key, value)| (key.into_owned(), value.into()));
            Some(Value::Object(fields.collect::<Map<_, _>>()))
        }
        PayloadKind::Interaction => {
            let (_, payload) = form_urlencoded::parse(body).find(|(key, _)| key == "payload")?;
            inbound::parse(&payload).ok()
        }
        PayloadKind::Event => inbound::parse(&String::from_utf8_lossy(body)).ok(),
    }
}

#[cfg(test)]
mod tests;
