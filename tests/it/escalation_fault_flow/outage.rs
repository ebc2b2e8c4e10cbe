//! Servers and processes that are away for a while.

use commands::escalation::{Course, Ladder, Only, Policy, Step, Way};
use commands::ids::{Place, Platform, Room, RunId};
use commands::incident::{Severity, State};
use commands::oncall::Rung;
use commands::period::Period;
use commands::timeline::{Entry, Happened};
use e2e::address::Address;
use e2e::postgres::Server;
use jiff::{SignedDuration, Timestamp};
use store::{NewIncident, Store};

use super::*;

#[tokio::test]
async fn a_postgres_that_crashes_and_a_replica_that_is_killed_leave_every_rung_told_once() {
    let server = Server::start().await;
    let mut scene = Scene::on(&server.url(), 3).await;
    scene.types("incident open P1 'logins fail'").await;
    scene.told(ON_CALL, SOON).await;
    scene.hooks.wait("bo", 1, SOON).await;
    server.down().await;
    eventually(SOON, "nobody ready", async || {
        let mut ready = 0;
        for bot in &scene.bots {
            ready += usize::from(bot.get("/readyz").await.0 == 200);
        }
        (ready == 0).then_some(())
    })
    .await;
    server.up().await;
    scene.told(DEVOPS, LAST).await;
    scene.quiet(0).await;
    // The one that sends to Slack.
    let holder = eventually(SOON, "who sends to Slack", async || {
        for (index, bot) in scene.bots.iter().enumerate() {
            if bot.metric("acgs_lease_held", &["lease=\"slack/send\""]).await > 0.0 {
                return Some(index);
            }
        }
        None
    })
    .await;
    let well = usize::from(holder == 0);
    scene.bots[holder].kill().await;
    scene.slack.wait_sockets(4, SOON).await;
    scene.types("incident ack").await;
    scene.message("Dee has it").await;
    let pages = scene.count(AGAIN);
    assert!(pages.0 > 0, "it was paged again before that");
    // Ten pages later, had nobody acknowledged.
    scene.told(MANAGER, LAST).await;
    assert_eq!(scene.count(AGAIN), pages, "an answer ends that");
    for rung in [ON_CALL, DEVOPS, MANAGER] {
        assert_eq!(scene.count(rung), (1, 1), "{rung}");
    }
    assert_eq!(number(&server.url(), OUT_OF_TIME).await, 0);
    scene.ends_well(well).await;
}

#[tokio::test]
async fn a_postgres_that_is_failed_over_to_its_standby_leaves_every_rung_told_once() {
    let primary = Server::start().await;
    let standby = primary.standby().await;
    let address = Address::of(primary.port()).await;
    let scene = Scene::on(&primary.url_at(address.port()), 3).await;
    scene.types("incident open P1 'logins fail'").await;
    scene.told(ON_CALL, SOON).await;
    scene.quiet(0).await;
    primary.down().await;
    // Not promoted yet, it can be read and takes no writes.
    address.leads_to(standby.port());
    scene.told(DEVOPS, LAST).await;
    standby.promote().await;
    for bot in &scene.bots {
        eventually(SOON, "writes", async || {
            bot.get("/readyz").await.1.contains("takes writes").then_some(())
        })
        .await;
    }
    scene.types("incident ack").await;
    scene.message("acknowledged by Dee").await;
    scene.told(MANAGER, LAST).await;
    for rung in [ON_CALL, DEVOPS, MANAGER] {
        assert_eq!(scene.count(rung), (1, 1), "{rung}");
    }
    assert_eq!(number(&standby.url(), OUT_OF_TIME).await, 0);
    scene.ends_well(0).await;
}

/// What the bot's own configuration has for these tests.
fn schedule() -> Policy {
    let step = |after, tell| Step { after, tell, how: Way::Page, only: Only::Unresolved };
    let ladder = |repage_every| Ladder {
        respond_within: Period::seconds(4),
        repage_every,
        acknowledgement_holds: None,
        status_every: None,
        steps: vec![step(0, Rung::OnCall), step(60, Rung::DevopsLead), step(7_200, Rung::EngineeringManager)],
    };
    let often = ladder(Some(Period::minutes(1)));
    Policy { p0: often.clone(), p1: often, p2: ladder(None) }
}

/// One that was opened before the bot went down, by the store's own hand.
async fn opened(store: &Store, number: u64, severity: Severity, at: Timestamp) {
    let homes = vec![
        Place::channel(Room::new(Platform::Slack, ROOM)),
        Place::channel(Room::new(Platform::Discord, discord::CHANNEL.to_string())),
    ];
    let title = format!("trouble number {number}");
    let new = NewIncident {
        run: RunId::from_random(number),
        title: title.clone(),
        place: None,
        services: Vec::new(),
        by: "Dee".to_owned(),
        state: State::new(Course::open(schedule(), severity, false, at), homes, false, "Dee".to_owned()),
        owed_at: Some(at),
        entry: Entry { at, by: Some("Dee".to_owned()), what: Happened::Opened { severity, title } },
    };
    store.open_incident(new, at).await.expect("the store takes it");
}

#[tokio::test]
async fn after_an_outage_each_incident_has_one_message_that_says_that_it_is_late() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("acgs.db").display());
    let mut scene = Scene::on(&url, 1).await;
    assert!(scene.bots[0].stop().await.success());
    let store = Store::open(&url).await.expect("the stopped bot's store");
    let long_ago = bot::clock::now() - SignedDuration::from_mins(10);
    let severities = [Severity::P0, Severity::P1, Severity::P2];
    for (number, severity) in (1..).zip(severities) {
        opened(&store, number, severity, long_ago).await;
    }
    store.close().await;
    scene.bots[0].restart().await;
    for number in 1..=3 {
        scene.told(&format!("incident {number}: trouble number {number}"), LAST).await;
    }
    let late = "LATE by up to 10";
    for number in 1..=3 {
        let page = format!("trouble number {number}");
        let pages = |texts: Vec<String>| texts.into_iter().filter(|text| text.contains(&page)).count();
        let (slack, discord) = scene.texts(late);
        assert_eq!((pages(slack), pages(discord)), (1, 1), "{page}: one message in each channel");
    }
    let (slack, _) = scene.texts(late);
    let first = slack.iter().find(|text| text.contains("trouble number 1")).expect("just counted");
    for missed in [ON_CALL, DEVOPS, AGAIN, "Bo", "Eve"] {
        assert!(first.contains(missed), "{missed:?} in {first}");
    }
    // Started anew at once, it has told everything.
    scene.quiet(0).await;
    assert!(scene.bots[0].stop().await.success());
    scene.bots[0].restart().await;
    eventually(SOON, "a look", async || {
        let (ready, parts) = scene.bots[0].get("/readyz").await;
        (ready == 200 && parts.contains("nothing is overdue")).then_some(())
    })
    .await;
    scene.quiet(0).await;
    assert_eq!(scene.texts(late).0.len(), 3);
    assert!(scene.slack.violations().is_empty(), "{:?}", scene.slack.violations());
    assert!(scene.discord.violations().is_empty(), "{:?}", scene.discord.violations());
}
