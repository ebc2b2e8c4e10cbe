//! Look-ups of the services' requests in Prometheus.

use commands::ids::ServiceName;
use commands::memory::{ServiceMemory, Trend};
use commands::period::Period;
use commands::plot::{Course, Wanted};
use commands::traffic::{
    HIGH_AUTH_FAILURES, HIGH_ERROR_RATIO, Quantile, SLOW_SECONDS, SecurityEvent, SecurityEvents,
};
use exec_prometheus::PrometheusError;

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, plot, report};

/// Who answers with errors.
pub async fn errors(app: &App, window: Period) -> Performed {
    let Some(prometheus) = &app.executors.prometheus else { return not_configured() };
    let wanted = Wanted::over(Course::Errors, window);
    let services = services(app);
    let asking = prometheus.errors(&services, window, DEADLINE);
    let (rates, history) = tokio::join!(asking, plot::history(app, &wanted));
    match rates {
        Ok(rates) => {
            let well = !rates.services.iter().any(commands::traffic::ServiceErrors::is_high);
            let reply = report::errors(&rates, window, clock::now());
            let reply = plot::beside(app, reply, &wanted, history, Some(HIGH_ERROR_RATIO)).await;
            Performed::done(reply, news(well))
        }
        Err(error) => unavailable(&error),
    }
}

/// Who answers slowly.
pub async fn latency(app: &App, quantile: Quantile, window: Period) -> Performed {
    let Some(prometheus) = &app.executors.prometheus else { return not_configured() };
    let wanted = Wanted::over(Course::Latency(quantile), window);
    let services = services(app);
    let asking = prometheus.latencies(&services, quantile, window, DEADLINE);
    let (latencies, history) = tokio::join!(asking, plot::history(app, &wanted));
    match latencies {
        Ok(latencies) => {
            let well = !latencies.services.iter().any(|service| service.latency.is_slow());
            let reply = report::latency(&latencies, quantile, window, clock::now());
            let reply = plot::beside(app, reply, &wanted, history, Some(SLOW_SECONDS)).await;
            Performed::done(reply, news(well))
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
    let wanted = Wanted::over(Course::AuthFailures, window);
    let asking = prometheus.auth_failures(window, DEADLINE);
    let (failures, history) = tokio::join!(asking, plot::history(app, &wanted));
    match failures {
        Ok(failures) => {
            let reply = report::auth_failures(&failures, window, clock::now());
            let reply = plot::beside(app, reply, &wanted, history, Some(HIGH_AUTH_FAILURES)).await;
            Performed::done(reply, news(!failures.is_high()))
        }
        Err(error) => unavailable(&error),
    }
}

/// Whose memory grows: of all services or of one.
pub async fn memory_trend(app: &App, service: Option<&ServiceName>, window: Period) -> Performed {
    let Some(prometheus) = &app.executors.prometheus else { return not_configured() };
    let wanted = Wanted { course: Course::Memory, window, stretch: window };
    let services = service.map_or_else(|| services(app), |service| vec![service.clone()]);
    let asking = prometheus.memory_trend(&services, window, DEADLINE);
    let (trend, history) = tokio::join!(asking, plot::history_of(app, &services, &wanted));
    match trend {
        Ok(trend) => {
            let grows = |one: &ServiceMemory| matches!(one.trend(), Trend::Grows(_));
            let well = !trend.services.iter().any(grows);
            let reply = report::memory_trend(&trend, window, clock::now());
            Performed::done(plot::beside(app, reply, &wanted, history, None).await, news(well))
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
