//! The services' requests, by the names of the platform's metrics.

use std::time::Duration;

use commands::ids::ServiceName;
use commands::memory::{MemoryTrend, ServiceMemory};
use commands::period::Period;
use commands::traffic::{
    AuthFailure, AuthFailures, EndpointLatency, ErrorRates, FLOOR_PER_SECOND, Latencies, Latency, Measured,
    Quantile, Restarts, SecurityEvent, SecurityEvents, ServiceErrors, ServiceLatency, SlowEndpoints,
};

use crate::error::PrometheusError;
use crate::prometheus::Prometheus;
use crate::query::{Answered, instant, label};

/// Services whose counters began anew within `window`. Requests are among them because a count of attacks
/// may have been zero before and after.
fn resets(window: Period) -> String {
    format!(
        "max by (service) (resets(acgs_http_requests_total[{window}]) or resets(acgs_security_events_total[{window}])) > 0"
    )
}

/// What the processes themselves tell; containers' memory needs a program that nobody here has.
pub const MEMORY: &str = "sum by (service) (process_resident_memory_bytes)";

/// The upper edges of the services' buckets.
const EDGES: &str = "group by (service, le) (acgs_http_request_duration_seconds_bucket)";

fn requests(window: Period) -> String {
    format!("sum by (service) (rate(acgs_http_requests_total[{window}]))")
}

/// A service that never had an error has no series of errors.
fn server_errors(window: Period) -> String {
    format!(
        "sum by (service) (rate(acgs_http_requests_total{{status=~\"5..\"}}[{window}])) or 0 * {}",
        requests(window)
    )
}

/// Errors among all answers of each service.
pub fn error_ratio(window: Period) -> String {
    format!("({}) / {}", server_errors(window), requests(window))
}

pub fn quantile_by(labels: &str, quantile: Quantile, window: Period) -> String {
    format!(
        "histogram_quantile({quantile}, sum by (le, {labels}) (rate(acgs_http_request_duration_seconds_bucket[{window}])))"
    )
}

fn answers_by(labels: &str, window: Period) -> String {
    format!("sum by ({labels}) (rate(acgs_http_request_duration_seconds_count[{window}]))")
}

impl Prometheus {
    /// Answers and errors a second of each of `services` over `window`, both questions side by side and
    /// within `deadline`.
    pub async fn errors(
        &self,
        services: &[ServiceName],
        window: Period,
        deadline: Duration,
    ) -> Result<ErrorRates, PrometheusError> {
        let (requests, errors) = (requests(window), server_errors(window));
        let asking =
            async { tokio::try_join!(instant(&self.endpoint, &requests), instant(&self.endpoint, &errors)) };
        let (requests, errors) = self.endpoint.within(deadline, asking).await?;
        let of = |service: &ServiceName| ServiceErrors {
            service: service.clone(),
            requests: Measured::of(requests.value("service", service.as_str())),
            errors: Measured::of(errors.value("service", service.as_str())),
        };
        let warnings = warnings(&[&requests, &errors]);
        Ok(ErrorRates { services: services.iter().map(of).collect(), warnings })
    }

    /// The time within which the share `quantile` of each of `services`' answers came, over `window`. All
    /// questions side by side and within `deadline`.
    pub async fn latencies(
        &self,
        services: &[ServiceName],
        quantile: Quantile,
        window: Period,
        deadline: Duration,
    ) -> Result<Latencies, PrometheusError> {
        let (quantiles, answers) = (quantile_by("service", quantile, window), answers_by("service", window));
        let asking = async {
            tokio::try_join!(
                instant(&self.endpoint, &quantiles),
                instant(&self.endpoint, &answers),
                instant(&self.endpoint, EDGES),
            )
        };
        let (quantiles, answers, edges) = self.endpoint.within(deadline, asking).await?;
        let of = |service: &ServiceName| ServiceLatency {
            service: service.clone(),
            latency: Latency::of(
                quantiles.value("service", service.as_str()),
                last_edge(&edges, service.as_str()),
            ),
            requests: Measured::of(answers.value("service", service.as_str())),
        };
        let services = services.iter().map(of).collect();
        Ok(Latencies { services, warnings: warnings(&[&quantiles, &answers, &edges]) })
    }

    /// The `top` slowest endpoints that have more than [`FLOOR_PER_SECOND`] answers.
    pub async fn slow_endpoints(
        &self,
        quantile: Quantile,
        window: Period,
        top: u16,
        deadline: Duration,
    ) -> Result<SlowEndpoints, PrometheusError> {
        const BY: &str = "service, method, endpoint";
        let answers = format!("{} > {FLOOR_PER_SECOND}", answers_by(BY, window));
        let slowest = format!("topk({top}, {} and on ({BY}) ({answers}))", quantile_by(BY, quantile, window));
        let asking = async {
            tokio::try_join!(
                instant(&self.endpoint, &slowest),
                instant(&self.endpoint, &answers),
                instant(&self.endpoint, EDGES),
            )
        };
        let (mut slowest, answers, edges) = self.endpoint.within(deadline, asking).await?;
        slowest.samples.sort_by(|a, b| b.value.total_cmp(&a.value));
        let requests = |labels: &std::collections::BTreeMap<String, String>| {
            answers.samples.iter().find(|sample| sample.labels == *labels)
        };
        let endpoints = slowest.samples.iter().map(|sample| {
            let service = label(&sample.labels, "service");
            EndpointLatency {
                latency: Latency::of(Some(sample.value), last_edge(&edges, &service)),
                service,
                method: label(&sample.labels, "method"),
                endpoint: label(&sample.labels, "endpoint"),
                requests: Measured::of(requests(&sample.labels).map(|sample| sample.value)),
            }
        });
        let endpoints = endpoints.collect();
        Ok(SlowEndpoints { endpoints, warnings: warnings(&[&slowest, &answers, &edges]) })
    }

