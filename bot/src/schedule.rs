//! What the bot does by itself. The configuration approved it; for the rest it goes the way of everything that acts: its
//! facts become a plan, the plan is stored, locked, written down and carried out, once.
//!
//! A time is taken on by one process of all. A process that dies before it came to anything is followed by another,
//! under the same run; once there is a plan, the plan's own keeper follows.

use std::sync::Arc;
use std::time::Duration;

use commands::approval::Quorum;
use commands::ids::RunId;
use commands::intent::{Backup, Intent};
use commands::message::{Reply, Target};
use commands::schedule::Schedule;
use jiff::Timestamp;
use store::{
    AuditDecision, AuditEntry, AuditOutcome, Conclusion, Lane, NewMessage, NewPlan, ScheduleState, TakenOn,
};
use tokio_util::sync::CancellationToken;

use crate::acting::first_incident_room;
use crate::app::{self, App};
use crate::performed::{News, Performed};
use crate::plan::{Asking, NoPlan, drafts, needs};
use crate::{approval, backups, clock, oncall, report, run};

/// Between two looks whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Facts are read within this; whoever has taken a time on longer ago is gone.
const LEASE: Duration = Duration::from_secs(60);
/// Looks between two at the backups' age.
const AGE_EVERY: u32 = 30;
/// As which schedule the alarm about old backups is recorded: no schedule's name has brackets in it.
const AGE: &str = "(backups)";

/// Does what is due, until `stop`.
pub async fn keep(app: Arc<App>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut written, mut looks) = (false, 0_u32);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if app.config.schedules.is_empty() {
            continue;
        }
        let looked = async {
            if !written {
                let all = app.config.schedules.iter().map(|one| (one.name().to_owned(), one.written()));
                app.store.write_schedules(all.collect(), clock::now()).await?;
                written = true;
            }
            let states = app.store.schedules().await?;
            look(&app, &states).await?;
            if looks % AGE_EVERY == 0 {
                look_at_age(&app, &states).await?;
            }
            looks = looks.wrapping_add(1);
            Ok::<_, anyhow::Error>(())
        };
        if let Err(error) = looked.await {
            tracing::warn!(error = format!("{error:#}"), "schedules can't be looked at");
        }
    }
}

async fn look(app: &Arc<App>, states: &[ScheduleState]) -> anyhow::Result<()> {
    let now = clock::now();
    for schedule in &app.config.schedules {
        let Some(state) = states.iter().find(|state| state.name == schedule.name()) else { continue };
        let Some(due) = schedule.owed(state.since, state.last, now) else { continue };
        let taken = TakenOn { name: state.name.clone(), due, run: clock::new_run(), taken: now };
        if app.store.take_on(taken.clone()).await? {
            begin(app, schedule, taken);
        }
    }
    for left in app.store.unsettled(now - LEASE).await? {
        let Some(schedule) = app.config.schedules.iter().find(|one| one.name() == left.name) else {
            // It is done by itself no more.
            app.store.settle(left, now).await?;
            continue;
        };
        if app.store.take_over_schedule(left.clone(), now).await? {
            tracing::warn!(run = %left.run, schedule = left.name, "taking up a schedule's run that was left");
            begin(app, schedule, TakenOn { taken: now, ..left });
        }
    }
    Ok(())
}

fn begin(app: &Arc<App>, schedule: &Schedule, taken: TakenOn) {
    tracing::info!(run = %taken.run, schedule = taken.name, due = %taken.due, "a schedule's time has come");
    let (app, schedule) = (Arc::clone(app), schedule.clone());
    app.clone().runs.spawn(async move {
        let done = match schedule.intent() {
            Intent::Backup(Backup::Verify { .. }) => Box::pin(looks(&app, &schedule, &taken)).await,
            _ => Box::pin(acts(&app, &schedule, &taken)).await,
        };
        if let Err(error) = done {
            // It is not settled, so somebody follows.
            tracing::error!(run = %taken.run, error = format!("{error:#}"), "a schedule's run came to nothing");
        }
    });
}

/// One that only looks is done at once; it is told of where it found nothing good.
async fn looks(app: &Arc<App>, schedule: &Schedule, taken: &TakenOn) -> anyhow::Result<()> {
    let work = async {
        match schedule.intent() {
            Intent::Backup(Backup::Verify { archive }) => Ok(backups::verify(app, archive).await),
            other => anyhow::bail!("{} does not look", other.verb()),
        }
    };
    let performed = run::guarded(work, taken.run).await;
    conclude(app, schedule, taken, performed).await
}

