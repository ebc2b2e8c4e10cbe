//! A dump becomes a backup, or nothing.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use commands::archive::{About, ArchiveName, Contents, DumpFormat};
use commands::backend::SessionTag;
use commands::backup::{Archive, Manifest, PART};
use commands::ids::RunId;
use commands::journal::StepOutcome;
use commands::plan::{Plan, Seat};
use exec_host::act::backup::BackupWriter;
use exec_postgres::administration::{alembic_version, row_counts, snapshot};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines, duplex};
use tokio::time::{Instant, timeout};

use super::{Found, done, failed};
use crate::app::App;
use crate::backups::lists;
use crate::clock;
use crate::execute::administrator::{Administrator, ProgramError};
use crate::health::DEADLINE;
use crate::report::plan as say;

/// A file's begin and end: a disk that is busy may take a while.
const DISK: Duration = Duration::from_secs(60);
/// Beyond the dump's own time, to end it and to tidy up.
pub(super) const TIDY: Duration = Duration::from_secs(60);
/// On the way to and from the session that holds the snapshot.
const PIECE: usize = 64 << 10;

/// What a dump is of.
struct Dumped {
    tables: BTreeMap<String, u64>,
    alembic_version: Option<String>,
}

/// Makes the archive of `plan`'s run.
pub(super) async fn dump(
    app: &App,
    plan: &Plan,
    number: u32,
    (seat, folder): (&Seat, &str),
    limit: Duration,
) -> StepOutcome {
    let begun = Instant::now();
    match try_dump(app, plan, number, (seat, folder), limit.saturating_sub(TIDY)).await {
        Ok((name, manifest)) => done(say::backup_made(&name, &manifest, begun.elapsed())),
        Err(error @ ProgramError::Lost { .. }) => StepOutcome::Unknown { found: error.to_string() },
        Err(error) => failed(error.to_string()),
    }
}

async fn try_dump(
    app: &App,
    plan: &Plan,
    number: u32,
    (seat, folder): (&Seat, &str),
    limit: Duration,
) -> Result<(ArchiveName, Manifest), ProgramError> {
    let administrator = Administrator::at(app, seat, SessionTag::of(plan.run, number))?;
    let name = archive_name(plan, seat)?;
    // What a try before has left, which was cut off.
    remove_halves(folder, &name).await?;
    let room = size(app, seat).await?;
    let created = clock::now();
    let mut writer = BackupWriter::begin(folder, &name, room, DISK).await?;
    let dumped = match snapshot_and_dump(&administrator, &mut writer, limit).await {
        Ok(dumped) => dumped,
        Err(error) => {
            writer.abandon(DISK).await?;
            return Err(error);
        }
    };
    let checked = async {
        writer.flush().await.map_err(|error| ProgramError::NotStarted(error.to_string()))?;
        let listed = administrator.tables_in(folder, &format!("{name}{PART}"), limit).await?;
        let missing: Vec<String> =
            dumped.tables.keys().filter(|table| !lists(&listed, table)).cloned().collect();
        if missing.is_empty() { Ok(()) } else { Err(ProgramError::NotStarted(say::tables_missing(&missing))) }
    };
    if let Err(error) = checked.await {
        writer.abandon(DISK).await?;
        return Err(error);
    }
    let about = About {
        created,
        database: seat.database.to_string(),
        contents: Contents::Database,
        dump: Some(DumpFormat::Custom),
        alembic_version: dumped.alembic_version,
        run: Some(plan.run),
        tables: dumped.tables,
    };
    let manifest = writer.finish(about, DISK).await?;
    Ok((name, manifest))
}

