//! The words of plans about the platform as a whole.

use commands::canary::CanaryLogin;
use commands::card::Tone;
use commands::health::Container;
use commands::layout;
use commands::message::Reply;

use super::card::short_card;
use crate::report::{logins, public};

fn refusal(title: &str, text: &str) -> Reply {
    public(short_card(title.to_owned(), Tone::Warning, text.to_owned()))
}

/// What restarting everything does.
#[must_use]
pub fn stack_restart_effect(count: usize, with_database: bool) -> String {
    let how = if with_database {
        "The services are stopped, the database is restarted, and they are started when it is healthy: nobody can use the \
         platform meanwhile."
    } else {
        "One after another, what others need first. The database is well and stays as it is."
    };
    format!("Restarts {count} containers. {how} No container is removed or made anew.")
}

/// How it is taken back.
#[must_use]
pub fn stack_restart_undo() -> String {
    "Nothing to take back: they are the same containers. If a step fails, the ones after it do not begin: stack start \
     starts what is stopped. Last lines and states are kept first."
        .to_owned()
}

/// What stopping everything does.
#[must_use]
pub fn stack_stop_effect(count: usize, monitoring: bool) -> String {
    let rest = if monitoring {
        "Monitoring is stopped too: nobody will be told of anything."
    } else {
        "Monitoring goes on, and its alerts will say that everything is down."
    };
    format!(
        "Stops {count} containers, the database last: the platform is down until stack start. {rest} Containers, \
         networks and volumes stay."
    )
}

/// How it is taken back.
#[must_use]
pub fn stack_stop_undo() -> String {
    "stack start".to_owned()
}

/// What starting everything does.
#[must_use]
pub fn stack_start_effect(count: usize) -> String {
    format!(
        "Starts {count} stopped containers, the database first and the rest when it is healthy. They are the containers \
         that are there: nothing is made anew, and no job is run."
    )
}

/// How it is taken back.
#[must_use]
pub fn stack_start_undo() -> String {
    "stack stop".to_owned()
}

/// What is not reachable meanwhile.
#[must_use]
pub fn the_platform() -> String {
    "the platform, or a part of it,".to_owned()
}

/// Without a project everything on the machine would be meant.
#[must_use]
pub fn no_project() -> Reply {
    refusal(
        "Which containers?",
        "[docker] compose_project is not in the bot's configuration, and without it every container of the machine \
         would be meant. Name the project.",
    )
}

/// There is nothing of the project.
#[must_use]
pub fn no_containers() -> Reply {
    refusal(
        "No containers",
        "Docker has no container of the project that could be restarted. ps shows what there is.",
    )
}

/// Everything is stopped.
#[must_use]
pub fn nothing_runs() -> Reply {
    refusal("Nothing to stop", "No container of the platform runs. ps shows them; stack start starts them.")
}

/// Everything runs.
#[must_use]
pub fn nothing_stopped() -> Reply {
    refusal(
        "Nothing to start",
        "Every container of the platform runs. health says how well; stack restart restarts them.",
    )
}

/// A container that did not become healthy.
#[must_use]
pub fn not_healthy(container: &Container, limit: std::time::Duration) -> String {
    let health = container.health.map_or_else(String::new, |health| format!(", {}", health.as_str()));
    format!(
        "{} is {}{health} after {}: read its log",
        container.name,
        container.state.as_str(),
        layout::duration(limit)
    )
}

/// A container that is not there.
#[must_use]
pub fn no_container_named(name: &str) -> String {
    format!("there is no container {name} any more")
}

/// The canary came in.
#[must_use]
pub fn login_works() -> String {
    "logins work".to_owned()
}

/// It did not.
#[must_use]
pub fn login_fails(login: &CanaryLogin) -> String {
    format!("the canary can't log in: {}", logins::words(login))
}
