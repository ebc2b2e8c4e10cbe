//! What was committed lately, and what is checked out.

use std::path::Path;
use std::time::Duration;

use commands::commit::CommitId;
use commands::host::Commit;
use jiff::Timestamp;

use crate::HostError;
use crate::git::{Head, git, printed};

/// As many as are searched for the one that an image was built from.
const SEARCHED: &str = "--max-count=200";

/// How a commit is printed: everything that [`commit`] reads.
const FORMAT: [&str; 4] = ["--no-show-signature", "--no-color", "-z", "--format=%H%x09%ct%x09%s"];

/// The newest commits of the branch that is checked out in `repository`, the newest first.
pub async fn commits(repository: &Path, deadline: Duration) -> Result<Vec<Commit>, HostError> {
    log(repository, "HEAD", deadline).await
}

/// The commits that `new` has and `old` does not, the newest first, at most 200 of them, within `deadline`.
pub async fn commits_between(
    repository: &Path,
    old: &CommitId,
    new: &CommitId,
    deadline: Duration,
) -> Result<Vec<Commit>, HostError> {
    log(repository, &format!("{old}..{new}"), deadline).await
}

/// What is checked out in `repository`, within `deadline` for each of three questions.
pub async fn head(repository: &Path, deadline: Duration) -> Result<Head, HostError> {
    let commit =
        git(repository, &["rev-parse", "--verify", "--end-of-options", "HEAD^{commit}"], deadline).await?;
    let commit = printed(repository, commit)?;
    let commit = CommitId::try_from(commit.trim().to_owned())
        .map_err(|_| HostError::BadContent(format!("git's answer about {}", repository.display())))?;
    let branch = git(repository, &["symbolic-ref", "--quiet", "--short", "HEAD"], deadline).await?;
    let branch = (branch.code == Some(0)).then(|| branch.output.trim().to_owned());
    // What is not tracked is in nobody's way until a commit brings a file of the name.
    let status = ["status", "--porcelain=v1", "-z", "--untracked-files=no", "--ignore-submodules=none"];
    let status = printed(repository, git(repository, &status, deadline).await?)?;
    Ok(Head { commit, branch, is_changed: !status.is_empty() })
}

/// The commit of the branch that the one checked out follows at its remote, as of the last [`crate::act::git::fetch`], within
/// `deadline`.
pub async fn upstream(repository: &Path, deadline: Duration) -> Result<CommitId, HostError> {
    let arguments = ["rev-parse", "--verify", "--end-of-options", "@{upstream}^{commit}"];
    let text = printed(repository, git(repository, &arguments, deadline).await?)?;
    CommitId::try_from(text.trim().to_owned())
        .map_err(|_| HostError::BadContent(format!("git's answer about {}", repository.display())))
}

async fn log(repository: &Path, range: &str, deadline: Duration) -> Result<Vec<Commit>, HostError> {
    let mut arguments = vec!["log", SEARCHED];
    arguments.extend(FORMAT);
    arguments.extend(["--end-of-options", range, "--"]);
    let text = printed(repository, git(repository, &arguments, deadline).await?)?;
    text.split('\0')
        .filter(|line| !line.is_empty())
        .map(|line| {
            let what = || HostError::BadContent(format!("git's answer about {}", repository.display()));
            commit(line).ok_or_else(what)
        })
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
