//! A plain dump on its way to `psql`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use commands::plain_dump::PlainDump;
use tokio::io::{AsyncRead, ReadBuf};

/// Passes a plain dump on as long as it holds statements and rows alone. What comes after anything else is never read.
pub(super) struct Guarded<R> {
    dump: R,
    reader: PlainDump,
}

impl<R> Guarded<R> {
    pub(super) fn new(dump: R) -> Self {
        Self { dump, reader: PlainDump::default() }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Guarded<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.dump).poll_read(context, buffer))?;
        let read = self.reader.read(buffer.filled().get(before..).unwrap_or_default());
        if let Err(fault) = read {
            // The piece with it is not passed on.
            buffer.set_filled(before);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn what_psql_would_obey_is_not_passed_on() {
        let mut passed = Vec::new();
        let good = "SELECT 1;\nCOPY t FROM stdin;\n\\\\! 1\n\\.\n";
        Guarded::new(good.as_bytes()).read_to_end(&mut passed).await.expect("a dump");
        assert_eq!(passed, good.as_bytes());
        let (begin, rest) = ("SELECT 1;\n".repeat(50_000), "\\! touch /tmp/x\nSELECT 2;\n");
        let bad = format!("{begin}{rest}");
        let mut passed = Vec::new();
        let error = Guarded::new(bad.as_bytes()).read_to_end(&mut passed).await.expect_err("a command");
        assert!(error.to_string().starts_with("line 50001: "), "{error}");
        assert!(passed.len() <= begin.len() && !passed.contains(&b'\\'), "{}", passed.len());
    }
}
