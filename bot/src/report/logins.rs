//! Cards about logins to the platform.

use commands::canary::CanaryLogin;
use commands::card::{Section, Tone};
use commands::layout;
use commands::message::Reply;
use jiff::Timestamp;

use super::health::clock_time;
use super::{card, public};

/// A verdict and a sentence.
fn judged(login: &CanaryLogin) -> (&'static str, String) {
    match login {
        CanaryLogin::Works { login, verify } => (
            "Logins work",
            format!(
                "The canary got a token in {} and the token was taken in {}.",
                layout::duration(*login),
                layout::duration(*verify)
            ),
        ),
        CanaryLogin::LoginRefused { code } => (
            "Logins are broken",
            format!(
                "The canary was refused ({code}): the service is broken, or the canary's password was changed."
            ),
        ),
        CanaryLogin::NoToken => {
            ("Logins are broken", "The login was answered 200 without a token.".to_owned())
        }
        CanaryLogin::TokenRefused { code } => (
            "Tokens are refused",
            format!(
                "The service does not take its own token ({code}): is its secret another one than the one that signs?"
            ),
        ),
        CanaryLogin::Unwell { code } => {
            ("Logins are broken", format!("The login service answered {code}, neither yes nor no."))
        }
        CanaryLogin::TimedOut => (
            "Logins are broken",
            "The login service did not answer in time: frozen or overloaded.".to_owned(),
        ),
        CanaryLogin::Unreachable(why) => {
            ("Logins are broken", format!("The login service can't be reached: {why}."))
        }
    }
}

/// What came of it, in a sentence.
pub(super) fn words(login: &CanaryLogin) -> String {
    judged(login).1
}

/// What came of the canary's login.
#[must_use]
pub fn canary(login: &CanaryLogin, now: Timestamp) -> Reply {
    let (title, why) = judged(login);
    let tone = if login.works() { Tone::Good } else { Tone::Bad };
    let mut sections = vec![Section::Text(why)];
    if !login.works() {
        sections.push(Section::Next(vec!["health".to_owned()]));
    }
    let mut canary = card(title, tone, sections);
    canary.footer = Some(format!("as of {}", clock_time(now)));
    public(canary)
}
