//! A silence of Alertmanager: what it holds back, for how long, by whom and why.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A silence's name, which Alertmanager gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SilenceId(String);

impl SilenceId {
    /// As Alertmanager wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SilenceId {
    type Error = &'static str;

    /// Letters, digits and `-` alone, since it becomes a part of an address.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(good) {
            Ok(Self(text))
        } else {
            Err("a silence's id has up to 64 letters, digits and -")
        }
    }
}

impl From<SilenceId> for String {
    fn from(id: SilenceId) -> Self {
        id.0
    }
}

impl fmt::Display for SilenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `=`
    Is,
    /// `!=`
    IsNot,
    /// `=~`
    Matches,
    /// `!~`
    MatchesNot,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matcher {
    /// The label.
    pub label: String,
    /// How.
    pub comparison: Comparison,
    /// With what.
    pub value: String,
}

impl Matcher {
    /// `label=value`.
    #[must_use]
    pub fn is(label: &str, value: &str) -> Self {
        Self { label: label.to_owned(), comparison: Comparison::Is, value: value.to_owned() }
    }
}

/// As Alertmanager's own page writes it.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.comparison {
            Comparison::Is => "=",
            Comparison::IsNot => "!=",
            Comparison::Matches => "=~",
            Comparison::MatchesNot => "!~",
        };
        write!(f, "{}{sign}{}", self.label, self.value)
    }
}

/// A silence to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSilence {
    /// All of them have to hold; at least one.
    pub matchers: Vec<Matcher>,
    /// From when.
    pub starts: Timestamp,
    /// Until when.
    pub ends: Timestamp,
    /// Who makes it.
    pub by: String,
    /// Why.
    pub comment: String,
}

/// A silence as Alertmanager has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSilence {
    /// Its name.
    pub id: SilenceId,
    /// Whether it holds anything back now.
    pub state: SilenceState,
    /// What it is.
    pub silence: NewSilence,
}

/// Whether a silence holds anything back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    /// Now.
    Active,
    /// Later.
    Pending,
    /// Not any more.
    Expired,
}
