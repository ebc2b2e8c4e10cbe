//! `backup drill`, `db vacuum`, `db analyze`, `db index-create` and `db pool-reset`.

use e2e::wait::eventually;
use sqlx::Connection as _;

use super::*;

const INDEXES: &str = r#"
[[index]]
name = "idx_policies_status"
table = "policies"
columns = ["status"]
[[index]]
name = "idx_users_email"
table = "users"
columns = ["email"]
"#;

impl Scene {
    /// Asks, approves, and returns how it ended.
    async fn is_done(&self, line: &str) -> String {
        let card = self.asks(DEE, line).await;
        self.slack.react(BO, &card, "white_check_mark").await;
        self.result(line).await
    }
}

#[tokio::test]
async fn a_drill_reads_a_backup_in_beside_and_leaves_nothing() {
    let scene = Scene::begin().await;
    scene.backs_up().await;
    let others = "SELECT count(*) FROM pg_database WHERE datname LIKE 'acgs_pgp_db_restore%'";
    let result = scene.is_done("backup drill").await;
    assert!(result.contains("Done: backup drill") && result.contains("as in the manifest"), "{result}");
    assert_eq!(scene.sql("postgres", others).await, "0");
}

#[tokio::test]
async fn dead_rows_are_counted_before_and_after_and_tables_are_of_the_live_list() {
    let scene = Scene::begin().await;
    scene.sql("acgs_pgp_db", "UPDATE policies SET title = title").await;
    let result = scene.is_done("db vacuum policies").await;
    assert!(result.contains("Done: db vacuum policies") && result.contains("dead rows"), "{result}");
    assert!(!result.contains("not seen as done"), "{result}");
    let result = scene.is_done("db analyze public.users").await;
    assert!(result.contains("Done: db analyze public.users"), "{result}");
    let result = scene.is_done("db analyze").await;
    assert!(result.contains("Done: db analyze"), "{result}");
    scene.types(DEE, "db vacuum secrets").await;
    scene.message("has no table secrets. It has public.", SOON).await;
}

#[tokio::test]
async fn an_index_of_the_list_is_made_once_and_never_left_invalid() {
    let scene = Scene::with(|setup| setup.with(INDEXES)).await;
    scene.sql("acgs_pgp_db", "DROP INDEX IF EXISTS idx_policies_status").await;
    scene.types(DEE, "db index-create idx_of_nobody").await;
    scene.message("idx_of_nobody is no [[index]]", SOON).await;
    scene.types(DEE, "db index-create idx_users_email").await;
    scene.message("There is one that does the same", SOON).await;
    // A transaction that has written to the table and stays open.
    let mut holder = scene.stack.database().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("UPDATE policies SET title = title WHERE id = 1").execute(&mut *held).await.unwrap();
    let card = scene.asks(DEE, "db index-create idx_policies_status").await;
    assert!(card.visible().contains("waits for"), "{}", card.visible());
    scene.slack.react(BO, &card, "white_check_mark").await;
    // It gives up, and what it has left is dropped as soon as that can be.
    let drops = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DROP INDEX CONCURRENTLY%' AND state = 'active'
                  AND application_name LIKE 'acgs-run-%'";
    eventually(DONE, "the drop", async || (scene.sql("postgres", drops).await == "1").then_some(())).await;
    held.rollback().await.unwrap();
    let failed = scene.result("db index-create idx_policies_status").await;
    assert!(failed.contains("lock timeout"), "{failed}");
    let there = "SELECT count(*) FROM pg_class WHERE relname = 'idx_policies_status'";
    assert_eq!(scene.sql("acgs_pgp_db", there).await, "0");
    let card = scene.asks(DEE, "db index-create idx_policies_status").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Done: db index-create", DONE).await;
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'idx_policies_status'::regclass";
    assert_eq!(scene.sql("acgs_pgp_db", valid).await, "t");
    scene.types(DEE, "db index-create idx_policies_status").await;
    scene.message("idx_policies_status is there and in use", SOON).await;
    scene.sql("acgs_pgp_db", "DROP INDEX idx_policies_status").await;
}

#[tokio::test]
async fn a_pool_is_ended_and_the_service_goes_on() {
    let scene = Scene::begin().await;
    let pids = "SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM pg_stat_activity WHERE application_name = 'gs_service'";
    scene.stack.visit("gs_service", "/api/ping").await;
    let before = scene.sql("postgres", pids).await;
    assert_ne!(before, "");
    let card = scene.asks(DEE, "db pool-reset gs_service").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    let result = scene.result("db pool-reset gs_service").await;
    assert!(result.contains("connections of gs_service ended"), "{result}");
    assert!(result.contains("Done, well as before") || result.contains("Improved"), "{result}");
    let after = scene.sql("postgres", pids).await;
    assert!(!before.split(' ').all(|pid| after.split(' ').any(|now| now == pid)), "{before}; {after}");
}
