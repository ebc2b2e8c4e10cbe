//! The REST API, version 10: addresses, tokens, rate limits, planned faults; then what each call does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State as Extracted};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::faults::{Fault, Route};
use super::form;
use super::gateway::GUILDS;
use super::message::{EPHEMERAL, Message, Upload, list};
use super::people::{Ack, DEADLINE};
use super::rates::{Allowance, Limit, MESSAGES, OTHER, TOKEN};
use super::rules::{Purpose, broken};
use super::state::{Shared, State};
use super::{
    APPLICATION, BOT_TOKEN, BOT_USER, CHANNEL, GUILD, LOUNGE, THREAD, commands, direct, modals, objects,
};

/// Longer than any test; Discord's is 15 minutes.
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(answer).layer(DefaultBodyLimit::max(64 * 1024 * 1024)).with_state(shared)
}

/// One call, taken apart.
struct Call<'a> {
    method: &'a Method,
    path: Vec<&'a str>,
    query: BTreeMap<String, String>,
    headers: &'a HeaderMap,
    body: Bytes,
}

/// A status and JSON; `Null` is no body.
struct Reply(StatusCode, Value);

impl Reply {
    const fn ok(value: Value) -> Self {
        Self(StatusCode::OK, value)
    }

    fn error(status: u16, code: u32, message: &str) -> Self {
        let status = StatusCode::from_u16(status).expect("a constant");
        Self(status, json!({"code": code, "message": message}))
    }

    fn not_found(code: u32, message: &str) -> Self {
        Self::error(404, code, message)
    }
}

async fn answer(
    Extracted(shared): Extracted<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let decoded: Vec<String> = uri.path().split('/').skip(1).map(decode).collect();
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let path = decoded.iter().map(String::as_str).collect();
    let query = query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let mut call = Call { method: &method, path, query, headers: &headers, body };
    if !call.path.starts_with(&["api", "v10"]) {
        shared.violation("address", uri.path());
        return plain(Reply::not_found(0, "404: Not Found"));
    }
    call.path.drain(..2);
    let (response, held) = call.judge(&shared);
    shared.changed.notify_waiters();
    if let Some(held) = held {
        held.cancelled().await;
    }
    response
}

