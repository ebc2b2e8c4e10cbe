//! Look-ups of the operators' own: `[[query]]` in the configuration, run by `query NAME`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A look-up's name: 1 to 32 of a-z, 0-9, `_` and `-`, starting with a letter, as commands are called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QueryName(String);

/// A text that is no look-up's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("1 to 32 of a-z, 0-9, '_' and '-', starting with a letter")]
pub struct NoQueryName;

impl QueryName {
    /// As written in the configuration.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A typed name, which a phone may have begun with a capital.
pub(crate) fn typed_name(typed: &str) -> Result<QueryName, NoQueryName> {
    typed.to_ascii_lowercase().parse()
}

impl fmt::Display for QueryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for QueryName {
    type Err = NoQueryName;

    fn from_str(text: &str) -> Result<Self, NoQueryName> {
        if is_word(text) { Ok(Self(text.to_owned())) } else { Err(NoQueryName) }
    }
}

/// Whether it can be typed as a name: 1 to 32 of a-z, 0-9, `_` and `-`, starting with a letter.
pub(crate) fn is_word(text: &str) -> bool {
    let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase());
    let goes_on_well =
        text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'));
    starts_well && goes_on_well && text.len() <= 32
}

impl TryFrom<String> for QueryName {
    type Error = NoQueryName;

    fn try_from(text: String) -> Result<Self, NoQueryName> {
        text.parse()
    }
}

impl From<QueryName> for String {
    fn from(name: QueryName) -> Self {
        name.0
    }
}

/// What a look-up gave, as texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedUp {
    /// Names of the columns; empty when there is no row.
    pub columns: Vec<String>,
    /// As many cells as there are columns; `None` is SQL's NULL, or a label that this series has not.
    pub rows: Vec<Vec<Option<String>>>,
    /// Whether there was more than what is here.
    pub cut: bool,
    /// What the other side says against its own answer.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_of_commands() {
        for name in ["a", "stale-policies", "top_10"] {
            assert_eq!(name.parse::<QueryName>().map(String::from), Ok(name.to_owned()));
        }
        for name in ["", "-a", "1a", "A", "a b", "a;b", "ä", "a.b", &"a".repeat(33)] {
            assert_eq!(name.parse::<QueryName>(), Err(NoQueryName), "{name}");
        }
    }
}
