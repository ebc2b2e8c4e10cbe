//! What a plan pins of a container before anything is done to it, and what the Engine tells of it besides.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::health::Container;
use crate::logs::Log;

/// An id of the Engine that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineIdError {
    /// Not a container's.
    #[error("{0:?} is no whole id of a container: 64 hex digits")]
    Container(String),
    /// Not an image's.
    #[error("{0:?} is no whole id of an image: sha256: and 64 hex digits")]
    Image(String),
    /// Not that of a command in a container.
    #[error("{0:?} is no whole id of a command in a container: 64 hex digits")]
    Exec(String),
    /// Not a SHA-256.
    #[error("{0:?} is no SHA-256: 64 hex digits")]
    Fingerprint(String),
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Text of one form, which is checked wherever it comes from.
macro_rules! checked_text {
    ($name:ident, $fault:ident, $prefix:literal, $($doc:literal),+) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// All of it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The first 12 hex digits, as the `docker` command shows it.
            #[must_use]
            pub fn short(&self) -> &str {
                &self.0[$prefix.len()..$prefix.len() + 12]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = EngineIdError;

            fn from_str(text: &str) -> Result<Self, EngineIdError> {
                match text.strip_prefix($prefix) {
                    Some(digits) if is_digest(digits) => Ok(Self(text.to_owned())),
                    _ => Err(EngineIdError::$fault(text.to_owned())),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = EngineIdError;

            fn try_from(text: String) -> Result<Self, EngineIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(checked: $name) -> Self {
                checked.0
            }
        }
    };
}

checked_text!(
    ContainerId,
    Container,
    "",
    "A container's whole id, which no other container ever gets: 64 hex digits. A name, or the beginning of",
    "an id, may mean another container a moment later."
);
checked_text!(
    ImageId,
    Image,
    "sha256:",
    "An image's whole id, which is the SHA-256 of what is in it: `sha256:` and 64 hex digits."
);
checked_text!(ExecId, Exec, "", "The whole id of a command that was started in a container: 64 hex digits.");
checked_text!(
    Fingerprint,
    Fingerprint,
    "",
    "The SHA-256 of something that is compared and never shown: 64 hex digits."
);

/// A container of the platform with all that a plan pins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Which one.
    pub id: ContainerId,
    /// What it does: state, start, restarts, health.
    pub container: Container,
    /// The compose service that it belongs to.
    pub service: Option<String>,
    /// Started for one job, by `docker compose run` or by the bot.
    pub one_off: bool,
    /// Another container has its place, and it is kept for the way back.
    pub replaced: bool,
    /// As it was named when the container was made.
    pub image: String,
    /// What it runs.
    pub image_id: ImageId,
    /// What Compose wrote of its dependencies; `None` where it wrote none. Version 1 never does, nor does version 2
    /// for a container that it made without its dependencies (`--no-deps`).
    pub depends_on: Option<Vec<Dependency>>,
    /// Ports of the machine that lead to it.
    pub ports: Vec<PublishedPort>,
    /// Whether its name is not the one that Compose would make, so that there can be one of it only.
    pub fixed_name: bool,
    /// Where it comes from, by its labels.
    pub origin: Option<Origin>,
    /// What the Engine does when its process ends.
    pub restart: RestartPolicy,
    /// Seconds from the stop signal to the kill; `None` where the Engine's own 10 are meant.
    pub stop_grace: Option<u32>,
    /// Networks that it is to be on, by name.
    pub networks: Vec<String>,
    /// Of its whole configuration and its image: another one means that something was changed.
    pub configuration: Fingerprint,
}

/// A service that another one needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Which.
    pub service: String,
    /// What it waits for, in Compose's word, such as `service_healthy`.
    pub condition: String,
    /// Whether Compose restarts the dependent one with it.
    pub restart: bool,
}

impl Dependency {
    /// Reads the label `com.docker.compose.depends_on`: `name:condition:restart`, with commas between. What is
    /// written in another way is taken for a name alone.
    #[must_use]
    pub fn read(label: &str) -> Vec<Self> {
        let one = |text: &str| {
            let mut parts = text.trim().splitn(3, ':');
            let service = parts.next().filter(|name| !name.is_empty())?.to_owned();
            let condition = parts.next().unwrap_or("service_started").to_owned();
            Some(Self { service, condition, restart: parts.next() == Some("true") })
        };
        label.split(',').filter_map(one).collect()
    }
}

/// A port of the machine that leads into a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublishedPort {
    /// Where it listens; empty for everywhere.
    pub address: String,
    /// A number, a range, or empty where the Engine chooses.
    pub port: String,
    /// Where it leads to, such as `8000/tcp`.
    pub container_port: String,
}

/// What Compose made a container from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The project.
    pub project: String,
    /// The folder that paths are relative to.
    pub working_dir: Option<String>,
    /// The files.
    pub config_files: Vec<String>,
    /// Compose's own hash of the service as it was then.
    pub config_hash: Option<String>,
    /// The version of Compose.
    pub version: Option<String>,
}

