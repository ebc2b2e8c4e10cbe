//! One REST call to Discord: address, headers, timeout, and what its answer means.
//!
//! The calls are made here and not by serenity's `Http`, because that one gives neither the rate limit's
//! headers nor `Retry-After`, and ignores another base address while its own rate limiter is on. Nothing is
//! repeated here: whether a call may be made again is known to the caller alone.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use commands::message::{Quota, RateKey};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::error::DiscordError;
use crate::invalid::InvalidRequests;
use crate::limits::{self, Closed, Pace};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Waited when a 429 does not say how long.
const UNSAID_DELAY: Duration = Duration::from_secs(5);
/// After a 401 one call in this time asks whether the token is good again; each more would count as invalid.
const TOKEN_ASKED_AGAIN: Duration = Duration::from_secs(60);
/// Longer than any delay that Discord gives; keeps a nonsensical number from blocking the bot for ever.
const LONGEST_DELAY: Duration = Duration::from_secs(3600);

/// Makes REST calls. Clones share one connection pool.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// When Discord was last asked whether a token that it refused is good again; `None` while it takes it.
    token_refused: Mutex<Option<Instant>>,
    invalid: InvalidRequests,
    closed: Closed,
    pace: Pace,
}

impl State {
    fn token_refused(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.token_refused.lock().expect("no code panics while holding it")
    }

    /// Whether this call has to stay unmade, because a refused token was asked about a moment ago.
    fn token_rests(&self, now: Instant) -> bool {
        match &mut *self.token_refused() {
            Some(asked) if now.duration_since(*asked) < TOKEN_ASKED_AGAIN => true,
            Some(asked) => {
                *asked = now;
                false
            }
            None => false,
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// The bot's token in the header; the call waits for its turn.
    Bot,
    /// The same for a call that the bot's governor has given its turn.
    Governed,
    /// The token in the address is enough: interactions.
    Address,
}

/// What is called, and what it counts against.
struct Call {
    method: Method,
    address: Url,
    limit: RateKey,
}

/// A call's body.
pub(crate) enum Body {
    /// None.
    Empty,
    /// `application/json`.
    Json(Vec<u8>),
    /// `multipart/form-data` with the JSON in `payload_json`.
    Files {
        /// The JSON.
        payload: Vec<u8>,
        /// Name and content of each file.
        files: Vec<(String, Vec<u8>)>,
    },
}

impl Body {
    /// `value` as JSON.
    pub(crate) fn json(value: &impl Serialize) -> Result<Self, CallError> {
        serde_json::to_vec(value).map(Self::Json).map_err(|error| CallError::Refused {
            status: 0,
            code: 0,
            message: error.to_string(),
        })
    }
}

/// A 2xx.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What is left of the limit that the call counted against.
    pub(crate) quota: Option<Quota>,
    body: Bytes,
}

impl Answer {
    /// The body as `T`.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| CallError::Unknown(format!("an answer that can't be read: {error}")))
    }
}

/// Anything but a 2xx.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// No connection, or something in front of Discord kept it back: certainly not received.
    #[error("{0}")]
    NotReached(String),
    /// It may have been received: the connection broke, timed out, or the answer was a 5xx.
    #[error("{0}")]
    Unknown(String),
    /// 429, or too many requests that Discord counts as invalid.
    #[error("rate limited for {retry_after:?}")]
    RateLimited {
        /// As Discord said.
        retry_after: Duration,
        /// That of the call, or of the whole bot.
        limit: RateKey,
    },
    /// Any other 4xx in Discord's own words.
    #[error("{status} {message} (code {code})")]
    Refused {
        /// HTTP status; 0 when the call never left.
        status: u16,
        /// Discord's own code; 0 without one.
        code: u64,
        /// Discord's own words.
        message: String,
    },
}

impl CallError {
    /// As an error of the adapter, where the call was not a post or an edit.
    pub(crate) fn into_error(self, what: &'static str) -> DiscordError {
        match self {
            Self::NotReached(why) | Self::Unknown(why) => DiscordError::Unreachable(why),
            Self::Refused { status: 401, .. } => DiscordError::Token,
            Self::RateLimited { .. } | Self::Refused { .. } => {
                DiscordError::Refused { what, why: self.to_string() }
            }
        }
    }
}

