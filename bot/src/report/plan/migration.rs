//! The words of migrations.

use std::fmt::Display;
use std::time::Duration;

use commands::card::Tone;
use commands::layout;
use commands::logs::Log;
use commands::message::Reply;
use commands::migration::{Revision, shown};
use commands::plan::Seat;

use super::card::short_card;
use crate::report::public;

/// Of what a program wrote.
const SAID: usize = 300;
/// Its last lines tell why.
const LAST: usize = 3;

fn refusal(title: &str, text: String) -> Reply {
    public(short_card(title.to_owned(), Tone::Warning, text))
}

/// What the migrations do.
#[must_use]
pub fn migrate_effect(seat: &Seat, from: &[Revision], to: &[Revision]) -> String {
    format!(
        "Brings {} from {} to {} by its own migrations, in a container that is made for it and removed. What they do to \
         tables is theirs; services go on meanwhile.",
        seat.database,
        shown(from),
        shown(to)
    )
}

/// How they are taken back.
#[must_use]
pub fn migrate_undo() -> String {
    "Only by a backup of before: backup create first, backup restore afterwards.".to_owned()
}

/// There is nothing to do.
#[must_use]
pub fn nothing_to_migrate(heads: &[Revision]) -> Reply {
    refusal("Nothing to migrate", format!("The database is at {}, the newest there is.", shown(heads)))
}

/// The service's container is not there.
#[must_use]
pub fn no_migration_container(service: &str) -> Reply {
    let text = format!(
        "Docker has no container of {service}, which [migration] service names: let Compose make it once, without \
         starting it (up --no-start {service}), or give [migration] image."
    );
    refusal("No container to migrate with", text)
}

/// The image is not there.
#[must_use]
pub fn no_migration_image(reference: &str) -> Reply {
    let text =
        format!("The Docker Engine has no image {reference}, which [migration] image names: build it first.");
    refusal("No image to migrate with", text)
}

/// A question to the migrations failed.
#[must_use]
pub fn migrations_fail(argv: &[String], why: &str) -> Reply {
    let text = format!("{}: {why}. Nothing was changed.", layout::short(&argv.join(" "), 80));
    refusal("The migrations could not be asked", text)
}

/// They print no revision.
#[must_use]
pub fn no_heads(argv: &[String]) -> Reply {
    let text =
        format!("{} prints no revision: look at [migration] heads.", layout::short(&argv.join(" "), 80));
    refusal("The migrations could not be asked", text)
}

/// They look at another database than the bot.
#[must_use]
pub fn other_database(seat: &Seat, current: &[Revision], said: &[Revision]) -> Reply {
    let text = format!(
        "{} is at {}, and the migrations say that theirs is at {}: they look at another one. Set [migration] \
         database_url_env, or what the service's container has.",
        seat.database,
        shown(current),
        shown(said)
    );
    refusal("Another database", text)
}

/// They are done.
#[must_use]
pub fn migrated(from: &[Revision], to: &[Revision], took: Duration) -> String {
    format!("from {} to {} in {:.1} s", shown(from), shown(to), took.as_secs_f64())
}

/// They were done before.
#[must_use]
pub fn migrated_already(to: &[Revision]) -> String {
    format!("the database is at {}", shown(to))
}

/// It is at another revision than was expected.
#[must_use]
pub fn other_revision(found: &[Revision], expected: &[Revision]) -> String {
    format!("the database is at {}, and not at {}", shown(found), shown(expected))
}

/// They failed, and how far they came.
#[must_use]
pub fn not_migrated(why: &str, found: &[Revision], from: &[Revision]) -> String {
    let at = if found == from { "as before" } else { "on the way: a restore takes it back" };
    format!("{why}; the database is at {}, {at}", shown(found))
}

/// They are under way.
#[must_use]
pub fn still_migrates() -> String {
    "the migrations' container still runs".to_owned()
}

/// A job ended with an error.
#[must_use]
pub fn job_ended(code: i64, log: Option<&Log>) -> String {
    format!("it ended with {code}: {}", last_words(log))
}

/// A job has no end of its own.
#[must_use]
pub fn job_failed(why: &dyn Display, log: Option<&Log>) -> String {
    match log {
        Some(log) => format!("{why}: {}", last_words(Some(log))),
        None => why.to_string(),
    }
}

/// What it printed can't be read.
#[must_use]
pub fn job_without_log() -> String {
    "what it printed can't be read from the Engine".to_owned()
}

fn last_words(log: Option<&Log>) -> String {
    let lines = log.map(|log| log.sieved.lines.as_slice()).unwrap_or_default();
    let texts = lines.iter().map(|line| line.text.trim()).filter(|text| !text.is_empty());
    let texts: Vec<&str> = texts.collect();
    let last = texts.get(texts.len().saturating_sub(LAST)..).unwrap_or_default().join("; ");
    if last.is_empty() {
        "it wrote nothing".to_owned()
    } else {
        layout::short(&commands::escape::clean(&last), SAID)
    }
}
