//! The group `db`.

use super::{How, push_option};
use crate::database::SlowBy;
use crate::ids::ServiceName;
use crate::period::Period;
use crate::risk::{Requirement, Risk, Role};
use crate::verb::Verb;

/// How long something in the database goes on before `db long-queries` shows it.
pub const LONG: (Period, Period) = (Period::seconds(1), Period::days(7));
/// How long when nobody says: the runbook's five minutes.
pub const LONG_DEFAULT: Period = Period::minutes(5);

/// Look-ups in the platform's database, and ends of its sessions.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Db {
    /// Whether it answers.
    #[command(
        about = "Whether the database answers",
        long_about = "Opens a new connection over TCP, as a service that starts now would, and asks SELECT 1. Shows how long \
                      that took, the server's version and how many connections are left. When every one is taken, the \
                      seat that the bot holds open still tells so.",
        after_help = "db ping"
    )]
    Ping,
    /// Who holds its connections.
    #[command(
        about = "Who holds the connections",
        long_about = "Counts the database's connections by program, role, database and state, beside how many there may \
                      be. A seat that the bot holds open answers even when every connection is taken.",
        after_help = "db connections"
    )]
    Connections,
    /// What goes on for too long.
    #[command(
        about = "What runs or stays open too long",
        long_about = "Lists sessions whose statement or transaction goes on for five minutes or --over: idle ones in an open \
                      transaction too, with what they wait for and who holds them up. pg_dump, CREATE INDEX, replicas and \
                      autovacuum are named as such. Statements are shown without the values in them.",
        after_help = "db long-queries\ndb long-queries --over 30s"
    )]
    LongQueries {
        /// From how long on.
        #[arg(long, value_name = "TIME", help = "From how long on", default_value_t = LONG_DEFAULT, value_parser = Period::within(LONG.0, LONG.1))]
        over: Period,
    },
    /// Who waits for whom.
    #[command(
        about = "Who waits for whose lock",
        long_about = "Shows every session that waits for a lock below the one that holds it up, with the kind of lock, the \
                      table and how long it has waited. End the one at the root, and those below it go on.",
        after_help = "db locks"
    )]
    Locks,
    /// What its statements cost.
    #[command(
        about = "Which statements cost most",
        long_about = "Shows the ten statements of this database with the most time in all, or by --by mean the most time a \
                      call, since the statistics were last reset. It needs the extension pg_stat_statements, and says how \
                      to get it where it is missing.",
        after_help = "db slow\ndb slow --by mean"
    )]
    Slow {
        /// Sorted by what.
        #[arg(long, value_name = "TIME", help = "total or mean", default_value_t = SlowBy::Total, value_parser = SlowBy::typed)]
        by: SlowBy,
    },
    /// The table of users.
    #[command(
        about = "How many users there are",
        long_about = "Counts the rows of the table users, and compares them with the count at its last VACUUM or ANALYZE and \
                      with the rows that were deleted since the statistics were reset. A table that takes too long to \
                      count is estimated, and the answer says so.",
        after_help = "db users"
    )]
    Users,
    /// Indexes that help nobody.
    #[command(
        about = "Indexes that help nobody",
        long_about = "Lists indexes that no query has used since the statistics were reset, that do what another one does, or \
                      that are INVALID. Unique ones and those behind a constraint are needed and left out.",
        after_help = "db unused-indexes"
    )]
    UnusedIndexes,
    /// Stops a statement.
    #[command(
        about = "Cancel a session's statement",
        long_about = "Cancels the statement that a session runs now; the session stays. The session is named by its pid and by \
                      when it and its statement began, so that it can't hit another one. Backups, index builds, replicas and \
                      the database's own processes are refused. db long-queries shows the pids.",
        after_help = "db cancel 4711"
    )]
    Cancel {
        /// Which session.
        #[arg(value_name = "PID", help = "Which session", value_parser = pid, allow_negative_numbers = true)]
        pid: u32,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Ends a session.
    #[command(
        about = "End a session",
        long_about = "Ends a session, and with it what it has not committed. Try db cancel first. The session is named by its \
                      pid and by when it began, so that it can't hit another one; it is looked for again afterwards. Backups, \
                      index builds, replicas and the database's own processes are refused.",
        after_help = "db kill 4711"
    )]
    Kill {
        /// Which session.
        #[arg(value_name = "PID", help = "Which session", value_parser = pid, allow_negative_numbers = true)]
        pid: u32,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Frees the room of dead rows.
    #[command(
        about = "Free the room of dead rows",
        long_about = "Runs VACUUM (ANALYZE) on a table, or on all of this database, where tables that are locked just now are left \
                      out. It blocks nobody. Dead rows before and after are in the answer. The table is one of the live list.",
        after_help = "db vacuum\ndb vacuum audit_logs"
    )]
    Vacuum {
        /// Which.
        #[arg(value_name = "TABLE", help = "One table alone", value_parser = word)]
        table: Option<String>,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Reads statistics anew.
    #[command(
        about = "Read statistics anew",
        long_about = "Runs ANALYZE on a table, or on all of this database, so that the planner knows what is in it. It blocks \
                      nobody. The table is one of the live list.",
        after_help = "db analyze\ndb analyze users"
    )]
    Analyze {
        /// Which.
        #[arg(value_name = "TABLE", help = "One table alone", value_parser = word)]
        table: Option<String>,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Makes an index.
    #[command(
        about = "Make an index of the list",
        long_about = "Makes one of the indexes that the configuration lists as [[index]], while the table is written to. One that \
                      is there, or whose work another one does, is refused with the reason; transactions that it would wait \
                      for are named. It is looked at afterwards: one that was left invalid is dropped.",
        after_help = "db index-create idx_policies_status"
    )]
    IndexCreate {
        /// Which.
        #[arg(value_name = "NAME", help = "Which index", value_parser = word)]
        name: String,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Brings the database's form to what the code wants.
    #[command(
        about = "Run the database's migrations",
        long_about = "Runs the migrations of [migration] in a container of its own, against the database that the bot looks at: \
                      the plan says at which revision it is and to which it goes, and the database is asked afterwards. With \
                      --check it only compares the two. Where they are the same there is nothing to do, and where the \
                      migrations look at another database it refuses. Back up first: only a restore takes it back.",
        after_help = "db migrate\ndb migrate --check"
    )]
    Migrate {
        /// Compares, and changes nothing.
        #[arg(long, help = "Compare alone", conflicts_with_all = ["dry_run", "break_glass"])]
        check: bool,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
    /// Ends a pool's idle connections.
    #[command(
        about = "End a service's idle connections",
        long_about = "Ends the connections to the database that a service keeps and that do nothing just now, each by its pid and \
                      by when it began. The service goes on and makes new ones, which is proved afterwards. Nothing is \
                      restarted.",
        after_help = "db pool-reset gs_service"
    )]
    PoolReset {
        /// Whose.
        #[arg(value_name = "SERVICE", help = "Whose connections")]
        service: ServiceName,
        /// With or without votes.
        #[command(flatten)]
        how: How,
    },
}

