//! The database's migrations, by a container that is made for them, on a database of the test's own.

use std::time::Duration;

use e2e::acting::{SOON, Scene};
use e2e::bot::Setup;
use e2e::people::{BO, CY, DEE};
use e2e::stack::Stack;
use e2e::wait::eventually;
use sqlx::{Connection as _, PgConnection};

/// A container is made and removed, and services are proved.
const DONE: Duration = Duration::from_secs(90);
const BEFORE: &str = "c2f48a1b9d03";
const AFTER: &str = "d4e5f6a7b8c9";
/// Held by a test to keep a migration at work.
const LOCK: i64 = 4_711;

/// A database with a revision, and a stopped container that can migrate it, as Compose leaves one that has ended.
struct Ground {
    stack: Stack,
    database: PgConnection,
    setup: Setup,
}

/// What stands in for Alembic: argument vectors of a container whose entry point is a shell.
fn migration(upgrade: &str) -> String {
    let current = "psql -XAtq \"$DATABASE_URL\" -c 'SELECT version_num FROM alembic_version'";
    let heads = format!(
        "echo 'INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.' >&2; echo '{AFTER} (head)'"
    );
    format!(
        "[migration]\nservice = \"alembic-runner\"\ncurrent = [\"-c\", {current:?}]\nheads = [\"-c\", {heads:?}]\nupgrade = [\"-c\", {upgrade:?}]"
    )
}

impl Ground {
    /// `looks_at` is the database that the migrations are told of.
    async fn with(upgrade: &str, looks_at: &str) -> Self {
        let stack = Stack::take().await;
        let (mut database, url) = stack.own_database("acgs_test_migrate").await;
        let tables = format!(
            "CREATE TABLE alembic_version (version_num varchar(32)); INSERT INTO alembic_version VALUES ('{BEFORE}')"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(tables)).execute(&mut database).await.unwrap();
        let service = stack.container("ac_service");
        let variables = "{{range .Config.Env}}{{println .}}{{end}}";
        let variables = stack.docker(&["inspect", "--format", variables, &service]).await;
        let address = variables.lines().find_map(|line| line.strip_prefix("DATABASE_URL=")).unwrap();
        let address = format!("DATABASE_URL={}", address.replace("/acgs_pgp_db", &format!("/{looks_at}")));
        let image = "{{.Config.Image}}";
        let image = stack.docker(&["inspect", "--format", image, &stack.container("postgres_db")]).await;
        let project = stack.project();
        let labels = [
            "acgs.test.extra=true".to_owned(),
            format!("com.docker.compose.project={project}"),
            "com.docker.compose.service=alembic-runner".to_owned(),
        ];
        let (name, network) = (format!("{project}-alembic"), format!("{project}_default"));
        let mut create = vec!["create", "--name", &name, "--network", &network, "--env", &address];
        create.extend(labels.iter().flat_map(|label| ["--label", label.as_str()]));
        create.extend(["--entrypoint", "/bin/sh", image.trim(), "-c", "exit 0"]);
        stack.docker(&create).await;
        let setup = stack.setup().with(&migration(upgrade)).secret("STACK_POSTGRES_URL", &url);
        Self { stack, database, setup }
    }
}

async fn one(database: &mut PgConnection, sql: &'static str) -> String {
    sqlx::query_scalar(sql).fetch_one(database).await.unwrap()
}

async fn version(database: &mut PgConnection) -> String {
    one(database, "SELECT string_agg(version_num, ',') FROM alembic_version").await
}

/// Containers that were made for jobs and are still there.
async fn jobs(stack: &Stack) -> String {
    let project = format!("label=com.docker.compose.project={}", stack.project());
    stack.docker(&["ps", "--all", "--quiet", "--filter", "label=acgs.one_off", "--filter", &project]).await
}

fn upgrade_all() -> String {
    format!(
        "psql -Xq1 -v ON_ERROR_STOP=1 \"$DATABASE_URL\" -c 'CREATE TABLE migrated (id int)' -c \"UPDATE alembic_version SET version_num = '{AFTER}'\""
    )
}

