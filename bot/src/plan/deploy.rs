//! `deploy run`, `deploy rollback` and `deploy config`.

use commands::commit::CommitId;
use commands::ids::ServiceName;
use commands::intent::CommitPrefix;
use commands::plan::{Act, Forecast, Remake, Step, Target, Variable};
use commands::workload::Workload;
use exec_docker::Docker;
use url::Url;

use super::restart::{GRACE_SECONDS, container_of, requests, target};
use super::secrets::way;
use super::{Draft, NoPlan, compose};
use crate::app::App;
use crate::config::{Setting, SettingKind};
use crate::execute::repository;
use crate::health::DEADLINE;
use crate::report;
use crate::report::plan as say;

/// Git in a repository of its own machine.
const GIT_SECONDS: u32 = 60;
/// A tag.
const TAG_SECONDS: u32 = 30;
/// A build fetches what it is made of.
const BUILD_SECONDS: u32 = 900;
/// To make one container anew beyond its time to stop, and if need be the way back.
const REMAKE_SECONDS: u32 = 300;
/// Commits that are listed.
const LISTED: usize = 10;

/// A service's container as it was found, with the name of its image.
struct Found<'a> {
    docker: &'a Docker,
    engine: String,
    workload: Workload,
    /// With its tag.
    reference: String,
    /// Without.
    name: String,
}

async fn look<'a>(app: &'a App, service: &ServiceName) -> Result<Found<'a>, NoPlan> {
    let Some(docker) = &app.executors.docker else {
        return Err(NoPlan::refused(report::not_configured("docker")));
    };
    let read = tokio::try_join!(docker.targets(DEADLINE), docker.info());
    let (all, info) =
        read.map_err(|error| NoPlan::refused(report::unavailable("Docker", &error.to_string())))?;
    let workload = container_of(app, &all, service)?.clone();
    let name = match workload.image.rsplit_once(':') {
        // An id, which no image can be built or kept under.
        Some(("sha256", _)) => return Err(NoPlan::refused(say::image_without_name(service))),
        Some((name, tag)) if !tag.contains('/') => name.to_owned(),
        _ => workload.image.clone(),
    };
    let reference = if name == workload.image { format!("{name}:latest") } else { workload.image.clone() };
    Ok(Found { docker, engine: info.daemon_id, workload, reference, name })
}

