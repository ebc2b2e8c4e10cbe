//! What the platform's database tells of itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backend::SessionTag;
use crate::health::{DatabaseHealth, Seats};

/// Who holds the database's connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// How many there are and may be.
    pub seats: Seats,
    /// The server's own processes, which take no seat.
    pub background: u32,
    /// Clients alike in all but time, most connections first.
    pub groups: Vec<ClientGroup>,
}

/// Connections of one program of one role to one database in one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientGroup {
    /// What the program calls itself; empty if it says nothing.
    pub application: String,
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// The server's word: `active`, `idle`, `idle in transaction`, …; `None` where the bot may not see it.
    pub state: Option<String>,
    /// How many.
    pub count: u32,
    /// How long the one that has not changed for longest is in this state.
    pub longest: Option<Duration>,
}

/// A `SELECT 1` on a fresh connection, beside what the server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinged {
    /// The answer and the seats.
    pub health: DatabaseHealth,
    /// `None` where the seat held open gives no answer either.
    pub server: Option<Server>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Such as `15.8 (Debian 15.8-0+deb12u1)`.
    pub version: String,
    /// Since its start.
    pub up: Duration,
    /// It replays another server's changes and takes none itself.
    pub standby: bool,
}

/// What a session is there for. Some may take as long as they like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// A service or a person.
    Client,
    /// `pg_dump`, `pg_dumpall` or `pg_basebackup`.
    Dump,
    /// `CREATE INDEX` or `REINDEX`.
    IndexBuild,
    /// `VACUUM` or `ANALYZE` that somebody has asked for.
    Vacuum,
    /// The server's own `VACUUM` or `ANALYZE`.
    Autovacuum,
    /// Sends changes to a replica or a base backup.
    WalSender,
    /// Another process of the server.
    Background,
    /// A transaction that was prepared for two-phase commit and belongs to no session any more.
    Prepared,
}

impl SessionKind {
    /// By the server's word for the process, the program's name for itself and what it runs.
    #[must_use]
    pub fn of(backend_type: &str, application: &str, statement: &str) -> Self {
        let mut words = statement.split_whitespace().map(str::to_ascii_lowercase);
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let unique = second == "unique" && words.next().is_some_and(|third| third == "index");
        match backend_type {
            "prepared transaction" => Self::Prepared,
            "walsender" => Self::WalSender,
            "autovacuum worker" | "autovacuum launcher" => Self::Autovacuum,
            _ if matches!(application, "pg_dump" | "pg_dumpall" | "pg_basebackup") => Self::Dump,
            // The bot's own dump has its run's name, and copies one table after the other.
            _ if SessionTag::is_own(application) && first == "copy" => Self::Dump,
            _ if first == "reindex" || (first == "create" && (second == "index" || unique)) => {
                Self::IndexBuild
            }
            _ if matches!(first.as_str(), "vacuum" | "analyze") => Self::Vacuum,
            "client backend" | "parallel worker" | "" => Self::Client,
            _ => Self::Background,
        }
    }

    /// In a word or two.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Dump => "pg_dump",
            Self::IndexBuild => "CREATE INDEX",
            Self::Vacuum => "VACUUM",
            Self::Autovacuum => "autovacuum",
            Self::WalSender => "walsender",
            Self::Background => "background",
            Self::Prepared => "prepared",
        }
    }
}

/// Whoever works, or holds a transaction open, for too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongQueries {
    /// The longest first.
    pub sessions: Vec<LongSession>,
    /// Sessions of which the bot may see nothing, for want of `pg_monitor`.
    pub hidden: u32,
}

/// One session that takes long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongSession {
    /// The process to cancel or end; 0 for a prepared transaction.
    pub pid: i32,
    /// What it is there for.
    pub kind: SessionKind,
    /// What the program calls itself; a prepared transaction's own name.
    pub application: String,
    /// The role.
    pub user: String,
    /// The database; empty for processes of the whole server.
    pub database: String,
    /// The server's word: `active`, `idle in transaction`, …
    pub state: String,
    /// Since its transaction began.
    pub transaction: Option<Duration>,
    /// Since its statement began; `None` when it runs none.
    pub statement_for: Option<Duration>,
    /// Since it came into this state.
    pub in_state: Option<Duration>,
    /// What it waits for, such as `Lock: transactionid`; `None` when it works.
    pub waits_for: Option<String>,
    /// Processes that hold it up; 0 is a prepared transaction.
    pub blocked_by: Vec<i32>,
    /// How many it holds up itself.
    pub blocks: u32,
    /// What it runs, or ran last, without values.
    pub statement: String,
}

