//! The revisions of a database's migrations, as Alembic tells of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What Alembic keeps of one (`alembic_version.version_num` has 32 characters).
const LONGEST: usize = 32;

/// A revision's name: up to 32 letters, digits, `_`, `-` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision(String);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Revision {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(fit) {
            Ok(Self(text))
        } else {
            Err("a revision has up to 32 letters, digits, _, - and .")
        }
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.0
    }
}

/// Those that `alembic heads` and `alembic current` print, sorted: each in a line of its own, with nothing behind it
/// but remarks in brackets such as `(head)`. Other lines are the program's log.
#[must_use]
pub fn printed<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Revision> {
    let mut found: Vec<Revision> = lines.into_iter().filter_map(revision).collect();
    found.sort();
    found.dedup();
    found
}

fn revision(line: &str) -> Option<Revision> {
    let line = line.trim();
    let (name, remarks) = line.split_once(' ').unwrap_or((line, ""));
    let is_remark = |word: &str| word.starts_with('(') && word.ends_with(')');
    let only_remarks = remarks.split(") (").all(|remark| !remark.contains(") "))
        && (remarks.is_empty() || is_remark(remarks.trim()));
    Revision::try_from(name.to_owned()).ok().filter(|_| only_remarks)
}

/// Those that a database has by its own table, where they are listed with commas.
///
/// # Errors
/// A name that can't be one.
pub fn listed(names: Option<&str>) -> Result<Vec<Revision>, &'static str> {
    let names = names.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    let mut all = names.map(|name| Revision::try_from(name.to_owned())).collect::<Result<Vec<_>, _>>()?;
    all.sort();
    Ok(all)
}

/// Several in a line.
#[must_use]
pub fn shown(revisions: &[Revision]) -> String {
    if revisions.is_empty() {
        return "no revision".to_owned();
    }
    let names: Vec<String> = revisions.iter().map(ToString::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(revisions: &[Revision]) -> Vec<String> {
        revisions.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn revisions_are_told_from_the_log_around_them() {
        let lines = [
            "INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.",
            "INFO  [alembic.runtime.migration] Will assume transactional DDL.",
            "c2f48a1b9d03 (head)",
            "",
            "ae1027a6acf0 (networking) (effective head)",
            "Traceback (most recent call last):",
            "c2f48a1b9d03 (head)",
            "/usr/lib/x.py:3: UserWarning",
        ];
        assert_eq!(names(&printed(lines)), ["ae1027a6acf0", "c2f48a1b9d03"]);
        assert_eq!(names(&printed(["1975ea83b712"])), ["1975ea83b712"]);
        assert_eq!(printed(["x (a) b (c)", "a; DROP", "ä"]), []);
    }

    #[test]
    fn what_the_database_lists_is_sorted() {
        assert_eq!(names(&listed(Some("b2,a1")).expect("names")), ["a1", "b2"]);
        assert_eq!(listed(None), Ok(Vec::new()));
        assert!(listed(Some("a1,x y")).is_err());
        assert_eq!(shown(&listed(Some("b2,a1")).expect("names")), "a1, b2");
        assert_eq!(shown(&[]), "no revision");
    }
}
