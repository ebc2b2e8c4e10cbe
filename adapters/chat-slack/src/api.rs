//! The Web API: one connection pool, a deadline on every call, and one place that sorts what went
//! wrong. slack-morphism builds and reads the calls; its own retries are off.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use commands::message::{Picture, RateKey, SendError, TextFile};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use slack_morphism::errors::SlackClientError;
use slack_morphism::prelude::{
    ClientResult, SlackApiFilesCompleteUploadExternalRequest, SlackApiFilesGetUploadUrlExternalRequest,
    SlackApiToken, SlackApiTokenType, SlackApiTokenValue, SlackClient, SlackClientApiCallContext,
    SlackClientHttpConnector, SlackClientHyperHttpsConnector,
};
use url::{Host, Url};

use crate::SlackIdentity;
use crate::error::{CallError, SlackError, UNSAID_RETRY_AFTER};
use crate::limits::{self, Closed};
use crate::manifest::SCOPES;

/// A call that has no answer by then counts as perhaps done.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// So that an idle connection that died is noticed before a message is written to it.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// `auth.test` answers with a few hundred bytes.
const IDENTITY_LIMIT: usize = 64 * 1024;

/// Slack's Web API with our tokens.
#[derive(Debug)]
pub(crate) struct Api {
    client: SlackClient<SlackClientHyperHttpsConnector>,
    /// For the one call whose answer's headers matter, which slack-morphism does not hand out.
    bare: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    bot: SlackApiToken,
    app: Option<SlackApiToken>,
    /// A loopback `api_url` may hand out loopback addresses without TLS; nobody else may.
    loopback: bool,
    /// Why Slack takes nothing that comes with the bot token; `None` since a call with it worked.
    barred: Mutex<Option<String>>,
    closed: Closed,
}

/// What `chat.postMessage`, `chat.update` and `chat.postEphemeral` answer, as far as we need it.
/// slack-morphism's own models fail on answers that leave out an optional part.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MessageAnswer {
    pub(crate) ok: bool,
    pub(crate) channel: Option<String>,
    pub(crate) ts: Option<String>,
    pub(crate) message: Option<MessageBody>,
}

/// The message inside a [`MessageAnswer`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MessageBody {
    pub(crate) thread_ts: Option<String>,
}

#[derive(Deserialize)]
struct SocketAnswer {
    url: Option<String>,
}

#[derive(Deserialize)]
struct UploadTicket {
    upload_url: Option<Url>,
    file_id: Option<String>,
}

/// A file on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upload<'a> {
    /// With its ending.
    pub(crate) name: &'a str,
    /// Its media type.
    pub(crate) kind: &'static str,
    /// All of it.
    pub(crate) content: &'a [u8],
    /// What is to be seen in it, where it is a picture; Slack takes 1,000 characters.
    pub(crate) alt: Option<&'a str>,
}

impl<'a> Upload<'a> {
    pub(crate) const fn text(file: &'a TextFile) -> Self {
        let kind = "text/plain; charset=utf-8";
        Self { name: file.name.as_str(), kind, content: file.content.as_bytes(), alt: None }
    }

    pub(crate) const fn picture(picture: &'a Picture) -> Self {
        let content = picture.png.0.as_slice();
        Self { name: picture.name.as_str(), kind: "image/png", content, alt: Some(picture.alt.as_str()) }
    }
}

#[derive(Deserialize)]
struct PermalinkAnswer {
    permalink: String,
}

#[derive(Deserialize)]
struct Empty {}

#[derive(Deserialize)]
struct IdentityAnswer {
    ok: bool,
    error: Option<String>,
    team: Option<String>,
    user_id: Option<String>,
}

