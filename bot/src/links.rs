//! The pages that people open: whether each is there, and what the dashboards would show first.

use commands::health::{Reading, Seats};
use commands::ids::ServiceName;
use commands::intent::WINDOW_DEFAULT;
use commands::links::{Headlines, Links, Page, PageAnswer, PageName, Topic};
use commands::traffic::{Latency, Quantile, ServiceLatency};
use futures_util::future::{BoxFuture, join_all};
use url::Url;

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{Performed, news};
use crate::report::address;
use crate::{clock, report};

/// Asks for every page and reads every number at once, each with its own deadline.
pub async fn links(app: &App) -> Performed {
    let (pages, headlines) = tokio::join!(join_all(asked(app)), headlines(app));
    let links = Links { pages, headlines };
    let well = !links.pages.is_empty()
        && links.pages.iter().all(|page| page.answer.works())
        && !report::topics(&links).any(|topic: Topic| links.headlines.is_concern(topic));
    Performed::done(report::links(&links, clock::now()), news(well))
}

/// What is to be asked, in the order in which it is shown.
fn asked(app: &App) -> Vec<BoxFuture<'_, Page>> {
    let mut asked: Vec<BoxFuture<'_, Page>> = Vec::new();
    let page = |name, url: &Url, answer| Page { name, address: address(url), answer };
    if let (Some(config), Some(grafana)) = (&app.config.grafana, &app.executors.grafana) {
        asked.push(Box::pin(
            async move { page(PageName::Grafana, &config.link, grafana.health(DEADLINE).await) },
        ));
        for (name, uid) in &config.dashboards {
            asked.push(Box::pin(async move {
                let answer = grafana.dashboard(uid, DEADLINE).await;
                page(PageName::Dashboard(name.clone()), &config.dashboard(uid), answer)
            }));
        }
    }
    if let (Some(url), Some(prometheus)) = (&app.config.prometheus, &app.executors.prometheus) {
        asked.push(Box::pin(async move {
            let ready = prometheus.health(DEADLINE).await.map(|health| health.ready);
            page(PageName::Prometheus, url, ready_answer(ready))
        }));
    }
    if let (Some(url), Some(alertmanager)) = (&app.config.alertmanager, &app.executors.alertmanager) {
        asked.push(Box::pin(async move {
            let ready = alertmanager.health(DEADLINE).await.map(|health| health.ready);
            page(PageName::Alertmanager, url, ready_answer(ready))
        }));
    }
    let gateway = app.config.services.iter().find(|service| service.critical);
    if let Some(service) = gateway {
        asked.push(Box::pin(async move {
            let probe = app.executors.prober.probe(&service.health_url, DEADLINE).await;
            let name = PageName::Gateway(service.name.clone());
            page(name, &service.health_url, PageAnswer::Probed(probe.outcome))
        }));
    }
    if let Some(url) = &app.config.public {
        asked.push(Box::pin(async move {
            let probe = app.executors.prober.probe(url, DEADLINE).await;
            page(PageName::Public, url, PageAnswer::Probed(probe.outcome))
        }));
    }
    asked
}

fn ready_answer(ready: Result<bool, impl std::fmt::Display>) -> PageAnswer {
    match ready {
        Ok(true) => PageAnswer::Works,
        Ok(false) => PageAnswer::NotReady,
        Err(error) => PageAnswer::Failed(error.to_string()),
    }
}

async fn headlines(app: &App) -> Headlines {
    let services: Vec<ServiceName> = app.config.services.iter().map(|service| service.name.clone()).collect();
    let seats = async {
        match &app.executors.postgres {
            Some(postgres) => read::<Seats, _>(postgres.seats(DEADLINE).await),
            None => Reading::NotConfigured,
        }
    };
    let Some(prometheus) = &app.executors.prometheus else {
        return Headlines {
            up: Reading::NotConfigured,
            errors: Reading::NotConfigured,
            slowest: Reading::NotConfigured,
            refused_logins: Reading::NotConfigured,
            seats: seats.await,
        };
    };
    let (up, errors, latencies, auth, seats) = tokio::join!(
        prometheus.services_up(&services, DEADLINE),
        prometheus.errors(&services, WINDOW_DEFAULT, DEADLINE),
        prometheus.latencies(&services, Quantile::P95, WINDOW_DEFAULT, DEADLINE),
        prometheus.auth_failures(WINDOW_DEFAULT, DEADLINE),
        seats,
    );
    Headlines {
        up: read(up),
        errors: read(errors.map(|rates| rates.ratio())),
        slowest: read(latencies.map(|all| slowest(all.services))),
        refused_logins: read(auth.map(|failures| failures.refused_logins)),
        seats,
    }
}

/// The one with the longest latency that is known; else whichever says why there is none.
fn slowest(services: Vec<ServiceLatency>) -> Option<(ServiceName, Latency)> {
    services
        .into_iter()
        .max_by(|a, b| a.latency.order().total_cmp(&b.latency.order()))
        .map(|slowest| (slowest.service, slowest.latency))
}

fn read<T, E: std::fmt::Display>(result: Result<T, E>) -> Reading<T> {
    match result {
        Ok(value) => Reading::Read(value),
        Err(error) => Reading::Unavailable(error.to_string()),
    }
}
