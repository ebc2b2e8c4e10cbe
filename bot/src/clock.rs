//! The edges where the wall clock and chance are read. Decisions take both as arguments.

use commands::ids::RunId;
use jiff::Timestamp;
use rand::Rng as _;
use secrecy::SecretString;

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

/// A name for this process: the machine's, and something that no other process on it has.
#[must_use]
pub fn new_replica() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok()).unwrap_or_default();
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    let host: String = host.chars().filter(plain).take(40).collect();
    format!("{host}-{:08x}", rand::random::<u32>())
}

/// A new secret of so many letters and digits, each as likely as any other.
#[must_use]
pub fn new_secret(length: u32) -> SecretString {
    // It is seeded by the system and can't be guessed from what it gave (docs.rs/rand, ThreadRng).
    let letters = rand::rng().sample_iter(rand::distr::Alphanumeric).map(char::from);
    letters.zip(0..length).map(|(letter, _)| letter).collect::<String>().into()
}

/// 128 random bits in hex.
#[must_use]
pub fn new_nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}
