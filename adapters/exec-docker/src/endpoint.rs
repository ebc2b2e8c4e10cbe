//! Where the engine listens, and a client for it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::str::FromStr;

use bollard::API_DEFAULT_VERSION;
use bollard::errors::Error;
use bollard::models::ErrorResponse;

use crate::error::DockerError;

/// The library's own limit, in seconds; callers' deadlines are shorter.
const LIBRARY_TIMEOUT: u64 = 60;

/// An engine's message is shown up to this many characters.
const MESSAGE_LIMIT: usize = 200;

/// An engine's address.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// Path of a socket.
    Unix(String),
    /// `host:port`, without encryption.
    Tcp(String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{path}"),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

impl FromStr for Endpoint {
    type Err = DockerError;

    fn from_str(text: &str) -> Result<Self, DockerError> {
        let refused = || DockerError::Address(text.to_owned());
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.starts_with('/') { Ok(Self::Unix(path.to_owned())) } else { Err(refused()) };
        }
        let address = text.strip_prefix("tcp://").ok_or_else(refused)?.trim_end_matches('/');
        let (host, port) = address.rsplit_once(':').ok_or_else(refused)?;
        if host.is_empty() || host.contains(['/', '@']) || port.parse::<u16>().is_err() {
            return Err(refused());
        }
        Ok(Self::Tcp(address.to_owned()))
    }
}

impl Endpoint {
    /// A client of its own for each use: the library wants the socket to be there when it makes one,
    /// and keeps no connection open between two requests in any case.
    pub fn client(&self) -> Result<bollard::Docker, DockerError> {
        match self {
            Self::Unix(path) => {
                bollard::Docker::connect_with_unix(path, LIBRARY_TIMEOUT, API_DEFAULT_VERSION)
            }
            Self::Tcp(address) => {
                bollard::Docker::connect_with_http(address, LIBRARY_TIMEOUT, API_DEFAULT_VERSION)
            }
        }
        .map_err(|error| self.error(error))
    }

    /// The library's error in our words.
    pub fn error(&self, error: Error) -> DockerError {
        if let Some(io) = io_error(&error) {
            return self.by_kind(io.kind());
        }
        match error {
            Error::SocketNotFoundError(path) => self.missing_socket(&path),
            Error::RequestTimeoutError => DockerError::TimedOut(self.to_string()),
            Error::DockerResponseServerError { status_code, message } => {
                DockerError::Engine { code: status_code, message: shortened(&message) }
            }
            error => DockerError::BadAnswer(shortened(&error.to_string())),
        }
    }

    /// An error of the system in our words.
    pub fn io_error(&self, error: &io::Error) -> DockerError {
        self.by_kind(error.kind())
    }

    /// An error of a connection that we drive ourselves.
    pub fn stream_error(&self, error: &hyper::Error) -> DockerError {
        match io_cause(error) {
            Some(io) => self.by_kind(io.kind()),
            None => DockerError::BadAnswer(shortened(&error.to_string())),
        }
    }

    /// A refusal: the Engine says why in JSON, a proxy in front of it in whatever it likes.
    pub fn refused(&self, code: u16, said: &str) -> DockerError {
        let message = serde_json::from_str::<ErrorResponse>(said).map(|error| error.message);
        DockerError::Engine { code, message: shortened(message.as_deref().unwrap_or(said)) }
    }

    /// The library says that a socket is missing too when its folder may not be looked into.
    fn missing_socket(&self, path: &str) -> DockerError {
        let kind = std::fs::metadata(path).err().map_or(ErrorKind::NotFound, |error| error.kind());
        self.by_kind(kind)
    }

    fn by_kind(&self, kind: ErrorKind) -> DockerError {
        let address = self.to_string();
        match kind {
            ErrorKind::NotFound => DockerError::NoSocket(address),
            ErrorKind::PermissionDenied => DockerError::PermissionDenied(address),
            ErrorKind::ConnectionRefused => DockerError::Refused(address),
            ErrorKind::TimedOut => DockerError::TimedOut(address),
            kind => DockerError::Unreachable { address, why: kind.to_string() },
        }
    }
}

/// The I/O error that this is, or that is in its chain of causes.
fn io_error(error: &Error) -> Option<&io::Error> {
    if let Error::IOError { err } = error {
        return Some(err);
    }
    io_cause(error)
}

fn io_cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

/// On one line and not longer than [`MESSAGE_LIMIT`].
fn shortened(text: &str) -> String {
    let mut chars = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = chars.by_ref().take(MESSAGE_LIMIT).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
