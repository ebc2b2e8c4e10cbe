//! From votes to a plan that may begin. The only module that makes an [`Approved`].
//!
//! A vote is stored and then weighed; what follows from it is decided anew from what is stored, by whoever
//! comes by: the voter's own task, and once a second the keeper, which also notices what time decides. So a
//! crash between any two steps loses nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use commands::approval::{Ballot, Standing, standing};
use commands::ids::{Account, MessageRef, Place, RunId};
use commands::message::{Posted, Reply, Target};
use commands::plan::{Plan, differences};
use commands::risk::{Requirement, Role};
use jiff::Timestamp;
use store::{Cast, Closed, Lane, NewMessage, PlanState, StoreError, StoredPlan, Way, plan_slot};
use tokio_util::sync::CancellationToken;

use crate::acting::{asked, passed_over};
use crate::app::App;
use crate::authorize::{Decision, Refusal};
use crate::chat::Look;
use crate::config::Person;
use crate::counted::{Counted, NotCounted, On, Said};
use crate::execute;
use crate::performed::{Performed, news};
use crate::plan::{self, Asking, NoPlan, drafts};
use crate::replica::Duty;
use crate::report::plan as say;
use crate::{clock, oncall, proof, report};

/// Between two looks at the plans that wait.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two readings of the reactions on a plan that waits. Slack takes 50 such calls a minute
/// (docs.slack.dev/reference/methods/reactions.get, tier 3).
const READ_BACK_EVERY: Duration = Duration::from_secs(30);

/// A plan that may begin and finds something that it acts on taken is tried again after a second, and then after twice as
/// long each time, up to this: each try reads the platform's reactions.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Looks for the plan whose message is being posted, and what lies between two.
const POSTING_TRIES: u32 = 50;
const POSTING: Duration = Duration::from_millis(100);
/// Lists of reactions that are asked for while people vote.
const TRIES: u32 = 3;

/// A plan with every vote that it needs, its facts read again and found the same. Made here alone.
pub struct Approved {
    stored: StoredPlan,
    by: Vec<String>,
    _made_here: (),
}

impl Approved {
    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.stored.plan
    }

    /// With its place and its digest.
    #[must_use]
    pub const fn stored(&self) -> &StoredPlan {
        &self.stored
    }

    /// Who said yes.
    #[must_use]
    pub fn by(&self) -> &[String] {
        &self.by
    }
}

/// Plans that are being weighed right now, so that two tasks do not read the same facts at once.
#[derive(Debug, Default)]
pub struct Weighing(Mutex<HashMap<RunId, Arc<tokio::sync::Mutex<()>>>>);

impl Weighing {
    fn of(&self, run: RunId) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, one| Arc::strong_count(one) > 1);
        Arc::clone(all.entry(run).or_default())
    }
}

/// Records a vote. What follows from it is for [`weigh`].
pub async fn count(app: &App, said: Said<'_>) -> anyhow::Result<Counted> {
    let way = match &said.on {
        On::Message(_) => Way::Reaction(said.account.clone()),
        On::Plan { .. } => Way::Button,
    };
    let Some(stored) = find(app, &said.on).await? else { return Ok(Counted::NoPlan) };
    let run = stored.plan.run;
    let refused =
        |person: Option<&str>, why| Ok(Counted::Refused { run, person: person.map(str::to_owned), why });
    // A message of ours is where we put it, whatever its platform says of a thread.
    let place = match &said.on {
        On::Message(_) => &stored.place,
        On::Plan { .. } => said.place,
    };
    let person = match may(app, said.account, place, &stored, said.ballot) {
        Ok(person) => person,
        Err(refusal) => {
            let known = app.config.people.find(said.account).map(|person| person.name.as_str());
            return refused(known, NotCounted::Refusal(refusal));
        }
    };
    if let On::Plan { digest, .. } = &said.on
        && !stored.digest.to_string().starts_with(digest.as_str())
    {
        return refused(Some(person), NotCounted::OtherPlan);
    }
    if stored.state != PlanState::Open {
        return refused(Some(person), NotCounted::NotOpen(stored.state));
    }
    // One that was cast in time counts however late it is heard of.
    if said.at > stored.plan.created + app.config.approval.approve {
        return refused(Some(person), NotCounted::TooLate);
    }
    let own = person == stored.plan.requester;
    match said.ballot {
        Ballot::Approve if own => return refused(Some(person), NotCounted::Own),
        Ballot::Confirm if !own || !stored.quorum.confirm => {
            return refused(Some(person), NotCounted::NoConfirmation);
        }
        Ballot::Approve | Ballot::Veto | Ballot::Confirm => {}
    }
    let cast =
        Cast { run, person: person.to_owned(), ballot: said.ballot, way, at: said.at, said: said.said };
    if !app.store.cast(cast).await? {
        let state = app.store.plan(run).await?.map_or(PlanState::Open, |stored| stored.state);
        return refused(Some(person), NotCounted::NotOpen(state));
    }
    let standing = stands(app, &stored, clock::now()).await?;
    Ok(Counted::Recorded { run, person: person.to_owned(), standing })
}

