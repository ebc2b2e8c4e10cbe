//! Whether the platform's secrets are as they should be.

use std::collections::BTreeMap;

use commands::ids::ServiceName;
use commands::secrets::{Checked, Found, Rotated};
use futures_util::future::join_all;

use crate::app::App;
use crate::config::{Config, Secret};
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// Every configured secret, in the container and in its file.
pub async fn check(app: &App) -> Performed {
    if app.config.checked_secrets.is_empty() {
        return Performed::done(report::no_secrets(), News::Bad);
    }
    let Some(docker) = &app.executors.docker else {
        return Performed::done(report::not_configured("docker"), News::Bad);
    };
    let mut by_service: BTreeMap<&ServiceName, Vec<&Secret>> = BTreeMap::new();
    for secret in &app.config.checked_secrets {
        by_service.entry(&secret.service).or_default().push(secret);
    }
    let asked = by_service.into_iter().map(|(service, secrets)| async move {
        let variables: Vec<String> = secrets.iter().map(|secret| secret.variable.clone()).collect();
        let name = app.service(service).and_then(|service| service.container.clone());
        let found = match docker.secrets(&(service.clone(), name), &variables, DEADLINE).await {
            Ok(Some(found)) => found.into_iter().map(Ok).collect(),
            Ok(None) => vec![Err("no container".to_owned()); secrets.len()],
            Err(error) => vec![Err(error.to_string()); secrets.len()],
        };
        join_all(secrets.into_iter().zip(found).map(|(secret, container)| checked(secret, container))).await
    });
    let checked: Vec<Checked> = join_all(asked).await.into_iter().flatten().collect();
    let well = checked.iter().all(|secret| secret.faults().is_empty());
    Performed::done(report::secrets(&checked, clock::now()), news(well))
}

/// What `secrets rotate` makes anew: which, in which file, under which names.
pub fn rotated(config: &Config) -> Vec<(Rotated, String, Vec<String>)> {
    [Rotated::Jwt, Rotated::Csrf]
        .into_iter()
        .filter_map(|which| {
            let entries = config.checked_secrets.iter().filter(|secret| secret.rotate == Some(which));
            let mut variables: Vec<String> = entries.clone().map(|secret| secret.variable.clone()).collect();
            variables.sort();
            variables.dedup();
            let path = entries.filter_map(|secret| secret.env_file.as_ref()).next()?;
            Some((which, path.display().to_string(), variables))
        })
        .collect()
}

async fn checked(secret: &Secret, container: Result<Found, String>) -> Checked {
    let file = match &secret.env_file {
        None => None,
        Some(path) => {
            let variables = vec![secret.variable.clone()];
            Some(exec_host::env_file(&path.display().to_string(), variables, DEADLINE).await)
        }
    };
    Checked {
        service: secret.service.clone(),
        variable: secret.variable.clone(),
        container,
        file_is_open: matches!(&file, Some(Ok(file)) if file.is_open),
        file: file.map(|file| match file {
            Ok(file) => Ok(file.found.first().copied().unwrap_or(Found::Missing)),
            Err(error) => Err(error.to_string()),
        }),
    }
}
