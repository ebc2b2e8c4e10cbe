//! The real binary as a child process: started with a configuration file, killed, restarted,
//! stopped, and read through its own HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _};
use tokio::process::{Child, Command};

use crate::discord::{self, DiscordServer};
use crate::slack::{self, SlackServer};
use crate::wait::eventually;

/// A start on a busy two-core machine takes less than this.
const READY: Duration = Duration::from_secs(20);

/// The binary that is under test, built before the tests by `tests/run`.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn binary() -> PathBuf {
    let mut path = std::env::current_exe().expect("the test's own path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path.join("acgs");
    assert!(path.exists(), "{} is not built: run cargo build -p bot", path.display());
    path
}

/// What a bot is started with.
#[derive(Clone, Default)]
pub struct Setup {
    /// TOML below the harness's own `[bot]` keys; must not hold `[bot]` or `[store]`.
    pub sections: String,
    /// `[bot] incident_channels`.
    pub incident_channels: Vec<String>,
    /// Secrets.
    pub environment: BTreeMap<String, String>,
    /// `[bot] runbook_dir`.
    pub runbook_dir: Option<PathBuf>,
    /// More keys of `[bot]`.
    pub bot_keys: String,
    /// `[store] url`; without it an SQLite file in the bot's own folder.
    pub store_url: Option<String>,
    /// The group that it runs in, by which its packets are told: see [`Network`](crate::cut::Network).
    pub group: Option<u32>,
}

impl Setup {
    /// Adds TOML.
    #[must_use]
    pub fn with(mut self, toml: &str) -> Self {
        self.sections.push_str(toml);
        self.sections.push('\n');
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds a key of `[bot]`.
    #[must_use]
    pub fn bot(mut self, line: &str) -> Self {
        self.bot_keys.push_str(line);
        self.bot_keys.push('\n');
        self
    }

    /// Adds an incident channel.
    #[must_use]
    pub fn room(mut self, room: &str) -> Self {
        self.incident_channels.push(room.to_owned());
        self
    }

    /// Connects it to a local Slack by sockets, where `room` is its incident channel.
    #[must_use]
    pub fn slack(self, server: &SlackServer, room: &str) -> Self {
        self.with(&format!("[slack]\napi_url = {:?}\nmode = \"socket\"", server.api_url().as_str()))
            .room(&format!("slack:{room}"))
            .secret("SLACK_BOT_TOKEN", slack::BOT_TOKEN)
            .secret("SLACK_APP_TOKEN", slack::APP_TOKEN)
    }

    /// Connects it to a local Discord and its incident channel.
    #[must_use]
    pub fn discord(self, server: &DiscordServer) -> Self {
        let (application, guild) = (discord::APPLICATION, discord::GUILD);
        let section = format!(
            "[discord]\napi_url = {:?}\napplication_id = \"{application}\"\nguild_id = \"{guild}\"",
            server.api_url().as_str()
        );
        self.with(&section)
            .room(&format!("discord:{}", discord::CHANNEL))
            .secret("DISCORD_TOKEN", discord::BOT_TOKEN)
    }

    fn file(&self, folder: &Path) -> String {
        let store = match &self.store_url {
            Some(_) => "[store]\nurl_env = \"TEST_STORE_URL\"\n".to_owned(),
            None => String::new(),
        };
        let runbooks =
            self.runbook_dir.as_ref().map_or_else(String::new, |dir| format!("runbook_dir = {dir:?}\n"));
        format!(
            "[bot]\nhttp_listen = \"127.0.0.1:0\"\ndata_dir = {folder:?}\nlog = \"json\"\nincident_channels = {:?}\n{}{runbooks}{store}{}",
            self.incident_channels, self.bot_keys, self.sections
        )
    }
}

/// A running bot. Killed when dropped.
pub struct Bot {
    child: Child,
    setup: Setup,
    folder: TempDir,
    /// The listener of probes, metrics and webhooks.
    pub http: SocketAddr,
    /// The web chat's listener, when `[web]` is configured.
    pub web: Option<SocketAddr>,
    starts: usize,
}

impl Bot {
    /// Starts a bot and waits until it is ready.
    pub async fn start(setup: Setup) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let child = spawn(&setup, folder.path(), 1);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut bot = Self { child, setup, folder, http: nowhere, web: None, starts: 1 };
        bot.wait_ready().await;
        bot
    }

