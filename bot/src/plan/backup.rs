//! `backup create`.

use commands::plan::{Act, Forecast, Seat, Step, Target};
use commands::restore::{DatabaseName, DatabaseState};

use super::{Draft, NoPlan};
use crate::app::App;
use crate::config;
use crate::health::DEADLINE;
use crate::report;
use crate::report::plan as say;

/// A large database takes its time.
const DUMP_SECONDS: u32 = 3_660;

/// Where the platform's database is administered, as it is now.
pub(super) struct Administered {
    /// The Docker daemon that the container is of.
    pub engine: String,
    /// The container, pinned.
    pub container: Target,
    /// What a step needs.
    pub seat: Seat,
    /// The platform's database.
    pub live: DatabaseState,
    /// Every database of its server.
    pub all: Vec<DatabaseState>,
}

impl Administered {
    /// The database, pinned.
    pub(super) fn database(&self) -> Target {
        Target::Database { name: self.live.name.clone(), oid: self.live.oid }
    }
}

/// Reads who administers what.
pub(super) async fn administered(app: &App) -> Result<Administered, NoPlan> {
    let Some(postgres) = &app.executors.postgres else {
        return Err(NoPlan::refused(report::not_configured("postgres")));
    };
    let Some(docker) = &app.executors.docker else {
        return Err(NoPlan::refused(report::not_configured("docker")));
    };
    let configured = app.config.postgres.as_ref().and_then(|postgres| postgres.administration.as_ref());
    let Some(config::Administration { container, role, maintenance }) = configured else {
        return Err(NoPlan::refused(say::no_administration()));
    };
    let read = tokio::try_join!(docker.targets(DEADLINE), docker.info());
    let (workloads, info) =
        read.map_err(|error| NoPlan::refused(report::unavailable("Docker", &error.to_string())))?;
    let workload = workloads.iter().find(|workload| workload.container.name == *container);
    let workload = workload.ok_or_else(|| NoPlan::refused(say::no_database_container(container)))?;
    if workload.container.state != commands::health::ContainerState::Running {
        return Err(NoPlan::refused(say::database_container_rests(&workload.container)));
    }
    let all = postgres.databases(DEADLINE).await;
    let all = all.map_err(|error| NoPlan::refused(report::unavailable("PostgreSQL", &error.to_string())))?;
    let name = postgres.database();
    let live = all.iter().find(|one| one.name == name).cloned();
    let live = live.ok_or_else(|| NoPlan::refused(say::no_database(name)))?;
    let database = DatabaseName::try_from(name.to_owned())
        .map_err(|why| NoPlan::refused(say::odd_database(name, why)))?;
    Ok(Administered {
        engine: info.daemon_id,
        container: super::restart::target(workload),
        seat: Seat {
            name: container.clone(),
            container: workload.id.clone(),
            role: role.clone(),
            database,
            oid: live.oid,
            maintenance: maintenance.clone(),
        },
        live,
        all,
    })
}

/// The backups' folder.
pub(super) fn folder(app: &App) -> Result<String, NoPlan> {
    let backups = app.config.backups.as_ref();
    let backups = backups.ok_or_else(|| NoPlan::refused(report::not_configured("backups")))?;
    Ok(backups.dir.display().to_string())
}

pub(super) async fn create(app: &App) -> Result<Draft, NoPlan> {
    let folder = folder(app)?;
    let here = administered(app).await?;
    Ok(Draft {
        engine: Some(here.engine.clone()),
        targets: vec![here.database(), here.container.clone(), Target::Named { name: folder.clone() }],
        effect: say::dump_effect(&here.seat, &folder),
        forecast: vec![Forecast::Taken { bytes: here.live.size }],
        undo: say::dump_undo(),
        steps: vec![Step {
            act: Act::DumpDatabase { seat: here.seat, folder },
            timeout_seconds: DUMP_SECONDS,
        }],
        proves: Vec::new(),
    })
}
