//! The bot's own HTTP: `/healthz`, `/readyz`, `/metrics`, and Slack's webhooks in HTTP mode.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use commands::ids::Platform;
use commands::message::Liveness;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::chat::Chat;
use crate::replica::{Duty, Replica};

/// The sender looks every few seconds; silence for longer than this means that it hangs.
const SENDER_SILENT: Duration = Duration::from_secs(20);
/// The store must answer a write in this time to count as ready.
const STORE_DEADLINE: Duration = Duration::from_secs(2);
/// Upper bounds of every latency histogram, in seconds.
const BUCKETS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0,
];

/// Installs the process's one recorder of metrics.
pub fn install_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new().set_buckets(BUCKETS)?.install_recorder()?;
    describe();
    begin_at_zero();
    Ok(handle)
}

/// A counter that is not there before its first event hides that one from `increase`.
fn begin_at_zero() {
    for name in [
        "acgs_panics_total",
        "acgs_escalation_unstored_total",
        "acgs_messages_put_off_total",
        "acgs_gateway_gaps_total",
        "acgs_gateway_gap_seconds_total",
        "acgs_gateway_stuck_total",
        "acgs_gateway_readback_failures_total",
        "acgs_discord_invalid_requests_total",
    ] {
        metrics::counter!(name).increment(0);
    }
    for platform in [Platform::Slack, Platform::Discord, Platform::Web] {
        let platform = platform.as_str();
        for name in ["acgs_messages_refused_total", "acgs_messages_barred_total"] {
            metrics::counter!(name, "platform" => platform).increment(0);
        }
        metrics::counter!("acgs_deliveries_total", "platform" => platform, "kind" => "not_stored")
            .increment(0);
        metrics::counter!("acgs_malformed_deliveries_total", "platform" => platform).increment(0);
    }
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("acgs_commands_total", "Commands answered, by verb, outcome and platform.");
    describe_counter!("acgs_deliveries_total", "Deliveries from chat platforms: new, repeat or not stored.");
    describe_counter!(
        "acgs_messages_refused_total",
        "Messages given up: a platform refused them for good, or took none for a day."
    );
    describe_counter!(
        "acgs_messages_barred_total",
        "Tries that a platform did not let through: a token, a scope or a right is to be mended."
    );
    describe_counter!(
        "acgs_messages_put_off_total",
        "Messages stored again for later: a limit, or a platform not reached."
    );
    describe_counter!("acgs_rate_limited_total", "429 answers, by platform and method.");
    describe_counter!("acgs_socket_reconnects_total", "Sockets to a platform opened anew.");
    describe_counter!(
        "acgs_gateway_gaps_total",
        "Discord sessions begun anew: clicks and slash commands of the gap are lost on Discord's side."
    );
    describe_counter!(
        "acgs_gateway_gap_seconds_total",
        "Seconds without a Discord session before a new one."
    );
    describe_counter!("acgs_gateway_stuck_total", "Discord connections that hung and were replaced.");
    describe_counter!(
        "acgs_gateway_readback_failures_total",
        "Failed tries to read missed messages back; each is tried again."
    );
    describe_counter!(
        "acgs_discord_invalid_requests_total",
        "401, 403 and 429 answers; Discord bans at 10,000 in 10 minutes."
    );
    describe_counter!(
        "acgs_malformed_deliveries_total",
        "Deliveries that did not fit the platform's own model."
    );
    describe_counter!("acgs_panics_total", "Commands that panicked; each was answered with its run id.");
    describe_counter!("acgs_probe_results_total", "Health probes by service and result.");
    describe_counter!(
        "acgs_http_refused_total",
        "Malformed or oversized requests refused, by listener and reason."
    );
    describe_histogram!("acgs_ack_seconds", "From an event's arrival to its acknowledgement, by platform.");
    describe_histogram!("acgs_answer_seconds", "From a command's start to its stored answer, by verb.");
    describe_histogram!("acgs_outbox_seconds", "From storing a message to its being posted, by platform.");
    describe_histogram!("acgs_store_seconds", "Writes to the store, by step.");
    describe_histogram!("acgs_probe_seconds", "Health probes, by service.");
    describe_counter!(
        "acgs_alerts_total",
        "Notifications of Alertmanager: new, repeat, refused or malformed."
    );
    describe_counter!("acgs_webhooks_refused_total", "Posts to configured addresses that were given up.");
    describe_histogram!(
        "acgs_escalation_late_seconds",
        "From when an incident owed something to its being stored."
    );
    describe_counter!(
        "acgs_escalation_unstored_total",
        "What incidents owed and was told while the store took no writes."
    );
    describe_gauge!("acgs_escalation_punctual", "1 while nothing is owed for more than 10 s.");
    describe_gauge!("acgs_outbox_waiting", "Messages stored and not sent yet.");
    describe_gauge!("acgs_outbox_dead", "Messages given up.");
    describe_gauge!("acgs_discord_commands_registered", "1 when Discord has the slash commands.");
    describe_counter!("acgs_lease_changes_total", "Leases that this replica took or lost.");
    describe_gauge!("acgs_lease_held", "1 while this replica holds the lease.");
    describe_gauge!(
        "acgs_replicas",
        "Replicas on the same store that this one knows to be there, itself too."
    );
    describe_histogram!("acgs_lease_renewal_seconds", "Renewals of this replica's leases.");
    describe_gauge!("acgs_ready", "1 when /readyz says ready.");
}

