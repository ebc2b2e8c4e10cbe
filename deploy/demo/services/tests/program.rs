//! The binary as a container runs it: it serves, checks itself, leaves at once on SIGTERM, and ends
//! in failure when told to crash.

#![allow(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_acgs-demo-service");

struct Program {
    child: Child,
    /// Held open: a program that can't write its log says so on standard error.
    log: BufReader<ChildStdout>,
    port: String,
}

impl Program {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut program = Self::spawn(variables);
        let mut line = String::new();
        program.log.read_line(&mut line).unwrap();
        assert!(line.contains("listening on"), "{line}");
        program.port = line.trim().rsplit(':').next().unwrap().to_owned();
        program
    }

    fn spawn(variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(PROGRAM)
            .env_clear()
            .envs([("SERVICE_NAME", "gs_service"), ("SERVICE_PORT", "0")])
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap());
        Self { child, log, port: String::new() }
    }

    fn ask(&self, method: &str, path: &str) -> String {
        let mut socket = TcpStream::connect(format!("127.0.0.1:{}", self.port)).unwrap();
        write!(socket, "{method} {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    fn checks_itself(&self) -> bool {
        let mut check = Command::new(PROGRAM);
        check.arg("health").env_clear().env("SERVICE_PORT", &self.port).stdout(Stdio::null());
        check.status().unwrap().success()
    }

    fn ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(2);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it did not end in 2 s");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // An error says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn serves_checks_itself_and_leaves_on_sigterm_even_when_hung() {
    let mut program = Program::start(&[]);
    assert!(program.ask("GET", "/health").contains(r#""service":"gs_service","status":"healthy""#));
    assert!(program.checks_itself());
    program.ask("POST", "/_sick?down=1");
    assert!(!program.checks_itself());
    program.ask("POST", "/_sick?well=1&hang=1");
    let mut waiting = TcpStream::connect(format!("127.0.0.1:{}", program.port)).unwrap();
    waiting.write_all(b"GET /health HTTP/1.0\r\n\r\n").unwrap();
    kill(Pid::from_raw(program.child.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert!(program.ends().success());
}

#[test]
fn a_crash_is_a_failure() {
    let mut program = Program::start(&[]);
    program.ask("POST", "/_sick?crash=1");
    assert_eq!(program.ends().code(), Some(1));
}

#[test]
fn a_lasting_fault_is_there_from_the_start() {
    let program = Program::start(&[("SICK", "down=1")]);
    assert!(program.ask("GET", "/health").starts_with("HTTP/1.0 503"));
}

#[test]
fn a_service_whose_database_is_gone_is_not_healthy() {
    // Port 1 refuses, as a stopped database does.
    let program = Program::start(&[("DATABASE_URL", "postgres://nobody:secret@127.0.0.1:1/none")]);
    let answer = program.ask("GET", "/health");
    assert!(answer.starts_with("HTTP/1.0 503"), "{answer}");
    assert!(answer.contains(r#""database":"unreachable""#), "{answer}");
}

#[test]
fn a_wrong_setting_is_named_and_its_secret_is_not() {
    for (name, value) in [("SICK", "dwon=1"), ("DATABASE_URL", "mysql://u:hunter2@h/d"), ("SERVICE_NAME", "")]
    {
        let mut program = Program::spawn(&[(name, value)]);
        assert_eq!(program.ends().code(), Some(1), "{name}");
        let mut text = String::new();
        program.log.read_to_string(&mut text).unwrap();
        assert!(text.contains(name) || text.contains("not a fault"), "{name}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
