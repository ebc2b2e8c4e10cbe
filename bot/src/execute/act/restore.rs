//! A backup is read in beside the live database and takes its name.
//!
//! Until the swap everything happens in a database of the run's own, which goes when a step fails. The swap is one
//! transaction, never made twice: after a crash the names and the old one's note tell whether it was made.

use std::time::Duration;

use commands::archive::DumpFormat;
use commands::backend::SessionTag;
use commands::journal::StepOutcome;
use commands::plan::{ExpectedRows, OtherDatabase, Plan, Seat};
use commands::restore::{DatabaseName, DatabaseState, SetAside};
use exec_postgres::administration::{Administration, alembic_version, database_state, row_counts};
use tokio::io::Empty;
use tokio::time::Instant;

use super::backup::TIDY;
use super::guarded::Guarded;
use super::{Found, done, failed};
use crate::app::App;
use crate::clock;
use crate::execute::administrator::{Administrator, ProgramError};
use crate::health::DEADLINE;
use crate::report::plan as say;

/// A statement about databases that waits for nobody.
const SHORT: Duration = Duration::from_secs(30);
/// To read an archive through.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// A dump that is to be read in.
#[derive(Clone, Copy)]
pub(super) struct Dump<'a> {
    /// The backups' folder.
    pub folder: &'a str,
    /// The archive's name in it.
    pub archive: &'a str,
    /// Of all of it.
    pub sha256: &'a str,
    /// How it is written.
    pub format: DumpFormat,
}

/// A step's work at the database.
pub(super) struct Work {
    administrator: Administrator,
    seat: Seat,
    beside: DatabaseName,
    before: DatabaseName,
}

impl Work {
    /// Of step `number` of `plan`.
    pub(super) fn of(app: &App, plan: &Plan, number: u32, seat: &Seat) -> Result<Self, ProgramError> {
        Ok(Self {
            administrator: Administrator::at(app, seat, SessionTag::of(plan.run, number))?,
            seat: seat.clone(),
            beside: seat.database.beside(plan.run),
            before: seat.database.before(plan.run),
        })
    }

    async fn state(&self, name: &DatabaseName) -> Result<Option<DatabaseState>, ProgramError> {
        let statement = Administration::look_at(name);
        Ok(database_state(&self.administrator.ask(&self.seat.maintenance, &statement, SHORT).await?)?)
    }

    /// The live database, if it is still the one of the plan.
    async fn live(&self) -> Result<DatabaseState, ProgramError> {
        let found = self.state(&self.seat.database).await?;
        let same = found.filter(|found| found.oid == self.seat.oid);
        same.ok_or_else(|| ProgramError::NotStarted(say::database_gone(&self.seat)))
    }

    pub(super) async fn drop_beside(&self) -> Result<(), ProgramError> {
        let Some(statement) = self.administrator.calls().drop(&self.beside) else {
            return Err(ProgramError::NotStarted(say::never_dropped(&self.beside)));
        };
        self.administrator.end_all(&Administration::end_sessions(&self.beside)).await?;
        self.administrator.ask(&self.seat.maintenance, &statement, SHORT).await.map(drop)
    }

    pub(super) async fn create(&self) -> Result<String, ProgramError> {
        let live = self.live().await?;
        // What a try before has left, which was cut off.
        self.drop_beside().await?;
        let statement = Administration::create(&self.beside, &live);
        self.administrator.ask(&self.seat.maintenance, &statement, SHORT).await?;
        Ok(self.beside.to_string())
    }

    pub(super) async fn load(&self, dump: Dump<'_>, limit: Duration) -> Result<String, ProgramError> {
        let begun = Instant::now();
        let sums = exec_host::verify_sums(dump.folder, dump.archive, LONGEST).await?;
        if sums.sha256.as_str() != dump.sha256 {
            return Err(ProgramError::NotStarted(say::archive_changed(dump.archive)));
        }
        let (file, bytes) = exec_host::open_archive(dump.folder, dump.archive, DEADLINE).await?;
        let administrator = &self.administrator;
        let call = administrator.calls().restore(&self.beside, dump.format, administrator.terms(limit));
        let mut printed = tokio::io::sink();
        match dump.format {
            DumpFormat::Custom => administrator.run(&call, limit, Some(file), &mut printed).await?,
            // Whatever the file was when it was looked at: psql gets nothing that it would take for a command.
            DumpFormat::Plain => {
                administrator.run(&call, limit, Some(Guarded::new(file)), &mut printed).await?;
            }
        }
        Ok(say::loaded(bytes, begun.elapsed()))
    }

