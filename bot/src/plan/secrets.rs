//! `secrets rotate`.

use commands::ids::ServiceName;
use commands::plan::{Act, Forecast, Remake, Step, Target, Variable};
use commands::secrets::{Found, Rotated};
use commands::workload::Workload;

use super::restart::{GRACE_SECONDS, container_of, requests, target};
use super::{Draft, NoPlan};
use crate::app::App;
use crate::config::Secret;
use crate::execute::compose;
use crate::health::DEADLINE;
use crate::report;
use crate::report::plan as say;

/// To write a small file, with a login before.
const WRITE_SECONDS: u32 = 30;
/// To make one container anew beyond its time to stop, and if need be the way back.
const REMAKE_SECONDS: u32 = 240;
/// Two logins and a look at each container, and if need be the way back.
const PROVE_SECONDS: u32 = 120;

pub(super) async fn rotate(app: &App, which: Rotated) -> Result<Draft, NoPlan> {
    let entries: Vec<&Secret> =
        app.config.checked_secrets.iter().filter(|secret| secret.rotate == Some(which)).collect();
    let Some(path) = entries.first().and_then(|secret| secret.env_file.as_ref()) else {
        return Err(NoPlan::refused(say::nothing_to_rotate(which)));
    };
    let path = path.display().to_string();
    let Some(docker) = &app.executors.docker else {
        return Err(NoPlan::refused(report::not_configured("docker")));
    };
    let mut variables: Vec<String> = entries.iter().map(|secret| secret.variable.clone()).collect();
    variables.sort();
    variables.dedup();
    let read = tokio::try_join!(docker.targets(DEADLINE), docker.info());
    let (all, info) =
        read.map_err(|error| NoPlan::refused(report::unavailable("Docker", &error.to_string())))?;
    let file = exec_host::env_file(&path, variables.clone(), DEADLINE).await;
    let file = file.map_err(|error| NoPlan::refused(say::no_env_file(&error.to_string())))?;
    let mut known = Vec::new();
    for (variable, found) in variables.iter().zip(&file.found) {
        match found {
            Found::Set(fingerprint) => known.push((variable.as_str(), *fingerprint)),
            Found::Missing | Found::Blank => {
                return Err(NoPlan::refused(say::not_in_env_file(variable, &path)));
            }
        }
    }
    let mut services: Vec<(&ServiceName, &Workload, Vec<Variable>)> = Vec::new();
    for entry in &entries {
        let variable = Variable { name: entry.variable.clone(), in_file: entry.variable.clone() };
        match services.iter_mut().find(|(service, ..)| **service == entry.service) {
            Some((.., own)) => own.push(variable),
            None => services.push((&entry.service, container_of(app, &all, &entry.service)?, vec![variable])),
        }
    }
    // Whoever has the value and is not told of would be left with the old one.
    for other in all.iter().filter(|one| !services.iter().any(|(_, taken, _)| taken.id == one.id)) {
        for (variable, fingerprint) in &known {
            let has = docker.env_fingerprint(&other.id, variable, DEADLINE).await;
            let has =
                has.map_err(|error| NoPlan::refused(report::unavailable("Docker", &error.to_string())))?;
            if has.is_some_and(|has| fingerprint.is_of(&has)) && !other.one_off && !other.replaced {
                return Err(NoPlan::refused(say::has_it_too(&other.container.name, variable, which)));
            }
        }
    }
    let length = entries.iter().map(|secret| secret.length).max().unwrap_or_default();
    let mut steps = vec![Step {
        act: Act::RotateVariables {
            path: path.clone(),
            sha256: file.sha256.as_str().to_owned(),
            variables: variables.clone(),
            length,
        },
        timeout_seconds: WRITE_SECONDS,
    }];
    let mut targets: Vec<Target> = known
        .iter()
        .map(|(variable, fingerprint)| Target::Secret {
            name: format!("{which} ({variable})"),
            fingerprint: Some(fingerprint.short()),
        })
        .collect();
    targets.push(Target::File {
        name: path.clone(),
        bytes: file.bytes,
        sha256: file.sha256.as_str().to_owned(),
    });
    let mut forecast = Vec::new();
    let mut by_compose = false;
    let back = REMAKE_SECONDS * u32::try_from(services.len()).unwrap_or(u32::MAX / REMAKE_SECONDS);
    for (service, workload, own) in services {
        let way = way(app, workload).await;
        by_compose |= way == Remake::Compose;
        let grace = workload.stop_grace.unwrap_or(GRACE_SECONDS);
        steps.push(Step {
            act: Act::TakeVariables {
                name: workload.container.name.clone(),
                id: workload.id.clone(),
                service: workload.service.as_deref().and_then(|service| service.parse().ok()),
                path: path.clone(),
                variables: own,
                way,
            },
            timeout_seconds: REMAKE_SECONDS + 2 * grace + back,
        });
        targets.push(target(workload));
        forecast.extend(requests(app, service).await);
        forecast.push(Forecast::Unreachable { what: service.to_string(), seconds: grace });
    }
    steps.push(Step {
        act: Act::ProveRotation { path: path.clone(), ends_sessions: which == Rotated::Jwt },
        timeout_seconds: PROVE_SECONDS + back,
    });
    if by_compose {
        super::compose::add(&mut targets, super::compose::files(app).await?);
    }
    let mut proves: Vec<ServiceName> = entries.iter().map(|secret| secret.service.clone()).collect();
    proves.dedup();
    Ok(Draft {
        engine: Some(info.daemon_id),
        targets,
        steps,
        effect: say::rotate_effect(which, &proves),
        proves,
        forecast,
        undo: say::rotate_undo(),
    })
}

/// Compose makes it, where it would change nothing else: then the next `up` has nothing to change either.
pub(super) async fn way(app: &App, workload: &Workload) -> Remake {
    match compose::is_up_to_date(app, workload).await {
        Ok(Some(true)) => Remake::Compose,
        Ok(Some(false) | None) => Remake::Engine,
        Err(why) => {
            tracing::warn!(why, "Compose can't be asked, so the Engine makes the container");
            Remake::Engine
        }
    }
}
