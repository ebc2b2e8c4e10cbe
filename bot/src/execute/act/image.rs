//! The checkout brought forward, images built and kept, and containers that run another one.

use std::path::Path;
use std::time::Duration;

use commands::commit::CommitId;
use commands::health::ContainerState;
use commands::ids::ServiceName;
use commands::journal::StepOutcome;
use commands::workload::{ContainerId, ImageId, ROLLBACK_TAG};
use exec_docker::act::{Acts, ReplaceWith, ReplacementState};

use super::{Found, done, failed, waiting};
use crate::app::App;
use crate::clock;
use crate::execute::compose;
use crate::health::DEADLINE;
use crate::report::plan as say;

/// For each of git's steps.
const GIT: Duration = Duration::from_secs(30);
/// For Compose to make one container anew.
const COMPOSE: Duration = Duration::from_secs(120);

pub(super) async fn fast_forward(
    repository: &str,
    from: &CommitId,
    to: &CommitId,
    limit: Duration,
) -> StepOutcome {
    let brought = exec_host::act::git::fast_forward(Path::new(repository), from, to, limit.min(GIT)).await;
    match brought {
        Ok(_) => done(""),
        Err(error) => failed(error.to_string()),
    }
}

pub(super) async fn look_at_head(repository: &str, from: &CommitId, to: &CommitId) -> Found {
    match exec_host::head(Path::new(repository), GIT).await {
        Ok(head) if head.commit == *to => Found::Done(String::new()),
        Ok(head) if head.commit == *from => Found::NotDone(String::new()),
        Ok(head) => Found::Unclear(say::other_head(&head.commit)),
        Err(error) => Found::Unclear(error.to_string()),
    }
}

/// One more tag, by whose text the newest is known.
pub(super) async fn keep(app: &App, id: &ImageId, name: &str) -> StepOutcome {
    let Some(docker) = &app.executors.docker else { return failed(say::part_missing("docker")) };
    let tag = format!("{ROLLBACK_TAG}{}", clock::now().strftime("%Y%m%dT%H%M%SZ"));
    match Acts::new(docker.clone()).tag_image(id, name, &tag).await {
        Ok(()) => done(format!("{name}:{tag}")),
        Err(error) => failed(error.to_string()),
    }
}

pub(super) async fn build(
    app: &App,
    service: &ServiceName,
    reference: &str,
    commit: &CommitId,
    limit: Duration,
) -> StepOutcome {
    match built(app, service, reference, commit, limit).await {
        Ok(note) => done(note),
        Err(why) => failed(why),
    }
}

async fn built(
    app: &App,
    service: &ServiceName,
    reference: &str,
    commit: &CommitId,
    limit: Duration,
) -> Result<String, String> {
    let docker = app.executors.docker.as_ref().ok_or_else(|| say::part_missing("docker"))?;
    let compose = compose::of(app).await?.ok_or_else(|| say::part_missing("docker] compose_file [docker"))?;
    let env = [("ACGS_COMMIT".to_owned(), commit.to_string())];
    compose.build(service, &env, limit).await.map_err(|error| error.to_string())?;
    let image = docker.image(reference, DEADLINE).await.map_err(|error| error.to_string())?;
    let image = image.ok_or_else(|| say::not_built(reference))?;
    let name = reference.rsplit_once(':').map_or(reference, |(name, _)| name);
    let tag = commit.as_str().get(..12).unwrap_or(commit.as_str());
    let tagged = Acts::new(docker.clone()).tag_image(&image.id, name, tag).await;
    tagged.map_err(|error| error.to_string())?;
    Ok(format!("{name}:{tag} is {}", image.id.short()))
}

/// What runs afterwards is what has the name now; whether it is well, the proof says too.
pub(super) async fn recreate(app: &App, name: &str, service: &ServiceName, reference: &str) -> StepOutcome {
    let made = async {
        let compose =
            compose::of(app).await?.ok_or_else(|| say::part_missing("docker] compose_file [docker"))?;
        compose.recreate(service, &[], COMPOSE).await.map_err(|error| error.to_string())?;
        waiting::become_healthy(app, name, app.config.proof.within).await?;
        if runs(app, name, reference).await? { Ok(()) } else { Err(say::other_image(name, reference)) }
    };
    match made.await {
        Ok(()) => done(""),
        Err(why) => failed(why),
    }
}

