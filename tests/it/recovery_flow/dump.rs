//! `backup create` and `backup verify`.

use std::os::unix::fs::PermissionsExt as _;

use e2e::people::CY;
use e2e::wait::eventually;
use sqlx::Connection as _;

use super::*;

#[tokio::test]
async fn a_backup_is_whole_is_described_and_is_the_owners_alone() {
    let scene = Scene::begin().await;
    let card = scene.asks(DEE, "backup create").await;
    let shown = card.visible();
    for words in ["acgs_pgp_db", "OID", "change", "from one snapshot", "the vote of 1 other operator"] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    assert_eq!(scene.files(), [] as [String; 0], "nothing is done before the vote");
    scene.slack.react(BO, &card, "white_check_mark").await;
    let ended = scene.says(&card, "Done: backup create", DONE).await;
    assert!(ended.contains("done"), "{ended}");
    let result = scene.result("backup create").await;
    assert!(result.contains("tables with") && result.contains("SHA-256"), "{result}");
    let files = scene.files();
    let [dump, manifest] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(*manifest, format!("{dump}.manifest.json"));
    for name in [dump, manifest] {
        let mode = std::fs::metadata(scene.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let manifest = std::fs::read_to_string(scene.folder.path().join(manifest)).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    for table in ["users", "policies", "audit_logs", "alembic_version"] {
        let rows = scene.sql("acgs_pgp_db", &format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(manifest["tables"][format!("public.{table}")].to_string(), rows, "{manifest}");
    }
    assert_eq!(scene.own_sessions().await, "0");

    scene.types(CY, "backup verify newest").await;
    let verified = scene.message(&format!("{dump} is whole"), SOON).await.visible();
    assert!(verified.contains("as its manifest says") && verified.contains("4 listed"), "{verified}");
    // A byte that has changed on the disk.
    let path = scene.folder.path().join(dump);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    scene.types(CY, &format!("backup verify {dump}")).await;
    let broken = scene.message("is not one to rely on", SOON).await.visible();
    assert!(broken.contains("its manifest says"), "{broken}");
    scene.types(CY, "backup verify nothing.dump").await;
    scene.message("No backup is called nothing.dump", SOON).await;
}

#[tokio::test]
async fn a_dump_whose_sessions_are_ended_leaves_nothing_and_no_orphan() {
    let scene = Scene::begin().await;
    let mut admin = scene.stack.database().await;
    // The dump waits for this lock, and so it is caught at work.
    let mut holder = scene.stack.database().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("LOCK TABLE audit_logs IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    let card = scene.asks(DEE, "backup create").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    eventually(SOON, "the run's session to wait", async || {
        let waits = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                      WHERE application_name LIKE 'acgs-run-%' AND wait_event_type = 'Lock'";
        let ended: Vec<bool> = sqlx::query_scalar(waits).fetch_all(&mut admin).await.unwrap();
        (!ended.is_empty()).then_some(())
    })
    .await;
    let failed = scene.says(&card, "Failed: backup create", DONE).await;
    assert!(failed.contains("failed:"), "{failed}");
    assert_eq!(scene.files(), [] as [String; 0]);
    held.rollback().await.unwrap();
    eventually(SOON, "no session of the run", async || (scene.own_sessions().await == "0").then_some(()))
        .await;
}

#[tokio::test]
async fn a_dump_that_waits_for_a_lock_gives_up_and_leaves_nothing() {
    let scene = Scene::begin().await;
    let mut holder = scene.stack.database().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("LOCK TABLE policies IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    let card = scene.asks(DEE, "backup create").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Failed: backup create", DONE).await;
    let failed = scene.result("backup create").await;
    assert!(failed.contains("lock timeout"), "{failed}");
    assert_eq!(scene.files(), [] as [String; 0]);
    assert_eq!(scene.own_sessions().await, "0");
}

#[tokio::test]
async fn a_folder_without_room_is_told_before_anything_is_dumped() {
    let scene = Scene::with(|setup| Setup {
        sections: setup.sections.replace("[backups]\ndir = \"/", "[backups]\ndir = \"/proc/"),
        ..setup
    })
    .await;
    let card = scene.asks(DEE, "backup create").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Failed: backup create", DONE).await;
    assert_eq!(scene.own_sessions().await, "0");
}

#[tokio::test]
async fn without_a_container_it_says_what_to_add() {
    let scene = Scene::with(|setup| Setup {
        sections: setup.sections.replace("\ncontainer = ", "\n# container = "),
        ..setup
    })
    .await;
    scene.types(DEE, "backup create").await;
    scene.message("[postgres] container is not in the bot's configuration", SOON).await;
    assert_eq!(scene.files(), [] as [String; 0]);
}
