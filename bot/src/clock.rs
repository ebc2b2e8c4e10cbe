//! The edges where the wall clock and chance are read. Decisions take both as arguments.

use commands::ids::RunId;
use jiff::Timestamp;

/// The moment an event was received or a tick fired.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A name for one command's way through the bot.
#[must_use]
pub fn new_run() -> RunId {
    RunId::from_random(rand::random())
}

/// 128 random bits in hex.
#[must_use]
pub fn new_nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}
