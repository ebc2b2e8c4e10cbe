//! Calls that change something on the platform. Each says afterwards what is known: that nothing was done, that it
//! was done, or that nobody can say. None of them is tried twice here.

mod compose;
mod exec;
mod one_off;
mod recipe;
mod replace;

use std::ops::Deref;
use std::time::Duration;

use commands::workload::{ContainerId, ImageId};
use serde_json::Value;

use crate::call::{Call, Fault, Reply, is_reference};
use crate::targets::{text, texts};
use crate::{Docker, DockerError, PROJECT_LABEL};

pub use compose::{Compose, ComposeError, ComposeOutput, ComposeProject, ComposeVersion};
pub use exec::{Abort, Exec, ExecError, Executed};
pub use one_off::{Job, JobEnd, JobError, JobFault, Template};
pub(crate) use replace::was_replaced;
pub use replace::{Half, ReplaceError, ReplaceStep, ReplaceWith, Replaced, ReplacementState};

/// How long the Engine may take for what it does at once, and beyond a container's time to stop.
const ANSWER: Duration = Duration::from_secs(30);

/// What an act has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// What was asked.
    Changed,
    /// Nothing: it was so already.
    AlreadySo,
}

/// Why an act has not been done, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// The Engine was not reached, or refused.
    #[error("nothing was done: {0}")]
    NotBegun(DockerError),
    /// What was to be acted on, or what it needs, is not there.
    #[error("nothing was done, because something is gone ({0}): look again, and ask anew")]
    Gone(String),
    /// It is in no state for it.
    #[error("nothing was done, because it is not as expected ({0}): look again, and ask anew")]
    Conflict(String),
    /// It belongs to another project.
    #[error("nothing was done: {container} belongs to the project {project}, which is not the bot's")]
    Foreign {
        /// The container.
        container: ContainerId,
        /// Whose it is.
        project: String,
    },
    /// What was to be put into a call can't stand there.
    #[error("nothing was done: {0}")]
    Unfit(String),
    /// The Engine tried, and failed on the way.
    #[error("the Engine tried and failed: {0}; look what is there now")]
    Failed(DockerError),
    /// The Engine was asked, and no answer came.
    #[error("nobody can say whether it was done: {0}; look what is there now")]
    Unknown(DockerError),
}

impl ActError {
    /// Whether something may have changed.
    #[must_use]
    pub const fn may_have_acted(&self) -> bool {
        match self {
            Self::Failed(_) | Self::Unknown(_) => true,
            Self::NotBegun(_) | Self::Gone(_) | Self::Conflict(_) | Self::Foreign { .. } | Self::Unfit(_) => {
                false
            }
        }
    }
}

/// A question before an act, which changes nothing.
impl From<DockerError> for ActError {
    fn from(error: DockerError) -> Self {
        Self::NotBegun(error)
    }
}

impl From<Fault> for ActError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NotSent(error) => Self::NotBegun(error),
            Fault::Unanswered(error) => Self::Unknown(error),
        }
    }
}

/// The Engine, with what changes something there. Made where acts are carried out, and nowhere else.
#[derive(Clone, Debug)]
pub struct Acts {
    docker: Docker,
}

impl Acts {
    /// On this Engine.
    #[must_use]
    pub const fn new(docker: Docker) -> Self {
        Self { docker }
    }
}

/// Whoever acts looks as well.
impl Deref for Acts {
    type Target = Docker;

    fn deref(&self) -> &Docker {
        &self.docker
    }
}

impl Acts {
    /// Stops the container's process, by force after `grace`, and starts it: the same image, the same
    /// environment. One that is stopped is started.
    pub async fn restart(&self, id: &ContainerId, grace: Duration) -> Result<Done, ActError> {
        self.check_own(id).await?;
        let path = format!("/containers/{id}/restart?t={}", grace.as_secs());
        self.act(Call::post(path), grace + ANSWER).await.map(|reply| done(&reply))
    }

    /// Stops the container's process, by force after `grace`. The container stays, with its log.
    pub async fn stop(&self, id: &ContainerId, grace: Duration) -> Result<Done, ActError> {
        self.check_own(id).await?;
        let path = format!("/containers/{id}/stop?t={}", grace.as_secs());
        self.act(Call::post(path), grace + ANSWER).await.map(|reply| done(&reply))
    }

