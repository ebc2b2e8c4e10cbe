//! The Web API and the upload addresses over HTTP.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State as Axum};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::faults::Fault;
use super::message::{Message, Upload};
use super::methods::{self, Method, Token};
use super::rates::Allowance;
use super::state::{Shared, State};
use super::{APP_TOKEN, BOT_TOKEN, BOT_USER, blocks, channels, response, views};

pub(super) type Args = Map<String, Value>;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/{method}", any(call))
        .route("/upload/{id}", post(upload))
        .route("/response/{id}", post(response::respond))
        .with_state(shared)
}

async fn call(
    Axum(shared): Axum<Arc<Shared>>,
    Path(name): Path<String>,
    Query(query): Query<Args>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    *shared.state().calls.entry(name.clone()).or_default() += 1;
    shared.changed.notify_waiters();
    let Some(method) = methods::find(&name) else {
        shared.violation("unknown_method", name);
        return code("unknown_method");
    };
    let args = match arguments(method, query, &headers, &body) {
        Ok(args) => args,
        Err(problem) => {
            shared.violation("invalid_form_data", format!("{name}: {problem}"));
            return code("invalid_form_data");
        }
    };
    if let Err(error) = authorized(&shared, method, &headers) {
        return code(error);
    }
    let key = rate_key(method, &args);
    let patience = shared.state().rates.patience(&key, Instant::now());
    if let Allowance::TooEarly(seconds) = patience {
        shared.violation("call_during_back_off", format!("{key}, {seconds} s to go"));
        return limited(seconds);
    }
    let fault = shared.state().faults.get_mut(&name).and_then(std::collections::VecDeque::pop_front);
    match fault {
        Some(Fault::Reset) => {
            let _ = perform(&shared, method, &args);
            // Ends the connection's task, and with it the connection, without an answer.
            std::panic::resume_unwind(Box::new("asked for"))
        }
        Some(fault) => play(&shared, &key, &fault).await,
        None => paced(&shared, method, &key, &args),
    }
}

/// Every fault but one that does its work first.
pub(super) async fn play(shared: &Shared, key: &str, fault: &Fault) -> Response {
    match fault {
        Fault::Limit(seconds) => {
            shared.state().rates.back_off(key, *seconds, Instant::now());
            limited(*seconds)
        }
        Fault::Hang | Fault::Reset => std::future::pending().await,
        Fault::Code(error) => code(error),
        Fault::Status(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, [(header::CONTENT_TYPE, "text/html")], "<html>an error page</html>").into_response()
        }
    }
}

fn paced(shared: &Shared, method: &Method, key: &str, args: &Args) -> Response {
    if shared.options.rate_limits {
        let now = Instant::now();
        let mut state = shared.state();
        let allowance = match (method.name, method.tier) {
            ("chat.postMessage", _) => state.rates.post(key, now),
            (name, Some(a_minute)) => state.rates.call(name, a_minute, now),
            (_, None) => Allowance::Go,
        };
        if let Allowance::Wait(seconds) = allowance {
            state.rates.back_off(key, seconds, now);
            return limited(seconds);
        }
    }
    let answer = perform(shared, method, args).unwrap_or_else(|error| json!({ "ok": false, "error": error }));
    let mut response = Json(answer).into_response();
    if let Ok(scopes) = shared.options.scopes.join(",").parse() {
        response.headers_mut().insert("x-oauth-scopes", scopes);
    }
    response
}

/// Slack's limit of posts is by channel, the others by method.
fn rate_key(method: &Method, args: &Args) -> String {
    match (method.name, args.get("channel").and_then(Value::as_str)) {
        ("chat.postMessage", Some(channel)) => format!("chat.postMessage:{channel}"),
        (name, _) => name.to_owned(),
    }
}

fn arguments(method: &Method, query: Args, headers: &HeaderMap, body: &Bytes) -> Result<Args, String> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut args = query;
    if kind.starts_with("application/json") && !body.is_empty() {
        if !method.json {
            return Err("takes a form or a query, no JSON".to_owned());
        }
        args.extend(serde_json::from_slice::<Args>(body).map_err(|error| error.to_string())?);
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        let fields = url::form_urlencoded::parse(body);
        args.extend(fields.map(|(key, value)| (key.into_owned(), value.into())));
    }
    Ok(args)
}

