//! One container in the place of another, by the Engine alone: the old one stays beside, stopped, until the new one
//! is found well. Whoever is cut off in between sees from the names which halves there are.

use std::fmt;
use std::time::Duration;

use commands::workload::{ContainerId, ImageId};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::recipe::{self, Recipe};
use super::{ANSWER, ActError, Acts};
use crate::call::{Call, is_reference};
use crate::targets::{bad, image_id, text, texts};
use crate::{Docker, DockerError, container};

/// On the new container: the id of the one that it replaces.
const REPLACES_LABEL: &str = "acgs.replaces";

/// Compose 2 compares the image with it.
const IMAGE_LABEL: &str = "com.docker.compose.image";

/// The Engine's own, where a container has none.
const STOP_GRACE: u64 = 10;

/// What is to be different. Everything else stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplaceWith<'a> {
    /// Variables to set.
    pub env: &'a [(String, SecretString)],
    /// The image to run, by name or id, which the Engine has; `None` for the very one that runs.
    pub image: Option<&'a str>,
}

/// A replacement whose new half is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The name, which is the new one's now.
    pub name: String,
    /// Stopped and renamed.
    pub old: ContainerId,
    /// Started; whether it is well, nobody has looked yet.
    pub new: ContainerId,
}

/// What a replacement goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceStep {
    /// Looking whether it can be done at all.
    Look,
    /// Taking the name from the old one, which still runs.
    Rename,
    /// Making the new one.
    Create,
    /// Attaching it to its other networks.
    Connect,
    /// Stopping the old one.
    Stop,
    /// Starting the new one.
    Start,
}

impl fmt::Display for ReplaceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Look => "looking at the container",
            Self::Rename => "renaming the old container",
            Self::Create => "making the new container",
            Self::Connect => "attaching the new container to its networks",
            Self::Stop => "stopping the old container",
            Self::Start => "starting the new container",
        })
    }
}

/// Where a replacement stopped, with what [`Acts::undo_replacement`] takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {why}")]
pub struct ReplaceError {
    /// At what.
    pub step: ReplaceStep,
    /// The name that goes from one to the other; empty if it is not known.
    pub name: String,
    /// The old one.
    pub old: ContainerId,
    /// The new one, if it was made.
    pub new: Option<ContainerId>,
    /// Why.
    pub why: ActError,
}

/// One half of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Half {
    /// Which.
    pub id: ContainerId,
    /// Whether its process runs.
    pub running: bool,
}

/// Which halves of a replacement there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplacementState {
    /// No container has the name, and none was renamed.
    Nothing,
    /// None is under way, or one is finished or undone.
    Whole(Half),
    /// The old one was renamed, and there is no new one: undo, or replace again.
    Renamed {
        /// The renamed one.
        old: Half,
    },
    /// Both are there: undo, or finish when the new one is well.
    Both {
        /// The renamed one.
        old: Half,
        /// The one that has the name.
        new: Half,
    },
    /// More than one was renamed from this name: a person must say which one counts.
    Several(Vec<ContainerId>),
}

/// What was found out before the first change.
struct Look {
    name: String,
    renamed: bool,
    grace: Duration,
    recipe: Recipe,
    image: ImageId,
}

impl Acts {
    /// Makes a container like `id` with what is different, and starts it in its place. The old one is stopped and
    /// kept under the name `<name>_old_<first digits of its id>`. It goes on where an earlier call was cut off
    /// before the new one ever ran.
    ///
    /// After it, look whether the new one is well; then [`Acts::finish_replacement`], else
    /// [`Acts::undo_replacement`], which is also for every error.
    pub async fn replace_container(
        &self,
        id: &ContainerId,
        with: ReplaceWith<'_>,
    ) -> Result<Replaced, ReplaceError> {
        let failed = |step, name: &str, new: Option<&ContainerId>, why| ReplaceError {
            step,
            name: name.to_owned(),
            old: id.clone(),
            new: new.cloned(),
            why,
        };
        let look = self.look(id, with).await.map_err(|why| failed(ReplaceStep::Look, "", None, why))?;
        let name = &look.name;
        if !look.renamed {
            let path = format!("/containers/{id}/rename?name={}", kept_name(name, id));
            let renamed = self.act(Call::post(path), ANSWER).await;
            renamed.map_err(|why| failed(ReplaceStep::Rename, name, None, why))?;
        }
        let making = Call::post(format!("/containers/create?name={name}")).with(look.recipe.body);
        let made = self.make(making).await;
        let new: ContainerId = made
            .and_then(|id| id.parse().map_err(|error| ActError::Unknown(bad(error))))
            .map_err(|why| failed(ReplaceStep::Create, name, None, why))?;
        let failed = |step, why| failed(step, name, Some(&new), why);
        self.check_image(&new, &look.image).await.map_err(|why| failed(ReplaceStep::Create, why))?;
        for (network, endpoint) in look.recipe.networks {
            let body = json!({ "Container": new, "EndpointConfig": endpoint });
            let connected =
                self.act(Call::post(format!("/networks/{network}/connect")).with(body), ANSWER).await;
            connected.map_err(|why| failed(ReplaceStep::Connect, why))?;
        }
        let stopped = self.act(Call::post(format!("/containers/{id}/stop")), look.grace + ANSWER).await;
        stopped.map_err(|why| failed(ReplaceStep::Stop, why))?;
        let started = self.act(Call::post(format!("/containers/{new}/start")), ANSWER).await;
        started.map_err(|why| failed(ReplaceStep::Start, why))?;
        Ok(Replaced { name: name.clone(), old: id.clone(), new })
    }

