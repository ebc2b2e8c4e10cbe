//! Names of people, places, messages and runs. Each is a type of its own, so that a Slack id
//! can't be used where a Discord id belongs, and the constructors refuse what could not be one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a line was typed. `Cli` is the terminal of the host itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Slack.
    Slack,
    /// Discord.
    Discord,
    /// The built-in chat page.
    Web,
    /// The terminal: `acgs run`.
    Cli,
}

impl Platform {
    /// Every platform.
    pub const ALL: [Self; 4] = [Self::Slack, Self::Discord, Self::Web, Self::Cli];

    /// The lower-case word used in the configuration, the store and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Web => "web",
            Self::Cli => "cli",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not the id it was meant to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not one of the four platforms.
    #[error("{0:?} is not a platform: use slack, discord, web or cli")]
    Platform(String),
    /// Not `platform:id`.
    #[error("{0:?} is not a room: write it as platform:id, for example slack:C0123456789")]
    Room(String),
    /// Not a name of a service.
    #[error(
        "{0:?} is not a service name: use 1 to 63 of a-z, 0-9, '_', '-' and '.', starting with a letter or a digit"
    )]
    Service(String),
}

impl FromStr for Platform {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.as_str() == text)
            .ok_or_else(|| IdError::Platform(text.to_owned()))
    }
}

/// A person's account as the platform names it: a user id, never a display name or an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    /// The platform that vouches for the id.
    pub platform: Platform,
    /// Slack `U…`, Discord snowflake, the `web` or `cli` key of a configured person.
    pub id: String,
}

impl Account {
    /// An account of `platform` with the platform's own `id`.
    pub fn new(platform: Platform, id: impl Into<String>) -> Self {
        Self { platform, id: id.into() }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.platform, self.id)
    }
}

/// A channel. Written `slack:C0123456789` in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Room {
    /// The platform that the channel belongs to.
    pub platform: Platform,
    /// Slack `C…`, `G…` or `D…`; a Discord snowflake; a name on the web page.
    pub id: String,
}

impl Room {
    /// A channel of `platform` with the platform's own `id`.
    pub fn new(platform: Platform, id: impl Into<String>) -> Self {
        Self { platform, id: id.into() }
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.platform, self.id)
    }
}

impl FromStr for Room {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (platform, id) = text.split_once(':').ok_or_else(|| IdError::Room(text.to_owned()))?;
        if id.is_empty() || id.contains(char::is_whitespace) {
            return Err(IdError::Room(text.to_owned()));
        }
        Ok(Self { platform: platform.parse()?, id: id.to_owned() })
    }
}

impl TryFrom<String> for Room {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Room> for String {
    fn from(room: Room) -> Self {
        room.to_string()
    }
}

/// A channel, and the thread in it where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The channel. For a Discord thread this is its parent where the platform says it.
    pub room: Room,
    /// Slack: `ts` of the thread's first message. Discord: the thread's own channel id.
    pub thread: Option<String>,
}

impl Place {
    /// The channel itself, outside any thread.
    #[must_use]
    pub const fn channel(room: Room) -> Self {
        Self { room, thread: None }
    }
}

/// One message as its platform names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageRef {
    /// The channel that the message is in; on Discord the thread's own channel for a message in a thread.
    pub room: Room,
    /// Slack `ts`, Discord message id, the number on the web page.
    pub id: String,
}

/// What makes a delivery from a platform the same delivery when it comes again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeliveryId {
    /// The sender.
    pub platform: Platform,
    /// Slack `event_id`, or `trigger_id` of a command or click; Discord interaction or message id
    /// (for a reaction: message, user and emoji, since Discord gives it no id of its own).
    pub id: String,
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.platform, self.id)
    }
}

/// One command's whole way through the bot, as written in logs, the audit trail and failure messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(u64);

impl RunId {
    /// Keeps the low 48 bits of `random`, which the caller draws.
    #[must_use]
    pub const fn from_random(random: u64) -> Self {
        Self(random & 0xffff_ffff_ffff)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

impl FromStr for RunId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self::from_random)
    }
}

impl TryFrom<String> for RunId {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.to_string()
    }
}

/// A service from the configuration's list. A name typed in chat becomes one only by being found there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);

impl ServiceName {
    /// The name as written in the configuration.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ServiceName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut chars = text.chars();
        let starts_well = chars.next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let goes_on_well =
            chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.'));
        if starts_well && goes_on_well && text.len() <= 63 {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Service(text.to_owned()))
        }
    }
}

impl TryFrom<String> for ServiceName {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> Self {
        name.0
    }
}
