//! Whether the platform works: everything that can be asked without changing it, at once.

use std::collections::BTreeMap;
use std::time::Duration;

use commands::backup::{LiveRows, RowCounts, TableRows};
use commands::health::{Reading, Severity};
use commands::ids::ServiceName;
use commands::intent::WINDOW_DEFAULT;
use commands::traffic::ServiceErrors;
use commands::validation::{BackupRows, RowsVerdict, Validation, is_read};
use futures_util::future::join_all;

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{Performed, news};
use crate::{backups, clock, report};

/// Counting rows takes longer than a look.
const COUNT_DEADLINE: Duration = Duration::from_secs(8);

/// Looks, logs in, reads from each service counts errors, and compares the database with its newest
/// backup, side by side.
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
    let (health, login, errors, reads, rows) =
        tokio::join!(app.executors.look(services), login, errors, reads, rows(app));
    let validation = Validation { health, login, errors, reads, rows };
    let well = works(&validation);
    Performed::done(report::validation(&validation, clock::now()), news(well))
}

/// The rows of the newest backup's manifest beside those of the live database.
async fn rows(app: &App) -> BackupRows {
    let (Some(config), Some(postgres)) = (&app.config.backups, &app.executors.postgres) else {
        return BackupRows::NotConfigured;
    };
    let backups = match backups::read(config).await {
        Ok(backups) => backups,
        Err(error) => return BackupRows::Unavailable(error.to_string()),
    };
    let Some((archive, manifest)) = backups.newest_manifest(clock::now()) else {
        return BackupRows::NoManifest;
    };
    let names: Vec<String> = manifest.tables.keys().cloned().collect();
    let (live, counted) = match postgres.row_counts(&names, COUNT_DEADLINE).await {
        Ok(counted) => counted,
        Err(error) => return BackupRows::Unavailable(error.to_string()),
    };
    if live != manifest.database {
        return BackupRows::OtherDatabase { backup: manifest.database.clone(), live };
    }
    let counted: BTreeMap<String, LiveRows> = counted.into_iter().collect();
    let tables = manifest.tables.iter().map(|(table, backed_up)| TableRows {
        table: table.clone(),
        backed_up: *backed_up,
        live: counted.get(table).copied().unwrap_or(LiveRows::Missing),
    });
    BackupRows::Compared(RowCounts {
        archive: archive.name.clone(),
        made: archive.made(),
        tables: tables.collect(),
    })
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
    let rows = matches!(validation.rows.verdict(), RowsVerdict::Good | RowsVerdict::NotMade);
    severity.is_none()
        && login
        && errors
        && rows
        && validation.reads.iter().all(|(_, outcome)| is_read(outcome))
}
