//! Everything that Compose started for the platform, whatever it does now.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptionsBuilder;
use commands::containers::Listed;
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use crate::{AT_ONCE, Docker, DockerError, ONE_OFF_LABEL, PROJECT_LABEL, SERVICE_LABEL, Target};

impl Docker {
    /// All containers of the project (without one: all that Compose has made), the ended ones and
    /// one-off jobs too, by service and name. One that goes away meanwhile is left out.
    pub async fn list(&self, deadline: Duration) -> Result<Vec<Listed>, DockerError> {
        timeout(deadline, self.list_all()).await.map_err(|_| self.timed_out())?
    }

    async fn list_all(&self) -> Result<Vec<Listed>, DockerError> {
        let client = &self.endpoint.client()?;
        let summaries = self.summaries(client).await?;
        let mut listed: Vec<Listed> = stream::iter(summaries)
            .map(|summary| async move {
                let id = summary.id.clone().ok_or_else(|| crate::container::missing("id"))?;
                let container = self.inspect(client, Target::Id(id)).await?;
                Ok::<_, DockerError>(container.map(|container| {
                    let labels = summary.labels.unwrap_or_default();
                    Listed {
                        one_off: is_one_off(&labels),
                        service: labels.get(SERVICE_LABEL).cloned(),
                        image: summary.image.unwrap_or_default(),
                        container,
                    }
                }))
            })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?;
        listed.sort_by(|a, b| (&a.service, &a.container.name).cmp(&(&b.service, &b.container.name)));
        Ok(listed)
    }

    /// What the engine lists of the project, running or not.
    pub(crate) async fn summaries(
        &self,
        client: &bollard::Docker,
    ) -> Result<Vec<ContainerSummary>, DockerError> {
        let label = self
            .project
            .as_ref()
            .map_or_else(|| SERVICE_LABEL.to_owned(), |project| format!("{PROJECT_LABEL}={project}"));
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        client.list_containers(Some(options)).await.map_err(|error| self.endpoint.error(error))
    }
}

/// Whether `docker compose run` made it.
pub(crate) fn is_one_off(labels: &HashMap<String, String>) -> bool {
    labels.get(ONE_OFF_LABEL).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
