//! The platform's backups.

use commands::backup::Backups;
use exec_host::HostError;

use crate::app::App;
use crate::config;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// What lies in their folder.
pub async fn list(app: &App) -> Performed {
    let Some(config) = &app.config.backups else {
        return Performed::done(report::not_configured("backups"), News::Bad);
    };
    match read(config).await {
        Ok(backups) => {
            let now = clock::now();
            Performed::done(report::backups(&backups, now), news(backups.are_well(now)))
        }
        Err(error) => Performed::failed(report::unavailable("The backups' folder", &error.to_string())),
    }
}

/// The files of the configured folder.
pub async fn read(config: &config::Backups) -> Result<Backups, HostError> {
    exec_host::backups(&config.dir.display().to_string(), DEADLINE).await
}
