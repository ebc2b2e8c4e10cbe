//! The image's health check: one question to the service in the same container.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Below the check's own timeout in the compose file, so that the reason is in its output.
const PATIENCE: Duration = Duration::from_secs(2);
const MOST_BYTES: u64 = 64 * 1024;

/// # Errors
/// When there is no answer in time, or it does not say that the service is healthy.
pub(crate) async fn ask(port: u16) -> anyhow::Result<()> {
    let answer = tokio::time::timeout(PATIENCE, exchange(port)).await.context("no answer in 2 s")??;
    let (head, body) = answer.split_once("\r\n\r\n").context("not an HTTP answer")?;
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(body).context("the answer is not JSON")?;
    if status != "200" || body["status"] != "healthy" {
        bail!("status {status}, {body}");
    }
    Ok(())
}

async fn exchange(port: u16) -> anyhow::Result<String> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    // HTTP/1.0, so that the end of the connection is the end of the answer.
    socket.write_all(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
    let mut answer = String::new();
    socket.take(MOST_BYTES).read_to_string(&mut answer).await?;
    Ok(answer)
}
