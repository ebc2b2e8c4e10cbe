use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use commands::workload::ContainerId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::act::{Abort, ActError, Exec, ExecError, Executed};

use super::*;

const MEGABYTE: u64 = 1 << 20;

fn exec<'a>(container: &'a ContainerId, argv: &'a [&'a str]) -> Exec<'a> {
    Exec { container, argv, env: &[], user: None, tag: "acgs-test", timeout: PATIENT, ended_by: None }
}

/// Runs what is not given up.
async fn run(docker: &Acts, exec: &Exec<'_>, input: Option<&[u8]>) -> (Executed, Vec<u8>) {
    let mut output = Vec::new();
    let executed = docker.exec(exec, input, &mut output, async |why| panic!("{why}")).await.unwrap();
    (executed, output)
}

/// An input of a certain length, which may break off, and an output that may be slow or full; how far
/// the one is ahead of the other is looked at all the time.
struct Pipe {
    ahead: Arc<AtomicU64>,
    left: u64,
    breaks: bool,
    most_ahead: Arc<AtomicU64>,
}

impl Pipe {
    fn new(length: u64) -> Self {
        Self { ahead: Arc::default(), left: length, breaks: false, most_ahead: Arc::default() }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 && self.breaks {
            return Poll::Ready(Err(io::Error::other("the disk is gone")));
        }
        let length = u64::try_from(to.remaining()).unwrap().min(self.left);
        self.left -= length;
        for _ in 0..length {
            to.put_slice(b"x");
        }
        let ahead = self.ahead.fetch_add(length, Ordering::Relaxed) + length;
        self.most_ahead.fetch_max(ahead, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

struct Sink {
    ahead: Arc<AtomicU64>,
    /// So many bytes are taken.
    room: u64,
    /// A pause for each piece.
    slow: Option<Pin<Box<tokio::time::Sleep>>>,
}

const PAUSE: Duration = Duration::from_millis(2);

impl AsyncWrite for Sink {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(pause) = &mut self.slow {
            std::task::ready!(pause.as_mut().poll(context));
            pause.as_mut().reset(Instant::now() + PAUSE);
        }
        let length = u64::try_from(bytes.len()).unwrap();
        if length > self.room {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::StorageFull)));
        }
        self.room -= length;
        assert!(bytes.iter().all(|byte| *byte == b'x'));
        let _ = self
            .ahead
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |ahead| Some(ahead.saturating_sub(length)));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Whether a command with this word runs in the container.
fn runs(stage: &Stage, container: &ContainerId, word: &str) -> bool {
    stage.docker(&["top", container.as_str()]).contains(word)
}

/// Waits until no such command runs: busybox's watcher outlives what it has ended by a second or two.
async fn gone(stage: &Stage, container: &ContainerId, word: &str) {
    let gone = async {
        while runs(stage, container, word) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENT, gone).await.expect("it ends by itself");
}

#[tokio::test]
async fn a_command_says_how_it_ended() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let id = stage.id(&stage.run_idle("db", &["--env", "OWN=1"]));
    let env = [("MORE".to_owned(), "a b".into())];
    let script = "echo $OWN $MORE $PGAPPNAME; echo bad >&2; exit 3";
    let argv = ["sh", "-c", script];
    let asked = Exec { env: &env, user: Some("0:0"), ..exec(&id, &argv) };
    let (executed, output) = run(&docker, &asked, None).await;
    assert_eq!(String::from_utf8(output).unwrap(), "1 a b acgs-test\n");
    assert_eq!((executed.exit_code, executed.complaints.as_slice()), (3, &b"bad\n"[..]));
    assert_eq!((executed.bytes_in, executed.bytes_out, executed.took_all), (0, 16, true));
    assert_eq!(docker.exec_running(&executed.exec, PATIENT).await.unwrap(), Some(false));

    // Of many complaints the last ones are kept.
    let argv = ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done"];
    let (executed, _) = run(&docker, &exec(&id, &argv), None).await;
    assert_eq!(executed.complaints.len(), 64 << 10);
    assert!(executed.complaints.ends_with(b"line 19999\n"));
}

#[tokio::test]
async fn input_goes_in_and_ends() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let id = stage.id(&stage.run_idle("db", &[]));
    let (executed, output) = run(&docker, &exec(&id, &["cat"]), Some(b"select 1;\n")).await;
    assert_eq!((executed.exit_code, output.as_slice(), executed.bytes_in), (0, &b"select 1;\n"[..], 10));
    let (executed, output) = run(&docker, &exec(&id, &["cat"]), Some(b"")).await;
    assert_eq!((executed.exit_code, executed.took_all, output.len()), (0, true, 0));
    // One that reads no more of it than a line is not waited for, nor called whole.
    let mut output = Vec::new();
    let much = Pipe::new(100 * MEGABYTE);
    let asked = exec(&id, &["head", "-c", "3"]);
    let executed = docker.exec(&asked, Some(much), &mut output, async |why| panic!("{why}")).await.unwrap();
    assert_eq!((executed.exit_code, output.as_slice(), executed.took_all), (0, &b"xxx"[..], false));
}