impl LongSession {
    /// How long it has gone on.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.transaction.max(self.statement_for).unwrap_or_default()
    }

    /// Whether somebody should look: dumps, index builds and the server's own work take long by nature, as
    /// long as nobody waits for them.
    #[must_use]
    pub const fn is_concern(&self) -> bool {
        self.blocks > 0 || matches!(self.kind, SessionKind::Client | SessionKind::Prepared)
    }
}

/// A session that waits for a lock or is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockSession {
    /// The process; 0 stands for all prepared transactions.
    pub pid: i32,
    /// What the program calls itself.
    pub application: String,
    /// The role.
    pub user: String,
    /// The server's word; `None` where the bot may not see it, and for a prepared transaction.
    pub state: Option<String>,
    /// Since its transaction began.
    pub transaction: Option<Duration>,
    /// The lock that it waits for; `None` when it waits for none.
    pub waits: Option<LockWait>,
    /// Who holds it up: holders, and those before it in the queue.
    pub blocked_by: Vec<i32>,
    /// What it runs, or ran last, without values.
    pub statement: String,
}

/// A lock that somebody does not get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockWait {
    /// `relation`, `transactionid` (a row), `tuple`, `advisory`, …
    pub kind: String,
    /// Such as `AccessExclusiveLock`.
    pub mode: String,
    /// The table or index, where it is one of this database.
    pub relation: Option<String>,
    /// How long it has waited.
    pub since: Option<Duration>,
}

/// Who waits for whom: every session once, under one that holds it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockTree<'a> {
    /// In reading order: a blocker, then whoever waits for it.
    pub nodes: Vec<LockNode<'a>>,
}

/// A session's place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockNode<'a> {
    /// Who.
    pub session: &'a LockSession,
    /// 0 for one that waits for nobody.
    pub depth: usize,
    /// How many wait behind it, at any depth.
    pub holds_up: usize,
}

impl<'a> LockTree<'a> {
    /// Whoever holds up most comes first. A session held up by several stands under the last of them that
    /// waits itself, since that one is next before it in the queue. Of a circle, which the server breaks
    /// within a second, the first session becomes the root.
    #[must_use]
    pub fn of(sessions: &'a [LockSession]) -> Self {
        let find = |pid: i32| sessions.iter().position(|session| session.pid == pid);
        let mut parents: Vec<Option<usize>> = vec![None; sessions.len()];
        for (at, session) in sessions.iter().enumerate() {
            let blockers: Vec<usize> =
                session.blocked_by.iter().filter_map(|pid| find(*pid)).filter(|other| *other != at).collect();
            let waited = |other: &usize| sessions[*other].waits.as_ref().and_then(|wait| wait.since);
            // The shortest wait among those that wait longer than this one.
            let before = blockers
                .iter()
                .copied()
                .filter(|other| waited(other).is_some() && waited(other) >= waited(&at))
                .min_by_key(waited);
            let parent = before.or_else(|| blockers.first().copied());
            parents[at] = parent.filter(|parent| !leads_to(&parents, *parent, at));
        }
        let mut nodes = Vec::with_capacity(sessions.len());
        let mut roots: Vec<usize> = (0..sessions.len()).filter(|at| parents[*at].is_none()).collect();
        roots.sort_by_key(|root| std::cmp::Reverse(behind(&parents, *root)));
        for root in roots {
            descend(sessions, &parents, root, 0, &mut nodes);
        }
        Self { nodes }
    }
}

/// Whether going up from `from` comes to `goal`.
fn leads_to(parents: &[Option<usize>], from: usize, goal: usize) -> bool {
    let mut at = Some(from);
    while let Some(here) = at {
        if here == goal {
            return true;
        }
        at = parents[here];
    }
    false
}

fn behind(parents: &[Option<usize>], of: usize) -> usize {
    (0..parents.len()).filter(|at| *at != of && leads_to(parents, *at, of)).count()
}

fn descend<'a>(
    sessions: &'a [LockSession],
    parents: &[Option<usize>],
    at: usize,
    depth: usize,
    nodes: &mut Vec<LockNode<'a>>,
) {
    // Parents form no circle, so this ends; a queue as long as a server has seats is not deep.
    nodes.push(LockNode { session: &sessions[at], depth, holds_up: behind(parents, at) });
    for child in (0..sessions.len()).filter(|child| parents[*child] == Some(at)) {
        descend(sessions, parents, child, depth + 1, nodes);
    }
}

