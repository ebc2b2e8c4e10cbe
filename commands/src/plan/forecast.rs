//! Who and what is hit, as it was measured.

use serde::{Deserialize, Serialize};

/// Who and what is hit, as a number of its moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
pub enum Forecast {
    /// Services that depend on a target, by compose.
    Dependents {
        /// Compose services.
        services: Vec<String>,
    },
    /// Requests that a service answers now.
    Requests {
        /// Whose.
        service: String,
        /// A thousandth of a request a second.
        per_second_milli: u64,
    },
    /// Sessions that would end.
    Sessions {
        /// How many.
        count: u64,
    },
    /// Transactions that it would wait for.
    Waits {
        /// Each in a few words.
        sessions: Vec<String>,
    },
    /// Bytes that would be freed.
    Freed {
        /// How many.
        bytes: u64,
    },
    /// Bytes that would be taken.
    Taken {
        /// How many.
        bytes: u64,
    },
    /// What comes with a commit.
    Commits {
        /// Each with its first line, the newest first; at most ten.
        subjects: Vec<String>,
        /// How many there are.
        count: u64,
    },
    /// Containers of others that are on its networks; they are left alone.
    Guests {
        /// Each with its network.
        names: Vec<String>,
    },
    /// For how long something is expected not to answer.
    Unreachable {
        /// What.
        what: String,
        /// In seconds.
        seconds: u32,
    },
}
