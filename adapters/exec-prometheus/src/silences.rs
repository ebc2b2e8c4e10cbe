//! Silences as Alertmanager writes and reads them
//! (<https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>).

use std::time::Duration;

use commands::silence::{Comparison, KnownSilence, Matcher, NewSilence, SilenceId, SilenceState};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use crate::alertmanager::Alertmanager;
use crate::error::PrometheusError;

impl Alertmanager {
    /// One silence, within `deadline`; `None` where there is none of that name. It keeps those that have
    /// ended for some days.
    pub async fn silence(
        &self,
        id: &SilenceId,
        deadline: Duration,
    ) -> Result<Option<KnownSilence>, PrometheusError> {
        let path = format!("api/v2/silence/{id}");
        let asked = async {
            let (status, body) = self.endpoint.get(&path, &[]).await?;
            match status {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(None),
                other => return Err(self.endpoint.bad(&format!("GET {path}: {}", other.as_u16()))),
            }
            let made: Result<Written, _> = serde_json::from_slice(&body);
            made.map(|made| Some(made.known()))
                .map_err(|error| self.endpoint.bad(&format!("GET {path}: {error}")))
        };
        self.endpoint.within(deadline, asked).await
    }

    /// Silences that hold or will hold something back and have this comment, within `deadline`. Whether one
    /// was made whose answer never came is told by it, if each has a comment of its own.
    pub async fn silences_with(
        &self,
        comment: &str,
        deadline: Duration,
    ) -> Result<Vec<KnownSilence>, PrometheusError> {
        let path = "api/v2/silences";
        let asked = self.endpoint.json::<Vec<Written>>(path, &[]);
        let all = self.endpoint.within(deadline, asked).await?;
        let all = all.ok_or_else(|| self.endpoint.bad(&format!("GET {path}: 503")))?;
        Ok(all
            .into_iter()
            .map(Written::known)
            .filter(|one| one.state != SilenceState::Expired && one.silence.comment == comment)
            .collect())
    }
}

/// A silence to be made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted<'a> {
    matchers: Vec<Condition>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    created_by: &'a str,
    comment: &'a str,
}

impl<'a> From<&'a NewSilence> for Wanted<'a> {
    fn from(silence: &'a NewSilence) -> Self {
        Self {
            matchers: silence.matchers.iter().map(Condition::from).collect(),
            starts_at: silence.starts,
            ends_at: silence.ends,
            created_by: &silence.by,
            comment: &silence.comment,
        }
    }
}

/// A silence as it is told of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    id: SilenceId,
    status: Status,
    matchers: Vec<Condition>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize)]
struct Status {
    state: SilenceState,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    name: String,
    value: String,
    is_regex: bool,
    /// Older ones know no other.
    #[serde(default = "yes")]
    is_equal: bool,
}

const fn yes() -> bool {
    true
}

impl From<&Matcher> for Condition {
    fn from(matcher: &Matcher) -> Self {
        let (is_equal, is_regex) = match matcher.comparison {
            Comparison::Is => (true, false),
            Comparison::IsNot => (false, false),
            Comparison::Matches => (true, true),
            Comparison::MatchesNot => (false, true),
        };
        Self { name: matcher.label.clone(), value: matcher.value.clone(), is_regex, is_equal }
    }
}

impl Written {
    fn known(self) -> KnownSilence {
        let matcher = |one: Condition| Matcher {
            comparison: match (one.is_equal, one.is_regex) {
                (true, false) => Comparison::Is,
                (false, false) => Comparison::IsNot,
                (true, true) => Comparison::Matches,
                (false, true) => Comparison::MatchesNot,
            },
            label: one.name,
            value: one.value,
        };
        KnownSilence {
            id: self.id,
            state: self.status.state,
            silence: NewSilence {
                matchers: self.matchers.into_iter().map(matcher).collect(),
                starts: self.starts_at,
                ends: self.ends_at,
                by: self.created_by,
                comment: self.comment,
            },
        }
    }
}
