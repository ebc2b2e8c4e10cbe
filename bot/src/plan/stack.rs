//! `stack restart`, `stack stop` and `stack start`: containers are stopped and started in the order in which they
//! need each other, and none is removed. Nothing here depends on networks: whoever else is on them is named and left.

use std::cmp::Reverse;

use commands::health::{ContainerHealth, ContainerState, DatabasePing};
use commands::ids::ServiceName;
use commands::plan::{Act, Forecast, Step};
use commands::workload::{RestartPolicy, Workload};

use super::restart::{GRACE_SECONDS, START_SECONDS, target};
use super::{Draft, NoPlan};
use crate::app::App;
use crate::health::DEADLINE;
use crate::report;
use crate::report::plan as say;

/// Until a container's own check passes.
const HEALTHY_SECONDS: u32 = 90;
/// A login and the check of its token.
const LOGIN_SECONDS: u32 = 15;

/// Which tier a container is of, in the order in which they are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    Database,
    Monitoring,
    /// Of the project, and none that the bot was told of.
    Other,
    /// Configured; those without which the platform is down come first, then by their place in the configuration.
    Service(Reverse<bool>, usize),
}

/// One container and what it is here.
struct Member {
    workload: Workload,
    tier: Tier,
    /// As configured.
    service: Option<ServiceName>,
}

/// The platform as it was found, in the order in which it is started.
struct Found {
    engine: String,
    members: Vec<Member>,
    guests: Vec<String>,
}

pub(super) async fn restart(app: &App, database: bool) -> Result<Draft, NoPlan> {
    let mut found = look(app).await?;
    found.members.retain(|member| member.tier != Tier::Monitoring && !is_ended_job(member));
    let of_database = found.members.iter().find(|member| member.tier == Tier::Database);
    let with_database = match of_database {
        Some(member) => database || is_sick(app, &member.workload).await,
        None => false,
    };
    let (first, rest): (Vec<&Member>, Vec<&Member>) =
        found.members.iter().partition(|member| member.tier == Tier::Database);
    if rest.is_empty() && !with_database {
        return Err(NoPlan::refused(say::no_containers()));
    }
    let mut steps = Vec::new();
    let touched: Vec<&Member> = if with_database {
        steps.extend(rest.iter().rev().filter(|member| is_up(member)).map(|member| stop(member)));
        for member in &first {
            steps.extend([restart_one(member), healthy(member)]);
        }
        // One that is frozen was stopped above.
        steps.extend(rest.iter().map(|member| start(member)));
        first.iter().chain(&rest).copied().collect()
    } else {
        steps.extend(rest.iter().map(|member| restart_one(member)));
        rest
    };
    let effect = say::stack_restart_effect(touched.len(), with_database);
    Ok(draft(app, &found, &touched, steps, (effect, say::stack_restart_undo())))
}

pub(super) async fn stop_all(app: &App, monitoring: bool) -> Result<Draft, NoPlan> {
    let found = look(app).await?;
    let runs = found.members.iter().rev().filter(|member| is_up(member));
    let touched: Vec<&Member> = runs.filter(|member| monitoring || member.tier != Tier::Monitoring).collect();
    if touched.is_empty() {
        return Err(NoPlan::refused(say::nothing_runs()));
    }
    let seconds = touched.iter().map(|member| grace(&member.workload)).sum();
    Ok(Draft {
        engine: Some(found.engine.clone()),
        targets: touched.iter().map(|member| target(&member.workload)).collect(),
        steps: touched.iter().map(|member| stop(member)).collect(),
        proves: Vec::new(),
        effect: say::stack_stop_effect(touched.len(), monitoring),
        forecast: forecast(&found, seconds),
        undo: say::stack_stop_undo(),
    })
}

pub(super) async fn start_all(app: &App) -> Result<Draft, NoPlan> {
    let found = look(app).await?;
    let touched: Vec<&Member> =
        found.members.iter().filter(|member| !is_up(member) || is_frozen(member)).collect();
    let touched: Vec<&Member> = touched.into_iter().filter(|member| !is_ended_job(member)).collect();
    if touched.is_empty() {
        return Err(NoPlan::refused(say::nothing_stopped()));
    }
    let mut steps = Vec::new();
    // Whoever is started needs the database, also where that runs already.
    let database = found.members.iter().find(|member| member.tier == Tier::Database);
    for member in touched.iter().filter(|member| member.tier == Tier::Database) {
        steps.push(start(member));
    }
    steps.extend(database.map(healthy));
    let rest = touched.iter().filter(|member| member.tier != Tier::Database);
    steps.extend(rest.map(|member| start(member)));
    let effect = say::stack_start_effect(touched.len());
    Ok(draft(app, &found, &touched, steps, (effect, say::stack_start_undo())))
}

/// With the proof that everything works: each service, and a login.
fn draft(
    app: &App,
    found: &Found,
    touched: &[&Member],
    mut steps: Vec<Step>,
    (effect, undo): (String, String),
) -> Draft {
    let seconds = touched.iter().map(|member| grace(&member.workload)).sum();
    if app.executors.canary.is_some() {
        let logs_in = app.config.auth.as_ref().and_then(|auth| {
            let same = |service: &&crate::config::Service| service.health_url.origin() == auth.url.origin();
            app.config.services.iter().find(same)
        });
        let member = logs_in
            .and_then(|service| found.members.iter().find(|one| one.service.as_ref() == Some(&service.name)));
        steps.extend(member.map(healthy));
        steps.push(Step { act: Act::TryLogin, timeout_seconds: LOGIN_SECONDS });
    }
    let proves = found.members.iter().filter_map(|member| member.service.clone()).collect();
    Draft {
        engine: Some(found.engine.clone()),
        targets: touched.iter().map(|member| target(&member.workload)).collect(),
        steps,
        proves,
        effect,
        forecast: forecast(found, seconds),
        undo,
    }
}

