//! The journal of executions. A run begins at most once, in the transaction that also takes its locks and
//! writes the audit row without which nothing acts. Each step is written before and after. Whoever takes a
//! run over from a process that is gone gets a higher fence; who comes with an older one is told no.

use std::time::Duration;

use commands::ids::RunId;
use commands::incident::IncidentNumber;
use commands::journal::{JournalStep, Reading, RunOutcome, StepOutcome};
use jiff::Timestamp;

use crate::audit::{self, AuditEntry};
use crate::column::{from_json, json, micros, micros_after, timestamp, unsigned};
use crate::incident::{self, NewEntry};
use crate::outbox::{self, NewMessage};
use crate::plan::run_id;
use crate::postgres::in_time;
use crate::{Database, Result, Store, StoreError};

const TABLE: &str = "run";

/// What a run begins with.
#[derive(Clone, Debug)]
pub struct Begin {
    /// Whose plan it is.
    pub run: RunId,
    /// The votes that were counted; see [`StoredPlan::version`](crate::StoredPlan::version).
    pub version: i64,
    /// What nobody else may act on, as [`Plan::locks`](commands::plan::Plan::locks) says.
    pub locks: Vec<String>,
    /// Who said yes.
    pub approved_by: Vec<String>,
    /// How the services did before.
    pub before: Vec<Reading>,
    /// For how long it is nobody else's without [`Store::renew_run`].
    pub lease: Duration,
    /// The record of the intent to act.
    pub audit: AuditEntry,
    /// The Docker daemon that it acts on, if it acts on one.
    pub engine: Option<String>,
}

/// A run, held by whoever has its newest fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub run: RunId,
    /// 0 for who began it; greater with every taking over.
    pub fence: i64,
}

/// Whose runs are taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engines<'a> {
    /// Everybody's.
    All,
    /// Those that act on this Docker daemon, and those that act on none.
    Of(Option<&'a str>),
}

/// An execution as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Whose.
    pub run: RunId,
    /// When it began.
    pub begun_at: Timestamp,
    /// Of whoever works on it.
    pub fence: i64,
    /// Who said yes.
    pub approved_by: Vec<String>,
    /// How the services did before.
    pub before: Vec<Reading>,
    /// How they did after; empty before the end.
    pub after: Vec<Reading>,
    /// `None` before the end.
    pub outcome: Option<RunOutcome>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Those that began, in order.
    pub steps: Vec<JournalStep>,
}

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct End {
    /// Whose, and of whoever ends it.
    pub held: Held,
    /// How it ended.
    pub outcome: RunOutcome,
    /// How the services do now.
    pub after: Vec<Reading>,
    /// The record of what was done.
    pub audit: AuditEntry,
    /// What is said of it.
    pub messages: Vec<NewMessage>,
    /// How it stands on the timeline of the incident that it belongs to.
    pub noted: Option<(IncidentNumber, NewEntry)>,
}

impl Store {
    /// Begins an open plan's execution: durable before anything is done. It has the fence 0.
    ///
    /// Fails with [`StoreError::PlanMoved`], [`StoreError::Locked`] or [`StoreError::Frozen`] when it may not begin; then nothing
    /// was changed. Of many callers at most one succeeds, ever.
    pub async fn begin_run(&self, begin: Begin, now: Timestamp) -> Result<()> {
        let begun = Begun {
            until: micros_after(now, begin.lease),
            entry: audit::row(&begin.audit),
            at: micros(now),
            holder: self.holder(),
            begin,
        };
        match &*self.database {
            Database::Sqlite(db) => {
                db.writer
                    .transaction(begun, |unit, begun| {
                        Box::pin(async move {
                            sqlite::begin(&mut unit.connection, begun).await?;
                            let head = unit.head.as_mut().ok_or_else(audit::no_head)?;
                            audit::sqlite::append(
                                &mut unit.connection,
                                head,
                                std::slice::from_ref(&begun.entry),
                                begun.at,
                            )
                            .await
                        })
                    })
                    .await
            }
            Database::Postgres(pool) => {
                in_time(async {
                    let mut transaction = pool.begin().await?;
                    postgres::begin(&mut transaction, &begun).await?;
                    let mut head = audit::lock_head(&mut transaction).await?;
                    let entries = std::slice::from_ref(&begun.entry);
                    audit::postgres::append(&mut transaction, &mut head, entries, begun.at).await?;
                    audit::save_head(&mut transaction, &head).await?;
                    transaction.commit().await?;
                    Ok(())
                })
                .await
            }
        }
    }

