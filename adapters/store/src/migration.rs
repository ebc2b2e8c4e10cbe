//! Numbered migrations, compiled in, one folder a database. An applied file is never changed.

use std::sync::Arc;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::StoreError;

/// Number, name and text.
pub(crate) type Step = (i64, &'static str, &'static str);

pub(crate) const SQLITE: &[Step] = &[
    (1, "first", include_str!("../migrations/sqlite/0001_first.sql")),
    (2, "task done", include_str!("../migrations/sqlite/0002_task_done.sql")),
    (3, "acting", include_str!("../migrations/sqlite/0003_acting.sql")),
    (4, "maintenance", include_str!("../migrations/sqlite/0004_maintenance.sql")),
    (5, "schedule block", include_str!("../migrations/sqlite/0005_schedule_block.sql")),
    (6, "lease", include_str!("../migrations/sqlite/0006_lease.sql")),
    (7, "escalation", include_str!("../migrations/sqlite/0007_escalation.sql")),
    (8, "alert", include_str!("../migrations/sqlite/0008_alert.sql")),
    (9, "room", include_str!("../migrations/sqlite/0009_room.sql")),
    (10, "quoted", include_str!("../migrations/sqlite/0010_quoted.sql")),
];
pub(crate) const POSTGRES: &[Step] = &[
    (1, "first", include_str!("../migrations/postgres/0001_first.sql")),
    (2, "task done", include_str!("../migrations/postgres/0002_task_done.sql")),
    (3, "acting", include_str!("../migrations/postgres/0003_acting.sql")),
    (4, "maintenance", include_str!("../migrations/postgres/0004_maintenance.sql")),
    (5, "schedule block", include_str!("../migrations/postgres/0005_schedule_block.sql")),
    (6, "lease", include_str!("../migrations/postgres/0006_lease.sql")),
    (7, "escalation", include_str!("../migrations/postgres/0007_escalation.sql")),
    (8, "alert", include_str!("../migrations/postgres/0008_alert.sql")),
    (9, "room", include_str!("../migrations/postgres/0009_room.sql")),
    (10, "quoted", include_str!("../migrations/postgres/0010_quoted.sql")),
];

pub(crate) fn migrator(steps: &[Step]) -> Migrator {
    let migrations = steps.iter().map(|&(version, name, text)| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// What a failed migration of `store` means to the person who started the program.
pub(crate) fn explain(store: &str, error: MigrateError) -> StoreError {
    let store = store.to_owned();
    match error {
        MigrateError::VersionMissing(version) => StoreError::Newer { store, version },
        MigrateError::VersionMismatch(version) => StoreError::Foreign { store, version },
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            StoreError::Open { store, source: Arc::new(source) }
        }
        other => StoreError::Open { store, source: Arc::new(sqlx::Error::Migrate(Box::new(other))) },
    }
}
