//! Alerts as Alertmanager tells of them: a group that fires or is over, and the incident that it asks for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::incident::Severity;

/// Labels or annotations.
pub type Labels = BTreeMap<String, String>;

/// What Alertmanager posts to a webhook, version 4
/// (prometheus.io/docs/alerting/latest/configuration/#webhook_config).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// `4`.
    pub version: String,
    /// The same for every notification of one group.
    pub group_key: String,
    /// Whether any of its alerts fires.
    pub status: Status,
    /// What all of its alerts have.
    #[serde(default)]
    pub common_labels: Labels,
    /// What all of its alerts say.
    #[serde(default)]
    pub common_annotations: Labels,
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// Alerts that were left out of the list.
    #[serde(default)]
    pub truncated_alerts: u64,
}

/// Fires or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It fires.
    Firing,
    /// It is over.
    Resolved,
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Whether it fires.
    pub status: Status,
    /// What it is of.
    pub labels: Labels,
    /// What it says.
    #[serde(default)]
    pub annotations: Labels,
    /// Since when.
    pub starts_at: Timestamp,
    /// The same for every notification of one alert; hex digits.
    #[serde(default)]
    pub fingerprint: String,
}

/// An alert that Alertmanager has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveAlert {
    /// Its own short name.
    pub fingerprint: String,
    /// What it is of.
    pub labels: Labels,
    /// Since when.
    pub since: Timestamp,
    /// Whether a silence or another alert holds it back.
    pub held_back: bool,
}

impl Alert {
    /// As rules name it.
    #[must_use]
    pub fn name(&self) -> &str {
        name(&self.labels)
    }
}

/// As rules name it.
#[must_use]
pub fn name(labels: &Labels) -> &str {
    labels.get("alertname").map_or("(unnamed)", String::as_str)
}

impl Notification {
    /// Whether it is one that is understood.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.version == "4" && !self.group_key.is_empty()
    }

    /// How bad the worst of its alerts says that it is. What says nothing is medium: it is told, and nobody is woken.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let of = |alert: &Alert| alert.labels.get("severity").and_then(|word| word.parse().ok());
        // What is over counts only once nothing fires any more.
        let counts = |alert: &&Alert| self.status == Status::Resolved || alert.status == Status::Firing;
        self.alerts.iter().filter(counts).filter_map(of).min().unwrap_or(Severity::P2)
    }

    /// The services that its alerts name, each once.
    #[must_use]
    pub fn services(&self) -> Vec<&str> {
        let mut services: Vec<&str> =
            self.alerts.iter().filter_map(|alert| alert.labels.get("service").map(String::as_str)).collect();
        services.sort_unstable();
        services.dedup();
        services
    }

    /// What it is about in one line: the names of its alerts and what they say in common.
    #[must_use]
    pub fn title(&self) -> String {
        let mut names: Vec<&str> = self.alerts.iter().map(Alert::name).collect();
        names.sort_unstable();
        names.dedup();
        let said =
            self.common_annotations.get("summary").or_else(|| self.common_annotations.get("description"));
        let first = self.alerts.first().and_then(|alert| alert.annotations.get("summary"));
        match said.or(first) {
            Some(said) => format!("{}: {said}", names.join(", ")),
            None => names.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted() -> Notification {
        let posted = r#"{
            "version": "4", "groupKey": "{}:{alertname=\"ServiceDown\"}", "truncatedAlerts": 0, "status": "firing",
            "receiver": "acgs", "groupLabels": {}, "externalURL": "http://am",
            "commonLabels": {"alertname": "ServiceDown"}, "commonAnnotations": {},
            "alerts": [
                {"status": "firing", "labels": {"alertname": "ServiceDown", "service": "gs_service", "severity": "P2"},
                 "annotations": {"summary": "gs is down"}, "startsAt": "2026-01-02T03:04:05.678Z",
                 "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://p", "fingerprint": "c0ffee"},
                {"status": "resolved", "labels": {"alertname": "ServiceDown", "service": "ac_service", "severity": "P0"},
                 "annotations": {}, "startsAt": "2026-01-02T03:04:05Z", "fingerprint": "beef"}
            ]}"#;
        serde_json::from_str(posted).unwrap()
    }

    #[test]
    fn a_group_is_as_bad_as_the_worst_of_its_alerts() {
        let mut posted = posted();
        assert!(posted.is_known());
        assert_eq!(posted.severity(), Severity::P2, "the bad one is over");
        posted.status = Status::Resolved;
        assert_eq!(posted.severity(), Severity::P0);
        assert_eq!(posted.services(), ["ac_service", "gs_service"]);
        assert_eq!(posted.title(), "ServiceDown: gs is down");
    }

    #[test]
    fn one_that_says_nothing_wakes_nobody() {
        let mut posted = posted();
        posted
            .alerts
            .iter_mut()
            .for_each(|alert| drop(alert.labels.insert("severity".to_owned(), "page".to_owned())));
        assert_eq!(posted.severity(), Severity::P2);
        posted.version = "3".to_owned();
        assert!(!posted.is_known());
    }
}