fn decode(segment: &str) -> String {
    let bytes = segment.replace('+', "%2B");
    url::form_urlencoded::parse(bytes.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

fn plain(Reply(status, body): Reply) -> Response {
    let response = Response::builder().status(status);
    let built = if body.is_null() {
        response.body(Body::empty())
    } else {
        response.header("content-type", "application/json").body(Body::from(body.to_string()))
    };
    built.expect("a valid response")
}

impl Call<'_> {
    /// Limits and faults first, as in front of the real API. With the answer what it waits for.
    fn judge(&self, shared: &Shared) -> (Response, Option<CancellationToken>) {
        let (route, key, limit) = self.bucket();
        let now = Instant::now();
        let mut state = shared.state();
        *state.calls.entry(route).or_default() += 1;
        let allowance = match limit {
            Some(limit) => state.rates.call(&key, limit, route == Route::Original, now),
            // Interactions' responses are exempt.
            None => Allowance::Go { limit: 1, remaining: 1, reset_after: Duration::ZERO },
        };
        let (most, remaining, reset_after) = match allowance {
            Allowance::Go { limit, remaining, reset_after } => (limit, remaining, reset_after),
            Allowance::Wait(wait) => return (limited(wait, false), None),
            Allowance::WaitAll(wait) => {
                state.violation("global rate", format!("{key}: more than 50 calls in a second"));
                return (limited(wait, true), None);
            }
            Allowance::TooEarly(wait) => {
                state.violation("rate", format!("{key} called {wait:?} before a 429's delay was over"));
                return (limited(wait, false), None);
            }
        };
        let fault = state.faults.get_mut(&route).and_then(std::collections::VecDeque::pop_front);
        match fault {
            Some(Fault::Limit { retry_after, global }) => {
                state.rates.back_off(if global { "" } else { &key }, retry_after, now);
                return (limited(retry_after, global), None);
            }
            Some(Fault::Status(status)) => {
                let status = StatusCode::from_u16(status).expect("a status");
                let page = Body::from("<html>upstream error</html>");
                return (Response::builder().status(status).body(page).expect("a valid response"), None);
            }
            Some(Fault::Code(status, code)) => {
                return (plain(Reply::error(status, code, "Refused as planned")), None);
            }
            Some(Fault::Reset | Fault::Hold(_)) | None => {}
        }
        let reply = self.authorized(shared, &mut state);
        drop(state);
        if matches!(fault, Some(Fault::Reset)) {
            // The head is not flushed before the body's first part, which is an error: hyper hangs up.
            let broken =
                futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("reset")) });
            return (Response::new(Body::from_stream(broken)), None);
        }
        let mut response = plain(reply);
        let reset = format!("{:.3}", reset_after.as_secs_f64());
        for (name, value) in [
            ("x-ratelimit-limit", most.to_string()),
            ("x-ratelimit-remaining", remaining.to_string()),
            ("x-ratelimit-reset-after", reset),
        ] {
            response.headers_mut().insert(name, value.parse().expect("a number"));
        }
        let held = match fault {
            Some(Fault::Hold(held)) => Some(held),
            _ => None,
        };
        (response, held)
    }

    /// The kind of call, and what it counts against.
    fn bucket(&self) -> (Route, String, Option<Limit>) {
        match (self.method.as_str(), self.path.as_slice()) {
            ("POST", ["interactions", _, _, "callback"]) => (Route::Callback, String::new(), None),
            (method, ["webhooks", _, token, ..]) => {
                (Route::Original, format!("{method} {token}"), Some(TOKEN))
            }
            ("POST", ["channels", channel, "messages"]) => {
                (Route::Post, format!("POST {channel}"), Some(MESSAGES))
            }
            ("PATCH", ["channels", channel, "messages", _]) => {
                (Route::Edit, format!("PATCH {channel}"), Some(MESSAGES))
            }
            ("GET", ["channels", channel, "messages", ..]) if self.path.contains(&"reactions") => {
                (Route::Reactions, format!("REACTIONS {channel}"), Some(OTHER))
            }
            ("GET", ["channels", channel, "messages", ..]) => {
                (Route::Messages, format!("GET {channel}"), Some(OTHER))
            }
            (_, ["applications", .., "commands"]) => (Route::Commands, "commands".to_owned(), Some(OTHER)),
            (_, ["gateway", ..]) => (Route::Gateway, "gateway".to_owned(), Some(OTHER)),
            _ => (Route::Other, "other".to_owned(), Some(OTHER)),
        }
    }

    fn authorized(&self, shared: &Shared, state: &mut State) -> Reply {
        let by_address = matches!(self.path.as_slice(), ["interactions" | "webhooks", ..] | ["gateway"]);
        let token = self.headers.get("authorization").and_then(|value| value.to_str().ok());
        if !by_address && token != Some(&format!("Bot {BOT_TOKEN}")) {
            return Reply::error(401, 0, "401: Unauthorized");
        }
        if self.headers.get("user-agent").is_none_or(|agent| !agent.as_bytes().starts_with(b"DiscordBot (")) {
            state.violation("user-agent", format!("{:?}", self.headers.get("user-agent")));
        }
        self.dispatch(shared, state)
    }

    fn dispatch(&self, shared: &Shared, state: &mut State) -> Reply {
        let application = APPLICATION.to_string();
        match (self.method.as_str(), self.path.as_slice()) {
            ("GET", ["gateway"]) => Reply::ok(json!({"url": format!("ws://{}", shared.socket)})),
            ("GET", ["gateway", "bot"]) => {
                let truth = (1000 - state.identifies.min(1000), Duration::from_hours(4));
                let (remaining, reset_after) = state.sessions_left.unwrap_or(truth);
                Reply::ok(json!({
                    "url": format!("ws://{}", shared.socket), "shards": 1,
                    "session_start_limit": {
                        "total": 1000, "remaining": remaining, "max_concurrency": 1,
                        "reset_after": u64::try_from(reset_after.as_millis()).expect("a day at most"),
                    },
                }))
            }
            ("GET", ["applications", "@me"]) => Reply::ok(json!({
                "id": application, "name": "acgs", "icon": null, "description": "", "bot_public": false,
                "bot_require_code_grant": false, "verify_key": "00", "flags": 0, "bot": objects::user(BOT_USER),
            })),
            ("GET", ["users", "@me"]) => Reply::ok(objects::user(BOT_USER)),
            ("GET", ["users", "@me", "guilds"]) => Reply::ok(
                json!([{"id": GUILD.to_string(), "name": "Test server", "owner": false, "features": []}]),
            ),
            ("GET", ["guilds", guild]) if **guild == GUILD.to_string() => Reply::ok(objects::guild()),
            ("GET", ["guilds", guild, "members", user]) if **guild == GUILD.to_string() => {
                Reply::ok(objects::member(user.parse().unwrap_or_default()))
            }
            ("GET", ["guilds", guild, "threads", "active"]) if **guild == GUILD.to_string() => {
                let all = [THREAD].into_iter().chain(state.threads.keys().copied());
                let threads: Vec<Value> = all.map(|id| state.channel_object(id)).collect();
                Reply::ok(json!({"threads": threads, "members": []}))
            }
            (method, ["applications", id, "commands"]) if **id == application => self.commands(method, state),
            (method, ["applications", id, "guilds", guild, "commands"])
                if **id == application && **guild == GUILD.to_string() =>
            {
                self.commands(method, state)
            }
            ("POST", ["users", "@me", "channels"]) => self.open_direct(state),
            (_, ["channels", channel, ..]) => match channel.parse() {
                Ok(channel @ (CHANNEL | THREAD | LOUNGE)) => self.channel(state, channel),
                Ok(channel) if state.directs.contains(&channel) || state.threads.contains_key(&channel) => {
                    self.channel(state, channel)
                }
                _ => Reply::not_found(10003, "Unknown Channel"),
            },
            ("POST", ["interactions", id, token, "callback"]) => self.callback(state, id, token),
            (method, ["webhooks", id, token, "messages", "@original"]) if **id == application => {
                self.original(state, method, token)
            }
            _ => {
                state.violation("address", format!("{} {}", self.method, self.path.join("/")));
                Reply::not_found(0, "404: Not Found")
            }
        }
    }

    fn commands(&self, method: &str, state: &mut State) -> Reply {
        if method == "GET" {
            return Reply::ok(state.commands.clone());
        }
        if method != "PUT" {
            return Reply::error(405, 0, "405: Method Not Allowed");
        }
        let mut commands = match self.json(state) {
            Ok((commands, _)) => commands,
            Err(reply) => return reply,
        };
        let found = commands::broken(&commands);
        if !found.is_empty() {
            state.violation("commands", found.join("; "));
            return Reply::error(400, 50035, "Invalid Form Body");
        }
        for command in commands.as_array_mut().into_iter().flatten() {
            command["id"] = state.snowflake().to_string().into();
            command["application_id"] = APPLICATION.to_string().into();
            command["version"] = state.snowflake().to_string().into();
            command["nsfw"] = false.into();
        }
        state.registrations += 1;
        state.commands = commands.clone();
        Reply::ok(commands)
    }

    /// The same channel for the same user each time.
    fn open_direct(&self, state: &mut State) -> Reply {
        let body = match self.json(state) {
            Ok((body, _)) => body,
            Err(reply) => return reply,
        };
        let Some(user) = body["recipient_id"].as_str().and_then(|id| id.parse().ok()) else {
            return Reply::error(400, 50033, "Invalid Recipient(s)");
        };
        state.directs.insert(direct(user));
        Reply::ok(json!({"id": direct(user).to_string(), "type": 1, "recipients": [objects::user(user)]}))
    }

    fn channel(&self, state: &mut State, channel: u64) -> Reply {
        match (self.method.as_str(), &self.path[2..]) {
            ("GET", []) => Reply::ok(state.channel_object(channel)),
            ("POST", ["messages", id, "threads"]) => self.thread(state, channel, id),
            ("GET", ["messages"]) => self.history(state, channel),
            ("POST", ["messages"]) => self.create(state, channel),
            ("GET", ["messages", id]) => {
                with_message(state, channel, id, |message| Reply::ok(message.object()))
            }
            ("PATCH", ["messages", id]) => self.edit(state, channel, id),
            ("GET", ["messages", id, "reactions", emoji]) => {
                with_message(state, channel, id, |message| self.reactions(message, emoji))
            }
            _ => {
                state.violation("address", format!("{} {}", self.method, self.path.join("/")));
                Reply::not_found(0, "404: Not Found")
            }
        }
    }

    /// A message has one thread, of its own id.
    fn thread(&self, state: &mut State, channel: u64, id: &str) -> Reply {
        let body = match self.json(state) {
            Ok((body, _)) => body,
            Err(reply) => return reply,
        };
        let name = body["name"].as_str().unwrap_or_default().to_owned();
        if name.is_empty() || name.chars().count() > 100 {
            state.violation("thread-name", name);
            return Reply::error(400, 50035, "Invalid Form Body");
        }
        if !state.may_thread {
            return Reply::error(403, 50013, "Missing Permissions");
        }
        let found =
            state.messages.iter().find(|message| message.channel == channel && message.id.to_string() == id);
        let Some(id) = found.map(|message| message.id) else {
            return Reply::not_found(10008, "Unknown Message");
        };
        if state.threads.contains_key(&id) {
            return Reply::error(400, 160_004, "A thread has already been created for this message");
        }
        state.threads.insert(id, (name, channel));
        let made = state.channel_object(id);
        state.dispatch("THREAD_CREATE", made.clone(), GUILDS);
        Reply(StatusCode::CREATED, made)
    }

    /// The newest messages before and after ids, the newest first.
    fn history(&self, state: &State, channel: u64) -> Reply {
        let number = |name: &str| self.query.get(name).and_then(|value| value.parse::<u64>().ok());
        let limit = number("limit").unwrap_or(50).clamp(1, 100);
        let (before, after) = (number("before").unwrap_or(u64::MAX), number("after").unwrap_or_default());
        let found = state.messages.iter().rev().filter(|message| {
            message.channel == channel && !message.is_private && (after + 1..before).contains(&message.id)
        });
        Reply::ok(found.take(usize::try_from(limit).expect("at most 100")).map(Message::object).collect())
    }

    fn reactions(&self, message: &Message, emoji: &str) -> Reply {
        let after = self.query.get("after").and_then(|value| value.parse::<u64>().ok()).unwrap_or_default();
        let mut users: Vec<u64> = message
            .reactions
            .iter()
            .filter(|(other, user)| other == emoji && *user > after)
            .map(|(_, user)| *user)
            .collect();
        users.sort_unstable();
        Reply::ok(users.into_iter().take(100).map(objects::user).collect())
    }

    fn create(&self, state: &mut State, channel: u64) -> Reply {
        if state.closed.contains(&channel) {
            return Reply::error(403, 50013, "Missing Permissions");
        }
        if state.shut.iter().any(|user| direct(*user) == channel) {
            return Reply::error(403, 50007, "Cannot send messages to this user");
        }
        let (body, files) = match self.message(state, Purpose::Create) {
            Ok(parts) => parts,
            Err(reply) => return reply,
        };
        let nonce = body["nonce"].as_str().map(str::to_owned);
        let enforced = body["enforce_nonce"] == true;
        let earlier = state.messages.iter().chain(&state.deleted).find(|message| {
            message.author == BOT_USER && enforced && nonce.is_some() && message.nonce == nonce
        });
        if let Some(earlier) = earlier {
            return Reply::ok(earlier.object());
        }
        let mut message = Message::new(state.snowflake(), channel, BOT_USER);
        message.is_direct = state.directs.contains(&channel);
        message.body = body;
        message.files = files;
        message.nonce = nonce;
        let object = message.object();
        state.messages.push(message);
        Reply::ok(object)
    }

    fn edit(&self, state: &mut State, channel: u64, id: &str) -> Reply {
        let (body, files) = match self.message(state, Purpose::Edit) {
            Ok(parts) => parts,
            Err(reply) => return reply,
        };
        let found = id.parse().ok().and_then(|id| state.message_mut(id));
        match found.filter(|message| message.channel == channel && !message.is_private) {
            Some(message) if message.author != BOT_USER => {
                Reply::error(403, 50005, "Cannot edit a message authored by another user")
            }
            Some(message) => {
                message.edit(&body, files);
                Reply::ok(message.object())
            }
            None => Reply::not_found(10008, "Unknown Message"),
        }
    }

    /// The first response to an interaction.
    fn callback(&self, state: &mut State, id: &str, token: &str) -> Reply {
        let response = match self.json(state) {
            Ok((response, _)) => response,
            Err(reply) => return reply,
        };
        let id: u64 = id.parse().unwrap_or_default();
        let Some(interaction) = state.interactions.get(&id).filter(|interaction| interaction.token == token)
        else {
            return Reply::not_found(10062, "Unknown interaction");
        };
        if interaction.acknowledged {
            state.violation("second response", format!("interaction {id}"));
            return Reply::error(400, 40060, "Interaction has already been acknowledged.");
        }
        let latency = interaction.sent.elapsed();
        let (kind, channel) = (interaction.kind, interaction.channel);
        if latency > DEADLINE {
            return Reply::not_found(10062, "Unknown interaction");
        }
        let ack = match first_response(state, kind, &response) {
            Ok(ack) => ack,
            Err(why) => {
                state.violation("response", why);
                return Reply::error(400, 50035, "Invalid Form Body");
            }
        };
        let original = original_of(state, id, channel, &ack, &response["data"]);
        if let Some(interaction) = state.interactions.get_mut(&id) {
            interaction.acknowledged = true;
            interaction.original = original;
            // A test that does not wait for it has dropped the other end.
            let _ = interaction.waiting.take().map(|waiting| waiting.send((latency, ack)));
        }
        Reply(StatusCode::NO_CONTENT, Value::Null)
    }

    /// The message that took the place of the first response.
    fn original(&self, state: &mut State, method: &str, token: &str) -> Reply {
        let found = state.interactions.values().find(|interaction| interaction.token == token);
        let Some(interaction) = found.filter(|interaction| interaction.acknowledged) else {
            return Reply::not_found(10015, "Unknown Webhook");
        };
        if interaction.is_over || interaction.sent.elapsed() > TOKEN_LIFE {
            return Reply::error(401, 50027, "Invalid Webhook Token");
        }
        let original = interaction.original;
        let parts = match method {
            "GET" => None,
            "DELETE" => {
                let Some(original) = original else { return Reply::not_found(10008, "Unknown Message") };
                state.messages.retain(|message| message.id != original);
                return Reply(StatusCode::NO_CONTENT, Value::Null);
            }
            "PATCH" => match self.message(state, Purpose::EditOriginal) {
                Ok(parts) => Some(parts),
                Err(reply) => return reply,
            },
            _ => return Reply::error(405, 0, "405: Method Not Allowed"),
        };
        let Some(message) = original.and_then(|id| state.message_mut(id)) else {
            return Reply::not_found(10008, "Unknown Message");
        };
        if let Some((body, files)) = parts {
            message.edit(&body, files);
        }
        Reply::ok(message.object())
    }

    /// A message's body, judged.
    fn message(&self, state: &mut State, purpose: Purpose) -> Result<(Value, Vec<Upload>), Reply> {
        let (body, files) = self.json(state)?;
        judge(state, &body, purpose, files.len())?;
        Ok((body, files))
    }

    /// The JSON and, in a form, the files.
    fn json(&self, state: &mut State) -> Result<(Value, Vec<Upload>), Reply> {
        let content_type =
            self.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (json, files) = match form::read(content_type, &self.body) {
            Some(form) => (Bytes::from(form.payload), form.files),
            None if content_type == "application/json" => (self.body.clone(), Vec::new()),
            None => {
                state.violation("content type", content_type);
                return Err(Reply::error(400, 50035, "Invalid Form Body"));
            }
        };
        if files.iter().enumerate().any(|(index, (number, _))| index != *number) {
            state.violation("attachment", "files are not numbered one by one");
        }
        let files = files.into_iter().map(|(_, file)| file).collect();
        serde_json::from_slice(&json).map(|json| (json, files)).map_err(|_| {
            state.violation("json", "a body that is none");
            Reply::error(400, 50109, "The request body contains invalid JSON.")
        })
    }
}

