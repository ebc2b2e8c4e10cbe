use std::fs;

use commands::logs::{Counts, Level, Log, Wanted};
use commands::redact::Redactor;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use super::*;

const ALL: Wanted = Wanted { tail: 100, since: None, grep: None, level: None, subject: None };

async fn log(docker: &Docker, service_name: &str, wanted: &Wanted) -> Log {
    docker
        .log(&by_label(service_name), wanted, &Redactor::new([]), PATIENT)
        .await
        .unwrap()
        .expect("a container")
}

/// The log once its last line is there.
async fn ended(docker: &Docker, service_name: &str, wanted: &Wanted, last: &str) -> Log {
    let is_last = |log: &Log| log.sieved.lines.last().is_some_and(|line| line.text.ends_with(last));
    once(docker, service_name, wanted, is_last).await
}

async fn once(docker: &Docker, service_name: &str, wanted: &Wanted, fits: impl Fn(&Log) -> bool) -> Log {
    let looking = async {
        loop {
            let log = log(docker, service_name, wanted).await;
            if fits(&log) {
                return log;
            }
        }
    };
    timeout(PATIENT, looking).await.expect("the container writes it")
}

fn texts(log: &Log) -> Vec<&str> {
    log.sieved.lines.iter().map(|line| line.text.as_str()).collect()
}

#[tokio::test]
async fn a_log_is_what_docker_logs_shows() {
    let stage = Stage::new();
    let docker = docker(&stage);
    let script = "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done; echo the end; sleep 600";
    let name = stage.run("talks", &[], &["sh", "-c", script]);
    let log = ended(&docker, "talks", &ALL, "the end").await;
    let shown: Vec<String> =
        log.sieved.lines.iter().map(|line| format!("{} {}", line.at.unwrap(), line.text)).collect();
    let direct = stage.docker(&["logs", "--timestamps", "--tail", "100", &name]);
    let same_form = |line: &str| {
        let (at, text) = line.split_once(' ').unwrap();
        format!("{} {text}", at.parse::<jiff::Timestamp>().unwrap())
    };
    assert_eq!(shown, direct.lines().map(same_form).collect::<Vec<_>>());
    assert_eq!((log.container.as_str(), log.newest_only, log.broke_off), (name.as_str(), None, false));
    let first = stage.docker(&["logs", "--timestamps", &name]);
    let first: jiff::Timestamp = first.split_once(' ').unwrap().0.parse().unwrap();
    assert_eq!(log.reaches_back_to, Some(first));

    let from = log.sieved.lines[90].at;
    let since = ended(&docker, "talks", &Wanted { since: from, ..ALL }, "the end").await;
    assert_eq!(texts(&since), texts(&log)[90..].to_vec());
}

#[tokio::test]
async fn both_outputs_and_every_error_are_found() {
    let stage = Stage::new();
    let docker = docker(&stage);
    let script = "echo INFO up; echo 'FATAL: out' >&2; echo 'x level=error' >&2; echo '{\"level\":\"error\"}'; \
                  echo 'WARN SECURITY failed login'; echo 'GET /error 200'; echo done; sleep 600";
    let name = stage.run("fails", &[], &["sh", "-c", script]);
    // The Engine reads the two outputs side by side, so that either's last line may come last.
    let whole = once(&docker, "fails", &ALL, |log| log.sieved.read.all() == 7).await;
    assert_eq!(whole.sieved.read, Counts { security: 1, errors: 3, warnings: 0, notes: 1, unmarked: 2 });
    let errors = log(&docker, "fails", &Wanted { level: Some(Level::Error), ..ALL }).await;
    let mut found = texts(&errors);
    found.sort_unstable();
    assert_eq!(found, ["FATAL: out", "x level=error", "{\"level\":\"error\"}"]);
    let security = log(&docker, "fails", &Wanted { level: Some(Level::Security), ..ALL }).await;
    assert_eq!(texts(&security), ["WARN SECURITY failed login"]);
    let by_name =
        docker.log(&by_name("other", &name), &ALL, &Redactor::new([]), PATIENT).await.unwrap().unwrap();
    assert_eq!(by_name.sieved.read.all(), 7);
    assert_eq!(docker.log(&by_label("none"), &ALL, &Redactor::new([]), PATIENT).await, Ok(None));
}

#[tokio::test]
async fn a_terminal_colours_and_a_line_of_a_megabyte_are_no_trouble() {
    let stage = Stage::new();
    let docker = docker(&stage);
    let script = "printf '\\033[31mERROR red\\033[0m\\n'; busybox head -c 1000000 /dev/zero | busybox tr '\\0' x; echo; \
                  printf 'a\\377b\\n'; echo done; sleep 600";
    for (name, more) in [("framed", &[][..]), ("terminal", &["--tty"])] {
        stage.run(name, more, &["sh", "-c", script]);
        let log = ended(&docker, name, &ALL, "done").await;
        let lines = &log.sieved.lines;
        assert_eq!((lines.len(), lines[0].text.as_str()), (4, "ERROR red"), "{name}");
        assert!(lines[1].text.len() > 8_000 && lines[1].text.bytes().all(|byte| byte == b'x'), "{name}");
        let long = lines[1].missing + u64::try_from(lines[1].text.len()).unwrap();
        // On a terminal the inner times can't be told from the line.
        assert!((1_000_000..1_010_000).contains(&long), "{name}: {long}");
        assert_eq!(lines[2].text, "a\u{fffd}b", "{name}");
    }
}

