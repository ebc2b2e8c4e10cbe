//! An acting command becomes a plan that waits for a yes.

use commands::approval::{Quorum, Windows};
use commands::ids::{Account, Place, RunId};
use commands::incident::{Incident, Severity};
use commands::intent::Intent;
use commands::message::Target;
use commands::plan::Plan;
use store::{Lane, NewMessage, NewPlan, plan_slot};

use crate::app::App;
use crate::config::Person;
use crate::performed::{News, Performed};
use crate::plan::{Asking, NoPlan, draft};
use crate::report::plan as say;
use crate::{clock, report};

/// What a command that acts leaves behind: an answer, and a plan if one waits now.
pub struct Proposed {
    /// What the asker sees at once.
    pub performed: Performed,
    /// To be stored with the answer.
    pub plan: Option<NewPlan>,
    /// The plan's own message.
    pub message: Option<NewMessage>,
}

impl Proposed {
    const fn nothing(performed: Performed) -> Self {
        Self { performed, plan: None, message: None }
    }
}

/// Who asks, from where.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// By the configuration.
    pub person: &'a Person,
    /// By the platform's word.
    pub account: &'a Account,
    /// `None` for the terminal.
    pub place: Option<&'a Place>,
}

/// Reads the facts of `intent`, which acts and which `asker` may ask for, and makes its plan. Nothing is
/// done.
pub async fn propose(app: &App, asker: Asker<'_>, intent: &Intent, run: RunId) -> anyhow::Result<Proposed> {
    let now = clock::now();
    if let Some(freeze) = app.store.frozen(now).await? {
        return Ok(Proposed::nothing(Performed::failed(say::frozen(&freeze))));
    }
    let draft = match draft(app, intent).await {
        Ok(draft) => draft,
        Err(NoPlan::Refused(reply)) => return Ok(Proposed::nothing(Performed::failed(*reply))),
        Err(NoPlan::Failed(error)) => return Err(error),
    };
    let how = intent.how().cloned().unwrap_or_default();
    // From the terminal it is posted where everybody looks first.
    let place = asker.place.cloned().or_else(|| first_incident_room(app));
    let open = app.store.open_incidents().await?;
    let incident = incident_of(&open, place.as_ref(), &draft.proves);
    let asking = Asking {
        run,
        nonce: clock::new_nonce(),
        requester: asker.person.name.clone(),
        incident: incident.map(|incident| incident.number),
        created: now,
    };
    let plan = draft.plan(intent, asking);
    if how.dry_run {
        return Ok(Proposed::nothing(Performed::done(say::dry_run(&plan), News::Good)));
    }
    if how.break_glass.is_some() && incident.is_none_or(|incident| incident.severity != Severity::P0) {
        return Ok(Proposed::nothing(Performed::failed(say::no_glass(incident))));
    }
    let Some(quorum) = Quorum::of(plan.risk, incident.is_some()) else {
        anyhow::bail!("{} acts and takes no vote", intent.verb());
    };
    let Some(place) = place else {
        return Ok(Proposed::nothing(Performed::failed(say::nowhere_to_post())));
    };
    let message = message(app, &plan, quorum, &place);
    let performed = Performed::done(say::asked(&plan, quorum, &place), News::Good);
    let plan = NewPlan { plan, quorum, place, asked_from: asker.account.clone() };
    Ok(Proposed { performed, plan: Some(plan), message: Some(message) })
}

/// The message that is voted on.
fn message(app: &App, plan: &Plan, quorum: Quorum, place: &Place) -> NewMessage {
    let windows = app.config.approval;
    let standing = say::Shown::Open(commands::approval::standing(
        &asked(plan, quorum, windows),
        &[],
        |_| None,
        plan.created,
    ));
    NewMessage {
        slot: plan_slot(plan.run),
        lane: Lane::Answer,
        target: Target::Post(place.clone()),
        reply: app.redactor.reply(report::with_run(say::card(plan, quorum, &standing), plan.run)),
    }
}

/// What a plan is judged by.
#[must_use]
pub fn asked(plan: &Plan, quorum: Quorum, windows: Windows) -> commands::approval::Asked<'_> {
    commands::approval::Asked {
        requester: &plan.requester,
        created: plan.created,
        quorum,
        break_glass: plan.break_glass.is_some(),
        windows,
    }
}

fn first_incident_room(app: &App) -> Option<Place> {
    let connected = |platform| match platform {
        commands::ids::Platform::Slack => app.config.slack.is_some(),
        commands::ids::Platform::Discord => app.config.discord.is_some(),
        commands::ids::Platform::Web => app.config.web.is_some(),
        commands::ids::Platform::Cli => false,
    };
    let mut rooms = app.config.bot.incident_channels.iter();
    rooms.find(|room| connected(room.platform)).cloned().map(Place::channel)
}

/// The open incident that something done in `place` to `services` belongs to: the worst of those that were
/// opened there or are about one of them.
fn incident_of<'a>(
    open: &'a [Incident],
    place: Option<&Place>,
    services: &[commands::ids::ServiceName],
) -> Option<&'a Incident> {
    let here = |incident: &Incident| {
        let opened = incident.place.as_ref();
        opened.zip(place).is_some_and(|(opened, place)| {
            opened.room == place.room && (opened.thread.is_none() || opened.thread == place.thread)
        })
    };
    let about = |incident: &Incident| incident.services.iter().any(|service| services.contains(service));
    open.iter().filter(|incident| here(incident) || about(incident)).min_by_key(|incident| incident.severity)
}