    /// Keeps a run from being taken over before `until`. Fails with [`StoreError::TakenOver`].
    pub async fn renew_run(&self, held: Held, until: Timestamp) -> Result<()> {
        let kept = writing!(self, renew((held, micros(until))))?;
        if kept { Ok(()) } else { Err(StoreError::TakenOver { run: held.run }) }
    }

    /// Records that a step is about to be done. Fails with [`StoreError::TakenOver`]; then it must not be done.
    pub async fn begin_step(&self, held: Held, number: u32, now: Timestamp) -> Result<()> {
        let began = transacting!(self, step_begin((held, i64::from(number), micros(now))))?;
        if began { Ok(()) } else { Err(StoreError::TakenOver { run: held.run }) }
    }

    /// Records what became of a step. Fails with [`StoreError::TakenOver`].
    pub async fn end_step(
        &self,
        held: Held,
        number: u32,
        outcome: &StepOutcome,
        now: Timestamp,
    ) -> Result<()> {
        let row = (held, i64::from(number), micros(now), json(outcome));
        let ended = transacting!(self, step_end(row))?;
        if ended { Ok(()) } else { Err(StoreError::TakenOver { run: held.run }) }
    }

    /// Ends a run: its outcome, its audit row, its messages, its place on a timeline, and its locks are given back. Fails with
    /// [`StoreError::TakenOver`], also when it has ended before.
    pub async fn end_run(&self, end: End, now: Timestamp) -> Result<()> {
        let messages = (0..)
            .zip(end.messages)
            .map(|(place, message)| outbox::row(message, now, place))
            .collect::<Result<Vec<_>>>()?;
        let ended = Ended {
            held: end.held,
            outcome: json(&end.outcome),
            after: json(&end.after),
            entry: audit::row(&end.audit),
            messages,
            noted: end.noted,
            at: micros(now),
        };
        match &*self.database {
            Database::Sqlite(db) => {
                db.writer
                    .transaction(ended, |unit, ended| {
                        Box::pin(async move {
                            sqlite::end(&mut unit.connection, ended).await?;
                            outbox::sqlite::put_all(&mut unit.connection, &ended.messages).await?;
                            if let Some(noted) = &ended.noted {
                                incident::sqlite::append(&mut unit.connection, noted).await?;
                            }
                            let head = unit.head.as_mut().ok_or_else(audit::no_head)?;
                            audit::sqlite::append(
                                &mut unit.connection,
                                head,
                                std::slice::from_ref(&ended.entry),
                                ended.at,
                            )
                            .await
                        })
                    })
                    .await
            }
            Database::Postgres(pool) => {
                in_time(async {
                    let mut transaction = pool.begin().await?;
                    postgres::end(&mut transaction, &ended).await?;
                    outbox::postgres::put_all(&mut transaction, &ended.messages).await?;
                    if let Some(noted) = &ended.noted {
                        incident::postgres::append(&mut transaction, noted).await?;
                    }
                    let mut head = audit::lock_head(&mut transaction).await?;
                    let entries = std::slice::from_ref(&ended.entry);
                    audit::postgres::append(&mut transaction, &mut head, entries, ended.at).await?;
                    audit::save_head(&mut transaction, &head).await?;
                    transaction.commit().await?;
                    Ok(())
                })
                .await
            }
        }
    }

    /// Takes over the runs of `engines` that nobody works on any more, each with a higher fence, for `lease`.
    pub async fn take_over_runs(
        &self,
        engines: Engines<'_>,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<RunId>> {
        let take = TakeOver {
            all: i64::from(engines == Engines::All),
            engine: match engines {
                Engines::All => None,
                Engines::Of(engine) => engine.map(str::to_owned),
            },
            now: micros(now),
            until: micros_after(now, lease),
            holder: self.holder(),
        };
        let taken = writing!(self, take(take))?;
        taken.iter().map(|run| run_id(TABLE, run)).collect()
    }

