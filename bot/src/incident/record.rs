//! How incidents stand, and what happened in them.

use commands::ids::{Place, RunId, ServiceName};
use commands::incident::{Incident, IncidentNumber};
use commands::intent::Which;
use commands::message::TextFile;
use commands::plot::{Course, History, Wanted};
use commands::timeline::{Entry, Happened};
use commands::traffic::{HIGH_ERROR_RATIO, Quantile};
use exec_prometheus::PrometheusError;
use jiff::{SignedDuration, Timestamp};
use store::{Changed, NewEntry, StoredIncident};

use super::meant;
use crate::app::App;
use crate::asked::Asker;
use crate::escalation::{finish, quiet, unchanged};
use crate::performed::{News, Performed, news};
use crate::{clock, plot, report};

/// Others may be quicker so often in a row.
const TRIES: usize = 20;
/// That it was over is to be seen, too.
const AFTERWARDS: SignedDuration = SignedDuration::from_mins(10);
/// Incidents that ended which a list shows.
const LAST: u32 = 10;

pub(super) async fn list(app: &App) -> anyhow::Result<Performed> {
    let mut all: Vec<Incident> =
        app.store.open_incidents().await?.into_iter().map(|open| open.incident).collect();
    let well = all.is_empty();
    let ended = app.store.incidents(LAST).await?.into_iter().map(|ended| ended.incident);
    all.extend(ended.filter(|incident| incident.resolved.is_some()));
    Ok(Performed::done(report::incident::incidents(&all, clock::now()), news(well)))
}

pub(super) async fn show(app: &App, asker: Asker<'_>, which: Which) -> anyhow::Result<Performed> {
    let incident = match meant(app, asker, which, true).await? {
        Ok(stored) => stored.incident,
        Err(performed) => return Ok(performed),
    };
    let told = app.store.timeline(incident.number).await?;
    let next = incident.state.course.next(quiet(app));
    let reply = report::incident::show(&incident, next.as_ref(), &told, clock::now());
    Ok(Performed::done(reply, news(incident.resolved.is_some())))
}

pub(super) async fn timeline(app: &App, asker: Asker<'_>, which: Which) -> anyhow::Result<Performed> {
    let incident = match meant(app, asker, which, true).await? {
        Ok(stored) => stored.incident,
        Err(performed) => return Ok(performed),
    };
    let entries = app.store.timeline(incident.number).await?;
    Ok(Performed::done(report::incident::timeline(&incident, &entries), News::Good))
}

pub(super) async fn postmortem(app: &App, asker: Asker<'_>, which: Which) -> anyhow::Result<Performed> {
    let incident = match meant(app, asker, which, true).await? {
        Ok(stored) => stored.incident,
        Err(performed) => return Ok(performed),
    };
    let entries = app.store.timeline(incident.number).await?;
    let now = clock::now();
    let numbers = numbers(app, &incident, now).await;
    let content = report::incident::postmortem(&incident, &entries, &numbers, now);
    let file = TextFile { name: format!("incident-{}.md", incident.number), content };
    let mut reply = report::incident::postmortem_made(&incident, file);
    // One picture a message: that of the errors says most. The document has the others in characters.
    if let Some((wanted, history)) = numbers.into_iter().next() {
        reply = plot::beside(app, reply, &wanted, Some(history), Some(HIGH_ERROR_RATIO)).await;
    }
    Ok(Performed::done(reply, News::Good))
}

/// How the services went while it lasted; nothing where there is no Prometheus.
async fn numbers(
    app: &App,
    incident: &Incident,
    now: Timestamp,
) -> Vec<(Wanted, Result<History, PrometheusError>)> {
    let services: Vec<ServiceName> = app
        .config
        .services
        .iter()
        .map(|service| service.name.clone())
        .filter(|name| incident.services.is_empty() || incident.services.contains(name))
        .collect();
    let until = incident.resolved.as_ref().map_or(now, |resolved| (resolved.at + AFTERWARDS).min(now));
    let courses = [Course::Errors, Course::Latency(Quantile::P95)];
    let wanted = courses.map(|course| Wanted::through(course, incident.opened.0, until));
    let asked = wanted.iter().map(|wanted| plot::history_until(app, &services, wanted, until));
    let histories = futures_util::future::join_all(asked).await;
    let safe = |history| plot::without_secrets(app, history);
    let with_history = |(wanted, history): (Wanted, Option<Result<History, PrometheusError>>)| {
        Some((wanted, history?.map(safe)))
    };
    wanted.into_iter().zip(histories).filter_map(with_history).collect()
}

/// A command that somebody typed where open incidents are told stands on their timelines, and is a word of a person.
pub async fn note_command(
    app: &App,
    place: &Place,
    run: RunId,
    by: &str,
    what: &Happened,
) -> Result<(), store::StoreError> {
    let own = app.rooms.incident_at(place);
    let here = |incident: &Incident| own.map_or_else(|| incident.is_at(place), |own| own == incident.number);
    let open = app.store.open_incidents().await?;
    for StoredIncident { incident, .. } in open.into_iter().filter(|open| here(&open.incident)) {
        let entry = Entry { at: clock::now(), by: Some(by.to_owned()), what: what.clone() };
        let entry = NewEntry { entry, once: Some(format!("command/{run}")) };
        app.store.add_to_timeline(incident.number, entry).await?;
        word(app, incident.number).await?;
    }
    Ok(())
}

/// Somebody did something in it: what was acknowledged stays so.
pub async fn word(app: &App, number: IncidentNumber) -> Result<(), store::StoreError> {
    for _ in 0..TRIES {
        let Some(StoredIncident { mut incident, version }) = app.store.incident(number).await? else {
            return Ok(());
        };
        if incident.resolved.is_some() || !incident.state.course.is_acknowledged() {
            return Ok(());
        }
        let now = clock::now();
        let mut change = unchanged(&incident, version);
        incident.state.course.word(now);
        finish(app, incident, &mut change, now);
        if app.store.change_incidents(vec![change], now).await?.first() != Some(&Changed::Stale) {
            return Ok(());
        }
    }
    Ok(())
}