    /// Waits for the listeners' addresses in the log and for `/readyz`.
    async fn wait_ready(&mut self) {
        let log = self.log_path();
        let want_web = self.setup.sections.contains("[web]");
        eventually(READY, "the bot's listeners", async || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let http = listening(&text, "http");
            let web = listening(&text, "web");
            (http.is_some() && (web.is_some() || !want_web)).then_some(())
        })
        .await;
        let text = self.log();
        self.http = listening(&text, "http").expect("just seen");
        self.web = listening(&text, "web");
        let ready = format!("http://{}/readyz", self.http);
        eventually(READY, &format!("{ready}; log: {text}"), async || {
            reqwest::get(&ready).await.ok().filter(|answer| answer.status().is_success()).map(|_| ())
        })
        .await;
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("the bot runs");
    }

    /// Starts another one with the same configuration in the same folder, which is expected to end by itself.
    ///
    /// # Panics
    /// When it does not within ten seconds.
    pub async fn second(&self) -> Finished {
        let mut command = command(&self.setup, &["serve", "--config"]);
        let output = tokio::time::timeout(Duration::from_secs(10), command.arg(self.config()).output());
        let output = output.await.expect("it ends").expect("it starts");
        Finished {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Waits until it dies by itself.
    ///
    /// # Panics
    /// When it is still alive after `limit`.
    pub async fn dies(&mut self, limit: Duration) {
        let died = tokio::time::timeout(limit, self.child.wait()).await;
        died.unwrap_or_else(|_| panic!("the bot is still alive; log: {}", self.log())).expect("a child");
    }

    /// Starts it again on the same folder, after [`Bot::kill`] or [`Bot::stop`].
    pub async fn restart(&mut self) {
        self.starts += 1;
        self.child = spawn(&self.setup, self.folder.path(), self.starts);
        self.wait_ready().await;
    }

    /// Changes a variable of its environment for the next start; `None` takes it away.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => drop(self.setup.environment.insert(name.to_owned(), value.to_owned())),
            None => drop(self.setup.environment.remove(name)),
        }
    }

    /// Changes its configuration for the next start: `from`, where it first stands, becomes `to`.
    ///
    /// # Panics
    /// When it stands nowhere.
    pub fn rewrite(&mut self, from: &str, to: &str) {
        assert!(self.setup.sections.contains(from), "{from:?} in {}", self.setup.sections);
        self.setup.sections = self.setup.sections.replacen(from, to, 1);
    }

    /// SIGTERM, and how it ended.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        tokio::time::timeout(Duration::from_secs(10), self.child.wait())
            .await
            .expect("stops in time")
            .expect("a child")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().expect("the bot runs")).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("a signal");
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the bot runs")
    }

    /// The bot's folder: configuration, SQLite file, logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("acgs.toml")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join(format!("log.{}", self.starts))
    }

    /// Everything that this start logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// A page of the bot's own HTTP: status and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("http://{}{path}", self.http)).await.expect("the bot answers");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// The sum of a metric's samples whose labels contain all of `labels`.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let (_, text) = self.get("/metrics").await;
        text.lines()
            .filter(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")))
            .filter(|line| labels.iter().all(|label| line.contains(label)))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Waits until a metric is `least` or more: what is counted is counted at the moment it happens, which
    /// may be after its message is out.
    ///
    /// # Panics
    /// When it does not get there.
    pub async fn metric_reaches(&self, name: &str, labels: &[&str], least: f64) {
        eventually(Duration::from_secs(10), &format!("{name} {labels:?} of {least}"), async || {
            (self.metric(name, labels).await >= least).then_some(())
        })
        .await;
    }

    /// Runs the binary once with this bot's configuration and environment.
    pub async fn run(&self, arguments: &[&str]) -> Finished {
        finish(command(&self.setup, arguments).args(["--config"]).arg(self.config())).await
    }

    /// `acgs run -- LINE`.
    pub async fn line(&self, line: &[&str], json: bool) -> Finished {
        let mut arguments = vec!["run"];
        if json {
            arguments.push("--json");
        }
        let config = self.config().display().to_string();
        arguments.extend(["--config", &config, "--"]);
        arguments.extend(line);
        finish(&mut command(&self.setup, &arguments)).await
    }

    /// Begins `acgs run -- LINE`, whose output is read while it goes on.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn begin(&self, line: &[&str]) -> Running {
        let config = self.config().display().to_string();
        let mut arguments = vec!["run", "--config", &config, "--"];
        arguments.extend(line);
        let mut child = command(&self.setup, &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the line starts");
        let out = tokio::io::BufReader::new(child.stdout.take().expect("piped"));
        Running { child, out, said: String::new() }
    }
}

