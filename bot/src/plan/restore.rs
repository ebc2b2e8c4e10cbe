//! `backup restore BACKUP` and `backup restore --undo`.

use std::time::Duration;

use commands::archive::{ArchiveName, Look};
use commands::plan::{Act, ExpectedRows, Forecast, OtherDatabase, Step, Target};
use commands::restore::{DatabaseName, SetAside};

use super::backup::{Administered, administered, folder};
use super::{Draft, NoPlan};
use crate::app::App;
use crate::config;
use crate::health::DEADLINE;
use crate::report::plan as say;
use crate::{backups, clock, execute, report};

/// A step that changes a name or a setting.
const SHORT_SECONDS: u32 = 120;
/// The swap itself is three statements, and what was cut off is looked at for so long.
const SWAP_SECONDS: u32 = 30;
/// A large dump takes its time, and so does counting.
const LONG_SECONDS: u32 = 3_660;
/// Services find their database again.
const LOGIN_SECONDS: u32 = 60;
/// Until they have.
const UNREACHABLE_SECONDS: u32 = 1;
/// To read an archive through.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// An archive that may be read in.
pub(super) struct Chosen {
    /// Pinned.
    pub file: Target,
    /// How it comes into a database beside.
    pub steps: Vec<Step>,
    /// Its name, and how old it is.
    pub about: String,
}

pub(super) async fn restore(app: &App, asked: &ArchiveName) -> Result<Draft, NoPlan> {
    let here = administered(app).await?;
    let chosen = chosen(app, &here, asked).await?;
    let mut steps = chosen.steps;
    steps.push(step(Act::DressBeside { seat: here.seat.clone() }, SHORT_SECONDS));
    steps.push(step(Act::SwapDatabases { seat: here.seat.clone(), with: None }, SWAP_SECONDS));
    steps.extend(login(app));
    Ok(Draft {
        engine: Some(here.engine.clone()),
        targets: vec![here.database(), here.container.clone(), chosen.file],
        steps,
        proves: app.config.services.iter().map(|service| service.name.clone()).collect(),
        effect: say::restore_effect(&here.seat, &chosen.about),
        forecast: forecast(&here),
        undo: say::restore_undo(),
    })
}

fn forecast(here: &Administered) -> Vec<Forecast> {
    vec![
        Forecast::Sessions { count: here.live.connections.into() },
        Forecast::Taken { bytes: here.live.size },
        Forecast::Unreachable { what: here.live.name.clone(), seconds: UNREACHABLE_SECONDS },
    ]
}

pub(super) const fn step(act: Act, timeout_seconds: u32) -> Step {
    Step { act, timeout_seconds }
}

fn login(app: &App) -> Option<Step> {
    app.executors.canary.as_ref().map(|_| step(Act::TryLogin, LOGIN_SECONDS))
}

