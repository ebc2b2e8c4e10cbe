//! Steps that change nothing: what comes after them needs something to be well.

use std::time::Duration;

use commands::canary::CanaryLogin;
use commands::health::{Container, ContainerHealth, ContainerState};
use commands::journal::StepOutcome;
use tokio::time::{Instant, sleep};

use super::{Found, done, failed};
use crate::app::App;
use crate::health::DEADLINE;
use crate::report::plan as say;

/// Between two looks at a container.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Without a check of its own, a container that has run for so long runs.
const SETTLED: Duration = Duration::from_secs(3);

/// Waits until the container called `name` is well.
pub(super) async fn healthy(app: &App, name: &str, limit: Duration) -> StepOutcome {
    match become_healthy(app, name, limit).await {
        Ok(container) => done(say::container_found(&container)),
        Err(why) => failed(why),
    }
}

/// The same for steps that go on afterwards; why it is not well otherwise.
pub(super) async fn become_healthy(app: &App, name: &str, limit: Duration) -> Result<Container, String> {
    let by = Instant::now() + limit;
    let mut runs_since: Option<Instant> = None;
    loop {
        let seen = named(app, name).await;
        let running = seen.as_ref().is_ok_and(|found| found.state == ContainerState::Running);
        runs_since = running.then(|| runs_since.unwrap_or_else(Instant::now));
        match &seen {
            Ok(found) if running => match found.health {
                Some(ContainerHealth::Healthy) => return seen,
                None if runs_since.is_some_and(|since| since.elapsed() >= SETTLED) => return seen,
                Some(ContainerHealth::Starting | ContainerHealth::Unhealthy) | None => {}
            },
            Ok(_) | Err(_) => {}
        }
        if Instant::now() >= by {
            return Err(match seen {
                Ok(found) => say::not_healthy(&found, limit),
                Err(why) => why,
            });
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Whether it is well now.
pub(super) async fn look(app: &App, name: &str) -> Found {
    match named(app, name).await {
        Ok(found) => {
            let well = found.state == ContainerState::Running
                && matches!(found.health, Some(ContainerHealth::Healthy) | None);
            let note = say::container_found(&found);
            if well { Found::Done(note) } else { Found::NotDone(note) }
        }
        Err(why) => Found::NotDone(why),
    }
}

async fn named(app: &App, name: &str) -> Result<Container, String> {
    let Some(docker) = &app.executors.docker else { return Err(say::part_missing("docker")) };
    let all = docker.targets(DEADLINE).await.map_err(|error| error.to_string())?;
    let mut found = all.into_iter().map(|one| one.container).filter(|container| container.name == name);
    found.next().ok_or_else(|| say::no_container_named(name))
}

/// Logs in as the canary until it can. A login that the service refuses is counted by it, so it is not tried
/// twice; one that it did not answer is.
pub(super) async fn login(app: &App, limit: Duration) -> StepOutcome {
    let Some(canary) = &app.executors.canary else { return failed(say::part_missing("auth")) };
    let by = Instant::now() + limit;
    loop {
        let login = canary.log_in(DEADLINE).await;
        let again = match &login {
            CanaryLogin::Works { .. } => return done(say::login_works()),
            CanaryLogin::LoginRefused { .. } | CanaryLogin::NoToken | CanaryLogin::TokenRefused { .. } => {
                false
            }
            CanaryLogin::Unwell { .. } | CanaryLogin::TimedOut | CanaryLogin::Unreachable(_) => true,
        };
        if !again || Instant::now() >= by {
            return failed(say::login_fails(&login));
        }
        sleep(LOOK_EVERY).await;
    }
}