fn judge(state: &mut State, body: &Value, purpose: Purpose, files: usize) -> Result<(), Reply> {
    let found = broken(body, purpose, files);
    let is_invalid = found.iter().any(|(kind, _)| matches!(*kind, "limit" | "empty" | "attachment"));
    for (kind, detail) in found {
        state.violation(kind, format!("{purpose:?}: {detail}"));
    }
    if is_invalid { Err(Reply::error(400, 50035, "Invalid Form Body")) } else { Ok(()) }
}

fn with_message(state: &State, channel: u64, id: &str, then: impl FnOnce(&Message) -> Reply) -> Reply {
    let found =
        state.messages.iter().find(|message| message.channel == channel && message.id.to_string() == id);
    found.map_or_else(|| Reply::not_found(10008, "Unknown Message"), then)
}

/// Callback types 4, 5, 6, 8 and 9 (interactions/receiving-and-responding), each to what it may answer.
fn first_response(state: &mut State, kind: u64, response: &Value) -> Result<Ack, String> {
    let data = &response["data"];
    let ephemeral = data["flags"].as_u64().unwrap_or_default() & EPHEMERAL != 0;
    match response["type"].as_u64() {
        Some(4) => {
            judge(state, data, Purpose::Response, 0).map_err(|_| format!("out of limits: {data}"))?;
            Ok(Ack::Message { ephemeral, content: data["content"].as_str().unwrap_or_default().to_owned() })
        }
        Some(5) => Ok(Ack::Deferred { ephemeral }),
        Some(6) => Ok(Ack::DeferredUpdate),
        Some(8) => {
            let choices: Vec<&Value> = list(&data["choices"]).collect();
            let fits =
                |text: &Value| text.as_str().is_some_and(|text| (1..=100).contains(&text.chars().count()));
            if choices.len() > 25
                || choices.iter().any(|choice| !fits(&choice["name"]) || !fits(&choice["value"]))
            {
                return Err(format!("choices out of limits: {data}"));
            }
            let words = choices.iter().filter_map(|choice| choice["value"].as_str());
            Ok(Ack::Choices(words.map(str::to_owned).collect()))
        }
        Some(9) if matches!(kind, 2 | 3) => modals::read(data).map(Ack::Modal),
        other => Err(format!("type {other:?} to an interaction of type {kind}")),
    }
}

