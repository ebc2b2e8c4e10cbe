//! What is acted on, pinned.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backend::BackendId;
use crate::workload::{ContainerId, Fingerprint, ImageId};

/// One thing that is acted on, pinned so that another one of the same name is another target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// A container.
    Container {
        /// Its compose service, or its own name.
        service: String,
        /// Its name.
        name: String,
        /// Its whole id.
        id: ContainerId,
        /// As it was named when the container was made.
        image: String,
        /// What it runs.
        image_id: ImageId,
        /// `running`, `exited`, …; `None` where Docker restarts it again and again by itself.
        state: Option<String>,
        /// When it was last started; `None` likewise, and where it never was.
        started_at: Option<Timestamp>,
        /// Of its whole configuration: another one means that something was changed.
        configuration: Fingerprint,
    },
    /// A session of the database.
    Backend {
        /// The server's process, and when it was started.
        backend: BackendId,
        /// When its present statement began; `None` where any is meant.
        query_start: Option<Timestamp>,
        /// What it calls itself.
        application: String,
        /// Its role.
        user: String,
        /// Its database.
        database: String,
        /// Its present statement without the values in it.
        statement: String,
    },
    /// A database.
    Database {
        /// Its name.
        name: String,
        /// Its OID, which no later database of that name has.
        oid: u32,
    },
    /// A table or an index that may not be there yet.
    Relation {
        /// With its schema.
        name: String,
        /// `None` where it is to be made.
        oid: Option<u32>,
    },
    /// A file on the bot's machine.
    File {
        /// Below the folder that the configuration names, or its absolute path.
        name: String,
        /// In bytes.
        bytes: u64,
        /// 64 hex digits.
        sha256: String,
    },
    /// An image.
    Image {
        /// A name that it has, where it has one.
        reference: Option<String>,
        /// Its whole id.
        id: ImageId,
    },
    /// A commit of the platform's code.
    Commit {
        /// 40 hex digits.
        id: String,
    },
    /// Addresses on the network.
    Network {
        /// In CIDR form.
        range: String,
    },
    /// A secret, by what it looks like from afar.
    Secret {
        /// As in the configuration.
        name: String,
        /// The first 8 hex digits of the SHA-256 of its present value.
        fingerprint: Option<String>,
    },
    /// Something of the platform's that has a name and no id: a folder, the firewall.
    Named {
        /// Its name.
        name: String,
    },
}

impl Target {
    /// What nobody else may act on meanwhile. Two containers of a service are one such thing: what is
    /// exclusive is the service, and not the id that it has today.
    #[must_use]
    pub fn lock(&self) -> String {
        match self {
            Self::Container { service, .. } => format!("service:{service}"),
            Self::Backend { backend, .. } => format!("backend:{}", backend.pid),
            Self::Database { name, .. } => format!("database:{name}"),
            Self::Relation { name, .. } => format!("relation:{name}"),
            Self::File { name, .. } => format!("file:{name}"),
            Self::Image { id, .. } => format!("image:{id}"),
            Self::Commit { .. } => "repository".to_owned(),
            Self::Network { range } => format!("network:{range}"),
            Self::Secret { name, .. } => format!("secret:{name}"),
            Self::Named { name } => format!("named:{name}"),
        }
    }
}
