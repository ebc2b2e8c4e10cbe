//! Answers read piece by piece, for logs: the library collects a whole line before it hands any of it
//! out, and a terminal's line may be a gigabyte.

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;

use crate::DockerError;
use crate::endpoint::Endpoint;

/// Bytes read ahead.
const BUFFER: usize = 64 << 10;

/// Of a refusal so much is read.
const REFUSAL: usize = 4 << 10;

/// An answer's body. The connection ends with it.
pub struct Answer {
    body: Incoming,
    /// Drives the connection, until this is dropped.
    _connection: JoinSet<()>,
}

impl Answer {
    /// `GET` of a path of the Engine, which has to be answered with 200.
    pub async fn get(endpoint: &Endpoint, path: &str) -> Result<Self, DockerError> {
        match endpoint {
            Endpoint::Unix(socket) => {
                let stream = UnixStream::connect(socket).await.map_err(|error| endpoint.io_error(&error))?;
                Self::ask(endpoint, stream, path).await
            }
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await.map_err(|error| endpoint.io_error(&error))?;
                Self::ask(endpoint, stream, path).await
            }
        }
    }

    async fn ask<S>(endpoint: &Endpoint, stream: S, path: &str) -> Result<Self, DockerError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let failed = |error: hyper::Error| endpoint.stream_error(&error);
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // What ends the connection is told by the body as well.
            let _ = connection.await;
        });
        let host = if let Endpoint::Tcp(address) = endpoint { address } else { "docker" };
        let request = Request::get(path)
            .header(HOST, host)
            .body(Empty::<Bytes>::new())
            .map_err(|error| DockerError::BadAnswer(error.to_string()))?;
        let answer = sender.send_request(request).await.map_err(failed)?;
        let status = answer.status();
        let mut stream = Self { body: answer.into_body(), _connection: driver };
        if status == StatusCode::OK { Ok(stream) } else { Err(stream.refusal(endpoint, status).await) }
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self, endpoint: &Endpoint) -> Result<Option<Bytes>, DockerError> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame.map_err(|error| endpoint.stream_error(&error))?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    async fn refusal(&mut self, endpoint: &Endpoint, status: StatusCode) -> DockerError {
        let mut said = Vec::new();
        while let Ok(Some(piece)) = self.next(endpoint).await {
            said.extend(piece.iter().take(REFUSAL - said.len()));
            if said.len() == REFUSAL {
                break;
            }
        }
        endpoint.refused(status.as_u16(), &String::from_utf8_lossy(&said))
    }
}
