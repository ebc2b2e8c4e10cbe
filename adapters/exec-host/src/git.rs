//! The program `git` with arguments that are fixed here: no word of a chat is among them, nothing of the
//! account's configuration is used, and what it complains of is never repeated whole, for a remote's address
//! may hold a password.

use std::path::Path;
use std::time::Duration;

use commands::commit::CommitId;

use crate::HostError;
use crate::program::{Ended, run};

/// The places of `git` and of what it calls.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub commit: CommitId,
    /// The branch; `None` where a commit is checked out by itself.
    pub branch: Option<String>,
    /// Whether tracked files differ from the commit.
    pub is_changed: bool,
}

/// Runs `git` in `repository` with these arguments, within `deadline`.
pub async fn git(repository: &Path, arguments: &[&str], deadline: Duration) -> Result<Ended, HostError> {
    let path = repository.display().to_string();
    let safe = format!("safe.directory={path}");
    let mut all = vec![
        "--no-pager",
        "--no-optional-locks",
        "-c",
        // The folder may be another account's.
        &safe,
        // Nothing of its configuration that runs programs by itself is used.
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "protocol.ext.allow=never",
        "-C",
        &path,
    ];
    all.extend(arguments);
    let environment = [
        ("PATH", PATH),
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=10"),
        ("LC_ALL", "C.UTF-8"),
    ];
    run("git", &all, &environment, deadline).await
}

/// What it printed; or, where it failed, why in words that repeat nothing of its own.
pub fn printed(repository: &Path, ended: Ended) -> Result<String, HostError> {
    if ended.code == Some(0) { Ok(ended.output) } else { Err(failed(repository, &ended)) }
}

/// Why it failed, by what it is known to say.
pub fn failed(repository: &Path, ended: &Ended) -> HostError {
    let known = [
        ("not a git repository", "it is no repository"),
        ("cannot change to", "there is no such folder, or the bot may not enter it"),
        ("unknown revision", "it has no such commit; fetch first"),
        ("bad object", "it has no such commit; fetch first"),
        ("not something we can merge", "it has no such commit; fetch first"),
        ("Not possible to fast-forward", "the commit does not follow the one that is checked out"),
        ("would be overwritten by merge", "a file that is there and not committed is in the way"),
        ("index.lock", "another git works in it, or one has broken off and left .git/index.lock"),
        ("Could not resolve host", "the remote's name is not found"),
        ("Authentication failed", "the remote refuses the login"),
        ("could not read Username", "the remote wants a login, and none is configured for the repository"),
        ("Permission denied", "the remote, or a file, refuses the bot"),
        ("Host key verification failed", "the remote's host key is not known"),
        ("does not appear to be a git repository", "it has no remote of that name, or nothing is there"),
        ("Could not read from remote repository", "the remote can't be read"),
        ("unable to access", "the remote can't be reached"),
        ("No space left on device", "the disk is full"),
    ];
    let why = known.iter().find(|(said, _)| ended.complaint.contains(said)).map_or_else(
        || match ended.code {
            Some(code) => format!("it failed with exit code {code}; run the same by hand to see why"),
            None => "it was ended by a signal".to_owned(),
        },
        |(_, why)| (*why).to_owned(),
    );
    HostError::Program { program: format!("git in {}", repository.display()), why }
}
