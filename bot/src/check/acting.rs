//! What acts has to find: the database's own programs, indexes that may be made, backups, migrations, the firewall, and
//! what is done by itself.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use store::Store;

use super::{Found, found, within};
use crate::app::{self, App};
use crate::chat::Chats;
use crate::config::Config;
use crate::health::DEADLINE;
use crate::{clock, execute, firewall, plan, report};

/// To look at every file that is to be archived.
const WEIGHING: Duration = Duration::from_secs(15);

/// A line for each part that is configured. Nothing is changed; for a question to the migrations a container is made and
/// removed.
pub(super) async fn acting(config: &Config) -> anyhow::Result<Vec<Found>> {
    let mut all = Vec::new();
    // Without its records nothing acts, and that is a line of its own.
    if let Ok(store) = Store::open(config.store.0.expose_secret()).await {
        let executors = app::executors(config)?;
        let app = App::new(config.clone(), store, executors, app::grammar(config), Chats::new(Vec::new()));
        all.extend(administration(&app).await);
        all.extend(migration(&app).await);
        all.extend(walls(&app).await);
        app.store.close().await;
    }
    all.extend(indexes(config).await?);
    all.extend(backups(config).await);
    for schedule in &config.schedules {
        let next = report::next_time(schedule, clock::now());
        all.push(found(format!("schedule {}", schedule.name()), Ok(next)));
    }
    Ok(all)
}

async fn administration(app: &Arc<App>) -> Option<Found> {
    let administration = app.config.postgres.as_ref()?.administration.as_ref()?;
    let state = within(async {
        let seat = plan::seat(app).await?;
        let revisions = execute::revision(app, &seat).await?;
        Ok::<_, String>(report::administered(&administration.container, &seat, &revisions))
    });
    Some(found("postgres container", state.await))
}

async fn migration(app: &Arc<App>) -> Option<Found> {
    app.config.migration.as_ref()?;
    let state = match plan::revisions(app).await {
        Ok(revisions) => Ok(report::in_a_line(&report::revisions(&revisions.current, &revisions.heads))),
        Err(plan::NoPlan::Refused(reply)) => Err(report::in_a_line(&reply)),
        Err(plan::NoPlan::Failed(error)) => Err(error.to_string()),
    };
    Some(found("migration", state))
}

async fn walls(app: &Arc<App>) -> Option<Found> {
    let config = app.config.firewall.as_ref()?;
    let rules = within(exec_host::blocks(&firewall::programs(config), firewall::CALL)).await;
    Some(found("firewall", rules.map(|rules| report::rules(rules.len()))))
}

async fn indexes(config: &Config) -> anyhow::Result<Vec<Found>> {
    let executors = app::executors(config)?;
    let Some(postgres) = &executors.postgres else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for index in &config.indexes {
        let state = within(postgres.index(index, DEADLINE)).await;
        let state = state.and_then(|state| report::index_checked(index, &state));
        all.push(found(format!("index {}", index.name), state));
    }
    Ok(all)
}

async fn backups(config: &Config) -> Vec<Found> {
    let Some(backups) = &config.backups else { return Vec::new() };
    let read = within(crate::backups::read(backups)).await;
    let mut all = vec![found("backups", read.map(|read| report::backups_checked(&read, clock::now())))];
    if !backups.files.is_empty() {
        let weight = within(exec_host::weight(backups.files.clone(), WEIGHING)).await;
        all.push(found("backups files", weight.map(report::weight)));
    }
    all
}