/// The archive that is meant, if it is whole and there is room for a second copy of the database.
pub(super) async fn chosen(app: &App, here: &Administered, asked: &ArchiveName) -> Result<Chosen, NoPlan> {
    let folder = folder(app)?;
    let config = config::Backups { dir: folder.clone().into(), files: Vec::new() };
    let unreadable = |error: &dyn std::fmt::Display| {
        NoPlan::refused(report::unavailable("The backup", &error.to_string()))
    };
    let all = backups::read(&config).await.map_err(|error| unreadable(&error))?;
    let now = clock::now();
    let archive = backups::meant(&all, asked, now);
    let archive = archive.ok_or_else(|| NoPlan::refused(report::no_such_backup(asked)))?;
    if let Some(flaw) = archive.flaw(now) {
        return Err(NoPlan::refused(say::flawed(archive, flaw)));
    }
    let look = exec_host::inspect(&folder, &archive.name, DEADLINE).await;
    let look = look.map_err(|error| unreadable(&error))?;
    let Some(format) = look.dump() else { return Err(NoPlan::refused(say::no_dump(archive, look))) };
    let sums = exec_host::verify_sums(&folder, &archive.name, LONGEST).await;
    let sums = sums.map_err(|error| unreadable(&error))?;
    let manifest = match &archive.manifest {
        None => None,
        Some(Err(why)) => return Err(NoPlan::refused(say::bad_manifest(archive, why))),
        Some(Ok(_)) if !sums.agree() => return Err(NoPlan::refused(say::other_sums(archive))),
        Some(Ok(manifest)) => Some(manifest),
    };
    if let Look::Plain { .. } = look {
        let fault = exec_host::plain_fault(&folder, &archive.name, LONGEST).await;
        if let Some(fault) = fault.map_err(|error| unreadable(&error))? {
            return Err(NoPlan::refused(say::commands_in_dump(archive, &fault)));
        }
    }
    if let Look::Custom { .. } = look
        && let Some(Err(why)) = execute::tables_in(app, &folder, &archive.name).await
    {
        return Err(NoPlan::refused(say::not_listed(archive, &why)));
    }
    check_room(app, here, archive.bytes).await?;
    let rows = manifest.map(|manifest| {
        let row = |(table, rows): (&String, &u64)| ExpectedRows { table: table.clone(), rows: *rows };
        manifest.tables.iter().map(row).collect()
    });
    let seat = &here.seat;
    let sha256 = sums.sha256.as_str().to_owned();
    Ok(Chosen {
        file: Target::File { name: archive.name.clone(), bytes: archive.bytes, sha256: sha256.clone() },
        about: say::archive_about(archive, manifest.is_some()),
        steps: vec![
            step(Act::CreateBeside { seat: seat.clone() }, SHORT_SECONDS),
            step(
                Act::LoadArchive {
                    seat: seat.clone(),
                    folder,
                    archive: archive.name.clone(),
                    sha256,
                    format,
                },
                LONG_SECONDS,
            ),
            step(
                Act::CompareBeside {
                    seat: seat.clone(),
                    rows,
                    alembic_version: manifest.and_then(|manifest| manifest.alembic_version.clone()),
                },
                LONG_SECONDS,
            ),
        ],
    })
}

/// Two copies have to fit: the live one stays.
async fn check_room(app: &App, here: &Administered, archive: u64) -> Result<(), NoPlan> {
    let free =
        execute::room(app, &here.seat).await.map_err(|why| NoPlan::refused(say::no_room_known(&why)))?;
    let copy = here.live.size.max(archive);
    let needed = copy.saturating_add(copy / 10);
    if free < needed { Err(NoPlan::refused(say::no_room(&here.live.name, needed, free))) } else { Ok(()) }
}

pub(super) async fn drill(app: &App, asked: &ArchiveName) -> Result<Draft, NoPlan> {
    let here = administered(app).await?;
    let chosen = chosen(app, &here, asked).await?;
    let mut steps = chosen.steps;
    steps.push(step(Act::DropBeside { seat: here.seat.clone() }, SHORT_SECONDS));
    Ok(Draft {
        engine: Some(here.engine.clone()),
        targets: vec![here.database(), here.container.clone(), chosen.file],
        steps,
        proves: Vec::new(),
        effect: say::drill_effect(&here.seat, &chosen.about),
        forecast: vec![Forecast::Taken { bytes: here.live.size }],
        undo: say::drill_undo(),
    })
}

pub(super) async fn undo(app: &App) -> Result<Draft, NoPlan> {
    let here = administered(app).await?;
    let aside = here.all.iter().filter_map(|one| {
        let note = SetAside::of_comment(one.comment.as_deref()?)?;
        let name = DatabaseName::try_from(one.name.clone()).ok()?;
        (note.was == here.seat.database && one.oid != here.seat.oid).then_some((note, name, one))
    });
    let Some((note, name, old)) = aside.max_by_key(|(note, ..)| note.at) else {
        return Err(NoPlan::refused(say::nothing_set_aside(&here.seat.database)));
    };
    let with = OtherDatabase { name: name.clone(), oid: old.oid };
    let mut steps =
        vec![step(Act::SwapDatabases { seat: here.seat.clone(), with: Some(with) }, SWAP_SECONDS)];
    steps.extend(login(app));
    Ok(Draft {
        engine: Some(here.engine.clone()),
        targets: vec![
            here.database(),
            Target::Database { name: old.name.clone(), oid: old.oid },
            here.container.clone(),
        ],
        steps,
        proves: app.config.services.iter().map(|service| service.name.clone()).collect(),
        effect: say::undo_effect(&here.seat, &name, &note),
        forecast: vec![
            Forecast::Sessions { count: here.live.connections.into() },
            Forecast::Unreachable { what: here.live.name.clone(), seconds: UNREACHABLE_SECONDS },
        ],
        undo: say::restore_undo(),
    })
}
