//! The public status page: what people published, and nothing else of the bot. No login, no script, one request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use commands::timeline::{Entry, Happened};
use jiff::SignedDuration;
use store::StoredIncident;
use tokio::sync::Mutex;

use crate::app::App;
use crate::{clock, report};

/// However many ask, the store is read this often at most.
const FRESH: Duration = Duration::from_secs(10);
/// What ended longer ago is not shown.
const SHOWN: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Incidents that are looked through.
const INCIDENTS: u32 = 100;

/// An incident as everybody may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its number.
    pub number: u32,
    /// Whether it is over.
    pub resolved: bool,
    /// What was published, the newest first, each with its time.
    pub updates: Vec<(jiff::Timestamp, String)>,
}

/// Both forms of the page.
#[derive(Clone)]
struct Pages {
    html: String,
    atom: String,
    read: Instant,
}

#[derive(Clone)]
struct Page {
    app: Arc<App>,
    cached: Arc<Mutex<Option<Pages>>>,
}

/// `GET /status` and `GET /status.atom`.
pub fn router(app: Arc<App>) -> Router {
    let page = Page { app, cached: Arc::default() };
    Router::new().route("/status", get(html)).route("/status.atom", get(atom)).with_state(page)
}

async fn html(State(page): State<Page>) -> Response {
    answer(page, "text/html; charset=utf-8", |pages| pages.html).await
}

async fn atom(State(page): State<Page>) -> Response {
    answer(page, "application/atom+xml; charset=utf-8", |pages| pages.atom).await
}

async fn answer(page: Page, kind: &'static str, of: fn(Pages) -> String) -> Response {
    let Some(pages) = page.pages().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the status can't be read at the moment\n").into_response();
    };
    let mut response = of(pages).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=10"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl Page {
    /// As read a moment ago; what was read last where the store does not answer. However many wait, one reads.
    async fn pages(&self) -> Option<Pages> {
        let mut cached = self.cached.lock().await;
        if cached.as_ref().is_some_and(|pages| pages.read.elapsed() < FRESH) {
            return cached.clone();
        }
        match published(&self.app).await {
            Ok(published) => {
                let (name, now) = (&self.app.config.bot.name, clock::now());
                *cached = Some(Pages {
                    html: report::status_html(name, &published, now),
                    atom: report::status_atom(name, &published, now),
                    read: Instant::now(),
                });
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the status page can't be read");
                // Not asked again at once: the store has enough to do.
                if let Some(pages) = cached.as_mut() {
                    pages.read = Instant::now();
                }
            }
        }
        cached.clone()
    }
}

async fn published(app: &App) -> Result<Vec<Published>, store::StoreError> {
    let since = clock::now() - SHOWN;
    let mut all = Vec::new();
    // An open one is shown however many came after it.
    let mut candidates = app.store.open_incidents().await?;
    let newest = app.store.incidents(INCIDENTS).await?.into_iter();
    candidates.extend(newest.filter(|newest| newest.incident.resolved.is_some()));
    for StoredIncident { incident, .. } in candidates {
        let over = incident.resolved.as_ref();
        // An exercise is nobody's business outside, and what nobody published is not public.
        if incident.state.drill
            || incident.state.published.is_none()
            || over.is_some_and(|over| over.at < since)
        {
            continue;
        }
        let update = |entry: Entry| match entry.what {
            Happened::Published { text } => Some((entry.at, text)),
            Happened::Unchanged => Some((entry.at, report::STATUS_UNCHANGED.to_owned())),
            Happened::Resolved { .. } => Some((entry.at, report::STATUS_RESOLVED.to_owned())),
            Happened::Reopened => Some((entry.at, report::STATUS_REOPENED.to_owned())),
            _ => None,
        };
        let mut updates: Vec<_> =
            app.store.timeline(incident.number).await?.into_iter().filter_map(update).collect();
        updates.reverse();
        all.push(Published { number: incident.number.0, resolved: over.is_some(), updates });
    }
    Ok(all)
}
