//! A service watched for a while, which speaks only when something changes.

use std::time::Duration;

use commands::health::watch::{Watch, Watched};
use commands::health::{Reading, ServiceHealth};
use commands::period::Period;
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

    let mut watch = Watch::begin(look(app, service).await?, clock::now());
    if let Some(progress) = progress.filter(|_| !interrupted) {
        progress.open(report::watching(watch.last(), length, began)).await;
    }
    while Instant::now() < until {
        sleep_until(until.min(Instant::now() + EVERY)).await;
        let health = look(app, service).await?;
        let told = watch.changes().len();
        if let Some(change) = watch.look(health, clock::now())
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

async fn look(app: &App, service: &Service) -> anyhow::Result<ServiceHealth> {
    let looked = app.executors.services(std::slice::from_ref(service)).await;
    looked.into_iter().next().ok_or_else(|| anyhow::anyhow!("no health for {}", service.name))
}