impl Api {
    pub(crate) fn new(origin: &Url, token: &SecretString) -> Result<Self, DiscordError> {
        let bad_token = |_| DiscordError::Config {
            key: "token",
            why: "it has characters that no token has; copy it again from the developer portal".to_owned(),
        };
        let mut authorization =
            HeaderValue::from_str(&format!("Bot {}", token.expose_secret())).map_err(bad_token)?;
        authorization.set_sensitive(true);
        let http = reqwest::Client::builder()
            .user_agent(concat!("DiscordBot (acgs, ", env!("CARGO_PKG_VERSION"), ")"))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| DiscordError::Unreachable(error.without_url().to_string()))?;
        let base = origin
            .join("/api/v10/")
            .map_err(|error| DiscordError::Config { key: "api_url", why: error.to_string() })?;
        Ok(Self { http, base, authorization, state: Arc::default() })
    }

    /// The connection pool, for whoever wants a client and makes no calls.
    pub(crate) fn client(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// Whether Discord said that the token is no good. Calls are then made once a minute at most.
    pub(crate) fn token_refused(&self) -> bool {
        self.state.token_refused().is_some()
    }

    /// `GET` of `path` (each element one segment) with `query`, as `T`.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, CallError> {
        let mut address = self.address(path)?;
        if !query.is_empty() {
            address.query_pairs_mut().extend_pairs(query);
        }
        let call = Call { limit: limits::of(&Method::GET, path), method: Method::GET, address };
        self.send(call, Authorization::Bot, Body::Empty).await?.read()
    }

    /// One call of `method` to `path`, each element of which is one segment.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &[&str],
        authorization: Authorization,
        body: Body,
    ) -> Result<Answer, CallError> {
        let address = self.address(path)?;
        let call = Call { limit: limits::of(&method, path), method, address };
        self.send(call, authorization, body).await
    }

    fn address(&self, path: &[&str]) -> Result<Url, CallError> {
        let mut address = self.base.clone();
        let refused = || CallError::Refused { status: 0, code: 0, message: "no such address".to_owned() };
        // `extend` escapes what would end a segment, but dots and an empty text would still lead elsewhere.
        if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Err(refused());
        }
        address.path_segments_mut().map_err(|()| refused())?.pop_if_empty().extend(path);
        Ok(address)
    }

    async fn send(&self, call: Call, authorization: Authorization, body: Body) -> Result<Answer, CallError> {
        let Call { method, address, limit } = call;
        if authorization == Authorization::Bot {
            tokio::time::sleep_until(self.state.pace.turn(Instant::now()).into()).await;
        }
        self.may_call(authorization, &limit)?;
        let route = route(&address);
        let mut request = self.http.request(method, address);
        if authorization != Authorization::Address {
            request = request.header(AUTHORIZATION, self.authorization.clone());
        }
        request = match body {
            Body::Empty => request,
            Body::Json(json) => request.header(reqwest::header::CONTENT_TYPE, "application/json").body(json),
            Body::Files { payload, files } => request.multipart(form(payload, files)),
        };
        let response = request.send().await.map_err(unsent)?;
        self.judge(response, authorization, route, limit).await
    }

    /// Refuses without a call where one would only do harm. Interactions are let through but for limits of
    /// their own: Discord exempts them from that of the bot and each has only three seconds.
    fn may_call(&self, authorization: Authorization, limit: &RateKey) -> Result<(), CallError> {
        let now = Instant::now();
        if let Some(retry_after) = self.state.closed.rest(limit, now) {
            return Err(CallError::RateLimited { retry_after, limit: limit.clone() });
        }
        if authorization == Authorization::Address {
            return Ok(());
        }
        let global = limits::global();
        if let Some(retry_after) = self.state.closed.rest(&global, now).or_else(|| self.state.invalid.pause())
        {
            return Err(CallError::RateLimited { retry_after, limit: global });
        }
        if self.state.token_rests(now) {
            return Err(CallError::Refused {
                status: 401,
                code: 0,
                message: "the bot token was refused a moment ago".to_owned(),
            });
        }
        Ok(())
    }

    async fn judge(
        &self,
        response: Response,
        authorization: Authorization,
        route: &'static str,
        limit: RateKey,
    ) -> Result<Answer, CallError> {
        let status = response.status();
        let quota = quota(response.headers(), &limit);
        let retry_after = header_seconds(response.headers(), RETRY_AFTER.as_str());
        let shared = response.headers().get("x-ratelimit-scope").is_some_and(|scope| scope == "shared");
        let body = response
            .bytes()
            .await
            .map_err(|error| CallError::Unknown(format!("the answer broke off: {}", error.without_url())))?;
        if status.is_success() {
            if authorization != Authorization::Address {
                *self.state.token_refused() = None;
            }
            return Ok(Answer { quota, body });
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            metrics::counter!("acgs_rate_limited_total", "platform" => "discord", "method" => route)
                .increment(1);
        }
        if matches!(status.as_u16(), 401 | 403 | 429) && !shared {
            self.state.invalid.count(status.as_u16());
        }
        let refusal = refusal(status, &body, retry_after, limit);
        if let CallError::RateLimited { retry_after, limit } = &refusal {
            self.state.closed.close(limit, Instant::now() + *retry_after);
        }
        if matches!(refusal, CallError::Refused { status: 401, .. })
            && authorization != Authorization::Address
        {
            *self.state.token_refused() = Some(Instant::now());
        }
        Err(refusal)
    }
}