fn authorized(shared: &Shared, method: &Method, headers: &HeaderMap) -> Result<(), &'static str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let kind = match bearer.and_then(|value| value.strip_prefix("Bearer ")) {
        None => return Err("not_authed"),
        Some(BOT_TOKEN) => Token::Bot,
        Some(APP_TOKEN) => Token::App,
        Some(_) => return Err("invalid_auth"),
    };
    if method.token != Token::Any && method.token != kind {
        shared.violation("not_allowed_token_type", method.name);
        return Err("not_allowed_token_type");
    }
    if method.scope.is_some_and(|scope| !shared.options.scopes.iter().any(|granted| granted == scope)) {
        return Err("missing_scope");
    }
    Ok(())
}

/// Does what the method does. The error is Slack's code.
fn perform(shared: &Shared, method: &Method, args: &Args) -> Result<Value, &'static str> {
    if let Some(fault) = method.fault(args) {
        shared.violation("invalid_arguments", fault);
        return Err("invalid_arguments");
    }
    let mut state = shared.state();
    let answer = match method.name {
        "auth.test" => Ok(json!({
            "ok": true, "url": "https://test.slack.com/", "team": "Test", "team_id": "T0TEST",
            "user": "acgs", "user_id": BOT_USER, "bot_id": "B0BOT",
        })),
        "apps.connections.open" => Ok(open_link(shared, &mut state)),
        "chat.postMessage" => post_message(&mut state, args),
        "chat.update" => update(&mut state, args),
        "chat.postEphemeral" => post_ephemeral(&mut state, args),
        "conversations.create" => channels::create(&mut state, args),
        "conversations.invite" => channels::invite(&mut state, args),
        "conversations.setTopic" => channels::set_topic(&mut state, args),
        "conversations.list" => channels::list(&state, args),
        "reactions.get" => reacted(&state, args),
        "chat.getPermalink" => permalink(&state, args),
        "views.open" => views::open(&mut state, args),
        "files.getUploadURLExternal" => upload_address(shared, &mut state, args),
        "files.completeUploadExternal" => complete_upload(&mut state, args),
        _ => Err("unknown_method"),
    };
    drop(state);
    shared.changed.notify_waiters();
    answer
}

fn open_link(shared: &Shared, state: &mut State) -> Value {
    let ticket = format!("t{}-{:016x}", state.number(), rand::random::<u64>());
    state.tickets.insert(ticket.clone(), Instant::now());
    json!({ "ok": true, "url": format!("ws://{}/link/?ticket={ticket}&app_id=A0TEST", shared.link) })
}

fn post_message(state: &mut State, args: &Args) -> Result<Value, &'static str> {
    let asked = text(args, "channel");
    let channel = match asked.strip_prefix('U') {
        Some(person) => format!("D{person}"),
        None => asked.to_owned(),
    };
    reachable(state, &channel)?;
    let ts = say(state, &channel, None, "chat.postMessage", args)?;
    Ok(json!({
        "ok": true, "channel": channel, "ts": ts,
        "message": {
            "type": "message", "text": text(args, "text"), "user": BOT_USER, "bot_id": "B0BOT", "ts": ts,
            "thread_ts": args.get("thread_ts"), "blocks": args.get("blocks"),
        },
    }))
}

/// A message with its reactions, each with the people who put it on, in the order of their names.
fn reacted(state: &State, args: &Args) -> Result<Value, &'static str> {
    let (channel, ts) = (text(args, "channel"), text(args, "timestamp"));
    let message = state.messages.iter().find(|message| message.is(channel, ts) && message.only_for.is_none());
    let message = message.ok_or("message_not_found")?;
    let names: std::collections::BTreeSet<_> = message.reactions.iter().map(|(name, _)| name).collect();
    let reactions: Vec<Value> = names
        .into_iter()
        .map(|name| {
            let of_name = message.reactions.iter().filter(|(other, _)| other == name);
            let users: Vec<_> = of_name.map(|(_, user)| user).collect();
            json!({ "name": name, "users": users, "count": users.len() })
        })
        .collect();
    let mut shown = message.object();
    if !reactions.is_empty() {
        shown["reactions"] = reactions.into();
    }
    Ok(json!({ "ok": true, "type": "message", "channel": channel, "message": shown }))
}

