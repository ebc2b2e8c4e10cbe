//! Compose itself, for what the Engine's API can't do: building, and making a container anew from the file.
//!
//! Every call names folder, file, environment file and project with absolute paths, and Compose gets no
//! environment but what stands here: which of two `.env` files is read must not depend on where the bot was started.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use commands::ids::ServiceName;
use commands::workload::Workload;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::{Docker, DockerError};

/// Of each output the newest bytes are kept.
const KEPT: usize = 64 << 10;

/// For questions that Compose answers from its files.
const ASKED: Duration = Duration::from_secs(30);

/// From the request to end to the kill.
const GRACE: Duration = Duration::from_secs(5);

/// Where the project is, and what Compose is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposeProject {
    /// The folder that paths in the file are relative to; absolute.
    pub directory: PathBuf,
    /// The compose file; absolute.
    pub file: PathBuf,
    /// The file with the variables; absolute.
    pub env_file: PathBuf,
    /// The project's name.
    pub name: String,
    /// The Engine's address.
    pub docker_host: String,
    /// `PATH`, for the programs that Compose runs itself.
    pub path: String,
    /// `HOME`, where Docker's own settings and plugins are.
    pub home: PathBuf,
}

/// Which Compose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComposeVersion {
    /// `docker-compose` in Python.
    V1,
    /// The plugin, or the same program alone.
    V2,
}

/// A Compose that was found, for one project.
#[derive(Clone, Debug)]
pub struct Compose {
    program: PathBuf,
    is_plugin: bool,
    version: ComposeVersion,
    number: String,
    project: ComposeProject,
}

/// What a call of Compose wrote. It may hold what should not be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComposeOutput {
    /// The newest 64 KiB of its standard output.
    pub stdout: String,
    /// The newest 64 KiB of its standard error.
    pub stderr: String,
}

impl ComposeOutput {
    /// Its last line that is not empty, which is mostly the reason of a failure.
    #[must_use]
    pub fn last_line(&self) -> &str {
        let lines = self.stdout.lines().chain(self.stderr.lines()).map(str::trim);
        lines.rev().find(|line| !line.is_empty()).unwrap_or_default()
    }
}

/// Why Compose did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// None of the programs is a Compose.
    #[error("no Compose was found (tried {}): install docker-compose or Docker's compose plugin", .0.join(", "))]
    Missing(Vec<String>),
    /// A path that is not absolute.
    #[error("{} is not an absolute path", .0.display())]
    Relative(PathBuf),
    /// It could not be started.
    #[error("nothing was done: {program} can't be started: {why}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        why: String,
    },
    /// Variables without a value: a service would be started with a blank secret.
    #[error("nothing was done, because the environment file does not set {}: set them there", .0.join(", "))]
    Blank(Vec<String>),
    /// It ended with a failure. What it did before that is done.
    #[error("Compose failed ({}): {}; look what is there now", code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit code {code}")), output.last_line())]
    Failed {
        /// Its exit code; `None` where a signal ended it.
        code: Option<i32>,
        /// What it wrote.
        output: ComposeOutput,
    },
    /// It took too long, and was ended. What it did before that is done, and the Engine may go on.
    #[error("Compose took too long and was ended; look what is there now")]
    TimedOut(ComposeOutput),
    /// Its answer is not what was asked for.
    #[error("Compose's answer can't be understood: {0}")]
    Answer(String),
    /// The Engine could not be asked.
    #[error(transparent)]
    Docker(#[from] DockerError),
}

impl Compose {
    /// Takes the first of the programs that is a Compose. One called `docker` is asked for its plugin, any other is
    /// taken for Compose itself.
    pub async fn detect(candidates: &[PathBuf], project: ComposeProject) -> Result<Self, ComposeError> {
        for path in candidates.iter().chain([&project.directory, &project.file, &project.env_file]) {
            if !path.is_absolute() {
                return Err(ComposeError::Relative(path.clone()));
            }
        }
        let mut tried = Vec::new();
        for program in candidates {
            let is_plugin = program.file_name().is_some_and(|name| name == "docker");
            let mut found = Self {
                program: program.clone(),
                is_plugin,
                version: ComposeVersion::V2,
                number: String::new(),
                project: project.clone(),
            };
            let mut asked = if is_plugin { vec!["compose"] } else { Vec::new() };
            asked.extend(["version", "--short"]);
            let asked = asked.into_iter().map(str::to_owned).collect::<Vec<_>>();
            if let Ok(output) = found.run(&asked, &[], ASKED).await
                && let Some((version, number)) = version(&output.stdout)
            {
                found.version = version;
                found.number = number;
                return Ok(found);
            }
            tried.push(program.display().to_string());
        }
        Err(ComposeError::Missing(tried))
    }

