//! What a superuser has to do, by PostgreSQL's own programs in the database's container: which program, with
//! which arguments and environment, and what it prints. Nothing here runs anything.
//!
//! A [`Statement`] comes from this module alone, with every name quoted. Each is a call of its own, for
//! `VACUUM` and `CREATE INDEX CONCURRENTLY` refuse to share theirs; only [`Administration::at_once`] puts
//! several into one transaction. Every session has the tag of its run, by which it can be found and ended
//! when the program's client is gone but the program is not.

mod archive;
mod printed;
mod quoted;
mod restore;
mod upkeep;

use std::time::Duration;

use commands::backend::SessionTag;
use commands::restore::DatabaseName;

pub use self::archive::{Snapshot, SnapshotId};
pub use self::printed::{
    alembic_version, archive_tables, database_state, free_room, number, row_counts, snapshot,
};
pub(crate) use self::restore::state_of;

/// Who works as an administrator, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administration {
    /// The role; in the database's container the server trusts it.
    pub role: String,
    /// The platform's database.
    pub database: DatabaseName,
    /// Another one of the server, to stand in while databases are made and renamed: `postgres` as a rule.
    pub maintenance: DatabaseName,
}

/// What a program calls itself, and how long the server lets it take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    /// Its session's name.
    pub tag: &'a SessionTag,
    /// Waiting for one lock. A `CREATE INDEX CONCURRENTLY` waits for others' transactions as for a lock.
    pub lock: Duration,
    /// One statement as a whole. `pg_dump` and `pg_restore` switch it off for themselves.
    pub statement: Duration,
}

/// One statement, safe to be run as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement(String);

impl Statement {
    /// As the server reads it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A program to be run in the database's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables beside those of the container.
    pub env: Vec<(String, String)>,
}

impl Administration {
    /// One statement in `database`; it prints rows without any ornament.
    #[must_use]
    pub fn run(&self, database: &DatabaseName, statement: &Statement, terms: Terms<'_>) -> Invocation {
        self.psql(database, &[], &["-c", statement.as_str()], terms)
    }

    /// Several statements in `database`, all of them or none.
    #[must_use]
    pub fn at_once(&self, database: &DatabaseName, statements: &[Statement], terms: Terms<'_>) -> Invocation {
        let commands: Vec<&str> = statements.iter().flat_map(|one| ["-c", one.as_str()]).collect();
        self.psql(database, &["--single-transaction"], &commands, terms)
    }

    /// Several statements in `database`, each a transaction of its own, up to the first that fails.
    #[must_use]
    pub fn in_order(
        &self,
        database: &DatabaseName,
        statements: &[Statement],
        terms: Terms<'_>,
    ) -> Invocation {
        let commands: Vec<&str> = statements.iter().flat_map(|one| ["-c", one.as_str()]).collect();
        self.psql(database, &[], &commands, terms)
    }

    /// How much room there is for a folder: for [`free_room`].
    #[must_use]
    pub fn room(folder: &str) -> Invocation {
        Invocation { argv: ["df", "-P", "-k", folder].map(str::to_owned).into(), env: Vec::new() }
    }

    fn psql(
        &self,
        database: &DatabaseName,
        options: &[&str],
        commands: &[&str],
        terms: Terms<'_>,
    ) -> Invocation {
        let fixed = ["psql", "-X", "-w", "-q", "-At", "-v", "ON_ERROR_STOP=1"];
        let place = ["-d", database.as_str()];
        let argv = fixed.iter().chain(options).chain(&place).chain(commands);
        Invocation { argv: argv.map(|word| (*word).to_owned()).collect(), env: self.environment(terms) }
    }

    /// Of every program. The role stands here, where no program takes it for an address.
    fn environment(&self, terms: Terms<'_>) -> Vec<(String, String)> {
        let limited = format!(
            "-c lock_timeout={} -c statement_timeout={}",
            milliseconds(terms.lock),
            milliseconds(terms.statement)
        );
        [
            ("PGUSER", self.role.as_str()),
            ("PGAPPNAME", terms.tag.as_str()),
            ("PGOPTIONS", &limited),
            ("PGCLIENTENCODING", "UTF8"),
            ("PGCONNECT_TIMEOUT", "10"),
            // What goes wrong is told in English, whatever the container speaks.
            ("LC_MESSAGES", "C"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

/// At least 1: 0 would be no limit at all. The server takes 2^31 - 1 at most.
fn milliseconds(limit: Duration) -> i32 {
    i32::try_from(limit.as_millis()).unwrap_or(i32::MAX).max(1)
}