#[tokio::test]
async fn a_container_that_wrote_nothing_has_an_empty_log() {
    let stage = Stage::new();
    stage.run_idle("quiet", &[]);
    let log = log(&docker(&stage), "quiet", &ALL).await;
    assert_eq!((texts(&log), log.reaches_back_to, log.sieved.read.all()), (vec![], None, 0));
}

#[tokio::test]
async fn a_log_that_can_t_be_read_is_told_in_the_engines_words() {
    let stage = Stage::new();
    stage.run_idle("blind", &["--log-driver=none"]);
    let error = docker(&stage).log(&by_label("blind"), &ALL, &Redactor::new([]), PATIENT).await.unwrap_err();
    let DockerError::Engine { message, .. } = error else { panic!("{error:?}") };
    assert!(message.contains("logging driver"), "{message}");
}

/// An engine with one container whose log is what `write` writes for the request's first line.
async fn engine<W>(listener: UnixListener, write: impl Fn(String, UnixStream) -> W)
where
    W: Future<Output = ()> + Send + 'static,
{
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let first = String::from_utf8(request).unwrap().lines().next().unwrap().to_owned();
        if first.contains("/logs?") {
            let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            stream.write_all(head).await.unwrap();
            tokio::spawn(write(first, stream));
        } else {
            let container =
                r#"{"Id": "1", "Name": "/one", "State": {"Status": "running"}, "Config": {"Tty": false}}"#;
            stream.write_all(json("200 OK", container).as_bytes()).await.unwrap();
        }
    }
}

async fn log_of<W>(
    write: impl Fn(String, UnixStream) -> W,
    wanted: &Wanted,
    deadline: Duration,
) -> Result<Log, DockerError>
where
    W: Future<Output = ()> + Send + 'static,
{
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let docker = Docker::connect(&format!("unix://{}", path.display()), None).unwrap();
    let (one, redactor) = (by_name("one", "one"), Redactor::new([]));
    tokio::select! {
        log = docker.log(&one, wanted, &redactor, deadline) => log.map(|log| log.expect("a container")),
        () = engine(listener, write) => unreachable!("it serves for ever"),
    }
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[1, 0, 0, 0], &length[..], payload].concat()
}

/// The most memory that this process ever had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

const SEARCH: Wanted = Wanted { level: Some(Level::Error), ..ALL };

#[tokio::test]
async fn two_hundred_megabytes_are_read_in_little_memory_and_the_newest_are_found() {
    let before = peak();
    let write = async |request: String, mut stream: UnixStream| {
        if request.contains("tail=100000") {
            let long = [b"2026-11-24T03:12:00.000000000Z ERROR ".to_vec(), vec![b'x'; 16 << 10]].concat();
            for _ in 0..200 {
                let line = frame(&long).repeat(64);
                // The reader may have had enough.
                if stream.write_all(&line).await.is_err() {
                    return;
                }
            }
        }
        let _ = stream.write_all(&frame(b"2026-11-24T03:13:00.000000000Z ERROR the newest\n")).await;
    };
    let log = log_of(write, &SEARCH, PATIENT).await.unwrap();
    assert_eq!((texts(&log), log.broke_off), (vec!["ERROR the newest"], false));
    assert!(peak() - before < 64 << 20, "{} more bytes", peak() - before);
}

#[tokio::test]
async fn a_log_that_never_ends_is_left_in_time_and_says_so() {
    let write = async |_: String, mut stream: UnixStream| {
        let line = frame(b"2026-11-24T03:12:00.000000000Z ERROR again\n");
        while stream.write_all(&line).await.is_ok() {}
    };
    let started = Instant::now();
    let log = log_of(write, &SEARCH, SHORT * 3).await.unwrap();
    assert!(started.elapsed() < PATIENT / 2);
    assert!(log.broke_off && texts(&log).iter().all(|text| *text == "ERROR again"), "{log:?}");
}

#[tokio::test]
async fn an_engine_that_gives_no_log_is_timed_out_or_refused() {
    let silent = async |_: String, stream: UnixStream| {
        let _stream = stream;
        std::future::pending::<()>().await;
    };
    assert!(matches!(log_of(silent, &SEARCH, SHORT).await, Err(DockerError::TimedOut(_))));
    let garbage = async |_: String, mut stream: UnixStream| {
        let _ = stream.write_all(b"<html>no log</html>").await;
    };
    assert!(matches!(log_of(garbage, &SEARCH, PATIENT).await, Err(DockerError::BadAnswer(_))));
}