#[tokio::test]
async fn a_hundred_megabytes_go_through_in_little_memory() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let id = stage.id(&stage.run_idle("db", &[]));
    for (length, slow) in [(100 * MEGABYTE, false), (30 * MEGABYTE, true)] {
        let input = Pipe::new(length);
        let most_ahead = Arc::clone(&input.most_ahead);
        let slow = slow.then(|| Box::pin(tokio::time::sleep(PAUSE)));
        let mut output = Sink { ahead: Arc::clone(&input.ahead), room: u64::MAX, slow };
        let asked = exec(&id, &["cat"]);
        let executed =
            docker.exec(&asked, Some(input), &mut output, async |why| panic!("{why}")).await.unwrap();
        assert_eq!((executed.exit_code, executed.bytes_in, executed.bytes_out), (0, length, length));
        let most_ahead = most_ahead.load(Ordering::Relaxed);
        assert!(most_ahead < 8 * MEGABYTE, "{most_ahead} bytes were on the way");
    }
}

#[tokio::test]
async fn a_command_that_is_killed_says_so() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let id = stage.id(&stage.run_idle("db", &[]));
    let (executed, output) = run(&docker, &exec(&id, &["sh", "-c", "echo half; kill -9 $$"]), None).await;
    assert_eq!((executed.exit_code, output.as_slice()), (137, &b"half\n"[..]));
}

/// Ends what runs in the container with this word.
fn end(stage: &Stage, container: &ContainerId, word: &str) {
    let script = format!(
        "for p in /proc/[0-9]*; do if cat $p/cmdline 2>/dev/null | busybox grep -q '{word}'; then \
         [ $p = /proc/$$ ] || kill -9 ${{p#/proc/}}; fi; done; true"
    );
    stage.docker(&["exec", container.as_str(), "sh", "-c", &script]);
}

#[tokio::test]
async fn what_cannot_be_put_away_ends_the_command_before_the_connection() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let id = stage.id(&stage.run_idle("db", &[]));
    let mut output = Sink { ahead: Arc::default(), room: MEGABYTE, slow: None };
    let argv = [
        "sh",
        "-c",
        "while true; do echo -n xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-marked | busybox tr -d -- '-a-w'; done",
    ];
    let asked = exec(&id, &argv);
    let mut told = None;
    let error = docker
        .exec(&asked, None::<tokio::io::Empty>, &mut output, async |why: &Abort| {
            told = Some(why.clone());
            assert!(runs(&stage, &id, "marked"), "it waits for its output to be taken");
            end(&stage, &id, "mark[e]d");
        })
        .await
        .unwrap_err();
    let ExecError::Aborted { why: Abort::Output(_), still_running, exec } = &error else {
        panic!("{error:?}")
    };
    assert!(matches!(told, Some(Abort::Output(_))));
    assert_eq!(*still_running, Some(false));
    assert_eq!(docker.exec_running(exec, PATIENT).await.unwrap(), Some(false));
    assert!(!runs(&stage, &id, "marked"));
}

#[tokio::test]
async fn half_an_input_is_not_taken_for_all_of_it() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let name = stage.run_idle("db", &[]);
    let id = stage.id(&name);
    let input = Pipe { breaks: true, ..Pipe::new(MEGABYTE) };
    let argv = ["sh", "-c", "cat > /half-marked; echo committed > /committed"];
    let asked = exec(&id, &argv);
    let error = docker
        .exec(&asked, Some(input), &mut Vec::new(), async |_: &Abort| end(&stage, &id, "half-mark[e]d"))
        .await
        .unwrap_err();
    let ExecError::Aborted { why: Abort::Input(why), still_running: Some(false), .. } = &error else {
        panic!("{error:?}");
    };
    assert!(why.contains("disk is gone"));
    assert_eq!(stage.docker(&["exec", &name, "sh", "-c", "[ -e /committed ] || echo none"]), "none\n");
}

