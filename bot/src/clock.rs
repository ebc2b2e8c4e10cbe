//! The edges where the wall clock and chance are read. Decisions take both as arguments.
//!
//! Replicas on one PostgreSQL go by its clock: each asks for it again and again, and between two questions counts on by
//! what no change of its own wall clock touches. On SQLite the process has its store for itself, and its own clock is
//! the time.

mod authority;

use std::time::Instant;

use commands::ids::RunId;
use jiff::{SignedDuration, Timestamp};
use rand::Rng as _;
use secrecy::SecretString;
use store::{Store, StoreError};

use authority::News;

/// The moment an event was received or a tick fired.
#[must_use]
pub fn now() -> Timestamp {
    authority::DATABASE.now().unwrap_or_else(own)
}

/// What this machine's own wall clock shows.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn own() -> Timestamp {
    Timestamp::now()
}

/// `at` as this machine's own clock showed it, for what is compared with times of programs on it.
#[must_use]
pub fn on_this_machine(at: Timestamp) -> Timestamp {
    at.checked_add(own().duration_since(now())).unwrap_or(at)
}

/// A machine's clock that is further away from the database's than this is told to whoever keeps it.
const APART: SignedDuration = SignedDuration::from_secs(1);

/// Goes by the clock of the store from now on, where it has one.
pub async fn follow(store: &Store) -> Result<(), StoreError> {
    let asked = Instant::now();
    let Some(shown) = store.clock().await? else { return Ok(()) };
    match authority::DATABASE.hear(shown, asked, asked.elapsed()) {
        News::Nothing => {}
        News::First => {
            let ahead = own().duration_since(now());
            if ahead.abs() >= APART {
                tracing::warn!(
                    seconds = ahead.as_secs_f64(),
                    "this machine's clock is ahead of the database's; the bot goes by the database's"
                );
            }
        }
        News::Set(by) => {
            tracing::warn!(seconds = by.as_secs_f64(), "the database's clock was set; the bot goes by it");
        }
    }
    Ok(())
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
