//! What the Docker Engine tells of the platform's containers.

use serde::{Deserialize, Serialize};

use crate::health::Container;

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
