//! One request with a short answer, sent so that afterwards it is known whether the Engine may have seen it.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::DockerError;
use crate::endpoint::Endpoint;

/// Of an answer so much is read.
const LARGEST: usize = 32 << 20;

/// Why there is no answer.
pub enum Fault {
    /// The Engine has not seen the request.
    NotSent(DockerError),
    /// It may have.
    Unanswered(DockerError),
}

impl From<Fault> for DockerError {
    fn from(fault: Fault) -> Self {
        let (Fault::NotSent(error) | Fault::Unanswered(error)) = fault;
        error
    }
}

/// A request to a path of the Engine. Whoever makes the path checks what is put into it.
pub struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
}

/// What the Engine said.
pub struct Reply {
    /// How it went.
    pub status: StatusCode,
    /// JSON, if anything.
    pub body: Bytes,
}

impl Reply {
    /// The answer itself, or the Engine's refusal.
    pub fn json(self, endpoint: &Endpoint) -> Result<Value, DockerError> {
        if !self.status.is_success() {
            return Err(endpoint.refused(self.status.as_u16(), &String::from_utf8_lossy(&self.body)));
        }
        serde_json::from_slice(&self.body).map_err(|error| DockerError::BadAnswer(error.to_string()))
    }
}

/// A connection that has become a stream of bytes in both directions.
pub struct Tunnel {
    /// Its two directions.
    pub stream: TokioIo<Upgraded>,
    /// Drives the connection, until this is dropped.
    pub driver: JoinSet<()>,
}

impl Call {
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }

    pub fn post(path: impl Into<String>) -> Self {
        Self { method: Method::POST, path: path.into(), body: None }
    }

    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, path: path.into(), body: None }
    }

    pub fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// The answer, whatever its status.
    pub async fn send(self, endpoint: &Endpoint, deadline: Duration) -> Result<Reply, Fault> {
        let by = Instant::now() + deadline;
        let (response, _driver) = self.ask(endpoint, by, false).await?;
        let status = response.status();
        let body = timeout_at(by, Limited::new(response.into_body(), LARGEST).collect())
            .await
            .map_err(|_| Fault::Unanswered(DockerError::TimedOut(endpoint.to_string())))?
            .map_err(|error| {
                let why = match error.downcast::<hyper::Error>() {
                    Ok(error) => endpoint.stream_error(&error),
                    Err(error) if error.is::<LengthLimitError>() => {
                        DockerError::BadAnswer(format!("more than {} MB", LARGEST >> 20))
                    }
                    Err(error) => DockerError::BadAnswer(error.to_string()),
                };
                Fault::Unanswered(why)
            })?;
        Ok(Reply { status, body: body.to_bytes() })
    }

    /// Asks that the connection become a stream; the inner error is the Engine's refusal.
    pub async fn tunnel(
        self,
        endpoint: &Endpoint,
        deadline: Duration,
    ) -> Result<Result<Tunnel, Reply>, Fault> {
        let by = Instant::now() + deadline;
        let (mut response, driver) = self.ask(endpoint, by, true).await?;
        let unanswered = |error: hyper::Error| Fault::Unanswered(endpoint.stream_error(&error));
        let late = |_| Fault::Unanswered(DockerError::TimedOut(endpoint.to_string()));
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let status = response.status();
            let body = timeout_at(by, response.into_body().collect()).await.map_err(late)?;
            return Ok(Err(Reply { status, body: body.map_err(unanswered)?.to_bytes() }));
        }
        let upgraded = timeout_at(by, hyper::upgrade::on(&mut response)).await.map_err(late)?;
        Ok(Ok(Tunnel { stream: TokioIo::new(upgraded.map_err(unanswered)?), driver }))
    }

    async fn ask(
        self,
        endpoint: &Endpoint,
        by: Instant,
        upgrade: bool,
    ) -> Result<(Response<Incoming>, JoinSet<()>), Fault> {
        let connecting = timeout_at(by, connect(endpoint));
        let late = |_| Fault::NotSent(DockerError::TimedOut(endpoint.to_string()));
        let (mut sender, driver) = connecting.await.map_err(late)?.map_err(Fault::NotSent)?;
        let host = if let Endpoint::Tcp(address) = endpoint { address } else { "docker" };
        let mut request = Request::builder().method(self.method).uri(&self.path).header(HOST, host);
        if upgrade {
            request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "tcp");
        }
        let body: Full<Bytes> = match self.body {
            Some(json) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Full::from(json.to_string())
            }
            None => Full::default(),
        };
        let request = request
            .body(body)
            .map_err(|error| Fault::NotSent(DockerError::BadAnswer(format!("{}: {error}", self.path))))?;
        match timeout_at(by, sender.send_request(request)).await {
            Ok(Ok(response)) => Ok((response, driver)),
            Ok(Err(error)) => Err(Fault::Unanswered(endpoint.stream_error(&error))),
            Err(_) => Err(Fault::Unanswered(DockerError::TimedOut(endpoint.to_string()))),
        }
    }
}

type Connected = (SendRequest<Full<Bytes>>, JoinSet<()>);

async fn connect(endpoint: &Endpoint) -> Result<Connected, DockerError> {
    let unreachable = |error: std::io::Error| endpoint.io_error(&error);
    match endpoint {
        Endpoint::Unix(socket) => {
            speak(endpoint, UnixStream::connect(socket).await.map_err(unreachable)?).await
        }
        Endpoint::Tcp(address) => {
            speak(endpoint, TcpStream::connect(address).await.map_err(unreachable)?).await
        }
    }
}

async fn speak<S>(endpoint: &Endpoint, stream: S) -> Result<Connected, DockerError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| endpoint.stream_error(&error))?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // What ends the connection is told by the answer as well.
        let _ = connection.with_upgrades().await;
    });
    Ok((sender, driver))
}

/// `filters` of a list, as a query's value.
pub fn filters(name: &str, value: &str) -> String {
    let filters = serde_json::json!({ name: [value] }).to_string();
    url::form_urlencoded::byte_serialize(filters.as_bytes()).collect()
}

/// Whether it may stand in a path as an image's name: nothing in it leads elsewhere.
pub fn is_reference(text: &str) -> bool {
    let may_be = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@');
    text.len() <= 512
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(may_be)
        && !text.contains("..")
        && !text.contains("//")
}