/// Who of the configuration votes, if they may: the same question as for any command. The requester may
/// confirm and take back with the right to ask.
fn may<'a>(
    app: &'a App,
    account: &Account,
    place: &Place,
    stored: &StoredPlan,
    ballot: Ballot,
) -> Result<&'a str, Refusal> {
    let own = app.config.people.find(account).is_some_and(|person| person.name == stored.plan.requester);
    let role = match ballot {
        Ballot::Confirm => Role::Operator,
        Ballot::Approve | Ballot::Veto if own => Role::Operator,
        Ballot::Approve | Ballot::Veto => stored.quorum.role,
    };
    let needs = Requirement { risk: stored.plan.risk, role };
    match app.authorize(account, Some(place), needs) {
        Decision::Allowed(person) => Ok(&person.name),
        Decision::Refused(refusal) => Err(refusal),
    }
}

async fn find(app: &App, on: &On<'_>) -> Result<Option<StoredPlan>, StoreError> {
    match on {
        On::Plan { run, .. } => app.store.plan(*run).await,
        On::Message(message) => {
            for _ in 0..POSTING_TRIES {
                let mut open = app.store.open_plans().await?;
                if let Some(at) = open.iter().position(|stored| posted(stored) == Some(*message)) {
                    return Ok(Some(open.swap_remove(at)));
                }
                // The platform may show a message before it has told the bot which one it is.
                let on_its_way =
                    |stored: &StoredPlan| stored.posted.is_none() && same_channel(stored, message);
                if !open.iter().any(on_its_way) {
                    return Ok(None);
                }
                tokio::time::sleep(POSTING).await;
            }
            Ok(None)
        }
    }
}

/// Whether the plan's message will be in the channel, or the thread, that `message` is in.
fn same_channel(stored: &StoredPlan, message: &MessageRef) -> bool {
    let place = &stored.place;
    place.room == message.room
        || (place.room.platform == message.room.platform && place.thread.as_ref() == Some(&message.room.id))
}

const fn posted(stored: &StoredPlan) -> Option<&MessageRef> {
    match &stored.posted {
        Some(Posted::Message(message)) => Some(message),
        Some(Posted::ByToken | Posted::Ephemeral) | None => None,
    }
}

async fn stands(app: &App, stored: &StoredPlan, now: Timestamp) -> Result<Standing, StoreError> {
    let votes = app.store.votes(stored.plan.run).await?;
    let role_of = |name: &str| app.config.people.named(name).map(|person| person.role);
    Ok(standing(&asked(&stored.plan, stored.quorum, app.config.approval), &votes, role_of, now))
}

/// The approved plan of a run that has begun: it was made into one when it did.
pub async fn begun(app: &App, run: RunId) -> Result<Option<Approved>, StoreError> {
    let (stored, record) = (app.store.plan(run).await?, app.store.run_record(run).await?);
    let Some((stored, record)) = stored.zip(record) else { return Ok(None) };
    let begun = stored.state == PlanState::Begun;
    Ok(begun.then_some(Approved { stored, by: record.approved_by, _made_here: () }))
}

/// The plans that wait, those for `person` first.
pub async fn waiting(app: &App, person: &Person) -> anyhow::Result<Performed> {
    let open = app.store.open_plans().await?;
    let mut waiting = Vec::new();
    for stored in open.iter().filter(|stored| !stored.quorum.configured) {
        let votes = app.store.votes(stored.plan.run).await?;
        let own = stored.plan.requester == person.name;
        let voted = votes.iter().any(|vote| vote.person == person.name);
        let for_me = !voted && if own { stored.quorum.confirm } else { person.role >= stored.quorum.role };
        waiting.push(say::Waits { stored, standing: stands(app, stored, clock::now()).await?, for_me });
    }
    waiting.sort_by_key(|one| !one.for_me);
    let none_for_me = !waiting.iter().any(|one| one.for_me);
    Ok(Performed::done(say::approvals(&waiting), news(none_for_me)))
}

