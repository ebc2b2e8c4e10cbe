//! One process of the database server that works for a client: what is known of it before somebody cancels
//! its statement or ends it, and what became of it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::database::SessionKind;
use crate::ids::RunId;

/// How the names of all sessions of the bot's own runs begin.
const TAG: &str = "acgs-run-";

/// A backend that can be told from a later one with the same number: process ids are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendId {
    /// The process.
    pub pid: i32,
    /// When it was started, to the microsecond.
    pub started: Timestamp,
}

/// Whom a signal is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The backend.
    pub backend: BackendId,
    /// When the statement that it ran when it was looked at began, to the microsecond; `None` means the
    /// backend whatever it runs.
    pub statement: Option<Timestamp>,
}

impl Target {
    /// The same backend, whatever it runs by now.
    #[must_use]
    pub const fn whatever_it_runs(self) -> Self {
        Self { statement: None, ..self }
    }
}

/// What is asked of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// To stop its statement. Its session and its transaction, which has failed then, stay.
    Cancel,
    /// To end.
    Terminate,
}

/// Whether work that should not be cut off may be: a dump, an index that is being made, a `VACUUM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precious {
    /// It is left alone.
    Spared,
    /// It was named, and the person knows what is lost.
    Named,
}

/// What came of a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signalled {
    /// It was sent. Whether it took effect is to be looked at.
    Sent,
    /// The backend has ended already; its number may be another one's by now.
    Gone,
    /// It runs another statement by now, and nothing was sent.
    Changed,
    /// It runs no statement that could be cancelled, and nothing was sent.
    NotRunning,
    /// It is not one to be cut off, and nothing was sent.
    Refused(Protection),
    /// The server refuses it to the bot's role, with these words.
    NotAllowed(String),
}

/// Why a backend is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Its work should not be cut off, unless it is named.
    Precious(SessionKind),
    /// It is no client's.
    NotAClient,
    /// It works in another database, or in none.
    OtherDatabase,
    /// Its role is a superuser, whom the bot's role can't signal.
    Superuser,
    /// It works for the bot.
    OwnRun,
    /// The bot's role may not see what it is.
    Hidden,
}

impl Protection {
    /// Whether naming it does not help.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Precious(_))
    }
}

/// One backend, looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// What a signal has to name.
    pub target: Target,
    /// What it is there for.
    pub kind: SessionKind,
    /// What the program calls itself.
    pub application: String,
    /// The role.
    pub user: String,
    /// The database; empty for processes of the whole server.
    pub database: String,
    /// The client's address; `None` for one on the same machine.
    pub client: Option<String>,
    /// The server's word: `active`, `idle`, `idle in transaction`, …
    pub state: String,
    /// Since its transaction began.
    pub transaction: Option<Duration>,
    /// Since its statement began; `None` when it runs none.
    pub statement_for: Option<Duration>,
    /// What it waits for, such as `Lock: transactionid`; `None` when it works.
    pub waits_for: Option<String>,
    /// Processes that wait for it.
    pub blocks: Vec<i32>,
    /// What it runs, or ran last, without values.
    pub statement: String,
    /// Why it is to be left alone; `None` for one that may be signalled.
    pub protection: Option<Protection>,
}

/// The connections that one program keeps in this database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// What the program calls itself.
    pub application: String,
    /// Those that do nothing, the longest idle first.
    pub idle: Vec<IdleBackend>,
    /// How many work or hold a transaction open.
    pub busy: u32,
}

/// A connection that does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleBackend {
    /// Which.
    pub backend: BackendId,
    /// How long it has done nothing.
    pub idle_for: Option<Duration>,
    /// Its role is a superuser, whom the bot's role can't end.
    pub is_superuser: bool,
}

/// What the bot's own programs in the database's container call themselves, so that they can be found and
/// ended when their client is gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionTag(String);

impl SessionTag {
    /// That of one step of a run. No two steps have the same.
    #[must_use]
    pub fn of(run: RunId, step: u32) -> Self {
        Self(format!("{TAG}{run}-{step}"))
    }

    /// As the server shows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a program with this name is one of the bot's runs.
    #[must_use]
    pub fn is_own(application: &str) -> bool {
        application.starts_with(TAG)
    }
}

impl fmt::Display for SessionTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SessionTag {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut rest = text.strip_prefix(TAG).unwrap_or_default().split('-');
        let run =
            rest.next().is_some_and(|run| run.len() == 12 && run.bytes().all(|b| b.is_ascii_hexdigit()));
        let step = rest.next().is_some_and(|step| step.parse::<u32>().is_ok());
        if run && step && rest.next().is_none() {
            Ok(Self(text))
        } else {
            Err("not the name of a run's session")
        }
    }
}

impl From<SessionTag> for String {
    fn from(tag: SessionTag) -> Self {
        tag.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_fits_the_server_and_no_other_name_passes_for_one() {
        let tag = SessionTag::of(RunId::from_random(u64::MAX), u32::MAX);
        // The server cuts what is longer than 63 bytes.
        assert!(tag.as_str().len() <= 63 && SessionTag::is_own(tag.as_str()));
        assert_eq!(SessionTag::try_from(tag.to_string()), Ok(tag));
        for other in
            ["", "acgs-bot", "acgs-run-", "acgs-run-000000000001", "acgs-run-00000000000g-1", "pg_dump"]
        {
            assert!(SessionTag::try_from(other.to_owned()).is_err(), "{other}");
        }
        assert!(SessionTag::try_from("acgs-run-000000000001-1-'; --".to_owned()).is_err());
    }
}
