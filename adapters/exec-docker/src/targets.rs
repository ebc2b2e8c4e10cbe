//! All that a plan pins of the project's containers.

use std::time::Duration;

use commands::workload::{
    ContainerId, Dependency, Fingerprint, ImageFacts, ImageId, Origin, PublishedPort, RestartPolicy, Workload,
};
use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::call::{Call, is_reference};
use crate::{
    AT_ONCE, Docker, DockerError, ONE_OFF_LABEL, OUR_ONE_OFF_LABEL, PROJECT_LABEL, SERVICE_LABEL, act,
    container, fingerprint,
};

const NUMBER_LABEL: &str = "com.docker.compose.container-number";
const DEPENDS_ON_LABEL: &str = "com.docker.compose.depends_on";
const WORKING_DIR_LABEL: &str = "com.docker.compose.project.working_dir";
const CONFIG_FILES_LABEL: &str = "com.docker.compose.project.config_files";
const CONFIG_HASH_LABEL: &str = "com.docker.compose.config-hash";
const VERSION_LABEL: &str = "com.docker.compose.version";

impl Docker {
    /// All containers of the project, running or not, by service and name. One that goes away meanwhile is
    /// left out.
    pub async fn targets(&self, deadline: Duration) -> Result<Vec<Workload>, DockerError> {
        timeout(deadline, self.all_targets(deadline)).await.map_err(|_| self.timed_out())?
    }

    /// One container; `None` when it is not there, or no longer.
    pub async fn target(
        &self,
        id: &ContainerId,
        deadline: Duration,
    ) -> Result<Option<Workload>, DockerError> {
        self.inspected(id.as_str(), deadline).await?.as_ref().map(workload).transpose()
    }