    /// Removes the old one of a replacement, which must be stopped and still have the name that it was kept under.
    pub async fn finish_replacement(&self, old: &ContainerId) -> Result<(), ActError> {
        let inspected = self.check_own(old).await?;
        if original_name(&name_of(&inspected), old).is_none() {
            return Err(ActError::Conflict(format!("{} was not replaced", old.short())));
        }
        self.act(Call::delete(format!("/containers/{old}")), ANSWER).await.map(drop)
    }

    /// Puts the old one back: stops and removes the new one (with its log: read it before), gives the old one its
    /// name again and starts it. What is so already is left, so that it can be called again after any error.
    pub async fn undo_replacement(
        &self,
        old: &ContainerId,
        new: Option<&ContainerId>,
        name: &str,
    ) -> Result<(), ActError> {
        if !container::can_be_name(name) || new == Some(old) {
            return Err(ActError::Unfit(format!("{name:?} is no name to give back")));
        }
        // First, for without it there is nothing to go back to.
        let kept = self.check_own(old).await?;
        let is_renamed = match name_of(&kept) {
            current if current == name => false,
            current if original_name(&current, old) == Some(name) => true,
            current => return Err(ActError::Conflict(format!("{} is named {current} now", old.short()))),
        };
        if let Some(new) = new
            && let Some(made) = self.inspected(new.as_str(), ANSWER).await?
        {
            if text(&made["Config"]["Labels"][REPLACES_LABEL]).as_deref() != Some(old.as_str()) {
                return Err(ActError::Conflict(format!("{} does not replace {}", new.short(), old.short())));
            }
            self.act(Call::post(format!("/containers/{new}/stop")), grace(&made) + ANSWER).await?;
            self.act(Call::delete(format!("/containers/{new}")), ANSWER).await?;
        }
        if is_renamed {
            self.act(Call::post(format!("/containers/{old}/rename?name={name}")), ANSWER).await?;
        }
        self.act(Call::post(format!("/containers/{old}/start")), ANSWER).await.map(drop)
    }

    /// Everything that can fail without a change.
    async fn look(&self, id: &ContainerId, with: ReplaceWith<'_>) -> Result<Look, ActError> {
        let inspected = self.check_own(id).await?;
        let current = name_of(&inspected);
        let (name, renamed) = match original_name(&current, id) {
            Some(original) => (original.to_owned(), true),
            None => (current, false),
        };
        if !container::can_be_name(&name) {
            return Err(ActError::Unfit(format!("{name:?} is no name of a container")));
        }
        if inspected["HostConfig"]["AutoRemove"] == json!(true) {
            let why = format!("{name} removes itself when it is stopped, so there would be no way back");
            return Err(ActError::Conflict(why));
        }
        let mut recipe = recipe::again(&inspected);
        let runs = image_id(&inspected["Image"])?;
        let image = match with.image {
            Some(reference) => {
                let wanted = self.known_image(reference).await?;
                let old = self.inspected_image(runs.as_str(), ANSWER).await?;
                let old = old.ok_or_else(|| {
                    ActError::Gone(format!(
                        "the image of {name}, without which nobody can say what is the container's own"
                    ))
                })?;
                recipe.take_image(reference, &old);
                if !inspected["Config"]["Labels"][IMAGE_LABEL].is_null() {
                    recipe.label(IMAGE_LABEL, wanted.as_str());
                }
                wanted
            }
            // The name may mean another image by now.
            None => {
                let named = recipe.body["Image"].as_str().unwrap_or_default().to_owned();
                if !self.known_image(&named).await.is_ok_and(|named| named == runs) {
                    recipe.body["Image"] = json!(runs);
                    self.known_image(runs.as_str()).await?;
                }
                runs
            }
        };
        recipe.set(with.env).map_err(|name| ActError::Unfit(format!("{name:?} can't be set")))?;
        recipe.label(REPLACES_LABEL, id.as_str());
        if renamed {
            self.remove_unused_half(&name, id).await?;
        }
        Ok(Look { name, renamed, grace: grace(&inspected), recipe, image })
    }