/// A line on the terminal that is still under way. Killed when dropped.
pub struct Running {
    child: Child,
    out: tokio::io::BufReader<tokio::process::ChildStdout>,
    said: String,
}

impl Running {
    /// Reads on until it has printed `words`.
    ///
    /// # Panics
    /// When it ends before, or does not print them within `limit`.
    pub async fn says(&mut self, words: &str, limit: Duration) {
        let reading = async {
            while !self.said.contains(words) {
                let read = self.out.read_line(&mut self.said).await.expect("text");
                assert!(read > 0, "it ended without {words:?}: {}", self.said);
            }
        };
        let in_time = tokio::time::timeout(limit, reading).await.is_ok();
        assert!(in_time, "no {words:?} within {limit:?}: {}", self.said);
    }

    /// Everything that was printed so far.
    #[must_use]
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Reads to its end. Returns its exit code.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    pub async fn ends(&mut self, limit: Duration) -> i32 {
        let ending = async {
            self.out.read_to_string(&mut self.said).await.expect("text");
            self.child.wait().await.expect("ends").code().unwrap_or(-1)
        };
        tokio::time::timeout(limit, ending).await.expect("it ends in time")
    }
}

/// How one run of the binary ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs the binary with a configuration of its own that need not be a good one.
pub async fn run_with(toml: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("acgs.toml");
    std::fs::write(&config, toml.replace("DATA_DIR", &folder.path().display().to_string())).expect("a file");
    let setup = Setup {
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Setup::default()
    };
    let (call, rest) = arguments.split_first().expect("a call");
    finish(command(&setup, &[call]).arg("--config").arg(&config).args(rest)).await
}

/// Runs the binary once with these arguments alone.
pub async fn run_alone(arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
    finish(command(&Setup::default(), arguments).envs(environment.iter().copied())).await
}

async fn finish(command: &mut Command) -> Finished {
    let output = tokio::time::timeout(Duration::from_secs(60), command.output());
    let output = output.await.expect("ends in time").expect("starts");
    Finished {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn command(setup: &Setup, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).envs(&setup.environment).stdin(Stdio::null()).kill_on_drop(true);
    if let Some(url) = &setup.store_url {
        command.env("TEST_STORE_URL", url);
    }
    command
}

fn spawn(setup: &Setup, folder: &Path, start: usize) -> Child {
    let config = folder.join("acgs.toml");
    std::fs::write(&config, setup.file(folder)).expect("a file");
    let log = std::fs::File::create(folder.join(format!("log.{start}"))).expect("a file");
    let mut command = command(setup, &["serve", "--config"]);
    if let Some(group) = setup.group {
        command.gid(group);
    }
    command.arg(&config).stdout(Stdio::null()).stderr(log).spawn().expect("the bot starts")
}

/// The address that a listener logged.
fn listening(log: &str, listener: &str) -> Option<SocketAddr> {
    log.lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|line| line["message"] == "listening" && line["listener"] == listener)
        .find_map(|line| line["address"].as_str()?.parse().ok())
}