/// Looks after the plans that wait, until `stop`.
pub async fn keep(app: Arc<App>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // None yet, so that the first look reads what happened while the bot was down.
    let mut read: HashMap<RunId, Instant> = HashMap::new();
    let mut tried: HashMap<RunId, Pause> = HashMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        match app.store.open_plans().await {
            Ok(open) => {
                read.retain(|run, _| open.iter().any(|stored| stored.plan.run == *run));
                tried.retain(|run, _| open.iter().any(|stored| stored.plan.run == *run));
                for stored in open {
                    let run = stored.plan.run;
                    let standing = stands(&app, &stored, clock::now()).await;
                    if matches!(standing, Ok(Standing::Approved { .. })) {
                        if tried.entry(run).or_default().is_over() {
                            begin_weighing(&app, run);
                        }
                    // Nothing is due for most of them, and then nothing is written.
                    } else if !matches!(standing, Ok(Standing::Waiting { .. })) {
                        begin_weighing(&app, run);
                    } else if posted(&stored).is_some()
                        && app.replica.holds(Duty::ReadBack)
                        && read.get(&run).is_none_or(|at| at.elapsed() >= READ_BACK_EVERY)
                    {
                        read.insert(run, Instant::now());
                        let app = Arc::clone(&app);
                        app.clone().runs.spawn(async move { read_back(&app, &stored).await });
                    }
                }
            }
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "plans can't be read"),
        }
    }
}

/// Between two tries to begin a plan.
#[derive(Debug, Default)]
struct Pause {
    last: Option<(Instant, Duration)>,
}

impl Pause {
    /// Whether it is time for the next try; then a longer pause begins.
    fn is_over(&mut self) -> bool {
        let now = Instant::now();
        let pause = match self.last {
            None => LOOK_EVERY,
            Some((at, pause)) if now.duration_since(at) >= pause => (pause * 2).min(LONGEST_PAUSE),
            Some(_) => return false,
        };
        self.last = Some((now, pause));
        true
    }
}

/// Weighs a plan in a task of its own.
pub fn begin_weighing(app: &Arc<App>, run: RunId) {
    let lock = app.weighing.of(run);
    let app = Arc::clone(app);
    app.clone().runs.spawn(async move {
        // Somebody weighs it already, and the keeper comes by again.
        let Ok(_held) = lock.try_lock() else { return };
        if let Err(error) = weigh(&app, run).await {
            tracing::error!(%run, error = format!("{error:#}"), "a plan can't be weighed");
        }
    });
}

/// Does what follows from a plan's votes: shows them, closes it, or begins it.
async fn weigh(app: &Arc<App>, run: RunId) -> anyhow::Result<()> {
    let Some(stored) = app.store.plan(run).await? else { return Ok(()) };
    if stored.state != PlanState::Open {
        return Ok(());
    }
    let standing = stands(app, &stored, clock::now()).await?;
    let Standing::Approved { .. } = standing else { return settle(app, &stored, standing).await };
    match on_another_engine(app, &stored.plan) {
        None => {}
        Some(Elsewhere::Watched) => return Ok(()),
        Some(Elsewhere::Nobodys { why }) => return close(app, run, Closed::Impossible { why }).await,
    }
    let why = match ready(app, stored).await? {
        Ready::Yes(approved, before) => return execute::begin(app, *approved, before).await,
        Ready::NotNow => return Ok(()),
        Ready::Standing(stored, standing) => return settle(app, &stored, standing).await,
        Ready::Never(why) => why,
    };
    close(app, run, why).await
}

/// A plan whose Docker daemon is not this replica's.
enum Elsewhere {
    /// Another replica that is there acts on it.
    Watched,
    /// No replica does.
    Nobodys { why: String },
}

/// Facts read on another Docker daemon would be other facts.
fn on_another_engine(app: &App, plan: &Plan) -> Option<Elsewhere> {
    let planned = plan.engine.as_deref()?;
    let here = app.replica.engine();
    if here == Some(planned) {
        None
    } else if app.replica.is_another_on(planned) {
        Some(Elsewhere::Watched)
    } else {
        // Where it is not known yet, the facts tell.
        here.map(|here| Elsewhere::Nobodys { why: say::other_engine(planned, here) })
    }
}

/// What is known just before the begin.
enum Ready {
    Yes(Box<Approved>, Vec<commands::journal::Reading>),
    /// The platform can't be asked for its reactions; tried again until the window is over.
    NotNow,
    /// The votes are not what they were.
    Standing(Box<StoredPlan>, Standing),
    Never(Closed),
}

