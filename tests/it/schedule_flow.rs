//! What the bot does by itself: when it is due, once, as if somebody had asked, and told of where it fails.

use std::path::Path;
use std::time::Duration;

use e2e::acting::{ROOM, SOON, Scene};
use e2e::bot::Setup;
use e2e::database::Database;
use e2e::people::{BO, CY, DEE};
use e2e::slack::Message;
use e2e::stack::Stack;
use e2e::wait::eventually;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A dump is made, or a time comes.
const DONE: Duration = Duration::from_secs(60);
const ZONE: &str = "America/St_Johns";
/// From writing an expression to its time: a bot has to start meanwhile.
const AHEAD: SignedDuration = SignedDuration::from_secs(12);

/// A moment soon, in whole seconds, and the expression that names it alone.
fn soon() -> (Timestamp, String) {
    let due = Timestamp::from_second((bot::clock::now() + AHEAD).as_second()).unwrap();
    let zoned = due.to_zoned(TimeZone::get(ZONE).unwrap());
    let (second, minute, hour, day, month) =
        (zoned.second(), zoned.minute(), zoned.hour(), zoned.day(), zoned.month());
    (due, format!("{second} {minute} {hour} {day} {month} *"))
}

async fn until(due: Timestamp) {
    eventually(DONE, "the time to come", async || (bot::clock::now() > due).then_some(())).await;
}

fn schedule(name: &str, cron: &str, line: &str) -> String {
    format!("[[schedule]]\nname = {name:?}\ncron = {cron:?}\nzone = {ZONE:?}\nline = {line:?}\n")
}

fn dumps(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".dump")).count()
}

fn backups(folder: &Path) -> String {
    format!("[oncall]\non_call = [\"Bo\"]\n[backups]\ndir = {folder:?}\n")
}

#[tokio::test]
async fn a_missed_backup_is_caught_up_once_without_votes_and_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::take().await;
    let (due, cron) = soon();
    let toml = backups(folder.path()) + &schedule("daily-dump", &cron, "backup create");
    let setup = stack.setup().with(&toml);
    let mut scene = Scene::on(stack, setup).await;
    assert!(bot::clock::now() < due, "the bot was to be up before the time comes");
    scene.bot.kill().await;
    until(due).await;
    assert_eq!(dumps(folder.path()), 0);
    scene.bot.restart().await;
    eventually(DONE, "the missed dump", async || (dumps(folder.path()) == 1).then_some(())).await;
    // The run ends before its row in the trail says so.
    let trail = eventually(DONE, "the end of the run", async || {
        let trail = scene.bot.line(&["audit", "--last", "20"], false).await.out;
        (trail.matches("schedule daily-dump").count() >= 3).then_some(trail)
    })
    .await;
    assert!(trail.contains("backup create"), "{trail}");
    scene.bot.stop().await;
    scene.bot.restart().await;
    scene.slack.wait_sockets(2, SOON).await;
    scene.types(CY, "backup verify newest").await;
    scene.message(" is whole", SOON).await;
    assert_eq!(dumps(folder.path()), 1, "once");
    let all: Vec<String> = scene.slack.messages().iter().map(|message| message.visible()).collect();
    assert!(!all.iter().any(|text| text.contains("backup create")), "what goes well is no news: {all:?}");
    scene.types(CY, "approvals").await;
    scene.message("Nothing waits", SOON).await;
}