    async fn known_image(&self, reference: &str) -> Result<ImageId, ActError> {
        if !is_reference(reference) {
            return Err(ActError::Unfit(format!("{reference:?} is no name of an image")));
        }
        let found = self.inspected_image(reference, ANSWER).await?;
        let found = found.ok_or_else(|| ActError::Gone(format!("image {reference}")))?;
        Ok(image_id(&found["Id"])?)
    }

    /// Of a replacement that was cut off: a new half that never ran is made anew, for what it was to be different
    /// in is not known. One that ran is somebody's decision.
    async fn remove_unused_half(&self, name: &str, old: &ContainerId) -> Result<(), ActError> {
        let Some(half) = self.inspected(name, ANSWER).await? else { return Ok(()) };
        // The Engine takes the beginning of an id for a name as well.
        if name_of(&half) != name {
            return Ok(());
        }
        let is_ours = text(&half["Config"]["Labels"][REPLACES_LABEL]).as_deref() == Some(old.as_str());
        if !is_ours || half["State"]["Status"] != json!("created") {
            return Err(ActError::Conflict(format!(
                "{name} has a new container that ran: undo or finish first"
            )));
        }
        let id: ContainerId = text(&half["Id"]).unwrap_or_default().parse().map_err(bad)?;
        self.act(Call::delete(format!("/containers/{id}")), ANSWER).await.map(drop)
    }

    /// The name of an image may have been given to another between the look and the making.
    async fn check_image(&self, new: &ContainerId, wanted: &ImageId) -> Result<(), ActError> {
        let made = self.inspected(new.as_str(), ANSWER).await?;
        let made = made.ok_or_else(|| ActError::Gone(format!("container {}", new.short())))?;
        if image_id(&made["Image"])? == *wanted {
            Ok(())
        } else {
            Err(ActError::Conflict("the image's name was given to another image meanwhile".to_owned()))
        }
    }
}

impl Docker {
    /// Which halves of a replacement of the container called `name` there are.
    pub async fn replacement_state(&self, name: &str) -> Result<ReplacementState, DockerError> {
        if !container::can_be_name(name) {
            return Ok(ReplacementState::Nothing);
        }
        let listed =
            Call::get("/containers/json?all=1").send(&self.endpoint, ANSWER).await?.json(&self.endpoint)?;
        let mut current = None;
        let mut kept = Vec::new();
        for one in listed.as_array().into_iter().flatten() {
            let id: ContainerId = text(&one["Id"]).unwrap_or_default().parse().map_err(bad)?;
            let running = matches!(one["State"].as_str(), Some("running" | "paused" | "restarting"));
            for own in texts(&one["Names"]).iter().map(|name| name.trim_start_matches('/')) {
                let half = || Half { id: id.clone(), running };
                if own == name {
                    current = Some(half());
                } else if original_name(own, &id) == Some(name) {
                    kept.push(half());
                }
            }
        }
        Ok(match (current, kept.pop()) {
            (_, Some(last)) if !kept.is_empty() => {
                ReplacementState::Several(kept.into_iter().chain([last]).map(|half| half.id).collect())
            }
            (None, None) => ReplacementState::Nothing,
            (Some(half), None) => ReplacementState::Whole(half),
            (None, Some(old)) => ReplacementState::Renamed { old },
            (Some(new), Some(old)) => ReplacementState::Both { old, new },
        })
    }
}

/// Under which the old one is kept.
fn kept_name(name: &str, id: &ContainerId) -> String {
    format!("{name}_old_{}", id.short())
}

/// Whether a container of this name was replaced by another one, and is kept.
pub(crate) fn was_replaced(name: &str, id: &ContainerId) -> bool {
    original_name(name.trim_start_matches('/'), id).is_some()
}

/// The name that a kept one had.
fn original_name<'a>(current: &'a str, id: &ContainerId) -> Option<&'a str> {
    current.strip_suffix(id.short())?.strip_suffix("_old_").filter(|name| !name.is_empty())
}

fn name_of(inspected: &Value) -> String {
    text(&inspected["Name"]).unwrap_or_default().trim_start_matches('/').to_owned()
}

fn grace(inspected: &Value) -> Duration {
    Duration::from_secs(inspected["Config"]["StopTimeout"].as_u64().unwrap_or(STOP_GRACE))
}
