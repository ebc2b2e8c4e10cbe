//! A real login, with an account that exists for this alone: `POST {username, password}` gives a
//! token, and the token is then shown to the service that gave it.
//!
//! A refused login is counted by the service and may raise its alert, so one question is one try.

use std::time::Duration;

use commands::canary::{CanaryLogin, TokenShown};
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::ProberError;
use crate::client;
/// More body than this is no token.
const BODY_LIMIT: usize = 64 * 1024;

/// The account and where it logs in. Cheap to clone.
#[derive(Clone)]
pub struct Canary {
    client: Client,
    login: Url,
    verify: Url,
    user: String,
    password: SecretString,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

impl Canary {
    /// `base` is the service's address; `/auth/login` and `/auth/verify` are below it.
    pub fn new(base: &Url, user: String, password: SecretString) -> Result<Self, ProberError> {
        let below = |path: &str| {
            let mut url = base.clone();
            url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
            url
        };
        let client = client::new()?;
        Ok(Self { client, login: below("/auth/login"), verify: below("/auth/verify"), user, password })
    }

    /// Logs in and shows the token, both within `deadline`.
    pub async fn log_in(&self, deadline: Duration) -> CanaryLogin {
        match timeout(deadline, self.ask()).await {
            Ok(Ok(login) | Err(login)) => login,
            Err(_) => CanaryLogin::TimedOut,
        }
    }

    /// A token of the service, to be shown to it later by [`Canary::shows`]; or why there is none, within `deadline`.
    pub async fn token(&self, deadline: Duration) -> Result<SecretString, CanaryLogin> {
        match timeout(deadline, self.get_token()).await {
            Ok(got) => got,
            Err(_) => Err(CanaryLogin::TimedOut),
        }
    }

    /// What the service says of a token, within `deadline`: whether it takes it, or nothing that tells.
    pub async fn shows(&self, token: &SecretString, deadline: Duration) -> TokenShown {
        let request = self.client.get(self.verify.clone()).bearer_auth(token.expose_secret());
        match timeout(deadline, answer(request)).await {
            Ok(Ok((StatusCode::OK, _))) => TokenShown::Taken,
            Ok(Ok((StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _))) => TokenShown::Refused,
            Ok(Ok((status, _))) => TokenShown::Unclear(CanaryLogin::Unwell { code: status.as_u16() }),
            Ok(Err(why)) => TokenShown::Unclear(why),
            Err(_) => TokenShown::Unclear(CanaryLogin::TimedOut),
        }
    }

    async fn get_token(&self) -> Result<SecretString, CanaryLogin> {
        let password = self.password.expose_secret();
        let credentials = json!({ "username": self.user, "password": password });
        let (status, body) = answer(self.client.post(self.login.clone()).json(&credentials)).await?;
        let code = status.as_u16();
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(CanaryLogin::LoginRefused { code });
            }
            _ => return Err(CanaryLogin::Unwell { code }),
        }
        let token: Token = serde_json::from_slice(&body).map_err(|_| CanaryLogin::NoToken)?;
        Ok(SecretString::from(token.access_token))
    }

    /// `Err` is an outcome as well: it ended there.
    async fn ask(&self) -> Result<CanaryLogin, CanaryLogin> {
        let started = Instant::now();
        let token = self.get_token().await?;
        let login = started.elapsed();
        let verify = self.client.get(self.verify.clone()).bearer_auth(token.expose_secret());
        let (status, _) = answer(verify).await?;
        Ok(match status {
            StatusCode::OK => CanaryLogin::Works { login, verify: started.elapsed() - login },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                CanaryLogin::TokenRefused { code: status.as_u16() }
            }
            _ => CanaryLogin::Unwell { code: status.as_u16() },
        })
    }
}

async fn answer(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), CanaryLogin> {
    let mut response = request.send().await.map_err(|error| failed(&error))?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(CanaryLogin::NoToken);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status(), body))
}

fn failed(error: &reqwest::Error) -> CanaryLogin {
    if error.is_timeout() {
        return CanaryLogin::TimedOut;
    }
    let why = if error.is_connect() { "no connection" } else { "the answer broke off" };
    CanaryLogin::Unreachable(why.to_owned())
}
