//! Grafana's API, as far as it tells whether a dashboard can be opened: `GET /api/health` and
//! `GET /api/dashboards/uid/UID` (<https://grafana.com/docs/grafana/latest/developers/http_api/>).

use std::time::Duration;

use commands::links::PageAnswer;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::Url;

use crate::ProberError;
use crate::client;
/// A dashboard comes with all of its panels; the largest that are shipped have some 500 KiB.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// One Grafana. Cheap to clone.
#[derive(Clone)]
pub struct Grafana {
    client: Client,
    base: Url,
    token: Option<SecretString>,
}

#[derive(Deserialize)]
struct Health {
    database: String,
}

#[derive(Deserialize)]
struct Found {
    dashboard: Dashboard,
}

#[derive(Deserialize)]
struct Dashboard {
    uid: String,
}

/// How Grafana words a refusal.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Grafana {
    /// Paths are below the path of `base`. `token` is a service account's; Grafana may also be open to
    /// everybody. Connects to nothing yet.
    pub fn new(base: &Url, token: Option<SecretString>) -> Result<Self, ProberError> {
        let client = client::new()?;
        Ok(Self { client, base: base.clone(), token })
    }

    /// Whether it is up and reaches its own database.
    pub async fn health(&self, deadline: Duration) -> PageAnswer {
        let asking = async {
            let (status, body) = self.get(&["api", "health"]).await?;
            match (status, read::<Health>(&body)) {
                (StatusCode::OK, Some(health)) if health.database == "ok" => Ok(PageAnswer::Works),
                (StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE, Some(_)) => Ok(PageAnswer::NotReady),
                (status, _) => Err(something_else(status)),
            }
        };
        timeout(deadline, asking).await.unwrap_or(Ok(PageAnswer::TimedOut)).unwrap_or_else(|answer| answer)
    }

    /// Whether it has a dashboard of this uid and shows it to whoever has the token.
    pub async fn dashboard(&self, uid: &str, deadline: Duration) -> PageAnswer {
        let asking = async {
            let (status, body) = self.get(&["api", "dashboards", "uid", uid]).await?;
            match status {
                StatusCode::OK if read::<Found>(&body).is_some_and(|found| found.dashboard.uid == uid) => {
                    Ok(PageAnswer::Works)
                }
                // A 404 of something in front of it says nothing of the dashboard.
                StatusCode::NOT_FOUND
                    if read::<Refusal>(&body).is_some_and(|said| said.message.contains("ashboard")) =>
                {
                    Ok(PageAnswer::NoDashboard)
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    Ok(PageAnswer::LoginNeeded { code: status.as_u16() })
                }
                _ => Err(something_else(status)),
            }
        };
        timeout(deadline, asking).await.unwrap_or(Ok(PageAnswer::TimedOut)).unwrap_or_else(|answer| answer)
    }

    /// `Err` is an outcome as well: it ended there.
    async fn get(&self, path: &[&str]) -> Result<(StatusCode, Vec<u8>), PageAnswer> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| PageAnswer::Failed("its address has no path".to_owned()))?
            .pop_if_empty()
            .extend(path);
        let mut request = self.client.get(url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(PageAnswer::SomethingElse("more than 4 MiB".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), body))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

fn something_else(status: StatusCode) -> PageAnswer {
    let what = if status.is_redirection() { "a redirect" } else { "and not as Grafana does" };
    PageAnswer::SomethingElse(format!("{}, {what}", status.as_u16()))
}

fn failed(error: &reqwest::Error) -> PageAnswer {
    if error.is_timeout() {
        return PageAnswer::TimedOut;
    }
    let why = if error.is_connect() { "no connection" } else { "the answer broke off" };
    PageAnswer::Failed(why.to_owned())
}
