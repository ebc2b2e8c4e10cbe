//! Look-ups of the services' requests in Prometheus.

use commands::ids::ServiceName;
use commands::period::Period;

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// Who answers with errors.
pub async fn errors(app: &App, window: Period) -> Performed {
    let Some(prometheus) = &app.executors.prometheus else {
        return Performed::done(report::not_configured("prometheus"), News::Bad);
    };
    let services: Vec<ServiceName> = app.config.services.iter().map(|service| service.name.clone()).collect();
    match prometheus.errors(&services, window, DEADLINE).await {
        Ok(rates) => {
            let well = !rates.services.iter().any(commands::traffic::ServiceErrors::is_high);
            Performed::done(report::errors(&rates, window, clock::now()), news(well))
        }
        Err(error) => Performed::failed(report::unavailable("Prometheus", &error.to_string())),
    }
}
