//! The platform's files become an archive, and archives are copied to where they stay longer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use commands::archive::{About, ArchiveName, Contents};
use commands::journal::StepOutcome;
use commands::plan::Plan;
use exec_host::act::backup::copy;
use exec_host::act::files::archive;
use tokio::time::Instant;

use super::backup::{TIDY, remove_halves, whole};
use super::{Found, done, failed};
use crate::clock;
use crate::execute::administrator::ProgramError;
use crate::report::plan as say;

/// To read an archive through.
const LONGEST: Duration = Duration::from_secs(10 * 60);

fn name(plan: &Plan) -> Result<ArchiveName, ProgramError> {
    ArchiveName::of_files(plan.created, plan.run).map_err(|why| ProgramError::NotStarted(why.to_owned()))
}

/// Makes the archive of `plan`'s run.
pub(super) async fn files(plan: &Plan, (folder, paths): (&str, &[String]), limit: Duration) -> StepOutcome {
    let begun = Instant::now();
    let work = async {
        let name = name(plan)?;
        // What a try before has left, which was cut off.
        remove_halves(folder, &name).await?;
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let room = exec_host::weight(paths.clone(), LONGEST).await?;
        let about = About {
            created: clock::now(),
            database: String::new(),
            contents: Contents::Files,
            dump: None,
            alembic_version: None,
            run: Some(plan.run),
            tables: BTreeMap::new(),
        };
        let made = archive(folder, &name, paths, (about, room), limit.saturating_sub(TIDY)).await?;
        Ok::<_, ProgramError>(say::files_made(
            &name,
            &made.manifest,
            (made.files, made.links),
            &made.left_out,
        ))
    };
    match work.await {
        Ok(note) => done(say::in_seconds(&note, begun.elapsed())),
        Err(error) => failed(error.to_string()),
    }
}

/// Whether the archive of `plan`'s run is whole. Half of one is taken away.
pub(super) async fn inspect_files(plan: &Plan, folder: &str) -> Found {
    let looked = async {
        let name = name(plan)?;
        if let Some(manifest) = whole(folder, &name, plan.run).await? {
            return Ok(Found::Done(say::files_there(&name, &manifest)));
        }
        let removed = remove_halves(folder, &name).await?;
        Ok::<_, ProgramError>(Found::NotDone(say::no_backup(removed)))
    };
    looked.await.unwrap_or_else(|error| Found::Unclear(error.to_string()))
}

/// Copies an archive, unless its copy is there.
pub(super) async fn copy_one(
    folder: &str,
    (from, to): (&str, &ArchiveName),
    sha256: &str,
    limit: Duration,
) -> StepOutcome {
    let work = async {
        let sums = exec_host::verify_sums(folder, from, LONGEST).await?;
        if sums.sha256.as_str() != sha256 {
            return Err(ProgramError::NotStarted(say::archive_changed(from)));
        }
        if is_there(folder, to, sha256).await? {
            return Ok(say::copied(to, sha256));
        }
        remove_halves(folder, to).await?;
        copy(folder, from, to, limit.saturating_sub(TIDY)).await?;
        Ok(say::copied(to, sha256))
    };
    match work.await {
        Ok(note) => done(note),
        Err(error) => failed(error.to_string()),
    }
}

/// Whether the copy is whole.
pub(super) async fn inspect_copy(folder: &str, to: &ArchiveName, sha256: &str) -> Found {
    match is_there(folder, to, sha256).await {
        Ok(true) => Found::Done(say::copied(to, sha256)),
        Ok(false) => Found::NotDone(say::no_backup(0)),
        Err(error) => Found::Unclear(error.to_string()),
    }
}

async fn is_there(folder: &str, to: &ArchiveName, sha256: &str) -> Result<bool, ProgramError> {
    let all = exec_host::backups(folder, LONGEST).await?;
    if !all.archives.iter().any(|one| one.name == to.as_str()) {
        return Ok(false);
    }
    let sums = exec_host::verify_sums(folder, to.as_str(), LONGEST).await?;
    Ok(sums.agree() && sums.sha256.as_str() == sha256)
}
