//! `restart SERVICE`.

use commands::health::ContainerState;
use commands::ids::ServiceName;
use commands::plan::{Act, Forecast, Step, Target};
use commands::traffic::Measured;
use commands::workload::Workload;

use super::{Draft, NoPlan};
use crate::app::App;
use crate::health::DEADLINE;
use crate::report;
use crate::report::plan as say;

/// Docker's own time between the signal and the kill.
pub(super) const GRACE_SECONDS: u32 = 10;
/// Beyond the grace, for the Engine to start it.
pub(super) const START_SECONDS: u32 = 30;

pub(super) async fn draft(app: &App, name: &ServiceName) -> Result<Draft, NoPlan> {
    let Some(docker) = &app.executors.docker else {
        return Err(NoPlan::refused(report::not_configured("docker")));
    };
    let read = tokio::try_join!(docker.targets(DEADLINE), docker.info());
    let (all, info) =
        read.map_err(|error| NoPlan::refused(report::unavailable("Docker", &error.to_string())))?;
    let workload = container_of(app, &all, name)?;
    let grace_seconds = workload.stop_grace.unwrap_or(GRACE_SECONDS);
    let mut forecast = dependents(&all, workload);
    forecast.extend(requests(app, name).await);
    forecast.push(Forecast::Unreachable { what: name.to_string(), seconds: grace_seconds });
    Ok(Draft {
        engine: Some(info.daemon_id),
        steps: vec![Step {
            act: Act::RestartContainer {
                name: workload.container.name.clone(),
                id: workload.id.clone(),
                grace_seconds,
            },
            timeout_seconds: grace_seconds + START_SECONDS,
        }],
        targets: vec![target(workload)],
        proves: vec![name.clone()],
        effect: say::restart_effect(name, workload),
        forecast,
        undo: say::restart_undo(),
    })
}

/// The container that a configured service is.
pub(super) fn container_of<'a>(
    app: &App,
    all: &'a [Workload],
    name: &ServiceName,
) -> Result<&'a Workload, NoPlan> {
    let configured = app.service(name).and_then(|service| service.container.as_deref());
    let mut found = all.iter().filter(|workload| !workload.one_off).filter(|workload| match configured {
        Some(container) => workload.container.name == container,
        None => workload.service.as_deref() == Some(name.as_str()),
    });
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(NoPlan::refused(say::no_container(name))),
        (Some(one), Some(other)) => {
            Err(NoPlan::refused(say::two_containers(name, &one.container.name, &other.container.name)))
        }
    }
}

/// What is pinned of a container. One that Docker restarts again and again is another run each time, and
/// still the same thing to act on.
pub(super) fn target(workload: &Workload) -> Target {
    let loops =
        workload.container.restart_count > 0 || workload.container.state == ContainerState::Restarting;
    Target::Container {
        service: workload.service.clone().unwrap_or_else(|| workload.container.name.clone()),
        name: workload.container.name.clone(),
        id: workload.id.clone(),
        image: workload.image.clone(),
        image_id: workload.image_id.clone(),
        state: (!loops).then(|| workload.container.state.as_str().to_owned()),
        started_at: workload.container.started_at.filter(|_| !loops),
        configuration: workload.configuration.clone(),
    }
}

/// Services that Compose wrote down as needing this one.
pub(super) fn dependents(all: &[Workload], workload: &Workload) -> Vec<Forecast> {
    let Some(service) = &workload.service else { return Vec::new() };
    let mut services: Vec<String> = all
        .iter()
        .filter(|other| other.depends_on.iter().flatten().any(|dependency| dependency.service == *service))
        .filter_map(|other| other.service.clone())
        .collect();
    services.sort();
    services.dedup();
    if services.is_empty() { Vec::new() } else { vec![Forecast::Dependents { services }] }
}

/// What the service answers now, if Prometheus knows.
pub(super) async fn requests(app: &App, name: &ServiceName) -> Option<Forecast> {
    let prometheus = app.executors.prometheus.as_ref()?;
    let window = commands::period::Period::minutes(1);
    let rates = prometheus.errors(std::slice::from_ref(name), window, DEADLINE).await.ok()?;
    let Measured::Value(rate) = rates.services.first()?.requests else { return None };
    Some(Forecast::Requests {
        service: name.to_string(),
        per_second_milli: crate::proof::whole(rate * 1_000.0),
    })
}
