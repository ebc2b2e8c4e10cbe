//! Look-ups of the services' requests in Prometheus.

use commands::ids::ServiceName;
use commands::period::Period;
use commands::traffic::{Quantile, SecurityEvent, SecurityEvents};
use exec_prometheus::PrometheusError;

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// Who answers with errors.
pub async fn errors(app: &App, window: Period) -> Performed {
    let Some(prometheus) = &app.executors.prometheus else { return not_configured() };
    match prometheus.errors(&services(app), window, DEADLINE).await {
        Ok(rates) => {
            let well = !rates.services.iter().any(commands::traffic::ServiceErrors::is_high);
            Performed::done(report::errors(&rates, window, clock::now()), news(well))
        }
        Err(error) => unavailable(&error),
    }
}

/// Who answers slowly.
pub async fn latency(app: &App, quantile: Quantile, window: Period) -> Performed {
    let Some(prometheus) = &app.executors.prometheus else { return not_configured() };
    match prometheus.latencies(&services(app), quantile, window, DEADLINE).await {
        Ok(latencies) => {
            let well = !latencies.services.iter().any(|service| service.latency.is_slow());
            Performed::done(report::latency(&latencies, quantile, window, clock::now()), news(well))
        }
        Err(error) => unavailable(&error),
    }
}

/// Which endpoints answer slowly.
pub async fn slow_endpoints(app: &App, quantile: Quantile, window: Period, top: u16) -> Performed {
    let Some(prometheus) = &app.executors.prometheus else { return not_configured() };
    match prometheus.slow_endpoints(quantile, window, top, DEADLINE).await {
        Ok(slow) => {
            let well = !slow.endpoints.iter().any(|endpoint| endpoint.latency.is_slow());
            Performed::done(report::slow_endpoints(&slow, quantile, window, clock::now()), news(well))
        }
        Err(error) => unavailable(&error),
    }
}

/// Who was not let in.
pub async fn auth_failures(app: &App, window: Period) -> Performed {
    let Some(prometheus) = &app.executors.prometheus else { return not_configured() };
    match prometheus.auth_failures(window, DEADLINE).await {
        Ok(failures) => {
            Performed::done(report::auth_failures(&failures, window, clock::now()), news(!failures.is_high()))
        }
        Err(error) => unavailable(&error),
    }
}

/// What the services took for attacks.
pub async fn security_watch(app: &App, window: Period) -> Performed {
    let Some(prometheus) = &app.executors.prometheus else { return not_configured() };
    match prometheus.security_events(&services(app), window, DEADLINE).await {
        Ok(events) => {
            Performed::done(report::security_watch(&events, window, clock::now()), news(is_peace(&events)))
        }
        Err(error) => unavailable(&error),
    }
}

/// Whether nothing happened and nothing could have been missed: a service counts in memory, so that what
/// was before its restart is gone, and one that was never heard of counts nothing at all.
fn is_peace(events: &SecurityEvents) -> bool {
    !events.events.is_empty()
        && !events.events.iter().any(SecurityEvent::happened)
        && events.restarts.is_empty()
}

fn services(app: &App) -> Vec<ServiceName> {
    app.config.services.iter().map(|service| service.name.clone()).collect()
}

fn not_configured() -> Performed {
    Performed::done(report::not_configured("prometheus"), News::Bad)
}

fn unavailable(error: &PrometheusError) -> Performed {
    Performed::failed(report::unavailable("Prometheus", &error.to_string()))
}
