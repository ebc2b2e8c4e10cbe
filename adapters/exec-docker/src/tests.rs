//! Against a real engine, and against sockets that are no engine.

mod acts;
mod compose;
mod exec;
mod logs;
mod one_off;
mod proxy;
mod reclaim;
mod replace;
mod stage;
mod targets;
mod usage;

use std::fs;
use std::mem::discriminant;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::Duration;

use commands::health::{Container, ContainerHealth, ContainerState};
use commands::ids::ServiceName;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, UnixListener};
use tokio::time::{Instant, timeout};

use crate::act::Acts;
use crate::{Docker, DockerError};
use stage::{Stage, host, service};

/// For answers that come by themselves: never reached.
const PATIENT: Duration = Duration::from_secs(60);

/// For answers that do not come.
const SHORT: Duration = Duration::from_millis(300);

fn docker(stage: &Stage) -> Docker {
    Docker::connect(host(), Some(stage.project.clone())).unwrap()
}

fn acts(stage: &Stage) -> Acts {
    Acts::new(docker(stage))
}

fn by_label(name: &str) -> (ServiceName, Option<String>) {
    (service(name), None)
}

fn by_name(name: &str, container: &str) -> (ServiceName, Option<String>) {
    (service(name), Some(container.to_owned()))
}

/// The container of the one service asked about.
async fn look(docker: &Docker, asked: (ServiceName, Option<String>)) -> Option<Container> {
    let mut found = docker.containers(&[asked], PATIENT).await.unwrap();
    let (_, container) = found.pop_first().unwrap();
    assert!(found.is_empty());
    container.unwrap()
}

/// Looks until `wanted` holds.
async fn wait_for(docker: &Docker, name: &str, wanted: impl Fn(&Container) -> bool) -> Container {
    let looking = async {
        loop {
            if let Some(container) = look(docker, by_label(name)).await.filter(|found| wanted(found)) {
                return container;
            }
        }
    };
    timeout(PATIENT, looking).await.expect("the container gets there")
}

#[tokio::test]
async fn each_state_of_a_container_is_told() {
    let stage = Stage::new();
    let docker = docker(&stage);
    let name = stage.run_idle("runs", &[]);
    let running = look(&docker, by_label("runs")).await.unwrap();
    assert_eq!(
        (running.name.as_str(), running.state, running.health),
        (&*name, ContainerState::Running, None)
    );
    assert_eq!(running.id.len(), 64);
    assert!(running.started_at.is_some());
    assert_eq!((running.exit_code, running.restart_count, running.oom_killed), (None, 0, false));

    stage.docker(&["pause", &name]);
    let paused = look(&docker, by_label("runs")).await.unwrap();
    assert_eq!(paused, Container { state: ContainerState::Paused, ..running.clone() });
    stage.docker(&["unpause", &name]);

    stage.docker(&["kill", &name]);
    let killed = wait_for(&docker, "runs", |container| container.state == ContainerState::Exited).await;
    assert_eq!(killed, Container { state: ContainerState::Exited, exit_code: Some(137), ..running });

    stage.run("ends", &[], &["sh", "-c", "exit 3"]);
    let ended = wait_for(&docker, "ends", |container| container.state == ContainerState::Exited).await;
    assert_eq!(ended.exit_code, Some(3));
}

#[tokio::test]
async fn a_container_that_never_ran_has_no_start() {
    let stage = Stage::new();
    let label = format!("com.docker.compose.project={}", stage.project);
    let labels = ["--label", &label, "--label", "com.docker.compose.service=new"];
    stage.docker(&[&["create"], &labels[..], &[&stage.project, "sleep", "1"]].concat());
    let created = look(&docker(&stage), by_label("new")).await.unwrap();
    assert_eq!((created.state, created.started_at, created.exit_code), (ContainerState::Created, None, None));
}

#[tokio::test]
async fn restarts_are_counted() {
    let stage = Stage::new();
    let docker = docker(&stage);
    stage.run("crashes", &["--restart", "on-failure:2"], &["false"]);
    let given_up =
        |container: &Container| container.restart_count == 2 && container.state == ContainerState::Exited;
    assert_eq!(wait_for(&docker, "crashes", given_up).await.exit_code, Some(1));

    stage.run("loops", &["--restart", "always"], &["false"]);
    let between = wait_for(&docker, "loops", |container| container.state == ContainerState::Restarting).await;
    assert_eq!(between.exit_code, Some(1));
}

#[tokio::test]
async fn a_containers_own_health_check_is_told() {
    let stage = Stage::new();
    let docker = docker(&stage);
    let check =
        |command: &'static str| ["--health-retries=1", "--health-interval=100ms", "--health-cmd", command];
    stage.run_idle("well", &check("true"));
    stage.run_idle("sick", &check("false"));
    stage.run_idle("young", &["--health-interval=1h", "--health-cmd=true"]);
    let judged = |verdict| move |container: &Container| container.health == Some(verdict);
    wait_for(&docker, "well", judged(ContainerHealth::Healthy)).await;
    wait_for(&docker, "sick", judged(ContainerHealth::Unhealthy)).await;
    wait_for(&docker, "young", judged(ContainerHealth::Starting)).await;
}