    /// The SHA-256 of a variable's value in a container; `None` where the variable is not set, or where there is
    /// no such container.
    pub async fn env_fingerprint(
        &self,
        id: &ContainerId,
        variable: &str,
        deadline: Duration,
    ) -> Result<Option<Fingerprint>, DockerError> {
        let Some(inspected) = self.inspected(id.as_str(), deadline).await? else { return Ok(None) };
        let pairs = inspected["Config"]["Env"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut values = pairs.filter_map(|pair| pair.split_once('=')).filter(|(name, _)| *name == variable);
        values.next_back().map(|(_, value)| fingerprint::of_text(value)).transpose()
    }

    /// An image by its name or id; `None` when the Engine does not have it.
    pub async fn image(
        &self,
        reference: &str,
        deadline: Duration,
    ) -> Result<Option<ImageFacts>, DockerError> {
        self.inspected_image(reference, deadline).await?.as_ref().map(image_facts).transpose()
    }

    async fn all_targets(&self, deadline: Duration) -> Result<Vec<Workload>, DockerError> {
        let client = self.endpoint.client()?;
        let ids = self.summaries(&client).await?.into_iter().filter_map(|summary| summary.id);
        let found: Vec<_> = stream::iter(ids)
            .map(async |id| self.inspected(&id, deadline).await?.as_ref().map(workload).transpose())
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut targets: Vec<Workload> =
            found.into_iter().filter_map(Result::transpose).collect::<Result<_, _>>()?;
        targets.sort_by(|a, b| (&a.service, &a.container.name).cmp(&(&b.service, &b.container.name)));
        Ok(targets)
    }

    /// All that the Engine tells of a container, as it tells it: the library's types would lose what they do not
    /// know. The name has been checked, or is an id.
    pub(crate) async fn inspected(
        &self,
        id_or_name: &str,
        deadline: Duration,
    ) -> Result<Option<Value>, DockerError> {
        self.look_up(format!("/containers/{id_or_name}/json"), deadline).await
    }

    pub(crate) async fn inspected_image(
        &self,
        reference: &str,
        deadline: Duration,
    ) -> Result<Option<Value>, DockerError> {
        if !is_reference(reference) {
            return Ok(None);
        }
        self.look_up(format!("/images/{reference}/json"), deadline).await
    }

    async fn look_up(&self, path: String, deadline: Duration) -> Result<Option<Value>, DockerError> {
        match Call::get(path).send(&self.endpoint, deadline).await?.json(&self.endpoint) {
            Err(DockerError::Engine { code: 404, .. }) => Ok(None),
            other => other.map(Some),
        }
    }
}

/// Reads the answer to an inspection.
pub(crate) fn workload(inspected: &Value) -> Result<Workload, DockerError> {
    let known = serde_json::from_value(inspected.clone())
        .map_err(|error| DockerError::BadAnswer(format!("a container: {error}")))?;
    let container = container::from_engine(known)?;
    let config = &inspected["Config"];
    let host = &inspected["HostConfig"];
    let label = |name: &str| text(&config["Labels"][name]);
    let service = label(SERVICE_LABEL);
    let id: ContainerId = container.id.parse().map_err(bad)?;
    Ok(Workload {
        replaced: act::was_replaced(&container.name, &id),
        id,
        one_off: label(ONE_OFF_LABEL).is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || label(OUR_ONE_OFF_LABEL).is_some(),
        image: text(&config["Image"]).unwrap_or_default(),
        image_id: text(&inspected["Image"]).unwrap_or_default().parse().map_err(bad)?,
        depends_on: label(DEPENDS_ON_LABEL).map(|label| Dependency::read(&label)),
        ports: ports(&host["PortBindings"]),
        fixed_name: label(PROJECT_LABEL).zip(service.clone()).is_some_and(|(project, service)| {
            let number = label(NUMBER_LABEL).unwrap_or_else(|| "1".to_owned());
            !['_', '-'].iter().any(|join| container.name == format!("{project}{join}{service}{join}{number}"))
        }),
        origin: label(PROJECT_LABEL).map(|project| Origin {
            project,
            working_dir: label(WORKING_DIR_LABEL),
            config_files: label(CONFIG_FILES_LABEL)
                .map(|files| files.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            config_hash: label(CONFIG_HASH_LABEL),
            version: label(VERSION_LABEL),
        }),
        restart: restart_policy(&host["RestartPolicy"]),
        stop_grace: config["StopTimeout"].as_u64().and_then(|seconds| u32::try_from(seconds).ok()),
        networks: names(inspected["NetworkSettings"]["Networks"].as_object()),
        configuration: fingerprint::of_configuration(inspected)?,
        service,
        container,
    })
}

fn image_facts(inspected: &Value) -> Result<ImageFacts, DockerError> {
    let labels = inspected["Config"]["Labels"].as_object().into_iter().flatten();
    Ok(ImageFacts {
        id: image_id(&inspected["Id"])?,
        created_at: time(&inspected["Created"]),
        labels: labels.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect(),
        tags: texts(&inspected["RepoTags"]),
    })
}

/// An image's id as it stands in an answer.
pub(crate) fn image_id(value: &Value) -> Result<ImageId, DockerError> {
    text(value).unwrap_or_default().parse().map_err(bad)
}

pub(crate) fn bad(error: impl std::fmt::Display) -> DockerError {
    DockerError::BadAnswer(error.to_string())
}

/// A text that is there and not empty.
pub(crate) fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(text).collect()
}

/// The year 1 is none.
pub(crate) fn time(value: &Value) -> Option<jiff::Timestamp> {
    value.as_str()?.parse().ok().filter(|at| *at > jiff::Timestamp::UNIX_EPOCH)
}

fn names(fields: Option<&Map<String, Value>>) -> Vec<String> {
    let mut names: Vec<String> = fields.into_iter().flatten().map(|(name, _)| name.clone()).collect();
    names.sort();
    names
}

fn ports(bindings: &Value) -> Vec<PublishedPort> {
    let mut ports: Vec<PublishedPort> = bindings
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(container_port, bound)| {
            bound.as_array().into_iter().flatten().map(|one| PublishedPort {
                address: text(&one["HostIp"]).unwrap_or_default(),
                port: text(&one["HostPort"]).unwrap_or_default(),
                container_port: container_port.clone(),
            })
        })
        .collect();
    ports.sort();
    ports
}

fn restart_policy(policy: &Value) -> RestartPolicy {
    match policy["Name"].as_str() {
        Some("always") => RestartPolicy::Always,
        Some("unless-stopped") => RestartPolicy::UnlessStopped,
        Some("on-failure") => RestartPolicy::OnFailure {
            most: policy["MaximumRetryCount"].as_u64().and_then(|most| u32::try_from(most).ok()).unwrap_or(0),
        },
        _ => RestartPolicy::No,
    }
}