impl Api {
    pub(crate) fn new(
        api_url: &Url,
        bot: &SecretString,
        app: Option<&SecretString>,
    ) -> Result<Self, SlackError> {
        let connector = connector()?;
        let base = api_url.as_str().trim_end_matches('/').to_owned();
        let morphism =
            SlackClientHyperHttpsConnector::with_connector(connector.clone()).with_slack_api_url(&base);
        Ok(Self {
            client: SlackClient::new(morphism),
            bare: Client::builder(TokioExecutor::new()).build(connector),
            base,
            bot: token(bot, SlackApiTokenType::Bot),
            app: app.map(|app| token(app, SlackApiTokenType::App)),
            loopback: is_loopback(api_url),
            barred: Mutex::default(),
            closed: Closed::default(),
        })
    }

    /// Why Slack lets nothing of the bot's through, as the last call with its token found.
    pub(crate) fn barred(&self) -> Option<String> {
        self.barred.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, answer: Option<&CallError>) {
        let mut barred = self.barred.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            None => *barred = None,
            Some(error) if error.is_about_token() => {
                *barred = Some(SendError::from(error.clone()).to_string());
            }
            Some(_) => {}
        }
    }

    /// `auth.test`, with the scopes that Slack lists in a header of every answer.
    pub(crate) async fn identity(&self) -> Result<SlackIdentity, SlackError> {
        let call = async {
            let request = http::Request::post(format!("{}/auth.test", self.base))
                .header(http::header::AUTHORIZATION, format!("Bearer {}", self.bot.token_value.0))
                .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Full::default())
                .map_err(|error| CallError::NotReached(error.to_string()))?;
            let answer = self.bare.request(request).await.map_err(|error| http_error(&error))?;
            let scopes = granted_scopes(answer.headers());
            let body = Limited::new(answer.into_body(), IDENTITY_LIMIT).collect().await;
            let body = body.map_err(|error| CallError::NotReached(error.to_string()))?.to_bytes();
            Ok::<_, CallError>((body, scopes))
        };
        let (body, scopes) = deadline(call).await.map_err(|error| error.about("bot token"))?;
        self.read_identity(&body, scopes)
    }

    fn read_identity(&self, body: &[u8], scopes: Option<Vec<String>>) -> Result<SlackIdentity, SlackError> {
        let answer: IdentityAnswer = serde_json::from_slice(body).map_err(|_| {
            SlackError::Unreachable("auth.test answered something else than Slack does".to_owned())
        })?;
        let (true, Some(bot_user_id)) = (answer.ok, answer.user_id) else {
            let code = answer.error.unwrap_or_else(|| "an answer without a user id".to_owned());
            return Err(CallError::from_code(&code, &limits::other("auth.test")).about("bot token"));
        };
        let missing_scopes = scopes.map_or_else(Vec::new, |granted| {
            SCOPES
                .iter()
                .filter(|scope| !granted.iter().any(|g| g == *scope))
                .map(ToString::to_string)
                .collect()
        });
        Ok(SlackIdentity {
            team: answer.team.unwrap_or_default(),
            bot_user_id,
            app_id: self.app.as_ref().and_then(app_id),
            missing_scopes,
        })
    }

    /// `apps.connections.open`: the address of one socket, good for one connection.
    pub(crate) async fn open_socket_url(&self) -> Result<Url, CallError> {
        let app = self.app.as_ref().ok_or_else(|| CallError::Refused("no app token".to_owned()))?;
        let answer: SocketAnswer = {
            let limit = limits::other("apps.connections.open");
            self.post("apps.connections.open", &limit, &serde_json::json!({}), app).await?
        };
        let url = answer.url.and_then(|url| Url::parse(&url).ok());
        url.filter(|url| is_allowed(url, "wss", "ws", self.loopback))
            .ok_or_else(|| CallError::Unknown("apps.connections.open gave no wss:// address".to_owned()))
    }

    /// A method that posts or edits a message, as the bot.
    pub(crate) async fn message<Q: Serialize + Send + Sync>(
        &self,
        method: &'static str,
        limit: &RateKey,
        request: &Q,
    ) -> Result<MessageAnswer, CallError> {
        let answer: Result<MessageAnswer, CallError> = self.post(method, limit, request, &self.bot).await;
        self.note(answer.as_ref().err());
        let answer = answer?;
        if answer.ok {
            Ok(answer)
        } else {
            // A page of something between us and Slack reads as an empty answer.
            Err(CallError::Unknown(format!("{method} answered 200 without ok")))
        }
    }

    /// A method that shows nothing to anybody by itself, as the bot. What it lacks does not bar messages.
    pub(crate) async fn call(
        &self,
        method: &'static str,
        request: &serde_json::Value,
    ) -> Result<serde_json::Value, CallError> {
        self.post(method, &limits::other(method), request, &self.bot).await
    }

    /// One answer of `conversations.list`: public channels that are not archived.
    pub(crate) async fn channels(&self, limit: u32, cursor: &str) -> Result<serde_json::Value, CallError> {
        const METHOD: &str = "conversations.list";
        let session = self.client.open_session(&self.bot);
        let limit_text = limit.to_string();
        let params = [
            ("types", Some("public_channel")),
            ("exclude_archived", Some("true")),
            ("limit", Some(limit_text.as_str())),
            ("cursor", Some(cursor).filter(|cursor| !cursor.is_empty())),
        ];
        let call = session.http_session_api.http_get(METHOD, &params, None);
        self.sorted(METHOD, &limits::other(METHOD), call).await
    }

    /// A message as `reactions.get` shows it, with everybody who reacted.
    pub(crate) async fn reacted(&self, channel: &str, ts: &str) -> Result<serde_json::Value, CallError> {
        const METHOD: &str = "reactions.get";
        let session = self.client.open_session(&self.bot);
        let params = [("channel", Some(channel)), ("timestamp", Some(ts)), ("full", Some("true"))];
        let call = session.http_session_api.http_get(METHOD, &params, None);
        let answer: Result<serde_json::Value, CallError> =
            self.sorted(METHOD, &limits::reacted(), call).await;
        self.note(answer.as_ref().err());
        let mut answer = answer?;
        match answer.get_mut("message") {
            Some(message) if message.is_object() => Ok(message.take()),
            _ => Err(CallError::Unknown(format!("{METHOD} answered 200 without a message"))),
        }
    }

    /// `chat.getPermalink`: a message's address.
    pub(crate) async fn permalink(&self, channel: &str, ts: &str) -> Result<String, CallError> {
        const METHOD: &str = "chat.getPermalink";
        let session = self.client.open_session(&self.bot);
        let params = [("channel", Some(channel)), ("message_ts", Some(ts))];
        let call = session.http_session_api.http_get(METHOD, &params, None);
        let answer: Result<PermalinkAnswer, CallError> =
            self.sorted(METHOD, &limits::other(METHOD), call).await;
        self.note(answer.as_ref().err());
        answer.map(|PermalinkAnswer { permalink }| permalink)
    }

    /// `views.open`: shows a form to whoever has just clicked.
    pub(crate) async fn open_view<Q: Serialize + Send + Sync>(&self, request: &Q) -> Result<(), CallError> {
        let answer: Result<Empty, CallError> =
            self.post("views.open", &limits::view(), request, &self.bot).await;
        self.note(answer.as_ref().err());
        answer.map(|Empty {}| ())
    }

    /// Posts to the `response_url` of a command or click. It carries its own authority, so no token
    /// goes with it, and it is never logged.
    pub(crate) async fn respond<Q: Serialize + Send + Sync>(
        &self,
        response_url: &str,
        request: &Q,
    ) -> Result<(), CallError> {
        let url = Url::parse(response_url).ok().filter(|url| is_allowed(url, "https", "http", self.loopback));
        let url = url.ok_or_else(|| CallError::Refused("the response_url is not https://".to_owned()))?;
        let span = tracing::Span::none();
        let context = SlackClientApiCallContext {
            rate_control_params: None,
            token: None,
            tracing_span: &span,
            is_sensitive_url: true,
        };
        let call = self.client.http_api.connector.http_post_uri::<_, Empty>(url, request, context);
        let limit = limits::respond(response_url);
        self.sorted("response_url", &limit, call).await.map(|Empty {}| ())
    }

    /// Uploads one file without showing it to anybody yet. Returns its id.
    pub(crate) async fn upload(&self, file: &Upload<'_>) -> Result<String, CallError> {
        let session = self.client.open_session(&self.bot);
        let request = SlackApiFilesGetUploadUrlExternalRequest::new(file.name.to_owned(), file.content.len());
        let mut params =
            vec![("filename", Some(request.filename)), ("length", Some(request.length.to_string()))];
        // What slack-morphism's own request does not know.
        params.extend(file.alt.map(|alt| ("alt_txt", Some(alt.to_owned()))));
        let ticket = session.http_session_api.http_get("files.getUploadURLExternal", &params, None);
        let ticket: UploadTicket =
            self.sorted("files.getUploadURLExternal", &limits::upload_address(), ticket).await?;
        let (Some(url), Some(file_id)) = (ticket.upload_url, ticket.file_id) else {
            return Err(CallError::NotReached("files.getUploadURLExternal gave no address".to_owned()));
        };
        if !is_allowed(&url, "https", "http", self.loopback) {
            return Err(CallError::Refused("the upload address is not https://".to_owned()));
        }
        let upload =
            session.http_session_api.http_post_uri_binary(url, file.kind.to_owned(), file.content, None);
        self.sorted("files.upload", &limits::upload(), upload).await.map(|Empty {}| file_id)
    }

    /// Shows uploaded files in a channel or thread.
    pub(crate) async fn share(
        &self,
        request: &SlackApiFilesCompleteUploadExternalRequest,
    ) -> Result<(), CallError> {
        let answer: Result<Empty, CallError> =
            self.post("files.completeUploadExternal", &limits::share(), request, &self.bot).await;
        answer.map(|Empty {}| ())
    }

    async fn post<Q, A>(
        &self,
        method: &'static str,
        limit: &RateKey,
        request: &Q,
        token: &SlackApiToken,
    ) -> Result<A, CallError>
    where
        Q: Serialize + Send + Sync,
        A: DeserializeOwned + Send,
    {
        let session = self.client.open_session(token);
        self.sorted(method, limit, session.http_session_api.http_post(method, request, None)).await
    }

    /// Makes a call unless Slack said that it is too early for it, waits for it up to the deadline, sorts its
    /// failure and remembers a 429.
    async fn sorted<A>(
        &self,
        method: &'static str,
        limit: &RateKey,
        call: impl Future<Output = ClientResult<A>>,
    ) -> Result<A, CallError> {
        if let Some(rest) = self.closed.rest(limit, Instant::now()) {
            return Err(CallError::RateLimited(rest, limit.clone()));
        }
        let answer = deadline(async { call.await.map_err(|error| sort(method, limit, &error)) }).await;
        if let Err(CallError::RateLimited(after, limit)) = &answer {
            self.closed.close(limit, Instant::now() + *after);
            metrics::counter!("acgs_rate_limited_total", "platform" => "slack", "method" => method)
                .increment(1);
        }
        answer
    }
}

