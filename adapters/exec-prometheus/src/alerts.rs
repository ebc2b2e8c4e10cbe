//! The alerts that Alertmanager has now, held back or not.

use std::time::Duration;

use commands::alert::{ActiveAlert, Labels};
use jiff::Timestamp;
use serde::Deserialize;

use crate::alertmanager::Alertmanager;
use crate::error::PrometheusError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    fingerprint: String,
    labels: Labels,
    starts_at: Timestamp,
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    state: String,
}

impl Alertmanager {
    /// All of them, the oldest first, within `deadline`.
    pub async fn alerts(&self, deadline: Duration) -> Result<Vec<ActiveAlert>, PrometheusError> {
        let asking = async {
            let known = self.endpoint.json::<Vec<Known>>("api/v2/alerts", &[]).await?;
            known.ok_or_else(|| self.endpoint.bad("it is not ready"))
        };
        let known = self.endpoint.within(deadline, asking).await?;
        let alert = |known: Known| ActiveAlert {
            fingerprint: known.fingerprint,
            labels: known.labels,
            since: known.starts_at,
            held_back: known.status.state == "suppressed",
        };
        let mut alerts: Vec<ActiveAlert> = known.into_iter().map(alert).collect();
        alerts.sort_by(|a, b| (a.since, &a.fingerprint).cmp(&(b.since, &b.fingerprint)));
        Ok(alerts)
    }
}