pub(super) async fn run(app: &App, service: &ServiceName, wanted: &CommitPrefix) -> Result<Draft, NoPlan> {
    let Some(repository) = &app.config.repository else {
        return Err(NoPlan::refused(report::not_configured("deploy")));
    };
    if app.config.docker.as_ref().is_none_or(|docker| docker.compose.is_none()) {
        return Err(NoPlan::refused(say::no_compose()));
    }
    let found = look(app, service).await?;
    let Some(compose_service) = found.workload.service.as_deref().and_then(|name| name.parse().ok()) else {
        return Err(NoPlan::refused(say::not_of_compose(service)));
    };
    let unavailable = |why: String| NoPlan::refused(say::repository_refused(&why));
    repository::fetch(repository).await.map_err(unavailable)?;
    let read =
        tokio::try_join!(exec_host::head(repository, DEADLINE), exec_host::upstream(repository, DEADLINE));
    let (head, upstream) = read.map_err(|error| unavailable(error.to_string()))?;
    if head.is_changed || head.branch.is_none() {
        return Err(NoPlan::refused(say::not_clean(&repository.display().to_string(), head.is_changed)));
    }
    let newer = exec_host::commits_between(repository, &head.commit, &upstream, DEADLINE).await;
    let newer = newer.map_err(|error| unavailable(error.to_string()))?;
    let names = newer.iter().map(|commit| commit.id.as_str()).chain([head.commit.as_str()]);
    let mut fits = names.filter(|id| wanted.means(id, upstream.as_str()));
    let to = match (fits.next(), fits.next()) {
        (Some(id), None) => CommitId::try_from(id.to_owned()).map_err(anyhow::Error::msg)?,
        (None, _) => return Err(NoPlan::refused(say::no_such_commit(wanted, &head.commit, service))),
        (Some(_), Some(_)) => return Err(NoPlan::refused(say::two_commits(wanted))),
    };
    let mut steps = Vec::new();
    let mut forecast = Vec::new();
    if to != head.commit {
        let brought = exec_host::commits_between(repository, &head.commit, &to, DEADLINE).await;
        let brought = brought.map_err(|error| unavailable(error.to_string()))?;
        forecast.push(Forecast::Commits {
            subjects: brought.iter().take(LISTED).map(|commit| commit.subject.clone()).collect(),
            count: brought.len() as u64,
        });
        steps.push(Step {
            act: Act::FastForward {
                repository: repository.display().to_string(),
                from: head.commit.clone(),
                to: to.clone(),
            },
            timeout_seconds: GIT_SECONDS,
        });
    }
    let grace = found.workload.stop_grace.unwrap_or(GRACE_SECONDS);
    steps.push(Step {
        act: Act::KeepImage { id: found.workload.image_id.clone(), name: found.name.clone() },
        timeout_seconds: TAG_SECONDS,
    });
    steps.push(Step {
        act: Act::BuildImage {
            service: compose_service,
            reference: found.reference.clone(),
            commit: to.clone(),
        },
        timeout_seconds: BUILD_SECONDS,
    });
    let compose_service = found.workload.service.as_deref().and_then(|name| name.parse().ok());
    steps.extend(compose_service.map(|compose_service| Step {
        act: Act::Recreate {
            name: found.workload.container.name.clone(),
            id: found.workload.id.clone(),
            service: compose_service,
            reference: found.reference.clone(),
        },
        timeout_seconds: REMAKE_SECONDS + grace,
    }));
    forecast.extend(requests(app, service).await);
    forecast.push(Forecast::Unreachable { what: service.to_string(), seconds: grace });
    let mut targets = vec![
        target(&found.workload),
        Target::Image { reference: Some(found.reference), id: found.workload.image_id.clone() },
        Target::Commit { id: to.to_string() },
    ];
    compose::add(&mut targets, compose::files(app).await?);
    Ok(Draft {
        engine: Some(found.engine),
        targets,
        steps,
        proves: vec![service.clone()],
        effect: say::deploy_effect(service, &to),
        forecast,
        undo: say::deploy_undo(service),
    })
}

pub(super) async fn rollback(app: &App, service: &ServiceName) -> Result<Draft, NoPlan> {
    let found = look(app, service).await?;
    let kept = found.docker.rollback_images(&found.name, DEADLINE).await;
    let kept = kept.map_err(|error| NoPlan::refused(report::unavailable("Docker", &error.to_string())))?;
    let Some(image) = kept.into_iter().find(|image| image.id != found.workload.image_id) else {
        return Err(NoPlan::refused(say::no_way_back(service, &found.name)));
    };
    let tag = image.tags.first().cloned();
    let grace = found.workload.stop_grace.unwrap_or(GRACE_SECONDS);
    let mut forecast: Vec<Forecast> = requests(app, service).await.into_iter().collect();
    forecast.push(Forecast::Unreachable { what: service.to_string(), seconds: grace });
    Ok(Draft {
        engine: Some(found.engine),
        targets: vec![
            target(&found.workload),
            Target::Image { reference: tag.clone(), id: image.id.clone() },
        ],
        steps: vec![Step {
            act: Act::SwapImage {
                name: found.workload.container.name.clone(),
                id: found.workload.id.clone(),
                reference: found.reference.clone(),
                from: found.workload.image_id.clone(),
                to: image.id,
            },
            timeout_seconds: REMAKE_SECONDS + 2 * grace,
        }],
        proves: vec![service.clone()],
        effect: say::rollback_effect(service, tag.as_deref().unwrap_or_default(), &found.reference),
        forecast,
        undo: say::rollback_undo(service),
    })
}

