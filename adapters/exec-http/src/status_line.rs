//! The first bytes of an answer, watched as they pass.
//!
//! hyper hands over an answer when its head is complete. A service that drips its head would look
//! like one that says nothing; the code in the first line tells the two apart.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// `HTTP/1.1 503`: where the code ends.
const CODE_ENDS: usize = 12;

/// What is known of an answer's first line. Clones look at the same line.
#[derive(Clone, Default)]
pub struct StatusLine(Arc<Mutex<Vec<u8>>>);

impl StatusLine {
    /// The code of a final answer; `None` before it is here, and for interim answers (1xx).
    pub fn code(&self) -> Option<u16> {
        let start = self.start();
        let text = std::str::from_utf8(start.get(..CODE_ENDS)?).ok()?;
        let code = text.strip_prefix("HTTP/1.")?.get(2..)?.parse().ok()?;
        (code >= 200).then_some(code)
    }

    /// For the sentence on a connection that ended.
    pub fn how_far(&self) -> &'static str {
        if self.start().is_empty() { "without an answer" } else { "in the middle of the answer" }
    }

    fn note(&self, bytes: &[u8]) {
        let mut start = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = CODE_ENDS.saturating_sub(start.len());
        start.extend(bytes.iter().take(missing));
    }

    fn start(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A stream whose first bytes are noted.
pub struct Watched<S> {
    stream: S,
    line: StatusLine,
}

impl<S> Watched<S> {
    /// Notes into `line` what is read from `stream`.
    pub const fn new(stream: S, line: StatusLine) -> Self {
        Self { stream, line }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.line.note(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(start: &str) -> Option<u16> {
        let line = StatusLine::default();
        start.bytes().for_each(|byte| line.note(&[byte]));
        line.code()
    }

    #[test]
    fn the_code_is_known_from_the_twelfth_byte_on() {
        assert_eq!(code_of("HTTP/1.1 503 Service Unavailable"), Some(503));
        assert_eq!(code_of("HTTP/1.0 200"), Some(200));
        assert_eq!(code_of("HTTP/1.1 20"), None);
        assert_eq!(code_of("HTTP/1.1 100 Continue"), None);
        assert_eq!(code_of("SSH-2.0-OpenSSH_9.2"), None);
    }
}