/// Dumps what one session sees that counts the rows meanwhile.
async fn snapshot_and_dump(
    administrator: &Administrator,
    writer: &mut BackupWriter,
    limit: Duration,
) -> Result<Dumped, ProgramError> {
    let held = administrator.calls().hold_snapshot(administrator.terms(limit));
    let (mut say_there, stdin) = duplex(PIECE);
    let (mut stdout, heard) = duplex(PIECE);
    let mut holding = pin!(administrator.run(&held.invocation, limit, Some(stdin), &mut stdout));
    let mut dumping = pin!(async move {
        let lost = |error: std::io::Error| ProgramError::NotStarted(error.to_string());
        say_there.write_all(held.input.as_bytes()).await.map_err(lost)?;
        let mut lines = BufReader::new(heard).lines();
        let id = snapshot(&line(&mut lines).await?)?;
        let tables = row_counts(&line(&mut lines).await?)?;
        let alembic_version = alembic_version(&line(&mut lines).await?)?;
        let call = administrator.calls().dump(DumpFormat::Custom, Some(&id), administrator.terms(limit));
        administrator.run(&call, limit, None::<tokio::io::Empty>, writer).await?;
        // With it goes the end of the input there, and with that the snapshot.
        drop(say_there);
        Ok::<_, ProgramError>(Dumped { tables, alembic_version })
    });
    tokio::select! {
        ended = &mut holding => {
            ended?;
            Err(ProgramError::NotStarted(say::snapshot_lost()))
        }
        dumped = &mut dumping => {
            let dumped = dumped?;
            // The dump is whole by now, whatever the session's goodbye is.
            let _ = timeout(DEADLINE, holding).await;
            Ok(dumped)
        }
    }
}

async fn line<R: tokio::io::AsyncBufRead + Unpin>(lines: &mut Lines<R>) -> Result<String, ProgramError> {
    match lines.next_line().await {
        Ok(Some(line)) => Ok(line),
        Ok(None) => Err(ProgramError::NotStarted(say::snapshot_lost())),
        Err(error) => Err(ProgramError::NotStarted(error.to_string())),
    }
}

/// As large as the database: what is compressed takes less.
async fn size(app: &App, seat: &Seat) -> Result<u64, ProgramError> {
    let Some(postgres) = &app.executors.postgres else {
        return Err(ProgramError::NotStarted(say::part_missing("postgres")));
    };
    let databases = postgres.databases(DEADLINE).await?;
    let found = databases.iter().find(|one| one.oid == seat.oid && one.name == seat.database.as_str());
    found.map(|one| one.size).ok_or_else(|| ProgramError::NotStarted(say::database_gone(seat)))
}

fn archive_name(plan: &Plan, seat: &Seat) -> Result<ArchiveName, ProgramError> {
    ArchiveName::of_dump(&seat.database, plan.created, plan.run)
        .map_err(|why| ProgramError::NotStarted(why.to_owned()))
}

/// The archive of the run with everything beside it.
async fn found(folder: &str, name: &ArchiveName) -> Result<Vec<Archive>, ProgramError> {
    let all = exec_host::backups(folder, DISK).await?;
    Ok(all.archives.into_iter().filter(|one| one.name.starts_with(name.as_str())).collect())
}

pub(super) async fn remove_halves(folder: &str, name: &ArchiveName) -> Result<usize, ProgramError> {
    let halves = match found(folder, name).await {
        Ok(halves) => halves,
        // Without the folder there is nothing in it; beginning makes it or says why not.
        Err(ProgramError::Host(_)) => return Ok(0),
        Err(error) => return Err(error),
    };
    for half in &halves {
        exec_host::act::backup::delete(folder, half, DISK).await?;
    }
    Ok(halves.len())
}

/// The manifest of a whole archive that a run has made.
pub(super) async fn whole(
    folder: &str,
    name: &ArchiveName,
    run: RunId,
) -> Result<Option<Manifest>, ProgramError> {
    let now = clock::now();
    Ok(found(folder, name).await?.into_iter().find_map(|one| match &one.manifest {
        Some(Ok(manifest))
            if one.name == name.as_str() && manifest.run == Some(run) && one.flaw(now).is_none() =>
        {
            Some(manifest.clone())
        }
        _ => None,
    }))
}

/// Whether the archive of `plan`'s run is whole. Half of one is taken away, and a dump that still goes on is
/// ended.
pub(super) async fn inspect(app: &App, plan: &Plan, number: u32, (seat, folder): (&Seat, &str)) -> Found {
    match try_inspect(app, plan, number, (seat, folder)).await {
        Ok(found) => found,
        Err(error) => Found::Unclear(error.to_string()),
    }
}

async fn try_inspect(
    app: &App,
    plan: &Plan,
    number: u32,
    (seat, folder): (&Seat, &str),
) -> Result<Found, ProgramError> {
    Administrator::at(app, seat, SessionTag::of(plan.run, number))?.end_sessions().await?;
    let name = archive_name(plan, seat)?;
    if let Some(manifest) = whole(folder, &name, plan.run).await? {
        return Ok(Found::Done(say::backup_there(&name, &manifest)));
    }
    let removed = remove_halves(folder, &name).await?;
    Ok(Found::NotDone(say::no_backup(removed)))
}
