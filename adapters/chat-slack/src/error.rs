//! What can go wrong with Slack, in the classes that a caller treats differently, and what each of
//! Slack's error codes means for a message that was being sent.

use std::time::Duration;

use commands::message::{RateKey, SendError};

/// Why the adapter can't be built, checked or started.
#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    /// The configuration is wrong before anything is sent.
    #[error("slack.{key} {problem}")]
    Config {
        /// The key in the `[slack]` section.
        key: &'static str,
        /// What is wrong with it and what would be right.
        problem: &'static str,
    },
    /// Slack answered, and does not take the token.
    #[error("Slack refuses the {what}: {code}. {advice}")]
    Refused {
        /// Which secret.
        what: &'static str,
        /// Slack's own code.
        code: String,
        /// What to do next.
        advice: &'static str,
    },
    /// Slack did not answer.
    #[error("Slack can't be reached: {0}")]
    Unreachable(String),
}

impl SlackError {
    pub(crate) const fn config(key: &'static str, problem: &'static str) -> Self {
        Self::Config { key, problem }
    }
}

/// How one call to Slack failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// 429, or its code in a 200; the limit is that of the method.
    #[error("rate limited for {0:?}")]
    RateLimited(Duration, RateKey),
    /// Certainly not done.
    #[error("not reached: {0}")]
    NotReached(String),
    /// Perhaps done.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// Answered with this code, which somebody can make Slack take back; not done.
    #[error("not let in: {0}")]
    Barred(String),
    /// Answered with this code; not done.
    #[error("refused: {0}")]
    Refused(String),
}

impl CallError {
    /// Sorts the codes that Slack sends as `ok: false` (docs.slack.dev, "Errors" of each method).
    pub(crate) fn from_code(code: &str, limit: &RateKey) -> Self {
        match code {
            "ratelimited" | "rate_limited" => Self::RateLimited(UNSAID_RETRY_AFTER, limit.clone()),
            // Slack's words: "some aspect of the operation" may have succeeded.
            "fatal_error" | "internal_error" => Self::Unknown(format!("Slack answered {code}")),
            // Unavailable, the body missing or cut off, the workspace being moved: taken as not done.
            "service_unavailable" | "request_timeout" | "team_added_to_org" | "org_login_required" => {
                Self::NotReached(format!("Slack answered {code}"))
            }
            _ if is_about_token(code) || is_about_access(code) => Self::Barred(code.to_owned()),
            _ => Self::Refused(code.to_owned()),
        }
    }

    /// The bot can't write there with its own token.
    pub(crate) fn is_outside_channel(&self) -> bool {
        matches!(self, Self::Barred(code) | Self::Refused(code) if matches!(
            code.as_str(), "not_in_channel" | "channel_not_found" | "invalid_channel"))
    }

    /// There is no message to edit any more: somebody deleted it, or the workspace lets nobody edit it now.
    pub(crate) fn is_beyond_edit(&self) -> bool {
        matches!(self, Self::Refused(code) if matches!(
            code.as_str(), "message_not_found" | "cant_update_message" | "edit_window_closed"))
    }

    /// Slack takes nothing that comes with this token, wherever it goes.
    pub(crate) fn is_about_token(&self) -> bool {
        matches!(self, Self::Barred(code) if is_about_token(code))
    }

    /// What Slack asked to wait.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(after, _) => Some(*after),
            Self::NotReached(_) | Self::Unknown(_) | Self::Barred(_) | Self::Refused(_) => None,
        }
    }

    /// For a call that shows nothing to anybody, an unknown outcome is as good as none.
    pub(crate) fn invisible(self) -> Self {
        match self {
            Self::Unknown(why) => Self::NotReached(why),
            Self::RateLimited(..) | Self::NotReached(_) | Self::Barred(_) | Self::Refused(_) => self,
        }
    }

    /// As an error about the named token.
    pub(crate) fn about(self, what: &'static str) -> SlackError {
        match self {
            Self::Barred(code) | Self::Refused(code) => {
                let advice = token_advice(&code);
                SlackError::Refused { what, code, advice }
            }
            Self::RateLimited(after, _) => SlackError::Unreachable(format!("rate limited for {after:?}")),
            Self::NotReached(why) | Self::Unknown(why) => SlackError::Unreachable(why),
        }
    }
}

