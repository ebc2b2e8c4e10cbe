//! An approved plan is carried out: once, in order, written down before and after each step.
//!
//! A run that was cut off (the process died) is taken up by whoever finds its lease over. The step that was
//! under way then is looked at and not believed: it is done, or not done and done now if doing it twice is
//! as good as once, or its outcome stays unknown and nothing after it begins.

mod act;
pub(crate) mod administrator;
pub mod compose;
pub mod firewall;
pub mod repository;
pub mod silence;

use std::sync::Arc;
use std::time::{Duration, Instant};

use commands::backend::SessionTag;
use commands::ids::RunId;
use commands::journal::{JournalStep, Reading, RunOutcome, StepOutcome, verdict};
use commands::message::{Reply, Target};
use commands::migration::Revision;
use commands::plan::{MigrationJob, Plan, Seat};
use commands::timeline::{Entry, Happened};
use jiff::Timestamp;
use store::{
    AuditDecision, AuditEntry, AuditOutcome, Begin, Closed, End, Engines, Held, Lane, NewEntry, NewMessage,
    StoreError,
};

use crate::app::App;
use crate::approval::{self, Approved};
use crate::failpoint::{self, Failpoint};
use crate::report::plan as say;
use crate::{clock, proof, recorder, report};

use self::act::Found;
pub use self::act::OldTokens;
use self::administrator::Administrator;

/// The tables that a custom dump lists; `None` where the database's programs are not to be asked.
pub async fn tables_in(app: &App, folder: &str, name: &str) -> Option<Result<Vec<String>, String>> {
    app.config.postgres.as_ref()?.administration.as_ref()?;
    let listed = async {
        let seat = crate::plan::seat(app).await?;
        let tag = SessionTag::of(clock::new_run(), 0);
        let administrator = Administrator::at(app, &seat, tag).map_err(|error| error.to_string())?;
        administrator.tables_in(folder, name, LISTING).await.map_err(|error| error.to_string())
    };
    Some(listed.await)
}

/// The revisions that the database has by its own table.
pub async fn revision(app: &App, seat: &Seat) -> Result<Vec<Revision>, String> {
    act::migration::revision(app, seat).await
}

/// The revisions that a job prints. A container is made for it and removed; the database is not changed.
pub async fn migrations_say(app: &App, job: &MigrationJob) -> Result<Vec<Revision>, String> {
    act::migration::ask(app, job).await
}

/// Bytes that are free for the server's files.
pub async fn room(app: &App, seat: &Seat) -> Result<u64, String> {
    let Some(postgres) = &app.executors.postgres else { return Err(say::part_missing("postgres")) };
    let directory = postgres.data_directory(LISTING).await.map_err(|error| error.to_string())?;
    let administrator = Administrator::at(app, seat, SessionTag::of(clock::new_run(), 0));
    let administrator = administrator.map_err(|error| error.to_string())?;
    administrator.room(&directory).await.map_err(|error| error.to_string())
}

/// How long a run is nobody else's without a word of who works on it.
const LEASE: Duration = Duration::from_secs(15);
/// Between two such words.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// Between two edits of the card: the platforms allow about one a second in a channel.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at a step that was cut off.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The list of a dump stands at its begin.
const LISTING: Duration = Duration::from_secs(60);
/// Beyond a step's own limit, for its adapter to say what it knows.
const GRACE: Duration = Duration::from_secs(5);

/// Begins what was approved and carries it out.
pub async fn begin(app: &Arc<App>, approved: Approved, before: Vec<Reading>) -> anyhow::Result<()> {
    let plan = approved.plan();
    let run = plan.run;
    failpoint::hit(Failpoint::BeforeBegin);
    let begin = Begin {
        run,
        version: approved.stored().version,
        locks: plan.locks(),
        approved_by: approved.by().to_vec(),
        before,
        lease: LEASE,
        audit: entry(&approved, None),
        engine: plan.engine.clone(),
    };
    match app.store.begin_run(begin, clock::now()).await {
        Ok(()) => {}
        // Somebody began it, or a vote came: the keeper looks again.
        Err(StoreError::PlanMoved { .. }) => return Ok(()),
        Err(StoreError::Locked { target, run }) => {
            return approval::show(app, approved.stored(), &say::Shown::Locked { target, run }).await;
        }
        Err(StoreError::Frozen { why, .. }) => {
            return approval::close(app, run, Closed::Frozen { why }).await;
        }
        Err(error) => return Err(error.into()),
    }
    failpoint::hit(Failpoint::AfterBegin);
    tracing::info!(%run, digest = %approved.stored().digest, "a plan begins");
    carry_out(app, &approved, Held { run, fence: 0 }).await
}

