//! What a refused request is told. Every refusal is counted.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// In the demo, a host name that is not loopback.
    Host,
    /// More than 16 KiB of headers.
    HeadersTooLarge,
    /// Comes from another site's page, or doesn't say where from.
    CrossSite,
    /// A POST that is not JSON.
    ContentType,
    /// More than 64 KiB of body.
    TooLarge,
    /// The body did not come in time.
    Slow,
    /// Not the JSON that belongs here.
    Malformed,
    /// No session.
    NotLoggedIn,
    /// A name that is not on the list.
    UnknownPerson,
    /// A room that is not on the page.
    UnknownRoom,
    /// A message that is gone, or that this person can't see.
    UnknownMessage,
    /// A button that the message does not have (any more).
    UnknownButton,
    /// A reaction that the page does not offer.
    UnknownEmoji,
    /// A link that was used before, is too old, or never was one.
    Link,
    /// The demo has no logging in.
    NoLogin,
    /// Every stream is taken.
    Streams,
    /// The event could not be stored.
    NotStored,
    /// The bot is stopping.
    Closed,
    /// A bug on our side.
    Failed,
}

impl Refusal {
    /// The status, the `reason` label of the metric, and what the person is told.
    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "host",
                "The demo answers to localhost only: open it as http://localhost or http://127.0.0.1.",
            ),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers",
                "The request's headers are too large: delete this site's cookies and try again.",
            ),
            Self::CrossSite => (
                StatusCode::FORBIDDEN,
                "cross_site",
                "This request must come from the chat page itself: send its Origin.",
            ),
            Self::ContentType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "content_type",
                "Send JSON, with Content-Type: application/json.",
            ),
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "That is too long: at most 64 KiB can be sent.")
            }
            Self::Slow => {
                (StatusCode::REQUEST_TIMEOUT, "slow", "The request did not arrive in time. Try again.")
            }
            Self::Malformed => (
                StatusCode::BAD_REQUEST,
                "malformed",
                "That could not be read. Reload the page; if the text has odd characters, type it anew.",
            ),
            Self::NotLoggedIn => (
                StatusCode::UNAUTHORIZED,
                "not_logged_in",
                "You are not logged in: ask for a one-time link (acgs web-login NAME).",
            ),
            Self::UnknownPerson => {
                (StatusCode::FORBIDDEN, "unknown_person", "Nobody of that name may use this page.")
            }
            Self::UnknownRoom => (StatusCode::NOT_FOUND, "unknown_room", "There is no such room here."),
            Self::UnknownMessage => {
                (StatusCode::NOT_FOUND, "unknown_message", "That message is no longer here.")
            }
            Self::UnknownButton => {
                (StatusCode::CONFLICT, "unknown_button", "That button is no longer on the message.")
            }
            Self::UnknownEmoji => {
                (StatusCode::BAD_REQUEST, "unknown_emoji", "That reaction is not offered here.")
            }
            Self::Link => (
                StatusCode::GONE,
                "link",
                "This link was used before or is too old: ask for a new one (acgs web-login NAME).",
            ),
            Self::NoLogin => (
                StatusCode::NOT_FOUND,
                "no_login",
                "The demo has no logging in: pick who you are on the page.",
            ),
            Self::Streams => (
                StatusCode::SERVICE_UNAVAILABLE,
                "streams",
                "Too many chat pages are open: close some and reload.",
            ),
            Self::NotStored => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not_stored",
                "The bot could not store this, so nothing was done. Try again in a moment.",
            ),
            Self::Closed => {
                (StatusCode::SERVICE_UNAVAILABLE, "closed", "The bot is stopping. Try again in a moment.")
            }
            Self::Failed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "failed",
                "Something went wrong in the bot; its log says what. Try again.",
            ),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, reason, text) = self.parts();
        metrics::counter!("acgs_http_refused_total", "listener" => "web", "reason" => reason).increment(1);
        (status, Json(json!({ "reason": reason, "error": text }))).into_response()
    }
}
