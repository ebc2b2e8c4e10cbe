//! A program with fixed arguments: no shell, no environment but the one given, nothing to read.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::HostError;

/// What a program has said and how it ended.
#[derive(Debug)]
pub struct Ended {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub output: String,
    /// What it complained of.
    pub complaint: String,
}

/// Runs `program`, within `deadline`, after which it is killed.
pub async fn run(
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
    deadline: Duration,
) -> Result<Ended, HostError> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment.iter().copied());
    command.current_dir("/").stdin(Stdio::null()).kill_on_drop(true);
    match timeout(deadline, command.output()).await {
        Err(_) => Err(HostError::TimedOut(program.to_owned())),
        Ok(Err(error)) => {
            Err(HostError::Program { program: program.to_owned(), why: format!("it did not start: {error}") })
        }
        Ok(Ok(output)) => Ok(Ended {
            code: output.status.code(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
        }),
    }
}
