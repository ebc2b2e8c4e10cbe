//! `backup create --files` and `backup archive`.

use std::path::PathBuf;
use std::time::Duration;

use commands::archive::ArchiveName;
use commands::backup::{Archive, Backups};
use commands::plan::{Act, Forecast, Step, Target};

use super::backup::folder;
use super::{Draft, NoPlan};
use crate::app::App;
use crate::report;
use crate::report::plan as say;
use crate::{backups, clock};

/// Where copies stay.
const MONTHLY: &str = "monthly";
/// Gigabytes take their time.
const LONG_SECONDS: u32 = 3_660;
/// To read an archive through.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// To look at every file that is to be archived.
const WEIGHING: Duration = Duration::from_secs(60);

pub(super) async fn files(app: &App) -> Result<Draft, NoPlan> {
    let folder = folder(app)?;
    let paths: Vec<PathBuf> = app.config.backups.iter().flat_map(|backups| backups.files.clone()).collect();
    if paths.is_empty() {
        return Err(NoPlan::refused(say::no_files()));
    }
    let weight = exec_host::weight(paths.clone(), WEIGHING).await;
    let weight =
        weight.map_err(|error| NoPlan::refused(report::unavailable("A file", &error.to_string())))?;
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let named = |name: &String| Target::Named { name: name.clone() };
    Ok(Draft {
        engine: host(app).await?,
        targets: std::iter::once(&folder).chain(&paths).map(named).collect(),
        effect: say::files_effect(&paths, &folder),
        forecast: vec![Forecast::Taken { bytes: weight }],
        undo: say::dump_undo(),
        steps: vec![Step { act: Act::ArchiveFiles { folder, paths }, timeout_seconds: LONG_SECONDS }],
        proves: Vec::new(),
    })
}

pub(super) async fn newest(app: &App) -> Result<Draft, NoPlan> {
    let folder = folder(app)?;
    let Some(config) = &app.config.backups else {
        return Err(NoPlan::refused(report::not_configured("backups")));
    };
    let unreadable = |error: exec_host::HostError| {
        NoPlan::refused(report::unavailable("The backups' folder", &error.to_string()))
    };
    let all = backups::read(config).await.map_err(unreadable)?;
    let now = clock::now();
    let originals = Backups {
        archives: all.archives.iter().filter(|one| !one.name.starts_with(MONTHLY)).cloned().collect(),
        has_more: all.has_more,
    };
    let newest: Vec<&Archive> =
        [originals.newest_good(now), originals.newest_files(now)].into_iter().flatten().collect();
    if newest.is_empty() {
        return Err(NoPlan::refused(say::nothing_to_archive()));
    }
    let mut targets = vec![Target::Named { name: folder.clone() }];
    let mut steps = Vec::new();
    let mut bytes = 0;
    for archive in newest {
        let name = ArchiveName::try_from(archive.name.clone());
        let to = name.and_then(|name| name.in_folder(MONTHLY));
        let to = to.map_err(|why| NoPlan::refused(say::odd_archive(&archive.name, why)))?;
        if all.archives.iter().any(|one| one.name == to.as_str()) {
            continue;
        }
        // Without a manifest nobody could say whether the copy is whole.
        let sums = exec_host::verify_sums(&folder, &archive.name, LONGEST).await.map_err(unreadable)?;
        if !sums.agree() {
            return Err(NoPlan::refused(say::other_sums(archive)));
        }
        let sha256 = sums.sha256.as_str().to_owned();
        bytes += archive.bytes;
        targets.push(Target::File {
            name: archive.name.clone(),
            bytes: archive.bytes,
            sha256: sha256.clone(),
        });
        let act = Act::CopyArchive { folder: folder.clone(), from: archive.name.clone(), to, sha256 };
        steps.push(Step { act, timeout_seconds: LONG_SECONDS });
    }
    if steps.is_empty() {
        return Err(NoPlan::refused(say::archived_already()));
    }
    Ok(Draft {
        engine: host(app).await?,
        targets,
        effect: say::archive_effect(&folder, MONTHLY),
        forecast: vec![Forecast::Taken { bytes }],
        undo: say::dump_undo(),
        steps,
        proves: Vec::new(),
    })
}

/// The files are on the machine of the replica that reads them here. Where there are several, the Docker daemon beside
/// it says which one that is.
async fn host(app: &App) -> Result<Option<String>, NoPlan> {
    if app.replica.is_alone() { Ok(None) } else { super::firewall::engine(app).await }
}
