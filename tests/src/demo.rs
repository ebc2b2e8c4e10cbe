//! `acgs demo` as a child process.

use std::process::Stdio;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::bot::binary;

/// A running demo. Killed when dropped.
pub struct Demo {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Everything that it greeted with.
    pub greeting: String,
    _child: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

impl Demo {
    /// Starts the demo on a free port and reads what it prints.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut child = Command::new(binary())
            .args(["demo", "--port", "0"])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut output = BufReader::new(child.stdout.take().context("its output")?).lines();
        let mut greeting = String::new();
        while let Some(line) = output.next_line().await? {
            greeting.push_str(&line);
            greeting.push('\n');
            if line.starts_with("Stop with") {
                break;
            }
        }
        let url = greeting.split_whitespace().find(|word| word.starts_with("http://"));
        let url =
            url.with_context(|| format!("no address in {greeting:?}"))?.trim_end_matches('/').to_owned();
        Ok(Self { url, greeting, _child: child, _output: output })
    }

    /// Sets a sandbox service's fault switch, as the greeting says.
    ///
    /// # Errors
    /// When the demo does not take it.
    pub async fn sick(&self, service: &str, switches: &str) -> anyhow::Result<()> {
        let url = format!("{}/sandbox/{service}/_sick?{switches}", self.url);
        reqwest::Client::builder().build()?.post(url).send().await?.error_for_status()?;
        Ok(())
    }
}
