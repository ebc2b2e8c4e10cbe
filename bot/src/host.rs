//! Space: disks, memory, and Docker's share of them.

use std::time::{Duration, Instant};

use commands::host::{NEARLY_FULL, Space};

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{Performed, news};
use crate::{clock, report};

/// The Engine measures every volume.
const DOCKER_DEADLINE: Duration = Duration::from_secs(20);

/// How full everything is. Each part is told by itself, so one that does not answer hides no other.
pub async fn disk(app: &App) -> Performed {
    let started = Instant::now();
    let (disks, docker) = tokio::join!(disks(app), docker(app));
    let space = Space {
        disks,
        memory: exec_host::memory().map_err(|error| error.to_string()),
        pressures: exec_host::pressures(),
        docker,
        took: started.elapsed(),
    };
    let well = space.worst() < NEARLY_FULL && space.disks.unread.is_empty();
    Performed::done(report::disk(&space, clock::now()), news(well))
}

/// The root, Docker's folder and the backups'.
async fn disks(app: &App) -> commands::host::Disks {
    let mut folders = vec!["/".to_owned()];
    if let Some(docker) = &app.executors.docker {
        // An Engine that does not answer is told by its own line.
        folders.extend(docker.info().await.ok().and_then(|info| info.root));
    }
    folders.extend(app.config.backups.iter().map(|backups| backups.dir.display().to_string()));
    exec_host::disks(&folders, DEADLINE).await
}

async fn docker(app: &App) -> Option<Result<commands::host::DockerDisk, String>> {
    let docker = app.executors.docker.as_ref()?;
    Some(docker.disk(DOCKER_DEADLINE).await.map_err(|error| error.to_string()))
}