    /// Which one it is.
    #[must_use]
    pub const fn version(&self) -> ComposeVersion {
        self.version
    }

    /// Its number, such as `1.29.2`.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }

    /// Variables that the file names and nothing sets.
    pub async fn blank_variables(&self) -> Result<Vec<String>, ComposeError> {
        let output = self.run(&self.argv(&["config", "--quiet"]), &[], ASKED).await?;
        Ok(blank(&output.stderr))
    }

    /// Builds a service's image. `env` is for the file to name the image by, such as its tag.
    pub async fn build(
        &self,
        service: &ServiceName,
        env: &[(String, String)],
        patience: Duration,
    ) -> Result<ComposeOutput, ComposeError> {
        self.run(&self.argv(&["build", service.as_str()]), env, patience).await
    }

    /// Makes a service's container anew from the file and starts it, and touches no other service. Refuses where a
    /// variable is blank. It builds nothing.
    pub async fn recreate(
        &self,
        service: &ServiceName,
        env: &[(String, String)],
        patience: Duration,
    ) -> Result<ComposeOutput, ComposeError> {
        let output = self.run(&self.argv(&["config", "--quiet"]), env, ASKED).await?;
        let blank = blank(&output.stderr);
        if !blank.is_empty() {
            return Err(ComposeError::Blank(blank));
        }
        self.run(&self.argv(&recreation(service)), env, patience).await
    }

    /// Runs so many containers of a service, makes none anew that is there, and touches no other service. Refuses where
    /// a variable is blank.
    pub async fn scale(
        &self,
        service: &ServiceName,
        count: u32,
        patience: Duration,
    ) -> Result<ComposeOutput, ComposeError> {
        let blank = self.blank_variables().await?;
        if !blank.is_empty() {
            return Err(ComposeError::Blank(blank));
        }
        let wanted = format!("{service}={count}");
        let rest =
            ["up", "-d", "--no-deps", "--no-build", "--no-recreate", "--scale", &wanted, service.as_str()];
        self.run(&self.argv(&rest), &[], patience).await
    }