    pub(super) async fn compare(
        &self,
        rows: Option<&[ExpectedRows]>,
        version: Option<&str>,
        limit: Duration,
    ) -> Result<String, ProgramError> {
        let administrator = &self.administrator;
        administrator.ask(&self.beside, &Administration::analyze_all(), limit).await?;
        let found =
            row_counts(&administrator.ask(&self.beside, &Administration::count_rows(), limit).await?)?;
        let migrations = Administration::migrations();
        let here = alembic_version(&administrator.ask(&self.beside, &migrations, SHORT).await?)?;
        let live = alembic_version(&administrator.ask(&self.seat.database, &migrations, SHORT).await?)?;
        let mut wrong: Vec<String> = rows
            .unwrap_or_default()
            .iter()
            .filter(|expected| found.get(&expected.table) != Some(&expected.rows))
            .map(|expected| say::other_rows(expected, found.get(&expected.table).copied()))
            .collect();
        if rows.is_some() && version != here.as_deref() {
            wrong.push(say::other_migration(version, here.as_deref()));
        }
        if found.is_empty() {
            wrong.push(say::no_tables());
        }
        if wrong.is_empty() {
            Ok(say::compared(&found, rows.is_some(), here.as_deref(), live.as_deref()))
        } else {
            Err(ProgramError::NotStarted(say::not_as_expected(&wrong)))
        }
    }

    pub(super) async fn dress(&self) -> Result<String, ProgramError> {
        let live = self.live().await?;
        let statements = Administration::put_back(&self.beside, &live);
        if statements.is_empty() {
            return Ok(say::nothing_to_put_on());
        }
        let administrator = &self.administrator;
        let calls = administrator.calls();
        let call = calls.at_once(&self.seat.maintenance, &statements, administrator.terms(SHORT));
        administrator.run(&call, SHORT, None::<Empty>, &mut tokio::io::sink()).await?;
        Ok(say::put_on(statements.len()))
    }

    /// The names are changed; from the first word to the last nobody gets in.
    async fn swap(&self, plan: &Plan, with: Option<&OtherDatabase>) -> Result<Duration, Swap> {
        let new = with.map_or(&self.beside, |other| &other.name);
        self.live().await.map_err(Swap::NotBegun)?;
        let other = self.state(new).await.map_err(Swap::NotBegun)?;
        if other.is_none_or(|found| with.is_some_and(|with| with.oid != found.oid)) {
            return Err(Swap::NotBegun(ProgramError::NotStarted(say::no_other(new))));
        }
        let note = SetAside { run: plan.run, was: self.seat.database.clone(), at: clock::now() };
        let administrator = &self.administrator;
        let (calls, terms) = (administrator.calls(), administrator.terms(SHORT));
        let shut = [
            Administration::allow_connections(&self.seat.database, false),
            Administration::end_sessions(&self.seat.database),
        ];
        let shut = calls.in_order(&self.seat.maintenance, &shut, terms);
        let names = calls.at_once(&self.seat.maintenance, &calls.swap(new, &self.before, &note), terms);
        let begun = Instant::now();
        for call in [shut, names] {
            let mut printed = tokio::io::sink();
            administrator.run(&call, SHORT, None::<Empty>, &mut printed).await.map_err(Swap::Begun)?;
        }
        Ok(begun.elapsed())
    }

    /// Whether the swap of `plan` was made. If it was not, the live database is opened again.
    pub(super) async fn look_at_swap(&self, plan: &Plan) -> Result<Found, ProgramError> {
        self.administrator.end_sessions().await?;
        if let Some(before) = self.state(&self.before).await?
            && before.oid == self.seat.oid
        {
            let note = before.comment.as_deref().and_then(SetAside::of_comment);
            return Ok(if note.is_some_and(|note| note.run == plan.run) {
                Found::Done(say::swap_found(&self.before))
            } else {
                Found::Unclear(say::odd_names(&self.before))
            });
        }
        self.live().await?;
        let open = Administration::allow_connections(&self.seat.database, true);
        self.administrator.ask(&self.seat.maintenance, &open, SHORT).await?;
        self.drop_beside().await?;
        Ok(Found::NotDone(say::not_swapped(&self.seat.database)))
    }
}

