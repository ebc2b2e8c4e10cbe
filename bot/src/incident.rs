//! Incidents as records, and the freeze.

use commands::ids::{Place, RunId};
use commands::incident::{Incident, Resolved};
use commands::intent::IncidentAsk;
use commands::period::Period;
use store::{Freeze, NewIncident};

use crate::app::App;
use crate::config::Person;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// Incidents that ended which a list shows.
const LAST: u32 = 10;

/// Does what `ask` says; `place` is where it was typed, `None` at the terminal.
pub async fn answer(
    app: &App,
    person: &Person,
    ask: &IncidentAsk,
    place: Option<&Place>,
    run: RunId,
) -> anyhow::Result<Performed> {
    match ask {
        IncidentAsk::Open { severity, title, service } => {
            let new = NewIncident {
                run,
                severity: *severity,
                title: title.to_string(),
                place: place.cloned(),
                services: service.iter().cloned().collect(),
                by: person.name.clone(),
            };
            let number = app.store.open_incident(new, clock::now()).await?;
            let reply = report::incident_opened(number, *severity, title.as_str(), service.as_ref());
            Ok(Performed::done(reply, News::Good))
        }
        IncidentAsk::Resolve { how, number } => {
            let open = app.store.open_incidents().await?;
            let meant = match number {
                Some(number) => open.iter().find(|incident| incident.number == *number),
                None => here(&open, place),
            };
            let Some(incident) = meant else {
                let reply = number.map_or_else(|| report::no_incident(&open), report::not_open);
                return Ok(Performed::failed(reply));
            };
            let now = clock::now();
            let resolved = Resolved { at: now, by: person.name.clone(), how: how.to_string() };
            if !app.store.resolve_incident(incident.number, resolved).await? {
                return Ok(Performed::failed(report::not_open(incident.number)));
            }
            Ok(Performed::done(
                report::incident_resolved(incident, &person.name, how.as_str(), now),
                News::Good,
            ))
        }
        IncidentAsk::List => {
            let mut all = app.store.open_incidents().await?;
            let well = all.is_empty();
            let ended = app.store.incidents(LAST).await?;
            all.extend(ended.into_iter().filter(|incident| incident.resolved.is_some()));
            Ok(Performed::done(report::incidents(&all, clock::now()), news(well)))
        }
    }
}

/// The one that was opened where somebody types; where that does not tell, the only one that is open.
fn here<'a>(open: &'a [Incident], place: Option<&Place>) -> Option<&'a Incident> {
    let opened_here = |incident: &&Incident| {
        incident.place.as_ref().zip(place).is_some_and(|(opened, place)| opened == place)
    };
    let mut found = open.iter().filter(opened_here);
    match (found.next(), found.next(), open) {
        (Some(one), None, _) => Some(one),
        (None, _, [only]) => Some(only),
        _ => None,
    }
}

/// Nothing acts from now on.
pub async fn freeze(
    app: &App,
    person: &Person,
    why: &str,
    length: Option<Period>,
) -> anyhow::Result<Performed> {
    let now = clock::now();
    let freeze = Freeze {
        at: now,
        person: person.name.clone(),
        why: why.to_owned(),
        until: length.map(|length| now + std::time::Duration::from(length)),
    };
    app.store.freeze(freeze).await?;
    Ok(Performed::done(report::freeze_begun(why, length), News::Good))
}

/// Everything may act again.
pub async fn thaw(app: &App, person: &Person) -> anyhow::Result<Performed> {
    let count = app.store.thaw(&person.name, clock::now()).await?;
    Ok(Performed::done(report::thawed(count), News::Good))
}
