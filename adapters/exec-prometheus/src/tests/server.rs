//! A server whose paths answer as badly as a test wants.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use url::Url;

/// A listener on loopback; its tasks end with the test's runtime.
pub struct Server {
    pub url: Url,
    /// The first line of each request.
    pub requests: mpsc::UnboundedReceiver<String>,
}

impl Server {
    /// Hands each connection, with the path and query asked for, to `script`.
    pub async fn running<F, Fut>(script: F) -> Self
    where
        F: Fn(String, TcpStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (seen, requests) = mpsc::unbounded_channel();
        let script = Arc::new(script);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (seen, script) = (seen.clone(), Arc::clone(&script));
                tokio::spawn(async move {
                    let line = request_line(&mut stream).await;
                    let path = line.split(' ').nth(1).unwrap().to_owned();
                    // A test that has what it wanted has dropped the other end.
                    let _ = seen.send(line);
                    script(path, stream).await;
                });
            }
        });
        Self { url, requests }
    }

    /// `200` for readiness and `answer`, all of its bytes, for everything else.
    pub async fn ready_and(answer: impl Into<Vec<u8>>) -> Self {
        Self::saying(ok("Ready."), answer).await
    }

    /// `readiness` for `/-/ready` and `answer` for everything else.
    pub async fn saying(readiness: impl Into<Vec<u8>>, answer: impl Into<Vec<u8>>) -> Self {
        let (readiness, answer): (Arc<[u8]>, Arc<[u8]>) = (readiness.into().into(), answer.into().into());
        Self::running(move |path, mut stream| {
            let bytes = Arc::clone(if path.ends_with("/-/ready") { &readiness } else { &answer });
            async move {
                // The other side may hang up before it has read everything.
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }
}

async fn request_line(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(bytes).unwrap().lines().next().unwrap().to_owned()
}

/// A `200` with `body`.
pub fn ok(body: &str) -> String {
    answer("200 OK", body)
}

/// A whole answer.
pub fn answer(line: &str, body: &str) -> String {
    format!("HTTP/1.1 {line}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}
