//! An acting command becomes a plan that waits for a yes.

use commands::approval::{Quorum, Windows};
use commands::ids::{Account, Place, Platform, RunId};
use commands::incident::{Incident, Severity};
use commands::intent::{How, Intent};
use commands::message::{Reply, Target};
use commands::oncall::Rung;
use commands::plan::Plan;
use store::{Lane, NewMessage, NewPlan, plan_slot};

use crate::app::App;
use crate::asked::Asker;
use crate::authorize::Decision;
use crate::perform::perform;
use crate::performed::{News, Performed};
use crate::plan::{Asking, NoPlan, drafts, needs};
use crate::progress::Progress;
use crate::report::plan as say;
use crate::{clock, report};

/// What a command that acts leaves behind: an answer, and a plan if one waits now.
pub struct Proposed {
    /// What the asker sees at once.
    pub performed: Performed,
    /// To be stored with the answer.
    pub plan: Option<NewPlan>,
    /// The plan's own message, and those that tell of a broken glass.
    pub messages: Vec<NewMessage>,
}

impl Proposed {
    const fn nothing(performed: Performed) -> Self {
        Self { performed, plan: None, messages: Vec::new() }
    }
}

/// Does what `intent` says for `asker`, who may: at once where it does not act, and by a plan where it does. A
/// runbook looks at once, and what it does besides is one plan.
pub async fn answer(
    app: &App,
    asker: Asker<'_>,
    intent: &Intent,
    run: RunId,
    progress: Option<&Progress>,
) -> anyhow::Result<Proposed> {
    if intent.needs().risk.acts() {
        let how = intent.how().cloned().unwrap_or_default();
        return Box::pin(propose(app, asker, (intent, &how), std::slice::from_ref(intent), run)).await;
    }
    let mut performed = Box::pin(perform(app, asker, run, intent, progress)).await?;
    let acts = std::mem::take(&mut performed.acts);
    let Some(needs) = needs(&acts) else { return Ok(Proposed::nothing(performed)) };
    let mut proposed = match app.authorize(asker.account, asker.place, needs) {
        Decision::Allowed(_) => Box::pin(propose(app, asker, (intent, &How::default()), &acts, run)).await?,
        Decision::Refused(refusal) => Proposed::nothing(Performed::failed(report::refused(&refusal))),
    };
    let (looked, asked) = (performed, proposed.performed);
    proposed.performed = Performed { reply: report::with_acts(looked.reply, &asked.reply), ..looked };
    Ok(proposed)
}

/// Reads the facts of `intents`, which act and which `asker` may ask for, and makes one plan of them. Nothing
/// is done.
async fn propose(
    app: &App,
    asker: Asker<'_>,
    (typed, how): (&Intent, &How),
    intents: &[Intent],
    run: RunId,
) -> anyhow::Result<Proposed> {
    let now = clock::now();
    if let Some(freeze) = app.store.frozen(now).await? {
        return Ok(Proposed::nothing(Performed::failed(say::frozen(&freeze))));
    }
    let draft = match drafts(app, intents).await {
        Ok(draft) => draft,
        Err(NoPlan::Refused(reply)) => return Ok(Proposed::nothing(Performed::failed(*reply))),
        Err(NoPlan::Failed(error)) => return Err(error),
    };
    let Some(needs) = needs(intents) else { anyhow::bail!("{} does not act", typed.verb()) };
    // From the terminal it is posted where everybody looks first.
    let place = asker.place.cloned().or_else(|| first_incident_room(app));
    let open = app.store.open_incidents().await?;
    let open: Vec<Incident> = open.into_iter().map(|open| open.incident).collect();
    let own = place.as_ref().and_then(|place| app.rooms.incident_at(place));
    let own = own.and_then(|own| open.iter().find(|incident| incident.number == own));
    let incident = own.or_else(|| incident_of(&open, place.as_ref(), &draft.proves));
    let asking = Asking {
        run,
        nonce: clock::new_nonce(),
        line: typed.to_string(),
        break_glass: how.break_glass.as_ref().map(ToString::to_string),
        requester: asker.person.name.clone(),
        incident: incident.map(|incident| incident.number),
        created: now,
    };
    let plan = draft.plan(intents, needs.risk, asking);
    if how.dry_run {
        return Ok(Proposed::nothing(Performed::done(say::dry_run(&plan), News::Good)));
    }
    if how.break_glass.is_some() && incident.is_none_or(|incident| incident.severity() != Severity::P0) {
        return Ok(Proposed::nothing(Performed::failed(say::no_glass(incident))));
    }
    let Some(quorum) = Quorum::of(plan.risk, incident.is_some()) else {
        anyhow::bail!("{} acts and takes no vote", typed.verb());
    };
    let Some(place) = place else {
        return Ok(Proposed::nothing(Performed::failed(say::nowhere_to_post())));
    };
    let messages = messages(app, &plan, quorum, &place);
    let performed = Performed::done(say::asked(&plan, quorum, &place), News::Good);
    let plan = NewPlan { plan, quorum, place, asked_from: asker.account.clone() };
    Ok(Proposed { performed, plan: Some(plan), messages })
}

/// The message that is voted on. Where the glass is broken it reaches everybody who is passed over and the
/// manager, each of them by a message of their own too: they have thirty seconds.
fn messages(app: &App, plan: &Plan, quorum: Quorum, place: &Place) -> Vec<NewMessage> {
    let windows = app.config.approval;
    let standing = say::Shown::Open(commands::approval::standing(
        &asked(plan, quorum, windows),
        &[],
        |_| None,
        plan.created,
    ));
    let reply = report::with_run(say::card(plan, quorum, &standing), plan.run);
    let passed_over = if plan.break_glass.is_some() { passed_over(app, plan, quorum) } else { Vec::new() };
    let card = NewMessage {
        slot: plan_slot(plan.run),
        lane: if passed_over.is_empty() { Lane::Answer } else { Lane::Page },
        target: Target::Post(place.clone()),
        reply: app.redactor.reply(Reply { mentions: passed_over.clone(), ..reply }),
    };
    let tell = passed_over
        .into_iter()
        .filter(|account| account.platform != Platform::Web && app.config.connects(account.platform))
        .enumerate()
        .map(|(number, account)| NewMessage {
            slot: format!("glass-{}-{number}", plan.run),
            lane: Lane::Page,
            target: Target::Direct(account),
            reply: app.redactor.reply(report::with_run(say::glass_broken(plan, place), plan.run)),
        });
    let tell: Vec<NewMessage> = tell.collect();
    std::iter::once(card).chain(tell).collect()
}

/// The accounts of those who could have voted, and of the manager; never of the one who asks.
pub fn passed_over(app: &App, plan: &Plan, quorum: Quorum) -> Vec<Account> {
    let oncall = app.config.oncall.as_ref();
    let managers = oncall.map(|oncall| oncall.listed(Rung::EngineeringManager)).unwrap_or_default();
    let people = app.config.people.all().iter().filter(|person| {
        person.name != plan.requester && (person.role >= quorum.role || managers.contains(&&person.name))
    });
    people.flat_map(|person| person.accounts.iter().cloned()).collect()
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

/// Where everybody looks first.
pub fn first_incident_room(app: &App) -> Option<Place> {
    let mut rooms = app.config.bot.incident_channels.iter();
    rooms.find(|room| app.config.connects(room.platform)).cloned().map(Place::channel)
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
    open.iter()
        .filter(|incident| here(incident) || about(incident))
        .min_by_key(|incident| incident.severity())
}
