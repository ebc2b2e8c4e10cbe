//! What may be told of the secrets in a container's environment. No value leaves this file: neither in
//! an answer nor in an error.

use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use commands::ids::ServiceName;
use commands::secrets::Found;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use crate::{Docker, DockerError, Target};

impl Docker {
    /// Each variable as the service's container (as [`Docker::containers`] finds it) has it; `None`
    /// where there is no such container.
    pub async fn secrets(
        &self,
        of: &(ServiceName, Option<String>),
        variables: &[String],
        deadline: Duration,
    ) -> Result<Option<Vec<Found>>, DockerError> {
        let reading = async {
            let Some(container) = self.container(of, deadline).await? else { return Ok(None) };
            let client = self.endpoint.client()?;
            let inspected = self.inspect_whole(&client, &Target::Id(container.id)).await?;
            Ok(inspected.map(|inspected| found(&inspected, variables)))
        };
        timeout(deadline, reading).await.map_err(|_| self.timed_out())?
    }
}

fn found(inspected: &ContainerInspectResponse, variables: &[String]) -> Vec<Found> {
    let environment = inspected.config.as_ref().and_then(|config| config.env.as_deref()).unwrap_or_default();
    let value = |variable: &str| {
        let pairs = environment.iter().filter_map(|pair| pair.split_once('='));
        pairs.rev().find(|(name, _)| *name == variable).map(|(_, value)| value)
    };
    let look = |variable: &String| Found::of(variable, value(variable), |bytes| Sha256::digest(bytes).into());
    variables.iter().map(look).collect()
}
