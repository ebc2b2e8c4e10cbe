//! What was committed lately, by the program `git` with arguments that are fixed here: no word of a chat is
//! among them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use commands::host::Commit;
use jiff::Timestamp;
use tokio::process::Command;
use tokio::time::timeout;

use crate::HostError;

/// As many as are searched for the one that an image was built from.
const SEARCHED: &str = "--max-count=200";

/// The newest commits of the branch that is checked out in `repository`, the newest first.
pub async fn commits(repository: &Path, deadline: Duration) -> Result<Vec<Commit>, HostError> {
    let path = repository.display().to_string();
    let unreadable = |why: String| HostError::Unreadable { path: path.clone(), why };
    let mut git = Command::new("git");
    git.args(["--no-pager", "--no-optional-locks", "-c"])
        // The folder may be another account's, and nothing of its configuration that runs programs is used.
        .arg(format!("safe.directory={path}"))
        .arg("-C")
        .arg(repository)
        .args([
            "log",
            SEARCHED,
            "--no-show-signature",
            "--no-color",
            "-z",
            "--format=%H%x09%ct%x09%s",
            "HEAD",
        ])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = match timeout(deadline, git.output()).await {
        Err(_) => return Err(HostError::TimedOut(format!("git in {path}"))),
        Ok(Err(error)) => return Err(unreadable(format!("git did not start: {error}"))),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let first = words.lines().next().unwrap_or("git gave no reason");
        return Err(unreadable(first.chars().take(200).collect()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.split('\0')
        .filter(|line| !line.is_empty())
        .map(|line| commit(line).ok_or_else(|| HostError::BadContent(format!("git's answer about {path}"))))
        .collect()
}

fn commit(line: &str) -> Option<Commit> {
    let mut fields = line.splitn(3, '\t');
    let (id, at, subject) = (fields.next()?, fields.next()?, fields.next()?);
    Some(Commit {
        id: id.to_owned(),
        at: Timestamp::from_second(at.parse().ok()?).ok()?,
        subject: subject.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect(),
    })
}