fn permalink(state: &State, args: &Args) -> Result<Value, &'static str> {
    let (channel, ts) = (text(args, "channel"), text(args, "message_ts"));
    let message = state.messages.iter().find(|message| message.is(channel, ts) && message.only_for.is_none());
    let permalink = message.ok_or("message_not_found")?.permalink();
    Ok(json!({ "ok": true, "channel": channel, "permalink": permalink }))
}

fn post_ephemeral(state: &mut State, args: &Args) -> Result<Value, &'static str> {
    let channel = text(args, "channel").to_owned();
    reachable(state, &channel)?;
    let ts = say(state, &channel, Some(text(args, "user").to_owned()), "chat.postEphemeral", args)?;
    Ok(json!({ "ok": true, "message_ts": ts }))
}

fn reachable(state: &State, channel: &str) -> Result<(), &'static str> {
    if state.outside.contains(channel) {
        return Err(if channel.starts_with('C') { "not_in_channel" } else { "channel_not_found" });
    }
    if !channel.starts_with(['C', 'D', 'G']) {
        return Err("channel_not_found");
    }
    Ok(())
}

/// A new message, held to the rules.
pub(super) fn say(
    state: &mut State,
    channel: &str,
    only_for: Option<String>,
    sent_by: &'static str,
    args: &Args,
) -> Result<String, &'static str> {
    content(state, sent_by, args)?;
    let ts = state.ts();
    state.messages.push(Message {
        channel: channel.to_owned(),
        ts: ts.clone(),
        thread: args.get("thread_ts").and_then(Value::as_str).map(str::to_owned),
        only_for,
        author: None,
        sent_by,
        args: Value::Object(args.clone()),
        history: Vec::new(),
        edited: Vec::new(),
        reactions: std::collections::BTreeSet::new(),
        read: false,
    });
    Ok(ts)
}

fn update(state: &mut State, args: &Args) -> Result<Value, &'static str> {
    let (channel, ts) = (text(args, "channel").to_owned(), text(args, "ts").to_owned());
    reachable(state, &channel)?;
    if text(args, "text").encode_utf16().count() > 4000 {
        state.violation("msg_too_long", "chat.update");
        return Err("msg_too_long");
    }
    content(state, "chat.update", args)?;
    let editable = |message: &&mut Message| message.is(&channel, &ts) && message.only_for.is_none();
    let Some(message) = state.messages.iter_mut().find(editable) else {
        // Nobody tells a bot that its message was deleted.
        if !state.deleted.contains(&(channel.clone(), ts.clone())) {
            state.violation("message_not_found", format!("chat.update of {channel} {ts}"));
        }
        return Err("message_not_found");
    };
    if message.sent_by == "response_url" {
        state.violation("cant_update_message", format!("chat.update of {channel} {ts}"));
        return Err("cant_update_message");
    }
    message.edit(Value::Object(args.clone()));
    let thread = message.thread.clone();
    Ok(json!({ "ok": true, "channel": channel, "ts": ts, "message": { "thread_ts": thread } }))
}

/// What a message says, held to the rules.
pub(super) fn content(state: &mut State, call: &str, args: &Args) -> Result<(), &'static str> {
    let args = Value::Object(args.clone());
    if let Some(live) = blocks::live_markup(&args) {
        state.violation("live_markup", format!("{call}: {live}"));
    }
    if args["text"].as_str().is_some_and(|text| text.encode_utf16().count() > 40_000) {
        state.violation("text_truncated", call);
    }
    let empty = args["text"].as_str().is_none_or(str::is_empty);
    if empty && args["blocks"].is_null() {
        state.violation("no_text", call);
        return Err("no_text");
    }
    // Screen readers and notifications have nothing else.
    if empty {
        state.violation("no_fallback_text", call);
    }
    let payload = &args["metadata"]["event_payload"];
    if !args["metadata"].is_null() && (!payload.is_object() || !args["metadata"]["event_type"].is_string()) {
        state.violation("invalid_metadata_format", call);
        return Err("invalid_metadata_format");
    }
    if !args["blocks"].is_null() {
        let breaches = blocks::breaches(&args["blocks"]);
        if !breaches.is_empty() {
            state.violation("invalid_blocks", format!("{call}: {}", breaches.join("; ")));
            return Err("invalid_blocks");
        }
        if blocks::text_length(&args["blocks"]) > blocks::ALL_TEXT {
            state.violation("msg_blocks_too_long", call);
            return Err("msg_blocks_too_long");
        }
    }
    Ok(())
}

