//! How many there are: containers and images removed, and services with more than one container.

use std::time::Duration;

use commands::health::{ContainerHealth, ContainerState};
use commands::ids::ServiceName;
use commands::journal::StepOutcome;
use commands::workload::{ContainerId, ImageId};
use exec_docker::act::{ActError, Acts};
use tokio::time::{Instant, sleep};

use super::{Found, done, failed};
use crate::app::App;
use crate::execute::compose;
use crate::health::DEADLINE;
use crate::report::plan as say;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// For Compose to make or remove containers.
const COMPOSE: Duration = Duration::from_secs(120);

pub(super) async fn remove_container(app: &App, id: &ContainerId) -> StepOutcome {
    let Some(docker) = &app.executors.docker else { return failed(say::part_missing("docker")) };
    removed(Acts::new(docker.clone()).remove_container(id).await)
}

pub(super) async fn remove_image(app: &App, id: &ImageId, tags: &[String]) -> StepOutcome {
    let Some(docker) = &app.executors.docker else { return failed(say::part_missing("docker")) };
    removed(Acts::new(docker.clone()).remove_image(id, tags).await)
}

/// What somebody uses by now is left, and is no reason to leave the rest.
fn removed(result: Result<(), ActError>) -> StepOutcome {
    match result {
        Ok(()) => done(""),
        Err(ActError::Gone(_)) => done(say::already_so()),
        Err(ActError::Conflict(why)) => done(say::left_alone(&why)),
        Err(error) if error.may_have_acted() => StepOutcome::Unknown { found: error.to_string() },
        Err(error) => failed(error.to_string()),
    }
}

pub(super) async fn look_at_container(app: &App, id: &ContainerId) -> Found {
    let Some(docker) = &app.executors.docker else { return Found::Unclear(say::part_missing("docker")) };
    match docker.target(id, DEADLINE).await {
        Ok(None) => Found::Done(String::new()),
        Ok(Some(_)) => Found::NotDone(String::new()),
        Err(error) => Found::Unclear(error.to_string()),
    }
}

pub(super) async fn look_at_image(app: &App, id: &ImageId) -> Found {
    let Some(docker) = &app.executors.docker else { return Found::Unclear(say::part_missing("docker")) };
    match docker.image(id.as_str(), DEADLINE).await {
        Ok(None) => Found::Done(String::new()),
        Ok(Some(_)) => Found::NotDone(String::new()),
        Err(error) => Found::Unclear(error.to_string()),
    }
}

pub(super) async fn scale(app: &App, service: &ServiceName, count: u32, limit: Duration) -> StepOutcome {
    let by = Instant::now() + limit;
    let scaled = async {
        let compose =
            compose::of(app).await?.ok_or_else(|| say::part_missing("docker] compose_file [docker"))?;
        compose.scale(service, count, COMPOSE).await.map_err(|error| error.to_string())?;
        loop {
            match well(app, service).await? {
                (all, well) if all == count && well == count => return Ok(()),
                (all, well) if Instant::now() >= by => return Err(say::not_so_many(all, well, count)),
                _ => sleep(LOOK_EVERY).await,
            }
        }
    };
    match scaled.await {
        Ok(()) => done(""),
        Err(why) => failed(why),
    }
}

/// How many containers a service has, and how many of them are well.
async fn well(app: &App, service: &ServiceName) -> Result<(u32, u32), String> {
    let docker = app.executors.docker.as_ref().ok_or_else(|| say::part_missing("docker"))?;
    let all = docker.targets(DEADLINE).await.map_err(|error| error.to_string())?;
    let own = all
        .iter()
        .filter(|one| one.service.as_deref() == Some(service.as_str()) && !one.one_off && !one.replaced);
    let is_well = |container: &commands::health::Container| {
        container.state == ContainerState::Running
            && matches!(container.health, Some(ContainerHealth::Healthy) | None)
    };
    Ok(own.fold((0, 0), |(all, well), one| (all + 1, well + u32::from(is_well(&one.container)))))
}

pub(super) async fn look_at_scale(app: &App, service: &ServiceName, count: u32) -> Found {
    match well(app, service).await {
        Ok((all, well)) if all == count && well == count => Found::Done(String::new()),
        Ok(_) => Found::NotDone(String::new()),
        Err(why) => Found::Unclear(why),
    }
}