/// Takes up the runs that nobody works on any more. Where there are several replicas, those of this one's Docker
/// daemon; the only process looks at all, and finds nothing done on another's.
pub async fn take_up(app: &Arc<App>) {
    let engines = if app.replica.is_alone() { Engines::All } else { Engines::Of(app.replica.engine()) };
    match app.store.take_over_runs(engines, clock::now(), LEASE).await {
        Ok(runs) => {
            for run in runs {
                tracing::warn!(%run, "taking up a run that was cut off");
                let app = Arc::clone(app);
                app.clone().runs.spawn(async move {
                    if let Err(error) = go_on(&app, run).await {
                        tracing::error!(%run, error = format!("{error:#}"), "a run can't be taken up");
                    }
                });
            }
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "runs can't be taken up");
        }
    }
}

async fn go_on(app: &Arc<App>, run: RunId) -> anyhow::Result<()> {
    let Some(approved) = approval::begun(app, run).await? else {
        anyhow::bail!("there is no plan of run {run} that has begun")
    };
    let Some(record) = app.store.run_record(run).await? else { anyhow::bail!("run {run} is not there") };
    carry_out(app, &approved, Held { run, fence: record.fence }).await
}

/// What is shown of a run under way.
struct View<'a> {
    app: &'a App,
    approved: &'a Approved,
    steps: Vec<say::StepShown>,
    shown_at: Option<Instant>,
}

impl View<'_> {
    /// Edits the card, at most once a second; the end is shown anyway.
    async fn show(&mut self) {
        if self.shown_at.is_some_and(|at| at.elapsed() < SHOW_EVERY) {
            return;
        }
        self.shown_at = Some(Instant::now());
        let shown = say::Shown::Running { by: self.approved.by().to_vec(), steps: self.steps.clone() };
        if let Err(error) = approval::show(self.app, self.approved.stored(), &shown).await {
            // Progress is a courtesy; the journal has it all.
            tracing::warn!(error = format!("{error:#}"), "progress not stored");
        }
    }
}

