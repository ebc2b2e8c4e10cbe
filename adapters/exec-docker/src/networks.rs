//! Who is on the project's networks.

use std::collections::HashSet;
use std::time::Duration;

use commands::workload::NetworkGuest;
use futures_util::future::try_join_all;
use tokio::time::timeout;

use crate::call::{Call, filters};
use crate::targets::{bad, text};
use crate::{Docker, DockerError, PROJECT_LABEL, container};

impl Docker {
    /// Running containers that are on a network of the project and are not the project's, by network and name.
    /// Without a project there are none.
    pub async fn network_guests(&self, deadline: Duration) -> Result<Vec<NetworkGuest>, DockerError> {
        timeout(deadline, self.all_guests(deadline)).await.map_err(|_| self.timed_out())?
    }

    async fn all_guests(&self, deadline: Duration) -> Result<Vec<NetworkGuest>, DockerError> {
        let Some(project) = &self.project else { return Ok(Vec::new()) };
        let path = format!("/networks?filters={}", filters("label", &format!("{PROJECT_LABEL}={project}")));
        let networks = Call::get(path).send(&self.endpoint, deadline).await?.json(&self.endpoint)?;
        let client = self.endpoint.client()?;
        let own: HashSet<String> =
            self.summaries(&client).await?.into_iter().filter_map(|summary| summary.id).collect();
        let ids = networks.as_array().into_iter().flatten().filter_map(|network| text(&network["Id"]));
        let asked = ids.map(|id| async move {
            let reply = Call::get(format!("/networks/{id}")).send(&self.endpoint, deadline).await?;
            match reply.json(&self.endpoint) {
                Err(DockerError::Engine { code: 404, .. }) => Ok(None),
                other => other.map(Some),
            }
        });
        let mut guests = Vec::new();
        for network in try_join_all(asked).await?.into_iter().flatten() {
            let name = text(&network["Name"]).ok_or_else(|| container::missing("network name"))?;
            for (id, attached) in network["Containers"].as_object().into_iter().flatten() {
                // A guest that ends meanwhile is none; what a load balancer of Swarm adds is no container.
                let Ok(guest) = id.parse() else { continue };
                if own.contains(id) {
                    continue;
                }
                let inspected = self.inspected(id, deadline).await?;
                let labels = inspected.as_ref().map(|inspected| &inspected["Config"]["Labels"]);
                guests.push(NetworkGuest {
                    network: name.clone(),
                    id: guest,
                    name: text(&attached["Name"]).ok_or_else(|| bad("a container without name"))?,
                    project: labels.and_then(|labels| text(&labels[PROJECT_LABEL])),
                });
            }
        }
        guests.sort();
        Ok(guests)
    }
}