#[tokio::test]
async fn a_failure_is_told_in_the_incident_channel_to_those_on_call() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::take().await;
    let (_, cron) = soon();
    let toml = backups(folder.path())
        + &schedule("weekly-check", &cron, "backup verify newest")
        + &schedule("daily-dump", &cron, "backup create");
    let setup = stack.setup().with(&toml);
    // The dump's container is there and its database is locked against it.
    let mut holder = stack.database().await;
    let mut held = sqlx::Connection::begin(&mut holder).await.unwrap();
    sqlx::query("LOCK TABLE policies IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    let scene = Scene::on(stack, setup).await;
    let check = scene.message("Not done by itself: backup verify newest", DONE).await;
    assert!(check.visible().contains("schedule weekly-check, due at"), "{}", check.visible());
    let by = "Asked by schedule daily-dump, approved by the configuration";
    let fits = |message: &Message| {
        message.visible().contains("Failed: backup create") && message.visible().contains(by)
    };
    let failed = scene.slack.wait_message(fits, DONE).await;
    scene.message("lock timeout", SOON).await;
    for message in [check, failed] {
        assert_eq!(message.channel, ROOM);
        assert!(message.mentions().contains(&BO.to_owned()), "{}", message.visible());
    }
    assert_eq!(dumps(folder.path()), 0);
    held.rollback().await.unwrap();
}

#[tokio::test]
async fn a_frozen_bot_does_nothing_by_itself_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::take().await;
    let (_, cron) = soon();
    let toml = backups(folder.path()) + &schedule("daily-dump", &cron, "backup create");
    let setup = stack.setup().with(&toml);
    let scene = Scene::on(stack, setup).await;
    scene.types(DEE, "stack freeze 'nobody touches anything'").await;
    scene.message("Frozen: nothing acts", SOON).await;
    let refused = scene.message("Not done: backup create", DONE).await.visible();
    assert!(refused.contains("nobody touches anything"), "{refused}");
    assert_eq!(dumps(folder.path()), 0);
}

#[tokio::test]
async fn of_two_processes_with_one_store_one_does_it() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::take().await;
    let store = Database::create().await;
    let (due, cron) = soon();
    let toml = backups(folder.path()) + &schedule("daily-dump", &cron, "backup create");
    let setup = Setup { store_url: Some(store.url()), ..stack.setup().with(&toml) };
    let scene = Scene::on(stack, setup.clone()).await;
    let mut other = scene.another(setup).await;
    until(due).await;
    eventually(DONE, "the dump", async || (dumps(folder.path()) >= 1).then_some(())).await;
    let taken = store.number("SELECT count(*) FROM schedule_run WHERE name = 'daily-dump'").await;
    let runs = store.number("SELECT count(*) FROM run").await;
    assert_eq!((taken, runs, dumps(folder.path())), (1, 1, 1));
    other.stop().await;
}

#[tokio::test]
async fn a_newest_backup_that_is_too_old_is_told_once_to_those_on_call() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::take().await;
    let store = Database::create().await;
    // Far from now on either side.
    let month = (bot::clock::now().to_zoned(TimeZone::UTC).month() + 5) % 12 + 1;
    let cron = format!("0 0 1 {month} *");
    let toml = backups(folder.path()) + &schedule("daily-dump", &cron, "backup create");
    let setup = Setup { store_url: Some(store.url()), ..stack.setup().with(&toml) };
    let mut scene = Scene::on(stack, setup).await;
    eventually(SOON, "the schedule to be written", async || {
        (store.number("SELECT count(*) FROM schedule").await == 1).then_some(())
    })
    .await;
    scene.bot.stop().await;
    // As if it had been written thirty hours ago, and no backup had come of it.
    let ago = "UPDATE schedule SET since_at = since_at - 30::bigint * 3600 * 1000000 RETURNING 1::bigint";
    assert_eq!(store.number(ago).await, 1);
    scene.bot.restart().await;
    let told = scene.message("There is no good backup", DONE).await;
    assert!(told.mentions().contains(&BO.to_owned()), "{}", told.visible());
    scene.bot.stop().await;
    scene.bot.restart().await;
    scene.slack.wait_sockets(2, SOON).await;
    scene.types(CY, "backup list").await;
    scene.message("There is no backup", SOON).await;
    let alarms = scene.slack.messages().into_iter();
    assert_eq!(alarms.filter(|message| message.visible().contains("There is no good backup")).count(), 1);
    assert_eq!(dumps(folder.path()), 0);
}
