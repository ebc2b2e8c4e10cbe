//! Platforms that answer anything but "taken", and connections that are cut, while people are called.

use e2e::database::Database;
use e2e::discord::{Drop, Route};

use super::*;

const POST: &str = "chat.postMessage";

/// So often each platform answers each of these.
const TIMES: usize = 2;

#[tokio::test]
async fn whatever_the_platforms_answer_each_rung_is_told_once() {
    let database = Database::create().await;
    let scene = Scene::on(&database.url(), 1).await;
    scene.types("incident open P1 'logins fail'").await;
    scene.told(ON_CALL, SOON).await;
    scene.quiet(0).await;
    let (slack, discord) = (scene.slack.calls(POST), scene.discord.calls(Route::Post));
    scene.slack.limit_next(POST, TIMES, 1);
    scene.discord.limit_next(Route::Post, TIMES, Duration::from_secs(1), false);
    for _ in 0..TIMES {
        scene.slack.status_next(POST, 503);
    }
    scene.discord.status_next(Route::Post, TIMES, 503);
    scene.slack.drop_sockets();
    scene.discord.drop_gateway(Drop::Close(4000), true);
    scene.told(DEVOPS, LAST).await;
    // All of them were met on the way.
    assert!(scene.slack.calls(POST) > slack + 2 * TIMES, "{}", scene.slack.calls(POST));
    assert!(scene.discord.calls(Route::Post) > discord + 2 * TIMES, "{}", scene.discord.calls(Route::Post));
    scene.slack.wait_sockets(2, SOON).await;
    scene.types("incident ack").await;
    scene.message("Dee has it").await;
    scene.told(MANAGER, LAST).await;
    scene.quiet(0).await;
    for rung in [ON_CALL, DEVOPS, MANAGER] {
        assert_eq!(scene.count(rung), (1, 1), "{rung}");
    }
    assert_eq!(number(&database.url(), OUT_OF_TIME).await, 0);
    scene.ends_well(0).await;
}
