//! The group `deploy`.

use std::fmt;
use std::str::FromStr;

use clap::builder::NonEmptyStringValueParser;
use clap::value_parser;

use super::acting::How;
use super::push_both;
use crate::ids::ServiceName;
use crate::verb::Verb;

/// What is deployed, and changes of it.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Deploy {
    /// Which image each service runs, and since when.
    #[command(
        about = "Images, and when they changed",
        long_about = "Shows for each service the image that it runs, when that was built, when the container was made \
                      and started, and its restarts; the newest change first. It is what runs, not what was \
                      committed: an image that was built and not deployed is told as such. With a checkout in \
                      [deploy] the newest commits stand below, and which of them each image was built from.",
        after_help = "deploy list"
    )]
    List,
    /// A commit, built and running.
    #[command(
        about = "Build a commit and run it",
        long_about = "Brings the checkout in [deploy] forward to a commit of the branch that it follows, keeps the running image \
                      under a tag for the way back, builds the service's image by Compose and makes its container anew, no other \
                      one. It waits until that is healthy and compares errors and p95 with before. Local changes in the checkout \
                      are refused.",
        after_help = "deploy run ac_service 1a2b3c4d\ndeploy run ac_service 1a2b3c4d --dry-run"
    )]
    Run {
        /// Which service.
        #[arg(value_name = "SERVICE", help = "Which one")]
        service: ServiceName,
        /// Which commit.
        #[arg(value_name = "COMMIT", help = "Its id, or newest", value_parser = value_parser!(CommitPrefix))]
        commit: CommitPrefix,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// The image from before.
    #[command(
        about = "Back to the image from before",
        long_about = "Makes a service's container anew with the newest image that was kept for the way back and that it does not \
                      run. The image gets its name back, so that the next `up` keeps it. If it does not become healthy, the \
                      container from before comes back.",
        after_help = "deploy rollback ac_service"
    )]
    Rollback {
        /// Which service.
        #[arg(value_name = "SERVICE", help = "Which one")]
        service: ServiceName,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// One setting, in file and container.
    #[command(
        about = "Change a setting of a service",
        long_about = "Sets one of the [[setting]] entries of the configuration, within its limits: it is written into the env \
                      file, the service's container is made anew with it, and if that is not well, both get the old value back. \
                      A number of connections is held against what the database has for each service.",
        after_help = "deploy config ac_service DATABASE_POOL_SIZE 8"
    )]
    Config {
        /// Which service.
        #[arg(value_name = "SERVICE", help = "Which one")]
        service: ServiceName,
        /// Which setting.
        #[arg(value_name = "KEY", help = "Which setting", value_parser = NonEmptyStringValueParser::new())]
        key: String,
        /// What it is to be.
        #[arg(value_name = "VALUE", help = "What it is to be", value_parser = NonEmptyStringValueParser::new())]
        value: String,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
}

/// The beginning of a commit's name, or the word for the newest of the branch that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitPrefix(String);

/// The newest commit there is when the plan is made, which then names it.
const NEWEST: &str = "newest";

impl CommitPrefix {
    /// Whether it means a commit of this id, where `newest` is the newest one's.
    #[must_use]
    pub fn means(&self, id: &str, newest: &str) -> bool {
        if self.0 == NEWEST { id == newest } else { id.starts_with(&self.0) }
    }
}

impl fmt::Display for CommitPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CommitPrefix {
    type Err = &'static str;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        let is_id = (7..=64).contains(&typed.len()) && typed.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id || typed.eq_ignore_ascii_case(NEWEST) {
            Ok(Self(typed.to_ascii_lowercase()))
        } else {
            Err("the first 7 or more hex digits of a commit, such as 1a2b3c4d, or newest")
        }
    }
}

impl Deploy {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::List => Verb::DeployList,
            Self::Run { .. } => Verb::DeployRun,
            Self::Rollback { .. } => Verb::DeployRollback,
            Self::Config { .. } => Verb::DeployConfig,
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::List => {}
            Self::Run { service, commit, how } => {
                words.extend([service.to_string(), commit.to_string()]);
                how.push(words);
            }
            Self::Rollback { service, how } => {
                words.push(service.to_string());
                how.push(words);
            }
            Self::Config { service, key, value, how } => {
                let mut options = Vec::new();
                how.push(&mut options);
                push_both(words, [service.to_string(), key.clone(), value.clone()], options);
            }
        }
    }

    pub(super) const fn how(&self) -> Option<&How> {
        match self {
            Self::Run { how, .. } | Self::Rollback { how, .. } | Self::Config { how, .. } => Some(how),
            Self::List => None,
        }
    }
}
