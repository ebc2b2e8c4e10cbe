//! An incident begins.

use commands::escalation::{Course, Policy};
use commands::ids::{Place, Platform, RunId, ServiceName};
use commands::incident::{Severity, State};
use commands::timeline::{Entry, Happened};
use store::NewIncident;

use crate::app::App;
use crate::asked::Asker;
use crate::performed::{News, Performed};
use crate::{clock, report};

/// What somebody says is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// How bad.
    pub severity: Severity,
    /// In a few words.
    pub title: &'a str,
    /// What it is about.
    pub service: Option<&'a ServiceName>,
    /// Whether it is an attack.
    pub security: bool,
    /// Whether it is an exercise.
    pub drill: bool,
}

/// Opens one. A command that is taken up after a crash finds the one that it has opened.
pub async fn open(app: &App, asker: Asker<'_>, run: RunId, wanted: Wanted<'_>) -> anyhow::Result<Performed> {
    let now = clock::now();
    let by = asker.person.name.clone();
    let schedule = app.config.escalation.clone().unwrap_or_else(Policy::silent);
    let course = Course::open(schedule, wanted.severity, wanted.security, now);
    // Kept for ever, and what was typed may hold a secret.
    let title = app.redactor.text(wanted.title);
    let what = Happened::Opened { severity: wanted.severity, title: title.clone() };
    let new = NewIncident {
        run,
        title,
        place: asker.place.cloned(),
        services: wanted.service.cloned().into_iter().collect(),
        by: by.clone(),
        state: State::new(course, homes(app, asker.place), wanted.drill, by.clone()),
        // Its cards are the first that it owes.
        owed_at: Some(now),
        entry: Entry { at: now, by: Some(by), what },
    };
    let number = app.store.open_incident(new, now).await?;
    app.incidents.notify_one();
    app.rooms.nudge();
    let calls = app.config.escalation.is_some();
    Ok(Performed::done(report::incident::opened(number, &wanted, calls), News::Good))
}

/// Where it is told: where it was opened, and the first incident channel of every other platform.
#[must_use]
pub fn homes(app: &App, place: Option<&Place>) -> Vec<Place> {
    let rooms = &app.config.bot.incident_channels;
    let mut homes: Vec<Place> =
        place.filter(|place| rooms.contains(&place.room)).cloned().into_iter().collect();
    for platform in [Platform::Slack, Platform::Discord, Platform::Web] {
        let told = homes.iter().any(|home| home.room.platform == platform);
        let first = rooms.iter().find(|room| room.platform == platform);
        if let (false, true, Some(room)) = (told, app.config.connects(platform), first) {
            homes.push(Place::channel(room.clone()));
        }
    }
    homes
}
