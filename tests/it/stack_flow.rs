//! `/acgs health` against the real platform: Docker, PostgreSQL, Prometheus and Alertmanager.

use std::time::{Duration, Instant};

use e2e::bot::{Bot, Finished};
use e2e::chatter::Chatter;
use e2e::people;
use e2e::stack::Stack;
use e2e::wait::eventually;

async fn bot(stack: &Stack) -> Bot {
    let web = "[web]\nlisten = \"127.0.0.1:0\"";
    Bot::start(stack.setup().with(web).with(&people::toml())).await
}

/// The value of a label in the card's facts.
fn fact(health: &Finished, label: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(&health.out).expect("a card as JSON");
    let sections = json["card"]["sections"].as_array().expect("sections").clone();
    let facts = sections.iter().filter_map(|section| section["facts"].as_array()).flatten();
    let found = facts.filter(|fact| fact[0] == label).find_map(|fact| fact[1].as_str().map(str::to_owned));
    found.unwrap_or_else(|| panic!("no {label} in {}", health.out))
}

#[tokio::test]
async fn everything_is_seen_through_the_real_parts() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    // Errors that the test before has left are in the minutes that Prometheus looks at.
    let health = eventually(Duration::from_secs(180), "all targets up and no alert", async || {
        let health = bot.line(&["health"], true).await;
        (health.code == 0
            && fact(&health, "Prometheus").contains("targets up")
            && fact(&health, "Alertmanager").contains("nothing fires"))
        .then_some(health)
    })
    .await;
    assert!(health.out.contains("All 6 services are well"), "{}", health.out);
    assert!(fact(&health, "Docker").contains("containers of 6 of 6 services found"), "{}", health.out);
    let database = fact(&health, "PostgreSQL");
    assert!(
        database.starts_with("answers in ") && database.contains(" of 60 connections used"),
        "{database}"
    );
    assert!(health.out.contains(", healthy"), "the container's own check: {}", health.out);
    let one = bot.line(&["health", "auth_service"], true).await;
    assert!(fact(&one, "container").starts_with(&stack.container("auth_service")), "{}", one.out);
    let check = bot.run(&["check"]).await;
    assert_eq!(check.code, 0, "{check:?}");
    for part in [
        "ok    docker: engine",
        "ok    postgres: PostgreSQL 15",
        "ok    prometheus: ready",
        "ok    alertmanager: ready",
    ] {
        assert!(check.out.contains(part), "{part}: {}", check.out);
    }
}

#[tokio::test]
async fn each_fault_has_its_own_true_word_and_hides_no_other() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    stack.docker(&["stop", &stack.container("ac_service")]).await;
    stack.docker(&["pause", &stack.container("integrity_service")]).await;
    stack.sick("fv_service", "down=1").await;
    stack.sick("gs_service", "html=1").await;
    stack.sick("pgc_service", "drip=1").await;
    let health = bot.line(&["health"], true).await;
    assert_eq!(health.code, 1, "{health:?}");
    for words in [
        "5 of 6 services are sick",
        "ac_service: nobody listens on its port: dead; its container exited with code",
        "integrity_service: takes connections and does not answer",
        "its container is paused",
        "fv_service: answers 503",
        "gs_service: answers 200 with text/html instead of JSON",
        "pgc_service: began to answer 200 and did not end",
        "health ac_service --wait 60",
    ] {
        assert!(health.out.contains(words), "{words:?} in {}", health.out);
    }
    stack.sick("fv_service", "well=1&redirect=1").await;
    let health = bot.line(&["health", "fv_service"], false).await;
    assert!(health.out.contains("a redirect"), "{}", health.out);

    // The wait sees the container come back.
    stack.docker(&["start", &stack.container("ac_service")]).await;
    let back = bot.line(&["health", "ac_service", "--wait", "60"], false).await;
    assert_eq!(back.code, 0, "{back:?}");
    stack.mend().await;
}

#[tokio::test]
async fn frozen_services_are_waited_for_side_by_side() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let time = async || {
        let started = Instant::now();
        bot.line(&["health"], false).await;
        started.elapsed()
    };
    stack.docker(&["pause", &stack.container("ac_service")]).await;
    let one = time().await;
    for service in ["fv_service", "gs_service", "pgc_service"] {
        stack.docker(&["pause", &stack.container(service)]).await;
    }
    let four = time().await;
    assert!(four < one * 2, "four frozen ones took {four:?}, one {one:?}: that is their sum");
    stack.mend().await;
}

#[tokio::test]
async fn a_full_database_still_tells_how_full_it_is() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    // The seat is taken while there are any: `serve` keeps it, so the question is asked on the web.
    let session = Chatter::log_in(&bot).await;
    session.ask("health").await;
    let taken = stack.take_every_seat().await;
    let card = session.ask("health").await;
    assert!(card.contains("full: every connection is taken"), "{card}");
    assert!(card.contains("of 60 connections used"), "{card}");
    drop(taken);
    stack.mend().await;
}

#[tokio::test]
async fn a_missing_part_is_one_line_and_the_rest_is_shown() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    stack.docker(&["stop", &stack.container("prometheus")]).await;
    let health = bot.line(&["health"], true).await;
    assert!(fact(&health, "Prometheus").starts_with("unavailable: "), "{}", health.out);
    assert!(fact(&health, "Alertmanager").starts_with("ready"), "{}", health.out);
    assert!(fact(&health, "PostgreSQL").starts_with("answers in"), "{}", health.out);
    stack.mend().await;
}

#[tokio::test]
async fn a_silence_is_told_beside_what_fires() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let id = stack.silence("alertname=HighLatency", "ada", "known, a ticket is open").await;
    let silenced = bot.line(&["health"], true).await;
    let words = fact(&silenced, "Alertmanager");
    assert!(words.contains("silenced: alertname=HighLatency until "), "{words}");
    assert!(words.contains(" by ada (known, a ticket is open)"), "{words}");
    stack.end_silence(&id).await;
    let over = bot.line(&["health"], true).await;
    assert!(!fact(&over, "Alertmanager").contains("silenced"), "{}", over.out);
}
