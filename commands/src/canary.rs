//! What came of logging in as the canary: an account that exists for nothing else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One login and the check of its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryLogin {
    /// A token was given and is good.
    Works {
        /// The login's time.
        login: Duration,
        /// The check's time.
        verify: Duration,
    },
    /// The login was refused though the password is right: the service is broken, or the canary's
    /// password was changed.
    LoginRefused {
        /// HTTP status code.
        code: u16,
    },
    /// 200, and no token in the answer.
    NoToken,
    /// The service does not take its own token: its key differs from the one that signs.
    TokenRefused {
        /// HTTP status code.
        code: u16,
    },
    /// It answered with something else than yes or no.
    Unwell {
        /// HTTP status code.
        code: u16,
    },
    /// No answer before the deadline.
    TimedOut,
    /// No way there; why, in a few words.
    Unreachable(String),
}

/// What a service says of a token that it gave once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenShown {
    /// It takes it.
    Taken,
    /// It does not, which it says in so many words.
    Refused,
    /// Neither yes nor no.
    Unclear(CanaryLogin),
}

impl CanaryLogin {
    /// Whether people can log in.
    #[must_use]
    pub const fn works(&self) -> bool {
        matches!(self, Self::Works { .. })
    }
}