/// What the Engine does when a container's process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartPolicy {
    /// Nothing.
    No,
    /// Starts it, also after a stop by hand when the Engine starts anew.
    Always,
    /// Starts it, unless it was stopped by hand.
    UnlessStopped,
    /// Starts it after a failure.
    OnFailure {
        /// So many times at most; 0 for without end.
        most: u32,
    },
}

/// A container that is on one of the project's networks and does not belong to the project. While it is, the
/// network can't be removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NetworkGuest {
    /// The network's name.
    pub network: String,
    /// Which container.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// The other project that it belongs to.
    pub project: Option<String>,
}

/// What a cleanup would remove, and what it would keep on purpose. Volumes are never among it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reclaimable {
    /// Ended containers of the project that nothing is learnt from any more.
    pub containers: Vec<SpentContainer>,
    /// Images that no container uses.
    pub images: Vec<SpareImage>,
    /// Images for a way back that stay: the newest of each name.
    pub kept: Vec<SpareImage>,
    /// Bytes of the build cache that nothing uses; `None` if the Engine did not say in time.
    pub build_cache: Option<u64>,
}

impl Reclaimable {
    /// Bytes of the containers and images. Images may share layers, so it may be less.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let containers = self.containers.iter().map(|container| container.bytes);
        containers.chain(self.images.iter().map(|image| image.bytes)).sum()
    }
}

/// A container that is done with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentContainer {
    /// Which.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// The compose service that it belongs to.
    pub service: Option<String>,
    /// Started for one job. Of the others there is a newer one of the same service.
    pub one_off: bool,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// What it has written over its image; logs are not counted.
    pub bytes: u64,
}

/// An image that no container uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpareImage {
    /// Which.
    pub id: ImageId,
    /// All its names, each with a tag; none for one whose name was given to another.
    pub tags: Vec<String>,
    /// When it was built.
    pub created_at: Option<Timestamp>,
    /// Its size, with layers that others have too.
    pub bytes: u64,
}

/// The beginning of the tag of an image that is kept for a way back.
pub const ROLLBACK_TAG: &str = "prev-";

/// An image as the Engine has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Which.
    pub id: ImageId,
    /// When it was built; `None` if it does not say.
    pub created_at: Option<Timestamp>,
    /// Its labels, by name.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Its names, each with a tag.
    pub tags: Vec<String>,
}

/// What is worth keeping of a container before it is touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlightRecord {
    /// State, start, exit code, whether memory ran out.
    pub container: Container,
    /// Why the Engine could not start or keep it, in its words.
    pub error: Option<String>,
    /// When its process ended the last time.
    pub finished_at: Option<Timestamp>,
    /// The last runs of its health check, the oldest first.
    pub checks: Vec<CheckRun>,
    /// Its last lines; `None` where they could not be read in time.
    pub log: Option<Log>,
}

/// One run of a container's own health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRun {
    /// When it began.
    pub at: Option<Timestamp>,
    /// 0 is well.
    pub exit_code: i64,
    /// What it said, shortened.
    pub output: String,
}

/// A container made for one job, still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneOff {
    /// Which.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// The run that it was made for.
    pub run: String,
    /// Whether its process runs.
    pub running: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_whole_or_none() {
        let digits = "0123456789abcdef".repeat(4);
        assert_eq!(
            digits.parse::<ContainerId>().map(|id| id.short().to_owned()),
            Ok("0123456789ab".to_owned())
        );
        let image = format!("sha256:{digits}");
        assert_eq!(image.parse::<ImageId>().map(|id| id.short().to_owned()), Ok("0123456789ab".to_owned()));
        for text in
            ["", "0123456789ab", &digits[1..], &digits.to_uppercase(), &format!("{digits}0"), "../../x"]
        {
            assert_eq!(text.parse::<ContainerId>(), Err(EngineIdError::Container(text.to_owned())));
            assert!(format!("sha256:{text}").parse::<ImageId>().is_err());
        }
        assert!(digits.parse::<ImageId>().is_err());
        assert!(serde_json::from_str::<ContainerId>("\"x\"").is_err());
    }

    #[test]
    fn dependencies_are_read_from_the_label() {
        let read = |label| {
            let all = Dependency::read(label);
            all.into_iter().map(|one| (one.service, one.condition, one.restart)).collect::<Vec<_>>()
        };
        let one =
            |service: &str, condition: &str, restart| (service.to_owned(), condition.to_owned(), restart);
        assert_eq!(
            read("postgres_db:service_healthy:true,redis:service_started:false"),
            [one("postgres_db", "service_healthy", true), one("redis", "service_started", false)]
        );
        assert_eq!(read("redis"), [one("redis", "service_started", false)]);
        assert_eq!(read(""), []);
        assert_eq!(read(",:x,"), []);
    }
}
