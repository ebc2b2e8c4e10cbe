//! What goes away in the middle of a step: the Engine, and the room on a disk.

use std::time::Duration;

use e2e::acting::{SOON, Scene};
use e2e::engine::GoneAt;
use e2e::people::{BO, DEE};
use e2e::root::Disk;
use e2e::stack::Stack;
use e2e::wait::eventually;
use sqlx::Connection as _;

const PROVED: Duration = Duration::from_secs(120);

#[tokio::test]
async fn an_engine_that_goes_away_in_the_middle_of_a_restart_leaves_its_outcome_unknown_and_nothing_is_repeated()
 {
    let stack = Stack::take().await;
    let engine = GoneAt::new(&stack.engine(), "/restart");
    let setup = stack.setup_at(&engine.host());
    let scene = Scene::on(stack, setup).await;
    let container = scene.stack.container("fv_service");
    let started =
        async || scene.stack.docker(&["inspect", "--format", "{{.State.StartedAt}}", &container]).await;
    let before = started().await;
    let card = scene.asks(DEE, "restart fv_service").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    let said = scene.says(&card, "Outcome unknown: restart fv_service", PROVED).await;
    assert!(engine.is_down() && said.contains("is not known, and it is not done again"), "{said}");
    // The Engine did it, once; the bot does not know and does not guess.
    let once = eventually(SOON, "the restart", async || {
        let now = started().await;
        (now != before).then_some(now)
    })
    .await;
    engine.comes_back();
    scene.types(DEE, "ps").await;
    scene.message("fv_service", SOON).await;
    let card = scene.asks(DEE, "restart fv_service").await;
    assert_eq!(started().await, once, "not a second time by itself");
    scene.slack.react(DEE, &card, "no_entry").await;
    scene.says(&card, "Not done: restart fv_service", SOON).await;
    scene.stack.mend().await;
}

#[tokio::test]
async fn a_disk_that_fills_up_under_a_dump_leaves_nothing_and_no_session() {
    // Room enough for the database when it begins.
    let disk = Disk::of(256);
    let scene = Scene::with(&format!("[backups]\ndir = {:?}", disk.path())).await;
    let mut holder = scene.stack.database().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("LOCK TABLE policies IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    let mut admin = scene.stack.database().await;
    let card = scene.asks(DEE, "backup create").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'acgs-run-%' AND wait_event_type = 'Lock'";
    eventually(SOON, "the dump to wait", async || {
        let count: i64 = sqlx::query_scalar(waiting).fetch_one(&mut admin).await.unwrap();
        (count > 0).then_some(())
    })
    .await;
    disk.fill();
    held.rollback().await.unwrap();
    scene.says(&card, "Failed: backup create", PROVED).await;
    scene.message("No space left on device", SOON).await;
    let names = || -> Vec<String> {
        let entries = std::fs::read_dir(disk.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names(), ["filler"]);
    let own = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'acgs-run-%'";
    eventually(SOON, "no session of the run", async || {
        let count: i64 = sqlx::query_scalar(own).fetch_one(&mut admin).await.unwrap();
        (count == 0).then_some(())
    })
    .await;
    // Nothing is in the way of the next one.
    disk.free();
    let card = scene.asks(DEE, "backup create").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Done: backup create", PROVED).await;
    assert_eq!(names().len(), 2, "{:?}", names());
}
