//! What every command that acts takes besides its own arguments.

use std::fmt;
use std::str::FromStr;

use super::push_option;
use crate::escape::clean;

/// How an acting command is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct How {
    /// Shows the plan and stops there.
    #[arg(long, help = "Show the plan alone")]
    pub dry_run: bool,
    /// Does not wait for votes, for this reason.
    #[arg(long, value_name = "WHY", help = "P0 alone: no votes", value_parser = reason, conflicts_with = "dry_run")]
    pub break_glass: Option<Reason>,
}

impl How {
    pub(super) fn push(&self, words: &mut Vec<String>) {
        words.extend(self.dry_run.then(|| "--dry-run".to_owned()));
        push_option(words, "break-glass", self.break_glass.as_ref());
    }
}

/// Why something extraordinary is done, in words that mean something the next morning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// Characters that a reason has at least.
    pub const SHORTEST: usize = 15;
    /// And at most.
    pub const LONGEST: usize = 300;

    /// As typed, without control characters and spaces around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Reason {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let text = words(typed);
        let length = text.chars().count();
        if (Self::SHORTEST..=Self::LONGEST).contains(&length) {
            Ok(Self(text))
        } else {
            Err(format!("a reason of {} to {} characters, in quotes", Self::SHORTEST, Self::LONGEST))
        }
    }
}

fn reason(typed: &str) -> Result<Reason, String> {
    typed.parse()
}

/// A short text of a person: a title, a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// Characters that it has at most.
    pub const LONGEST: usize = 200;

    /// As typed, without control characters and spaces around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Words {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let text = words(typed);
        if text.is_empty() || text.chars().count() > Self::LONGEST {
            return Err(format!("1 to {} characters, in quotes", Self::LONGEST));
        }
        Ok(Self(text))
    }
}

/// The reader of [`Words`] for the grammar.
pub(super) fn typed_words(typed: &str) -> Result<Words, String> {
    typed.parse()
}

/// One line without control characters; any white space is one space.
fn words(typed: &str) -> String {
    clean(typed).split_whitespace().collect::<Vec<_>>().join(" ")
}
