//! A store that can be read and takes no writes: acts are refused, people are called all the same, and it says so.

use e2e::database::Database;
use e2e::root::Disk;

use super::*;

const NOT_RECORDED: &str = "NOT RECORDED: my own store takes no writes";
const REFUSED: &str = "Refused: it can't be recorded, since the bot's own store takes no writes";

/// From the moment that nothing can be written until it can be again.
async fn goes_on(scene: &Scene) {
    scene.told(DEVOPS, LAST).await;
    let (slack, discord) = scene.texts(DEVOPS);
    for text in slack.iter().chain(&discord) {
        assert!(text.contains(NOT_RECORDED), "{text}");
    }
    for (count, line) in (1..).zip(["incident ack", "restart fv_service"]) {
        scene.types(line).await;
        eventually(SOON, line, async || {
            let refused = |message: &Message| message.visible().contains(REFUSED);
            (scene.slack.messages().iter().filter(|message| refused(message)).count() == count).then_some(())
        })
        .await;
    }
    let (ready, parts) = scene.bots[0].get("/readyz").await;
    assert!(ready == 503 && parts.contains("the store can't be written"), "{parts}");
    assert!(scene.bots[0].log().contains("what incidents owe is told past it"));
    // Nobody can acknowledge, so the on-call is called again and again.
    let (before, _) = scene.count(AGAIN);
    eventually(SOON, "another page", async || (scene.count(AGAIN).0 > before).then_some(())).await;
}

/// Once there is room again.
async fn is_recorded(scene: &Scene) {
    for bot in &scene.bots {
        eventually(SOON, "writes", async || {
            bot.get("/readyz").await.1.contains("takes writes").then_some(())
        })
        .await;
    }
    scene.types("incident ack").await;
    // Whose connection was cut in the middle of it takes it up again, and its answer says no more than that it was done.
    scene.slack.wait_message(|message| message.visible().contains("acknowledged by Dee"), LAST).await;
    scene.told(MANAGER, LAST).await;
    let (slack, discord) = scene.texts(MANAGER);
    assert!(slack.iter().chain(&discord).all(|text| !text.contains(NOT_RECORDED)), "{slack:?} {discord:?}");
    for rung in [ON_CALL, DEVOPS, MANAGER] {
        assert_eq!(scene.count(rung), (1, 1), "{rung}");
    }
    let timeline = scene.bots[0].line(&["incident", "timeline", "--number", "1"], false).await;
    for told in ["DevOps lead (Eve)", "engineering manager (Ada)", "Dee  acknowledged"] {
        assert_eq!(timeline.out.matches(told).count(), 1, "{told:?} in {}", timeline.out);
    }
    for page in (2..40).map(|page| format!("(page {page})")).filter(|page| scene.count(page).0 > 0) {
        assert_eq!(timeline.out.matches(&page).count(), 1, "{page:?} in {}", timeline.out);
    }
    scene.ends_well(0).await;
}

#[tokio::test]
async fn on_a_full_disk_acts_are_refused_and_people_are_called_all_the_same() {
    let disk = Disk::of(16);
    let scene = Scene::on(&format!("sqlite://{}", disk.path().join("acgs.db").display()), 1).await;
    scene.types("incident open P1 'logins fail'").await;
    scene.told(ON_CALL, SOON).await;
    // What was posted in the moment before would be posted once more, and say so.
    scene.quiet(0).await;
    disk.fill();
    goes_on(&scene).await;
    disk.free();
    is_recorded(&scene).await;
}

#[tokio::test]
async fn on_a_postgres_that_only_reads_two_replicas_call_people_once() {
    let database = Database::create().await;
    let scene = Scene::on(&database.url(), 2).await;
    scene.types("incident open P1 'logins fail'").await;
    scene.told(ON_CALL, SOON).await;
    scene.quiet(0).await;
    scene.quiet(1).await;
    database.freeze().await;
    goes_on(&scene).await;
    database.thaw().await;
    is_recorded(&scene).await;
}