    /// Refused logins and tokens over `window`, and the requests to log in.
    pub async fn auth_failures(
        &self,
        window: Period,
        deadline: Duration,
    ) -> Result<AuthFailures, PrometheusError> {
        let failures = format!("sum by (service, reason) (rate(acgs_auth_failures_total[{window}]))");
        let logins = |status: &str| {
            format!("sum (rate(acgs_http_requests_total{{endpoint=\"/auth/login\"{status}}}[{window}]))")
        };
        // Where no login was ever refused there is no series of refusals.
        let refused = format!("{} or 0 * {}", logins(", status=~\"401|403\""), logins(""));
        let (logins, resets) = (logins(""), resets(window));
        let asking = async {
            tokio::try_join!(
                instant(&self.endpoint, &failures),
                instant(&self.endpoint, &logins),
                instant(&self.endpoint, &refused),
                instant(&self.endpoint, &resets),
            )
        };
        let (failures, logins, refused, resets) = self.endpoint.within(deadline, asking).await?;
        let of = failures.samples.iter().map(|sample| AuthFailure {
            service: label(&sample.labels, "service"),
            reason: label(&sample.labels, "reason"),
            per_second: Measured::of(Some(sample.value)),
        });
        Ok(AuthFailures {
            failures: of.collect(),
            logins: Measured::of(logins.only()),
            refused_logins: Measured::of(refused.only()),
            restarts: restarts(&resets),
            warnings: warnings(&[&failures, &logins, &refused, &resets]),
        })
    }

    /// How the memory of each of `services` went over `window`. All questions side by side and within
    /// `deadline`.
    pub async fn memory_trend(
        &self,
        services: &[ServiceName],
        window: Period,
        deadline: Duration,
    ) -> Result<MemoryTrend, PrometheusError> {
        let slope = format!("sum by (service) (deriv(process_resident_memory_bytes[{window}]))");
        let resets = resets(window);
        let asking = async {
            tokio::try_join!(
                instant(&self.endpoint, MEMORY),
                instant(&self.endpoint, &slope),
                instant(&self.endpoint, &resets),
            )
        };
        let (now, slope, resets) = self.endpoint.within(deadline, asking).await?;
        let all = restarts(&resets);
        let of = |service: &ServiceName| ServiceMemory {
            service: service.clone(),
            now: Measured::of(now.value("service", service.as_str())),
            per_second: Measured::of(slope.value("service", service.as_str())),
            restarts: all.iter().find(|restarts| restarts.service == service.as_str()).cloned(),
        };
        let services = services.iter().map(of).collect();
        Ok(MemoryTrend { services, warnings: warnings(&[&now, &slope, &resets]) })
    }

    /// Security events within `window`, and which of `services` report none at all.
    pub async fn security_events(
        &self,
        services: &[ServiceName],
        window: Period,
        deadline: Duration,
    ) -> Result<SecurityEvents, PrometheusError> {
        let events =
            format!("sum by (event_type, severity) (increase(acgs_security_events_total[{window}]))");
        let resets = resets(window);
        let asking = async {
            tokio::try_join!(
                instant(&self.endpoint, &events),
                instant(&self.endpoint, "group by (service) (acgs_security_events_total)"),
                instant(&self.endpoint, &resets),
            )
        };
        let (mut events, reporting, resets) = self.endpoint.within(deadline, asking).await?;
        events.samples.sort_by(|a, b| b.value.total_cmp(&a.value));
        let of = events.samples.iter().map(|sample| SecurityEvent {
            event_type: label(&sample.labels, "event_type"),
            severity: label(&sample.labels, "severity"),
            count: Measured::of(Some(sample.value)),
        });
        let is_silent = |service: &&ServiceName| reporting.value("service", service.as_str()).is_none();
        Ok(SecurityEvents {
            events: of.collect(),
            silent: services.iter().filter(is_silent).cloned().collect(),
            restarts: restarts(&resets),
            warnings: warnings(&[&events, &reporting, &resets]),
        })
    }
}

/// The greatest edge below infinity of a service's buckets, in seconds.
fn last_edge(edges: &Answered, service: &str) -> Option<f64> {
    let of = edges.samples.iter().filter(|sample| label(&sample.labels, "service") == service);
    let finite = of.filter_map(|sample| sample.labels.get("le")?.parse::<f64>().ok());
    finite.filter(|edge| edge.is_finite()).max_by(f64::total_cmp)
}

fn restarts(resets: &Answered) -> Vec<Restarts> {
    let of = resets.samples.iter();
    of.map(|sample| Restarts { service: label(&sample.labels, "service"), count: sample.value }).collect()
}

/// Each once.
fn warnings(answers: &[&Answered]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for warning in answers.iter().flat_map(|answer| &answer.warnings) {
        if !all.contains(warning) {
            all.push(warning.clone());
        }
    }
    all
}