/// Everything that is looked at again between the last vote and the begin.
async fn ready(app: &App, stored: StoredPlan) -> anyhow::Result<Ready> {
    let run = stored.plan.run;
    let intents = stored.plan.commands.iter().map(|line| app.grammar.parse(line));
    let intents = intents.collect::<Result<Vec<_>, _>>()?;
    let Some(needs) = plan::needs(&intents) else { anyhow::bail!("plan {run} has no command") };
    if !requester_may(app, &stored, needs) {
        return Ok(Ready::Never(Closed::RequesterGone));
    }
    // Side by side: whoever voted waits for all of it. The facts have the Docker daemon's id among them.
    let (reactions, fresh, before) = tokio::join!(
        reactions(app, &stored),
        drafts(app, &intents),
        proof::readings(app, &stored.plan.proves)
    );
    match reactions? {
        Reactions::Listed => {}
        Reactions::Unknown => return Ok(Ready::NotNow),
        Reactions::MessageChanged => return Ok(Ready::Never(Closed::MessageChanged)),
    }
    let asking = Asking {
        run,
        nonce: stored.plan.nonce.clone(),
        line: stored.plan.line.clone(),
        break_glass: stored.plan.break_glass.clone(),
        requester: stored.plan.requester.clone(),
        incident: stored.plan.incident,
        created: stored.plan.created,
    };
    let fresh = match fresh {
        Ok(draft) => draft.plan(&intents, needs.risk, asking),
        Err(NoPlan::Refused(reply)) => {
            return Ok(Ready::Never(Closed::Impossible { why: report::in_a_line(&reply) }));
        }
        Err(NoPlan::Failed(error)) => return Err(error),
    };
    let fresh = fresh.read_again(&stored.plan);
    if fresh.digest() != stored.digest {
        let found = differences(&stored.plan, &fresh);
        return Ok(Ready::Never(Closed::Changed { differences: say::differences(&found) }));
    }
    // The votes last: they are what the version of the plan stands for when it begins.
    let Some(stored) = app.store.plan(run).await? else { anyhow::bail!("plan {run} is gone") };
    let now = clock::now();
    match stands(app, &stored, now).await? {
        Standing::Approved { by, .. } => {
            Ok(Ready::Yes(Box::new(Approved { stored, by, _made_here: () }), before))
        }
        other => Ok(Ready::Standing(Box::new(stored), other)),
    }
}

fn requester_may(app: &App, stored: &StoredPlan, needs: Requirement) -> bool {
    if stored.quorum.configured {
        // It is still to be done by itself, and is still written so.
        return app.config.schedules.iter().any(|schedule| {
            schedule.requester() == stored.plan.requester && schedule.intent().to_string() == stored.plan.line
        });
    }
    let Some(person) = app.config.people.named(&stored.plan.requester) else { return false };
    person.role >= needs.role
}

enum Reactions {
    Listed,
    Unknown,
    MessageChanged,
}

/// Makes the platform's own list of reactions the one that counts. A vote cast while the bot was down is on
/// it, and one taken back is not. A list that somebody voted past is no use: it is asked for again.
async fn reactions(app: &App, stored: &StoredPlan) -> anyhow::Result<Reactions> {
    for _ in 0..TRIES {
        let Some(now) = app.store.plan(stored.plan.run).await? else { return Ok(Reactions::Listed) };
        match listed(app, &now).await {
            Err(error) if matches!(error.downcast_ref(), Some(StoreError::PlanMoved { .. })) => {}
            done => return done,
        }
    }
    Ok(Reactions::Unknown)
}

async fn listed(app: &App, stored: &StoredPlan) -> anyhow::Result<Reactions> {
    let (Some(message), Some(chat)) = (posted(stored), app.chats.get(stored.place.room.platform)) else {
        // Not posted yet, so nobody can have reacted to it.
        return Ok(Reactions::Listed);
    };
    let seen = match chat.seen(message).await {
        Ok(Look::Seen(seen)) => seen,
        Ok(Look::Told) => return Ok(Reactions::Listed),
        Ok(Look::Gone) => return Ok(Reactions::MessageChanged),
        Err(error) => {
            tracing::warn!(run = %stored.plan.run, %error, "the reactions on a plan can't be read");
            return Ok(Reactions::Unknown);
        }
    };
    if !seen.text.contains(&stored.digest.short()) {
        return Ok(Reactions::MessageChanged);
    }
    let now = clock::now();
    let said = seen.reactions.into_iter().filter_map(|(emoji, account)| {
        let ballot = Ballot::of_emoji(account.platform, &emoji)?;
        let person = may(app, &account, &stored.place, stored, ballot).ok()?;
        let own = person == stored.plan.requester;
        (!own || ballot == Ballot::Veto).then(|| Cast {
            run: stored.plan.run,
            person: person.to_owned(),
            ballot,
            way: Way::Reaction(account),
            at: now,
            said: true,
        })
    });
    let said = said.collect();
    app.store.replace_reactions(stored.plan.run, stored.version, message.room.platform, said).await?;
    Ok(Reactions::Listed)
}

