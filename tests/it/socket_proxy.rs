//! The rules in front of the Docker socket (`deploy/docker/haproxy.cfg`), in a real HAProxy before the real Engine:
//! all that the bot reads goes through, and nothing else does.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use e2e::bot::{Bot, Finished};
use e2e::people;
use e2e::stack::Stack;
use e2e::wait::eventually;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

const SOON: Duration = Duration::from_secs(10);

/// HAProxy with the shipped rules.
struct Proxy {
    _child: Child,
    folder: tempfile::TempDir,
}

impl Proxy {
    async fn start(stack: &Stack) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/docker/haproxy.cfg");
        let engine = stack.engine();
        let engine = engine.strip_prefix("unix://").unwrap_or_else(|| panic!("{engine} is no socket"));
        let child = Command::new("haproxy")
            .arg("-f")
            .arg(rules)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("ENGINE_SOCKET", engine)
            .env("BOT_SOCKET", folder.path().join("docker.sock"))
            .env("BOT_UID", nix::unistd::getuid().to_string())
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("haproxy, which tests/install installs");
        let proxy = Self { _child: child, folder };
        eventually(SOON, "the proxy to answer", async || {
            (proxy.ask("GET", "/_ping").await? == 200).then_some(())
        })
        .await;
        proxy
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The status of the answer, the path sent as it is.
    async fn ask(&self, method: &str, path: &str) -> Option<u16> {
        let mut stream = UnixStream::connect(self.socket()).await.ok()?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.ok()?;
        std::str::from_utf8(&head).ok()?.strip_prefix("HTTP/1.1 ")?.parse().ok()
    }
}

fn card(finished: &Finished) -> Value {
    let json: Value =
        serde_json::from_str(&finished.out).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    json["card"].clone()
}

#[tokio::test]
async fn what_the_bot_reads_goes_through() {
    let stack = Stack::take().await;
    let proxy = Proxy::start(&stack).await;
    let secret = "[[secret]]\nservice = \"auth_service\"\nvariable = \"AUTH_SERVICE_SECRET_KEY\"";
    let folder = tempfile::tempdir().unwrap();
    let lists = format!("[security]\npackage_lists = {:?}", folder.path());
    let database = "[[service]]\nname = \"postgres_db\"\nurl = \"http://127.0.0.1:1\"";
    let setup = stack.setup_at(&proxy.host()).with(secret).with(&lists).with(database);
    let bot = Bot::start(setup.with(&people::toml())).await;
    for line in [
        &["ps"][..],
        &["logs", "gs_service"],
        &["stats"],
        &["disk"],
        &["deploy", "list"],
        &["secrets", "check"],
        &["health", "auth_service"],
        &["security", "events"],
        &["security", "scan"],
    ] {
        let asked = bot.line(line, true).await;
        let text = asked.out.to_lowercase();
        for fault in ["not allowed", "could not be asked", "not read", "could not be looked into"] {
            assert!(!text.contains(fault), "{line:?} {fault}: {}", asked.out);
        }
    }
    let names = async |bot: &Bot| card(&bot.line(&["ps"], true).await)["title"].clone();
    let direct = Bot::start(stack.setup().with(&people::toml())).await;
    assert_eq!(names(&bot).await, names(&direct).await);
}

#[tokio::test]
async fn what_acts_or_reads_more_does_not() {
    let stack = Stack::take().await;
    let proxy = Proxy::start(&stack).await;
    let container = stack.container("pgc_service");
    let started = stack.docker(&["inspect", "--format", "{{.State.StartedAt}} {{.Id}}", &container]).await;
    let of = |rest: &str| format!("/v1.41/containers/{container}/{rest}");
    for (method, path) in [
        ("POST", of("restart")),
        ("POST", of("kill")),
        ("POST", of("exec")),
        ("DELETE", format!("/containers/{container}?force=1")),
        ("POST", "/v1.41/containers/create".to_owned()),
        ("POST", "/containers/prune".to_owned()),
        ("GET", of("attach/ws")),
        ("GET", of("export")),
        ("GET", of("archive?path=/etc/passwd")),
        ("GET", of("archive?path=/var/lib/dpkg/status&path=/etc/passwd")),
        ("GET", of("archive?path=/etc/passwd&path=/var/lib/dpkg/status")),
        ("GET", of("archive?p%61th=/etc/passwd&path=/var/lib/dpkg/status")),
        ("PUT", of("archive?path=/var/lib/dpkg/status")),
        ("GET", "/v1.41/secrets".to_owned()),
        ("GET", "/v1.41/volumes".to_owned()),
        ("GET", "/v1.41/containers/../secrets".to_owned()),
        ("GET", "/v1.41/containers/x/../../secrets/json".to_owned()),
        ("GET", "/v1.41/containers/%2e%2e/secrets".to_owned()),
        ("GET", "//v1.41/secrets".to_owned()),
        ("GET", "/v1.41/images/get?names=x".to_owned()),
        ("GET", "/v1.41/containers/json/".to_owned()),
    ] {
        assert_eq!(proxy.ask(method, &path).await, Some(403), "{method} {path}");
    }
    assert_eq!(proxy.ask("GET", &of("json")).await, Some(200), "the same container may be looked at");
    for file in ["%2Fvar%2Flib%2Fdpkg%2Fstatus", "/usr/lib/os-release"] {
        let packages = of(&format!("archive?path={file}"));
        assert_ne!(proxy.ask("GET", &packages).await, Some(403), "a list of packages may be read");
    }
    let after = stack.docker(&["inspect", "--format", "{{.State.StartedAt}} {{.Id}}", &container]).await;
    assert_eq!(started, after);
}
