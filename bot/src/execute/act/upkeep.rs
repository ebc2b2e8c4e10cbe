//! Tables are tidied up, indexes are made, and a pool's idle connections are ended.

use std::time::Duration;

use commands::backend::{BackendId, SessionTag, Signalled};
use commands::journal::StepOutcome;
use commands::plan::{Plan, Seat, UpkeepKind};
use commands::table::{IndexDefinition, IndexFound, TableName, TableState};
use exec_postgres::administration::{Administration, number};
use tokio::time::{Instant, sleep};

use super::backup::TIDY;
use super::{Found, done, failed};
use crate::app::App;
use crate::execute::administrator::{Administrator, ProgramError};
use crate::health::DEADLINE;
use crate::report::plan as say;

/// Statistics come a moment later than what they are of.
const SETTLE: Duration = Duration::from_secs(5);
/// Between two looks at them.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A statement about sessions.
const SHORT: Duration = Duration::from_secs(20);
/// To drop an index that is of no use.
const DROP: Duration = Duration::from_secs(120);

/// `VACUUM` or `ANALYZE`.
pub(super) async fn tidy(
    app: &App,
    plan: &Plan,
    number: u32,
    (seat, kind, table): (&Seat, UpkeepKind, Option<&TableName>),
    limit: Duration,
) -> StepOutcome {
    let work = async {
        let administrator = Administrator::at(app, seat, SessionTag::of(plan.run, number))?;
        let before = tables(app, table).await?;
        let statement = match kind {
            UpkeepKind::Vacuum => Administration::vacuum(table),
            UpkeepKind::Analyze => Administration::analyze(table),
        };
        administrator.ask(&seat.database, &statement, limit.saturating_sub(TIDY)).await?;
        let by = Instant::now() + SETTLE;
        loop {
            let after = tables(app, table).await?;
            let left = left_out(kind, &before, &after);
            if left.is_empty() || Instant::now() >= by {
                return Ok::<_, ProgramError>(say::tidied(kind, &before, &after, &left));
            }
            sleep(LOOK_EVERY).await;
        }
    };
    outcome(work.await)
}

fn outcome(work: Result<String, ProgramError>) -> StepOutcome {
    match work {
        Ok(note) => done(note),
        Err(error @ ProgramError::Lost { .. }) => StepOutcome::Unknown { found: error.to_string() },
        Err(error) => failed(error.to_string()),
    }
}

/// That table's state, or all of them.
async fn tables(app: &App, table: Option<&TableName>) -> Result<Vec<TableState>, ProgramError> {
    let Some(postgres) = &app.executors.postgres else {
        return Err(ProgramError::NotStarted(say::part_missing("postgres")));
    };
    let all = postgres.tables(DEADLINE).await?;
    Ok(all.into_iter().filter(|one| table.is_none_or(|table| one.name == *table)).collect())
}

/// Tables whose counters have not moved.
fn left_out(kind: UpkeepKind, before: &[TableState], after: &[TableState]) -> Vec<String> {
    let count = |one: &TableState| match kind {
        UpkeepKind::Vacuum => one.vacuums,
        UpkeepKind::Analyze => one.analyzes,
    };
    let moved = |one: &TableState| {
        after.iter().find(|now| now.name == one.name).is_none_or(|now| count(now) > count(one))
    };
    before.iter().filter(|one| !moved(one)).map(|one| one.name.to_string()).collect()
}

/// `CREATE INDEX CONCURRENTLY`, and a look at what came of it.
pub(super) async fn create_index(
    app: &App,
    plan: &Plan,
    number: u32,
    (seat, index): (&Seat, &IndexDefinition),
    limit: Duration,
) -> StepOutcome {
    let work = async {
        let administrator = Administrator::at(app, seat, SessionTag::of(plan.run, number))?;
        if found(app, index).await? == IndexFound::Invalid {
            drop_invalid(&administrator, seat, index).await?;
        }
        let statement = Administration::create_index(index);
        let made =
            administrator.ask(&seat.database, &statement, limit.saturating_sub(TIDY + DROP + DROP)).await;
        match found(app, index).await? {
            IndexFound::Valid { size } => Ok(say::index_made(index, size)),
            IndexFound::Invalid => {
                drop_invalid(&administrator, seat, index).await?;
                Err(made.err().unwrap_or_else(|| ProgramError::NotStarted(say::index_invalid(index))))
            }
            IndexFound::Nothing | IndexFound::Building | IndexFound::Other(_) => {
                Err(made.err().unwrap_or_else(|| ProgramError::NotStarted(say::index_missing(index))))
            }
        }
    };
    outcome(work.await)
}

