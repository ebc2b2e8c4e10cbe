//! One look at the platform: every part asked at once, each with its own deadline, so that the
//! whole takes as long as the slowest answer and one bad part never hides the others.

use std::time::{Duration, Instant};

use commands::health::{
    AlertmanagerHealth, Container, DatabaseHealth, HealthReport, PrometheusHealth, Reading, ServiceHealth,
};
use commands::ids::ServiceName;
use exec_docker::Docker;
use exec_http::{Canary, Grafana, Prober};
use exec_postgres::Postgres;
use exec_prometheus::{Alertmanager, Prometheus};
use futures_util::future::join_all;

use crate::clock;
use crate::config::Service;

/// Each part's deadline.
pub const DEADLINE: Duration = Duration::from_secs(3);

/// What the bot looks through; `None` is "not configured".
#[derive(Clone)]
pub struct Executors {
    /// Health probes.
    pub prober: Prober,
    /// Posts to configured addresses.
    pub webhooks: exec_http::Webhooks,
    /// The Docker Engine.
    pub docker: Option<Docker>,
    /// The platform's database.
    pub postgres: Option<Postgres>,
    /// The same as a role that may end sessions.
    pub signals: Option<Postgres>,
    /// Prometheus.
    pub prometheus: Option<Prometheus>,
    /// Alertmanager.
    pub alertmanager: Option<Alertmanager>,
    /// The canary's login.
    pub canary: Option<Canary>,
    /// Grafana.
    pub grafana: Option<Grafana>,
}

impl Executors {
    /// Looks at everything.
    pub async fn look(&self, services: &[Service]) -> HealthReport {
        let started = Instant::now();
        let (services, database, prometheus, alertmanager) =
            tokio::join!(self.services(services), self.database(), self.prometheus(), self.alertmanager(),);
        let mut report = HealthReport {
            as_of: clock::now(),
            took: started.elapsed(),
            services,
            database,
            prometheus,
            alertmanager,
        };
        report.sort();
        report
    }

    /// Looks at these services and their containers alone.
    pub async fn services(&self, services: &[Service]) -> Vec<ServiceHealth> {
        let probes =
            join_all(services.iter().map(|service| self.prober.probe(&service.health_url, DEADLINE)));
        let (probes, containers) = tokio::join!(probes, self.containers(services));
        let with_probe = services.iter().zip(probes);
        with_probe
            .map(|(service, probe)| {
                let container = containers.of(&service.name);
                record(service, &probe);
                ServiceHealth { name: service.name.clone(), critical: service.critical, probe, container }
            })
            .collect()
    }

    async fn containers(&self, services: &[Service]) -> Containers {
        let Some(docker) = &self.docker else { return Containers(Reading::NotConfigured) };
        let wanted: Vec<_> =
            services.iter().map(|service| (service.name.clone(), service.container.clone())).collect();
        Containers(match docker.containers(&wanted, DEADLINE).await {
            Ok(found) => Reading::Read(found),
            Err(error) => Reading::Unavailable(error.to_string()),
        })
    }

    async fn database(&self) -> Reading<DatabaseHealth> {
        match &self.postgres {
            Some(postgres) => Reading::Read(postgres.health(DEADLINE).await),
            None => Reading::NotConfigured,
        }
    }

    async fn prometheus(&self) -> Reading<PrometheusHealth> {
        match &self.prometheus {
            Some(prometheus) => reading(prometheus.health(DEADLINE).await),
            None => Reading::NotConfigured,
        }
    }

    async fn alertmanager(&self) -> Reading<AlertmanagerHealth> {
        match &self.alertmanager {
            Some(alertmanager) => reading(alertmanager.health(DEADLINE).await),
            None => Reading::NotConfigured,
        }
    }
}

/// What Docker said of all services at once.
struct Containers(Reading<exec_docker::Found>);

impl Containers {
    fn of(&self, name: &ServiceName) -> Reading<Option<Container>> {
        match &self.0 {
            Reading::NotConfigured => Reading::NotConfigured,
            Reading::Unavailable(why) => Reading::Unavailable(why.clone()),
            Reading::Read(found) => found.get(name).cloned().map_or(Reading::Read(None), reading),
        }
    }
}

fn reading<T>(result: Result<T, impl std::fmt::Display>) -> Reading<T> {
    match result {
        Ok(value) => Reading::Read(value),
        Err(error) => Reading::Unavailable(error.to_string()),
    }
}

fn record(service: &Service, probe: &commands::health::Probe) {
    let well = if probe.outcome.is_healthy() { "healthy" } else { "sick" };
    metrics::counter!("acgs_probe_results_total", "service" => service.name.as_str().to_owned(), "result" => well)
        .increment(1);
    metrics::histogram!("acgs_probe_seconds", "service" => service.name.as_str().to_owned())
        .record(probe.took);
}
