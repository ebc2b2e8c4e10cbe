//! One request and its answer over a connection that is up.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use bytes::Bytes;
use commands::health::ProbeOutcome;
use http::Request;
use http::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use url::{Position, Url};

use crate::status_line::{StatusLine, Watched};
use crate::{Stage, answer, connection};

/// More body than this is not read.
const BODY_LIMIT: usize = 64 * 1024;

/// More head than this is not read.
const HEAD_LIMIT: usize = 64 * 1024;

/// Sends the `GET`, reads the answer, keeps `stage` current.
pub async fn get<S>(stream: S, url: &Url, stage: &mut Stage) -> Result<ProbeOutcome, ProbeOutcome>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let line = StatusLine::default();
    *stage = Stage::Waiting(line.clone());
    let request = request(url)?;
    let io = TokioIo::new(Watched::new(stream, line.clone()));
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_LIMIT)
        .handshake(io)
        .await
        .map_err(|error| broken(&error, &line))?;
    // Dropping the set ends the task and with it the connection, also when the time is up.
    let mut driver = JoinSet::new();
    driver.spawn(connection);

    let response = sender.send_request(request).await.map_err(|error| broken(&error, &line))?;
    let (head, body) = response.into_parts();
    let code = head.status.as_u16();
    *stage = Stage::Reading(code);
    if answer::is_redirect(head.status) {
        return Ok(ProbeOutcome::Redirect { code, to: answer::redirect_target(url, &head.headers) });
    }
    match read(body).await.map_err(|error| broken(&error, &line))? {
        Some(body) => Ok(answer::judge(code, answer::content_type(&head.headers), &body)),
        None => Ok(ProbeOutcome::TooLarge { code }),
    }
}

fn request(url: &Url) -> Result<Request<Empty<Bytes>>, ProbeOutcome> {
    Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(USER_AGENT, "acgs-bot")
        .header(ACCEPT, "application/json")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|_| ProbeOutcome::Unreachable("the address can't be put into a request".to_owned()))
}

/// The whole body; `None` when it is longer than [`BODY_LIMIT`], of which no more is read.
async fn read(mut body: Incoming) -> Result<Option<Vec<u8>>, hyper::Error> {
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if bytes.len() + data.len() > BODY_LIMIT {
            return Ok(None);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Some(bytes))
}

fn broken(error: &hyper::Error, line: &StatusLine) -> ProbeOutcome {
    let cause = io_error(error);
    if let Some(tls) = cause.and_then(connection::tls_error) {
        return ProbeOutcome::Unreachable(format!("TLS: {tls}"));
    }
    let kind = cause.map(io::Error::kind);
    let why = if error.is_parse_too_large() {
        "the head of the answer is larger than 64 KiB".to_owned()
    } else if error.is_parse() || matches!(kind, Some(ErrorKind::InvalidData | ErrorKind::InvalidInput)) {
        "the answer is not well-formed HTTP".to_owned()
    } else if matches!(
        kind,
        Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted)
    ) {
        format!("the connection was reset {}", line.how_far())
    } else if error.is_incomplete_message() || kind == Some(ErrorKind::UnexpectedEof) {
        format!("the connection was closed {}", line.how_far())
    } else {
        kind.map_or_else(
            || format!("the exchange failed {}", line.how_far()),
            |kind| format!("the connection failed {}: {kind}", line.how_far()),
        )
    };
    ProbeOutcome::Broken(why)
}

/// The I/O error at the end of the chain of causes, if there is one.
fn io_error(error: &hyper::Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}