    /// Starts a container that is stopped.
    pub async fn start(&self, id: &ContainerId) -> Result<Done, ActError> {
        self.check_own(id).await?;
        self.act(Call::post(format!("/containers/{id}/start")), ANSWER).await.map(|reply| done(&reply))
    }

    /// Removes a container that does not run, with its log. Its volumes stay.
    pub async fn remove_container(&self, id: &ContainerId) -> Result<(), ActError> {
        self.check_own(id).await?;
        self.act(Call::delete(format!("/containers/{id}")), ANSWER).await.map(drop)
    }

    /// Removes an image with these names, which no container uses. Refuses where it has got other names meanwhile.
    pub async fn remove_image(&self, id: &ImageId, tags: &[String]) -> Result<(), ActError> {
        let found = self.inspected_image(id.as_str(), ANSWER).await?;
        let found = found.ok_or_else(|| ActError::Gone(format!("image {}", id.short())))?;
        let mut named = texts(&found["RepoTags"]);
        let mut expected = tags.to_vec();
        named.sort();
        expected.sort();
        if named != expected {
            return Err(ActError::Conflict(format!("image {} is now named {named:?}", id.short())));
        }
        let names = if named.len() > 1 { named } else { vec![id.to_string()] };
        for name in names {
            if !is_reference(&name) {
                return Err(ActError::Unfit(format!("{name:?} is no name of an image")));
            }
            self.act(Call::delete(format!("/images/{name}?noprune=1")), ANSWER).await?;
        }
        Ok(())
    }

    /// Gives an image one more name. One that has the name loses it.
    pub async fn tag_image(&self, id: &ImageId, name: &str, tag: &str) -> Result<(), ActError> {
        let is_tag = tag.len() <= 128
            && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if !is_reference(name) || !is_tag {
            return Err(ActError::Unfit(format!("{name:?} with the tag {tag:?} is no name of an image")));
        }
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("repo", name)
            .append_pair("tag", tag)
            .finish();
        self.act(Call::post(format!("/images/{id}/tag?{query}")), ANSWER).await.map(drop)
    }

    /// Sends what acts. Everything but a success is an error that says what is known.
    async fn act(&self, call: Call, deadline: Duration) -> Result<Reply, ActError> {
        let reply = call.send(&self.endpoint, deadline).await?;
        self.judged(reply)
    }

    fn judged(&self, reply: Reply) -> Result<Reply, ActError> {
        let code = reply.status.as_u16();
        if reply.status.is_success() || code == 304 {
            return Ok(reply);
        }
        let error = self.endpoint.refused(code, &String::from_utf8_lossy(&reply.body));
        let said = match &error {
            DockerError::Engine { message, .. } => message.clone(),
            other => other.to_string(),
        };
        Err(match code {
            404 => ActError::Gone(said),
            409 => ActError::Conflict(said),
            // A proxy in front of the Engine that has lost it on the way.
            502 | 504 => ActError::Unknown(error),
            // The same, without having asked it.
            503 => ActError::NotBegun(error),
            500.. => ActError::Failed(error),
            _ => ActError::NotBegun(error),
        })
    }

    /// Sends what makes something, and reads its id.
    async fn make(&self, call: Call) -> Result<String, ActError> {
        let reply = self.act(call, ANSWER).await?;
        let made: Value = serde_json::from_slice(&reply.body)
            .map_err(|error| ActError::Unknown(DockerError::BadAnswer(error.to_string())))?;
        text(&made["Id"]).ok_or_else(|| ActError::Unknown(crate::container::missing("id")))
    }

    /// A container of another project is not acted on, whoever asks.
    async fn check_own(&self, id: &ContainerId) -> Result<Value, ActError> {
        let found = self.inspected(id.as_str(), ANSWER).await?;
        let found = found.ok_or_else(|| ActError::Gone(format!("container {}", id.short())))?;
        let project = text(&found["Config"]["Labels"][PROJECT_LABEL]);
        match (project, &self.project) {
            (Some(project), Some(ours)) if project != *ours => {
                Err(ActError::Foreign { container: id.clone(), project })
            }
            _ => Ok(found),
        }
    }
}

fn done(reply: &Reply) -> Done {
    if reply.status.as_u16() == 304 { Done::AlreadySo } else { Done::Changed }
}
