//! One listening socket of the bot: HTTP/1.1 with limits on what a client may hold or send.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener as Accept;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections at once; the next ones wait to be accepted.
const CONNECTIONS: usize = 512;
/// From a connection's start, or its last answer, to the end of the next request's headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// A request's line and headers together.
const HEADERS_LIMIT: usize = 64 * 1024;

/// A bound socket and what answers there.
pub struct Listener {
    /// In logs and metrics: `http` or `web`.
    pub name: &'static str,
    /// The socket.
    pub socket: TcpListener,
    /// What answers.
    pub router: Router,
}

impl Listener {
    /// Answers until `stop`, then finishes the requests under way.
    pub async fn serve(mut self, stop: CancellationToken) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(HEADERS_LIMIT);
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        let under_way = GracefulShutdown::new();
        // Dropped with this future, and every connection with it.
        let mut connections = JoinSet::new();
        loop {
            let accepted = async {
                let seat = Arc::clone(&free).acquire_owned().await;
                // The trait's own, which goes on after a connection that failed, or when no file is to be had.
                (seat, Accept::accept(&mut self.socket).await)
            };
            let (seat, (stream, _)) = tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = accepted => accepted,
            };
            let service = TowerToHyperService::new(self.router.clone());
            let connection = under_way.watch(http.serve_connection(TokioIo::new(stream), service));
            let listener = self.name;
            connections.spawn(async move {
                if let Err(error) = connection.await {
                    ended(listener, &error);
                }
                drop(seat);
            });
        }
        under_way.shutdown().await;
    }
}

/// What the HTTP library has refused never reaches a handler.
fn ended(listener: &'static str, error: &hyper::Error) {
    let reason = if error.is_parse_too_large() {
        "too_large"
    } else if error.is_parse() {
        "malformed"
    } else {
        // The client has gone, or rested for too long.
        tracing::trace!(listener, %error, "connection ended");
        return;
    };
    tracing::debug!(listener, %error, "request refused");
    metrics::counter!("acgs_http_refused_total", "listener" => listener, "reason" => reason).increment(1);
}
