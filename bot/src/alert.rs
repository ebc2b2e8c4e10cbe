//! Alerts come in: one message a group, edited as it changes, and an incident where the rules ask for one.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use commands::alert::{Notification, Status, name};
use commands::escalation::{Course, Policy};
use commands::ids::{Place, RunId, ServiceName};
use commands::incident::{Incident, Severity, State as Going};
use commands::intent::AlertAsk;
use commands::message::Target;
use commands::silence::{Matcher, NewSilence};
use commands::timeline::{Entry, Happened};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use store::{Changed, Lane, NewEntry, NewIncident, NewMessage, Noted, StoredIncident};
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::asked::Asker;
use crate::escalation::{finish, unchanged};
use crate::execute::silence;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, incident, report};

/// A notification of some thousand alerts.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// Others may be quicker so often in a row.
const TRIES: usize = 20;

/// `POST /alertmanager`, for whoever has the token.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/alertmanager", post(receive))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(app)
}

/// Nothing but a 2xx keeps Alertmanager from trying again, and it is given once everything is stored.
async fn receive(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let Some(token) = &app.config.alertmanager_token else {
        return (StatusCode::NOT_FOUND, "[alertmanager] webhook_token is not configured\n");
    };
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let same: bool = given.as_bytes().ct_eq(token.expose_secret().as_bytes()).into();
    if !same {
        metrics::counter!("acgs_alerts_total", "result" => "refused").increment(1);
        return (StatusCode::UNAUTHORIZED, "not the token of [alertmanager] webhook_token\n");
    }
    let notification = serde_json::from_slice::<Notification>(&body).ok().filter(Notification::is_known);
    let Some(notification) = notification else {
        metrics::counter!("acgs_alerts_total", "result" => "malformed").increment(1);
        return (StatusCode::BAD_REQUEST, "not a notification of version 4\n");
    };
    match take(&app, &notification).await {
        Ok(result) => {
            metrics::counter!("acgs_alerts_total", "result" => result).increment(1);
            (StatusCode::OK, "stored\n")
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "alerts can't be stored");
            (StatusCode::SERVICE_UNAVAILABLE, "not stored, try again\n")
        }
    }
}

async fn take(app: &App, notification: &Notification) -> anyhow::Result<&'static str> {
    let _one_at_a_time = app.alerts.lock().await;
    let _turn = app.store.alerts_turn().await?;
    let now = clock::now();
    let episode = match app.store.compare_alerts(notification).await? {
        // Everything that follows from it was stored before the answer to the first one.
        Noted::Repeat => return Ok("repeat"),
        Noted::New { episode } => episode,
    };
    let name_of = hashed(&format!("{}/{episode}", notification.group_key));
    // Of what fires: where people resolved the incident meanwhile, only something new opens another.
    let mut firing: Vec<String> = notification
        .alerts
        .iter()
        .filter(|alert| alert.status == Status::Firing)
        .map(|alert| format!("{}/{}", alert.fingerprint, alert.starts_at))
        .collect();
    firing.sort_unstable();
    let opening = hashed(&format!("{}/{episode}/{}", notification.group_key, firing.join("/")));
    let run = RunId::from_random(u64::from_str_radix(&opening[..12], 16).unwrap_or_default());
    // The incident first: a crash before the notification is stored brings the same one, which finds it.
    let incident = belongs_to(app, notification, run, now).await?;
    let homes =
        incident.as_ref().map_or_else(|| incident::homes(app, None), |known| known.state.homes.clone());
    let message = |(number, place): (usize, Place)| NewMessage {
        slot: format!("a{}-{number}", &name_of[..16]),
        lane: if notification.severity() == Severity::P2 { Lane::Answer } else { Lane::Page },
        target: Target::Post(place),
        reply: app.redactor.reply(report::alert(notification, incident.as_ref(), now)),
    };
    let messages = homes.into_iter().enumerate().map(message).collect();
    app.store.note_alerts(notification, episode, messages, now).await?;
    app.outbox.nudge();
    app.incidents.notify_one();
    app.rooms.nudge();
    Ok("new")
}

