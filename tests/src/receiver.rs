//! Something that is posted to: a phone system, a status page, whoever watches the bot.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::wait::eventually;

/// A running one; stopped when dropped.
pub struct Receiver {
    url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    posts: Mutex<Vec<Post>>,
    status: AtomicU16,
}

/// One post that was taken.
#[derive(Clone, Debug)]
pub struct Post {
    /// The last part of the address.
    pub to: String,
    /// Its JSON.
    pub body: Value,
}

impl Receiver {
    /// Starts one that takes everything.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let router = Router::new().route("/{to}", post(take)).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { url, shared, server }
    }

    /// An address of it.
    #[must_use]
    pub fn url(&self, to: &str) -> String {
        format!("{}/{to}", self.url)
    }

    /// Answers with this status from now on, and takes nothing; 0 takes everything again.
    pub fn answer_with(&self, status: u16) {
        self.shared.status.store(status, Ordering::SeqCst);
    }

    /// Everything that was posted to one address.
    ///
    /// # Panics
    /// Never: nothing panics while holding it.
    #[must_use]
    pub fn posts(&self, to: &str) -> Vec<Value> {
        let posts = self.shared.posts.lock().expect("no code panics while holding it");
        posts.iter().filter(|post| post.to == to).map(|post| post.body.clone()).collect()
    }

    /// Waits until so many were posted to one address.
    pub async fn wait(&self, to: &str, count: usize, limit: Duration) -> Vec<Value> {
        eventually(limit, &format!("{count} posts to {to}"), async || {
            let posts = self.posts(to);
            (posts.len() >= count).then_some(posts)
        })
        .await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(shared): State<Arc<Shared>>, Path(to): Path<String>, body: String) -> StatusCode {
    let status = shared.status.load(Ordering::SeqCst);
    if status != 0 {
        return StatusCode::from_u16(status).expect("a status");
    }
    let body = serde_json::from_str(&body).expect("JSON");
    shared.posts.lock().expect("no code panics while holding it").push(Post { to, body });
    StatusCode::OK
}
