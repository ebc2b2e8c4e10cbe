//! Alertmanager: `/-/ready` and the alerts that fire
//! (<https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>).

use std::time::Duration;

use commands::health::{AlertmanagerHealth, Silence};
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use crate::endpoint::{Endpoint, shortened};
use crate::error::PrometheusError;

/// Alerts that somebody is meant to hear of.
const AUDIBLE: [(&str, &str); 3] = [("active", "true"), ("silenced", "false"), ("inhibited", "false")];

/// One Alertmanager. Cheap to clone.
#[derive(Clone)]
pub struct Alertmanager {
    pub(crate) endpoint: Endpoint,
}

impl Alertmanager {
    /// Connects to nothing yet.
    pub fn new(base: Url) -> Result<Self, PrometheusError> {
        Ok(Self { endpoint: Endpoint::new(base)? })
    }

    /// Readiness, firing alerts and silences, asked side by side, all within `deadline`. One that says that
    /// it is not ready has no lists: that is an answer, not an error.
    pub async fn health(&self, deadline: Duration) -> Result<AlertmanagerHealth, PrometheusError> {
        self.endpoint.within(deadline, self.ask()).await
    }

    async fn ask(&self) -> Result<AlertmanagerHealth, PrometheusError> {
        let (ready, alerts, silences) = tokio::try_join!(
            self.endpoint.ready(),
            self.endpoint.json::<Vec<Alert>>("api/v2/alerts", &AUDIBLE),
            self.endpoint.json::<Vec<Made>>("api/v2/silences", &[]),
        )?;
        let (Some(alerts), Some(silences)) = (alerts, silences) else {
            return Ok(AlertmanagerHealth { ready: false, firing: Vec::new(), silences: Vec::new() });
        };
        let firing = alerts.iter().map(|alert| shortened(&alert.labels.alertname)).collect();
        let mut silences: Vec<Silence> =
            silences.iter().filter(|made| made.status.state == State::Active).map(Made::silence).collect();
        silences.sort_by_key(|silence| std::cmp::Reverse(silence.until));
        Ok(AlertmanagerHealth { ready, firing, silences })
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

/// A silence as Alertmanager tells of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    status: Status,
    matchers: Vec<Matcher>,
    ends_at: Timestamp,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize)]
struct Status {
    state: State,
}

#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Active,
    Pending,
    Expired,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Matcher {
    name: String,
    value: String,
    is_regex: bool,
    /// Older ones know no other.
    #[serde(default = "yes")]
    is_equal: bool,
}

impl Made {
    fn silence(&self) -> Silence {
        let matchers: Vec<String> = self.matchers.iter().map(Matcher::words).collect();
        Silence {
            matchers: shortened(&matchers.join(", ")),
            by: shortened(&self.created_by),
            comment: shortened(&self.comment),
            until: self.ends_at,
        }
    }
}

impl Matcher {
    /// As Alertmanager's own page writes it.
    fn words(&self) -> String {
        let sign = match (self.is_equal, self.is_regex) {
            (true, false) => "=",
            (true, true) => "=~",
            (false, false) => "!=",
            (false, true) => "!~",
        };
        format!("{}{sign}{}", self.name, self.value)
    }
}

const fn yes() -> bool {
    true
}

fn unnamed() -> String {
    "(unnamed)".to_owned()
}
