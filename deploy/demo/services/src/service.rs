//! One service: its routes, and what its faults do to them.
//!
//! Every path is relative, so that the router can be nested below a path of another program.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::stream;
use secrecy::SecretString;
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::watch;

use crate::faults::{FaultError, Faults, Order};
use crate::login;
use crate::telemetry::Telemetry;

/// A database that takes longer to answer `SELECT 1` makes the service unhealthy.
const DATABASE_PATIENCE: Duration = Duration::from_secs(2);
/// Between two bytes of a dripping answer.
const DRIP: Duration = Duration::from_millis(500);
/// Endpoints that metrics name; all others are `other`, so that a stranger can't add series.
const ENDPOINTS: [&str; 5] = ["/health", "/metrics", "/api/ping", "/auth/login", "/auth/verify"];
const SICK: &str = "/_sick";

/// What a service is made of.
#[derive(Debug)]
pub struct Service {
    /// As in `/health` and in the label `service` of every metric.
    pub name: String,
    /// As in `/health`.
    pub version: String,
    /// Signs tokens. A service without one has no `/auth` paths.
    pub token_key: Option<SecretString>,
    /// Asked by `/health` and by logins. `None` is a service that needs no database.
    pub database: Option<PgPool>,
    /// The faults it starts with.
    pub faults: Faults,
}

/// A service ready to be served.
#[derive(Debug)]
pub struct Running {
    /// To serve by itself or nested.
    pub router: Router,
    faults: watch::Receiver<Faults>,
}

pub(crate) struct App {
    name: String,
    version: String,
    pub(crate) token_key: Option<SecretString>,
    pub(crate) database: Option<PgPool>,
    pub(crate) telemetry: Telemetry,
    faults: watch::Sender<Faults>,
    /// Hundredths of a failed answer that are owed by `err_pct`.
    owed: AtomicU64,
    leaked: Mutex<Vec<u8>>,
}

impl Service {
    /// A healthy service with no database and no logins, to be mounted in a process of another kind.
    #[must_use]
    pub fn sandbox(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            token_key: None,
            database: None,
            faults: Faults::default(),
        }
    }

    /// Its routes, with the switches at `/_sick`.
    #[must_use]
    pub fn run(self) -> Running {
        let (sender, receiver) = watch::channel(self.faults);
        let app = Arc::new(App {
            telemetry: Telemetry::new(&self.name),
            name: self.name,
            version: self.version,
            token_key: self.token_key,
            database: self.database,
            leaked: Mutex::new(Vec::new()),
            owed: AtomicU64::new(0),
            faults: sender,
        });
        app.hold_memory();
        Running { router: routes(app), faults: receiver }
    }
}

impl Running {
    /// Returns when the service has been told to crash. A program that is one service exits then;
    /// until it does, and in a program that is more than that, connections are closed unanswered.
    pub async fn crashed(&mut self) {
        // The sender lives in the router; without it nobody can order a crash any more.
        if self.faults.wait_for(|faults| faults.crash).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn routes(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/api/ping", get(|| async { Json(json!({ "pong": true })) }));
    if app.token_key.is_some() {
        router = router.merge(login::routes());
    }
    router
        .fallback(|| async { (StatusCode::NOT_FOUND, Json(json!({ "detail": "Not Found" }))) })
        .layer(from_fn_with_state(app.clone(), afflict))
        .layer(from_fn_with_state(app.clone(), count))
        .route(SICK, get(show).post(order))
        .with_state(app)
}

async fn health(State(app): State<Arc<App>>) -> Response {
    let faults = app.faults.borrow().clone();
    if faults.html {
        return Html("<!doctype html><title>Welcome</title><h1>It works!</h1>").into_response();
    }
    if faults.redirect {
        // Relative, because the service may be nested.
        return (StatusCode::FOUND, [(header::LOCATION, "api/ping")]).into_response();
    }
    let database = app.database_state().await;
    let healthy = !faults.down && database != "unreachable";
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if healthy { "healthy" } else { "unhealthy" };
    let answer = json!({ "status": word, "service": app.name, "version": app.version, "database": database });
    if faults.drip { dripping(status, &answer) } else { (status, Json(answer)).into_response() }
}

fn dripping(status: StatusCode, answer: &serde_json::Value) -> Response {
    let bytes = answer.to_string().into_bytes().into_iter();
    let body = Body::from_stream(stream::unfold(bytes, |mut bytes| async {
        let next = bytes.next()?;
        tokio::time::sleep(DRIP).await;
        Some((Ok::<_, Infallible>(Bytes::from(vec![next])), bytes))
    }));
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.telemetry.page().await).into_response()
}

async fn show(State(app): State<Arc<App>>) -> Json<Faults> {
    Json(app.faults.borrow().clone())
}

async fn order(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    match app.obey(query.as_deref().unwrap_or_default()) {
        Ok(faults) => Json(faults).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "detail": error.to_string() }))).into_response(),
    }
}