/// A call's kind, for metrics.
fn route(address: &Url) -> &'static str {
    let path: Vec<&str> = address.path_segments().into_iter().flatten().skip(2).collect();
    match path.as_slice() {
        ["interactions", ..] => "callback",
        ["webhooks", ..] => "original",
        ["channels", _, "messages"] => "messages",
        ["channels", _, "messages", _] => "message",
        ["channels", _, "messages", ..] => "reactions",
        ["applications", .., "commands"] => "commands",
        _ => "other",
    }
}

fn form(payload: Vec<u8>, files: Vec<(String, Vec<u8>)>) -> reqwest::multipart::Form {
    let json = reqwest::multipart::Part::bytes(payload)
        .mime_str("application/json")
        .expect("a constant that is a media type");
    files.into_iter().enumerate().fold(
        reqwest::multipart::Form::new().part("payload_json", json),
        |form, (index, (name, content))| {
            let is_png = content.starts_with(b"\x89PNG");
            let kind = if is_png { "image/png" } else { "text/plain; charset=utf-8" };
            let part = reqwest::multipart::Part::bytes(content).file_name(name);
            let part = part.mime_str(kind).expect("a constant that is a media type");
            form.part(format!("files[{index}]"), part)
        },
    )
}

/// The addresses of interactions hold their tokens, so no address goes into an error.
fn unsent(error: reqwest::Error) -> CallError {
    let before_sending = error.is_connect() || error.is_builder();
    let why = chain(&error.without_url());
    if before_sending { CallError::NotReached(why) } else { CallError::Unknown(why) }
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn refusal(status: StatusCode, body: &[u8], retry_after: Option<Duration>, limit: RateKey) -> CallError {
    // Something in front of Discord may answer with a page instead of JSON.
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    if status == StatusCode::TOO_MANY_REQUESTS {
        let said = body["retry_after"].as_f64().and_then(seconds).or(retry_after);
        return CallError::RateLimited {
            retry_after: said.unwrap_or(UNSAID_DELAY),
            limit: if body["global"] == true { limits::global() } else { limit },
        };
    }
    if status.is_server_error() {
        return CallError::Unknown(format!("Discord answered {status}"));
    }
    if !body["message"].is_string() && is_in_front(status) {
        return CallError::NotReached(format!("{status} of something in front of Discord"));
    }
    CallError::Refused {
        status: status.as_u16(),
        code: body["code"].as_u64().unwrap_or_default(),
        message: words(&body),
    }
}

/// A proxy's refusal or sign-in page, where it comes without Discord's JSON. It ends some day, and says nothing
/// of the token or the message.
fn is_in_front(status: StatusCode) -> bool {
    status.is_redirection() || matches!(status.as_u16(), 401 | 403 | 404 | 405 | 407 | 408 | 421 | 425 | 451)
}

/// Discord's message and, for an invalid form, the fields that it names.
fn words(body: &Value) -> String {
    let message = body["message"].as_str().unwrap_or("no reason given");
    match &body["errors"] {
        Value::Null => message.to_owned(),
        errors => format!("{message}: {}", errors.to_string().chars().take(300).collect::<String>()),
    }
}

/// X-RateLimit-Remaining and -Reset-After. `-Reset` is not read: it is a wall clock time of Discord's.
fn quota(headers: &HeaderMap, limit: &RateKey) -> Option<Quota> {
    let remaining = headers.get("x-ratelimit-remaining")?.to_str().ok()?.parse().ok()?;
    let reset_after = header_seconds(headers, "x-ratelimit-reset-after")?;
    Some(Quota { limit: limit.clone(), remaining, reset_after })
}

fn header_seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    seconds(headers.get(name)?.to_str().ok()?.parse().ok()?)
}

