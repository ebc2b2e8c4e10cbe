//! How incidents stand, and what happened in them.

use commands::ids::{Place, RunId};
use commands::incident::{Incident, IncidentNumber};
use commands::intent::Which;
use commands::message::TextFile;
use commands::timeline::{Entry, Happened};
use store::{Changed, NewEntry, StoredIncident};

use super::meant;
use crate::app::App;
use crate::asked::Asker;
use crate::escalation::{finish, quiet, unchanged};
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// Others may be quicker so often in a row.
const TRIES: usize = 20;
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
    let content = report::incident::postmortem(&incident, &entries, clock::now());
    let file = TextFile { name: format!("incident-{}.md", incident.number), content };
    Ok(Performed::done(report::incident::postmortem_made(&incident, file), News::Good))
}

/// A command that somebody typed where open incidents are told stands on their timelines, and is a word of a person.
pub async fn note_command(
    app: &App,
    place: &Place,
    run: RunId,
    by: &str,
    what: &Happened,
) -> Result<(), store::StoreError> {
    let open = app.store.open_incidents().await?;
    for StoredIncident { incident, .. } in open.into_iter().filter(|open| open.incident.is_at(place)) {
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
