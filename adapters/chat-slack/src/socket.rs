//! Socket Mode: two sockets at all times, each kept up by a lane of its own.
//!
//! A lane opens the next socket before it gives up the one that Slack is about to close, opens
//! another at once when one turns out dead, and waits longer and longer when Slack takes sockets and
//! closes them again. slack-morphism's own loop is not used: it handles deliveries inside the
//! reader, so that a slow or panicking one stops all that come after it, drops the old socket with
//! what is still in it, and neither times out nor backs off.

mod backoff;
mod connection;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use commands::message::{ChatEvent, Liveness, Receipt};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Shared;
use crate::error::{CallError, SlackError};
use backoff::Backoff;
use connection::{Connection, Ending};

/// Slack sends a payload to any one of an app's sockets, so a second one bridges a break of the first.
const LANES: usize = 2;
/// What a stop waits for acknowledgements that are under way.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// How many sockets are open, and why none is.
#[derive(Debug)]
pub(crate) struct Sockets {
    open: AtomicUsize,
    trouble: Mutex<String>,
}

impl Default for Sockets {
    fn default() -> Self {
        Self { open: AtomicUsize::new(0), trouble: Mutex::new("not connected yet".to_owned()) }
    }
}

impl Sockets {
    pub(crate) fn liveness(&self) -> Liveness {
        if self.open.load(Ordering::Relaxed) > 0 {
            return Liveness::Live;
        }
        Liveness::Down(self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn note(&self, trouble: &str) {
        trouble.clone_into(&mut self.trouble.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!("acgs_sockets_open", "platform" => "slack").increment(1);
    }

    fn closed(&self, why: &str) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("acgs_sockets_open", "platform" => "slack").decrement(1);
        self.note(why);
    }
}

/// What a lane and its connections share.
struct Lane<R> {
    shared: Arc<Shared>,
    receive: R,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Runs until `stop`, or until Slack refuses the app token before any socket was open.
pub(crate) async fn serve<R, F>(
    shared: Arc<Shared>,
    receive: R,
    stop: CancellationToken,
) -> Result<(), SlackError>
where
    R: Fn(ChatEvent) -> F + Send + Sync + 'static,
    F: Future<Output = Option<Receipt>> + Send + 'static,
{
    // A child, so that an early refusal stops the other lane and nothing of the caller's.
    let stop = stop.child_token();
    let _stop_on_drop = stop.clone().drop_guard();
    let lane = Arc::new(Lane { shared, receive, stop: stop.clone(), tasks: TaskTracker::new() });
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        lanes.spawn(keep(Arc::clone(&lane)));
    }
    let mut outcome = Ok(());
    while let Some(ended) = lanes.join_next().await {
        let ended = ended.unwrap_or_else(|_| Err(SlackError::Unreachable("a socket's task died".to_owned())));
        if ended.is_err() {
            outcome = ended;
            stop.cancel();
        }
    }
    lane.tasks.close();
    // What is not acknowledged by then is sent again by Slack.
    let _ = tokio::time::timeout(STOP_GRACE, lane.tasks.wait()).await;
    outcome
}

/// Keeps one socket open.
async fn keep<R, F>(lane: Arc<Lane<R>>) -> Result<(), SlackError>
where
    R: Fn(ChatEvent) -> F + Send + Sync + 'static,
    F: Future<Output = Option<Receipt>> + Send + 'static,
{
    let mut backoff = Backoff::default();
    // Slack has announced its end; it is read until the next one is open.
    let mut leaving: Option<Connection> = None;
    let mut opened_before = false;
    while let Some(opening) = lane.stop.run_until_cancelled(open(&lane)).await {
        let pause = match opening {
            Ok(mut connection) => {
                if opened_before {
                    metrics::counter!("acgs_socket_reconnects_total", "platform" => "slack").increment(1);
                }
                opened_before = true;
                // Given up only now: what Slack has put into it is still read.
                drop(leaving.take());
                let since = Instant::now();
                let ending = connection.ending().await;
                tracing::info!(%ending, "a Slack socket ends");
                if ending == Ending::Announced {
                    leaving = Some(connection);
                    backoff.after_announcement(since.elapsed())
                } else {
                    backoff.after_break(since.elapsed())
                }
            }
            Err(failure) => {
                lane.shared.sockets.note(&failure.to_string());
                let ever_worked = opened_before || lane.shared.sockets.liveness() == Liveness::Live;
                if failure.is_about_token() && !ever_worked {
                    return Err(failure.about("app token"));
                }
                tracing::warn!(error = %failure, "a Slack socket could not be opened");
                backoff.after_failure(failure.retry_after())
            }
        };
        if lane.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            break;
        }
    }
    Ok(())
}

async fn open<R, F>(lane: &Arc<Lane<R>>) -> Result<Connection, CallError>
where
    R: Fn(ChatEvent) -> F + Send + Sync + 'static,
    F: Future<Output = Option<Receipt>> + Send + 'static,
{
    let url = lane.shared.api.open_socket_url().await?;
    Connection::open(lane, &url).await
}