fn connector() -> Result<HttpsConnector<HttpConnector>, SlackError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_keepalive(Some(KEEP_ALIVE));
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|error| SlackError::Unreachable(format!("no root certificates on this host: {error}")))?;
    // HTTP/1.1 only: a call that times out then takes its connection with it, while over HTTP/2 all
    // later calls would go on to wait on the dead one.
    Ok(builder.https_or_http().enable_http1().wrap_connector(tcp))
}

fn token(secret: &SecretString, kind: SlackApiTokenType) -> SlackApiToken {
    SlackApiToken::new(SlackApiTokenValue(secret.expose_secret().to_owned())).with_token_type(kind)
}

/// An app token is `xapp-1-A0123456789-…`.
fn app_id(token: &SlackApiToken) -> Option<String> {
    token.token_value.0.split('-').nth(2).filter(|part| part.starts_with('A')).map(str::to_owned)
}

fn granted_scopes(headers: &http::HeaderMap) -> Option<Vec<String>> {
    let list = headers.get("x-oauth-scopes")?.to_str().ok()?;
    Some(list.split(',').map(|scope| scope.trim().to_owned()).collect())
}

/// Whether the address stays on this host.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// `secure` anywhere; `open` on loopback, and only where `loopback` says that Slack itself is there.
pub(crate) fn is_allowed(url: &Url, secure: &str, open: &str, loopback: bool) -> bool {
    url.host().is_some() && (url.scheme() == secure || (url.scheme() == open && loopback && is_loopback(url)))
}

