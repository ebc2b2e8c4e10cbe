//! The repository that the platform is built from, brought forward and nothing else: no local change is
//! touched, nothing is merged, no hook is run.

use std::path::Path;
use std::time::Duration;

use commands::commit::CommitId;

use crate::HostError;
use crate::commits::head;
use crate::git::{Head, git, printed};

/// Fetches what the remote `origin` has, within `deadline`. What is checked out stays as it is. Doing it twice
/// does no harm.
pub async fn fetch(repository: &Path, deadline: Duration) -> Result<(), HostError> {
    let arguments = [
        "fetch",
        "--quiet",
        "--no-progress",
        "--no-recurse-submodules",
        "--no-auto-maintenance",
        "--end-of-options",
        "origin",
    ];
    printed(repository, git(repository, &arguments, deadline).await?).map(|_| ())
}

/// Brings the branch that is checked out from the commit `from` forward to `to`, which has to follow it, within
/// `deadline` for each step. Returns what is checked out afterwards, which is `to`. Where tracked files are
/// changed, or something else than `from` is checked out, nothing is done.
pub async fn fast_forward(
    repository: &Path,
    from: &CommitId,
    to: &CommitId,
    deadline: Duration,
) -> Result<Head, HostError> {
    let path = repository.display().to_string();
    let before = head(repository, deadline).await?;
    if before.commit != *from {
        return Err(HostError::Changed(path));
    }
    let refused = |why: &str| HostError::Refused { path: path.clone(), why: why.to_owned() };
    if before.is_changed {
        return Err(refused("tracked files are changed there: commit them, or put them back by hand"));
    }
    if before.branch.is_none() {
        return Err(refused("no branch is checked out there"));
    }
    let merge = ["merge", "--ff-only", "--quiet", "--no-stat", "--no-autostash", to.as_str()];
    printed(repository, git(repository, &merge, deadline).await?)?;
    let after = head(repository, deadline).await?;
    // A commit that was there before counts as merged, and HEAD stays ahead of it.
    if after.commit != *to || after.branch != before.branch || after.is_changed {
        return Err(refused("it is not at the commit that was asked for"));
    }
    Ok(after)
}
