//! `stack scale SERVICE N`.

use commands::ids::ServiceName;
use commands::plan::{Act, Step};
use commands::workload::Workload;

use super::restart::target;
use super::{Draft, NoPlan, compose};
use crate::app::App;
use crate::health::DEADLINE;
use crate::report;
use crate::report::plan as say;

/// For Compose to make or remove containers, and for them to be healthy.
const SCALE_SECONDS: u32 = 240;

pub(super) async fn draft(app: &App, name: &ServiceName, count: u32) -> Result<Draft, NoPlan> {
    let Some(docker) = &app.executors.docker else {
        return Err(NoPlan::refused(report::not_configured("docker")));
    };
    let read = tokio::try_join!(docker.targets(DEADLINE), docker.info());
    let (all, info) =
        read.map_err(|error| NoPlan::refused(report::unavailable("Docker", &error.to_string())))?;
    let container = app.service(name).and_then(|service| service.container.as_deref());
    let is = |one: &&Workload| match container {
        Some(container) => one.container.name == container,
        None => one.service.as_deref() == Some(name.as_str()),
    };
    let own: Vec<&Workload> = all.iter().filter(|one| !one.one_off && !one.replaced).filter(is).collect();
    let Some(first) = own.first() else { return Err(NoPlan::refused(say::no_container(name))) };
    let Some(service) = first.service.as_deref().and_then(|service| service.parse().ok()) else {
        return Err(NoPlan::refused(say::not_of_compose(name)));
    };
    let now = u32::try_from(own.len()).unwrap_or(u32::MAX);
    if now == count {
        return Err(NoPlan::refused(say::so_many_already(name, count)));
    }
    // The second one could not be made, and Compose would say so only after it has begun.
    if count > 1 && first.fixed_name {
        return Err(NoPlan::refused(say::fixed_name(name, &first.container.name)));
    }
    let fixed = first.ports.iter().find(|port| !port.port.is_empty() && !port.port.contains('-'));
    if let Some(port) = fixed.filter(|_| count > 1) {
        return Err(NoPlan::refused(say::fixed_port(name, port)));
    }
    if app.config.docker.as_ref().is_none_or(|docker| docker.compose.is_none()) {
        return Err(NoPlan::refused(say::no_compose()));
    }
    let mut targets = own.iter().map(|one| target(one)).collect();
    compose::add(&mut targets, compose::files(app).await?);
    Ok(Draft {
        engine: Some(info.daemon_id),
        targets,
        steps: vec![Step {
            act: Act::Scale { service, count, ids: own.iter().map(|one| one.id.clone()).collect() },
            timeout_seconds: SCALE_SECONDS,
        }],
        proves: vec![name.clone()],
        effect: say::scale_effect(name, now, count),
        forecast: Vec::new(),
        undo: format!("stack scale {name} {now}"),
    })
}