/// Drops an index that is of no use. It waits for the same transactions as the one that failed, so it is tried for a
/// while.
async fn drop_invalid(
    administrator: &Administrator,
    seat: &Seat,
    index: &IndexDefinition,
) -> Result<(), ProgramError> {
    let by = Instant::now() + DROP;
    loop {
        let dropped = administrator.ask(&seat.database, &Administration::drop_index(index), DROP).await;
        match dropped {
            Ok(_) => return Ok(()),
            Err(left) if Instant::now() >= by => {
                return Err(ProgramError::NotStarted(say::invalid_left(index, &left)));
            }
            Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}

async fn found(app: &App, index: &IndexDefinition) -> Result<IndexFound, ProgramError> {
    let Some(postgres) = &app.executors.postgres else {
        return Err(ProgramError::NotStarted(say::part_missing("postgres")));
    };
    Ok(postgres.index(index, DEADLINE).await?.found)
}

/// Whether the index is there; one that was left invalid is dropped.
pub(super) async fn inspect_index(
    app: &App,
    plan: &Plan,
    number: u32,
    (seat, index): (&Seat, &IndexDefinition),
) -> Found {
    let looked = async {
        let administrator = Administrator::at(app, seat, SessionTag::of(plan.run, number))?;
        administrator.end_sessions().await?;
        Ok::<_, ProgramError>(match found(app, index).await? {
            IndexFound::Valid { size } => Found::Done(say::index_made(index, size)),
            IndexFound::Invalid => {
                drop_invalid(&administrator, seat, index).await?;
                Found::NotDone(say::index_invalid(index))
            }
            IndexFound::Nothing => Found::NotDone(say::index_missing(index)),
            IndexFound::Building | IndexFound::Other(_) => Found::Unclear(say::index_odd(index)),
        })
    };
    looked.await.unwrap_or_else(|error| Found::Unclear(error.to_string()))
}

/// Ends what a step that was cut off has left at work, which is then done again.
pub(super) async fn inspect_tidy(app: &App, plan: &Plan, number: u32, seat: &Seat) -> Found {
    let looked =
        async { Administrator::at(app, seat, SessionTag::of(plan.run, number))?.end_sessions().await };
    match looked.await {
        Ok(()) => Found::NotDone(String::new()),
        Err(error) => Found::Unclear(error.to_string()),
    }
}

/// A pool's connections that do nothing.
#[derive(Clone, Copy)]
pub(super) struct Idle<'a> {
    /// What the program calls itself.
    pub application: &'a str,
    /// Those that the bot's own role may end.
    pub backends: &'a [BackendId],
    /// Those of superusers.
    pub superusers: &'a [BackendId],
    /// Where those are ended.
    pub seat: Option<&'a Seat>,
}

/// Ends them; those that work by now are left.
pub(super) async fn end_idle(app: &App, plan: &Plan, step: u32, idle: Idle<'_>) -> StepOutcome {
    let work = async {
        let mut ended: u64 = 0;
        if !idle.backends.is_empty() {
            let Some(signals) = &app.executors.signals else {
                return Err(ProgramError::NotStarted(say::part_missing("postgres] signal_url [postgres")));
            };
            for (_, told) in exec_postgres::act::end_idle(signals, idle.backends, DEADLINE).await {
                ended += u64::from(told? == Signalled::Sent);
            }
        }
        if let Some(seat) = idle.seat.filter(|_| !idle.superusers.is_empty()) {
            let administrator = Administrator::at(app, seat, SessionTag::of(plan.run, step))?;
            let statement = Administration::end_idle(idle.superusers);
            ended += number(&administrator.ask(&seat.maintenance, &statement, SHORT).await?)?;
        }
        Ok(say::pool_reset(idle.application, ended, idle.backends.len() + idle.superusers.len()))
    };
    outcome(work.await)
}