/// What the statements of this database have cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlowStatements {
    /// The extension is not in this database.
    NotInstalled {
        /// The database.
        database: String,
        /// Its files are on the server.
        available: bool,
        /// The server loads it at start; `None` where the bot may not see the setting.
        preloaded: Option<bool>,
    },
    /// The extension is in this database, and the server does not load it at start.
    NotLoaded,
    /// The statistics.
    Read {
        /// The extension's version.
        version: String,
        /// Since they were last reset; `None` before version 1.9.
        since: Option<Duration>,
        /// How often rare statements were dropped to make room; `None` before version 1.9.
        dropped: Option<i64>,
        /// The costliest first.
        statements: Vec<SlowStatement>,
    },
}

/// One statement, whoever ran it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlowStatement {
    /// How often it ran.
    pub calls: i64,
    /// All of it, in milliseconds.
    pub total_ms: f64,
    /// Once, in milliseconds.
    pub mean_ms: f64,
    /// Rows that it gave or changed.
    pub rows: i64,
    /// Without values.
    pub statement: String,
}

/// How `db slow` sorts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlowBy {
    /// What costs the server most.
    #[default]
    Total,
    /// What costs each caller most.
    Mean,
}

impl SlowBy {
    /// As it is typed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Mean => "mean",
        }
    }

    /// For the grammar.
    pub(crate) fn typed(typed: &str) -> Result<Self, &'static str> {
        [Self::Total, Self::Mean]
            .into_iter()
            .find(|by| by.as_str().eq_ignore_ascii_case(typed))
            .ok_or("total or mean")
    }
}

impl std::fmt::Display for SlowBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The table of users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// How many rows there are.
    pub count: UserCount,
    /// The count when the table was last vacuumed or analysed, and how long ago that was; `None` before.
    pub before: Option<(u64, Option<Duration>)>,
    /// Rows that came since the statistics were reset.
    pub inserted: u64,
    /// Rows that went since then, `TRUNCATE` not counted.
    pub deleted: u64,
    /// Since the statistics were reset; `None` if that never was.
    pub since: Option<Duration>,
}

/// How many rows there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserCount {
    /// Counted.
    Exact(u64),
    /// The server's estimate, since counting took too long.
    TooSlow(u64),
    /// The server's estimate, since the bot's role may not count.
    NotAllowed(u64),
}

impl UserCount {
    /// The number, exact or not.
    #[must_use]
    pub const fn number(&self) -> u64 {
        match self {
            Self::Exact(number) | Self::TooSlow(number) | Self::NotAllowed(number) => *number,
        }
    }
}

impl Users {
    /// Rows that were there before and are not now, whichever way they went.
    #[must_use]
    pub fn gone(&self) -> u64 {
        let fewer = self.before.map_or(0, |(before, _)| before.saturating_sub(self.count.number()));
        fewer.max(self.deleted)
    }

    /// Nobody left, or a tenth of all who were there gone.
    #[must_use]
    pub fn is_concern(&self) -> bool {
        let left = self.count.number();
        left == 0 || self.gone().saturating_mul(10) >= left.saturating_add(self.gone())
    }
}

/// Indexes of this database that cost writes and help nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleIndexes {
    /// The invalid first, then the largest.
    pub indexes: Vec<IdleIndex>,
    /// How many indexes the database has.
    pub all: u32,
    /// Since the statistics were reset; `None` if that never was.
    pub since: Option<Duration>,
    /// Since the server's start.
    pub up: Duration,
    /// Replicas, which count the use of indexes for themselves.
    pub replicas: u32,
    /// This is such a replica.
    pub standby: bool,
}

/// From this age on, statistics have seen a week's jobs.
const SEASONED: Duration = Duration::from_secs(7 * 24 * 3_600);

impl IdleIndexes {
    /// How long the server has counted at the least.
    #[must_use]
    pub fn counted_for(&self) -> Duration {
        self.since.unwrap_or(self.up)
    }

    /// Whether a job that runs once a week may not have run yet.
    #[must_use]
    pub fn too_young(&self) -> bool {
        self.counted_for() < SEASONED
    }
}

/// One index, which is neither unique nor behind a constraint unless it is invalid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleIndex {
    /// Its table, with its schema where that is not `public`.
    pub table: String,
    /// The index.
    pub name: String,
    /// In order; an expression stands as the server's name for it, `expr`.
    pub columns: Vec<String>,
    /// In bytes, as of the last `VACUUM` or `ANALYZE`.
    pub size: u64,
    /// How often it was used since the reset.
    pub scans: u64,
    /// Written to and never read: what a failed `CREATE INDEX CONCURRENTLY` leaves.
    pub invalid: bool,
    /// It is being made just now, and therefore invalid.
    pub building: bool,
    /// Another one that does the same.
    pub same_as: Option<String>,
}

impl IdleIndex {
    /// Whether it is broken and nobody is at work on it.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.invalid && !self.building
    }
}

#[cfg(test)]
mod tests;
