//! Whether an execution helped: readings before it, readings after it.

use std::time::Duration;

use commands::health::{Reading as Part, ServiceHealth};
use commands::ids::ServiceName;
use commands::journal::Reading;
use commands::period::Period;
use commands::traffic::{Latency, Measured, Quantile, ServiceErrors};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::config::Service;
use crate::health::DEADLINE;
use crate::{clock, report};

/// A service is well after this many good answers in a row.
const GOOD_IN_A_ROW: u32 = 3;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What the numbers before are of.
const BEFORE: Period = Period::minutes(5);
/// Of fewer seconds a rate is none: Prometheus asks a service every few seconds.
const SHORTEST_WINDOW: u32 = 15;
/// Of fewer answers a share is chance: the one that came while the service was stopped would be half of two.
const FEWEST_ANSWERS: f64 = 20.0;

/// How these services do now, one look.
pub async fn readings(app: &App, names: &[ServiceName]) -> Vec<Reading> {
    let services = configured(app, names);
    let (health, numbers) = tokio::join!(app.executors.services(&services), numbers(app, names, BEFORE));
    health.iter().map(|health| reading(health, !health.is_sick(), &numbers)).collect()
}

/// How they do after something was done at `done`: asked until each gave three good answers in a row, and
/// at least for as long as the configuration says that numbers need, and then no longer.
pub async fn prove(app: &App, names: &[ServiceName], done: Timestamp) -> Vec<Reading> {
    if names.is_empty() {
        return Vec::new();
    }
    let services = configured(app, names);
    let started = Instant::now();
    let mut good = vec![0; services.len()];
    let health = loop {
        let health = app.executors.services(&services).await;
        for (count, health) in good.iter_mut().zip(&health) {
            *count = if health.is_sick() { 0 } else { *count + 1 };
        }
        let well = good.iter().all(|count| *count >= GOOD_IN_A_ROW);
        let over = started.elapsed() >= app.config.proof.within;
        if over || (well && started.elapsed() >= app.config.proof.settle) {
            break health;
        }
        sleep(LOOK_EVERY).await;
    };
    let since = clock::now().duration_since(done).as_secs();
    let window = u32::try_from(since).unwrap_or(SHORTEST_WINDOW).clamp(SHORTEST_WINDOW, BEFORE.as_secs());
    let numbers = numbers(app, names, Period::seconds(window)).await;
    let each = health.iter().zip(&good);
    each.map(|(health, good)| reading(health, *good >= GOOD_IN_A_ROW, &numbers)).collect()
}

fn configured(app: &App, names: &[ServiceName]) -> Vec<Service> {
    names.iter().filter_map(|name| app.service(name).cloned()).collect()
}

/// What Prometheus says; empty where there is none, since a proof does not fail for want of numbers.
#[derive(Default)]
struct Numbers {
    errors: Vec<(ServiceName, Measured)>,
    latencies: Vec<(ServiceName, Latency)>,
}

async fn numbers(app: &App, names: &[ServiceName], window: Period) -> Numbers {
    let Some(prometheus) = &app.executors.prometheus else { return Numbers::default() };
    let (errors, latencies) = tokio::join!(
        prometheus.errors(names, window, DEADLINE),
        prometheus.latencies(names, Quantile::P95, window, DEADLINE)
    );
    let mut numbers = Numbers::default();
    match errors {
        Ok(rates) => {
            let enough = |one: &ServiceErrors| match one.requests {
                Measured::Value(rate) => rate * f64::from(window.as_secs()) >= FEWEST_ANSWERS,
                Measured::NotReported | Measured::NoTraffic => false,
            };
            let told = rates.services.into_iter().filter(enough);
            numbers.errors = told.map(|one| (one.service.clone(), one.ratio())).collect();
        }
        Err(error) => tracing::info!(%error, "no error ratios beside an execution"),
    }
    match latencies {
        Ok(found) => {
            numbers.latencies = found.services.into_iter().map(|one| (one.service, one.latency)).collect();
        }
        Err(error) => tracing::info!(%error, "no latencies beside an execution"),
    }
    numbers
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded and clamped to what fits"
)]
pub(crate) fn whole(value: f64) -> u64 {
    value.round().clamp(0.0, 1e15) as u64
}

fn reading(health: &ServiceHealth, healthy: bool, numbers: &Numbers) -> Reading {
    let errors = numbers.errors.iter().find(|(name, _)| *name == health.name).map(|(_, ratio)| *ratio);
    let latency = numbers.latencies.iter().find(|(name, _)| *name == health.name).map(|(_, latency)| latency);
    Reading {
        service: health.name.clone(),
        healthy,
        health: report::health_in_a_line(health),
        errors_milli_percent: match errors {
            Some(Measured::Value(ratio)) => Some(whole(ratio * 100_000.0)),
            Some(Measured::NotReported | Measured::NoTraffic) | None => None,
        },
        p95_ms: match latency {
            Some(Latency::Seconds(seconds) | Latency::Above(Some(seconds))) => Some(whole(seconds * 1_000.0)),
            Some(Latency::NotReported | Latency::NoTraffic | Latency::Above(None)) | None => None,
        },
        restarts: match &health.container {
            Part::Read(Some(container)) => Some(u64::from(container.restart_count)),
            Part::Read(None) | Part::NotConfigured | Part::Unavailable(_) => None,
        },
    }
}