/// What the probes look at.
#[derive(Clone)]
pub struct Probes {
    app: Arc<App>,
    metrics: PrometheusHandle,
}

/// One part's readiness.
#[derive(Serialize)]
struct Part {
    name: String,
    ready: bool,
    reason: String,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    parts: Vec<Part>,
    /// Under which name this process holds leases.
    replica: String,
    /// Who holds what; empty where one process does everything.
    leases: Vec<Lease>,
}

/// A lease that somebody has.
#[derive(Serialize)]
struct Lease {
    name: String,
    holder: Option<String>,
    fence: i64,
}

/// `/healthz`, `/readyz` and `/metrics`.
pub fn probes(app: Arc<App>, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(render))
        .with_state(Probes { app, metrics })
}

async fn readyz(State(probes): State<Probes>) -> Response {
    let readiness = readiness(&probes.app).await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(readiness)).into_response()
}

async fn readiness(app: &App) -> Readiness {
    let mut parts = vec![store_part(app).await, sender_part(app), schedule_part(app), replica_part(app)];
    parts.extend(app.chats.iter().map(|chat| chat_part(app, chat)));
    let leases = app.replica.standing().rows.into_iter().filter(|row| row.is_held()).map(|row| Lease {
        name: row.name,
        holder: row.holder,
        fence: row.fence,
    });
    Readiness {
        ready: parts.iter().all(|part| part.ready),
        parts,
        replica: app.replica.id().to_owned(),
        leases: leases.collect(),
    }
}

/// A replica that only stands by is as well as one that is connected.
fn chat_part(app: &App, chat: &Chat) -> Part {
    let platform = chat.platform();
    let duty = match platform {
        Platform::Slack => Duty::SlackSockets,
        Platform::Discord => Duty::Discord,
        Platform::Web | Platform::Cli => Duty::Web,
    };
    let is_mine = !app.replica.duties().contains(&duty) || app.replica.holds(duty);
    let state = match chat.liveness() {
        _ if !is_mine && holders(&app.replica, duty).is_empty() => {
            Err("no replica holds it at the moment".to_owned())
        }
        _ if !is_mine => Ok(held_elsewhere(&app.replica, duty)),
        Liveness::Live => Ok("connected".to_owned()),
        Liveness::Down(why) => Err(why),
    };
    part(platform.as_str(), state)
}

/// Who does what this replica does not.
#[must_use]
pub fn held_elsewhere(replica: &Replica, duty: Duty) -> String {
    format!("standing by; held by {}", holders(replica, duty).join(", "))
}

fn holders(replica: &Replica, duty: Duty) -> Vec<String> {
    let rows = replica.standing().rows.into_iter();
    let of_duty = rows.filter(|row| row.is_held() && duty.leases().contains(&row.name.as_str()));
    of_duty.filter_map(|row| row.holder).collect()
}

fn replica_part(app: &App) -> Part {
    let standing = app.replica.standing();
    let state = if app.replica.is_alone() {
        Ok("the only process on this store".to_owned())
    } else if standing.in_time {
        Ok(format!("one of {}", standing.others + 1))
    } else {
        Err("its leases could not be renewed; it holds nothing until they are".to_owned())
    };
    part("replica", state)
}

async fn store_part(app: &App) -> Part {
    let written = tokio::time::timeout(STORE_DEADLINE, app.store.ping()).await;
    part(
        "store",
        match written {
            Ok(Ok(())) => Ok(format!("{} takes writes", app.store.kind())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no write within {STORE_DEADLINE:?}")),
        },
    )
}

fn schedule_part(app: &App) -> Part {
    part("schedule", app.punctuality.state().map(str::to_owned))
}

fn sender_part(app: &App) -> Part {
    let silent = app.outbox.idle_for();
    part(
        "sender",
        if silent < SENDER_SILENT {
            Ok("sending".to_owned())
        } else {
            Err(format!("has not looked for {} s", silent.as_secs()))
        },
    )
}

fn part(name: &str, state: Result<String, String>) -> Part {
    let (ready, reason) = match state {
        Ok(reason) => (true, reason),
        Err(reason) => (false, reason),
    };
    Part { name: name.to_owned(), ready, reason }
}

async fn render(State(probes): State<Probes>) -> Response {
    let started = Instant::now();
    // A store that hangs must not take every other metric along.
    let depth = tokio::time::timeout(STORE_DEADLINE, probes.app.store.outbox_depth()).await;
    if let Ok(Ok(depth)) = depth {
        metrics::gauge!("acgs_outbox_waiting").set(gauge(depth.waiting));
        metrics::gauge!("acgs_outbox_dead").set(gauge(depth.dead));
    }
    let ready = readiness(&probes.app).await.ready;
    metrics::gauge!("acgs_ready").set(f64::from(u8::from(ready)));
    tracing::trace!(duration_ms = started.elapsed().as_millis(), "metrics rendered");
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], probes.metrics.render())
        .into_response()
}

fn gauge(count: u64) -> f64 {
    // A count of messages is far below the 2^32 up to which this is exact.
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A bound on handlers that answer at once by nature. Streams are served outside it.
pub fn with_deadline(router: Router) -> Router {
    router.layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(10)))
}