/// Slack says `Retry-After` with every 429; this is for an answer that lost it.
pub(crate) const UNSAID_RETRY_AFTER: Duration = Duration::from_secs(30);

impl From<CallError> for SendError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::RateLimited(retry_after, limit) => Self::RateLimited { retry_after, limit },
            CallError::NotReached(why) => Self::NotReached(why),
            CallError::Unknown(why) => Self::Unknown(why),
            CallError::Barred(code) => Self::Barred { why: send_advice(&code), limit: None },
            CallError::Refused(code) => Self::Rejected(send_advice(&code)),
        }
    }
}

/// An operator rotates the token, installs the app anew or gives it back its workspace.
fn is_about_token(code: &str) -> bool {
    matches!(
        code,
        "invalid_auth"
            | "not_authed"
            | "not_allowed_token_type"
            | "account_inactive"
            | "token_revoked"
            | "token_expired"
            | "missing_scope"
            | "no_permission"
            | "access_denied"
            | "accesslimited"
            | "team_access_not_granted"
            | "ekm_access_denied"
            | "two_factor_setup_required"
            | "app_not_installed"
    )
}

/// Somebody invites the bot. `channel_not_found` is none of these: most often there is no such channel.
fn is_about_access(code: &str) -> bool {
    code == "not_in_channel"
}

fn token_advice(code: &str) -> &'static str {
    match code {
        "not_allowed_token_type" => "Use xoxb-… as the bot token and xapp-… as the app token.",
        "missing_scope" => "Give it the scopes of `acgs manifest slack` and install the app anew.",
        "account_inactive" | "token_revoked" | "token_expired" | "invalid_auth" | "not_authed" => {
            "Copy it anew from the app's page on api.slack.com."
        }
        _ => "Look the code up on docs.slack.dev.",
    }
}

fn send_advice(code: &str) -> String {
    match code {
        "not_in_channel" | "channel_not_found" | "invalid_channel" => {
            format!("{code}: invite the bot to the channel with /invite, then ask again")
        }
        "missing_scope" => {
            format!("{code}: give the app the scopes of `acgs manifest slack` and install it anew")
        }
        _ if is_about_token(code) => format!("{code}: {}", token_advice(code)),
        _ => code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_code(code: &str) -> CallError {
        CallError::from_code(code, &crate::limits::update())
    }

    #[test]
    fn codes_are_sorted_by_what_may_have_been_done() {
        assert!(matches!(from_code("internal_error"), CallError::Unknown(_)));
        assert!(matches!(from_code("fatal_error"), CallError::Unknown(_)));
        assert!(matches!(from_code("service_unavailable"), CallError::NotReached(_)));
        assert!(matches!(from_code("ratelimited"), CallError::RateLimited(..)));
        assert_eq!(from_code("no_text"), CallError::Refused("no_text".to_owned()));
    }

    #[test]
    fn what_somebody_can_mend_is_no_refusal() {
        for code in ["token_expired", "invalid_auth", "account_inactive", "missing_scope", "not_in_channel"] {
            assert_eq!(from_code(code), CallError::Barred(code.to_owned()));
        }
        for code in ["channel_not_found", "msg_too_long", "is_archived", "invalid_blocks"] {
            assert_eq!(from_code(code), CallError::Refused(code.to_owned()));
        }
    }

    #[test]
    fn outside_the_channel_the_advice_is_to_invite_the_bot() {
        let error: SendError = from_code("not_in_channel").into();
        assert_eq!(
            error.to_string(),
            "not let through: not_in_channel: invite the bot to the channel with /invite, then ask again"
        );
    }
}
