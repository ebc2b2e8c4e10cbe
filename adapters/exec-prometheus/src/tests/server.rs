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

    /// `readiness` for `/-/ready`, no silence, and `answer` for everything else.
    pub async fn saying(readiness: impl Into<Vec<u8>>, answer: impl Into<Vec<u8>>) -> Self {
        Self::telling(readiness, answer, ok("[]")).await
    }

    /// `200` for readiness, these silences, and `answer` for everything else.
    pub async fn ready_with(answer: impl Into<Vec<u8>>, silences: impl Into<Vec<u8>>) -> Self {
        Self::telling(ok("Ready."), answer, silences).await
    }

    /// These bytes for whatever concerns silences.
    pub async fn telling_silences(silences: impl Into<Vec<u8>>) -> Self {
        Self::telling(ok("Ready."), ok("[]"), silences).await
    }

    async fn telling(
        readiness: impl Into<Vec<u8>>,
        answer: impl Into<Vec<u8>>,
        silences: impl Into<Vec<u8>>,
    ) -> Self {
        let [readiness, answer, silences]: [Arc<[u8]>; 3] =
            [readiness.into().into(), answer.into().into(), silences.into().into()];
        Self::running(move |path, mut stream| {
            let bytes = Arc::clone(match path {
                path if path.ends_with("/-/ready") => &readiness,
                path if path.ends_with("/api/v2/silences") => &silences,
                _ => &answer,
            });
            async move {
                // The other side may hang up before it has read everything.
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }
}

/// A Prometheus that has an answer for every query that contains one of these texts, the first that does;
/// for any other it has no series. Returns also the forms that were posted, decoded.
pub async fn knowing(
    answers: &'static [(&'static str, &'static str)],
) -> (Url, mpsc::UnboundedReceiver<Form>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (seen, forms) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let seen = seen.clone();
            tokio::spawn(async move {
                let form = posted(&mut stream).await;
                let known = answers.iter().find(|(part, _)| form["query"].contains(part));
                let result = known.map_or("", |(_, result)| result);
                let body = format!(r#"{{"status":"success","data":{{"result":[{result}]}}}}"#);
                let _ = seen.send(form);
                let _ = stream.write_all(ok(&body).as_bytes()).await;
            });
        }
    });
    (url, forms)
}

/// A posted form, and the path under `path`.
pub type Form = std::collections::BTreeMap<String, String>;

async fn posted(stream: &mut TcpStream) -> Form {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    let mut form: Form = url::form_urlencoded::parse(&body).into_owned().collect();
    form.insert("path".to_owned(), head.split(' ').nth(1).unwrap().to_owned());
    form
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
