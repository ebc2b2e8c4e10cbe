//! The rules in front of the Docker socket for a bot that acts (`deploy/docker/haproxy-acting.cfg`), in a real HAProxy.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use commands::ids::RunId;
use commands::redact::Redactor;
use commands::workload::ContainerId;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use crate::act::{Abort, ActError, Exec, Job, ReplaceWith, Template};
use crate::call::Call;
use crate::endpoint::Endpoint;

use super::*;

struct Proxy {
    _child: Child,
    folder: TempDir,
}

impl Proxy {
    async fn start(may_create: bool) -> Self {
        let folder = TempDir::new().unwrap();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/docker/haproxy-acting.cfg");
        let engine = host().strip_prefix("unix://").expect("a socket");
        let child = Command::new("haproxy")
            .arg("-f")
            .arg(rules)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("ENGINE_SOCKET", engine)
            .env("BOT_SOCKET", folder.path().join("docker.sock"))
            .env("BOT_UID", fs::metadata("/proc/self").unwrap().uid().to_string())
            .env("BOT_MAY_CREATE", if may_create { "yes" } else { "no" })
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("haproxy, which tests/install installs");
        let proxy = Self { _child: child, folder };
        let answers = async {
            while UnixStream::connect(proxy.socket()).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENT, answers).await.expect("the proxy listens");
        proxy
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    fn acts(&self, stage: &Stage) -> Acts {
        let host = format!("unix://{}", self.socket().display());
        Acts::new(Docker::connect(&host, Some(stage.project.clone())).unwrap())
    }

    async fn post(&self, path: &str, body: Value) -> u16 {
        self.ask(Call::post(path).with(body)).await
    }

    async fn ask(&self, call: Call) -> u16 {
        let endpoint: Endpoint = format!("unix://{}", self.socket().display()).parse().unwrap();
        let Ok(reply) = call.send(&endpoint, PATIENT).await else { panic!("an answer") };
        reply.status.as_u16()
    }
}

const FORBIDDEN: &str = "not allowed by the proxy in front of Docker";

#[tokio::test]
async fn all_that_acts_goes_through_when_it_may() {
    let stage = Stage::new();
    let proxy = Proxy::start(true).await;
    let docker = proxy.acts(&stage);
    let network = stage.network("default");
    let other = stage.network("other");
    let name = stage.run_on(&network, "web", &["--stop-timeout", "1", "-v", "/data"], &["sleep", "600"]);
    stage.docker(&["network", "connect", &other, &name]);
    let id = stage.id(&name);
    assert_eq!(docker.targets(PATIENT).await.unwrap().len(), 1);
    assert_eq!(docker.network_guests(PATIENT).await.unwrap(), []);
    docker.reclaimable(PATIENT, 1).await.unwrap();
    docker.restart(&id, Duration::ZERO).await.unwrap();
    docker.stop(&id, Duration::ZERO).await.unwrap();
    docker.start(&id).await.unwrap();

    let env = [("KEY".to_owned(), "new".into())];
    let with = ReplaceWith { env: &env, image: None };
    let first = docker.replace_container(&id, with).await.unwrap();
    docker.undo_replacement(&id, Some(&first.new), &name).await.unwrap();
    let second = docker.replace_container(&id, with).await.unwrap();
    docker.finish_replacement(&id).await.unwrap();

    let mut output = Vec::new();
    let input = vec![b'x'; 3 << 20];
    let exec = Exec {
        container: &second.new,
        argv: &["cat"],
        env: &[],
        user: None,
        tag: "acgs-test",
        timeout: PATIENT,
        ended_by: None,
    };
    let executed =
        docker.exec(&exec, Some(&input[..]), &mut output, async |why: &Abort| panic!("{why}")).await.unwrap();
    assert_eq!((executed.exit_code, executed.took_all, output.len()), (0, true, input.len()));

    let run = RunId::from_random(rand::random());
    let like = Template::Container(&second.new);
    let networks = [network.as_str(), other.as_str()];
    let argv = ["sh", "-c", "exit 5"];
    let job = Job { run, like, argv: &argv, env: &env, networks: &networks, timeout: PATIENT, lines: 5 };
    let ended = docker.run_one_off(&job, &Redactor::new([])).await.unwrap();
    assert_eq!((ended.exit_code, ended.left), (5, None));

    let image = docker.image(stage.image(), PATIENT).await.unwrap().unwrap();
    docker.tag_image(&image.id, &format!("{}/way-back", stage.project), "prev-1").await.unwrap();
    let tagged = docker.image(image.id.as_str(), PATIENT).await.unwrap().unwrap();
    let error = docker.remove_image(&image.id, &tagged.tags).await.unwrap_err();
    assert!(!error.to_string().contains(FORBIDDEN), "{error}");
    docker.stop(&second.new, Duration::ZERO).await.unwrap();
    docker.remove_container(&second.new).await.unwrap();
}

#[tokio::test]
async fn without_the_word_for_it_containers_are_restarted_and_no_more() {
    let stage = Stage::new();
    let proxy = Proxy::start(false).await;
    let docker = proxy.acts(&stage);
    let id = stage.id(&stage.run_idle("web", &[]));
    docker.restart(&id, Duration::ZERO).await.unwrap();
    docker.stop(&id, Duration::ZERO).await.unwrap();
    let refused = docker.remove_container(&id).await.unwrap_err();
    assert_eq!(refused, ActError::NotBegun(DockerError::Engine { code: 403, message: FORBIDDEN.to_owned() }));
    docker.start(&id).await.unwrap();
    let error = docker.replace_container(&id, ReplaceWith::default()).await.unwrap_err();
    assert_eq!(error.why, refused);
    let image = json!({ "Image": stage.image() });
    assert_eq!(proxy.post("/containers/create?name=x", image).await, 403);
    assert_eq!(proxy.post(&format!("/containers/{id}/exec"), json!({ "Cmd": ["true"] })).await, 403);
}

#[tokio::test]
async fn what_would_give_the_host_away_does_not_go_through() {
    let stage = Stage::new();
    let proxy = Proxy::start(true).await;
    let name = stage.run_idle("web", &[]);
    let id: ContainerId = stage.id(&name);
    let of = |rest: &str| format!("/containers/{id}{rest}");
    for path in [
        of("/kill"),
        of("/update"),
        of("/attach"),
        of("/restart?t=1&x=y"),
        of("/stop?signal=KILL"),
        of("/pause"),
        format!("/containers/{name}/stop"),
        format!("/v1.41{}", of("/stop")),
        format!("/containers/../containers/{id}/stop"),
        "/containers/prune".to_owned(),
        "/images/prune".to_owned(),
        "/volumes/prune".to_owned(),
        "/volumes/create".to_owned(),
        "/build".to_owned(),
        "/images/create?fromImage=x".to_owned(),
        "/networks/create".to_owned(),
        "/swarm/init".to_owned(),
        "/containers/create".to_owned(),
        "/containers/create?name=x&platform=y".to_owned(),
    ] {
        assert_eq!(proxy.post(&path, json!({})).await, 403, "{path}");
    }
    for path in [
        of("?force=1"),
        of("?v=1"),
        "/volumes/x".to_owned(),
        "/networks/x".to_owned(),
        "/images/x?force=1".to_owned(),
    ] {
        assert_eq!(proxy.ask(Call::delete(&path)).await, 403, "{path}");
    }
    for path in ["/volumes", "/secrets", "/networks/x/../y"] {
        assert_eq!(proxy.ask(Call::get(path)).await, 403, "{path}");
    }
    for host in [
        json!({ "Privileged": true }),
        json!({ "privileged": true }),
        json!({ "PidMode": "host" }),
        json!({ "CapAdd": ["NET_BIND_SERVICE", "SYS_ADMIN"] }),
        json!({ "Devices": [{ "PathOnHost": "/dev/sda" }] }),
        json!({ "Binds": ["/:/host"] }),
        json!({ "Binds": ["data:/data", "/var/run/docker.sock:/docker.sock"] }),
        json!({ "Mounts": [{ "Type": "bind", "Source": "/", "Target": "/host" }] }),
    ] {
        let body = json!({ "Image": stage.image(), "Cmd": ["true"], "HostConfig": host });
        assert_eq!(proxy.post("/containers/create?name=acgs-never", body.clone()).await, 403, "{body}");
    }
    let exec = json!({ "Cmd": ["true"], "Privileged": true });
    assert_eq!(proxy.post(&of("/exec"), exec).await, 403);
    // Hidden behind more than is looked at.
    let long =
        json!({ "Image": stage.image(), "Env": ["x".repeat(200_000)], "HostConfig": { "Privileged": true } });
    assert_eq!(proxy.post("/containers/create?name=acgs-never", long).await, 403);
    let running = stage.inspect(&name, "{{.State.Running}} {{.RestartCount}}");
    assert_eq!(running, "true 0");
}

/// What follows on a connection is looked at like what came first.
#[tokio::test]
async fn nothing_slips_in_behind_what_is_let_through() {
    let stage = Stage::new();
    let proxy = Proxy::start(true).await;
    let never = format!("{}-never", stage.project);
    let label = format!("com.docker.compose.project={}", stage.project);
    let body =
        json!({ "Image": stage.image(), "Labels": { label: "" }, "HostConfig": { "Privileged": true } });
    let evil = format!(
        "POST /containers/create?name={never} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.to_string().len()
    );
    let no_exec = "ab".repeat(32).parse().unwrap();
    let start = crate::call::start_of(&no_exec);
    for first in [
        "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n".to_owned(),
        start.clone(),
        start.replace(", close", ""),
        start.replace("Upgrade: tcp\r\n", ""),
        start.replace("HTTP/1.1", "HTTP/1.1\r\nX: y"),
    ] {
        let mut stream = UnixStream::connect(proxy.socket()).await.unwrap();
        stream.write_all(format!("{first}{evil}").as_bytes()).await.unwrap();
        let mut said = Vec::new();
        // Until the proxy or the Engine closes.
        let _ = timeout(PATIENT, stream.read_to_end(&mut said)).await.expect("it is closed");
        let said = String::from_utf8_lossy(&said);
        assert!(said.starts_with("HTTP/1.1 ") && !said.contains(" 201 "), "{first}: {said}");
        assert_eq!(stage.docker(&["ps", "-aq", "--filter", &format!("name={never}")]), "", "{first}");
    }
}
