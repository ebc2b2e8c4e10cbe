//! The group `deploy`.

use crate::verb::Verb;

/// Look-ups of what is deployed.
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
}

impl Deploy {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::List => Verb::DeployList,
        }
    }
}
