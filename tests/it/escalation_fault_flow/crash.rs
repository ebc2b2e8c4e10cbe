//! A process that dies, again and again, at every point of a page's way.

use bot::failpoint::Failpoint;
use e2e::database::Database;

use super::*;

/// As the Slack adapter marks what it may have posted before.
const REPEAT: &str = "may be a repeat";

async fn dies_at(point: Failpoint, store_url: &str) {
    let mut scene = Scene::start().await;
    let setup = scene.setup(store_url).secret("ACGS_FAILPOINT", point.as_str());
    scene.add(setup).await;
    scene.types("incident open P0 'logins fail'").await;
    // It dies again wherever it goes on, and then it may live.
    scene.bots[0].dies(SOON).await;
    scene.bots[0].set("ACGS_FAILPOINT", None);
    scene.bots[0].restart().await;
    scene.told(ON_CALL, SOON).await;
    scene.hooks.wait("bo", 1, SOON).await;
    scene.told(DEVOPS, LAST).await;
    scene.quiet(0).await;
    let (slack, discord) = scene.texts(ON_CALL);
    // Slack can't tell two posts apart: what it may have had before says so. Discord can.
    let first = slack.iter().filter(|text| !text.contains(REPEAT)).count();
    let is_posted_before = point == Failpoint::AfterPage;
    assert!(first <= 1 && slack.len() <= 1 + usize::from(is_posted_before), "{point:?}: {slack:?}");
    assert_eq!(discord.len(), 1, "{point:?}: {discord:?}");
    assert_eq!(scene.count(DEVOPS), (1, 1), "{point:?}");
    assert_eq!(scene.hooks.posts("bo").len(), 1, "{point:?}");
    let timeline = scene.bots[0].line(&["incident", "timeline", "--number", "1"], false).await;
    for told in ["on-call (Bo)", "DevOps lead (Eve)"] {
        assert_eq!(timeline.out.matches(told).count(), 1, "{point:?}: {told:?} in {}", timeline.out);
    }
    // A process that is new does not know for how long the one before it was told to wait.
    scene.slack.forgive("call_during_back_off");
    assert!(scene.slack.violations().is_empty(), "{:?}", scene.slack.violations());
    assert!(scene.discord.violations().is_empty(), "{:?}", scene.discord.violations());
    let verified = scene.bots[0].run(&["audit", "verify"]).await;
    assert!(verified.code == 0 && verified.out.contains("intact"), "{verified:?}");
}

#[tokio::test]
async fn whoever_dies_anywhere_on_a_pages_way_tells_each_rung_once_on_sqlite() {
    for point in Failpoint::SCHEDULE.into_iter().chain(Failpoint::PAGE) {
        let folder = tempfile::tempdir().expect("a folder");
        dies_at(point, &format!("sqlite://{}", folder.path().join("acgs.db").display())).await;
    }
}

#[tokio::test]
async fn whoever_dies_anywhere_on_a_pages_way_tells_each_rung_once_on_postgres() {
    for point in Failpoint::SCHEDULE.into_iter().chain(Failpoint::PAGE) {
        let database = Database::create().await;
        dies_at(point, &database.url()).await;
    }
}
