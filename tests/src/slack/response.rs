//! `response_url`s: a way back to one command or click, five times within half an hour
//! (docs.slack.dev/interactivity/handling-user-interaction).

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State as Axum};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::faults::Fault;
use super::state::{Shared, State};
use super::web::{Args, content, play, say, text};

const USES: u32 = 5;
const KNOWN: [&str; 8] = [
    "text",
    "blocks",
    "attachments",
    "response_type",
    "replace_original",
    "delete_original",
    "thread_ts",
    "metadata",
];

pub(super) async fn respond(
    Axum(shared): Axum<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(args): Json<Args>,
) -> Response {
    *shared.state().calls.entry("response_url".to_owned()).or_default() += 1;
    if headers.contains_key(header::AUTHORIZATION) {
        shared.violation("token_leaked", "a response_url needs no token");
    }
    let fault = shared.state().faults.get_mut("response_url").and_then(VecDeque::pop_front);
    if let Some(fault) = &fault
        && !matches!(fault, Fault::Reset)
    {
        return play(&shared, "response_url", fault).await;
    }
    let outcome = perform(&mut shared.state(), &id, &args);
    shared.changed.notify_waiters();
    if fault.is_some() {
        // Ends the connection's task, and with it the connection, without an answer.
        std::panic::resume_unwind(Box::new("asked for"))
    }
    match outcome {
        Ok(()) => Json(json!({ "ok": true })).into_response(),
        Err((status, error)) => (status, Json(json!({ "ok": false, "error": error }))).into_response(),
    }
}

fn perform(state: &mut State, id: &str, args: &Args) -> Result<(), (StatusCode, &'static str)> {
    if let Some(unknown) = args.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        state.violation("invalid_arguments", format!("response_url does not know {unknown}"));
    }
    let Some(url) = state.responses.get_mut(id) else {
        return Err((StatusCode::NOT_FOUND, "invalid_url"));
    };
    if Instant::now() >= url.expires {
        return Err((StatusCode::NOT_FOUND, "expired_url"));
    }
    if url.uses >= USES {
        return Err((StatusCode::NOT_FOUND, "used_url"));
    }
    url.uses += 1;
    let (channel, user, original) = (url.channel.clone(), url.user.clone(), url.original.clone());
    let refused = |error| (StatusCode::BAD_REQUEST, error);
    let replace = args.get("replace_original").and_then(Value::as_bool).unwrap_or(false);
    let same = |ts: &String| state.messages.iter().position(|message| message.is(&channel, ts));
    if let Some(at) = original.as_ref().filter(|_| replace).and_then(same) {
        content(state, "response_url", args).map_err(refused)?;
        if let Some(message) = state.messages.get_mut(at) {
            message.edit(Value::Object(args.clone()));
        }
        return Ok(());
    }
    let only_for = (text(args, "response_type") != "in_channel").then_some(user);
    let ts = say(state, &channel, only_for, "response_url", args).map_err(refused)?;
    if let Some(url) = state.responses.get_mut(id) {
        url.original = Some(ts);
    }
    Ok(())
}
