//! The words of plans about images and settings.

use commands::card::Tone;
use commands::commit::CommitId;
use commands::health::Seats;
use commands::ids::ServiceName;
use commands::intent::CommitPrefix;
use commands::message::Reply;
use secrecy::{ExposeSecret as _, SecretString};

use super::card::short_card;
use crate::config::{Setting, SettingKind};
use crate::report::public;

fn refusal(title: &str, text: String) -> Reply {
    public(short_card(title.to_owned(), Tone::Warning, text))
}

/// What a deployment does.
#[must_use]
pub fn deploy_effect(service: &ServiceName, commit: &CommitId) -> String {
    format!(
        "Builds commit {commit} and makes the container of {service} anew with it, and no other one. The image that runs now is \
         kept for the way back."
    )
}

/// How it is taken back.
#[must_use]
pub fn deploy_undo(service: &ServiceName) -> String {
    format!("deploy rollback {service}; the checkout stays at the commit")
}

/// What going back does.
#[must_use]
pub fn rollback_effect(service: &ServiceName, kept: &str, reference: &str) -> String {
    format!(
        "Makes the container of {service} anew with {kept}, which becomes {reference} again. If that is not healthy, container \
         and name go back."
    )
}

/// How it is taken back.
#[must_use]
pub fn rollback_undo(service: &ServiceName) -> String {
    format!("deploy run {service} COMMIT builds the newer one again")
}

/// Nothing could be built.
#[must_use]
pub fn no_compose() -> Reply {
    refusal(
        "Nothing to build with",
        "[docker] compose_file is not in the bot's configuration: add it with project_directory and env_file.".to_owned(),
    )
}

/// Compose does not know it.
#[must_use]
pub fn not_of_compose(service: &ServiceName) -> Reply {
    refusal(
        "Not made by Compose",
        format!("The container of {service} has no compose service, so Compose can't build or make it."),
    )
}

/// An image by its id alone.
#[must_use]
pub fn image_without_name(service: &ServiceName) -> Reply {
    refusal(
        "An image without a name",
        format!(
            "The container of {service} was made from an image's id: make it from a name first, by `up` of Compose."
        ),
    )
}

/// Git says no.
#[must_use]
pub fn repository_refused(why: &str) -> Reply {
    refusal("The checkout can't be asked", format!("{why}. [deploy] repository names it."))
}

/// Somebody works in the checkout.
#[must_use]
pub fn not_clean(repository: &str, changed: bool) -> Reply {
    let what = if changed {
        "has local changes: commit them, or put them back"
    } else {
        "has no branch checked out: check out the one that is deployed"
    };
    refusal("The checkout is not clean", format!("{repository} {what}. Nothing is built from it until then."))
}

/// No commit that can be deployed.
#[must_use]
pub fn no_such_commit(wanted: &CommitPrefix, head: &CommitId, service: &ServiceName) -> Reply {
    refusal(
        "No such commit",
        format!(
            "{wanted} is not on the branch that the checkout follows, or is older than what is checked out ({head}). Going back \
             is deploy rollback {service}; deploy list shows commits."
        ),
    )
}

/// Too few digits.
#[must_use]
pub fn two_commits(wanted: &CommitPrefix) -> Reply {
    refusal("Which commit?", format!("More than one commit begins with {wanted}: give more digits."))
}

/// There is no kept image.
#[must_use]
pub fn no_way_back(service: &ServiceName, name: &str) -> Reply {
    refusal(
        "No image to go back to",
        format!(
            "No image {name}:prev-… but the one that {service} runs is kept. deploy run keeps one each time."
        ),
    )
}

/// What a setting is changed to.
#[must_use]
pub fn config_effect(setting: &Setting, value: &str, before: Option<&SecretString>) -> String {
    format!(
        "Sets {} of {} to {value} (now {}) and makes its container anew. If that is not well, both get the old value back.",
        setting.key,
        setting.service,
        shown(before)
    )
}

/// How it is taken back.
#[must_use]
pub fn config_undo(setting: &Setting, before: Option<&SecretString>) -> String {
    match before {
        Some(_) => format!("deploy config {} {} {}", setting.service, setting.key, shown(before)),
        None => format!("Take {} out of {} by hand.", setting.in_file, setting.env_file.display()),
    }
}

/// Settings are no secrets, but an address that somebody wrote by hand may hold one.
fn shown(before: Option<&SecretString>) -> String {
    match before.map(SecretString::expose_secret) {
        Some(value) if value.contains('@') => "an address with an account in it".to_owned(),
        Some(value) => value.to_owned(),
        None => "not in the file".to_owned(),
    }
}

/// A key that is on no list.
#[must_use]
pub fn no_such_setting(service: &ServiceName, key: &str, known: &[&str]) -> Reply {
    let text = if known.is_empty() {
        format!(
            "No [[setting]] of {service} is in the bot's configuration, so nothing of it can be changed from here."
        )
    } else {
        format!("{service} has no setting {key:?}. It has: {}.", known.join(", "))
    };
    refusal("No such setting", text)
}

/// A value that it may not have.
#[must_use]
pub fn unfit_value(setting: &Setting, value: &str, expected: &str) -> Reply {
    // What was typed for an address may hold a password.
    let typed = match setting.kind {
        SettingKind::Url(_) => String::new(),
        SettingKind::Number { .. } | SettingKind::OneOf(_) => format!(" It was {value:?}."),
    };
    refusal("Out of limits", format!("{} must be {expected}.{typed}", setting.key))
}

/// What a number may be.
#[must_use]
pub fn a_number(min: u32, max: u32) -> String {
    format!("a whole number from {min} to {max}")
}

/// What a word may be.
#[must_use]
pub fn one_of(words: &[String]) -> String {
    format!("one of {}", words.join(", "))
}

/// What an address may be.
#[must_use]
pub fn an_address(schemes: &[String]) -> String {
    format!("an address that begins with {}:// and holds no password", schemes.join(":// or "))
}

/// The database can't be asked what it has.
#[must_use]
pub fn no_budget(setting: &Setting) -> Reply {
    refusal(
        "How many connections there are is not known",
        format!(
            "{} is a number of connections, and the database can't be asked how many it lets in. db ping shows why.",
            setting.key
        ),
    )
}

/// More than its share.
#[must_use]
pub fn over_budget(setting: &Setting, wanted: u32, share: u32, seats: Seats, replicas: u32) -> Reply {
    refusal(
        "More connections than there are",
        format!(
            "{} of {} at {wanted} is more than its share of {share}: the database lets {} in, keeps {} for its superuser, and \
             {replicas} services share the rest. With every connection taken nobody gets in, while health checks stay green.",
            setting.key, setting.service, seats.max, seats.reserved
        ),
    )
}

/// Another commit than either.
#[must_use]
pub fn other_head(commit: &CommitId) -> String {
    format!("the checkout is at {commit}, which is neither: somebody else works in it")
}

/// Compose names it otherwise.
#[must_use]
pub fn not_built(reference: &str) -> String {
    format!("there is no image {reference} after the build: does the compose file name another one?")
}

/// Something else runs.
#[must_use]
pub fn other_image(name: &str, reference: &str) -> String {
    format!("{name} does not run {reference} as it was built: does the compose file name another image?")
}

/// A name that the wrong image has.
#[must_use]
pub fn name_not_back(why: &str, reference: &str, error: &str) -> String {
    format!(
        "{why}; and {reference} could not be given back to the image that runs ({error}): the next `up` would take the other one"
    )
}
