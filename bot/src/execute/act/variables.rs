//! Variables of an env file, and the containers that take them. The value goes from chance into the file and from
//! the file into the containers; it stands in no plan, no journal and no log.
//!
//! Every step begins by looking how far an earlier one came, so that a run that was cut off goes on. A step that
//! fails gives the file its old version back and every container of the plan what that says.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use commands::backup::Sha256Hex;
use commands::canary::TokenShown;
use commands::health::ContainerState;
use commands::ids::{RunId, ServiceName};
use commands::journal::StepOutcome;
use commands::plan::{Act, Plan, Remake, Variable};
use commands::workload::Workload;
use exec_docker::act::{Acts, ReplaceWith, ReplacementState};
use exec_host::act::env_file;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use super::{Found, done, failed, waiting};
use crate::app::App;
use crate::clock;
use crate::execute::compose;
use crate::health::DEADLINE;
use crate::report::plan as say;

/// For Compose to make one container anew.
const COMPOSE: Duration = Duration::from_secs(120);
/// A login or a question about a token.
const LOGIN: Duration = Duration::from_secs(10);

/// Tokens of the canary from before a rotation, by run; gone with the process.
#[derive(Default)]
pub struct OldTokens(Mutex<HashMap<RunId, SecretString>>);

impl OldTokens {
    fn keep(&self, run: RunId, token: SecretString) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run, token);
    }

    fn take(&self, run: RunId) -> Option<SecretString> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&run)
    }
}

/// A container that takes variables.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) service: Option<&'a ServiceName>,
    pub(super) path: &'a str,
    pub(super) variables: &'a [Variable],
    pub(super) way: Remake,
}

/// Every container of the plan that takes something from this file.
fn parts<'a>(plan: &'a Plan, file: &'a str) -> impl Iterator<Item = Part<'a>> {
    let all = plan.steps.iter().filter_map(|step| match &step.act {
        Act::TakeVariables { name, service, path, variables, way, .. } => {
            Some(Part { name, service: service.as_ref(), path, variables, way: *way })
        }
        _ => None,
    });
    all.filter(move |part| part.path == file)
}

/// Writes a new value into the file, and keeps a token from before for the proof.
pub(super) async fn rotate(
    app: &App,
    run: RunId,
    (path, sha256): (&str, &str),
    variables: &[String],
    length: u32,
) -> StepOutcome {
    let Ok(expected) = Sha256Hex::try_from(sha256.to_owned()) else { return failed(say::bad_digest(path)) };
    // Logins may be broken, which is no reason to keep a secret that leaked.
    let note = match &app.executors.canary {
        Some(canary) => match canary.token(LOGIN).await {
            Ok(token) => {
                app.old_tokens.keep(run, token);
                String::new()
            }
            Err(why) => say::no_old_token(&why),
        },
        None => String::new(),
    };
    let value = clock::new_secret(length);
    let pairs = variables.iter().map(|name| (name.clone(), value.clone())).collect();
    match env_file::set_variables(path, &expected, pairs, DEADLINE).await {
        Ok(_) => done(note),
        Err(error) => failed(say::env_file_error(&error.to_string())),
    }
}

/// Writes a setting into the file.
pub(super) async fn set(path: &str, sha256: &str, variable: &str, value: &str) -> StepOutcome {
    let Ok(expected) = Sha256Hex::try_from(sha256.to_owned()) else { return failed(say::bad_digest(path)) };
    let pairs = vec![(variable.to_owned(), SecretString::from(value.to_owned()))];
    match env_file::set_variables(path, &expected, pairs, DEADLINE).await {
        Ok(_) => done(""),
        Err(error) => failed(say::env_file_error(&error.to_string())),
    }
}

/// Whether the file was written.
pub(super) async fn look_at_file(path: &str, sha256: &str) -> Found {
    let (file, kept) =
        tokio::join!(exec_host::env_file(path, Vec::new(), DEADLINE), env_file::is_unsettled(path, DEADLINE));
    match (file, kept) {
        (Ok(file), _) if file.sha256.as_str() == sha256 => Found::NotDone(String::new()),
        (Ok(_), Ok(true)) => Found::Done(String::new()),
        (Ok(_), Ok(false)) => Found::Unclear(say::file_changed(path)),
        (Err(error), _) | (_, Err(error)) => Found::Unclear(error.to_string()),
    }
}

