//! Alertmanager: `/-/ready` and the alerts that fire
//! (<https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>).

use std::time::Duration;

use commands::health::AlertmanagerHealth;
use serde::Deserialize;
use url::Url;

use crate::endpoint::{Endpoint, shortened};
use crate::error::PrometheusError;

/// Alerts that somebody is meant to hear of.
const AUDIBLE: [(&str, &str); 3] = [("active", "true"), ("silenced", "false"), ("inhibited", "false")];

/// One Alertmanager. Cheap to clone.
#[derive(Clone)]
pub struct Alertmanager {
    endpoint: Endpoint,
}

impl Alertmanager {
    /// Connects to nothing yet.
    pub fn new(base: Url) -> Result<Self, PrometheusError> {
        Ok(Self { endpoint: Endpoint::new(base)? })
    }

    /// Readiness and firing alerts, asked side by side, both within `deadline`. One that says that it
    /// is not ready has no list: that is an answer, not an error.
    pub async fn health(&self, deadline: Duration) -> Result<AlertmanagerHealth, PrometheusError> {
        self.endpoint.within(deadline, self.ask()).await
    }

    async fn ask(&self) -> Result<AlertmanagerHealth, PrometheusError> {
        let (ready, alerts) = tokio::try_join!(
            self.endpoint.ready(),
            self.endpoint.json::<Vec<Alert>>("api/v2/alerts", &AUDIBLE),
        )?;
        let Some(alerts) = alerts else {
            return Ok(AlertmanagerHealth { ready: false, firing: Vec::new() });
        };
        let firing = alerts.iter().map(|alert| shortened(&alert.labels.alertname)).collect();
        Ok(AlertmanagerHealth { ready, firing })
    }
}

#[derive(Deserialize)]
struct Alert {
    labels: Labels,
}

#[derive(Deserialize)]
struct Labels {
    /// An alert posted by hand may lack it.
    #[serde(default = "unnamed")]
    alertname: String,
}

fn unnamed() -> String {
    "(unnamed)".to_owned()
}
