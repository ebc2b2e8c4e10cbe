//! Which image each service runs.

use std::time::Duration;

use bollard::models::ContainerSummary;
use commands::containers::Deployed;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::timeout;

use crate::project::is_one_off;
use crate::{AT_ONCE, Docker, DockerError, SERVICE_LABEL, Target, container};

/// The commit that an image was built from
/// (<https://github.com/opencontainers/image-spec/blob/main/annotations.md>). A container has its image's labels.
const REVISION_LABEL: &str = "org.opencontainers.image.revision";
/// Of an image's id.
const SHORT_ID: usize = 12;

impl Docker {
    /// What each service of the project runs, the newest deployment first; jobs are left out.
    pub async fn deployed(&self, deadline: Duration) -> Result<Vec<Deployed>, DockerError> {
        timeout(deadline, self.all_deployed()).await.map_err(|_| self.timed_out())?
    }

    async fn all_deployed(&self) -> Result<Vec<Deployed>, DockerError> {
        let client = &self.endpoint.client()?;
        let summaries = self.summaries(client).await?;
        let found: Vec<_> = stream::iter(summaries)
            .map(|summary| self.deployment(client, summary))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut deployed: Vec<Deployed> =
            found.into_iter().filter_map(Result::transpose).collect::<Result<_, _>>()?;
        deployed.sort_by(|one, other| {
            other.created_at.cmp(&one.created_at).then_with(|| one.container.name.cmp(&other.container.name))
        });
        Ok(deployed)
    }

    /// `None` for what is no service's, or has gone meanwhile.
    async fn deployment(
        &self,
        client: &bollard::Docker,
        summary: ContainerSummary,
    ) -> Result<Option<Deployed>, DockerError> {
        let mut labels = summary.labels.unwrap_or_default();
        let (Some(id), Some(service), false) =
            (summary.id, labels.remove(SERVICE_LABEL), is_one_off(&labels))
        else {
            return Ok(None);
        };
        let Some(inspected) = self.inspect_whole(client, &Target::Id(id)).await? else { return Ok(None) };
        let created_at = time(inspected.created.as_ref());
        let runs = inspected.image.clone().unwrap_or_default();
        let image = inspected.config.as_ref().and_then(|config| config.image.clone()).unwrap_or_default();
        let own = self.image_age(client, &runs).await?;
        let named = self.image_age(client, &image).await?;
        Ok(Some(Deployed {
            service,
            container: container::from_engine(inspected)?,
            created_at,
            image_id: runs.trim_start_matches("sha256:").chars().take(SHORT_ID).collect(),
            revision: labels.remove(REVISION_LABEL).filter(|revision| is_hash(revision)),
            image_built_at: own.and_then(|(_, built_at)| built_at),
            name_moved: named.is_some_and(|(id, _)| id != runs),
            image,
        }))
    }

    /// An image's id and when it was built.
    async fn image_age(
        &self,
        client: &bollard::Docker,
        name: &str,
    ) -> Result<Option<(String, Option<Timestamp>)>, DockerError> {
        match client.inspect_image(name).await {
            Ok(image) => Ok(image.id.map(|id| (id, time(image.created.as_ref())))),
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(self.endpoint.error(error)),
        }
    }
}

/// Seven digits are what git itself shortens to.
fn is_hash(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The year 1 is none.
fn time(text: Option<&impl ToString>) -> Option<Timestamp> {
    text?.to_string().parse().ok().filter(|at| *at > Timestamp::UNIX_EPOCH)
}