#[tokio::test]
async fn the_database_comes_to_the_newest_revision_and_is_asked_afterwards() {
    let Ground { stack, mut database, setup } = Ground::with(&upgrade_all(), "acgs_test_migrate").await;
    let scene = Scene::on(stack, setup).await;
    scene.types(CY, "db migrate --check").await;
    scene.message("needs the role operator", SOON).await;
    scene.types(DEE, "db migrate --check").await;
    let checked = scene.message("The database is not at the newest revision", DONE).await.visible();
    assert!(checked.contains(BEFORE) && checked.contains(AFTER), "{checked}");
    let card = scene.asks(DEE, "db migrate").await;
    let shown = card.visible();
    for words in [BEFORE, AFTER, "alembic-runner", "acgs_test_migrate, OID", "the vote of 1 other approver"] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    assert_eq!(version(&mut database).await, BEFORE, "nothing is done before the vote");
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.ends_well(&card, DONE).await;
    assert_eq!(version(&mut database).await, AFTER);
    scene.message(&format!("from {BEFORE} to {AFTER} in "), SOON).await;
    assert_eq!(jobs(&scene.stack).await, "");
    scene.types(DEE, "db migrate --check").await;
    scene.message("The database is at the newest revision", DONE).await;
    scene.types(DEE, "db migrate").await;
    scene.message("Nothing to migrate", DONE).await;
    scene.stack.remove_extra().await;
}

#[tokio::test]
async fn migrations_that_look_at_another_database_are_refused() {
    let Ground { stack, mut database, setup } = Ground::with(&upgrade_all(), "acgs_pgp_db").await;
    sqlx::query("UPDATE alembic_version SET version_num = 'aaaa00000001'")
        .execute(&mut database)
        .await
        .unwrap();
    let scene = Scene::on(stack, setup).await;
    scene.types(DEE, "db migrate").await;
    let refused = scene.message("Another database", DONE).await.visible();
    assert!(refused.contains("aaaa00000001"), "{refused}");
    assert_eq!(version(&mut database).await, "aaaa00000001");
    assert_eq!(jobs(&scene.stack).await, "");
    scene.stack.remove_extra().await;
    scene.types(DEE, "db migrate").await;
    scene.message("Docker has no container of alembic-runner", DONE).await;
}

#[tokio::test]
async fn a_migration_that_fails_half_way_is_told_with_its_words_and_where_the_database_is() {
    let upgrade = "psql -Xq1 -v ON_ERROR_STOP=1 \"$DATABASE_URL\" -c 'CREATE TABLE migrated (id int)' -c 'SELECT no_such_column'";
    let Ground { stack, mut database, setup } = Ground::with(upgrade, "acgs_test_migrate").await;
    let scene = Scene::on(stack, setup).await;
    let card = scene.asks(DEE, "db migrate").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Failed: db migrate", DONE).await;
    let failed = scene.message("no_such_column", SOON).await.visible();
    assert!(failed.contains(&format!("the database is at {BEFORE}, as before")), "{failed}");
    assert_eq!(version(&mut database).await, BEFORE);
    assert_eq!(jobs(&scene.stack).await, "");
    scene.stack.remove_extra().await;
}

#[tokio::test]
async fn a_migration_that_outlives_the_bot_is_found_done_and_not_run_again() {
    let upgrade = format!(
        "psql -Xq1 -v ON_ERROR_STOP=1 \"$DATABASE_URL\" -c 'SELECT pg_advisory_xact_lock({LOCK})' -c 'INSERT INTO ran VALUES (1)' -c \"UPDATE alembic_version SET version_num = '{AFTER}'\""
    );
    let Ground { stack, mut database, setup } = Ground::with(&upgrade, "acgs_test_migrate").await;
    sqlx::query("CREATE TABLE ran (once int)").execute(&mut database).await.unwrap();
    let mut holder = stack.database_called("acgs_test_migrate").await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(4711)").execute(&mut *held).await.unwrap();
    let mut scene = Scene::on(stack, setup).await;
    let card = scene.asks(DEE, "db migrate").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    let waits = "SELECT count(*)::text FROM pg_stat_activity WHERE application_name LIKE 'acgs-run-%' AND wait_event = 'advisory'";
    eventually(DONE, "the migration to wait", async || {
        (one(&mut database, waits).await == "1").then_some(())
    })
    .await;
    scene.bot.kill().await;
    held.commit().await.unwrap();
    eventually(DONE, "the migration to end by itself", async || {
        (version(&mut database).await == AFTER).then_some(())
    })
    .await;
    scene.bot.restart().await;
    scene.ends_well(&card, DONE).await;
    assert_eq!(one(&mut database, "SELECT count(*)::text FROM ran").await, "1", "once");
    assert_eq!(jobs(&scene.stack).await, "");
    scene.stack.remove_extra().await;
}