async fn carry_out(app: &Arc<App>, approved: &Approved, held: Held) -> anyhow::Result<()> {
    let plan = approved.plan();
    let run = plan.run;
    let Some(record) = app.store.run_record(run).await? else { anyhow::bail!("run {run} is not there") };
    let resumed = held.fence > 0;
    let work = async {
        if record.steps.is_empty() {
            recorder::keep(app, plan).await;
        }
        let mut view =
            View { app, approved, steps: vec![say::StepShown::Waits; plan.steps.len()], shown_at: None };
        let outcome = steps(app, approved, held, &record.steps, &mut view).await?;
        view.show().await;
        failpoint::hit(Failpoint::BeforeProof);
        let after = match outcome {
            None => proof::prove(app, &plan.proves, clock::now()).await,
            Some(_) => proof::readings(app, &plan.proves).await,
        };
        let outcome = outcome.unwrap_or_else(|| RunOutcome::Done {
            verdict: (!plan.proves.is_empty()).then(|| verdict(&record.before, &after)),
        });
        Ok::<_, anyhow::Error>((outcome, after, view.steps))
    };
    let (outcome, after, shown) = match kept(app, held, work).await {
        Ok(done) => done,
        Err(error) if taken_over(&error) => {
            tracing::warn!(%run, "somebody else took this run over");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    failpoint::hit(Failpoint::BeforeEnd);
    let evidence = app.store.evidence(run).await.unwrap_or_default();
    let ended = say::Ended {
        by: approved.by().to_vec(),
        steps: shown,
        outcome: outcome.clone(),
        before: record.before.clone(),
        after: after.clone(),
        took: clock::now().duration_since(record.begun_at).unsigned_abs(),
        resumed,
    };
    let stored = approved.stored();
    let mentions = approval::mentions(app, stored).await;
    let message = |slot, reply| NewMessage {
        slot,
        lane: Lane::Answer,
        target: Target::Post(stored.place.clone()),
        reply: app.redactor.reply(Reply { mentions: mentions.clone(), ..report::with_run(reply, run) }),
    };
    let result = say::result(plan, &ended, &evidence);
    let card = say::card(plan, stored.quorum, &say::Shown::Ended(Box::new(ended)));
    let well = matches!(outcome, RunOutcome::Done { .. });
    metrics::counter!("acgs_plans_total", "end" => if well { "done" } else { "failed" }).increment(1);
    let quiet = stored.quorum.configured && well;
    let messages = if quiet {
        Vec::new()
    } else {
        vec![message(store::plan_slot(run), card), message(format!("done-{run}"), result)]
    };
    let noted = plan.incident.map(|incident| (incident, on_timeline(app, plan, well)));
    let end = End { held, audit: entry(approved, Some(&outcome)), outcome, after, messages, noted };
    match app.store.end_run(end, clock::now()).await {
        Err(StoreError::TakenOver { .. }) => return Ok(()),
        other => other?,
    }
    failpoint::hit(Failpoint::AfterEnd);
    app.outbox.nudge();
    Ok(())
}

/// How what was done stands on the timeline of its incident: once, whoever ends it.
fn on_timeline(app: &App, plan: &Plan, well: bool) -> NewEntry {
    let what = Happened::Command {
        line: app.redactor.text(&plan.line),
        outcome: if well { "done" } else { "failed" }.to_owned(),
        plan: Some(plan.digest().short()),
    };
    let entry = Entry { at: clock::now(), by: Some(plan.requester.clone()), what };
    NewEntry { entry, once: Some(format!("plan/{}", plan.run)) }
}

fn taken_over(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::TakenOver { .. }))
}

/// Runs `work` while its run's lease is renewed; a lease that is lost ends it where it waits.
async fn kept<T>(app: &App, held: Held, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut work = std::pin::pin!(work);
    let mut tick = tokio::time::interval(RENEW_EVERY);
    tick.tick().await;
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = tick.tick() => {}
        }
        let until = clock::now() + LEASE;
        match app.store.renew_run(held, until).await {
            Err(error @ StoreError::TakenOver { .. }) => return Err(error.into()),
            // A store that takes no writes for a moment stops nothing: the lease is longer than that.
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "lease not renewed"),
            Ok(()) => {}
        }
    }
}

/// Does the steps in order; `None` when all are done.
async fn steps(
    app: &App,
    approved: &Approved,
    held: Held,
    journal: &[JournalStep],
    view: &mut View<'_>,
) -> anyhow::Result<Option<RunOutcome>> {
    let plan = approved.plan();
    for (number, step) in (0_u32..).zip(&plan.steps) {
        let at = usize::try_from(number)?;
        let known = journal.iter().find(|known| known.number == number);
        let outcome = match known {
            Some(JournalStep { outcome: Some(outcome), .. }) => outcome.clone(),
            Some(known) => {
                view.steps[at] = say::StepShown::Looks;
                view.show().await;
                settle(app, approved, held, known.began_at, number).await?
            }
            None => {
                view.steps[at] = say::StepShown::Works;
                view.show().await;
                perform(app, approved, held, number).await?
            }
        };
        tracing::info!(run = %plan.run, step = number, act = ?step.act, ?outcome, "step");
        let ends = match &outcome {
            StepOutcome::Done { .. } => None,
            StepOutcome::Failed { .. } => Some(RunOutcome::Failed { step: number }),
            StepOutcome::Unknown { .. } => Some(RunOutcome::Unknown { step: number }),
        };
        view.steps[at] = say::StepShown::Ended(outcome);
        view.show().await;
        if ends.is_some() {
            return Ok(ends);
        }
    }
    Ok(None)
}