/// Up to the next millisecond: a call that comes a fraction too early is another 429.
fn seconds(value: f64) -> Option<Duration> {
    let exact = Duration::try_from_secs_f64(value).ok()?.min(LONGEST_DELAY);
    let cut = Duration::from_millis(u64::try_from(exact.as_millis()).ok()?);
    Some(if cut < exact { cut + Duration::from_millis(1) } else { cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_read_to_the_millisecond_and_never_shortened() {
        let body = br#"{"message":"You are being rate limited.","retry_after":1.3371,"global":true}"#;
        let error =
            refusal(StatusCode::TOO_MANY_REQUESTS, body, Some(Duration::from_secs(2)), limits::post("5"));
        let limit = limits::global();
        assert_eq!(error, CallError::RateLimited { retry_after: Duration::from_millis(1338), limit });
    }

    #[test]
    fn a_429_without_json_takes_the_header() {
        let error = refusal(
            StatusCode::TOO_MANY_REQUESTS,
            b"<html>",
            Some(Duration::from_secs(7)),
            limits::post("5"),
        );
        let limit = limits::post("5");
        assert_eq!(error, CallError::RateLimited { retry_after: Duration::from_secs(7), limit });
    }

    #[test]
    fn a_page_in_front_of_discord_refuses_nothing() {
        for status in [302, 401, 403, 407, 408] {
            let status = StatusCode::from_u16(status).expect("a status");
            let error = refusal(status, b"<html>", None, limits::global());
            assert!(matches!(error, CallError::NotReached(_)), "{error:?}");
        }
        let own = refusal(
            StatusCode::UNAUTHORIZED,
            br#"{"message":"401: Unauthorized","code":0}"#,
            None,
            limits::global(),
        );
        assert!(matches!(own, CallError::Refused { status: 401, .. }), "{own:?}");
    }

    #[test]
    fn a_refused_token_is_asked_about_once_a_minute() {
        let state = State::default();
        let start = Instant::now();
        assert!(!state.token_rests(start));
        *state.token_refused() = Some(start);
        assert!(state.token_rests(start + Duration::from_secs(59)));
        assert!(!state.token_rests(start + Duration::from_secs(60)));
        assert!(state.token_rests(start + Duration::from_secs(61)), "somebody asks already");
    }

    #[test]
    fn nonsense_delays_are_bounded() {
        assert_eq!(seconds(-1.0), None);
        assert_eq!(seconds(f64::NAN), None);
        assert_eq!(seconds(1e9), Some(LONGEST_DELAY));
    }

    #[test]
    fn a_refusal_has_discords_code_and_fields() {
        let body = br#"{"code":50035,"message":"Invalid Form Body","errors":{"content":{"_errors":[]}}}"#;
        let error = refusal(StatusCode::BAD_REQUEST, body, None, limits::global());
        assert_eq!(error.to_string(), r#"400 Invalid Form Body: {"content":{"_errors":[]}} (code 50035)"#);
    }

    #[test]
    fn a_segment_never_leads_elsewhere() {
        let origin = Url::parse("https://discord.com").expect("a constant");
        let api = client(&origin);
        let address = api.address(&["webhooks", "1", "a/../b?c#d"]).expect("an address");
        assert_eq!(address.as_str(), "https://discord.com/api/v10/webhooks/1/a%2F..%2Fb%3Fc%23d");
        assert!(api.address(&["webhooks", ".."]).is_err());
    }

    #[tokio::test]
    async fn an_error_does_not_show_the_address() {
        let origin = Url::parse("http://127.0.0.1:1").expect("a constant");
        let error = client(&origin)
            .call(
                Method::POST,
                &["interactions", "1", "SECRET", "callback"],
                Authorization::Address,
                Body::Empty,
            )
            .await
            .expect_err("nobody listens on port 1");
        assert!(matches!(error, CallError::NotReached(_)), "{error:?}");
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
    }

    #[tokio::test]
    async fn a_429_for_everybodys_limit_is_not_counted_against_us() {
        let api = client(&Url::parse("https://discord.com").expect("a constant"));
        let answered = async |scope: &str| {
            for _ in 0..1_000 {
                let limited = http::Response::builder().status(429).header("x-ratelimit-scope", scope);
                let limited = Response::from(limited.body("{}").expect("a response"));
                let judged = api.judge(limited, Authorization::Bot, "messages", limits::post("5"));
                let error = judged.await.expect_err("limited");
                assert!(matches!(error, CallError::RateLimited { .. }), "{error:?}");
            }
            // Not the limit that the answers closed.
            api.may_call(Authorization::Bot, &limits::edit("6"))
        };
        assert_eq!(answered("shared").await, Ok(()));
        let paused = answered("user").await;
        assert!(
            matches!(&paused, Err(CallError::RateLimited { limit, .. }) if *limit == limits::global()),
            "{paused:?}"
        );
        let exempt = api.may_call(Authorization::Address, &limits::token("t"));
        assert_eq!(exempt, Ok(()), "interactions are exempt");
    }

    fn client(origin: &Url) -> Api {
        // Another test of this binary may have installed it.
        drop(rustls::crypto::ring::default_provider().install_default());
        Api::new(origin, &SecretString::from("t")).expect("a client")
    }
}
