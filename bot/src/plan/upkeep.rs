//! `db vacuum`, `db analyze`, `db index-create` and `db pool-reset`.

use std::time::Duration;

use commands::backend::Pool;
use commands::ids::ServiceName;
use commands::plan::{Act, Forecast, Step, Target, UpkeepKind};
use commands::table::{IndexFound, TableName};
use tokio::time::sleep;

use super::backup::administered;
use super::{Draft, NoPlan};
use crate::app::App;
use crate::health::DEADLINE;
use crate::report;
use crate::report::plan as say;

/// A large table takes its time.
const LONG_SECONDS: u32 = 3_660;
/// For signals.
const SHORT_SECONDS: u32 = 60;
/// A connection works for a moment at each request.
const LOOKS: u32 = 10;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn tidy(app: &App, kind: UpkeepKind, asked: Option<&str>) -> Result<Draft, NoPlan> {
    let here = administered(app).await?;
    let table = match asked {
        None => None,
        Some(asked) => Some(table(app, asked).await?),
    };
    let mut targets = vec![here.database(), here.container.clone()];
    targets.extend(table.iter().map(|table| Target::Named { name: table.to_string() }));
    Ok(Draft {
        engine: Some(here.engine),
        targets,
        effect: say::tidy_effect(kind, table.as_ref(), &here.seat),
        steps: vec![Step {
            act: Act::Upkeep { seat: here.seat, kind, table },
            timeout_seconds: LONG_SECONDS,
        }],
        proves: Vec::new(),
        forecast: Vec::new(),
        undo: say::tidy_undo(),
    })
}

/// The table of the live list that somebody means.
async fn table(app: &App, asked: &str) -> Result<TableName, NoPlan> {
    let Some(postgres) = &app.executors.postgres else {
        return Err(NoPlan::refused(report::not_configured("postgres")));
    };
    let all = postgres.tables(DEADLINE).await;
    let all = all.map_err(|error| NoPlan::refused(report::unavailable("PostgreSQL", &error.to_string())))?;
    let names: Vec<TableName> = all.into_iter().map(|one| one.name).collect();
    let whole = names.iter().find(|name| name.to_string() == asked);
    let mut alike = names.iter().filter(|name| name.table == asked);
    match (whole, alike.next(), alike.next()) {
        (Some(one), ..) | (None, Some(one), None) => Ok(one.clone()),
        (None, None, _) => Err(NoPlan::refused(say::no_table(asked, &names))),
        (None, Some(one), Some(other)) => Err(NoPlan::refused(say::two_tables(one, other))),
    }
}

pub(super) async fn create_index(app: &App, asked: &str) -> Result<Draft, NoPlan> {
    let Some(index) = app.config.indexes.iter().find(|index| index.name == asked).cloned() else {
        return Err(NoPlan::refused(say::no_index_listed(asked, &app.config.indexes)));
    };
    let here = administered(app).await?;
    let Some(postgres) = &app.executors.postgres else {
        return Err(NoPlan::refused(report::not_configured("postgres")));
    };
    let state = postgres.index(&index, DEADLINE).await;
    let state =
        state.map_err(|error| NoPlan::refused(report::unavailable("PostgreSQL", &error.to_string())))?;
    match &state.found {
        IndexFound::Nothing | IndexFound::Invalid => {}
        IndexFound::Valid { .. } | IndexFound::Building | IndexFound::Other(_) => {
            return Err(NoPlan::refused(say::index_there(&index, &state.found)));
        }
    }
    if !state.has_table || !state.missing_columns.is_empty() {
        return Err(NoPlan::refused(say::no_columns(&index, &state.missing_columns)));
    }
    if let Some(same) = &state.same_as {
        return Err(NoPlan::refused(say::index_twice(&index, same)));
    }
    let waits: Vec<String> = state.waits_for.iter().take(5).map(say::waits_for).collect();
    let mut forecast = vec![Forecast::Taken { bytes: state.table_size / 3 }];
    if !waits.is_empty() {
        forecast.push(Forecast::Waits { sessions: waits });
    }
    let name = TableName { schema: index.table.schema.clone(), table: index.name.clone() };
    Ok(Draft {
        engine: Some(here.engine.clone()),
        targets: vec![
            here.database(),
            here.container.clone(),
            Target::Relation { name: name.to_string(), oid: None },
        ],
        effect: say::index_effect(&index, state.found == IndexFound::Invalid),
        steps: vec![Step {
            act: Act::CreateIndex { seat: here.seat, index: index.clone() },
            timeout_seconds: LONG_SECONDS,
        }],
        proves: Vec::new(),
        forecast,
        undo: say::index_undo(&index),
    })
}

pub(super) async fn pool_reset(app: &App, service: &ServiceName) -> Result<Draft, NoPlan> {
    let pool = pool(app, service).await?;
    if pool.idle.is_empty() {
        return Err(NoPlan::refused(say::no_pool(service, pool.busy)));
    }
    let here = administered(app).await;
    let (superusers, backends): (Vec<_>, Vec<_>) = pool.idle.iter().partition(|one| one.is_superuser);
    // Whoever has no superusers' connections needs no administration.
    let here = if superusers.is_empty() { here.ok() } else { Some(here?) };
    let ids = |all: Vec<&commands::backend::IdleBackend>| {
        let mut ids: Vec<_> = all.into_iter().map(|one| one.backend).collect();
        ids.sort_by_key(|id| id.pid);
        ids
    };
    let count = pool.idle.len() as u64;
    Ok(Draft {
        engine: here.as_ref().map(|here| here.engine.clone()),
        targets: vec![Target::Named { name: format!("connections of {service}") }],
        effect: say::pool_effect(service),
        steps: vec![Step {
            act: Act::EndIdle {
                application: service.to_string(),
                backends: ids(backends),
                superusers: ids(superusers),
                seat: here.map(|here| here.seat),
            },
            timeout_seconds: SHORT_SECONDS,
        }],
        proves: vec![service.clone()],
        forecast: vec![Forecast::Sessions { count }],
        undo: say::pool_undo(),
    })
}

/// The service's connections, at a moment when none of them works, if there is one.
async fn pool(app: &App, service: &ServiceName) -> Result<Pool, NoPlan> {
    let Some(postgres) = &app.executors.postgres else {
        return Err(NoPlan::refused(report::not_configured("postgres")));
    };
    let mut looks = 0;
    loop {
        let pool = postgres.pool(service.as_str(), DEADLINE).await;
        let pool =
            pool.map_err(|error| NoPlan::refused(report::unavailable("PostgreSQL", &error.to_string())))?;
        looks += 1;
        if pool.busy == 0 || looks == LOOKS {
            return Ok(pool);
        }
        sleep(LOOK_EVERY).await;
    }
}
