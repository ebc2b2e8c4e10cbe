//! The calls that change something: all there are.

use serde::{Deserialize, Serialize};

use crate::archive::{ArchiveName, DumpFormat};
use crate::backend::{self, BackendId};
use crate::block::{Block, Network};
use crate::commit::CommitId;
use crate::ids::ServiceName;
use crate::migration::Revision;
use crate::restore::DatabaseName;
use crate::table::{IndexDefinition, TableName};
use crate::workload::{ContainerId, ImageId};

/// One act and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is called.
    pub act: Act,
    /// After so many seconds it counts as failed or unknown.
    pub timeout_seconds: u32,
}

/// Where the platform's database is administered: its own programs in its container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// The container's name, for people.
    pub name: String,
    /// Which container.
    pub container: ContainerId,
    /// The role that works there.
    pub role: String,
    /// The platform's database.
    pub database: DatabaseName,
    /// Which one of that name.
    pub oid: u32,
    /// The database to stand in while databases are made and renamed.
    pub maintenance: DatabaseName,
}

/// One call that changes something. Closed: what is not in here can't be planned, voted on or executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Docker stops the container and starts it again.
    RestartContainer {
        /// Its name, for people.
        name: String,
        /// Which.
        id: ContainerId,
        /// Before it is killed.
        grace_seconds: u32,
    },
    /// Docker stops the container.
    StopContainer {
        /// Its name, for people.
        name: String,
        /// Which.
        id: ContainerId,
        /// Before it is killed.
        grace_seconds: u32,
    },
    /// Docker starts a container that is there.
    StartContainer {
        /// Its name, for people.
        name: String,
        /// Which.
        id: ContainerId,
    },
    /// A new random value is made and written into an env file. It stands in no plan and no journal.
    RotateVariables {
        /// The env file: an absolute path.
        path: String,
        /// Of the file as it is now, 64 hex digits.
        sha256: String,
        /// All of them get the one value.
        variables: Vec<String>,
        /// Letters and digits.
        length: u32,
    },
    /// A service's container is made anew with what an env file says. If that fails here, the file and every container
    /// of the plan get back what they had.
    TakeVariables {
        /// The container's name, which stays.
        name: String,
        /// The container that is replaced.
        id: ContainerId,
        /// Its compose service.
        service: Option<ServiceName>,
        /// The env file: an absolute path.
        path: String,
        /// Each variable.
        variables: Vec<Variable>,
        /// By what.
        way: Remake,
    },
    /// Nothing is changed on the platform: what had to end has ended, and people can log in. Then the env file's old
    /// version is thrown away.
    ProveRotation {
        /// The env file: an absolute path.
        path: String,
        /// Whether tokens from before have to be refused.
        ends_sessions: bool,
    },
    /// A setting, which is no secret, is written into an env file.
    SetVariable {
        /// The env file: an absolute path.
        path: String,
        /// Of the file as it is now, 64 hex digits.
        sha256: String,
        /// In the file.
        variable: String,
        /// What it is set to.
        value: String,
    },
    /// The checkout of the platform's code is brought forward to a commit, by nothing but a fast-forward.
    FastForward {
        /// Its folder.
        repository: String,
        /// What is checked out now.
        from: CommitId,
        /// What will be.
        to: CommitId,
    },
    /// An image gets one more tag, of the time at which it does, so that there is a way back to it.
    KeepImage {
        /// Which.
        id: ImageId,
        /// Its name without a tag.
        name: String,
    },
    /// Compose builds a service's image; it gets the commit's name as one more tag.
    BuildImage {
        /// Which compose service.
        service: ServiceName,
        /// As the image is named, with its tag.
        reference: String,
        /// From which commit.
        commit: CommitId,
    },
    /// Compose makes a service's container anew from its file, and no other one.
    Recreate {
        /// The container's name, which stays.
        name: String,
        /// The container that is there now.
        id: ContainerId,
        /// Which compose service.
        service: ServiceName,
        /// The image that it has to run afterwards, by its name.
        reference: String,
    },
    /// An image gets another one's name, and a container is made anew with it; if it does not become healthy, both are
    /// as before.
    SwapImage {
        /// The container's name, which stays.
        name: String,
        /// The container that is replaced.
        id: ContainerId,
        /// The name of the image, with its tag.
        reference: String,
        /// What has that name now, or nothing.
        from: ImageId,
        /// What will have it.
        to: ImageId,
    },
    /// A container that has ended is removed, with its log.
    RemoveContainer {
        /// Its name, for people.
        name: String,
        /// Which.
        id: ContainerId,
        /// What it has written over its image.
        bytes: u64,
    },
    /// An image that no container uses is removed; one that is used by then is left.
    RemoveImage {
        /// Which.
        id: ImageId,
        /// All its names.
        tags: Vec<String>,
        /// Its size, with layers that others have too.
        bytes: u64,
    },
    /// Compose runs so many containers of a service, and touches no other one.
    Scale {
        /// Which compose service.
        service: ServiceName,
        /// How many.
        count: u32,
        /// Those that there are now.
        ids: Vec<ContainerId>,
    },
    /// Nothing is changed: what comes after it waits until a container runs and its own check, if it has one, passes.
    AwaitHealthy {
        /// Its name, which stays where it is made anew.
        name: String,
    },
    /// Nothing is changed: the canary logs in, as people do, until it can.
    TryLogin,
    /// The statement of a session is cancelled; the session stays.
    CancelBackend {
        /// Which session, and which statement of it.
        target: backend::Target,
    },
    /// A session is ended.
    TerminateBackend {
        /// Which session.
        target: backend::Target,
    },
    /// The platform's database is dumped from one snapshot into a new archive, which gets its name from the
    /// plan's run and time when it is whole.
    DumpDatabase {
        /// Where PostgreSQL's programs are.
        seat: Seat,
        /// The backups' folder.
        folder: String,
    },
    /// The platform's files become a new archive, which gets its name from the plan's run and time when it is whole.
    ArchiveFiles {
        /// The backups' folder.
        folder: String,
        /// Files and folders, by absolute paths.
        paths: Vec<String>,
    },
    /// An archive is copied; the copy is read back.
    CopyArchive {
        /// The backups' folder.
        folder: String,
        /// The archive's name in it.
        from: String,
        /// The copy's name in it.
        to: ArchiveName,
        /// The archive's SHA-256: 64 hex digits.
        sha256: String,
    },
    /// An empty database is made beside the live one, of its owner, encoding and order.
    CreateBeside {
        /// Where PostgreSQL's programs are.
        seat: Seat,
    },
    /// A dump is read into the database beside, in one transaction.
    LoadArchive {
        /// Where PostgreSQL's programs are.
        seat: Seat,
        /// The backups' folder.
        folder: String,
        /// The archive's name in it.
        archive: String,
        /// Its SHA-256: 64 hex digits.
        sha256: String,
        /// How it is written.
        format: DumpFormat,
    },
    /// Statistics of the database beside are read, and its rows compared with these.
    CompareBeside {
        /// Where PostgreSQL's programs are.
        seat: Seat,
        /// Rows of each table by the backup's manifest, by name; `None` where it has none.
        rows: Option<Vec<ExpectedRows>>,
        /// Alembic's version by the manifest.
        alembic_version: Option<String>,
    },
    /// The live database's own settings and rights, which no dump holds, are put on the one beside.
    DressBeside {
        /// Where PostgreSQL's programs are.
        seat: Seat,
    },
    /// Another database gets the live one's name, in one transaction; the live one is kept closed.
    SwapDatabases {
        /// Where PostgreSQL's programs are.
        seat: Seat,
        /// Which one; `None` for the one that this run has made beside.
        with: Option<OtherDatabase>,
    },
    /// `VACUUM` or `ANALYZE` of a table or of all of the database.
    Upkeep {
        /// Where PostgreSQL's programs are.
        seat: Seat,
        /// Which of the two.
        kind: UpkeepKind,
        /// Which table; `None` for all of them.
        table: Option<TableName>,
    },
    /// An index is made while its table is written to.
    CreateIndex {
        /// Where PostgreSQL's programs are.
        seat: Seat,
        /// What.
        index: IndexDefinition,
    },
    /// Connections of one program that do nothing are ended.
    EndIdle {
        /// What the program calls itself.
        application: String,
        /// Those that the bot's own role may end.
        backends: Vec<BackendId>,
        /// Those of superusers.
        superusers: Vec<BackendId>,
        /// Where superusers' ones are ended; `None` where there are none.
        seat: Option<Seat>,
    },
    /// A network is shut out by the machine's firewall, from when it is done on.
    BlockNetwork {
        /// Whose packets are dropped.
        network: Network,
        /// For how long.
        seconds: u32,
    },
    /// The very rules with which the bot has shut a network out are taken away.
    UnblockNetwork {
        /// What they say.
        blocks: Vec<Block>,
    },
    /// The database's migrations are run, by a container that is made for it and removed.
    Migrate {
        /// Where the database is asked before and after.
        seat: Seat,
        /// What the container is made like.
        like: MigrationJob,
        /// Revisions that the database has now, sorted; none where it has none.
        from: Vec<Revision>,
        /// Those that it will have.
        to: Vec<Revision>,
    },
    /// The database beside is dropped.
    DropBeside {
        /// Where PostgreSQL's programs are.
        seat: Seat,
    },
}

