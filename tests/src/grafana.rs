//! A server that answers as Grafana's API does: its health to everybody, dashboards by uid to whoever has
//! the token, in Grafana's own words.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

/// The service account's token that it takes.
pub const TOKEN: &str = "glsa_e2eonlyAbCdEfGhIjKlMnOpQrStUv_0a1b2c3d";

/// A running one; stopped when dropped.
pub struct Grafana {
    /// Its address.
    pub url: Url,
    server: JoinHandle<()>,
}

impl Grafana {
    /// Starts one that has dashboards of these uids.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(uids: &[&str]) -> Self {
        let uids: Arc<Vec<String>> = Arc::new(uids.iter().map(|uid| (*uid).to_owned()).collect());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound")).parse().expect("an address");
        let health = json!({ "database": "ok", "version": "11.3.0", "commit": "d9455ff7db" });
        let router = Router::new()
            .route("/api/health", get(async move || Json(health)))
            .route("/api/dashboards/uid/{uid}", get(dashboard))
            .with_state(uids);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { url, server }
    }
}

impl Drop for Grafana {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn dashboard(
    State(uids): State<Arc<Vec<String>>>,
    Path(uid): Path<String>,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    let expected = format!("Bearer {TOKEN}");
    if headers.get("authorization").is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
        let body = json!({ "message": "Unauthorized", "messageId": "auth.unauthorized", "statusCode": 401, "traceID": "" });
        return (StatusCode::UNAUTHORIZED, Json(body));
    }
    if !uids.contains(&uid) {
        return (StatusCode::NOT_FOUND, Json(json!({ "message": "Dashboard not found", "traceID": "" })));
    }
    let body =
        json!({ "meta": { "type": "db" }, "dashboard": { "id": 1, "uid": uid, "title": uid, "panels": [] } });
    (StatusCode::OK, Json(body))
}
