//! The words of plans about secrets, and of what becomes of them. No value is in any of them.

use commands::canary::CanaryLogin;
use commands::card::Tone;
use commands::ids::ServiceName;
use commands::message::Reply;
use commands::secrets::Rotated;

use super::card::short_card;
use crate::report::{logins, public};

fn refusal(title: &str, text: String) -> Reply {
    public(short_card(title.to_owned(), Tone::Warning, text))
}

fn names(services: &[ServiceName]) -> String {
    services.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(", ")
}

/// What a rotation does.
#[must_use]
pub fn rotate_effect(which: Rotated, services: &[ServiceName]) -> String {
    let hit = match which {
        Rotated::Jwt => {
            "All sessions end: everybody has to log in again, programs with long-lived tokens too."
        }
        Rotated::Csrf => "Forms that are open now are refused once, and have to be loaded again.",
    };
    format!(
        "Makes a new random value, writes it into the env file and makes anew: {}. {hit} The value is shown nowhere.",
        names(services)
    )
}

/// How it is taken back.
#[must_use]
pub fn rotate_undo() -> String {
    "Can't be taken back once it is done: the old value is thrown away; rotate again if need be. If a step fails, file and \
     containers get the old value back."
        .to_owned()
}

/// Nothing in the configuration says what.
#[must_use]
pub fn nothing_to_rotate(which: Rotated) -> Reply {
    refusal(
        "Nothing to rotate",
        format!(
            "No [[secret]] in the bot's configuration has rotate = \"{which}\": add it to each service's entry that has the \
             value, with its env_file."
        ),
    )
}

/// The file can't be read.
#[must_use]
pub fn no_env_file(why: &str) -> Reply {
    refusal(
        "The env file can't be read",
        format!("{why}. The bot needs to read and to write it, and its folder."),
    )
}

/// What Compose would read is not known.
#[must_use]
pub fn no_compose_file(why: &str) -> Reply {
    refusal("Compose's files can't be read", format!("{why}. See [docker] compose_file and env_file."))
}

/// The file is not where the value comes from.
#[must_use]
pub fn not_in_env_file(variable: &str, path: &str) -> Reply {
    refusal(
        "Not from that file",
        format!(
            "{path} does not set {variable}, so the containers have it from elsewhere. secrets check shows more."
        ),
    )
}

/// Somebody would be left with the old value.
#[must_use]
pub fn has_it_too(container: &str, variable: &str, which: Rotated) -> Reply {
    refusal(
        "Another one has it too",
        format!(
            "{container} has the same {variable} and is in no [[secret]] with rotate = \"{which}\": it would be left with the \
             old value. Add it to the bot's configuration."
        ),
    )
}

/// A digest that is none.
#[must_use]
pub fn bad_digest(path: &str) -> String {
    format!("the plan has no digest of {path}")
}

/// There is no token to try afterwards.
#[must_use]
pub fn no_old_token(why: &CanaryLogin) -> String {
    format!("no token from before to try later: {}", logins::words(why))
}

/// The env file was not written.
#[must_use]
pub fn env_file_error(why: &str) -> String {
    format!(
        "{why}. A file that ends in .acgs-before beside it is what was left by an earlier try: look at it, and remove it"
    )
}

/// Somebody else has written it.
#[must_use]
pub fn file_changed(path: &str) -> String {
    format!(
        "{path} is not what it was, and no older version stands beside it: secrets check shows what is in it"
    )
}

/// More than one half.
#[must_use]
pub fn several_halves(name: &str) -> String {
    format!(
        "more than one container was replaced under the name {name}: ps shows them, and a person must say which one counts"
    )
}

/// A variable that the file does not set.
#[must_use]
pub fn not_in_file(variable: &str, path: &str) -> String {
    format!("{path} does not set {variable}")
}

/// A container that was not replaced.
#[must_use]
pub fn replaced_back(why: &str, undone: Option<String>) -> String {
    match undone {
        None => format!("{why}; the old container is back"),
        Some(error) => format!(
            "{why}; and the old container could not be brought back ({error}): ps shows what is there"
        ),
    }
}

/// A container that did not get it.
#[must_use]
pub fn value_not_taken(name: &str) -> String {
    format!(
        "{name} was made anew and does not have what the env file says: does the compose file pass the variable on?"
    )
}

/// The old file could not be put back.
#[must_use]
pub fn file_not_back(path: &str, why: &str) -> String {
    format!("The old version could NOT be put back into {path}: {why}. secrets check shows who has what")
}

/// How far the way back came.
#[must_use]
pub fn taken_back(path: &str, failed: &[String]) -> String {
    if failed.is_empty() {
        format!("{path} and the containers have the old values again")
    } else {
        format!("{path} has its old version again, but not every container: {}", failed.join("; "))
    }
}

/// It is void.
#[must_use]
pub fn old_token_refused() -> String {
    "a token from before is refused".to_owned()
}

/// It is good.
#[must_use]
pub fn old_token_taken() -> String {
    "a token from before is still taken, though logins work with the new value: whoever checks tokens has another key. The new \
     value stays. secrets check shows who has what"
        .to_owned()
}

/// Nobody can say.
#[must_use]
pub fn old_token_unclear(why: &CanaryLogin) -> String {
    format!(
        "whether a token from before is refused is not known: {}. The new value stays",
        logins::words(why)
    )
}

/// There is none.
#[must_use]
pub fn old_token_not_tried() -> String {
    "a token from before was not at hand, so none was tried".to_owned()
}

/// Nothing to log in with.
#[must_use]
pub fn no_canary() -> String {
    "no login was tried: [auth] is not in the bot's configuration".to_owned()
}

/// What Compose would do.
#[must_use]
pub fn next_up(changes: &[&str]) -> String {
    if changes.is_empty() {
        "the next `up` of Compose changes nothing".to_owned()
    } else {
        format!("the next `up` of Compose makes {} anew once, with the same values", changes.join(", "))
    }
}