fn upload_address(shared: &Shared, state: &mut State, args: &Args) -> Result<Value, &'static str> {
    let length = args.get("length").and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    let Some(length) = length.and_then(|length| usize::try_from(length).ok()).filter(|length| *length > 0)
    else {
        state.violation("invalid_arguments", "files.getUploadURLExternal: length");
        return Err("invalid_arguments");
    };
    // docs.slack.dev/reference/methods/files.getUploadURLExternal: alt_txt_too_large
    if text(args, "alt_txt").chars().count() > 1000 {
        state.violation("alt_txt_too_large", "files.getUploadURLExternal");
        return Err("alt_txt_too_large");
    }
    let id = format!("F{}", state.number());
    state.uploads.push(Upload {
        id: id.clone(),
        name: text(args, "filename").to_owned(),
        content: None,
        alt: args.get("alt_txt").and_then(Value::as_str).map(str::to_owned),
        length,
        channel: None,
        thread: None,
        read: false,
    });
    Ok(json!({ "ok": true, "upload_url": format!("http://{}/upload/{id}", shared.http), "file_id": id }))
}

async fn upload(Axum(shared): Axum<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> Response {
    const KEY: &str = "files.upload";
    *shared.state().calls.entry(KEY.to_owned()).or_default() += 1;
    let patience = shared.state().rates.patience(KEY, Instant::now());
    if let Allowance::TooEarly(seconds) = patience {
        shared.violation("call_during_back_off", format!("{KEY}, {seconds} s to go"));
        return limited(seconds);
    }
    let fault = shared.state().faults.get_mut(KEY).and_then(std::collections::VecDeque::pop_front);
    if let Some(fault) = fault {
        return play(&shared, KEY, &fault).await;
    }
    let mut state = shared.state();
    let Some(file) = state.uploads.iter_mut().find(|file| file.id == id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if file.length != body.len() {
        let detail = format!("{} bytes of {}", body.len(), file.length);
        state.violation("upload_length", detail);
        return StatusCode::BAD_REQUEST.into_response();
    }
    file.content = Some(body.to_vec());
    format!("OK - {}", body.len()).into_response()
}

fn complete_upload(state: &mut State, args: &Args) -> Result<Value, &'static str> {
    let channel = args.get("channel_id").and_then(Value::as_str).map(str::to_owned);
    if let Some(channel) = &channel {
        reachable(state, channel)?;
    }
    let thread = args.get("thread_ts").and_then(Value::as_str).map(str::to_owned);
    let files = args.get("files").and_then(Value::as_array).cloned().unwrap_or_default();
    let ids: Vec<_> = files.iter().filter_map(|file| file["id"].as_str()).collect();
    for id in &ids {
        let known = state.uploads.iter_mut().find(|file| file.id == *id && file.content.is_some());
        let Some(file) = known.filter(|file| file.channel.is_none()) else {
            state.violation("file_not_found", format!("files.completeUploadExternal of {id}"));
            return Err("file_not_found");
        };
        file.channel.clone_from(&channel);
        file.thread.clone_from(&thread);
    }
    Ok(json!({ "ok": true, "files": ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>() }))
}

pub(super) fn text<'a>(args: &'a Args, name: &str) -> &'a str {
    args.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn code(error: &str) -> Response {
    Json(json!({ "ok": false, "error": error })).into_response()
}

fn limited(seconds: u64) -> Response {
    let body = Json(json!({ "ok": false, "error": "ratelimited" }));
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], body).into_response()
}
