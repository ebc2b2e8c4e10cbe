//! The way to the real Docker Engine, with one request that is never answered, or after which it is gone.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

/// A socket in front of the Engine's that goes away in the middle of one call: the Engine gets it, and nobody hears what
/// became of it. It is gone when dropped.
pub struct GoneAt {
    folder: TempDir,
    down: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl GoneAt {
    /// Goes away at the first call whose request line holds `path`.
    ///
    /// # Panics
    /// When there can be no socket.
    #[must_use]
    pub fn new(host: &str, path: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("docker.sock")).expect("a socket");
        let engine = PathBuf::from(host.strip_prefix("unix://").expect("a Unix socket"));
        let (path, down) = (path.to_owned(), Arc::new(AtomicBool::new(false)));
        let (mut tasks, is_down) = (JoinSet::new(), Arc::clone(&down));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                if !is_down.load(Ordering::SeqCst) {
                    connections.spawn(pass_or_go(client, engine.clone(), path.clone(), Arc::clone(&is_down)));
                }
            }
        });
        Self { folder, down, _tasks: tasks }
    }

    /// As `[docker] host`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.folder.path().display())
    }

    /// Whether it is away.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::SeqCst)
    }

    /// It is there again, and stays.
    pub fn comes_back(&self) {
        self.down.store(false, Ordering::SeqCst);
    }
}

async fn pass_or_go(mut client: UnixStream, engine: PathBuf, path: String, down: Arc<AtomicBool>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        head.push(byte);
    }
    let Ok(mut engine) = UnixStream::connect(engine).await else { return };
    if engine.write_all(&head).await.is_err() {
        return;
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    if String::from_utf8_lossy(line).contains(&path) && !down.swap(true, Ordering::SeqCst) {
        drop(client);
        // The Engine does what it was told.
        let _ = engine.read_u8().await;
        return;
    }
    // Either side may end it.
    let _ = copy_bidirectional(&mut client, &mut engine).await;
}

/// A socket in front of the Engine's, whose connections go through a function. It is gone when dropped.
struct Socket {
    folder: TempDir,
    _tasks: JoinSet<()>,
}

impl Socket {
    fn open<F>(host: &str, pass: impl Fn(UnixStream, PathBuf) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("docker.sock")).expect("a socket");
        let engine = PathBuf::from(host.strip_prefix("unix://").expect("a Unix socket"));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass(client, engine.clone()));
            }
        });
        Self { folder, _tasks: tasks }
    }

    fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.folder.path().display())
    }
}

/// An Engine that says nothing to one request.
pub struct SilentAt(Socket);

impl SilentAt {
    /// Connections whose first request holds `path` are read and never answered; the others go to the
    /// Engine at `host`, a Unix socket.
    ///
    /// # Panics
    /// When there can be no socket.
    #[must_use]
    pub fn new(host: &str, path: &str) -> Self {
        let path = path.to_owned();
        Self(Socket::open(host, move |client, engine| pass(client, engine, path.clone())))
    }

    /// As `[docker] host`.
    #[must_use]
    pub fn host(&self) -> String {
        self.0.host()
    }
}

async fn pass(mut client: UnixStream, engine: PathBuf, path: String) {
    let mut first = Vec::new();
    while !first.ends_with(b"\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        first.push(byte);
    }
    if String::from_utf8_lossy(&first).contains(&path) {
        std::future::pending::<()>().await;
    }
    let Ok(mut engine) = UnixStream::connect(engine).await else { return };
    if engine.write_all(&first).await.is_ok() {
        // Either side may end it.
        let _ = copy_bidirectional(&mut client, &mut engine).await;
    }
}

/// Another Docker daemon, as far as a bot can tell: the Engine, which says that it is called something else.
pub struct AnotherAt(Socket);

impl AnotherAt {
    /// The Engine at `host`, a Unix socket, under the name `id`.
    ///
    /// # Panics
    /// When there can be no socket.
    #[must_use]
    pub fn new(host: &str, id: &str) -> Self {
        let body =
            serde_json::json!({"ID": id, "ServerVersion": "20.10", "DockerRootDir": "/var/lib/docker"});
        let body = body.to_string();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self(Socket::open(host, move |client, engine| pass_but_info(client, engine, answer.clone())))
    }

    /// As `[docker] host`.
    #[must_use]
    pub fn host(&self) -> String {
        self.0.host()
    }
}

/// Each request on a connection of its own, so that each is seen.
async fn pass_but_info(mut client: UnixStream, engine: PathBuf, answer: String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    if head.lines().next().is_some_and(|line| line.contains("/info ")) {
        // The bot may be gone.
        let _ = client.write_all(answer.as_bytes()).await;
        return;
    }
    let Ok(mut engine) = UnixStream::connect(engine).await else { return };
    let closing = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    if engine.write_all(closing.as_bytes()).await.is_ok() {
        // Either side may end it.
        let _ = copy_bidirectional(&mut client, &mut engine).await;
    }
}