/// Makes a container anew with what the file says, or gives everything back.
pub(super) async fn take(app: &App, plan: &Plan, part: Part<'_>) -> StepOutcome {
    match remake(app, part).await {
        Ok(note) => done(note),
        Err(why) => failed(format!("{why}. {}", take_back(app, plan, part.path).await)),
    }
}

/// Whether the container has what the file says.
pub(super) async fn look(app: &App, part: Part<'_>) -> Found {
    match stands(app, part).await {
        Ok(Standing::AsFile) => Found::Done(String::new()),
        // The step looks for halves itself, and goes on from there.
        Ok(Standing::Otherwise(_)) => Found::NotDone(String::new()),
        Err(why) => Found::Unclear(why),
    }
}

enum Standing {
    /// It runs with what the file says, and no other half is there.
    AsFile,
    /// It does not.
    Otherwise(Box<Workload>),
}

async fn stands(app: &App, part: Part<'_>) -> Result<Standing, String> {
    let docker = app.executors.docker.as_ref().ok_or_else(|| say::part_missing("docker"))?;
    let state = docker.replacement_state(part.name).await.map_err(|error| error.to_string())?;
    let (half, whole) = match state {
        ReplacementState::Whole(half) => (half, true),
        ReplacementState::Renamed { old } => (old, false),
        ReplacementState::Both { old, .. } => (old, false),
        ReplacementState::Nothing => return Err(say::no_container_named(part.name)),
        ReplacementState::Several(_) => return Err(say::several_halves(part.name)),
    };
    let workload = docker.target(&half.id, DEADLINE).await.map_err(|error| error.to_string())?;
    let workload = workload.ok_or_else(|| say::no_container_named(part.name))?;
    let runs = workload.container.state == ContainerState::Running;
    if whole && runs && has_values(app, &workload, part).await? {
        return Ok(Standing::AsFile);
    }
    Ok(Standing::Otherwise(Box::new(workload)))
}

async fn values(part: Part<'_>) -> Result<Vec<(String, SecretString)>, String> {
    let names: Vec<String> = part.variables.iter().map(|one| one.in_file.clone()).collect();
    let found = exec_host::env_values(part.path, names, DEADLINE).await.map_err(|error| error.to_string())?;
    part.variables
        .iter()
        .zip(found)
        .map(|(one, value)| {
            value
                .map(|value| (one.name.clone(), value))
                .ok_or_else(|| say::not_in_file(&one.in_file, part.path))
        })
        .collect()
}

