//! What the Docker Engine tells of the platform's containers.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::health::Container;
use crate::host::Commit;

/// One container of the platform, whatever it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The compose service that it belongs to.
    pub service: Option<String>,
    /// Started by `docker compose run`, for one job.
    pub one_off: bool,
    /// As it was named when the container was made.
    pub image: String,
    /// Itself.
    pub container: Container,
}

/// Of its memory limit, from which on a container is in danger.
pub const HIGH_MEMORY: f64 = 0.8;

/// Of its memory limit, from which on it is about to be killed.
pub const FULL_MEMORY: f64 = 0.9;

/// What `stats` puts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UsageOrder {
    /// The most CPU.
    Cpu,
    /// The most memory.
    Memory,
}

impl UsageOrder {
    /// The word that is typed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "mem",
        }
    }
}

impl fmt::Display for UsageOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for UsageOrder {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        match typed.to_ascii_lowercase().as_str() {
            "cpu" => Ok(Self::Cpu),
            "mem" | "memory" => Ok(Self::Memory),
            _ => Err("cpu or mem".to_owned()),
        }
    }
}

/// One running container, and what it uses if that could be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The compose service that it belongs to.
    pub service: Option<String>,
    /// The container's name.
    pub container: String,
    /// Or why it is not known.
    pub usage: Result<Usage, String>,
}

/// What a container uses. `None` is what the Engine does not report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// In percent of one core, over about a second: 150 is one and a half cores.
    pub cpu_percent: Option<f64>,
    /// How many cores it may use.
    pub cpu_limit: Option<f64>,
    /// Bytes without the page cache that the kernel could drop, as `docker stats` counts.
    pub memory: Option<u64>,
    /// Bytes that it may use; the machine's memory where it has no limit of its own.
    pub memory_limit: Option<u64>,
    /// Bytes received and sent since its start; `None` without a network of its own.
    pub network: Option<(u64, u64)>,
    /// Bytes read from and written to disks since its start.
    pub disk: Option<(u64, u64)>,
    /// Processes and threads.
    pub processes: Option<u64>,
}

impl Usage {
    /// Memory used of what it may use, from 0 to 1.
    #[must_use]
    pub fn memory_ratio(&self) -> Option<f64> {
        match (self.memory, self.memory_limit) {
            #[expect(clippy::cast_precision_loss, reason = "shares of bytes")]
            (Some(used), Some(limit)) if limit > 0 => Some(used as f64 / limit as f64),
            _ => None,
        }
    }
}

/// Something that happened to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerEvent {
    /// By the Engine's clock.
    pub at: Timestamp,
    /// What.
    pub what: Happened,
}

/// What happened to a container, by the Engine's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// Its process ended.
    Ended {
        /// With this code.
        exit_code: Option<i64>,
    },
    /// The kernel killed a process in it for want of memory.
    OutOfMemory,
    /// Its process was sent a signal.
    Signalled {
        /// Its number.
        signal: Option<i64>,
    },
    /// Somebody stopped it.
    Stopped,
    /// It was started.
    Started,
    /// It was frozen.
    Paused,
    /// It goes on.
    Unpaused,
    /// It is gone.
    Removed,
    /// Its own health check finds it well.
    Healthy,
    /// Its own health check does not.
    Unhealthy,
}

/// What one service runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// The compose service.
    pub service: String,
    /// Its container.
    pub container: Container,
    /// When the container was made from its image: when this was deployed.
    pub created_at: Option<Timestamp>,
    /// As it was named when the container was made.
    pub image: String,
    /// The image's own id, the first 12 hex digits.
    pub image_id: String,
    /// When the image was built; `None` if it is gone or does not say.
    pub image_built_at: Option<Timestamp>,
    /// Whether the image's name means another image now, which was not deployed.
    pub name_moved: bool,
    /// The commit that the image says it was built from.
    pub revision: Option<String>,
}

impl Deployed {
    /// How many of `commits`, the newest first, came after the one that this was built from. `None` where the image
    /// does not say, or says one that is not among them.
    #[must_use]
    pub fn behind(&self, commits: &[Commit]) -> Option<usize> {
        let revision = self.revision.as_deref()?;
        commits.iter().position(|commit| commit.id.starts_with(revision))
    }
}