/// Counts every answer, also those that a fault made.
async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let endpoint = ENDPOINTS.into_iter().find(|known| *known == path).unwrap_or("other");
    let method = request.method().clone();
    let began = Instant::now();
    let response = next.run(request).await;
    app.telemetry.request(method.as_str(), endpoint, response.status(), began.elapsed());
    response
}

/// The faults that strike whatever is asked.
async fn afflict(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let metrics = request.uri().path() == "/metrics";
    let health = request.uri().path() == "/health";
    app.while_hung().await;
    let faults = app.faults.borrow().clone();
    if faults.crash {
        return hung_up();
    }
    if !metrics {
        tokio::time::sleep(Duration::from_millis(faults.slow_ms)).await;
    }
    if !metrics && !health && app.owes_an_error(faults.err_pct) {
        tracing::error!("fault switch: internal server error");
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "detail": "Internal Server Error" })))
            .into_response();
    }
    next.run(request).await
}

/// A body that fails before its first byte: the server drops the connection with nothing sent.
fn hung_up() -> Response {
    let cut = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
    Response::new(Body::from_stream(stream::once(async { Err::<Bytes, _>(cut) })))
}

impl App {
    fn obey(&self, words: &str) -> Result<Faults, FaultError> {
        let order = Order::parse(words)?;
        let next = self.faults.borrow().after(&order)?;
        self.faults.send_replace(next.clone());
        self.hold_memory();
        self.suffer_attacks(order.attacks());
        tracing::warn!(service = self.name, "fault switches: {words}");
        Ok(next)
    }

    async fn while_hung(&self) {
        let mut faults = self.faults.subscribe();
        // The sender is `self`, so the wait can't fail.
        let _ = faults.wait_for(|faults| !faults.hang).await;
    }

    /// Spreads the failures evenly, so that a test needs no luck: 60 % fails three of every five.
    fn owes_an_error(&self, err_pct: u64) -> bool {
        let before = self.owed.fetch_add(err_pct, Ordering::Relaxed);
        (before + err_pct) / 100 > before / 100
    }

    fn hold_memory(&self) {
        let bytes = self.faults.borrow().leak_mb * 1024 * 1024;
        // Written to, because untouched pages are not resident.
        *self.leaked.lock().unwrap_or_else(PoisonError::into_inner) = vec![1; bytes];
    }

    fn suffer_attacks(&self, count: u64) {
        self.telemetry.security_events("high", count);
        for _ in 0..count {
            tracing::warn!("SECURITY attack: suspicious request from 203.0.113.9");
        }
    }

    async fn database_state(&self) -> &'static str {
        let Some(database) = &self.database else { return "none" };
        let asked = sqlx::query("SELECT 1").execute(database);
        match tokio::time::timeout(DATABASE_PATIENCE, asked).await {
            Ok(Ok(_)) => "ok",
            Ok(Err(error)) => {
                tracing::error!("database: {error}");
                "unreachable"
            }
            Err(_) => {
                tracing::error!("database: no answer in {DATABASE_PATIENCE:?}");
                "unreachable"
            }
        }
    }
}

#[cfg(test)]
mod tests;
