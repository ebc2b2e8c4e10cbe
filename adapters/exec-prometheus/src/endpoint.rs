//! One HTTP API: its address, and requests with a limit on what is read.
//!
//! Each request opens a connection of its own, so that one which the other side closed in the
//! meantime is not taken for a fault.

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::{Position, Url};

use crate::error::PrometheusError;

/// More body than this is not read. A target takes about 1 KiB.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Above every caller's deadline; there so that no request can ever be without a limit.
const LONGEST: Duration = Duration::from_secs(60);

/// A text from outside is kept up to this many characters.
const TEXT_LIMIT: usize = 200;

/// An API at one address.
#[derive(Clone)]
pub struct Endpoint {
    client: Client,
    base: Url,
}

impl Endpoint {
    /// Paths are below the path of `base`.
    pub fn new(mut base: Url) -> Result<Self, PrometheusError> {
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(PrometheusError::Address(format!("{:?} is not an http address", base.scheme())));
        }
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .tcp_nodelay(true)
            .pool_max_idle_per_host(0)
            .timeout(LONGEST)
            .user_agent("acgs-bot")
            .build()
            .map_err(|error| PrometheusError::Address(format!("no HTTP client: {}", error.without_url())))?;
        Ok(Self { client, base })
    }

    /// Runs `questions` under one deadline.
    pub async fn within<T>(
        &self,
        deadline: Duration,
        questions: impl Future<Output = Result<T, PrometheusError>>,
    ) -> Result<T, PrometheusError> {
        timeout(deadline, questions).await.map_err(|_| PrometheusError::TimedOut(self.address()))?
    }

    /// Whether it says that it is ready: 200 is yes and 503 is no.
    pub async fn ready(&self) -> Result<bool, PrometheusError> {
        let (status, _) = self.get("-/ready", &[]).await?;
        match status {
            StatusCode::OK => Ok(true),
            StatusCode::SERVICE_UNAVAILABLE => Ok(false),
            other => Err(self.bad(&format!("GET -/ready: {}", other.as_u16()))),
        }
    }

    /// The JSON at `path`; `None` when it answers 503, as both programs do while they start.
    pub async fn json<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<T>, PrometheusError> {
        let (status, body) = self.get(path, query).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::SERVICE_UNAVAILABLE => return Ok(None),
            other => return Err(self.bad(&format!("GET {path}: {}", other.as_u16()))),
        }
        serde_json::from_slice(&body).map(Some).map_err(|error| self.bad(&format!("GET {path}: {error}")))
    }

    /// An answer that breaks the API's promise.
    pub fn bad(&self, what: &str) -> PrometheusError {
        PrometheusError::BadAnswer(format!("{} answered wrongly to {}", self.address(), shortened(what)))
    }

    /// The JSON that a form posted to `path` is answered with. A refusal has JSON too (400, 422, 503),
    /// which says why.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<T, PrometheusError> {
        let (status, body) = self.send(path, self.client.post(self.url(path)?).form(form)).await?;
        serde_json::from_slice(&body).map_err(|error| match status {
            StatusCode::OK => self.bad(&format!("POST {path}: {error}")),
            other => self.bad(&format!("POST {path}: {}", other.as_u16())),
        })
    }

    /// What `path` answers to this JSON, whatever its status.
    pub async fn post_json(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(StatusCode, Vec<u8>), PrometheusError> {
        self.send(path, self.client.post(self.url(path)?).json(body)).await
    }

    /// What `path` answers to being deleted, whatever its status.
    pub async fn delete(&self, path: &str) -> Result<(StatusCode, Vec<u8>), PrometheusError> {
        self.send(path, self.client.delete(self.url(path)?)).await
    }

    /// A refusal, in the words of the answer: Alertmanager's are a JSON text or an object with a `message`.
    pub fn refused(&self, status: StatusCode, body: &[u8]) -> PrometheusError {
        let why = match serde_json::from_slice(body) {
            Ok(serde_json::Value::String(words)) => words,
            Ok(serde_json::Value::Object(fields)) => match fields.get("message") {
                Some(serde_json::Value::String(words)) => words.clone(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let why = format!("{} {}", status.as_u16(), shortened(&why));
        PrometheusError::Refused { address: self.address(), why: why.trim_end().to_owned() }
    }

    /// What `path` answers, whatever its status.
    pub async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<(StatusCode, Vec<u8>), PrometheusError> {
        self.send(path, self.client.get(self.url(path)?).query(query)).await
    }

    fn url(&self, path: &str) -> Result<Url, PrometheusError> {
        self.base.join(path).map_err(|error| self.bad(&format!("{path}: {error}")))
    }

    async fn send(
        &self,
        path: &str,
        request: RequestBuilder,
    ) -> Result<(StatusCode, Vec<u8>), PrometheusError> {
        let mut response = request.send().await.map_err(|error| self.failed(path, &error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(path, &error))? {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(self.bad(&format!("{path}: more than 8 MiB")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), body))
    }

    fn failed(&self, path: &str, error: &reqwest::Error) -> PrometheusError {
        let kind = io_error(error).map(io::Error::kind);
        if error.is_timeout() || kind == Some(ErrorKind::TimedOut) {
            return PrometheusError::TimedOut(self.address());
        }
        if error.is_connect() {
            return PrometheusError::Unreachable { address: self.address(), why: no_connection(error, kind) };
        }
        let why = match kind {
            None | Some(ErrorKind::InvalidData | ErrorKind::InvalidInput) => {
                "not well-formed HTTP".to_owned()
            }
            Some(kind) => kind.to_string(),
        };
        self.bad(&format!("{path}: the answer broke off: {why}"))
    }

    /// Host and port; the rest of the address may hold a password.
    fn address(&self) -> String {
        self.base[Position::BeforeHost..Position::AfterPort].to_owned()
    }
}

fn no_connection(error: &reqwest::Error, kind: Option<ErrorKind>) -> String {
    match kind {
        Some(ErrorKind::ConnectionRefused) => "nobody listens there; is it running?".to_owned(),
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => "no route to the host".to_owned(),
        // A name that is not found and a certificate that is not trusted have no kind of their own;
        // the innermost cause names them.
        _ => shortened(&innermost(error)),
    }
}

fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = String::from("no connection");
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}

/// The I/O error in the chain of causes, if there is one.
fn io_error(error: &reqwest::Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

/// On one line and not longer than [`TEXT_LIMIT`].
pub fn shortened(text: &str) -> String {
    let mut chars = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = chars.by_ref().take(TEXT_LIMIT).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
