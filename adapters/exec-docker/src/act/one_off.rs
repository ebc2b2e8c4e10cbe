//! A container made for one job, such as a migration, and removed after it.

use std::time::Duration;

use commands::ids::RunId;
use commands::logs::Log;
use commands::redact::Redactor;
use commands::workload::{ContainerId, OneOff};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::recipe::{self, Recipe};
use super::{ANSWER, ActError, Acts};
use crate::call::{Call, filters, is_reference};
use crate::targets::{bad, text, texts};
use crate::{Docker, DockerError, ONE_OFF_LABEL, OUR_ONE_OFF_LABEL, PROJECT_LABEL, container};

/// What a job has of a service's container: none of what would make it answer in the service's place, or come back.
const NOT_TAKEN: [&str; 6] =
    ["PortBindings", "PublishAllPorts", "RestartPolicy", "AutoRemove", "ContainerIDFile", "Links"];

/// What the job's container is made like.
#[derive(Clone, Copy, Debug)]
pub enum Template<'a> {
    /// Another container: its image, environment, mounts and limits.
    Container(&'a ContainerId),
    /// An image that the Engine has, with nothing besides.
    Image(&'a str),
}

/// A job to run.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The run that it is for; there is one job of a run at a time.
    pub run: RunId,
    /// What it is made like.
    pub like: Template<'a>,
    /// Arguments for the image's entry point, or a program. No shell reads them.
    pub argv: &'a [&'a str],
    /// Variables to set.
    pub env: &'a [(String, SecretString)],
    /// Networks to be on, by name; none given means those of the container that it is made like.
    pub networks: &'a [&'a str],
    /// How long it may take at most.
    pub timeout: Duration,
    /// So many of its last lines are kept.
    pub lines: u16,
}

/// How a job ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEnd {
    /// 0 is well.
    pub exit_code: i64,
    /// What it wrote; `None` where that could not be read.
    pub log: Option<Log>,
    /// Its container, if it could not be removed.
    pub left: Option<ContainerId>,
}

/// Why a job has no exit code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct JobError {
    /// Why.
    pub why: JobFault,
    /// What it wrote so far, if it was started.
    pub log: Option<Box<Log>>,
    /// Its container, if it was made and could not be removed.
    pub left: Option<ContainerId>,
}

/// What went wrong with a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobFault {
    /// It was not made or not started, as far as is known.
    #[error("the job was not started: {0}")]
    NotStarted(ActError),
    /// Its time was over, and it was ended by force.
    #[error("the job's time was over, and it was ended by force")]
    TimedOut,
    /// The Engine did not say how it ended.
    #[error("nobody can say how the job ended: {0}")]
    Lost(DockerError),
}

impl Acts {
    /// Runs a job to its end in a container of its own, and removes that, also after a failure. One that was cut
    /// off is found by [`Docker::one_offs`].
    pub async fn run_one_off(&self, job: &Job<'_>, redactor: &Redactor) -> Result<JobEnd, JobError> {
        let not_started = |why| JobError { why: JobFault::NotStarted(why), log: None, left: None };
        let recipe = self.job_recipe(job).await.map_err(not_started)?;
        let making = Call::post(format!("/containers/create?name=acgs_job_{}", job.run)).with(recipe.body);
        let made = self.make(making).await.map_err(not_started)?;
        let id: ContainerId = made.parse().map_err(|error| not_started(ActError::Unknown(bad(error))))?;
        let ended = self.run_made(&id, recipe.networks, job.timeout).await;
        let log = match &ended {
            Err(JobFault::NotStarted(_)) => None,
            Ok(_) | Err(_) => self.job_log(&id, job.lines, redactor).await,
        };
        // By force, for it may still run; with the volumes that were made for it alone.
        let removed = self.act(Call::delete(format!("/containers/{id}?force=1&v=1")), ANSWER).await;
        let left = match removed {
            Ok(_) | Err(ActError::Gone(_)) => None,
            Err(_) => Some(id),
        };
        match ended {
            Ok(exit_code) => Ok(JobEnd { exit_code, log, left }),
            Err(why) => Err(JobError { why, log: log.map(Box::new), left }),
        }
    }

