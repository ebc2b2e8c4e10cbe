//! Who is called: now, over the next days, and by an incident that is not there yet.

use std::time::Duration;

use commands::escalation::{Course, Due, Recipient};
use commands::ids::{Account, RunId};
use commands::incident::Severity;
use commands::intent::Oncall;
use commands::oncall::{Rung, Turn, standing, turns};
use jiff::{SignedDuration, Timestamp};
use store::Shift;

use crate::app::App;
use crate::asked::Asker;
use crate::escalation::telling::covers;
use crate::performed::{News, Performed, news};
use crate::{clock, config, report};

/// How far ahead `oncall schedule` looks.
const AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Whoever gives a shift away that has no end gives this.
const SHIFT: SignedDuration = SignedDuration::from_hours(12);
/// A preview goes on for so long after the ladder's last step.
const AFTER_THE_END: SignedDuration = SignedDuration::from_mins(31);

/// Does what `ask` says.
pub async fn answer(app: &App, asker: Asker<'_>, ask: &Oncall, run: RunId) -> anyhow::Result<Performed> {
    if *ask == Oncall::Contacts {
        return Ok(Performed::done(report::contacts(&app.config.contacts), News::Good));
    }
    let Some(oncall) = &app.config.oncall else {
        return Ok(Performed::done(report::not_configured("oncall"), News::Bad));
    };
    let now = clock::now();
    match ask {
        Oncall::Who | Oncall::Contacts => {
            let people = &app.config.people;
            let reachable = report::is_reachable(oncall, people);
            let covers = covers(app, now).await?;
            let listed = oncall.rungs.get(&Rung::OnCall).map(Vec::as_slice).unwrap_or_default();
            let on_call = standing(listed, oncall.rotations.get(&Rung::OnCall), &covers, now);
            Ok(Performed::done(report::oncall(oncall, people, &on_call), news(reachable)))
        }
        Oncall::Take { length } => {
            let name = &asker.person.name;
            if !app.config.reaches(asker.person) {
                return Ok(Performed::failed(report::not_reached(name)));
            }
            shift(
                app,
                Shift {
                    run,
                    person: name.clone(),
                    from: now,
                    until: now + Duration::from(*length),
                    by: name.clone(),
                },
            )
            .await
        }
        Oncall::Give { who, length } => {
            let Some(person) = crate::incident::somebody(app, asker, who) else {
                return Ok(Performed::failed(report::incident::nobody(who)));
            };
            if !app.config.reaches(person) {
                return Ok(Performed::failed(report::not_reached(&person.name)));
            }
            let until = match length {
                Some(length) => now + Duration::from(*length),
                None => end_of_shift(app, oncall, &asker.person.name, now).await?,
            };
            let (person, by) = (person.name.clone(), asker.person.name.clone());
            shift(app, Shift { run, person, from: now, until, by }).await
        }
        Oncall::Schedule => {
            let turns = coming(app, oncall, now).await?;
            Ok(Performed::done(report::oncall_schedule(&turns, &oncall.zone), News::Good))
        }
        Oncall::Preview { severity, security } => preview(app, oncall, *severity, *security, now).await,
    }
}

/// The accounts of whoever is on call at `now`. While shifts can't be read, it is who is listed.
pub async fn on_call(app: &App, now: Timestamp) -> Vec<Account> {
    let Some(oncall) = &app.config.oncall else { return Vec::new() };
    let covers = covers(app, now).await.unwrap_or_default();
    let listed = oncall.rungs.get(&Rung::OnCall).map(Vec::as_slice).unwrap_or_default();
    let names = standing(listed, oncall.rotations.get(&Rung::OnCall), &covers, now);
    let person = names.first().and_then(|name| app.config.people.named(name));
    person.map(|person| person.accounts.clone()).unwrap_or_default()
}

async fn coming(app: &App, oncall: &config::Oncall, now: Timestamp) -> Result<Vec<Turn>, store::StoreError> {
    let covers = covers(app, now).await?;
    let listed = oncall.rungs.get(&Rung::OnCall).map(Vec::as_slice).unwrap_or_default();
    Ok(turns(listed, oncall.rotations.get(&Rung::OnCall), &covers, (now, now + AHEAD)))
}

/// When the shift of whoever gives it away ends by itself.
async fn end_of_shift(
    app: &App,
    oncall: &config::Oncall,
    name: &str,
    now: Timestamp,
) -> Result<Timestamp, store::StoreError> {
    let turns = coming(app, oncall, now).await?;
    let own = turns.first().filter(|turn| turn.person.as_deref() == Some(name));
    Ok(own.map(|turn| turn.until).filter(|until| *until < now + AHEAD).unwrap_or(now + SHIFT))
}

async fn shift(app: &App, shift: Shift) -> anyhow::Result<Performed> {
    app.store.add_shift(shift.clone()).await?;
    Ok(Performed::done(report::shift(&shift), News::Good))
}

/// One message that an incident would send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previewed {
    /// What and when.
    pub due: Due,
    /// Who would get it.
    pub people: Vec<String>,
}

async fn preview(
    app: &App,
    oncall: &config::Oncall,
    severity: Severity,
    security: bool,
    now: Timestamp,
) -> anyhow::Result<Performed> {
    let Some(schedule) = &app.config.escalation else {
        return Ok(Performed::done(report::not_configured("escalation"), News::Bad));
    };
    let covers = covers(app, now).await?;
    let mut course = Course::open(schedule.clone(), severity, security, now);
    let last = course.ladder().last(security).map_or(0, |step| step.after);
    let until = now + SignedDuration::from_secs(i64::from(last)) + AFTER_THE_END;
    let quiet = oncall.quiet.as_ref();
    let until = quiet.filter(|_| severity == Severity::P2).map_or(until, |quiet| quiet.after(until));
    let owed = course.owed(until, quiet);
    let previewed = owed.into_iter().filter_map(|due| {
        let (recipient, _) = due.what.tells()?;
        let rung = match recipient {
            Recipient::Rung(rung) => rung,
            // Nobody has a duty yet.
            Recipient::Duty(_) => Rung::OnCall,
        };
        let listed = oncall.rungs.get(&rung).map(Vec::as_slice).unwrap_or_default();
        let covering = if rung == Rung::OnCall { covers.as_slice() } else { &[] };
        let people = standing(listed, oncall.rotations.get(&rung), covering, due.at);
        Some(Previewed { people: people.into_iter().take(1).map(str::to_owned).collect(), due })
    });
    let previewed: Vec<Previewed> = previewed.collect();
    Ok(Performed::done(report::preview(severity, &previewed, now), News::Good))
}
