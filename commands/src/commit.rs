//! A commit's name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A commit by all its hex digits: 40, or 64 where the repository uses SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

impl CommitId {
    /// In lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CommitId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err("a commit has 40 or 64 hex digits")
        }
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_name_is_one() {
        let whole = "ABCDEF0123".repeat(4);
        assert_eq!(CommitId::try_from(whole.clone()).map(|id| id.to_string()), Ok(whole.to_lowercase()));
        for other in ["", "HEAD", "abcdef0", "--upload-pack=x", &"g".repeat(40), &whole[1..]] {
            assert!(CommitId::try_from(other.to_owned()).is_err(), "{other}");
        }
    }
}
