//! Containers, read through the Docker Engine API.
//!
//! A service's container is the one named in the configuration, or else the one that carries its
//! Compose labels. Requests go to paths without a version, so old and new engines answer alike.
//!
//! Nothing outside [`act`] changes anything on the platform.

pub mod act;
mod answer;
mod call;
mod container;
mod deployed;
mod disk;
mod endpoint;
mod error;
mod events;
mod fingerprint;
mod frames;
mod image;
mod logs;
mod networks;
mod project;
mod reclaim;
mod record;
mod secrets;
mod targets;
mod usage;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::InspectContainerOptions;
use commands::health::Container;
use commands::ids::ServiceName;
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout, timeout_at};

use crate::endpoint::Endpoint;
pub use crate::error::DockerError;
pub use crate::image::Images;

/// How long [`Docker::info`] waits for an answer.
const INFO_DEADLINE: Duration = Duration::from_secs(5);

/// Containers inspected at the same time, each over a connection of its own.
const AT_ONCE: usize = 16;

/// Compose marks what it starts with these: <https://docs.docker.com/reference/compose-file/services/#labels>.
const PROJECT_LABEL: &str = "com.docker.compose.project";
const SERVICE_LABEL: &str = "com.docker.compose.service";
const ONE_OFF_LABEL: &str = "com.docker.compose.oneoff";

/// On what the bot makes for one job: the run that it was made for.
const OUR_ONE_OFF_LABEL: &str = "acgs.one_off";

/// What the doctor wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerInfo {
    /// The engine's own id, which stays over restarts.
    pub daemon_id: String,
    /// Such as `28.2.2`.
    pub version: String,
    /// Where the engine keeps everything, on its own machine.
    pub root: Option<String>,
}

/// One Docker Engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Docker {
    endpoint: Endpoint,
    project: Option<String>,
}

/// What is known of each service's container; `None` where there is none.
pub type Found = BTreeMap<ServiceName, Result<Option<Container>, DockerError>>;

/// What is asked about, as the engine knows it.
enum Target {
    Id(String),
    Name(String),
}

impl Docker {
    /// Reads the address; connects to nothing yet, so the bot starts without Docker too. With a
    /// `project`, containers of other Compose projects are not looked at.
    pub fn connect(host: &str, project: Option<String>) -> Result<Self, DockerError> {
        Ok(Self { endpoint: host.parse()?, project })
    }

    /// The container of each service, `None` where there is none. A name given beside the service is
    /// the container's exact name; without one it is found by its Compose labels.
    ///
    /// A service with several containers is as well as its sickest one, so that is the one returned.
    /// What `docker compose run` started does not count. `deadline` covers all of it; a container that
    /// can't be read in time, or at all, hides no other service's.
    pub async fn containers(
        &self,
        services: &[(ServiceName, Option<String>)],
        deadline: Duration,
    ) -> Result<Found, DockerError> {
        let by = Instant::now() + deadline;
        let client = self.endpoint.client()?;
        let targets =
            timeout_at(by, self.to_inspect(&client, services)).await.map_err(|_| self.timed_out())??;
        let client = &client;
        let inspected: Vec<_> = stream::iter(targets)
            .map(|(service, target)| async move {
                let inspected = timeout_at(by, self.inspect(client, target)).await;
                (service, inspected.unwrap_or_else(|_| Err(self.timed_out())))
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;

        let mut found: Found = services.iter().map(|(service, _)| (service.clone(), Ok(None))).collect();
        for (service, container) in inspected {
            let known = found.entry(service).or_insert(Ok(None));
            *known = match (std::mem::replace(known, Ok(None)), container) {
                (Ok(known), Ok(container)) => Ok(container::sicker(known, container)),
                // How the service is, nobody can say who has not seen all of it.
                (Err(error), _) | (_, Err(error)) => Err(error),
            };
        }
        Ok(found)
    }

    /// Who answers at this address.
    pub async fn info(&self) -> Result<DockerInfo, DockerError> {
        let client = self.endpoint.client()?;
        let info = timeout(INFO_DEADLINE, client.info())
            .await
            .map_err(|_| self.timed_out())?
            .map_err(|error| self.endpoint.error(error))?;
        let missing = |what: &str| DockerError::BadAnswer(format!("it does not say its {what}"));
        Ok(DockerInfo {
            daemon_id: info.id.ok_or_else(|| missing("id"))?,
            version: info.server_version.ok_or_else(|| missing("version"))?,
            root: info.docker_root_dir.filter(|root| root.starts_with('/')),
        })
    }

    /// What to inspect for each service. A service may appear never or more than once.
    async fn to_inspect(
        &self,
        client: &bollard::Docker,
        services: &[(ServiceName, Option<String>)],
    ) -> Result<Vec<(ServiceName, Target)>, DockerError> {
        let labelled = if services.iter().any(|(_, name)| name.is_none()) {
            self.by_service_label(client).await?
        } else {
            HashMap::new()
        };
        let mut targets = Vec::new();
        for (service, name) in services {
            match name {
                Some(name) if container::can_be_name(name) => {
                    targets.push((service.clone(), Target::Name(name.clone())));
                }
                Some(_) => {}
                None => {
                    let ids = labelled.get(service.as_str()).into_iter().flatten();
                    targets.extend(ids.map(|id| (service.clone(), Target::Id(id.clone()))));
                }
            }
        }
        Ok(targets)
    }

    /// Ids of all containers, running or not, by the Compose service that they belong to.
    async fn by_service_label(
        &self,
        client: &bollard::Docker,
    ) -> Result<HashMap<String, Vec<String>>, DockerError> {
        let listed = self.summaries(client).await?;
        let mut by_service: HashMap<String, Vec<String>> = HashMap::new();
        let mut replaced: HashMap<String, Vec<String>> = HashMap::new();
        for container in listed {
            let mut labels = container.labels.unwrap_or_default();
            let one_off = project::is_one_off(&labels);
            if let (Some(id), Some(service), false) = (container.id, labels.remove(SERVICE_LABEL), one_off) {
                let is_replaced = id.parse().is_ok_and(|id| {
                    container.names.iter().flatten().any(|name| act::was_replaced(name, &id))
                });
                let ids = if is_replaced { &mut replaced } else { &mut by_service };
                ids.entry(service).or_default().push(id);
            }
        }
        // It waits for its removal or its return, and is the service only where there is no other.
        for (service, ids) in replaced {
            by_service.entry(service).or_insert(ids);
        }
        Ok(by_service)
    }

    /// `None` when it is not there, or no longer.
    async fn inspect(
        &self,
        client: &bollard::Docker,
        target: Target,
    ) -> Result<Option<Container>, DockerError> {
        let Some(answer) = self.inspect_whole(client, &target).await? else { return Ok(None) };
        let container = container::from_engine(answer)?;
        // The engine takes the beginning of an id for a name as well.
        let is_meant = match &target {
            Target::Id(_) => true,
            Target::Name(name) => *name == container.name,
        };
        Ok(is_meant.then_some(container))
    }

    /// All that the engine tells; it may take a name for the beginning of an id.
    async fn inspect_whole(
        &self,
        client: &bollard::Docker,
        target: &Target,
    ) -> Result<Option<ContainerInspectResponse>, DockerError> {
        let (Target::Id(asked) | Target::Name(asked)) = target;
        match client.inspect_container(asked, None::<InspectContainerOptions>).await {
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            other => other.map(Some).map_err(|error| self.endpoint.error(error)),
        }
    }

    fn timed_out(&self) -> DockerError {
        DockerError::TimedOut(self.endpoint.to_string())
    }
}
