//! Posts of JSON to addresses that the operators configured.

use std::time::Duration;

use reqwest::{Client, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{ProberError, client};

/// Somebody's phone system may think for a while; longer than this it is as good as down.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why a post was not taken. The address is in none of them: it may hold a key.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It will never be taken as it is: a 4xx that says so.
    #[error("refused with status {0}")]
    Refused(u16),
    /// Worth another try: a 5xx, 408 or 429.
    #[error("not taken now: status {0}")]
    Busy(u16),
    /// It may have been taken: nothing certain was heard.
    #[error("not reached, or no answer: {0}")]
    Unreached(String),
}

/// Posts. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    client: Client,
}

impl Webhooks {
    /// Connects to nothing yet.
    pub fn new() -> Result<Self, ProberError> {
        Ok(Self { client: client::new()? })
    }

    /// Posts `body`, which is JSON, once. Redirects are not followed: what is posted is meant for this address.
    pub async fn post(&self, url: &SecretString, body: &str) -> Result<(), WebhookError> {
        let unreached = |error: reqwest::Error| WebhookError::Unreached(error.without_url().to_string());
        let request = self
            .client
            .post(url.expose_secret())
            .timeout(DEADLINE)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_owned());
        let status = request.send().await.map_err(unreached)?.status();
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(WebhookError::Busy(status.as_u16()))
            }
            status if status.is_server_error() => Err(WebhookError::Busy(status.as_u16())),
            status => Err(WebhookError::Refused(status.as_u16())),
        }
    }
}