async fn deadline<A>(call: impl Future<Output = Result<A, CallError>>) -> Result<A, CallError> {
    let late = |_| Err(CallError::Unknown(format!("no answer within {CALL_TIMEOUT:?}")));
    tokio::time::timeout(CALL_TIMEOUT, call).await.unwrap_or_else(late)
}

/// Says nothing of the answer's body, which can hold secrets.
fn sort(method: &'static str, limit: &RateKey, error: &SlackClientError) -> CallError {
    match error {
        SlackClientError::RateLimitError(error) => {
            CallError::RateLimited(error.retry_after.unwrap_or(UNSAID_RETRY_AFTER), limit.clone())
        }
        SlackClientError::ApiError(error) => CallError::from_code(&error.code, limit),
        SlackClientError::HttpError(error) if error.status_code.is_server_error() => {
            CallError::Unknown(format!("{method} answered HTTP {}", error.status_code.as_u16()))
        }
        SlackClientError::HttpError(error) => {
            let body = error.http_response_body.as_deref().unwrap_or_default();
            match slacks_word(body) {
                Some(code) => CallError::from_code(&code, limit),
                None if is_in_front(error.status_code) => CallError::NotReached(format!(
                    "{method}: HTTP {} of something in front of Slack",
                    error.status_code.as_u16()
                )),
                None => CallError::Refused(format!("{method} answered HTTP {}", error.status_code.as_u16())),
            }
        }
        SlackClientError::HttpProtocolError(error) => {
            let cause = error.cause.as_deref();
            match cause.and_then(|cause| cause.downcast_ref::<hyper_util::client::legacy::Error>()) {
                Some(error) => http_error(error),
                None => CallError::NotReached(format!("{method}: the request could not be built")),
            }
        }
        SlackClientError::ProtocolError(_) => {
            CallError::Unknown(format!("{method} answered something else than Slack does"))
        }
        SlackClientError::SystemError(_) => CallError::Unknown(format!("{method}: the answer broke off")),
        SlackClientError::EndOfStream(_) | SlackClientError::SocketModeProtocolError(_) => {
            CallError::Unknown(format!("{method}: no answer"))
        }
    }
}

