//! How incidents stand, and what happened in them.

use commands::ids::{Place, RunId};
use commands::incident::Incident;
use commands::intent::Which;
use commands::message::TextFile;
use commands::timeline::{Entry, Happened};
use store::{NewEntry, StoredIncident};

use super::{here, meant};
use crate::app::App;
use crate::asked::Asker;
use crate::escalation::{finish, quiet, unchanged};
use crate::performed::{News, Performed, news};
use crate::{clock, report};

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

/// A command that somebody typed where an open incident is told stands on its timeline, and is a word of a person.
pub async fn note_command(
    app: &App,
    place: &Place,
    run: RunId,
    by: &str,
    what: Happened,
) -> Result<(), store::StoreError> {
    let open = app.store.open_incidents().await?;
    let Some(StoredIncident { incident, .. }) =
        here(&open, Some(place)).filter(|open| open.incident.is_at(place))
    else {
        return Ok(());
    };
    let now = clock::now();
    let entry = Entry { at: now, by: Some(by.to_owned()), what };
    let entry = NewEntry { entry, once: Some(format!("command/{run}")) };
    app.store.add_to_timeline(incident.number, entry).await?;
    // Where somebody else changed it meanwhile, that was a word as well.
    if let Some(StoredIncident { mut incident, version }) = app.store.incident(incident.number).await?
        && incident.resolved.is_none()
        && incident.state.course.is_acknowledged()
    {
        let mut change = unchanged(&incident, version);
        incident.state.course.word(now);
        finish(app, incident, &mut change, now);
        app.store.change_incidents(vec![change], now).await?;
    }
    Ok(())
}