/// Compared by digest, as the Engine tells it.
async fn has_values(app: &App, workload: &Workload, part: Part<'_>) -> Result<bool, String> {
    use secrecy::ExposeSecret as _;
    let docker = app.executors.docker.as_ref().ok_or_else(|| say::part_missing("docker"))?;
    for (name, value) in values(part).await? {
        let has = docker.env_fingerprint(&workload.id, &name, DEADLINE).await;
        let has = has.map_err(|error| error.to_string())?;
        let wanted = hex::encode(Sha256::digest(value.expose_secret().as_bytes()));
        if has.is_none_or(|has| has.as_str() != wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes the container called so anew with what the file says now, whatever it has. On an error it is as it was
/// before, if the Engine let it; the error says so otherwise.
async fn remake(app: &App, part: Part<'_>) -> Result<String, String> {
    let docker = app.executors.docker.clone().ok_or_else(|| say::part_missing("docker"))?;
    let acts = Acts::new(docker.clone());
    // What an earlier try has left.
    match docker.replacement_state(part.name).await.map_err(|error| error.to_string())? {
        ReplacementState::Renamed { old } => {
            acts.undo_replacement(&old.id, None, part.name).await.map_err(|error| error.to_string())?;
        }
        ReplacementState::Both { old, new } => {
            let undone = acts.undo_replacement(&old.id, Some(&new.id), part.name).await;
            undone.map_err(|error| error.to_string())?;
        }
        ReplacementState::Nothing | ReplacementState::Whole(_) | ReplacementState::Several(_) => {}
    }
    let workload = match stands(app, part).await? {
        Standing::AsFile => return Ok(say::already_so()),
        Standing::Otherwise(workload) => workload,
    };
    match part.way {
        Remake::Engine => by_engine(app, &acts, &workload, part).await?,
        Remake::Compose => by_compose(app, part).await?,
    }
    Ok(String::new())
}

async fn by_engine(app: &App, acts: &Acts, workload: &Workload, part: Part<'_>) -> Result<(), String> {
    let env = values(part).await?;
    let replaced = acts.replace_container(&workload.id, ReplaceWith { env: &env, image: None }).await;
    let replaced = match replaced {
        Ok(replaced) => replaced,
        Err(error) => {
            let undone = acts.undo_replacement(&error.old, error.new.as_ref(), part.name).await;
            return Err(say::replaced_back(&error.to_string(), undone.err().map(|error| error.to_string())));
        }
    };
    let well = async {
        waiting::become_healthy(app, part.name, app.config.proof.within).await?;
        match stands_new(app, &replaced.new, part).await? {
            true => Ok(()),
            false => Err(say::value_not_taken(part.name)),
        }
    };
    if let Err(why) = well.await {
        let undone = acts.undo_replacement(&replaced.old, Some(&replaced.new), part.name).await;
        return Err(say::replaced_back(&why, undone.err().map(|error| error.to_string())));
    }
    acts.finish_replacement(&replaced.old).await.map_err(|error| error.to_string())
}

async fn stands_new(app: &App, id: &commands::workload::ContainerId, part: Part<'_>) -> Result<bool, String> {
    let docker = app.executors.docker.as_ref().ok_or_else(|| say::part_missing("docker"))?;
    let workload = docker.target(id, DEADLINE).await.map_err(|error| error.to_string())?;
    match workload {
        Some(workload) => has_values(app, &workload, part).await,
        None => Ok(false),
    }
}

async fn by_compose(app: &App, part: Part<'_>) -> Result<(), String> {
    let compose = compose::of(app).await?.ok_or_else(|| say::part_missing("docker] compose_file [docker"))?;
    let service = part.service.ok_or_else(|| say::no_container_named(part.name))?;
    compose.recreate(service, &[], COMPOSE).await.map_err(|error| error.to_string())?;
    waiting::become_healthy(app, part.name, app.config.proof.within).await?;
    match stands(app, part).await? {
        Standing::AsFile => Ok(()),
        Standing::Otherwise(_) => Err(say::value_not_taken(part.name)),
    }
}

/// The old version of the file, and containers that have what it says. Says how far that came.
async fn take_back(app: &App, plan: &Plan, path: &str) -> String {
    let back = async {
        if !env_file::is_unsettled(path, DEADLINE).await? {
            return Ok(());
        }
        let file = exec_host::env_file(path, Vec::new(), DEADLINE).await?;
        env_file::swap_back(path, &file.sha256, DEADLINE).await
    };
    if let Err(error) = back.await {
        return say::file_not_back(path, &error.to_string());
    }
    let mut failed = Vec::new();
    for part in parts(plan, path) {
        if let Err(why) = remake(app, part).await {
            failed.push(format!("{}: {why}", part.name));
        }
    }
    say::taken_back(path, &failed)
}

/// What had to end has ended, and people can log in.
pub(super) async fn prove(app: &App, plan: &Plan, path: &str, ends_sessions: bool) -> StepOutcome {
    let mut notes = Vec::new();
    let old = app.old_tokens.take(plan.run);
    if let Some(canary) = &app.executors.canary {
        let login = canary.log_in(LOGIN).await;
        if !login.works() {
            return failed(format!("{}. {}", say::login_fails(&login), take_back(app, plan, path).await));
        }
        notes.push(say::login_works());
        if ends_sessions {
            match old {
                Some(token) => match canary.shows(&token, LOGIN).await {
                    TokenShown::Refused => notes.push(say::old_token_refused()),
                    // The new value works: to bring back one that leaked would be worse.
                    TokenShown::Taken => return failed(say::old_token_taken()),
                    TokenShown::Unclear(why) => return failed(say::old_token_unclear(&why)),
                },
                None => notes.push(say::old_token_not_tried()),
            }
        }
    } else {
        notes.push(say::no_canary());
    }
    if let Err(error) = env_file::settle(path, DEADLINE).await {
        return failed(say::env_file_error(&error.to_string()));
    }
    notes.extend(next_up(app, plan, path).await);
    done(notes.join("; "))
}

/// What the next `up` of Compose will do, where Compose is configured.
async fn next_up(app: &App, plan: &Plan, path: &str) -> Option<String> {
    let docker = app.executors.docker.as_ref()?;
    app.config.docker.as_ref()?.compose.as_ref()?;
    let all = docker.targets(DEADLINE).await.ok()?;
    let mut changes = Vec::new();
    for part in parts(plan, path) {
        let workload = all.iter().find(|one| one.container.name == part.name)?;
        match compose::is_up_to_date(app, workload).await {
            Ok(Some(true)) => {}
            Ok(_) | Err(_) => changes.push(part.name),
        }
    }
    Some(say::next_up(&changes))
}