/// One that acts becomes a plan, which begins without votes.
async fn acts(app: &Arc<App>, schedule: &Schedule, taken: &TakenOn) -> anyhow::Result<()> {
    if app.store.plan(taken.run).await?.is_some() {
        // Whoever took it on before came this far.
        app.store.settle(taken.clone(), clock::now()).await?;
        approval::begin_weighing(app, taken.run);
        return Ok(());
    }
    let intents = std::slice::from_ref(schedule.intent());
    let created = clock::now();
    let draft = match drafts(app, intents).await {
        Ok(draft) => draft,
        Err(NoPlan::Refused(reply)) => {
            return conclude(app, schedule, taken, Performed::failed(*reply)).await;
        }
        Err(NoPlan::Failed(error)) => return Err(error),
    };
    let (Some(needs), Some(place)) = (needs(intents), first_incident_room(app)) else {
        anyhow::bail!("{} does not act, or has no place", schedule.intent().verb())
    };
    let asking = Asking {
        run: taken.run,
        nonce: clock::new_nonce(),
        line: schedule.intent().to_string(),
        break_glass: None,
        requester: schedule.requester(),
        incident: None,
        created,
    };
    let plan = NewPlan {
        plan: draft.plan(intents, needs.risk, asking),
        quorum: Quorum::CONFIGURED,
        place,
        asked_from: app::own_account(),
    };
    let conclusion =
        Conclusion { audit: vec![entry(schedule, taken, None)], plan: Some(plan), ..Conclusion::default() };
    app.store.conclude(conclusion, clock::now()).await?;
    app.store.settle(taken.clone(), clock::now()).await?;
    approval::begin_weighing(app, taken.run);
    Ok(())
}

/// Writes down what it came to, and tells of what is not well.
async fn conclude(
    app: &App,
    schedule: &Schedule,
    taken: &TakenOn,
    performed: Performed,
) -> anyhow::Result<()> {
    let is_well = performed.outcome == AuditOutcome::Done && performed.news == News::Good;
    let mut messages = Vec::new();
    if !is_well {
        let reply = report::scheduled(schedule, taken.due, performed.reply);
        messages.extend(message(app, "sched", taken.run, reply).await);
    }
    let audit = vec![entry(schedule, taken, Some(performed.outcome))];
    app.store.conclude(Conclusion { audit, messages, ..Conclusion::default() }, clock::now()).await?;
    app.store.settle(taken.clone(), clock::now()).await?;
    app.outbox.nudge();
    Ok(())
}

async fn message(app: &App, slot: &str, run: RunId, reply: Reply) -> Option<NewMessage> {
    let place = first_incident_room(app)?;
    let mentions = oncall::on_call(app, clock::now()).await;
    Some(NewMessage {
        slot: format!("{slot}-{run}"),
        lane: Lane::Page,
        target: Target::Post(place),
        reply: app.redactor.reply(Reply { mentions, ..report::with_run(reply, run) }),
    })
}

fn entry(schedule: &Schedule, taken: &TakenOn, outcome: Option<AuditOutcome>) -> AuditEntry {
    AuditEntry {
        run: taken.run,
        account: app::own_account(),
        person: Some(schedule.requester()),
        place: None,
        verb: schedule.intent().verb().to_owned(),
        line: schedule.intent().to_string(),
        decision: AuditDecision::Allowed,
        outcome,
        detail: serde_json::json!({ "schedule": schedule.name(), "due": taken.due }),
    }
}

/// Tells of it, once a day, where the newest good backup is too old: the one that should have been made was not, or is
/// gone.
async fn look_at_age(app: &Arc<App>, states: &[ScheduleState]) -> anyhow::Result<()> {
    let (Some(config), Some(schedule)) =
        (&app.config.backups, app.config.schedules.iter().find(|one| one.backs_up()))
    else {
        return Ok(());
    };
    let Some(state) = states.iter().find(|state| state.name == schedule.name()) else { return Ok(()) };
    let found = backups::read(config).await;
    let now = clock::now();
    let newest = found.as_ref().ok().and_then(|found| found.newest_good(now));
    // One that was not there when the bot was told to make them is its business only from then on.
    let from = newest.map_or(state.since, |newest| newest.made().max(state.since));
    let Some(due) = too_old(from, now) else { return Ok(()) };
    let taken = TakenOn { name: AGE.to_owned(), due, run: clock::new_run(), taken: now };
    if !app.store.take_on(taken.clone()).await? {
        return Ok(());
    }
    let reply = report::backups_too_old(newest, found.as_ref().err().map(ToString::to_string), now);
    let audit = AuditEntry {
        person: None,
        verb: "backup list".to_owned(),
        line: "backup list".to_owned(),
        ..entry(schedule, &taken, Some(AuditOutcome::Failed))
    };
    let messages = message(app, "age", taken.run, reply).await.into_iter().collect();
    let conclusion = Conclusion { audit: vec![audit], messages, ..Conclusion::default() };
    app.store.conclude(conclusion, clock::now()).await?;
    app.store.settle(taken, clock::now()).await?;
    app.outbox.nudge();
    Ok(())
}

/// The last moment until `now` at which it is to be told that the newest backup, or the wait for one, is from `from`.
fn too_old(from: Timestamp, now: Timestamp) -> Option<Timestamp> {
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    let first = from + commands::backup::OLDEST_GOOD;
    let over = Duration::try_from(now.duration_since(first)).ok()?;
    let days = over.as_secs() / DAY.as_secs();
    Some(first + DAY * u32::try_from(days).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3_600).expect("a time")
    }

    #[test]
    fn an_old_backup_is_told_after_26_hours_and_then_once_a_day() {
        for (hour, due) in [
            (0, None),
            (25, None),
            (26, Some(26)),
            (27, Some(26)),
            (49, Some(26)),
            (50, Some(50)),
            (99, Some(98)),
        ] {
            assert_eq!(too_old(at(0), at(hour)), due.map(at), "{hour}");
        }
    }
}
