//! A container as the engine tells it, turned into ours. Pure.

use std::cmp::Reverse;

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, HealthStatusEnum};
use commands::health::{Container, ContainerHealth, ContainerState};
use jiff::Timestamp;

use crate::error::DockerError;

/// Whether the engine would let a container have this name:
/// <https://docs.docker.com/reference/cli/docker/container/run/#name>. Anything else could change
/// the path of a request.
pub fn can_be_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// Reads the answer to an inspection.
pub fn from_engine(answer: ContainerInspectResponse) -> Result<Container, DockerError> {
    let state = answer.state.ok_or_else(|| missing("state"))?;
    let name = answer.name.ok_or_else(|| missing("name"))?;
    let doing = doing(state.status.ok_or_else(|| missing("status"))?)?;
    let health = state.health.and_then(|health| health.status).and_then(verdict);
    Ok(Container {
        id: answer.id.ok_or_else(|| missing("id"))?,
        name: name.trim_start_matches('/').to_owned(),
        state: doing,
        health,
        started_at: started_at(state.started_at.as_deref())?,
        restart_count: u32::try_from(answer.restart_count.unwrap_or(0)).unwrap_or(0),
        exit_code: exit_code(doing, state.exit_code),
        oom_killed: state.oom_killed.unwrap_or(false),
    })
}

pub fn missing(what: &str) -> DockerError {
    DockerError::BadAnswer(format!("a container without {what}"))
}

fn doing(status: ContainerStateStatusEnum) -> Result<ContainerState, DockerError> {
    Ok(match status {
        ContainerStateStatusEnum::CREATED => ContainerState::Created,
        // While the engine stops it, its process still runs.
        ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::STOPPING => ContainerState::Running,
        ContainerStateStatusEnum::PAUSED => ContainerState::Paused,
        ContainerStateStatusEnum::RESTARTING => ContainerState::Restarting,
        ContainerStateStatusEnum::REMOVING => ContainerState::Removing,
        ContainerStateStatusEnum::EXITED => ContainerState::Exited,
        ContainerStateStatusEnum::DEAD => ContainerState::Dead,
        ContainerStateStatusEnum::EMPTY => return Err(missing("status")),
    })
}

fn verdict(status: HealthStatusEnum) -> Option<ContainerHealth> {
    match status {
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => None,
        HealthStatusEnum::STARTING => Some(ContainerHealth::Starting),
        HealthStatusEnum::HEALTHY => Some(ContainerHealth::Healthy),
        HealthStatusEnum::UNHEALTHY => Some(ContainerHealth::Unhealthy),
    }
}

/// The engine writes the year 1 for a container that never ran.
fn started_at(text: Option<&str>) -> Result<Option<Timestamp>, DockerError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let at: Timestamp = text
        .parse()
        .map_err(|_| DockerError::BadAnswer("a container whose start is not a time".to_owned()))?;
    Ok((at > Timestamp::UNIX_EPOCH).then_some(at))
}

/// The engine writes 0 while a container runs, and for one that never did. A container that could
/// not be started stays `created` with the code of that failure.
fn exit_code(state: ContainerState, code: Option<i64>) -> Option<i64> {
    match state {
        ContainerState::Running | ContainerState::Paused => None,
        ContainerState::Created => code.filter(|code| *code != 0),
        ContainerState::Restarting
        | ContainerState::Removing
        | ContainerState::Exited
        | ContainerState::Dead => code,
    }
}

/// The one of the two that is worse off; at a tie the one restarted more often, then by name.
pub fn sicker(one: Option<Container>, other: Option<Container>) -> Option<Container> {
    one.into_iter().chain(other).max_by_key(|container| {
        (sickness(container), container.restart_count, Reverse(container.name.clone()))
    })
}

fn sickness(container: &Container) -> u8 {
    match (container.state, container.health) {
        (ContainerState::Running, Some(ContainerHealth::Healthy) | None) => 0,
        (ContainerState::Running, Some(ContainerHealth::Starting)) => 1,
        (ContainerState::Running, Some(ContainerHealth::Unhealthy)) => 2,
        (ContainerState::Paused, _) => 3,
        (ContainerState::Created, _) => 4,
        (ContainerState::Restarting, _) => 5,
        (ContainerState::Removing, _) => 6,
        (ContainerState::Exited, _) => 7,
        (ContainerState::Dead, _) => 8,
    }
}