#[tokio::test]
async fn when_its_time_is_over_nothing_is_left_running() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let id = stage.id(&stage.run_idle("db", &[]));
    // Deaf to the signal to end, too.
    let argv = ["sh", "-c", "trap '' TERM; sleep 777 & wait; sleep 777"];
    let asked = Exec {
        timeout: Duration::from_secs(1),
        ended_by: Some("/bin/timeout"),
        ..exec(&id, &["sleep", "666"])
    };
    let nothing = async |_: &Abort| {};
    let error = docker.exec(&asked, None::<tokio::io::Empty>, &mut Vec::new(), nothing).await.unwrap_err();
    assert!(
        matches!(&error, ExecError::Aborted { why: Abort::TimedOut, still_running: Some(false), .. }),
        "{error:?}"
    );
    gone(&stage, &id, "sleep 666").await;
    let asked = Exec { argv: &argv, ..asked };
    let error = docker.exec(&asked, None::<tokio::io::Empty>, &mut Vec::new(), nothing).await.unwrap_err();
    assert!(matches!(&error, ExecError::Aborted { still_running: Some(false), .. }), "{error:?}");
    gone(&stage, &id, "trap").await;

    // Without anything that ends it, that is told.
    let asked = Exec { ended_by: None, ..exec(&id, &["sleep", "555"]) };
    let asked = Exec { timeout: Duration::from_secs(1), ..asked };
    let error = docker.exec(&asked, None::<tokio::io::Empty>, &mut Vec::new(), nothing).await.unwrap_err();
    let ExecError::Aborted { still_running: Some(true), exec, .. } = error else { panic!("{error:?}") };
    assert_eq!(docker.exec_running(&exec, PATIENT).await.unwrap(), Some(true));
    stage.docker(&["rm", "-f", id.as_str()]);
    assert_ne!(docker.exec_running(&exec, PATIENT).await.unwrap(), Some(true));
}

#[tokio::test]
async fn one_that_nobody_waits_for_any_more_ends_too() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let id = stage.id(&stage.run_idle("db", &[]));
    let asked = Exec {
        timeout: Duration::from_secs(2),
        ended_by: Some("/bin/timeout"),
        ..exec(&id, &["sleep", "444"])
    };
    let mut output = Vec::new();
    let running = docker.exec(&asked, None::<tokio::io::Empty>, &mut output, async |_: &Abort| {});
    let begun = async {
        while !runs(&stage, &id, "sleep 444") {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = running => panic!("it does not end"),
        () = begun => {}
    }
    gone(&stage, &id, "sleep 444").await;
}

#[tokio::test]
async fn what_cannot_be_started_is_told() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let name = stage.run_idle("db", &[]);
    let id = stage.id(&name);
    let start = async |argv: &[&str]| {
        docker.exec(&exec(&id, argv), None::<tokio::io::Empty>, &mut Vec::new(), async |_: &Abort| {}).await
    };
    let missing = start(&["/no/such/program"]).await;
    assert!(
        matches!(&missing, Ok(Executed { exit_code: 126 | 127, .. }) | Err(ExecError::NotStarted(_))),
        "{missing:?}"
    );
    let empty = start(&[]).await;
    assert!(matches!(&empty, Err(ExecError::NotStarted(ActError::NotBegun(_)))), "{empty:?}");
    stage.docker(&["pause", &name]);
    let paused = start(&["true"]).await;
    assert!(matches!(&paused, Err(ExecError::NotStarted(ActError::Conflict(_)))), "{paused:?}");
    stage.docker(&["unpause", &name]);
    stage.docker(&["stop", "-t", "0", &name]);
    let stopped = start(&["true"]).await;
    assert!(matches!(&stopped, Err(ExecError::NotStarted(ActError::Conflict(_)))), "{stopped:?}");
    stage.docker(&["rm", &name]);
    let gone = start(&["true"]).await;
    assert!(matches!(&gone, Err(ExecError::NotStarted(ActError::Gone(_)))), "{gone:?}");
}

#[tokio::test]
async fn a_container_that_is_stopped_meanwhile_ends_the_command() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let name = stage.run_idle("db", &[]);
    let id = stage.id(&name);
    let argv = ["sh", "-c", "echo begun; sleep 333"];
    let asked = exec(&id, &argv);
    let mut output = Vec::new();
    let stopping = async {
        while !runs(&stage, &id, "sleep 333") {
            tokio::task::yield_now().await;
        }
        stage.docker(&["kill", &name]);
    };
    let running = docker.exec(&asked, None::<tokio::io::Empty>, &mut output, async |_: &Abort| {});
    let (ended, ()) = tokio::join!(running, stopping);
    match ended {
        Ok(executed) => assert_ne!(executed.exit_code, 0),
        Err(ExecError::Aborted { why: Abort::Connection(_), still_running, .. }) => {
            assert_ne!(still_running, Some(true));
        }
        Err(error) => panic!("{error:?}"),
    }
    assert_eq!(output, b"begun\n");
}
