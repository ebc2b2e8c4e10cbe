//! Incidents: opened, acknowledged, handed over, resolved; and the freeze.
//!
//! Every command reads the incident, decides purely, and stores the change with its timeline entry in one transaction;
//! where somebody else was quicker it decides anew. What the schedule owes after it is told by [`crate::escalation`].

mod act;
mod opening;
mod quote;
mod record;
pub mod room;

use commands::ids::{Place, RunId};
use commands::incident::Incident;
use commands::intent::{IncidentAsk, Which};
use commands::oncall::Who;
use commands::period::Period;
use store::{Freeze, StoredIncident};

use crate::app::App;
use crate::asked::Asker;
use crate::config::Person;
use crate::performed::{News, Performed};
use crate::{clock, report};

pub use opening::{Wanted, homes};
pub use quote::{Outcome, Which as WhichMessage, add};
pub use record::{note_command, word};
pub use room::Rooms;

/// Does what `ask` says.
pub async fn answer(app: &App, asker: Asker<'_>, ask: &IncidentAsk, run: RunId) -> anyhow::Result<Performed> {
    match ask {
        IncidentAsk::Open { severity, title, service, security, drill } => {
            let wanted = Wanted {
                severity: *severity,
                title: title.as_str(),
                service: service.as_ref(),
                security: *security,
                drill: *drill,
            };
            opening::open(app, asker, run, wanted).await
        }
        IncidentAsk::List => record::list(app).await,
        IncidentAsk::Show { which } => record::show(app, asker, *which).await,
        IncidentAsk::Timeline { which } => record::timeline(app, asker, *which).await,
        IncidentAsk::Postmortem { which } => record::postmortem(app, asker, *which).await,
        IncidentAsk::Ack { .. }
        | IncidentAsk::Update { .. }
        | IncidentAsk::Severity { .. }
        | IncidentAsk::Assign { .. }
        | IncidentAsk::Handoff { .. }
        | IncidentAsk::Escalate { .. }
        | IncidentAsk::Snooze { .. }
        | IncidentAsk::Note { .. }
        | IncidentAsk::StatusPage { .. }
        | IncidentAsk::Resolve { .. }
        | IncidentAsk::Reopen { .. } => act::act(app, asker, ask, run).await,
    }
}

/// The incident that is meant, or what to say where it can't be known.
async fn meant(
    app: &App,
    asker: Asker<'_>,
    which: Which,
    resolved_too: bool,
) -> anyhow::Result<Result<StoredIncident, Performed>> {
    let own = asker.place.and_then(|place| app.rooms.incident_at(place));
    if let Some(number) = which.number.or(own) {
        let found = app.store.incident(number).await?;
        let found = found.filter(|found| resolved_too || found.incident.resolved.is_none());
        return Ok(found.ok_or_else(|| Performed::failed(report::incident::not_open(number))));
    }
    let open = app.store.open_incidents().await?;
    if let Some(found) = told_here(&open, asker.place) {
        return Ok(Ok(found.clone()));
    }
    if resolved_too && open.is_empty() {
        let newest = app.store.incidents(1).await?.into_iter().next();
        if let Some(newest) = newest {
            return Ok(Ok(newest));
        }
    }
    let open: Vec<Incident> = open.into_iter().map(|open| open.incident).collect();
    Ok(Err(Performed::failed(report::incident::no_incident(&open))))
}

/// The one that is told in this channel; where that does not tell, the only one that is open.
fn told_here<'a>(open: &'a [StoredIncident], place: Option<&Place>) -> Option<&'a StoredIncident> {
    let mut found = open.iter().filter(|open| place.is_some_and(|place| open.incident.is_at(place)));
    match (found.next(), found.next(), open) {
        (Some(one), None, _) => Some(one),
        (_, _, [only]) => Some(only),
        _ => None,
    }
}

/// Somebody of the configuration: by the id in a mention of the asker's platform, or by name.
pub fn somebody<'a>(app: &'a App, asker: Asker<'_>, who: &Who) -> Option<&'a Person> {
    let people = &app.config.people;
    let account = commands::ids::Account::new(asker.account.platform, who.as_str());
    people.find(&account).or_else(|| {
        people.all().iter().find(|person| {
            let account = person.accounts.iter().any(|account| account.id == who.as_str());
            account || person.name.eq_ignore_ascii_case(who.as_str())
        })
    })
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
    Ok(Performed::done(report::incident::freeze_begun(why, length), News::Good))
}

/// Everything may act again.
pub async fn thaw(app: &App, person: &Person) -> anyhow::Result<Performed> {
    let count = app.store.thaw(&person.name, clock::now()).await?;
    Ok(Performed::done(report::incident::thawed(count), News::Good))
}
