//! The server-sent events that keep a page current.
//!
//! Three events: `hello` (the page clears itself if `fresh`), `post` (a message as it is now) and
//! `ready` (everything up to now was sent). An event's id is the version it brings the page to, so a
//! page that comes back with `Last-Event-ID` gets what changed meanwhile. A page is written to as
//! fast as it reads: what it has not read yet is not queued here but looked up when it does.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::access::Visitor;
use crate::refusal::Refusal;
use crate::view::MessageView;
use crate::{Pulse, Web, WebChat, WebMode};

/// A page that hears nothing for longer than twice this opens a new stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A session that ended elsewhere is noticed within this time.
const SESSION_CHECK: Duration = Duration::from_secs(30);
/// Messages looked up at a time.
const BATCH: usize = 32;

/// `GET /api/events?after=`: the last event id, where the page opens a stream anew by itself; the
/// browser's own reconnection sends it as `Last-Event-ID`, which is newer.
#[derive(Deserialize)]
pub(crate) struct After {
    #[serde(default)]
    after: String,
}

pub(crate) async fn events(
    State(web): State<Web>,
    visitor: Visitor,
    after: Result<Query<After>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let Query(After { after }) = after.map_err(|_| Refusal::Malformed)?;
    let chat = web.chat;
    let seat = chat.inner.seats.clone().try_acquire_owned().map_err(|_| Refusal::Streams)?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or(&after);
    let seen = resume_point(&chat, last);
    let reader = Reader::new(chat, visitor, seat, seen);
    let stream = futures_util::stream::unfold(reader, Reader::next);
    // A comment for the proxies on the way and an event for the page, which can't see comments.
    let beat = Event::default().comment("keep-alive").event("beat").data("1");
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).event(beat)))
}

/// The version that an event id stands for; `None` if it is not of this process.
fn resume_point(chat: &WebChat, event_id: &str) -> Option<u64> {
    let (epoch, version) = event_id.split_once('-')?;
    let version = version.parse().ok()?;
    (epoch == chat.inner.epoch && version <= chat.read(|history| history.version())).then_some(version)
}

/// One page's reading.
struct Reader {
    chat: WebChat,
    visitor: Visitor,
    /// The page is current up to this version.
    seen: u64,
    /// Until `ready` is sent.
    is_catching_up: bool,
    /// At most one batch.
    ready: VecDeque<Event>,
    pulse: watch::Receiver<Pulse>,
    logouts: u64,
    _seat: OwnedSemaphorePermit,
}

impl Reader {
    fn new(chat: WebChat, visitor: Visitor, seat: OwnedSemaphorePermit, seen: Option<u64>) -> Self {
        let pulse = chat.inner.pulse.subscribe();
        let logouts = pulse.borrow().logouts;
        let ready = VecDeque::new();
        let mut reader =
            Self { chat, visitor, seen: 0, is_catching_up: true, ready, pulse, logouts, _seat: seat };
        match seen {
            Some(seen) if !reader.has_lost(seen) => reader.begin(seen, "resumed"),
            Some(_) | None => reader.begin(0, "fresh"),
        }
        reader
    }

    /// Whether a change after `seen` is no longer kept.
    fn has_lost(&self, seen: u64) -> bool {
        self.chat.read(|history| history.forgotten()) > seen
    }

    fn begin(&mut self, seen: u64, how: &str) {
        self.seen = seen;
        self.is_catching_up = true;
        let hello = json!({ "how": how }).to_string();
        self.ready.push_back(Event::default().event("hello").data(hello));
    }

    /// The next event; `None` ends the stream.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            let pulse = *self.pulse.borrow_and_update();
            let logged_out = pulse.logouts != self.logouts && !self.has_session().await;
            if !pulse.open || logged_out {
                return None;
            }
            self.logouts = pulse.logouts;
            self.look_up();
            if self.ready.is_empty() && !self.wait().await {
                return None;
            }
        }
    }

    /// Readies the next batch.
    fn look_up(&mut self) {
        if !self.is_catching_up && self.has_lost(self.seen) {
            self.begin(0, "fresh");
            return;
        }
        let (batch, version) =
            self.chat.read(|history| (history.since(self.seen, &self.visitor.key, BATCH), history.version()));
        for message in &batch {
            let view = MessageView::new(&self.chat, message, &self.visitor.key);
            let event = self.event("post", message.version, &json!(view));
            self.ready.push_back(event);
        }
        match batch.last() {
            Some(newest) => self.seen = newest.version,
            None => self.seen = version,
        }
        if batch.is_empty() && self.is_catching_up {
            self.is_catching_up = false;
            let event = self.event("ready", self.seen, &json!({}));
            self.ready.push_back(event);
        }
    }

    fn event(&self, name: &str, version: u64, data: &serde_json::Value) -> Event {
        let id = format!("{}-{version}", self.chat.inner.epoch);
        Event::default().event(name).id(id).data(data.to_string())
    }

    /// Until there may be something new; false when the session or the chat is over.
    async fn wait(&mut self) -> bool {
        loop {
            tokio::select! {
                changed = self.pulse.changed() => return changed.is_ok(),
                () = tokio::time::sleep(SESSION_CHECK) => if !self.has_session().await { return false },
            }
        }
    }

    async fn has_session(&self) -> bool {
        match (&self.chat.config().mode, &self.visitor.cookie) {
            (WebMode::Demo, _) => true,
            (WebMode::Login(_), None) => false,
            (WebMode::Login(logins), Some(cookie)) => {
                (logins.session)(cookie.clone()).await.as_deref() == Some(self.visitor.key.as_str())
            }
        }
    }
}
