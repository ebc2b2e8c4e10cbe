//! What exactly will be done, before anybody says yes to it.
//!
//! A [`Plan`] leaves no choice open: targets by the ids that can't be given twice, acts in order with
//! their arguments. Its bytes are its JSON as [`Plan::bytes`] writes it, its [`Digest`] is their SHA-256,
//! and that is what people vote on. What is shown, hashed and executed is this one value.
//!
//! What changes by itself from second to second (requests, sessions) stands in [`Plan::forecast`] as it
//! was measured when the plan was made; everything else must be found again just before execution.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::archive::{ArchiveName, DumpFormat};
use crate::backend::{self, BackendId};
use crate::block::{Block, Network};
use crate::commit::CommitId;
use crate::ids::{RunId, ServiceName};
use crate::incident::IncidentNumber;
use crate::migration::Revision;
use crate::restore::DatabaseName;
use crate::risk::Risk;
use crate::table::{IndexDefinition, TableName};
use crate::workload::{ContainerId, Fingerprint, ImageId};

/// The whole of what will be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The command's way through the bot; a run has at most one plan.
    pub run: RunId,
    /// 128 random bits in hex, so that no two plans have one digest.
    pub nonce: String,
    /// What was typed, as its canonical line.
    pub line: String,
    /// The commands that act, each as its canonical line: that line alone, or those of a runbook.
    pub commands: Vec<String>,
    /// What it can do to the platform; decides what approval it takes.
    pub risk: Risk,
    /// Who asked, as in the configuration.
    pub requester: String,
    /// The open incident that it belongs to.
    pub incident: Option<IncidentNumber>,
    /// Why it does not wait for votes, where somebody broke the glass.
    pub break_glass: Option<String>,
    /// When the facts were read.
    pub created: Timestamp,
    /// The Docker daemon that the containers' ids are of.
    pub engine: Option<String>,
    /// What it is done to.
    pub targets: Vec<Target>,
    /// In order.
    pub steps: Vec<Step>,
    /// Services that have to be well afterwards.
    pub proves: Vec<ServiceName>,
    /// What it does, in words.
    pub effect: String,
    /// Who and what is hit, as measured when the plan was made.
    pub forecast: Vec<Forecast>,
    /// How it is taken back, in words.
    pub undo: String,
}

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

/// Who and what is hit, as a number of its moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
pub enum Forecast {
    /// Services that depend on a target, by compose.
    Dependents {
        /// Compose services.
        services: Vec<String>,
    },
    /// Requests that a service answers now.
    Requests {
        /// Whose.
        service: String,
        /// A thousandth of a request a second.
        per_second_milli: u64,
    },
    /// Sessions that would end.
    Sessions {
        /// How many.
        count: u64,
    },
    /// Transactions that it would wait for.
    Waits {
        /// Each in a few words.
        sessions: Vec<String>,
    },
    /// Bytes that would be freed.
    Freed {
        /// How many.
        bytes: u64,
    },
    /// Bytes that would be taken.
    Taken {
        /// How many.
        bytes: u64,
    },
    /// What comes with a commit.
    Commits {
        /// Each with its first line, the newest first; at most ten.
        subjects: Vec<String>,
        /// How many there are.
        count: u64,
    },
    /// Containers of others that are on its networks; they are left alone.
    Guests {
        /// Each with its network.
        names: Vec<String>,
    },
    /// For how long something is expected not to answer.
    Unreachable {
        /// What.
        what: String,
        /// In seconds.
        seconds: u32,
    },
}

/// The SHA-256 of a plan's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of a plan's bytes as they are stored.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The first 12 hex digits, as people see it.
    #[must_use]
    pub fn short(&self) -> String {
        let mut whole = self.to_string();
        whole.truncate(12);
        whole
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Plan {
    /// The one way in which a plan is written: JSON, fields in their declared order, no spaces, no map and
    /// no fraction in it.
    #[must_use]
    pub fn bytes(&self) -> String {
        serde_json::to_string(self).expect("a plan has no map and no failing serializer")
    }

    /// Of [`Plan::bytes`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.bytes().as_bytes())
    }

    /// What nobody else may act on meanwhile, sorted, each once.
    #[must_use]
    pub fn locks(&self) -> Vec<String> {
        let mut locks: Vec<_> = self.targets.iter().map(Target::lock).collect();
        locks.sort();
        locks.dedup();
        locks
    }

    /// The plan that facts read later make: what belongs to the asking and to its moment is taken from
    /// `first`. It has the digest of `first` if and only if the facts are the same.
    #[must_use]
    pub fn read_again(self, first: &Self) -> Self {
        Self {
            run: first.run,
            nonce: first.nonce.clone(),
            line: first.line.clone(),
            commands: first.commands.clone(),
            requester: first.requester.clone(),
            incident: first.incident,
            break_glass: first.break_glass.clone(),
            created: first.created,
            forecast: first.forecast.clone(),
            ..self
        }
    }
}

/// One field that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where, as `targets[0].image_id`.
    pub path: String,
    /// As voted on; `None` if it was not there.
    pub before: Option<String>,
    /// As found; `None` if it is gone.
    pub now: Option<String>,
}

/// What `now` has that `before` had not, and the other way round, in the order of the fields.
#[must_use]
pub fn differences(before: &Plan, now: &Plan) -> Vec<Difference> {
    let value = |plan| serde_json::to_value(plan).expect("a plan has no map and no failing serializer");
    let mut found = Vec::new();
    compare(String::new(), Some(&value(before)), Some(&value(now)), &mut found);
    found
}

fn compare(
    path: String,
    before: Option<&serde_json::Value>,
    now: Option<&serde_json::Value>,
    found: &mut Vec<Difference>,
) {
    use serde_json::Value;
    match (before, now) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(inner, one.get(name), other.get(name), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for at in 0..one.len().max(other.len()) {
                compare(format!("{path}[{at}]"), one.get(at), other.get(at), found);
            }
        }
        (before, now) if before == now => {}
        (before, now) => {
            let text = |value: Option<&Value>| {
                value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            };
            found.push(Difference { path, before: text(before), now: text(now) });
        }
    }
}

#[cfg(test)]
mod tests;
