//! Machines whose clocks are wrong.

use e2e::database::Database;

use super::*;

/// Debian's package faketime.
fn library() -> String {
    let folders = std::fs::read_dir("/usr/lib").expect("libraries").filter_map(Result::ok);
    let found =
        folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|path| path.exists());
    found.expect("libfaketime, which tests/install installs").display().to_string()
}

#[tokio::test]
async fn replicas_whose_clocks_are_minutes_wrong_call_people_at_the_databases_time_and_once() {
    let database = Database::create().await;
    let mut scene = Scene::start().await;
    for wrong in ["-7m", "+5m"] {
        let setup = scene.setup(&database.url());
        let setup = setup.secret("LD_PRELOAD", &library()).secret("FAKETIME", wrong);
        scene.add(setup.secret("FAKETIME_DONT_FAKE_MONOTONIC", "1")).await;
    }
    for bot in &scene.bots {
        assert!(bot.log().contains("this machine's clock is ahead of the database's"), "{}", bot.log());
    }
    scene.types("incident open P1 'logins fail'").await;
    scene.told(ON_CALL, SOON).await;
    scene.told(DEVOPS, SOON).await;
    let apart = "SELECT max(abs(extract(epoch FROM clock_timestamp()) * 1000000 - at))::BIGINT FROM timeline";
    let apart = number(&database.url(), apart).await;
    assert!(apart < 30_000_000, "{apart} us between the database's clock and a timeline's");
    // The one that is left has the other wrong clock.
    scene.quiet(0).await;
    scene.bots[0].kill().await;
    scene.told(MANAGER, LAST).await;
    for rung in [ON_CALL, DEVOPS, MANAGER] {
        assert_eq!(scene.count(rung), (1, 1), "{rung}");
    }
    let (slack, discord) = scene.texts("LATE");
    assert!(slack.is_empty() && discord.is_empty(), "{slack:?} {discord:?}");
    assert_eq!(number(&database.url(), OUT_OF_TIME).await, 0);
    let late = "SELECT max(at - opened_at - 45000000) FROM timeline JOIN incident ON incident = number \
                WHERE once = '0/step/2'";
    let late = number(&database.url(), late).await;
    assert!(late < 5_000_000, "told {late} us after its time");
    scene.ends_well(1).await;
}
