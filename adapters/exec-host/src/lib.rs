//! The machine that the bot runs on: its file systems, its memory, the files that hold the platform's
//! secrets, its backups, reports of a scanner and lists of packages. In a container it is what that container is
//! shown.
//!
//! Only [`act`] changes anything: backups, env files, the firewall, the repository. Paths come from the
//! configuration or from the Docker Engine, never from a chat. A file system that does not answer (a dead network share) holds one thread and not the
//! bot.

pub mod act;
mod archives;
mod backups;
mod blocks;
mod commits;
mod debian;
mod disks;
mod folder;
mod git;
mod inside;
mod memory;
mod networks;
mod program;
mod secrets;
#[cfg(test)]
mod tests;
mod trivy;
mod weight;

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

pub use crate::archives::{inspect, open_archive, plain_fault, verify_sums};
pub use crate::backups::backups;
pub use crate::blocks::{Firewall, blocks};
pub use crate::commits::{commits, commits_between, head, upstream};
pub use crate::debian::{PackageLists, package_lists};
pub use crate::disks::disks;
pub use crate::git::Head;
pub use crate::memory::{memory, pressures};
pub use crate::networks::own_networks;
pub use crate::secrets::{EnvFile, digest, env_file, env_values};
pub use crate::trivy::{Reports, trivy_reports};
pub use crate::weight::weight;

/// Why the machine gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Not there, not allowed, or broken.
    #[error("{path}: {why}")]
    Unreadable {
        /// Which file or folder.
        path: String,
        /// In the system's words.
        why: String,
    },
    /// It is not what is expected there; its content is not repeated.
    #[error("{0} can't be understood")]
    BadContent(String),
    /// It is not what may be worked on.
    #[error("{path} is left alone: {why}")]
    Refused {
        /// Which file, folder or address.
        path: String,
        /// In a sentence's end.
        why: String,
    },
    /// It is there already.
    #[error("{0} is there already; nothing is written over it")]
    Exists(String),
    /// Somebody else was faster.
    #[error("{0} has changed since it was looked at; look again and start anew")]
    Changed(String),
    /// The disk is too full for what is to be written.
    #[error("{path} has no room: {needed} bytes are needed and {free} are free")]
    NoRoom {
        /// Which folder.
        path: String,
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
    },
    /// A program was run and did not do it.
    #[error("{program}: {why}")]
    Program {
        /// Which, and where.
        program: String,
        /// In a few words.
        why: String,
    },
    /// No answer before the deadline.
    #[error("{0} did not answer in time")]
    TimedOut(String),
}

impl HostError {
    fn of(path: &str, error: &std::io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), why: error.to_string() }
    }
}

/// Runs what may block on a thread of its own, within `deadline`.
async fn in_time<T, F>(path: &str, deadline: Duration, work: F) -> Result<T, HostError>
where
    F: FnOnce() -> Result<T, HostError> + Send + 'static,
    T: Send + 'static,
{
    let timed_out = || HostError::TimedOut(path.to_owned());
    match timeout(deadline, spawn_blocking(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err(HostError::BadContent(path.to_owned())),
        Err(_) => Err(timed_out()),
    }
}

/// A small file's text, at most `largest` bytes of it.
fn read(path: &str, largest: u64) -> Result<String, HostError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| HostError::of(path, &error))?;
    file.take(largest + 1).read_to_end(&mut bytes).map_err(|error| HostError::of(path, &error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > largest) {
        return Err(HostError::BadContent(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| HostError::BadContent(path.to_owned()))
}
