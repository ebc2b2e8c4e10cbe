//! The services' requests, by the names of the platform's metrics.

use std::time::Duration;

use commands::ids::ServiceName;
use commands::period::Period;
use commands::traffic::{ErrorRates, Measured, ServiceErrors};

use crate::error::PrometheusError;
use crate::prometheus::Prometheus;
use crate::query::instant;

impl Prometheus {
    /// Answers and errors a second of each of `services` over `window`, both questions side by side and
    /// within `deadline`.
    pub async fn errors(
        &self,
        services: &[ServiceName],
        window: Period,
        deadline: Duration,
    ) -> Result<ErrorRates, PrometheusError> {
        let requests = format!("sum by (service) (rate(acgs_http_requests_total[{window}]))");
        // A service that never had an error has no series of errors.
        let errors = format!(
            "sum by (service) (rate(acgs_http_requests_total{{status=~\"5..\"}}[{window}])) or 0 * {requests}"
        );
        let asking =
            async { tokio::try_join!(instant(&self.endpoint, &requests), instant(&self.endpoint, &errors)) };
        let (requests, errors) = self.endpoint.within(deadline, asking).await?;
        let of = |service: &ServiceName| ServiceErrors {
            service: service.clone(),
            requests: Measured::of(requests.value("service", service.as_str())),
            errors: Measured::of(errors.value("service", service.as_str())),
        };
        let mut warnings = requests.warnings.clone();
        warnings.extend(errors.warnings.clone());
        warnings.dedup();
        Ok(ErrorRates { services: services.iter().map(of).collect(), warnings })
    }
}
