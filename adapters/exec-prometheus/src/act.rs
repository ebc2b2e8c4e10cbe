//! What changes Alertmanager: silences. Making one is no call to be repeated: each makes one more.

use std::time::Duration;

use commands::silence::{NewSilence, SilenceId, SilenceState};
use reqwest::StatusCode;
use serde::Deserialize;

use crate::alertmanager::Alertmanager;
use crate::error::PrometheusError;
use crate::silences::Wanted;

const SILENCES: &str = "api/v2/silences";

/// Makes a silence, within `deadline`. After [`PrometheusError::TimedOut`] it may have been made all the same:
/// [`Alertmanager::silences_with`] tells. One that would hold back everything is refused by Alertmanager.
pub async fn silence(
    alertmanager: &Alertmanager,
    silence: &NewSilence,
    deadline: Duration,
) -> Result<SilenceId, PrometheusError> {
    let endpoint = &alertmanager.endpoint;
    let made = async {
        let (status, body) = endpoint.post_json(SILENCES, &Wanted::from(silence)).await?;
        if status.is_client_error() {
            return Err(endpoint.refused(status, &body));
        }
        if status != StatusCode::OK {
            return Err(endpoint.bad(&format!("POST {SILENCES}: {}", status.as_u16())));
        }
        let made: Result<Made, _> = serde_json::from_slice(&body);
        made.map(|made| made.silence_id).map_err(|error| endpoint.bad(&format!("POST {SILENCES}: {error}")))
    };
    endpoint.within(deadline, made).await
}

/// Ends a silence, within `deadline`; `false` where there is none of that name. One that has ended already
/// stays as it is.
pub async fn expire(
    alertmanager: &Alertmanager,
    id: &SilenceId,
    deadline: Duration,
) -> Result<bool, PrometheusError> {
    let endpoint = &alertmanager.endpoint;
    let path = format!("api/v2/silence/{id}");
    let deleted = async {
        let (status, body) = endpoint.delete(&path).await?;
        match status {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_client_error() => Err(endpoint.refused(status, &body)),
            // Older ones answer so for one that is not there or has ended, which is told from a fault by asking.
            other => match alertmanager.silence(id, deadline).await? {
                None => Ok(false),
                Some(known) if known.state == SilenceState::Expired => Ok(true),
                Some(_) => Err(endpoint.bad(&format!("DELETE {path}: {}", other.as_u16()))),
            },
        }
    };
    endpoint.within(deadline, deleted).await
}

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "silenceID")]
    silence_id: SilenceId,
}
