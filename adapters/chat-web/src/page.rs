//! The page itself, compiled in, the files beside its cards, and the security headers.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse};
use commands::message::Reply;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Deserialize;

use crate::Web;
use crate::access::Visitor;
use crate::inbound::room;
use crate::refusal::Refusal;

/// Nothing but the page's own files, and (`require-trusted-types-for`) no text that becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

pub(crate) fn add_security_headers(headers: &mut HeaderMap) {
    for (name, value) in SECURITY_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

pub(crate) async fn index() -> impl IntoResponse {
    Html(include_str!("../page/chat.html"))
}

pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../page/chat.css"))
}

pub(crate) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../page/chat.js"))
}

/// `GET /api/file?room=&message=`, and `/api/picture` alike.
#[derive(Deserialize)]
pub(crate) struct FileOf {
    room: String,
    message: u64,
}

/// A message's file, as a download: a browser must never show it as a page of ours.
pub(crate) async fn file(
    State(web): State<Web>,
    visitor: Visitor,
    wanted: Result<Query<FileOf>, QueryRejection>,
) -> Result<impl IntoResponse, Refusal> {
    let file = reply(&web, &visitor, wanted)?.file.ok_or(Refusal::UnknownMessage)?;
    let disposition = format!("attachment; filename=\"{}\"", plain_name(&file.name));
    Ok((
        [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        file.content,
    ))
}

/// A message's picture, for an `img` of the page; `nosniff` keeps it one.
pub(crate) async fn picture(
    State(web): State<Web>,
    visitor: Visitor,
    wanted: Result<Query<FileOf>, QueryRejection>,
) -> Result<impl IntoResponse, Refusal> {
    let picture = reply(&web, &visitor, wanted)?.picture.ok_or(Refusal::UnknownMessage)?;
    let disposition = format!("inline; filename=\"{}\"", plain_name(&picture.name));
    Ok((
        [(header::CONTENT_TYPE, "image/png".to_owned()), (header::CONTENT_DISPOSITION, disposition)],
        picture.png.0,
    ))
}

/// The reply of a message that this visitor may see.
fn reply(
    web: &Web,
    visitor: &Visitor,
    wanted: Result<Query<FileOf>, QueryRejection>,
) -> Result<Reply, Refusal> {
    let Query(FileOf { room: room_id, message }) = wanted.map_err(|_| Refusal::Malformed)?;
    let room = room(web, &room_id)?;
    let found = web.chat.read(|history| history.find(&room, message, &visitor.key)?.reply().cloned());
    found.ok_or(Refusal::UnknownMessage)
}

/// The name with nothing in it that a header or a file system reads as more than a name.
fn plain_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).take(100).collect();
    let plain = plain.trim_start_matches('.');
    if plain.is_empty() { "output.txt".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::plain_name;

    #[test]
    fn a_files_name_is_only_a_name() {
        assert_eq!(plain_name("audit.txt"), "audit.txt");
        assert_eq!(plain_name("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(plain_name("a\"; x=\"b\r\nSet-Cookie: a"), "a___x__b__Set-Cookie__a");
        assert_eq!(plain_name("..."), "output.txt");
    }
}