    /// The journal of one run; `None` if it never began.
    pub async fn run_record(&self, run: RunId) -> Result<Option<RunRecord>> {
        let rows = reading!(self, record(run))?;
        let Some(columns) = rows.into_iter().next() else { return Ok(None) };
        let steps = reading!(self, steps(run))?;
        let steps = steps.into_iter().map(step).collect::<Result<Vec<_>>>()?;
        Ok(Some(stored(run, columns, steps)?))
    }
}

struct Begun {
    begin: Begin,
    entry: audit::Row,
    at: i64,
    until: i64,
    holder: Option<String>,
}

struct TakeOver {
    all: i64,
    engine: Option<String>,
    now: i64,
    until: i64,
    holder: Option<String>,
}

struct Ended {
    held: Held,
    outcome: String,
    after: String,
    entry: audit::Row,
    messages: Vec<outbox::Row>,
    noted: Option<(IncidentNumber, NewEntry)>,
    at: i64,
}

/// `begun_at`, fence, `approved_by`, before, after, outcome, `ended_at`.
type Columns = (i64, i64, String, String, Option<String>, Option<String>, Option<i64>);
/// number, `began_at`, `ended_at`, outcome.
type StepColumns = (i64, i64, Option<i64>, Option<String>);

fn stored(run: RunId, columns: Columns, steps: Vec<JournalStep>) -> Result<RunRecord> {
    let (begun_at, fence, approved_by, before, after, outcome, ended_at) = columns;
    Ok(RunRecord {
        run,
        begun_at: timestamp(TABLE, begun_at)?,
        fence,
        approved_by: from_json(TABLE, &approved_by)?,
        before: from_json(TABLE, &before)?,
        after: after.map(|after| from_json(TABLE, &after)).transpose()?.unwrap_or_default(),
        outcome: outcome.map(|outcome| from_json(TABLE, &outcome)).transpose()?,
        ended_at: ended_at.map(|at| timestamp(TABLE, at)).transpose()?,
        steps,
    })
}

fn step((number, began_at, ended_at, outcome): StepColumns) -> Result<JournalStep> {
    const TABLE: &str = "run_step";
    Ok(JournalStep {
        number: unsigned(TABLE, number)?,
        began_at: timestamp(TABLE, began_at)?,
        ended_at: ended_at.map(|at| timestamp(TABLE, at)).transpose()?,
        outcome: outcome.map(|outcome| from_json(TABLE, &outcome)).transpose()?,
    })
}