/// Whether the container called so runs, with the image that has this name.
async fn runs(app: &App, name: &str, reference: &str) -> Result<bool, String> {
    let docker = app.executors.docker.as_ref().ok_or_else(|| say::part_missing("docker"))?;
    let read = tokio::try_join!(docker.targets(DEADLINE), docker.image(reference, DEADLINE));
    let (all, image) = read.map_err(|error| error.to_string())?;
    let image = image.ok_or_else(|| say::not_built(reference))?;
    let mut named = all.iter().filter(|one| one.container.name == name);
    Ok(named.any(|one| one.image_id == image.id && one.container.state == ContainerState::Running))
}

pub(super) async fn look(app: &App, name: &str, reference: &str) -> Found {
    match runs(app, name, reference).await {
        Ok(true) => Found::Done(String::new()),
        Ok(false) => Found::NotDone(String::new()),
        Err(why) => Found::Unclear(why),
    }
}

/// A container that is to run another image.
#[derive(Clone, Copy)]
pub(super) struct Swap<'a> {
    pub(super) name: &'a str,
    pub(super) id: &'a ContainerId,
    pub(super) reference: &'a str,
    pub(super) from: &'a ImageId,
    pub(super) to: &'a ImageId,
}

/// The name is given to the image first, since a container says by it what it runs.
pub(super) async fn swap(app: &App, swap: Swap<'_>) -> StepOutcome {
    let Some(docker) = &app.executors.docker else { return failed(say::part_missing("docker")) };
    let acts = Acts::new(docker.clone());
    match swapped(app, &acts, swap).await {
        Ok(()) => done(""),
        Err(why) => {
            let (name, tag) = swap.reference.rsplit_once(':').unwrap_or((swap.reference, "latest"));
            match acts.tag_image(swap.from, name, tag).await {
                Ok(()) => failed(why),
                Err(error) => failed(say::name_not_back(&why, swap.reference, &error.to_string())),
            }
        }
    }
}

async fn swapped(app: &App, acts: &Acts, swap: Swap<'_>) -> Result<(), String> {
    // What an earlier try has left.
    let state = acts.replacement_state(swap.name).await.map_err(|error| error.to_string())?;
    let undone = match state {
        ReplacementState::Renamed { old } => acts.undo_replacement(&old.id, None, swap.name).await,
        ReplacementState::Both { old, new } => acts.undo_replacement(&old.id, Some(&new.id), swap.name).await,
        ReplacementState::Nothing | ReplacementState::Whole(_) | ReplacementState::Several(_) => Ok(()),
    };
    undone.map_err(|error| error.to_string())?;
    let (name, tag) = swap.reference.rsplit_once(':').unwrap_or((swap.reference, "latest"));
    acts.tag_image(swap.to, name, tag).await.map_err(|error| error.to_string())?;
    let with = ReplaceWith { env: &[], image: Some(swap.reference) };
    let replaced = match acts.replace_container(swap.id, with).await {
        Ok(replaced) => replaced,
        Err(error) => {
            let undone = acts.undo_replacement(&error.old, error.new.as_ref(), swap.name).await;
            return Err(say::replaced_back(&error.to_string(), undone.err().map(|error| error.to_string())));
        }
    };
    if let Err(why) = waiting::become_healthy(app, swap.name, app.config.proof.within).await {
        let undone = acts.undo_replacement(&replaced.old, Some(&replaced.new), swap.name).await;
        return Err(say::replaced_back(&why, undone.err().map(|error| error.to_string())));
    }
    acts.finish_replacement(&replaced.old).await.map_err(|error| error.to_string())
}

pub(super) async fn look_at_swap(app: &App, name: &str, reference: &str, to: &ImageId) -> Found {
    let state = async {
        let docker = app.executors.docker.as_ref().ok_or_else(|| say::part_missing("docker"))?;
        let read = tokio::try_join!(docker.replacement_state(name), docker.image(reference, DEADLINE));
        let (state, image) = read.map_err(|error| error.to_string())?;
        let whole = matches!(state, ReplacementState::Whole(_));
        let named = image.is_some_and(|image| image.id == *to);
        Ok::<_, String>(whole && named && runs(app, name, reference).await?)
    };
    match state.await {
        Ok(true) => Found::Done(String::new()),
        Ok(false) => Found::NotDone(String::new()),
        Err(why) => Found::Unclear(why),
    }
}
