//! A small PostgreSQL of a test's own, to fill up, freeze, stop and start again.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::PATIENT;
use crate::administration::Invocation;

/// Seats of the server, and those kept back for superusers.
pub const MAX: u32 = 6;
pub const RESERVED: u32 = 1;

/// A running server; stopped and removed when dropped.
pub struct Server {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Server {
    /// Listens on a free port of loopback. `watcher` may log in without a password and has the rights
    /// of `pg_monitor`, `locked` needs the password `open sesame`, `limited` has one seat.
    pub async fn start() -> Self {
        let server = Self { programs: programs(), folder: folder(), port: free_port() };
        server.run("initdb", &["--auth=trust", "--username=postgres", "--no-sync", "--pgdata"]);
        let settings = format!(
            "port = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n\
             max_connections = {MAX}\nsuperuser_reserved_connections = {RESERVED}\nmax_wal_senders = 0\n",
            server.port
        );
        append(&server.data().join("postgresql.conf"), &settings);
        let rules = "host all locked 127.0.0.1/32 scram-sha-256\n";
        let trusting = fs::read_to_string(server.data().join("pg_hba.conf")).unwrap();
        fs::write(server.data().join("pg_hba.conf"), format!("{rules}{trusting}")).unwrap();
        server.up();
        for statement in [
            "CREATE ROLE watcher LOGIN IN ROLE pg_monitor",
            "CREATE ROLE stranger LOGIN",
            "CREATE ROLE locked LOGIN PASSWORD 'open sesame'",
            "CREATE ROLE limited LOGIN CONNECTION LIMIT 1",
            "CREATE ROLE shut_out LOGIN",
            "CREATE DATABASE private",
            "REVOKE CONNECT ON DATABASE private FROM PUBLIC",
        ] {
            server.execute(statement).await;
        }
        server
    }

    /// Starts it and waits until it accepts connections.
    pub fn up(&self) {
        let log = self.folder.path().join("log");
        self.run("pg_ctl", &["start", "-w", "-l", log.to_str().unwrap(), "-D"]);
    }

    /// Stops it, cutting off everybody.
    pub fn down(&self) {
        self.run("pg_ctl", &["stop", "-w", "-m", "fast", "-D"]);
    }

    /// Its address for `user`, which may be followed by `:password`.
    pub fn url(&self, user: &str, database: &str) -> SecretString {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port).into()
    }

    /// A connection that is no part of what is tested.
    pub async fn connect(&self, user: &str) -> PgConnection {
        let url = format!("postgres://{user}@127.0.0.1:{}/postgres?application_name=crowd", self.port);
        PgConnection::connect(&url).await.unwrap()
    }

    /// Runs one statement as the superuser, for whom a seat is kept.
    pub async fn execute(&self, statement: &str) {
        let mut connection = self.connect("postgres").await;
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        gone(connection).await;
    }

    /// Process ids of the bot's sessions.
    pub async fn sessions(&self) -> Vec<i32> {
        let mut connection = self.connect("postgres").await;
        let pids = sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE application_name = 'acgs-bot'")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        gone(connection).await;
        pids
    }

    /// One of PostgreSQL's programs as the bot would run it in the database's container, not yet started.
    pub fn program(&self, invocation: &Invocation) -> Command {
        let mut command = Command::new(self.programs.join(&invocation.argv[0]));
        command.args(&invocation.argv[1..]).env_clear().envs(invocation.env.iter().cloned());
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string()).current_dir("/");
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs one of PostgreSQL's programs on the data folder, as a user that it accepts.
    fn run(&self, program: &str, arguments: &[&str]) {
        let path = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        // The server it starts would keep pipes open, so output goes to a file.
        let said = fs::File::create(self.folder.path().join("said")).unwrap();
        command.args(arguments).arg(self.data()).current_dir("/");
        let status = command.stdout(said.try_clone().unwrap()).stderr(said).status().unwrap();
        let said = fs::read_to_string(self.folder.path().join("said")).unwrap();
        assert!(status.success(), "{program}: {said}");
    }
}

/// Ends a session and waits until the server has ended it too: it counts until then.
async fn gone(mut connection: PgConnection) {
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let process = PathBuf::from(format!("/proc/{pid}"));
    let ended = async {
        while process.exists() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENT, ended).await.expect("the server ends a session that said goodbye");
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.down();
        }
    }
}

/// Freezes (`STOP`) or thaws (`CONT`) a process.
pub fn signal(name: &str, pid: i32) {
    let Output { status, stderr, .. } =
        Command::new("kill").args(["-s", name, &pid.to_string()]).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
}

/// The newest installed server's programs.
fn programs() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL's server programs are needed: apt-get install postgresql");
    installed
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok())
        .max()
        .map(|version| format!("/usr/lib/postgresql/{version}/bin").into())
        .expect("PostgreSQL's server programs are needed: apt-get install postgresql")
}

/// The server refuses to run as root, so the folder belongs to whoever runs it.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    if is_root() {
        let chown = Command::new("chown").arg("postgres:").arg(folder.path()).status().unwrap();
        assert!(chown.success(), "the user `postgres` comes with PostgreSQL's packages");
    }
    folder
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Below the range that outgoing connections take theirs from, so that the port stays free while the
/// server is made and while it is down.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id() * 16;
    loop {
        let offset = (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let port = 20_000 + u16::try_from(offset).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap();
    fs::write(path, format!("{before}\n{text}")).unwrap();
}