impl Db {
    pub(super) const fn command(&self) -> Verb {
        match self {
            Self::Ping => Verb::DbPing,
            Self::Connections => Verb::DbConnections,
            Self::LongQueries { .. } => Verb::DbLongQueries,
            Self::Locks => Verb::DbLocks,
            Self::Slow { .. } => Verb::DbSlow,
            Self::Users => Verb::DbUsers,
            Self::UnusedIndexes => Verb::DbUnusedIndexes,
            Self::Cancel { .. } => Verb::DbCancel,
            Self::Kill { .. } => Verb::DbKill,
            Self::Vacuum { .. } => Verb::DbVacuum,
            Self::Analyze { .. } => Verb::DbAnalyze,
            Self::IndexCreate { .. } => Verb::DbIndexCreate,
            Self::PoolReset { .. } => Verb::DbPoolReset,
            Self::Migrate { .. } => Verb::DbMigrate,
        }
    }

    /// Comparing changes nothing, and yet a container is made for it.
    pub(super) const fn needs(&self) -> Requirement {
        match self {
            Self::Migrate { check: true, .. } => Requirement { risk: Risk::Read, role: Role::Operator },
            _ => self.command().needs(),
        }
    }

    pub(super) fn push(&self, words: &mut Vec<String>) {
        match self {
            Self::Ping | Self::Connections | Self::Locks | Self::Users | Self::UnusedIndexes => {}
            Self::LongQueries { over } => {
                push_option(words, "over", Some(over).filter(|over| **over != LONG_DEFAULT));
            }
            Self::Slow { by } => push_option(words, "by", Some(by).filter(|by| **by != SlowBy::default())),
            Self::Cancel { pid, how } | Self::Kill { pid, how } => {
                words.push(pid.to_string());
                how.push(words);
            }
            Self::Migrate { check, how } => {
                words.extend(check.then(|| "--check".to_owned()));
                how.push(words);
            }
            Self::Vacuum { table, how } | Self::Analyze { table, how } => {
                words.extend(table.iter().cloned());
                how.push(words);
            }
            Self::IndexCreate { name, how } => {
                words.push(name.clone());
                how.push(words);
            }
            Self::PoolReset { service, how } => {
                words.push(service.to_string());
                how.push(words);
            }
        }
    }

    pub(super) const fn how(&self) -> Option<&How> {
        match self {
            Self::Cancel { how, .. }
            | Self::Kill { how, .. }
            | Self::Vacuum { how, .. }
            | Self::Analyze { how, .. }
            | Self::IndexCreate { how, .. }
            | Self::PoolReset { how, .. }
            | Self::Migrate { how, .. } => Some(how),
            Self::Ping
            | Self::Connections
            | Self::LongQueries { .. }
            | Self::Locks
            | Self::Slow { .. }
            | Self::Users
            | Self::UnusedIndexes => None,
        }
    }
}

/// A name as the database shows it, with or without its schema.
fn word(typed: &str) -> Result<String, String> {
    let begins = typed.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let goes_on = typed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.$".contains(&byte));
    if begins && goes_on && typed.len() <= 127 {
        Ok(typed.to_owned())
    } else {
        Err("a name as the database shows it, such as users or public.users".to_owned())
    }
}

/// A process's number, as PostgreSQL shows it; Linux gives none above 4,194,304 (proc(5), `pid_max`).
fn pid(typed: &str) -> Result<u32, String> {
    let number = typed.parse().ok().filter(|number| (1..=4_194_304).contains(number));
    number.ok_or_else(|| "the number of a process, as db long-queries shows it".to_owned())
}