    /// Removes a job's container that was left, by force where it still runs.
    pub async fn remove_one_off(&self, id: &ContainerId) -> Result<(), ActError> {
        let found = self.check_own(id).await?;
        if text(&found["Config"]["Labels"][OUR_ONE_OFF_LABEL]).is_none() {
            return Err(ActError::Conflict(format!("{} was not made for a job", id.short())));
        }
        self.act(Call::delete(format!("/containers/{id}?force=1&v=1")), ANSWER).await.map(drop)
    }

    async fn run_made(
        &self,
        id: &ContainerId,
        networks: Vec<(String, Value)>,
        patience: Duration,
    ) -> Result<i64, JobFault> {
        for (network, endpoint) in networks {
            let body = json!({ "Container": id, "EndpointConfig": endpoint });
            let call = Call::post(format!("/networks/{network}/connect")).with(body);
            self.act(call, ANSWER).await.map_err(JobFault::NotStarted)?;
        }
        let by = Instant::now() + patience;
        let start = Call::post(format!("/containers/{id}/start"));
        self.act(start, ANSWER).await.map_err(JobFault::NotStarted)?;
        let waiting = Call::post(format!("/containers/{id}/wait"));
        let reply = match waiting.send(&self.endpoint, by.saturating_duration_since(Instant::now())).await {
            Ok(reply) => reply.json(&self.endpoint).map_err(JobFault::Lost)?,
            Err(fault) => {
                return Err(match DockerError::from(fault) {
                    DockerError::TimedOut(_) => JobFault::TimedOut,
                    error => JobFault::Lost(error),
                });
            }
        };
        reply["StatusCode"].as_i64().ok_or_else(|| JobFault::Lost(container::missing("exit code")))
    }

    async fn job_log(&self, id: &ContainerId, lines: u16, redactor: &Redactor) -> Option<Log> {
        self.record(id, lines, redactor, ANSWER).await.ok().flatten()?.log
    }

    async fn job_recipe(&self, job: &Job<'_>) -> Result<Recipe, ActError> {
        let unfit = |what: &str| ActError::Unfit(format!("{what:?} can't stand in a job"));
        let mut recipe = match job.like {
            Template::Container(id) => {
                let inspected = self.check_own(id).await?;
                let mut recipe = recipe::again(&inspected);
                // The very image, whatever its name means by now.
                recipe.body["Image"] = inspected["Image"].clone();
                recipe
            }
            Template::Image(reference) => {
                if !is_reference(reference) {
                    return Err(unfit(reference));
                }
                let body = json!({ "Image": reference, "HostConfig": { "NetworkMode": "none" } });
                Recipe { body, networks: Vec::new() }
            }
        };
        if let Some(host) = recipe.body["HostConfig"].as_object_mut() {
            host.retain(|key, _| !NOT_TAKEN.contains(&key.as_str()));
        }
        recipe.leave_names(job.networks);
        recipe.body["Cmd"] = json!(job.argv);
        recipe.body["Healthcheck"] = json!({ "Test": ["NONE"] });
        recipe.set(job.env).map_err(|name| unfit(&name))?;
        if let Some(project) = &self.project {
            recipe.label(PROJECT_LABEL, project);
        }
        recipe.label(ONE_OFF_LABEL, "True");
        recipe.label(OUR_ONE_OFF_LABEL, &job.run.to_string());
        Ok(recipe)
    }
}

impl Docker {
    /// Containers of jobs that are still there: of jobs under way, and of those that were cut off.
    pub async fn one_offs(&self, deadline: Duration) -> Result<Vec<OneOff>, DockerError> {
        let path = format!("/containers/json?all=1&filters={}", filters("label", OUR_ONE_OFF_LABEL));
        let listed = Call::get(path).send(&self.endpoint, deadline).await?.json(&self.endpoint)?;
        let mut found = Vec::new();
        for one in listed.as_array().into_iter().flatten() {
            let project = text(&one["Labels"][PROJECT_LABEL]);
            if self.project.is_some() && project != self.project {
                continue;
            }
            let name = texts(&one["Names"]).into_iter().next().unwrap_or_default();
            found.push(OneOff {
                id: text(&one["Id"]).unwrap_or_default().parse().map_err(bad)?,
                name: name.trim_start_matches('/').to_owned(),
                run: text(&one["Labels"][OUR_ONE_OFF_LABEL]).unwrap_or_default(),
                running: matches!(one["State"].as_str(), Some("running" | "paused" | "restarting")),
            });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }
}