/// Reads the reactions on a plan that waits: after a gap in the platform's events nobody tells of those of
/// the gap, nor that the message is gone.
async fn read_back(app: &Arc<App>, stored: &StoredPlan) {
    let run = stored.plan.run;
    let done = match reactions(app, stored).await {
        Ok(Reactions::Listed) => {
            begin_weighing(app, run);
            Ok(())
        }
        Ok(Reactions::Unknown) => Ok(()),
        Ok(Reactions::MessageChanged) => close(app, run, Closed::MessageChanged).await,
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        tracing::error!(%run, error = format!("{error:#}"), "the reactions on a plan can't be looked at");
    }
}

/// A plan that does not begin now: its card says how it stands, and it is closed if that is for good.
async fn settle(app: &App, stored: &StoredPlan, standing: Standing) -> anyhow::Result<()> {
    let why = match standing {
        Standing::Vetoed { by } => Closed::Vetoed { by },
        Standing::Withdrawn => Closed::Withdrawn,
        Standing::NotApproved => Closed::NotApproved,
        Standing::NotBegun => Closed::NotBegun,
        Standing::Waiting { .. } | Standing::Approved { .. } => {
            return show(app, stored, &say::Shown::Open(standing)).await;
        }
    };
    close(app, stored.plan.run, why).await
}

/// Ends a plan that will never begin, edits its card shut and tells why in a message of its own.
pub async fn close(app: &App, run: RunId, why: Closed) -> anyhow::Result<()> {
    if !app.store.close_plan(run, why.clone(), clock::now()).await? {
        return Ok(());
    }
    let Some(stored) = app.store.plan(run).await? else { return Ok(()) };
    tracing::info!(%run, ?why, "a plan is closed");
    metrics::counter!("acgs_plans_total", "end" => say::closed_word(&why)).increment(1);
    app.store.append_audit(vec![closing_entry(&stored, &why)], clock::now()).await?;
    show(app, &stored, &say::Shown::Closed(why)).await
}

fn closing_entry(stored: &StoredPlan, why: &Closed) -> store::AuditEntry {
    store::AuditEntry {
        run: stored.plan.run,
        account: stored.asked_from.clone(),
        person: Some(stored.plan.requester.clone()),
        place: Some(stored.place.clone()),
        verb: stored.plan.line.clone(),
        line: stored.plan.line.clone(),
        decision: store::AuditDecision::Refused { reason: say::closed_reason(why) },
        outcome: None,
        detail: serde_json::json!({ "digest": stored.digest.to_string() }),
    }
}

/// Makes the plan's message say how it stands.
///
/// What the bot does by itself is told of only where it was not done.
pub async fn show(app: &App, stored: &StoredPlan, shown: &say::Shown) -> anyhow::Result<()> {
    if stored.quorum.configured && !matches!(shown, say::Shown::Closed(_)) {
        return Ok(());
    }
    let card = report::with_run(say::card(&stored.plan, stored.quorum, shown), stored.plan.run);
    let message = NewMessage {
        slot: plan_slot(stored.plan.run),
        lane: Lane::Answer,
        target: Target::Post(stored.place.clone()),
        reply: app.redactor.reply(Reply { mentions: named(app, stored).await, ..card }),
    };
    app.store.put_message(message, clock::now()).await?;
    app.outbox.nudge();
    Ok(())
}

/// Whom a plan's card names: those on call, where nobody waits for it, and those who are passed over, where the glass is
/// broken; an edit must not take them away.
async fn named(app: &App, stored: &StoredPlan) -> Vec<Account> {
    if stored.plan.break_glass.is_some() {
        return passed_over(app, &stored.plan, stored.quorum);
    }
    mentions(app, stored).await
}

/// Who is to hear of how a plan ended: those on call, where nobody waits for it.
pub async fn mentions(app: &App, stored: &StoredPlan) -> Vec<Account> {
    if stored.quorum.configured { oncall::on_call(app, clock::now()).await } else { Vec::new() }
}

#[cfg(test)]
mod tests;