per_driver! {
    /// The plan's row first: it is what everybody else waits for.
    pub(super) async fn begin(connection: &mut Connection, begun: &Begun) -> Result<()> {
        let Begun { begin, at, until, holder, .. } = begun;
        let run = begin.run.to_string();
        let moved = sqlx::query(
            "UPDATE plan SET begun_at = $3 \
             WHERE run = $1 AND version = $2 AND begun_at IS NULL AND closed_at IS NULL",
        )
        .bind(&run)
        .bind(begin.version)
        .bind(at)
        .execute(&mut *connection)
        .await?;
        if moved.rows_affected() != 1 {
            return Err(StoreError::PlanMoved { run: begin.run });
        }
        let frozen: Vec<(String, String)> = sqlx::query_as(
            "SELECT person, why FROM frozen WHERE ended_at IS NULL AND (until_at IS NULL OR until_at > $1) \
             ORDER BY seq DESC LIMIT 1",
        )
        .bind(at)
        .fetch_all(&mut *connection)
        .await?;
        if let Some((person, why)) = frozen.into_iter().next() {
            return Err(StoreError::Frozen { person, why });
        }
        for target in &begin.locks {
            let locked = sqlx::query("INSERT INTO target_lock (target, run) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(target)
                .bind(&run)
                .execute(&mut *connection)
                .await?;
            if locked.rows_affected() == 1 {
                continue;
            }
            let holders: Vec<String> = sqlx::query_scalar("SELECT run FROM target_lock WHERE target = $1")
                .bind(target)
                .fetch_all(&mut *connection)
                .await?;
            // Given back between the two statements: as good as locked, and the next try gets it.
            let holder = holders.first().map_or(Ok(begin.run), |run| run_id("target_lock", run))?;
            return Err(StoreError::Locked { target: target.clone(), run: holder });
        }
        sqlx::query(
            "INSERT INTO run (run, begun_at, lease_until, approved_by, before, claimed_by, engine) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&run)
        .bind(at)
        .bind(until)
        .bind(json(&begin.approved_by))
        .bind(json(&begin.before))
        .bind(holder)
        .bind(&begin.engine)
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(super) async fn renew(connection: &mut Connection, (held, until): &(Held, i64)) -> Result<bool> {
        let kept = sqlx::query(
            "UPDATE run SET lease_until = $3 WHERE run = $1 AND fence = $2 AND ended_at IS NULL",
        )
        .bind(held.run.to_string())
        .bind(held.fence)
        .bind(until)
        .execute(connection)
        .await?;
        Ok(kept.rows_affected() == 1)
    }

    /// Locks the run's row while a step of it is written.
    async fn holds(connection: &mut Connection, Held { run, fence }: Held) -> Result<bool> {
        let held = sqlx::query("UPDATE run SET fence = fence WHERE run = $1 AND fence = $2 AND ended_at IS NULL")
            .bind(run.to_string())
            .bind(fence)
            .execute(connection)
            .await?;
        Ok(held.rows_affected() == 1)
    }

    /// A step that is done once more after a crash keeps its row and begins anew.
    pub(super) async fn step_begin(
        connection: &mut Connection,
        (held, number, at): &(Held, i64, i64),
    ) -> Result<bool> {
        if !holds(&mut *connection, *held).await? {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO run_step (run, number, began_at) VALUES ($1, $2, $3) \
             ON CONFLICT (run, number) DO UPDATE SET began_at = excluded.began_at, ended_at = NULL, outcome = NULL",
        )
        .bind(held.run.to_string())
        .bind(number)
        .bind(at)
        .execute(connection)
        .await?;
        Ok(true)
    }

    pub(super) async fn step_end(
        connection: &mut Connection,
        (held, number, at, outcome): &(Held, i64, i64, String),
    ) -> Result<bool> {
        if !holds(&mut *connection, *held).await? {
            return Ok(false);
        }
        sqlx::query("UPDATE run_step SET ended_at = $3, outcome = $4 WHERE run = $1 AND number = $2")
            .bind(held.run.to_string())
            .bind(number)
            .bind(at)
            .bind(outcome)
            .execute(connection)
            .await?;
        Ok(true)
    }

    pub(super) async fn end(connection: &mut Connection, ended: &Ended) -> Result<()> {
        let run = ended.held.run.to_string();
        let done = sqlx::query(
            "UPDATE run SET ended_at = $3, outcome = $4, after = $5 \
             WHERE run = $1 AND fence = $2 AND ended_at IS NULL",
        )
        .bind(&run)
        .bind(ended.held.fence)
        .bind(ended.at)
        .bind(&ended.outcome)
        .bind(&ended.after)
        .execute(&mut *connection)
        .await?;
        if done.rows_affected() != 1 {
            return Err(StoreError::TakenOver { run: ended.held.run });
        }
        sqlx::query("DELETE FROM target_lock WHERE run = $1").bind(&run).execute(connection).await?;
        Ok(())
    }

    pub(super) async fn take(connection: &mut Connection, take: &TakeOver) -> Result<Vec<String>> {
        let taken = sqlx::query_scalar(
            "UPDATE run SET fence = fence + 1, lease_until = $2, claimed_by = $4 \
             WHERE ended_at IS NULL AND lease_until <= $1 \
             AND ($5 = 1 OR engine IS NULL OR engine = $3) RETURNING run",
        )
        .bind(take.now)
        .bind(take.until)
        .bind(&take.engine)
        .bind(&take.holder)
        .bind(take.all)
        .fetch_all(connection)
        .await?;
        Ok(taken)
    }

    pub(super) async fn record(connection: &mut Connection, run: RunId) -> Result<Vec<Columns>> {
        let rows = sqlx::query_as(
            "SELECT begun_at, fence, approved_by, before, after, outcome, ended_at FROM run WHERE run = $1",
        )
        .bind(run.to_string())
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }

    pub(super) async fn steps(connection: &mut Connection, run: RunId) -> Result<Vec<StepColumns>> {
        let rows = sqlx::query_as(
            "SELECT number, began_at, ended_at, outcome FROM run_step WHERE run = $1 ORDER BY number",
        )
        .bind(run.to_string())
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }
}
