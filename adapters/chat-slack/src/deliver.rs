//! One delivery from Slack: read it, have it stored, and say whether to acknowledge. The same for
//! sockets and for HTTP. Answers never travel in the acknowledgement.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use commands::message::{ChatEvent, EventKind, Receipt};
use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::inbound::{self, Context, Heard, PayloadKind};
use crate::{Shared, form};

/// Slack waits 3 s for the acknowledgement; telling the asker must leave time for it.
const TELL_TIMEOUT: Duration = Duration::from_secs(1);

/// What to tell Slack about one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Dealt with: do not send it again.
    Acknowledge,
    /// Not stored: Slack sends an event again, and shows the asker of a command an error.
    Leave,
}

/// Deals with one payload. Never panics, whatever `receive` does.
pub(crate) async fn deliver<R, F>(
    shared: &Shared,
    kind: PayloadKind,
    payload: &Value,
    fallback_id: &str,
    receive: &R,
) -> Verdict
where
    R: Fn(ChatEvent) -> F,
    F: Future<Output = Option<Receipt>>,
{
    let bot = shared.bot_user_id.get().map(String::as_str);
    let context = Context { bot, now: (shared.now)(), fallback_id };
    match inbound::read(kind, payload, context) {
        Heard::Nothing => Verdict::Acknowledge,
        Heard::Unusable(why) => {
            malformed(why);
            Verdict::Acknowledge
        }
        Heard::Form(opening) => {
            form::open(shared, &opening).await;
            Verdict::Acknowledge
        }
        Heard::Event(event) => hand_over(shared, *event, receive).await,
    }
}

/// Counts a delivery that can't be used. Its text and tokens stay out of the log.
pub(crate) fn malformed(why: &'static str) {
    metrics::counter!("acgs_malformed_deliveries_total", "platform" => "slack").increment(1);
    tracing::warn!(why, "a Slack delivery can't be used");
}

async fn hand_over<R, F>(shared: &Shared, event: ChatEvent, receive: &R) -> Verdict
where
    R: Fn(ChatEvent) -> F,
    F: Future<Output = Option<Receipt>>,
{
    let token = match &event.kind {
        EventKind::Command { answer, .. }
        | EventKind::Click { answer, .. }
        | EventKind::Quote { answer, .. } => answer.token.clone(),
        EventKind::Reaction { .. } => None,
    };
    let delivery = event.delivery.clone();
    let stored = AssertUnwindSafe(async { receive(event).await }).catch_unwind().await;
    match stored {
        Ok(Some(Receipt::Accepted(_) | Receipt::Noted | Receipt::Repeat)) => return Verdict::Acknowledge,
        Ok(None) => tracing::error!(delivery.id = %delivery, "a Slack delivery could not be stored"),
        Err(_) => tracing::error!(delivery.id = %delivery, "storing a Slack delivery panicked"),
    }
    let Some(token) = token else { return Verdict::Leave };
    if tell_asker(shared, &token.value).await { Verdict::Acknowledge } else { Verdict::Leave }
}

/// Slack does not send commands and clicks again, so the person has to.
async fn tell_asker(shared: &Shared, response_url: &str) -> bool {
    let notice = json!({
        "response_type": "ephemeral",
        "replace_original": false,
        "text": "This could not be recorded, so nothing was done. Try again in a moment.",
    });
    let told = tokio::time::timeout(TELL_TIMEOUT, shared.api.respond(response_url, &notice)).await;
    matches!(told, Ok(Ok(())))
}