/// One step, written down before and after.
async fn perform(app: &App, approved: &Approved, held: Held, number: u32) -> anyhow::Result<StepOutcome> {
    let plan = approved.plan();
    let step = &plan.steps[usize::try_from(number)?];
    let limit = Duration::from_secs(step.timeout_seconds.into());
    let (began, life) = (clock::now(), app.replica.life());
    app.store.begin_step(held, number, began).await?;
    failpoint::hit(Failpoint::AfterStepBegun);
    // A process that stood still since then may have been taken for gone, and its run taken up.
    if !app.replica.surely_lives(life).await {
        return Err(StoreError::TakenOver { run: held.run }.into());
    }
    let outcome = match tokio::time::timeout(limit + GRACE, act::act(app, plan, number, limit)).await {
        Ok(outcome) => outcome,
        Err(_) => match act::inspect(app, plan, number, began).await {
            Found::Done(note) => StepOutcome::Done { note },
            Found::NotDone(found) | Found::Unclear(found) => StepOutcome::Unknown { found },
        },
    };
    failpoint::hit(Failpoint::AfterStepActed);
    let outcome = redacted(app, outcome);
    app.store.end_step(held, number, &outcome, clock::now()).await?;
    failpoint::hit(Failpoint::AfterStepEnded);
    Ok(outcome)
}

/// A step that was under way when the bot died: looked at, and done again only where that is harmless. As
/// long as it might still be going on by itself, it is looked at again.
async fn settle(
    app: &App,
    approved: &Approved,
    held: Held,
    began: Timestamp,
    number: u32,
) -> anyhow::Result<StepOutcome> {
    let plan = approved.plan();
    let step = &plan.steps[usize::try_from(number)?];
    let over = began + Duration::from_secs(step.timeout_seconds.into());
    let outcome = loop {
        let found = act::inspect(app, plan, number, began).await;
        let is_over = clock::now() >= over;
        match found {
            Found::Done(note) => break StepOutcome::Done { note: say::found_done(&note) },
            Found::NotDone(_) if step.act.is_idempotent() => {
                return perform(app, approved, held, number).await;
            }
            Found::NotDone(found) if is_over => {
                break StepOutcome::Failed { why: say::found_not_done(&found) };
            }
            Found::Unclear(found) if is_over => break StepOutcome::Unknown { found },
            Found::NotDone(_) | Found::Unclear(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    };
    let outcome = redacted(app, outcome);
    app.store.end_step(held, number, &outcome, clock::now()).await?;
    Ok(outcome)
}

fn redacted(app: &App, outcome: StepOutcome) -> StepOutcome {
    let text = |text: String| app.redactor.text(&text);
    match outcome {
        StepOutcome::Done { note } => StepOutcome::Done { note: text(note) },
        StepOutcome::Failed { why } => StepOutcome::Failed { why: text(why) },
        StepOutcome::Unknown { found } => StepOutcome::Unknown { found: text(found) },
    }
}

/// `None` before anything is done: the record of the intent.
fn entry(approved: &Approved, outcome: Option<&RunOutcome>) -> AuditEntry {
    let stored = approved.stored();
    AuditEntry {
        run: stored.plan.run,
        account: stored.asked_from.clone(),
        person: Some(stored.plan.requester.clone()),
        place: Some(stored.place.clone()),
        verb: stored.plan.line.split(' ').next().unwrap_or_default().to_owned(),
        line: stored.plan.line.clone(),
        decision: AuditDecision::Allowed,
        outcome: outcome.map(|outcome| match outcome {
            RunOutcome::Done { .. } => AuditOutcome::Done,
            RunOutcome::Failed { .. } | RunOutcome::Unknown { .. } => AuditOutcome::Failed,
        }),
        detail: serde_json::json!({
            "digest": stored.digest.to_string(),
            "approved_by": approved.by(),
            "break_glass": stored.plan.break_glass,
            "incident": stored.plan.incident,
            "outcome": outcome,
        }),
    }
}
