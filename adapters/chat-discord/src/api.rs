//! One REST call to Discord: address, headers, timeout, and what its answer means.
//!
//! The calls are made here and not by serenity's `Http`, because that one gives neither the rate limit's
//! headers nor `Retry-After`, and ignores another base address while its own rate limiter is on. Nothing is
//! repeated here: whether a call may be made again is known to the caller alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use commands::message::Quota;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::error::DiscordError;
use crate::invalid::InvalidRequests;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Waited when a 429 does not say how long.
const UNSAID_DELAY: Duration = Duration::from_secs(5);
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
    token_refused: AtomicBool,
    invalid: InvalidRequests,
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// The bot's token in the header.
    Bot,
    /// The token in the address is enough: interactions.
    Address,
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
        files: Vec<(String, String)>,
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
    /// No connection: certainly not received.
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
        /// The whole bot, not this route alone.
        global: bool,
    },
    /// Any other 4xx.
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

    /// Whether Discord said that the token is no good. Calls are then no longer made.
    pub(crate) fn token_refused(&self) -> bool {
        self.state.token_refused.load(Ordering::Relaxed)
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
        self.send(Method::GET, address, Authorization::Bot, Body::Empty).await?.read()
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
        self.send(method, address, authorization, body).await
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

    async fn send(
        &self,
        method: Method,
        address: Url,
        authorization: Authorization,
        body: Body,
    ) -> Result<Answer, CallError> {
        self.may_call(authorization)?;
        let route = route(&address);
        let mut request = self.http.request(method, address);
        if authorization == Authorization::Bot {
            request = request.header(AUTHORIZATION, self.authorization.clone());
        }
        request = match body {
            Body::Empty => request,
            Body::Json(json) => request.header(reqwest::header::CONTENT_TYPE, "application/json").body(json),
            Body::Files { payload, files } => request.multipart(form(payload, files)),
        };
        let response = request.send().await.map_err(unsent)?;
        self.judge(response, authorization, route).await
    }

    /// Refuses without a call where one would only do harm. Interactions are let through:
    /// Discord exempts them from its limits and each has only three seconds.
    fn may_call(&self, authorization: Authorization) -> Result<(), CallError> {
        if authorization == Authorization::Address {
            return Ok(());
        }
        if self.token_refused() {
            return Err(CallError::Refused {
                status: 401,
                code: 0,
                message: "the bot token was refused before".to_owned(),
            });
        }
        match self.state.invalid.pause() {
            Some(retry_after) => Err(CallError::RateLimited { retry_after, global: true }),
            None => Ok(()),
        }
    }

    async fn judge(
        &self,
        response: Response,
        authorization: Authorization,
        route: &'static str,
    ) -> Result<Answer, CallError> {
        let status = response.status();
        let quota = quota(response.headers());
        let retry_after = header_seconds(response.headers(), RETRY_AFTER.as_str());
        let shared = response.headers().get("x-ratelimit-scope").is_some_and(|scope| scope == "shared");
        let body = response
            .bytes()
            .await
            .map_err(|error| CallError::Unknown(format!("the answer broke off: {}", error.without_url())))?;
        if status.is_success() {
            return Ok(Answer { quota, body });
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            metrics::counter!("acgs_rate_limited_total", "platform" => "discord", "method" => route)
                .increment(1);
        }
        if matches!(status.as_u16(), 401 | 403 | 429) && !shared {
            self.state.invalid.count(status.as_u16());
        }
        if status == StatusCode::UNAUTHORIZED && authorization == Authorization::Bot {
            self.state.token_refused.store(true, Ordering::Relaxed);
        }
        Err(refusal(status, &body, retry_after))
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

fn form(payload: Vec<u8>, files: Vec<(String, String)>) -> reqwest::multipart::Form {
    let json = reqwest::multipart::Part::bytes(payload)
        .mime_str("application/json")
        .expect("a constant that is a media type");
    files.into_iter().enumerate().fold(
        reqwest::multipart::Form::new().part("payload_json", json),
        |form, (index, (name, content))| {
            let part = reqwest::multipart::Part::text(content).file_name(name);
            let part = part.mime_str("text/plain; charset=utf-8").expect("a constant that is a media type");
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

fn refusal(status: StatusCode, body: &[u8], retry_after: Option<Duration>) -> CallError {
    // Something in front of Discord may answer with a page instead of JSON.
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    if status == StatusCode::TOO_MANY_REQUESTS {
        let said = body["retry_after"].as_f64().and_then(seconds).or(retry_after);
        return CallError::RateLimited {
            retry_after: said.unwrap_or(UNSAID_DELAY),
            global: body["global"].as_bool().unwrap_or_default(),
        };
    }
    if status.is_server_error() {
        return CallError::Unknown(format!("Discord answered {status}"));
    }
    CallError::Refused {
        status: status.as_u16(),
        code: body["code"].as_u64().unwrap_or_default(),
        message: words(&body),
    }
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
fn quota(headers: &HeaderMap) -> Option<Quota> {
    let remaining = headers.get("x-ratelimit-remaining")?.to_str().ok()?.parse().ok()?;
    let reset_after = header_seconds(headers, "x-ratelimit-reset-after")?;
    Some(Quota { remaining, reset_after })
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
        let error = refusal(StatusCode::TOO_MANY_REQUESTS, body, Some(Duration::from_secs(2)));
        assert_eq!(error, CallError::RateLimited { retry_after: Duration::from_millis(1338), global: true });
    }

    #[test]
    fn a_429_without_json_takes_the_header() {
        let error = refusal(StatusCode::TOO_MANY_REQUESTS, b"<html>", Some(Duration::from_secs(7)));
        assert_eq!(error, CallError::RateLimited { retry_after: Duration::from_secs(7), global: false });
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
        let error = refusal(StatusCode::BAD_REQUEST, body, None);
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
                let error = api.judge(limited, Authorization::Bot, "messages").await.expect_err("limited");
                assert!(matches!(error, CallError::RateLimited { .. }), "{error:?}");
            }
            api.may_call(Authorization::Bot)
        };
        assert_eq!(answered("shared").await, Ok(()));
        assert!(matches!(answered("user").await, Err(CallError::RateLimited { global: true, .. })));
        assert_eq!(api.may_call(Authorization::Address), Ok(()), "interactions are exempt");
    }

    fn client(origin: &Url) -> Api {
        // Another test of this binary may have installed it.
        drop(rustls::crypto::ring::default_provider().install_default());
        Api::new(origin, &SecretString::from("t")).expect("a client")
    }
}