    /// Whether the container is as the file and the variables say now, and of the image that is named so now: making
    /// it anew would change nothing.
    ///
    /// Version 2 counts what a service depends on as part of it, and leaves that out with `--no-deps`: a container
    /// made by [`Compose::recreate`] is up to date here, and a later `up` of the whole project still makes it anew once.
    pub async fn is_up_to_date(
        &self,
        target: &Workload,
        env: &[(String, String)],
        docker: &Docker,
    ) -> Result<bool, ComposeError> {
        let (Some(service), Some(origin)) = (&target.service, &target.origin) else { return Ok(false) };
        let Ok(service) = service.parse::<ServiceName>() else { return Ok(false) };
        if origin.project != self.project.name {
            return Ok(false);
        }
        let named = docker.image(&target.image, ASKED).await?;
        if named.is_none_or(|named| named.id != target.image_id) {
            return Ok(false);
        }
        let name = service.as_str();
        let output = self.run(&self.argv(&["config", "--hash", name]), env, ASKED).await?;
        let hash = output.stdout.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(' '));
        let hash = hash.ok_or_else(|| ComposeError::Answer(format!("no hash of {name}")))?;
        if origin.config_hash.as_deref() == Some(hash.trim()) {
            return Ok(true);
        }
        match self.version {
            ComposeVersion::V1 => Ok(false),
            ComposeVersion::V2 => {
                let tried = ["--dry-run", "up", "-d", "--no-deps", "--no-build", name];
                let output = self.run(&self.argv(&tried), env, ASKED).await?;
                Ok(leaves(&output.stderr, &target.container.name))
            }
        }
    }

    /// The whole argument vector after the program.
    fn argv(&self, rest: &[&str]) -> Vec<String> {
        let plugin: &[&str] = if self.is_plugin { &["compose"] } else { &[] };
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let project = &self.project;
        let mut argv: Vec<String> = plugin.iter().map(|&word| word.to_owned()).collect();
        argv.extend(["--ansi", "never", "--project-directory"].map(str::to_owned));
        argv.push(text(&project.directory));
        argv.extend(["-f".to_owned(), text(&project.file)]);
        argv.extend(["--env-file".to_owned(), text(&project.env_file)]);
        argv.extend(["-p".to_owned(), project.name.clone()]);
        argv.extend(rest.iter().map(|&word| word.to_owned()));
        argv
    }

    async fn run(
        &self,
        argv: &[String],
        env: &[(String, String)],
        patience: Duration,
    ) -> Result<ComposeOutput, ComposeError> {
        let start = |error: std::io::Error| ComposeError::Start {
            program: self.program.display().to_string(),
            why: error.to_string(),
        };
        let mut command = Command::new(&self.program);
        command
            .args(argv)
            .env_clear()
            .env("PATH", &self.project.path)
            .env("HOME", &self.project.home)
            .env("DOCKER_HOST", &self.project.docker_host)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Of its own, for the plugin is a child of `docker` and has to end with it.
            .process_group(0);
        let mut child = command.spawn().map_err(start)?;
        let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()));
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let ending = {
            let (out, err) = (child.stdout.take(), child.stderr.take());
            let running = async {
                let (_, _, ended) =
                    tokio::join!(keep(out, &mut stdout), keep(err, &mut stderr), child.wait());
                ended
            };
            timeout(patience, running).await
        };
        if ending.is_err() {
            group.signal(Signal::SIGTERM);
            // What it does not do in time the kill does.
            let _ = timeout(GRACE, child.wait()).await;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let output = ComposeOutput { stdout: text(&stdout), stderr: text(&stderr) };
        let Ok(ended) = ending else { return Err(ComposeError::TimedOut(output)) };
        let status = ended.map_err(start)?;
        group.0 = None;
        if status.success() { Ok(output) } else { Err(ComposeError::Failed { code: status.code(), output }) }
    }
}

/// A program and all that it has started; killed when it is given up.
struct Group(Option<i32>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // One that has ended needs none.
            let _ = killpg(Pid::from_raw(leader), signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// Reads to the end and keeps the newest.
async fn keep(from: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut piece = vec![0; 8 << 10];
    // A pipe that breaks has ended.
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        kept.extend_from_slice(&piece[..read]);
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
    }
}

fn recreation(service: &ServiceName) -> [&str; 6] {
    ["up", "-d", "--no-deps", "--no-build", "--force-recreate", service.as_str()]
}

fn version(said: &str) -> Option<(ComposeVersion, String)> {
    let number = said.trim().trim_start_matches('v');
    let version = match number.split('.').next()?.parse::<u32>().ok()? {
        1 => ComposeVersion::V1,
        _ => ComposeVersion::V2,
    };
    Some((version, number.to_owned()))
}

/// Whether a dry run would leave the container as it is.
fn leaves(said: &str, container: &str) -> bool {
    let mut of_it = said
        .lines()
        .filter_map(|line| line.split_once("Container ")?.1.trim().rsplit_once(' '))
        .filter(|(name, _)| name.trim() == container)
        .map(|(_, doing)| doing)
        .peekable();
    of_it.peek().is_some() && of_it.all(|doing| matches!(doing, "Running" | "Starting" | "Started"))
}

/// Both versions warn in the same words, the second one with the name in quotes.
fn blank(said: &str) -> Vec<String> {
    let mut names: Vec<String> = said
        .lines()
        .filter_map(|line| line.split_once(" variable is not set")?.0.rsplit(' ').next())
        .map(|name| name.trim_matches(|c| matches!(c, '"' | '\\')).to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests;
