//! One request with a short answer, sent so that afterwards it is known whether the Engine may have seen it.

use std::time::Duration;

use commands::workload::ExecId;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
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

/// A connection that has become a stream of bytes in each direction.
pub struct Tunnel {
    /// From the command.
    pub from: Box<dyn AsyncRead + Send + Unpin>,
    /// To it.
    pub to: Box<dyn AsyncWrite + Send + Unpin>,
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
        let (response, _driver) = self.ask(endpoint, by).await?;
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

    async fn ask(self, endpoint: &Endpoint, by: Instant) -> Result<(Response<Incoming>, JoinSet<()>), Fault> {
        let connecting = timeout_at(by, connect(endpoint));
        let late = |_| Fault::NotSent(DockerError::TimedOut(endpoint.to_string()));
        let (mut sender, driver) = connecting.await.map_err(late)?.map_err(Fault::NotSent)?;
        let host = if let Endpoint::Tcp(address) = endpoint { address } else { "docker" };
        let mut request = Request::builder().method(self.method).uri(&self.path).header(HOST, host);
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
        let _ = connection.await;
    });
    Ok((sender, driver))
}

/// Starts a command that was made, and joins its streams; the inner error is the Engine's refusal.
///
/// Sent byte by byte like this, at once and with the connection's end announced, so that a proxy which can't look
/// into a stream can tell it from everything else: `deploy/docker/haproxy-acting.cfg` compares it whole.
pub async fn join(
    endpoint: &Endpoint,
    exec: &ExecId,
    deadline: Duration,
) -> Result<Result<Tunnel, Reply>, Fault> {
    let by = Instant::now() + deadline;
    let late = || DockerError::TimedOut(endpoint.to_string());
    let unreachable = |error: std::io::Error| Fault::NotSent(endpoint.io_error(&error));
    let opened = async {
        Ok(match endpoint {
            Endpoint::Unix(socket) => {
                let (from, to) = UnixStream::connect(socket).await?.into_split();
                Tunnel { from: Box::new(from), to: Box::new(to) }
            }
            Endpoint::Tcp(address) => {
                let (from, to) = TcpStream::connect(address).await?.into_split();
                Tunnel { from: Box::new(from), to: Box::new(to) }
            }
        })
    };
    let opened = timeout_at(by, opened).await.map_err(|_| Fault::NotSent(late()))?;
    let mut tunnel = opened.map_err(unreachable)?;
    let asked = async {
        tunnel.to.write_all(start_of(exec).as_bytes()).await?;
        head(&mut tunnel.from).await
    };
    let answered = timeout_at(by, asked).await.map_err(|_| Fault::Unanswered(late()))?;
    let (status, rest) = answered.map_err(|error| Fault::Unanswered(endpoint.io_error(&error)))?;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let from = Box::new(std::io::Cursor::new(rest).chain(tunnel.from));
        return Ok(Ok(Tunnel { from, ..tunnel }));
    }
    let mut body = rest;
    // A refusal that is cut short is one all the same.
    let _ = timeout_at(by, tunnel.from.take(HEAD).read_to_end(&mut body)).await;
    Ok(Err(Reply { status, body: body.into() }))
}

/// The whole request.
pub fn start_of(exec: &ExecId) -> String {
    let body = r#"{"Detach":false,"Tty":false}"#;
    format!(
        "POST /exec/{exec}/start HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade, close\r\nUpgrade: tcp\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Of an answer's head, and of a refusal, so much is read.
const HEAD: u64 = 8 << 10;

/// The status of an answer, and what came after its head.
async fn head(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(StatusCode, Vec<u8>)> {
    const END: &[u8] = b"\r\n\r\n";
    let mut read = Vec::new();
    let mut from = from.take(HEAD);
    loop {
        if let Some(at) = read.windows(END.len()).position(|bytes| bytes == END) {
            let rest = read.split_off(at + END.len());
            let status =
                read.strip_prefix(b"HTTP/1.1 ").and_then(|said| StatusCode::from_bytes(said.get(..3)?).ok());
            return status.map(|status| (status, rest)).ok_or_else(|| std::io::ErrorKind::InvalidData.into());
        }
        if from.read_buf(&mut read).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
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