/// The message that a first response makes.
fn original_of(state: &mut State, interaction: u64, channel: u64, ack: &Ack, data: &Value) -> Option<u64> {
    let (is_private, is_deferral) = match ack {
        Ack::Deferred { ephemeral } => (*ephemeral, true),
        Ack::Message { ephemeral, .. } => (*ephemeral, false),
        Ack::DeferredUpdate | Ack::Choices(_) | Ack::Modal(_) => return None,
    };
    let mut message = Message::new(state.snowflake(), channel, BOT_USER);
    message.is_private = is_private;
    message.is_deferral = is_deferral;
    message.interaction = Some(interaction);
    if !is_deferral {
        message.body = data.clone();
    }
    let id = message.id;
    state.messages.push(message);
    Some(id)
}

/// 429 with Discord's headers and body.
fn limited(wait: Duration, global: bool) -> Response {
    let seconds = wait.as_secs_f64();
    let body = json!({"message": "You are being rate limited.", "retry_after": seconds, "global": global});
    let mut response = plain(Reply(StatusCode::TOO_MANY_REQUESTS, body));
    let scope = if global { "global" } else { "user" };
    for (name, value) in [
        ("retry-after", format!("{}", seconds.ceil())),
        ("x-ratelimit-remaining", "0".to_owned()),
        ("x-ratelimit-reset-after", format!("{seconds:.3}")),
        ("x-ratelimit-scope", scope.to_owned()),
    ] {
        response.headers_mut().insert(name, value.parse().expect("printable"));
    }
    if global {
        response.headers_mut().insert("x-ratelimit-global", "true".parse().expect("printable"));
    }
    response
}
