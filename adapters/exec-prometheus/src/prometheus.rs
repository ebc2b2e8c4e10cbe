//! Prometheus: `/-/ready` and the active targets
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/#targets>).

use std::time::Duration;

use commands::health::{DownTarget, PrometheusHealth};
use commands::ids::ServiceName;
use commands::links::ServicesUp;
use serde::Deserialize;
use url::Url;

use crate::endpoint::{Endpoint, shortened};
use crate::error::PrometheusError;
use crate::query::instant;

/// One Prometheus server. Cheap to clone.
#[derive(Clone)]
pub struct Prometheus {
    pub(crate) endpoint: Endpoint,
}

impl Prometheus {
    /// Connects to nothing yet.
    pub fn new(base: Url) -> Result<Self, PrometheusError> {
        Ok(Self { endpoint: Endpoint::new(base)? })
    }

    /// Readiness and targets, asked side by side, both within `deadline`. One that is starting says
    /// that it is not ready and has no list yet: that is an answer, not an error. A target that was
    /// not scraped yet counts neither as up nor as down.
    pub async fn health(&self, deadline: Duration) -> Result<PrometheusHealth, PrometheusError> {
        self.endpoint.within(deadline, self.ask()).await
    }

    /// How many of `services` the last scrapes reached, within `deadline`. One of several replicas is enough.
    pub async fn services_up(
        &self,
        services: &[ServiceName],
        deadline: Duration,
    ) -> Result<ServicesUp, PrometheusError> {
        let asking = instant(&self.endpoint, "max by (service) (up{service!=\"\"})");
        let scraped = self.endpoint.within(deadline, asking).await?;
        let mut count = ServicesUp { up: 0, down: 0, not_reported: 0 };
        for service in services {
            match scraped.value("service", service.as_str()) {
                None => count.not_reported += 1,
                Some(up) if up > 0.0 => count.up += 1,
                Some(_) => count.down += 1,
            }
        }
        Ok(count)
    }

    async fn ask(&self) -> Result<PrometheusHealth, PrometheusError> {
        let (ready, targets) = tokio::try_join!(
            self.endpoint.ready(),
            self.endpoint.json::<Answer>("api/v1/targets", &[("state", "active")]),
        )?;
        let Some(answer) = targets else {
            return Ok(PrometheusHealth { ready: false, targets_up: 0, targets_down: Vec::new() });
        };
        let targets = match answer {
            Answer::Success { data } => data.active_targets,
            Answer::Error { error } => {
                return Err(self.endpoint.bad(&format!("GET api/v1/targets: {error}")));
            }
        };
        Ok(summary(ready, targets))
    }
}

fn summary(ready: bool, targets: Vec<Target>) -> PrometheusHealth {
    let mut health = PrometheusHealth { ready, targets_up: 0, targets_down: Vec::new() };
    for target in targets {
        match target.health {
            Health::Up => health.targets_up += 1,
            Health::Down => health.targets_down.push(DownTarget {
                job: shortened(&target.labels.job),
                instance: shortened(&target.labels.instance),
                error: shortened(&target.last_error),
            }),
            Health::Unknown => {}
        }
    }
    health
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer {
    Success { data: Data },
    Error { error: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    active_targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    labels: Labels,
    #[serde(default)]
    last_error: String,
    health: Health,
}

/// Relabelling may take either away.
#[derive(Deserialize)]
struct Labels {
    #[serde(default)]
    job: String,
    #[serde(default)]
    instance: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Up,
    Down,
    /// Not scraped yet.
    Unknown,
}