fn hashed(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// The open incident of one of its services, which gets it on its timeline; a new one where it is bad enough.
async fn belongs_to(
    app: &App,
    notification: &Notification,
    run: RunId,
    now: Timestamp,
) -> anyhow::Result<Option<Incident>> {
    let severity = notification.severity();
    if severity == Severity::P2 {
        return Ok(None);
    }
    let firing = notification.status == Status::Firing;
    let known = |name: &&str| app.config.services.iter().any(|service| service.name.as_str() == *name);
    let services: Vec<ServiceName> =
        notification.services().into_iter().filter(known).filter_map(|name| name.parse().ok()).collect();
    let open = app.store.open_incidents().await?;
    let same = open.into_iter().map(|open| open.incident).find(|open| {
        // What names no service belongs to what alerts opened for no service, and to nobody else's.
        let of_none =
            services.is_empty() && open.services.is_empty() && open.opened.1 == report::ALERTMANAGER;
        !open.state.drill && (of_none || open.services.iter().any(|name| services.contains(name)))
    });
    let incident = match same {
        Some(incident) if firing && severity < incident.severity() => worsen(app, incident, severity).await?,
        Some(incident) => incident,
        None if !firing => return Ok(None),
        None => {
            let by = report::ALERTMANAGER.to_owned();
            let title = app.redactor.text(&report::quoted(&notification.title()));
            let policy = app.config.escalation.clone().unwrap_or_else(Policy::silent);
            let course = Course::open(policy, severity, false, now);
            let what = Happened::Opened { severity, title: title.clone() };
            let new = NewIncident {
                run,
                title,
                place: None,
                services,
                by: by.clone(),
                state: Going::new(course, incident::homes(app, None), false, by.clone()),
                owed_at: Some(now),
                entry: Entry { at: now, by: Some(by), what },
            };
            let number = app.store.open_incident(new, now).await?;
            match app.store.incident(number).await? {
                Some(stored) => stored.incident,
                None => anyhow::bail!("incident {number} was just opened and is gone"),
            }
        }
    };
    for alert in &notification.alerts {
        let firing = alert.status == Status::Firing;
        let entry =
            Entry { at: now, by: None, what: Happened::Alert { name: alert.name().to_owned(), firing } };
        let once = format!("alert/{}/{}/{firing}", alert.fingerprint, alert.starts_at.as_second());
        app.store.add_to_timeline(incident.number, NewEntry { entry, once: Some(once) }).await?;
    }
    Ok(Some(incident))
}

/// An alert says that it is worse than people thought: whoever is called then is called.
async fn worsen(app: &App, incident: Incident, severity: Severity) -> anyhow::Result<Incident> {
    for _ in 0..TRIES {
        let Some(StoredIncident { mut incident, version }) = app.store.incident(incident.number).await?
        else {
            break;
        };
        let from = incident.severity();
        if incident.resolved.is_some() || severity >= from {
            return Ok(incident);
        }
        let now = clock::now();
        let mut change = unchanged(&incident, version);
        incident.state.course.set_severity(severity, now);
        incident.state.moved_by = report::ALERTMANAGER.to_owned();
        let what = Happened::Severity { from, to: severity, why: None };
        let entry = Entry { at: now, by: Some(report::ALERTMANAGER.to_owned()), what };
        change.entries.push(NewEntry { entry, once: None });
        finish(app, incident.clone(), &mut change, now);
        if app.store.change_incidents(vec![change], now).await?.first() == Some(&Changed::Done) {
            incident::room::want_more(app, incident.number).await;
            return Ok(incident);
        }
    }
    anyhow::bail!("incident {} was changed by others {TRIES} times meanwhile", incident.number)
}

/// `alert list` and `alert silence`.
pub async fn answer(app: &App, asker: Asker<'_>, ask: &AlertAsk) -> anyhow::Result<Performed> {
    let Some(alertmanager) = &app.executors.alertmanager else {
        return Ok(Performed::done(report::not_configured("alertmanager"), News::Bad));
    };
    let alerts = match alertmanager.alerts(DEADLINE).await {
        Ok(alerts) => alerts,
        Err(error) => return Ok(Performed::failed(report::unavailable("Alertmanager", &error.to_string()))),
    };
    let now = clock::now();
    match ask {
        AlertAsk::List => Ok(Performed::done(report::alerts(&alerts, now), news(alerts.is_empty()))),
        AlertAsk::Silence { id, length, why } => {
            let mut meant = alerts.iter().filter(|alert| alert.fingerprint.starts_with(id.as_str()));
            let (Some(alert), None) = (meant.next(), meant.next()) else {
                return Ok(Performed::failed(report::no_such_alert(id)));
            };
            let wanted = NewSilence {
                matchers: alert.labels.iter().map(|(label, value)| Matcher::is(label, value)).collect(),
                starts: now,
                ends: now + std::time::Duration::from(*length),
                by: asker.person.name.clone(),
                comment: app.redactor.text(why.as_str()),
            };
            Ok(match silence::make(app, &wanted).await {
                Ok(_) => Performed::done(report::alert_silenced(name(&alert.labels), &wanted), News::Good),
                Err(why) => Performed::failed(report::unavailable("Alertmanager", &why)),
            })
        }
    }
}
