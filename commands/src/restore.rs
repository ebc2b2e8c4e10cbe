//! The databases of a server beside each other: the live one, a new one that a backup is read into, and the
//! one that was live before.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::RunId;

/// A database's name that is safe wherever a name is taken: up to 63 letters, digits, `_`, `-` and `.`, the
/// first of them a letter or `_`. PostgreSQL's programs take names with `=` or `://` for whole addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatabaseName(String);

impl DatabaseName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The database that a run reads a backup into, beside this one.
    #[must_use]
    pub fn beside(&self, run: RunId) -> Self {
        self.with_ending(&Self(format!("restore_{run}")))
    }

    /// What this one is called after a run has put another in its place.
    #[must_use]
    pub fn before(&self, run: RunId) -> Self {
        self.with_ending(&Self(format!("before_{run}")))
    }

    /// The same name with an ending, the beginning cut so that it fits.
    #[must_use]
    pub fn with_ending(&self, ending: &Self) -> Self {
        let room = LONGEST.saturating_sub(ending.0.len() + 1);
        let beginning = self.0.get(..room.min(self.0.len())).unwrap_or_default();
        Self(if beginning.is_empty() { ending.0.clone() } else { format!("{beginning}_{}", ending.0) })
    }
}

/// What the server keeps of a name.
const LONGEST: usize = 63;

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for DatabaseName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        let goes_on = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if begins && goes_on && text.len() <= LONGEST {
            Ok(Self(text))
        } else {
            Err("a database's name has up to 63 letters, digits, _, - and ., and begins with a letter or _")
        }
    }
}

impl From<DatabaseName> for String {
    fn from(name: DatabaseName) -> Self {
        name.0
    }
}

/// How the comment of a database of the bot begins.
const COMMENT: &str = "acgs-set-aside:";

/// What a database was before a run put another one in its place, as its comment remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// The run that did it.
    pub run: RunId,
    /// The name that it had.
    pub was: DatabaseName,
    /// When.
    pub at: Timestamp,
}

impl SetAside {
    /// As it is written on the database.
    #[must_use]
    pub fn comment(&self) -> String {
        format!("{COMMENT}{}:{}:{}", self.run, self.was, self.at)
    }

    /// From a database's comment; `None` for any other.
    #[must_use]
    pub fn of_comment(comment: &str) -> Option<Self> {
        let mut parts = comment.strip_prefix(COMMENT)?.splitn(3, ':');
        Some(Self {
            run: parts.next()?.parse().ok()?,
            was: DatabaseName::try_from(parts.next()?.to_owned()).ok()?,
            at: parts.next()?.parse().ok()?,
        })
    }
}

/// One database of a server, with what a dump of it lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseState {
    /// Its name.
    pub name: String,
    /// What stays when it is renamed.
    pub oid: u32,
    /// In bytes.
    pub size: u64,
    /// Its owner's role.
    pub owner: String,
    /// Such as `UTF8`.
    pub encoding: String,
    /// Order of texts.
    pub collate: String,
    /// Kinds of characters.
    pub ctype: String,
    /// ICU's locale, where that sorts; `None` where the C library does.
    pub icu_locale: Option<String>,
    /// Whether anybody may connect.
    pub allows_connections: bool,
    /// Sessions in it.
    pub connections: u32,
    /// The server's `max_connections`.
    pub max_connections: u32,
    /// What was remembered of it.
    pub comment: Option<String>,
    /// `ALTER DATABASE … SET`, and `ALTER ROLE … IN DATABASE … SET`.
    pub settings: Vec<DatabaseSetting>,
    /// Who may do what with the database itself; `None` while nobody has changed what holds by default.
    pub grants: Option<Vec<DatabaseGrant>>,
}

/// A setting that holds in one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSetting {
    /// Only for this role.
    pub role: Option<String>,
    /// Such as `work_mem`.
    pub name: String,
    /// As the server keeps it.
    pub value: String,
}

/// A right on a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseGrant {
    /// Whose; `None` is everybody's.
    pub role: Option<String>,
    /// What.
    pub right: DatabaseRight,
    /// Whether they may pass it on.
    pub grantable: bool,
}

/// What may be done with a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DatabaseRight {
    /// Make schemas.
    #[serde(rename = "CREATE")]
    Create,
    /// Connect.
    #[serde(rename = "CONNECT")]
    Connect,
    /// Make temporary tables.
    #[serde(rename = "TEMPORARY")]
    Temporary,
}

impl DatabaseRight {
    /// As it is granted.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Connect => "CONNECT",
            Self::Temporary => "TEMPORARY",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_set_aside_is_known_by_its_comment() {
        let was = DatabaseName::try_from("acgs_pgp_db".to_owned()).expect("a name");
        let at = "2026-11-26T10:00:00Z".parse().expect("a time");
        let aside = SetAside { run: RunId::from_random(7), was, at };
        assert_eq!(aside.comment(), "acgs-set-aside:000000000007:acgs_pgp_db:2026-11-26T10:00:00Z");
        assert_eq!(SetAside::of_comment(&aside.comment()), Some(aside));
        for other in ["", "by hand", "acgs-set-aside:7:a b:2026-11-26T10:00:00Z", "acgs-set-aside:7:a"] {
            assert_eq!(SetAside::of_comment(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_that_could_be_anything_else_is_none() {
        let name = |text: &str| DatabaseName::try_from(text.to_owned());
        for good in ["acgs_pgp_db", "_x", "a-b.c", &"x".repeat(63)] {
            assert!(name(good).is_ok(), "{good}");
        }
        for other in
            ["", "a b", "a\"b", "-d", "1a", "host=evil", "postgres://x", "a\nb", "a;b", "ä", &"x".repeat(64)]
        {
            assert!(name(other).is_err(), "{other}");
        }
        let ending = name("restore_20261126").expect("a name");
        let long = name(&"x".repeat(63)).expect("a name").with_ending(&ending);
        assert_eq!(long.as_str(), format!("{}_restore_20261126", "x".repeat(46)));
        assert_eq!(name("db").expect("a name").with_ending(&ending).as_str(), "db_restore_20261126");
        let run = RunId::from_random(7);
        assert_eq!(name("db").expect("a name").beside(run).as_str(), "db_restore_000000000007");
        assert_eq!(name("db").expect("a name").before(run).as_str(), "db_before_000000000007");
    }
}
