//! One-time links and the session cookie.
//!
//! The link's page only shows a button; its POST redeems the token. So a chat that previews links, or
//! a browser that prefetches, does not use the link up.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::access::{COOKIE, Posted, host, is_loopback, session_cookie};
use crate::refusal::Refusal;
use crate::{Logins, Web, WebMode};

/// `POST /login`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link {
    token: String,
}

/// `POST /logout`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Logout {}

pub(crate) async fn redeem(
    State(web): State<Web>,
    headers: HeaderMap,
    Posted(link): Posted<Link>,
) -> Result<Response, Refusal> {
    let logins = logins(&web)?;
    let session = (logins.redeem)(link.token).await.ok_or(Refusal::Link)?;
    if web.chat.person(&session.person).is_none() {
        return Err(Refusal::UnknownPerson);
    }
    let cookie = set_cookie(&headers, &session.cookie, session.max_age.as_secs())?;
    Ok(([(header::SET_COOKIE, cookie)], Json(json!({ "me": session.person }))).into_response())
}

pub(crate) async fn end(
    State(web): State<Web>,
    headers: HeaderMap,
    Posted(Logout {}): Posted<Logout>,
) -> Result<Response, Refusal> {
    let logins = logins(&web)?;
    if let Some(cookie) = session_cookie(&headers) {
        (logins.end)(cookie).await;
        web.chat.inner.pulse.send_modify(|pulse| pulse.logouts += 1);
    }
    let cookie = set_cookie(&headers, &SecretString::from(""), 0)?;
    Ok(([(header::SET_COOKIE, cookie)], Json(json!({}))).into_response())
}

fn logins(web: &Web) -> Result<&Logins, Refusal> {
    match &web.chat.config().mode {
        WebMode::Demo => Err(Refusal::NoLogin),
        WebMode::Login(logins) => Ok(logins),
    }
}

fn set_cookie(headers: &HeaderMap, value: &SecretString, max_age: u64) -> Result<HeaderValue, Refusal> {
    // Some browsers refuse `Secure` over plain HTTP even from loopback.
    let secure = if host(headers).is_some_and(is_loopback) { "" } else { "; Secure" };
    let value = value.expose_secret();
    let line = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age}{secure}");
    let mut line = HeaderValue::from_str(&line).map_err(|_| {
        tracing::error!("a session cookie has characters that no header may have");
        Refusal::Failed
    })?;
    line.set_sensitive(true);
    Ok(line)
}