pub(super) async fn config(
    app: &App,
    service: &ServiceName,
    key: &str,
    value: &str,
) -> Result<Draft, NoPlan> {
    let own = || app.config.settings.iter().filter(|setting| setting.service == *service);
    let Some(setting) = own().find(|setting| setting.key == key) else {
        let known: Vec<&str> = own().map(|setting| setting.key.as_str()).collect();
        return Err(NoPlan::refused(say::no_such_setting(service, key, &known)));
    };
    let found = look(app, service).await?;
    fits(app, setting, value).await?;
    let path = setting.env_file.display().to_string();
    let file = exec_host::env_file(&path, vec![setting.in_file.clone()], DEADLINE).await;
    let file = file.map_err(|error| NoPlan::refused(say::no_env_file(&error.to_string())))?;
    let present = exec_host::env_values(&path, vec![setting.in_file.clone()], DEADLINE).await;
    let present = present.map_err(|error| NoPlan::refused(say::no_env_file(&error.to_string())))?;
    let grace = found.workload.stop_grace.unwrap_or(GRACE_SECONDS);
    let sha256 = file.sha256.as_str().to_owned();
    let remake = 2 * REMAKE_SECONDS + 2 * grace;
    let mut targets = vec![
        target(&found.workload),
        Target::File { name: path.clone(), bytes: file.bytes, sha256: sha256.clone() },
    ];
    let way = way(app, &found.workload).await;
    if way == Remake::Compose {
        compose::add(&mut targets, compose::files(app).await?);
    }
    let steps = vec![
        Step {
            act: Act::SetVariable {
                path: path.clone(),
                sha256: sha256.clone(),
                variable: setting.in_file.clone(),
                value: value.to_owned(),
            },
            timeout_seconds: TAG_SECONDS,
        },
        Step {
            act: Act::TakeVariables {
                name: found.workload.container.name.clone(),
                id: found.workload.id.clone(),
                service: found.workload.service.as_deref().and_then(|name| name.parse().ok()),
                path: path.clone(),
                variables: vec![Variable { name: setting.key.clone(), in_file: setting.in_file.clone() }],
                way,
            },
            timeout_seconds: remake,
        },
        Step {
            act: Act::ProveRotation { path: path.clone(), ends_sessions: false },
            timeout_seconds: remake,
        },
    ];
    let mut forecast: Vec<Forecast> = requests(app, service).await.into_iter().collect();
    forecast.push(Forecast::Unreachable { what: service.to_string(), seconds: grace });
    let before = present.into_iter().next().flatten();
    Ok(Draft {
        engine: Some(found.engine),
        targets,
        steps,
        proves: vec![service.clone()],
        effect: say::config_effect(setting, value, before.as_ref()),
        forecast,
        undo: say::config_undo(setting, before.as_ref()),
    })
}

/// Whether a setting may be that.
async fn fits(app: &App, setting: &Setting, value: &str) -> Result<(), NoPlan> {
    let refused = |expected: String| Err(NoPlan::refused(say::unfit_value(setting, value, &expected)));
    match &setting.kind {
        SettingKind::Number { min, max, connections } => {
            let plain = value.bytes().all(|byte| byte.is_ascii_digit());
            let number = value.parse::<u32>().ok().filter(|number| plain && (min..=max).contains(&number));
            let Some(number) = number else { return refused(say::a_number(*min, *max)) };
            if *connections { budget(app, setting, number).await } else { Ok(()) }
        }
        SettingKind::OneOf(words) if words.iter().any(|word| word == value) => Ok(()),
        SettingKind::OneOf(words) => refused(say::one_of(words)),
        SettingKind::Url(schemes) => {
            let good = Url::parse(value).is_ok_and(|url| {
                schemes.iter().any(|scheme| scheme == url.scheme())
                    && url.has_host()
                    && url.password().is_none()
                    && !value.contains(char::is_whitespace)
            });
            if good { Ok(()) } else { refused(say::an_address(schemes)) }
        }
    }
}

/// Each service has its share of what the database lets in, beside what it keeps for its superuser.
async fn budget(app: &App, setting: &Setting, wanted: u32) -> Result<(), NoPlan> {
    let Some(postgres) = &app.executors.postgres else {
        return Err(NoPlan::refused(say::no_budget(setting)));
    };
    let Some(seats) = postgres.health(DEADLINE).await.seats else {
        return Err(NoPlan::refused(say::no_budget(setting)));
    };
    let replicas = u32::try_from(app.config.services.len()).unwrap_or(u32::MAX).max(1);
    let share = seats.max.saturating_sub(seats.reserved) / replicas;
    if wanted > share {
        return Err(NoPlan::refused(say::over_budget(setting, wanted, share, seats, replicas)));
    }
    Ok(())
}
