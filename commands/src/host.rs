//! What the host tells of its disks and its memory, and Docker of its share.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Percent from which on somebody is told.
pub const FILLING: u8 = 80;

/// Percent from which on it is urgent.
pub const NEARLY_FULL: u8 = 90;

/// One file system, once however many folders are on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystem {
    /// The folders asked about that are on it.
    pub folders: Vec<String>,
    /// Bytes in all.
    pub total: u64,
    /// Bytes in use.
    pub used: u64,
    /// Bytes that are left for people who are not root.
    pub available: u64,
    /// Used and all inodes; `None` where the file system has no fixed number of them.
    pub inodes: Option<(u64, u64)>,
}

impl FileSystem {
    /// Used bytes in percent as `df` counts: of what is used and available, rounded up.
    #[must_use]
    pub fn percent(&self) -> u8 {
        percent(self.used, self.used + self.available)
    }

    /// Used inodes in percent, rounded up.
    #[must_use]
    pub fn inodes_percent(&self) -> Option<u8> {
        self.inodes.map(|(used, total)| percent(used, total))
    }

    /// The worse one of the two.
    #[must_use]
    pub fn worst(&self) -> u8 {
        self.percent().max(self.inodes_percent().unwrap_or(0))
    }
}

fn percent(part: u64, whole: u64) -> u8 {
    if whole == 0 {
        return 0;
    }
    let percent = (u128::from(part) * 100).div_ceil(u128::from(whole));
    u8::try_from(percent).unwrap_or(u8::MAX)
}

/// A folder that was asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadFolder {
    /// Its path.
    pub folder: String,
    /// Why not.
    pub why: String,
}

/// File systems of some folders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disks {
    /// In the order of the folders.
    pub file_systems: Vec<FileSystem>,
    /// What could not be read.
    pub unread: Vec<UnreadFolder>,
}

/// The host's memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What could be given out without swapping: the kernel's own estimate.
    pub available: u64,
    /// Swap in all, and free.
    pub swap: (u64, u64),
}

impl Memory {
    /// What is not available, in percent.
    #[must_use]
    pub fn percent(&self) -> u8 {
        percent(self.total.saturating_sub(self.available), self.total)
    }
}

/// How long work waited for one resource, in percent of the last ten seconds and of the last five minutes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// Some task waited.
    pub some: (f64, f64),
    /// All tasks waited; `None` where the kernel does not say.
    pub full: Option<(f64, f64)>,
}

/// The kernel's pressure stall information; `None` where it does not report it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pressures {
    /// For a processor.
    pub cpu: Option<Pressure>,
    /// For a disk.
    pub io: Option<Pressure>,
    /// For memory.
    pub memory: Option<Pressure>,
}

/// What one kind of Docker's things takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// How many there are.
    pub count: u64,
    /// How many of them are in use.
    pub active: u64,
    /// Bytes that they take; what several share counts once.
    pub size: u64,
    /// Bytes that would be free without those that are not in use.
    pub reclaimable: u64,
}

/// A commit of the platform's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// All 40 hex digits, or 64.
    pub id: String,
    /// When it was committed.
    pub at: Timestamp,
    /// Its first line, cut to a length.
    pub subject: String,
}

/// What Docker takes of its disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockerDisk {
    /// Images, their layers counted once.
    pub images: Share,
    /// The containers' own layers.
    pub containers: Share,
    /// Volumes.
    pub volumes: Share,
    /// The build cache.
    pub build_cache: Share,
}

/// Everything about space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// File systems.
    pub disks: Disks,
    /// The host's memory, or why it is not known.
    pub memory: Result<Memory, String>,
    /// How long work waits.
    pub pressures: Pressures,
    /// Docker's share, or why it is not known; `None` without Docker.
    pub docker: Option<Result<DockerDisk, String>>,
    /// How long it took to look.
    pub took: Duration,
}

impl Space {
    /// The fullest file system's percent.
    #[must_use]
    pub fn worst(&self) -> u8 {
        self.disks.file_systems.iter().map(FileSystem::worst).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_those_of_df() {
        let disk = FileSystem {
            folders: Vec::new(),
            total: 1_000,
            used: 801,
            available: 150,
            inodes: Some((999, 1_000)),
        };
        assert_eq!((disk.percent(), disk.inodes_percent(), disk.worst()), (85, Some(100), 100));
        let empty = FileSystem { used: 0, available: 0, inodes: None, ..disk };
        assert_eq!((empty.percent(), empty.inodes_percent(), empty.worst()), (0, None, 0));
        let memory = Memory { total: 100, available: 10, swap: (0, 0) };
        assert_eq!(memory.percent(), 90);
    }
}