/// Why the names were not changed.
enum Swap {
    /// Nothing was done.
    NotBegun(ProgramError),
    /// It is to be looked at.
    Begun(ProgramError),
}

/// A step before the swap; what fails takes the database beside with it.
pub(super) async fn beside<F>(app: &App, plan: &Plan, number: u32, seat: &Seat, work: F) -> StepOutcome
where
    F: AsyncFnOnce(&Work) -> Result<String, ProgramError>,
{
    let at = match Work::of(app, plan, number, seat) {
        Ok(at) => at,
        Err(error) => return failed(error.to_string()),
    };
    match work(&at).await {
        Ok(note) => done(note),
        Err(error) => match at.drop_beside().await {
            Ok(()) => failed(error.to_string()),
            Err(left) => StepOutcome::Unknown { found: say::beside_left(&error, &at.beside, &left) },
        },
    }
}

/// Changes the names.
pub(super) async fn swap(
    app: &App,
    plan: &Plan,
    number: u32,
    (seat, with): (&Seat, Option<&OtherDatabase>),
) -> StepOutcome {
    let at = match Work::of(app, plan, number, seat) {
        Ok(at) => at,
        Err(error) => return failed(error.to_string()),
    };
    match at.swap(plan, with).await {
        Ok(took) => done(say::swapped(took, &at.before)),
        Err(Swap::NotBegun(error)) => match at.drop_beside().await {
            Ok(()) => failed(error.to_string()),
            Err(left) => StepOutcome::Unknown { found: say::beside_left(&error, &at.beside, &left) },
        },
        Err(Swap::Begun(error)) => match at.look_at_swap(plan).await {
            Ok(Found::Done(note)) => done(note),
            Ok(Found::NotDone(found)) => failed(say::both(&error, &found)),
            Ok(Found::Unclear(found)) => StepOutcome::Unknown { found: say::both(&error, &found) },
            Err(other) => StepOutcome::Unknown { found: say::both(&error, &other) },
        },
    }
}

/// Whether a step before the swap was done; what still works for it is ended.
pub(super) async fn inspect_beside(app: &App, plan: &Plan, number: u32, seat: &Seat, wants: Wants) -> Found {
    let looked = async {
        let at = Work::of(app, plan, number, seat)?;
        at.administrator.end_sessions().await?;
        let is_there = at.state(&at.beside).await?.is_some();
        Ok::<_, ProgramError>(match wants {
            Wants::There if is_there => Found::Done(at.beside.to_string()),
            Wants::Gone if !is_there => Found::Done(say::beside_gone()),
            Wants::Tables if is_there => {
                let rows = at.administrator.ask(&at.beside, &Administration::count_rows(), SHORT).await?;
                if row_counts(&rows)?.is_empty() {
                    Found::NotDone(say::no_tables())
                } else {
                    Found::Done(at.beside.to_string())
                }
            }
            Wants::There | Wants::Gone | Wants::Tables | Wants::Again => Found::NotDone(String::new()),
        })
    };
    looked.await.unwrap_or_else(|error| Found::Unclear(error.to_string()))
}

/// What tells that a step was done.
#[derive(Clone, Copy)]
pub(super) enum Wants {
    /// The database beside is there.
    There,
    /// It has tables.
    Tables,
    /// It is gone.
    Gone,
    /// Nothing: it is simply done again.
    Again,
}

/// Whether the names were changed.
pub(super) async fn inspect_swap(app: &App, plan: &Plan, number: u32, seat: &Seat) -> Found {
    let looked = async { Work::of(app, plan, number, seat)?.look_at_swap(plan).await };
    looked.await.unwrap_or_else(|error| Found::Unclear(error.to_string()))
}

/// What a step's own work may take.
pub(super) const fn without_tidying(limit: Duration) -> Duration {
    limit.saturating_sub(TIDY)
}
