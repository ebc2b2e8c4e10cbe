//! Who may call: the host name, the origin and the session are checked here, before any handler.
//!
//! It does not decide what a person may do; that is the bot's.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use commands::ids::{Account, Platform};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::page::add_security_headers;
use crate::refusal::Refusal;
use crate::{Web, WebMode};

/// Names and values together.
const HEADER_LIMIT: usize = 16 * 1024;
/// A body that is not whole by then is given up.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The cookie of a login.
pub(crate) const COOKIE: &str = "acgs_session";

/// Refuses what can't come from the page, and puts the security headers on every answer.
pub(crate) async fn guard(State(web): State<Web>, request: Request, next: Next) -> Response {
    let mut response = match admit(&web, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    add_security_headers(response.headers_mut());
    response
}

fn admit(web: &Web, request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > HEADER_LIMIT {
        return Err(Refusal::HeadersTooLarge);
    }
    // A name of the attacker's that now resolves to 127.0.0.1 makes their page same-origin with us;
    // only the name in `Host` gives it away. With a login it gains nothing: the cookie is not theirs.
    if matches!(web.chat.config().mode, WebMode::Demo) && !host(headers).is_some_and(is_loopback) {
        return Err(Refusal::Host);
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_api = request.uri().path().starts_with("/api/");
    let site = text(headers, header::HeaderName::from_static("sec-fetch-site"));
    match (is_read, site) {
        // Somebody may follow a link to the page. The API is the page's own, also for reading:
        // another site can't read the answers, but could take every stream.
        (true, Some(site)) if is_api && !matches!(site, "same-origin" | "none") => Err(Refusal::CrossSite),
        (true, _) => Ok(()),
        (false, _) if is_same_origin(headers) => Ok(()),
        (false, _) => Err(Refusal::CrossSite),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The `Host` header, with the port.
pub(crate) fn host(headers: &HeaderMap) -> Option<&str> {
    text(headers, header::HOST)
}

/// Every browser sends `Origin` with a POST, and those of the last years `Sec-Fetch-Site` too. Both are
/// believed only when they say yes together; a request with neither is refused.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let site = text(headers, header::HeaderName::from_static("sec-fetch-site"));
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or(""));
    let origin_is_ours = origin.map(|origin| {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some() && authority == host(headers)
    });
    match (site, origin_is_ours) {
        (None, None) => false,
        (site, ours) => site.is_none_or(|site| site == "same-origin") && ours.unwrap_or(true),
    }
}

/// Whether a `Host` is this machine by name or address, with or without a port.
pub(crate) fn is_loopback(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_digits);
        return is_port && address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
    }
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    let name = name.to_ascii_lowercase();
    is_digits(port)
        && (name == "localhost"
            || name.ends_with(".localhost")
            || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback()))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The session cookie's value.
pub(crate) fn session_cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value.to_owned())
}

/// A person on the list, known by their session or, in the demo, by their pick.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) key: String,
    /// Outside the demo.
    pub(crate) cookie: Option<String>,
}

impl Visitor {
    pub(crate) fn account(&self) -> Account {
        Account::new(Platform::Web, self.key.as_str())
    }
}

/// Who the visitor picked. Outside the demo it is not looked at.
#[derive(Deserialize)]
struct Pick {
    #[serde(rename = "as")]
    person: String,
}

impl FromRequestParts<Web> for Visitor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Refusal> {
        let (key, cookie) = match &web.chat.config().mode {
            WebMode::Demo => {
                let Query(pick) =
                    Query::<Pick>::try_from_uri(&parts.uri).map_err(|_| Refusal::UnknownPerson)?;
                (pick.person, None)
            }
            WebMode::Login(logins) => {
                let cookie = session_cookie(&parts.headers).ok_or(Refusal::NotLoggedIn)?;
                let key = (logins.session)(cookie.clone()).await.ok_or(Refusal::NotLoggedIn)?;
                (key, Some(cookie))
            }
        };
        let person = web.chat.person(&key).ok_or(Refusal::UnknownPerson)?;
        Ok(Self { key: person.key.clone(), cookie })
    }
}

/// A JSON body.
pub(crate) struct Posted<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Web> for Posted<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Refusal> {
        // A form of another site can't have this type without asking us first, and we never allow it.
        let content_type = text(request.headers(), header::CONTENT_TYPE).unwrap_or("");
        let essence = content_type.split(';').next().unwrap_or("").trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Refusal::ContentType);
        }
        let body = tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, web));
        let body = body.await.map_err(|_| Refusal::Slow)?.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
            _ => Refusal::Malformed,
        })?;
        serde_json::from_slice(&body).map(Self).map_err(|_| Refusal::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_this_machines_own_names_are_loopback() {
        for host in
            ["localhost", "LOCALHOST:8080", "acgs.localhost:1", "127.0.0.1:80", "127.9.9.9", "[::1]:8080"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "127.0.0.1:80:80",
            "127.0.0.1@example.com",
            "192.168.0.1",
            "0.0.0.0",
            "[::]",
            "[::1",
            "[::1].example.com",
            "localhost:",
            "xlocalhost",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
