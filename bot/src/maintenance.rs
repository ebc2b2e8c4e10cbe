//! Announced work: everybody is told, and its alerts are silenced for as long as it was said to last.

use commands::ids::{Place, RunId, ServiceName};
use commands::message::{Reply, Target};
use commands::period::Period;
use commands::silence::{Matcher, NewSilence};
use store::{Lane, Maintenance, NewMessage};

use crate::app::App;
use crate::asked::Asker;
use crate::execute::silence;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// The label by which the platform's alerts name their service.
const SERVICE_LABEL: &str = "service";

/// Begins one. A command that is taken up after a crash finds what it has recorded, and makes no second silence.
pub async fn start(
    app: &App,
    asker: Asker<'_>,
    run: RunId,
    (service, length, why): (&ServiceName, Period, &str),
) -> anyhow::Result<Performed> {
    let now = clock::now();
    let under_way = app.store.maintenances(now).await?;
    if let Some(other) = under_way.iter().find(|one| one.service == *service && one.run != run) {
        return Ok(Performed::failed(report::maintained_already(other)));
    }
    let begun = Maintenance {
        run,
        service: service.clone(),
        why: why.to_owned(),
        person: asker.person.name.clone(),
        begun: now,
        until: now + std::time::Duration::from(length),
        silence: None,
    };
    let begun = app.store.begin_maintenance(begun).await?;
    let wanted = NewSilence {
        matchers: vec![Matcher::is(SERVICE_LABEL, service.as_str())],
        starts: begun.begun,
        ends: begun.until,
        by: begun.person.clone(),
        comment: report::silence_comment(&begun),
    };
    let silenced = silence::make(app, &wanted).await;
    if let Ok(id) = &silenced {
        app.store.silenced(run, id.clone()).await?;
    }
    tell_others(app, asker, run, &report::maintenance_begun(&begun, &silenced)).await?;
    let well = silenced.is_ok();
    Ok(Performed::done(report::maintenance_begun(&begun, &silenced), news(well)))
}

/// Ends one, and exactly the silence that it began with.
pub async fn end(
    app: &App,
    asker: Asker<'_>,
    run: RunId,
    service: Option<&ServiceName>,
) -> anyhow::Result<Performed> {
    let now = clock::now();
    let under_way = app.store.maintenances(now).await?;
    let mut fits = under_way.iter().filter(|one| service.is_none_or(|service| one.service == *service));
    let (Some(meant), None) = (fits.next(), fits.next()) else {
        return Ok(Performed::failed(report::which_maintenance(&under_way, service)));
    };
    // Alerts first: what is recorded as ended is not looked for again.
    let silence = match &meant.silence {
        Some(id) => Some(silence::end(app, id).await),
        None => None,
    };
    if let Some(Err(why)) = &silence {
        return Ok(Performed::failed(report::silence_stays(meant, why)));
    }
    app.store.end_maintenance(meant.run, &asker.person.name, now).await?;
    let ended = || report::maintenance_ended(meant, &asker.person.name, now, silence.is_some());
    tell_others(app, asker, run, &ended()).await?;
    Ok(Performed::done(ended(), News::Good))
}

/// In every incident channel but the one that gets the answer. A repeat edits what was posted.
async fn tell_others(app: &App, asker: Asker<'_>, run: RunId, reply: &Reply) -> anyhow::Result<()> {
    let rooms = app.config.bot.incident_channels.iter().filter(|room| {
        app.chats.get(room.platform).is_some() && asker.place.is_none_or(|place| place.room != **room)
    });
    for (number, room) in rooms.enumerate() {
        let message = NewMessage {
            slot: format!("maintenance-{run}-{number}"),
            lane: Lane::Answer,
            target: Target::Post(Place::channel(room.clone())),
            reply: app.redactor.reply(report::with_run(reply.clone(), run)),
        };
        app.store.put_message(message, clock::now()).await?;
    }
    app.outbox.nudge();
    Ok(())
}