#[tokio::test]
async fn a_process_killed_for_memory_is_told() {
    let stage = Stage::new();
    let docker = docker(&stage);
    // A child is killed and its parent goes on until the Engine has heard of it: one that hears of it after
    // the container's own end forgets it.
    let grow = "(x=x; while true; do x=$x$x; done); sleep 600";
    let name = stage.run("grows", &["--memory=16m", "--memory-swap=16m"], &["sh", "-c", grow]);
    stage.wait_event(&name, "oom").await;
    stage.docker(&["kill", &name]);
    let killed = wait_for(&docker, "grows", |container| container.state == ContainerState::Exited).await;
    assert!(killed.oom_killed, "{killed:?}");
}

#[tokio::test]
async fn many_services_are_found_at_once_each_in_its_own_way() {
    let stage = Stage::new();
    let labelled: Vec<_> = (0..20).map(|i| format!("service-{i}")).collect();
    let names: Vec<_> = labelled.iter().map(|name| stage.run_idle(name, &[])).collect();
    let mut asked: Vec<_> = labelled.iter().map(|name| by_label(name)).collect();
    asked.push(by_name("by-name", &names[7]));
    asked.push(by_label("missing"));
    asked.push(by_name("misnamed", &format!("{}-nothing", stage.project)));

    let found = docker(&stage).containers(&asked, PATIENT).await.unwrap();
    let name_of =
        |name: &str| found[&service(name)].as_ref().unwrap().as_ref().map(|container| container.name.clone());
    assert_eq!(found.len(), 23);
    for (label, name) in labelled.iter().zip(&names) {
        assert_eq!(name_of(label).as_ref(), Some(name));
    }
    assert_eq!(name_of("by-name").as_ref(), Some(&names[7]));
    assert_eq!((name_of("missing"), name_of("misnamed")), (None, None));
}

#[tokio::test]
async fn a_name_must_be_exact() {
    let stage = Stage::new();
    let docker = docker(&stage);
    let name = stage.run_idle("exact", &[]);
    let container = look(&docker, by_name("exact", &name)).await.unwrap();
    let path = format!("x/../{name}");
    for other in
        [&name[..name.len() - 1], &container.id, &container.id[..12], &path, "", "/", "..", "json?all=1"]
    {
        assert_eq!(look(&docker, by_name("exact", other)).await, None, "{other}");
    }
}

#[tokio::test]
async fn other_projects_do_not_count_when_there_is_a_project() {
    let (ours, theirs) = (Stage::new(), Stage::new());
    let name = format!("auth-{}", ours.project);
    theirs.run_idle(&name, &[]);
    assert_eq!(look(&docker(&ours), by_label(&name)).await, None);
    let anywhere = Docker::connect(host(), None).unwrap();
    assert!(look(&anywhere, by_label(&name)).await.is_some());
}

#[tokio::test]
async fn a_service_is_as_well_as_its_sickest_container() {
    let stage = Stage::new();
    let docker = docker(&stage);
    for _ in 0..2 {
        stage.run_idle("web", &[]);
    }
    let sick = stage.run_idle("web", &[]);
    let one_off = stage.run("web", &["--label", "com.docker.compose.oneoff=True"], &["false"]);
    stage.docker(&["wait", &one_off]);
    assert_eq!(look(&docker, by_label("web")).await.unwrap().state, ContainerState::Running);
    stage.docker(&["pause", &sick]);
    assert_eq!(look(&docker, by_label("web")).await.unwrap().name, sick);
}

#[tokio::test]
async fn the_engine_says_who_it_is() {
    let docker = Docker::connect(host(), None).unwrap();
    let info = docker.info().await.unwrap();
    assert!(!info.daemon_id.is_empty());
    assert!(info.version.starts_with(|first: char| first.is_ascii_digit()), "{info:?}");
    assert_eq!(docker.info().await.unwrap(), info);
}

/// What a question to this address is answered with; the other one ends in the same way.
async fn fault(host: &str) -> DockerError {
    let docker = Docker::connect(host, None).unwrap();
    let asked = docker.containers(&[by_label("auth"), by_name("ac", "ac")], PATIENT).await.unwrap_err();
    assert_eq!(discriminant(&docker.info().await.unwrap_err()), discriminant(&asked));
    asked
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_told() {
    let folder = TempDir::new().unwrap();
    let host = format!("unix://{}/docker.sock", folder.path().display());
    assert_eq!(fault(&host).await, DockerError::NoSocket(host));
}

#[tokio::test]
async fn a_socket_nobody_listens_on_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("docker.sock");
    drop(UnixListener::bind(&path).unwrap());
    let host = format!("unix://{}", path.display());
    assert_eq!(fault(&host).await, DockerError::Refused(host));

    // Bound and not listening: taken, so that nobody else gets it.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let host = format!("tcp://{}", socket.local_addr().unwrap());
    assert_eq!(fault(&host).await, DockerError::Refused(host));
}

