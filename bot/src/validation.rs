//! Whether the platform works: everything that can be asked without changing it, at once.

use commands::health::{Reading, Severity};
use commands::ids::ServiceName;
use commands::intent::WINDOW_DEFAULT;
use commands::traffic::ServiceErrors;
use commands::validation::{Validation, is_read};
use futures_util::future::join_all;

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{Performed, news};
use crate::{clock, report};

/// Looks, logs in, reads from each service and counts errors, side by side.
pub async fn deep(app: &App) -> Performed {
    let services = &app.config.services;
    let names: Vec<ServiceName> = services.iter().map(|service| service.name.clone()).collect();
    let login = async {
        match &app.executors.canary {
            Some(canary) => Reading::Read(canary.log_in(DEADLINE).await),
            None => Reading::NotConfigured,
        }
    };
    let errors = async {
        match &app.executors.prometheus {
            Some(prometheus) => match prometheus.errors(&names, WINDOW_DEFAULT, DEADLINE).await {
                Ok(rates) => Reading::Read(rates),
                Err(error) => Reading::Unavailable(error.to_string()),
            },
            None => Reading::NotConfigured,
        }
    };
    let reads =
        join_all(
            services.iter().filter_map(|service| {
                let url = service.read_url.as_ref()?;
                Some(async move {
                    (service.name.clone(), app.executors.prober.probe(url, DEADLINE).await.outcome)
                })
            }),
        );
    let (health, login, errors, reads) = tokio::join!(app.executors.look(services), login, errors, reads);
    let validation = Validation { health, login, errors, reads };
    let well = works(&validation);
    Performed::done(report::validation(&validation, clock::now()), news(well))
}

fn works(validation: &Validation) -> bool {
    let severity: Option<Severity> = validation.health.verdict().severity;
    let login = match &validation.login {
        Reading::Read(login) => login.works(),
        Reading::NotConfigured => true,
        Reading::Unavailable(_) => false,
    };
    let errors = match &validation.errors {
        Reading::Read(rates) => !rates.services.iter().any(ServiceErrors::is_high),
        Reading::NotConfigured => true,
        Reading::Unavailable(_) => false,
    };
    severity.is_none() && login && errors && validation.reads.iter().all(|(_, outcome)| is_read(outcome))
}