/// Slack's own code in an answer with an error's status: a `response_url` has them as JSON or as a bare word.
fn slacks_word(body: &str) -> Option<String> {
    let json: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let code = json.as_ref().and_then(|json| json["error"].as_str()).unwrap_or(body.trim());
    let is_code = (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_code.then(|| code.to_owned())
}

/// A proxy's refusal or sign-in page. It ends some day, and Slack has seen nothing of the call.
fn is_in_front(status: http::StatusCode) -> bool {
    status.is_redirection() || matches!(status.as_u16(), 401 | 403 | 407 | 408 | 421 | 425 | 451)
}

fn http_error(error: &hyper_util::client::legacy::Error) -> CallError {
    if error.is_connect() {
        CallError::NotReached("no connection".to_owned())
    } else {
        CallError::Unknown("the connection broke after the request was sent".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slacks_own_word_is_told_from_a_page_in_front_of_it() {
        assert_eq!(slacks_word(r#"{"ok":false,"error":"expired_url"}"#).as_deref(), Some("expired_url"));
        assert_eq!(slacks_word("no_service\n").as_deref(), Some("no_service"));
        for page in ["", "<html>sign in</html>", "Access denied", "{}", r#"{"message":"x"}"#] {
            assert_eq!(slacks_word(page), None, "{page:?}");
        }
    }
}
