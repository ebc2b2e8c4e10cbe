//! A service watched for a while, which speaks only when something changes.

use std::time::Duration;

use commands::containers::ContainerEvent;
use commands::health::watch::{Watch, Watched};
use commands::health::{Reading, ServiceHealth};
use commands::period::Period;
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::config::Service;
use crate::health::DEADLINE;
use crate::performed::{Performed, news};
use crate::progress::Progress;
use crate::{clock, report};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// A service that comes and goes all the time is told so often; the verdict has the rest.
const MOST_TOLD: usize = 20;

/// Looks at `service` until `length` after the line was received, and compares its answers with those
/// before. A bot that was restarted meanwhile watches on to that same end.
pub async fn watch(
    app: &App,
    service: &Service,
    length: Period,
    progress: Option<&Progress>,
) -> anyhow::Result<Performed> {
    let now = clock::now();
    let began = progress.map_or(now, |progress| progress.begun);
    let interrupted = progress.is_some_and(|progress| progress.resumed);
    let gone = Duration::try_from(now.duration_since(began)).unwrap_or_default();
    let until = Instant::now() + Duration::from(length).saturating_sub(gone);

    let mut seen = clock::now();
    let mut watch = Watch::begin(look(app, service).await?, seen);
    if let Some(progress) = progress.filter(|_| !interrupted) {
        progress.open(report::watching(watch.last(), length, began)).await;
    }
    while Instant::now() < until {
        sleep_until(until.min(Instant::now() + EVERY)).await;
        let before = std::mem::replace(&mut seen, clock::now());
        let (health, events) = tokio::join!(look(app, service), events(app, watch.last(), (before, seen)));
        let told = watch.changes().len();
        if let Some(change) = watch.look(health?, events, seen)
            && let Some(progress) = progress
            && told < MOST_TOLD
        {
            progress.tell(report::change(change, told + 1 == MOST_TOLD)).await;
        }
    }
    let ended = clock::now();
    let traffic = match &app.executors.prometheus {
        None => Reading::NotConfigured,
        Some(prometheus) => {
            match prometheus.traffic_change(&service.name, length, (began, ended), DEADLINE).await {
                Ok(change) => Reading::Read(change),
                Err(error) => Reading::Unavailable(error.to_string()),
            }
        }
    };
    let watched = Watched { watch, began, ended, interrupted, traffic };
    Ok(Performed::done(report::watched(&watched, length), news(watched.is_well())))
}

/// What happened to the container that the look before found. An Engine that can't say so is told by the look
/// itself.
async fn events(app: &App, last: &ServiceHealth, within: (Timestamp, Timestamp)) -> Vec<ContainerEvent> {
    let Some(docker) = &app.executors.docker else { return Vec::new() };
    let Reading::Read(Some(container)) = &last.container else { return Vec::new() };
    docker.happened(&container.name, within, DEADLINE).await.unwrap_or_else(|error| {
        tracing::info!(%error, "what happened to a container is not known");
        Vec::new()
    })
}

async fn look(app: &App, service: &Service) -> anyhow::Result<ServiceHealth> {
    let looked = app.executors.services(std::slice::from_ref(service)).await;
    looked.into_iter().next().ok_or_else(|| anyhow::anyhow!("no health for {}", service.name))
}
