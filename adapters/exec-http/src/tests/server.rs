//! Servers that answer as badly as a test wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use url::Url;

/// A listener on loopback; its tasks end with the test's runtime.
pub struct Server {
    pub url: Url,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Hands each connection to `script`, without having read anything from it.
    pub async fn on_connection<F, Fut>(script: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/health", listener.local_addr().unwrap()).parse().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(stream));
            }
        });
        Self { url, connections }
    }

    /// Hands each connection to `script` when a whole request has come.
    pub async fn on_request<F, Fut>(script: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let script = Arc::new(script);
        Self::on_connection(move |mut stream| {
            let script = Arc::clone(&script);
            async move {
                request(&mut stream).await;
                script(stream).await;
            }
        })
        .await
    }

    /// Sends these bytes for each request and closes.
    pub async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = Arc::from(bytes.into());
        Self::on_request(move |mut stream| {
            let bytes = Arc::clone(&bytes);
            async move {
                // A probe may hang up before it has read everything.
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads one request's head.
pub async fn request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

/// A whole answer.
pub fn answer(line: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {line}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A port that is taken, so that nobody else gets it, and on which nobody listens.
pub fn closed_port() -> (TcpSocket, Url) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/health", socket.local_addr().unwrap()).parse().unwrap();
    (socket, url)
}