/// What runs the migrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationJob {
    /// The container that it is made like: its environment, networks and limits; `None` where there is none.
    pub container: Option<ContainerId>,
    /// The image, whatever its name means by then.
    pub image: ImageId,
    /// The program and its arguments. No shell reads them.
    pub argv: Vec<String>,
}

/// What is done for a table's good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpkeepKind {
    /// `VACUUM (ANALYZE)`
    Vacuum,
    /// `ANALYZE`
    Analyze,
}

/// How many rows a table should have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRows {
    /// With its schema.
    pub table: String,
    /// So many.
    pub rows: u64,
}

/// A database beside the live one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherDatabase {
    /// Its name.
    pub name: DatabaseName,
    /// Which one of that name.
    pub oid: u32,
}

/// A variable of a container, and where its value stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// In the container.
    pub name: String,
    /// In the env file.
    pub in_file: String,
}

/// By what a container is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remake {
    /// Compose, from its file: the container is what the file says.
    Compose,
    /// The Engine: everything but what is to be different stays.
    Engine,
}

impl Act {
    /// Whether doing it twice is as good as doing it once, so that a step whose outcome was lost may be
    /// done again. What restarts something twice is an outage more.
    #[must_use]
    pub const fn is_idempotent(&self) -> bool {
        match self {
            Self::StopContainer { .. }
            | Self::StartContainer { .. }
            | Self::AwaitHealthy { .. }
            | Self::TryLogin => true,
            // Each begins with a look at how far an earlier one came.
            Self::RotateVariables { .. }
            | Self::TakeVariables { .. }
            | Self::ProveRotation { .. }
            | Self::SetVariable { .. }
            | Self::Recreate { .. }
            | Self::SwapImage { .. } => true,
            Self::RemoveContainer { .. } | Self::RemoveImage { .. } | Self::Scale { .. } => true,
            Self::FastForward { .. } | Self::KeepImage { .. } | Self::BuildImage { .. } => true,
            // The session is named by when it began: a second call finds nobody.
            Self::TerminateBackend { .. } => true,
            Self::RestartContainer { .. } | Self::CancelBackend { .. } => false,
            // Half an archive is taken away before a second one is begun.
            Self::DumpDatabase { .. } | Self::ArchiveFiles { .. } | Self::CopyArchive { .. } => true,
            // They work on a database that is this run's alone; loading it is all or nothing.
            Self::CreateBeside { .. }
            | Self::LoadArchive { .. }
            | Self::CompareBeside { .. }
            | Self::DressBeside { .. }
            | Self::DropBeside { .. } => true,
            Self::SwapDatabases { .. } => false,
            // An index that is there stays; who was ended is not found again.
            Self::Upkeep { .. } | Self::CreateIndex { .. } | Self::EndIdle { .. } => true,
            // A rule that is there is not placed twice, and one that is gone is not missed.
            Self::BlockNetwork { .. } | Self::UnblockNetwork { .. } => true,
            // It begins with a look at the database's revision, and goes on from there.
            Self::Migrate { .. } => true,
        }
    }
}
