//! The flight recorder: what a restart would wipe is kept first.

use std::time::Duration;

use commands::plan::{Act, Plan, Target};
use futures_util::future::join_all;
use store::Evidence;
use tokio::time::timeout;

use crate::app::App;
use crate::report::plan as say;
use crate::{clock, proof};

/// However much there is to keep, the restart does not wait longer.
const LONGEST: Duration = Duration::from_secs(10);
/// Last lines of a log.
const LINES: u16 = 500;

/// Keeps state, last lines, connections and numbers of every container that `plan` stops or restarts. What
/// can't be had is told in what is kept, and holds nothing up.
pub async fn keep(app: &App, plan: &Plan) {
    let ends: Vec<_> = plan
        .steps
        .iter()
        .flat_map(|step| match &step.act {
            Act::RestartContainer { id, .. }
            | Act::StopContainer { id, .. }
            | Act::TakeVariables { id, .. }
            | Act::Recreate { id, .. }
            | Act::RemoveContainer { id, .. }
            | Act::SwapImage { id, .. } => std::slice::from_ref(id),
            // With fewer of them some are removed.
            Act::Scale { ids, .. } => ids,
            Act::StartContainer { .. }
            | Act::AwaitHealthy { .. }
            | Act::TryLogin
            | Act::RotateVariables { .. }
            | Act::ProveRotation { .. }
            | Act::SetVariable { .. }
            | Act::FastForward { .. }
            | Act::KeepImage { .. }
            | Act::BuildImage { .. }
            | Act::RemoveImage { .. }
            | Act::CancelBackend { .. }
            | Act::TerminateBackend { .. }
            | Act::DumpDatabase { .. }
            | Act::CreateBeside { .. }
            | Act::LoadArchive { .. }
            | Act::CompareBeside { .. }
            | Act::DressBeside { .. }
            | Act::DropBeside { .. }
            | Act::SwapDatabases { .. }
            | Act::Upkeep { .. }
            | Act::CreateIndex { .. }
            | Act::EndIdle { .. }
            | Act::ArchiveFiles { .. }
            | Act::CopyArchive { .. }
            | Act::BlockNetwork { .. }
            | Act::UnblockNetwork { .. }
            | Act::Migrate { .. } => &[],
        })
        .collect();
    let services = plan.targets.iter().filter_map(|target| match target {
        Target::Container { service, id, .. } if ends.contains(&id) => Some((service, id)),
        _ => None,
    });
    let each = services.map(async |(service, id)| {
        let content = match timeout(LONGEST, one(app, service, id)).await {
            Ok(content) => content,
            Err(_) => say::nothing_kept(LONGEST),
        };
        let evidence = Evidence {
            run: plan.run,
            incident: plan.incident,
            service: service.clone(),
            at: clock::now(),
            content: app.redactor.text(&content),
        };
        if let Err(error) = app.store.keep_evidence(evidence).await {
            tracing::error!(error = &error as &dyn std::error::Error, "a flight record is not stored");
        }
    });
    join_all(each).await;
}

async fn one(app: &App, service: &str, id: &commands::workload::ContainerId) -> String {
    let record = async {
        match &app.executors.docker {
            Some(docker) => docker.record(id, LINES, &app.redactor, LONGEST).await.map_err(|e| e.to_string()),
            None => Err(say::part_missing("docker")),
        }
    };
    let connections = async {
        match &app.executors.postgres {
            Some(postgres) => postgres.connections(crate::health::DEADLINE).await.map_err(|e| e.to_string()),
            None => Err(say::part_missing("postgres")),
        }
    };
    let numbers = async {
        match service.parse() {
            Ok(name) => proof::readings(app, &[name]).await,
            Err(_) => Vec::new(),
        }
    };
    let (record, connections, numbers) = tokio::join!(record, connections, numbers);
    say::flight_record(service, record, connections, &numbers)
}