/// Root may open every socket, so for root only the kernel's answer is put in.
#[tokio::test]
async fn a_socket_of_others_is_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let host = format!("unix://{}", path.display());
    let error = if fs::metadata("/proc/self").unwrap().uid() == 0 {
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        host.parse::<crate::endpoint::Endpoint>().unwrap().error(denied.into())
    } else {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        fault(&host).await
    };
    assert_eq!(error, DockerError::PermissionDenied(host));
    assert!(error.to_string().contains("group `docker`"));
}

#[tokio::test]
async fn an_engine_that_hangs_is_timed_out() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let host = format!("unix://{}", path.display());
    let docker = Docker::connect(&host, None).unwrap();
    let started = Instant::now();
    let error = docker.containers(&[by_label("auth")], SHORT).await.unwrap_err();
    assert!(started.elapsed() >= SHORT);
    assert_eq!(error, DockerError::TimedOut(host.clone()));
    assert_eq!(docker.info().await, Err(DockerError::TimedOut(host)));
}

/// Answers every request on the socket with what `answer` makes of its first line; with nothing, and
/// for ever, where that is nothing.
async fn serve(listener: UnixListener, answer: impl Fn(&str) -> String) {
    let mut silent = Vec::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let answer = answer(String::from_utf8(request).unwrap().lines().next().unwrap());
        if answer.is_empty() {
            silent.push(stream);
        } else {
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }
}

/// Awaits `asking` while the socket in `folder` is answered.
async fn while_serving<T>(
    folder: &TempDir,
    answer: impl Fn(&str) -> String,
    asking: impl AsyncFnOnce(&str) -> T,
) -> T {
    let path = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let host = format!("unix://{}", path.display());
    tokio::select! {
        answered = asking(&host) => answered,
        () = serve(listener, answer) => unreachable!("it serves for ever"),
    }
}

/// What the client says when everything is answered with these bytes.
async fn saying(answer: &'static str) -> DockerError {
    let folder = TempDir::new().unwrap();
    while_serving(&folder, |_| answer.to_owned(), async |host| fault(host).await).await
}

fn json(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_container_that_cannot_be_inspected_hides_no_other() {
    let folder = TempDir::new().unwrap();
    let answer = |request: &str| {
        if request.contains("/containers/well/") {
            json("200 OK", r#"{"Id": "1", "Name": "/well", "State": {"Status": "running"}}"#)
        } else if request.contains("/containers/broken/") {
            json("500 Internal Server Error", r#"{"message": "layer not found"}"#)
        } else {
            String::new()
        }
    };
    let asked = ["well", "broken", "stuck"].map(|name| by_name(name, name));
    let mut found = while_serving(&folder, answer, async |host| {
        Docker::connect(host, None).unwrap().containers(&asked, SHORT).await.unwrap()
    })
    .await;
    let mut told = |name: &str| found.remove(&service(name)).unwrap();
    assert_eq!(told("well").unwrap().unwrap().state, ContainerState::Running);
    let broken = DockerError::Engine { code: 500, message: "layer not found".to_owned() };
    assert_eq!(told("broken"), Err(broken));
    assert!(matches!(told("stuck"), Err(DockerError::TimedOut(_))));
}

#[tokio::test]
async fn a_proxy_that_forbids_and_answers_of_no_engine_are_told() {
    let forbidden =
        saying("HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\nConnection: close\r\n\r\nnot you").await;
    assert_eq!(forbidden, DockerError::Engine { code: 403, message: "not you".to_owned() });
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n42",
        "SSH-2.0-OpenSSH_9.2p1\r\n",
    ] {
        let error = saying(answer).await;
        assert!(matches!(error, DockerError::BadAnswer(_)), "{answer}: {error:?}");
    }
    let cut = saying("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[").await;
    assert!(matches!(cut, DockerError::BadAnswer(_) | DockerError::Unreachable { .. }), "{cut:?}");
}

#[test]
fn an_address_that_is_none_is_refused() {
    for text in [
        "",
        "/var/run/docker.sock",
        "unix://docker.sock",
        "tcp://host",
        "tcp://:1",
        "tcp://a/b:1",
        "ssh://h:1",
    ] {
        let error = Docker::connect(text, None).unwrap_err();
        assert_eq!(error, DockerError::Address(text.to_owned()));
    }
    assert!(Docker::connect("tcp://[::1]:2375", None).is_ok());
}