fn forecast(found: &Found, seconds: u32) -> Vec<Forecast> {
    let mut forecast = vec![Forecast::Unreachable { what: say::the_platform(), seconds }];
    if !found.guests.is_empty() {
        forecast.push(Forecast::Guests { names: found.guests.clone() });
    }
    forecast
}

async fn look(app: &App) -> Result<Found, NoPlan> {
    let (Some(docker), Some(config)) = (&app.executors.docker, &app.config.docker) else {
        return Err(NoPlan::refused(report::not_configured("docker")));
    };
    if config.compose_project.is_none() {
        return Err(NoPlan::refused(say::no_project()));
    }
    let read = tokio::try_join!(docker.targets(DEADLINE), docker.info(), docker.network_guests(DEADLINE));
    let (all, info, guests) =
        read.map_err(|error| NoPlan::refused(report::unavailable("Docker", &error.to_string())))?;
    let members = all.into_iter().filter(|one| !one.one_off && !one.replaced).map(|workload| {
        let (tier, service) = tier_of(app, config, &workload);
        Member { workload, tier, service }
    });
    let mut members: Vec<Member> = members.collect();
    members.sort_by(|a, b| (a.tier, &a.workload.container.name).cmp(&(b.tier, &b.workload.container.name)));
    let guests = guests.into_iter().map(|guest| format!("{} on {}", guest.name, guest.network)).collect();
    Ok(Found { engine: info.daemon_id, members: by_need(members), guests })
}

fn tier_of(app: &App, config: &crate::config::Docker, workload: &Workload) -> (Tier, Option<ServiceName>) {
    let is = |service: &crate::config::Service| match &service.container {
        Some(container) => workload.container.name == *container,
        None => workload.service.as_deref() == Some(service.name.as_str()),
    };
    if let Some((at, service)) = app.config.services.iter().enumerate().find(|(_, service)| is(service)) {
        return (Tier::Service(Reverse(service.critical), at), Some(service.name.clone()));
    }
    let tier = match workload.service.as_deref() {
        Some(name) if name == config.database => Tier::Database,
        Some(name) if config.monitoring.iter().any(|known| known == name) => Tier::Monitoring,
        _ => Tier::Other,
    };
    (tier, None)
}

/// Whoever is needed by another comes before it, where Compose wrote that down; for the rest the order stays. Of a
/// circle, which Compose refuses, the order stays too.
fn by_need(mut waiting: Vec<Member>) -> Vec<Member> {
    let mut ordered: Vec<Member> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let has_all = |member: &Member| {
            let needed = member.workload.depends_on.iter().flatten();
            needed.map(|one| Some(one.service.as_str())).all(|service| {
                !waiting.iter().any(|other| {
                    other.workload.service.as_deref() == service && other.workload.id != member.workload.id
                })
            })
        };
        let next = waiting.iter().position(has_all).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}

/// Whether the Engine has something to stop.
fn is_up(member: &Member) -> bool {
    match member.workload.container.state {
        ContainerState::Running | ContainerState::Paused | ContainerState::Restarting => true,
        ContainerState::Created
        | ContainerState::Removing
        | ContainerState::Exited
        | ContainerState::Dead => false,
    }
}

fn is_frozen(member: &Member) -> bool {
    member.workload.container.state == ContainerState::Paused
}

/// What has done its work, such as a migration: to start it again would do the work again.
fn is_ended_job(member: &Member) -> bool {
    member.service.is_none()
        && member.tier == Tier::Other
        && !is_up(member)
        && matches!(member.workload.restart, RestartPolicy::No | RestartPolicy::OnFailure { .. })
}

async fn is_sick(app: &App, database: &Workload) -> bool {
    let container = &database.container;
    if container.state != ContainerState::Running || container.health == Some(ContainerHealth::Unhealthy) {
        return true;
    }
    let Some(postgres) = &app.executors.postgres else { return false };
    match postgres.health(DEADLINE).await.ping {
        // Neither a wrong password nor sessions that take every seat is mended for long by a restart.
        DatabasePing::Answered(_) | DatabasePing::Full | DatabasePing::Denied(_) => false,
        DatabasePing::NotAccepting(_)
        | DatabasePing::Refused
        | DatabasePing::TimedOut
        | DatabasePing::Failed(_) => true,
    }
}

fn grace(workload: &Workload) -> u32 {
    workload.stop_grace.unwrap_or(GRACE_SECONDS)
}

fn stop(member: &Member) -> Step {
    let grace_seconds = grace(&member.workload);
    Step {
        act: Act::StopContainer {
            name: member.workload.container.name.clone(),
            id: member.workload.id.clone(),
            grace_seconds,
        },
        timeout_seconds: grace_seconds + START_SECONDS,
    }
}

/// A frozen one is no stopped one for the Engine, and has to be stopped first.
fn start(member: &Member) -> Step {
    if is_frozen(member) {
        return restart_one(member);
    }
    Step {
        act: Act::StartContainer {
            name: member.workload.container.name.clone(),
            id: member.workload.id.clone(),
        },
        timeout_seconds: START_SECONDS,
    }
}

fn restart_one(member: &Member) -> Step {
    let grace_seconds = grace(&member.workload);
    Step {
        act: Act::RestartContainer {
            name: member.workload.container.name.clone(),
            id: member.workload.id.clone(),
            grace_seconds,
        },
        timeout_seconds: grace_seconds + START_SECONDS,
    }
}

fn healthy(member: &Member) -> Step {
    Step {
        act: Act::AwaitHealthy { name: member.workload.container.name.clone() },
        timeout_seconds: HEALTHY_SECONDS,
    }
}
