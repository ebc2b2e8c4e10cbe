//! What `/metrics` shows, in the names that the runbook's queries and the alert rules use.
//!
//! Each service has a recorder of its own, so that several can live in one process beside the
//! program's own metrics.

use std::time::Duration;

use axum::http::StatusCode;
use metrics::{counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

const REQUESTS: &str = "acgs_http_requests_total";
const DURATION: &str = "acgs_http_request_duration_seconds";
const AUTH_FAILURES: &str = "acgs_auth_failures_total";
const SECURITY_EVENTS: &str = "acgs_security_events_total";
const MEMORY: &str = "process_resident_memory_bytes";

/// Upper edges in seconds: around the runbook's limit of 500 ms, and up to a client's patience.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(crate) struct Telemetry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Telemetry {
    pub(crate) fn new(service: &str) -> Self {
        let recorder = PrometheusBuilder::new()
            .add_global_label("service", service)
            .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &BUCKETS)
            .expect("the list of buckets is not empty")
            .build_recorder();
        let handle = recorder.handle();
        let telemetry = Self { recorder, handle };
        telemetry.start_at_zero();
        telemetry
    }

    /// A counter that first appears at 1 has no increase to show.
    fn start_at_zero(&self) {
        self.auth_failures("bad_credentials", 0);
        self.security_events("high", 0);
    }

    pub(crate) fn request(&self, method: &str, endpoint: &'static str, status: StatusCode, took: Duration) {
        let method = method.to_owned();
        with_local_recorder(&self.recorder, || {
            let status = status.as_str().to_owned();
            counter!(REQUESTS, "method" => method.clone(), "endpoint" => endpoint, "status" => status)
                .increment(1);
            histogram!(DURATION, "method" => method, "endpoint" => endpoint).record(took);
        });
        // Folds the samples into the buckets, so that they do not pile up where nobody scrapes.
        self.handle.run_upkeep();
    }

    pub(crate) fn auth_failures(&self, reason: &'static str, count: u64) {
        with_local_recorder(&self.recorder, || {
            counter!(AUTH_FAILURES, "reason" => reason).increment(count);
        });
    }

    pub(crate) fn security_events(&self, severity: &'static str, count: u64) {
        with_local_recorder(&self.recorder, || {
            counter!(SECURITY_EVENTS, "event_type" => "attack", "severity" => severity).increment(count);
        });
    }

    /// The page for Prometheus.
    pub(crate) async fn page(&self) -> String {
        // Where there is no /proc, the gauge is left out, not shown as 0.
        if let Some(kib) = resident_kib().await {
            with_local_recorder(&self.recorder, || gauge!(MEMORY).set(f64::from(kib) * 1024.0));
        }
        self.handle.render()
    }
}

async fn resident_kib() -> Option<u32> {
    let status = tokio::fs::read_to_string("/proc/self/status").await.ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
