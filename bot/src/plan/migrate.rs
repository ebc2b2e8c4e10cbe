//! `db migrate`.

use commands::migration::Revision;
use commands::plan::{Act, MigrationJob, Step, Target};
use commands::workload::{ContainerId, ImageId};
use exec_docker::Docker;

use super::backup::{Administered, administered};
use super::{Draft, NoPlan};
use crate::app::App;
use crate::config::{Migration, MigrationLike};
use crate::execute;
use crate::health::DEADLINE;
use crate::report;
use crate::report::plan as say;

/// A migration that rewrites a large table takes its time.
const LONG_SECONDS: u32 = 3_660;

/// At which revisions the database is, and which are the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revisions {
    /// By the database itself.
    pub current: Vec<Revision>,
    /// By the migrations.
    pub heads: Vec<Revision>,
}

/// All that a plan is made of.
pub(super) struct Looked {
    here: Administered,
    container: Option<ContainerId>,
    image: ImageId,
    targets: Vec<Target>,
    /// What there is and what there could be.
    pub revisions: Revisions,
}

/// Compares the database with its migrations.
pub(super) async fn look(app: &App) -> Result<Looked, NoPlan> {
    let Some(migration) = &app.config.migration else {
        return Err(NoPlan::refused(report::not_configured("migration")));
    };
    let here = administered(app).await?;
    let Some(docker) = &app.executors.docker else {
        return Err(NoPlan::refused(report::not_configured("docker")));
    };
    let (container, image, targets) = job(docker, migration).await?;
    let asked = async |argv: &[String]| {
        let job = MigrationJob { container: container.clone(), image: image.clone(), argv: argv.to_vec() };
        execute::migrations_say(app, &job).await
    };
    let current = execute::revision(app, &here.seat).await;
    let current = current.map_err(|why| NoPlan::refused(report::unavailable("PostgreSQL", &why)))?;
    let said = asked(&migration.current).await;
    let said = said.map_err(|why| NoPlan::refused(say::migrations_fail(&migration.current, &why)))?;
    if said != current {
        return Err(NoPlan::refused(say::other_database(&here.seat, &current, &said)));
    }
    let heads = asked(&migration.heads).await;
    let heads = heads.map_err(|why| NoPlan::refused(say::migrations_fail(&migration.heads, &why)))?;
    if heads.is_empty() {
        return Err(NoPlan::refused(say::no_heads(&migration.heads)));
    }
    Ok(Looked { here, container, image, targets, revisions: Revisions { current, heads } })
}

/// What the job is made like, pinned.
async fn job(
    docker: &Docker,
    migration: &Migration,
) -> Result<(Option<ContainerId>, ImageId, Vec<Target>), NoPlan> {
    let unavailable =
        |error: exec_docker::DockerError| NoPlan::refused(report::unavailable("Docker", &error.to_string()));
    match &migration.like {
        MigrationLike::Service(service) => {
            let all = docker.targets(DEADLINE).await.map_err(unavailable)?;
            let of_service = |one: &&commands::workload::Workload| {
                one.service.as_ref() == Some(service) && !one.one_off && !one.replaced
            };
            let found = all.iter().find(of_service);
            let found = found.ok_or_else(|| NoPlan::refused(say::no_migration_container(service)))?;
            let target = super::restart::target(found);
            Ok((Some(found.id.clone()), found.image_id.clone(), vec![target]))
        }
        MigrationLike::Image { reference, .. } => {
            let found = docker.image(reference, DEADLINE).await.map_err(unavailable)?;
            let found = found.ok_or_else(|| NoPlan::refused(say::no_migration_image(reference)))?;
            let target = Target::Image { reference: Some(reference.clone()), id: found.id.clone() };
            Ok((None, found.id, vec![target]))
        }
    }
}

pub(super) async fn draft(app: &App) -> Result<Draft, NoPlan> {
    let Looked { here, container, image, targets: like, revisions } = look(app).await?;
    let Some(migration) = &app.config.migration else {
        return Err(NoPlan::refused(report::not_configured("migration")));
    };
    if revisions.current == revisions.heads {
        return Err(NoPlan::refused(say::nothing_to_migrate(&revisions.heads)));
    }
    let mut targets = vec![here.database(), here.container.clone()];
    targets.extend(like);
    Ok(Draft {
        engine: Some(here.engine.clone()),
        targets,
        effect: say::migrate_effect(&here.seat, &revisions.current, &revisions.heads),
        forecast: Vec::new(),
        undo: say::migrate_undo(),
        proves: app.config.services.iter().map(|service| service.name.clone()).collect(),
        steps: vec![Step {
            act: Act::Migrate {
                seat: here.seat,
                like: MigrationJob { container, image, argv: migration.upgrade.clone() },
                from: revisions.current,
                to: revisions.heads,
            },
            timeout_seconds: LONG_SECONDS,
        }],
    })
}
