//! Look-ups against the real platform, compared with what `docker`, SQL and PromQL say directly.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::bot::{Bot, Finished};
use e2e::people;
use e2e::stack::Stack;
use e2e::wait::eventually;
use sqlx::Row as _;

/// A scrape and a rate are there in this time.
const SCRAPED: Duration = Duration::from_secs(60);

async fn bot(stack: &Stack) -> Bot {
    Bot::start(stack.setup().with(&people::toml())).await
}

/// The rows of the card's table by their first cell.
fn table(finished: &Finished) -> BTreeMap<String, Vec<String>> {
    let json: serde_json::Value = serde_json::from_str(&finished.out).expect("a card as JSON");
    let sections = json["card"]["sections"].as_array().expect("sections").clone();
    let table = sections.iter().find_map(|section| section["table"]["rows"].as_array().cloned());
    let rows = table.unwrap_or_else(|| panic!("no table in {}", finished.out));
    let cells = |row: serde_json::Value| serde_json::from_value::<Vec<String>>(row).expect("texts");
    rows.into_iter().map(cells).map(|row| (row[0].clone(), row)).collect()
}

#[tokio::test]
async fn ps_shows_what_docker_shows() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let well = bot.line(&["ps"], true).await;
    assert_eq!(well.code, 0, "{well:?}");
    let label = format!("label=com.docker.compose.project={}", stack.project());
    let format = "{{.Label \"com.docker.compose.service\"}} {{.Names}}";
    let listed = stack.docker(&["ps", "--all", "--filter", &label, "--format", format]).await;
    let shown: BTreeMap<_, _> =
        table(&well).into_iter().map(|(service, row)| (service, row[2].clone())).collect();
    let expected: BTreeMap<_, _> = listed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(service, name)| (service.to_owned(), name.to_owned()))
        .collect();
    assert_eq!(shown, expected);

    stack.docker(&["kill", &stack.container("fv_service")]).await;
    stack.docker(&["pause", &stack.container("gs_service")]).await;
    let sick = bot.line(&["ps"], true).await;
    assert_eq!(sick.code, 1, "{sick:?}");
    assert!(sick.out.contains("2 of "), "{}", sick.out);
    let rows = table(&sick);
    assert!(rows["fv_service"][1].contains("exited") && rows["fv_service"][1].contains("137"), "{rows:?}");
    assert!(rows["gs_service"][1].starts_with("paused"), "{rows:?}");
    stack.mend().await;
}

#[tokio::test]
async fn connections_are_those_of_the_server() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let mut database = stack.database().await;
    sqlx::query("BEGIN").execute(&mut database).await.unwrap();
    let asked = bot.line(&["db", "connections"], true).await;
    assert_eq!(asked.code, 0, "{asked:?}");
    let json: serde_json::Value = serde_json::from_str(&asked.out).unwrap();
    let rows = json["card"]["sections"][0]["table"]["rows"].as_array().unwrap().clone();
    let shown = |state: &str| -> i64 {
        let of = rows.iter().filter(|row| row[1] == state && row[4] == "acgs_user");
        of.map(|row| row[0].as_str().unwrap().parse::<i64>().unwrap()).sum()
    };
    let counted: i64 = sqlx::query(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename = 'acgs_user' \
         AND state = 'idle'",
    )
    .fetch_one(&mut database)
    .await
    .unwrap()
    .get(0);
    assert_eq!(shown("idle"), counted, "{}", asked.out);
    assert_eq!(shown("idle in transaction"), 1, "{}", asked.out);
    assert!(asked.out.contains(" of 60 connections used"), "{}", asked.out);
}

#[tokio::test]
async fn the_canary_logs_in_and_each_fault_of_logins_has_its_own_word() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let works = bot.line(&["auth", "test"], false).await;
    assert_eq!(works.code, 0, "{works:?}");
    assert!(works.out.contains("Logins work") && works.out.contains("got a token in"), "{}", works.out);

    let wrong = stack.setup().secret("STACK_CANARY_PASSWORD", "wrong").with(&people::toml());
    let refused = Bot::start(wrong).await.line(&["auth", "test"], false).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.out.contains("The canary was refused (401)"), "{}", refused.out);
    assert!(!refused.out.contains("wrong"), "the password is nobody's business: {}", refused.out);

    stack.docker(&["pause", &stack.container("auth_service")]).await;
    let frozen = bot.line(&["auth", "test"], false).await;
    assert!(frozen.out.contains("did not answer in time"), "{}", frozen.out);
    stack.docker(&["unpause", &stack.container("auth_service")]).await;
    stack.docker(&["stop", &stack.container("auth_service")]).await;
    let dead = bot.line(&["auth", "test"], false).await;
    assert!(dead.out.contains("can't be reached: no connection"), "{}", dead.out);
    stack.mend().await;
}

#[tokio::test]
async fn a_deep_look_finds_what_a_look_does_not() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let signs = async || -> BTreeMap<String, String> {
        let looked = bot.line(&["health", "--deep"], true).await;
        let json: serde_json::Value = serde_json::from_str(&looked.out).expect("a card as JSON");
        let rows = json["card"]["sections"][0]["table"]["rows"].as_array().expect("a table").clone();
        let cell = |row: &serde_json::Value, at: usize| row[at].as_str().expect("a text").to_owned();
        rows.iter().map(|row| (cell(row, 1), cell(row, 0))).collect()
    };
    // Errors of tests before this one may still be in Prometheus' last minutes.
    let well = signs().await;
    for check in ["health", "login", "reads", "targets"] {
        assert_eq!(well[check], "ok", "{check} in {well:?}");
    }

    // `/health` has no part in `err_pct`: everything is green and nothing can be read.
    stack.sick("fv_service", "err_pct=100").await;
    assert_eq!(bot.line(&["health"], false).await.code, 0);
    let sick = signs().await;
    assert_eq!((sick["health"].as_str(), sick["reads"].as_str()), ("ok", "!!"), "{sick:?}");
    let broken = bot.line(&["health", "--deep"], false).await;
    assert_eq!(broken.code, 1, "{broken:?}");
    assert!(broken.out.contains("The platform does not work: "), "{}", broken.out);
    assert!(broken.out.contains("fv_service: 500 "), "{}", broken.out);
    stack.mend().await;
}

#[tokio::test]
async fn errors_are_those_of_prometheus_and_no_error_is_an_explicit_0() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    stack.sick("fv_service", "err_pct=100").await;
    let asked = eventually(SCRAPED, "errors of fv_service", async || {
        stack.visit("fv_service", "/api/ping").await;
        let asked = bot.line(&["errors", "--window", "1m"], true).await;
        (asked.code == 1).then_some(asked)
    })
    .await;
    let rows = table(&asked);
    assert_eq!(rows.len(), 6, "{rows:?}");
    assert_eq!(rows["ac_service"][1..3], ["0.0 %", "0.00"], "{rows:?}");
    let direct = stack
        .promql("sum by (service) (rate(acgs_http_requests_total{status=~\"5..\"}[1m])) / on (service) sum by (service) (rate(acgs_http_requests_total[1m]))")
        .await;
    let shown: f64 = rows["fv_service"][1].trim_end_matches(" %").parse().unwrap();
    // A scrape may have come between the two.
    assert!((shown - direct["fv_service"] * 100.0).abs() < 15.0, "{shown} and {direct:?}");
    stack.mend().await;
}

#[tokio::test]
async fn quotes_and_options_in_the_place_of_names_do_nothing() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let mut database = stack.database().await;
    let state = async |database: &mut sqlx::postgres::PgConnection| -> (i64, i64) {
        let counted = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM pg_class)";
        sqlx::query_as(counted).fetch_one(database).await.unwrap()
    };
    let before = state(&mut database).await;
    for line in [
        &["logs", "x'; DROP TABLE users; --"][..],
        &["logs", "\"} or vector(1) or up{a=\""],
        &["logs", "$(reboot)"],
        &["logs", "../auth_service"],
        &["logs", "--", "--help"],
        &["health", "--", "--help"],
        &["health", "auth_service'"],
        &["stats", "`id`"],
        &["query", "x'; DELETE FROM users; --"],
        &["query", "up{job=\"acgs\"}"],
        &["runbook", "show", "../../etc/passwd"],
        &["errors", "--window", "5m]) or vector(1) #"],
        &["latency", "--quantile", "0.95, up)"],
        &["db", "slow", "--by", "total; SELECT 1"],
    ] {
        let asked = bot.line(line, false).await;
        assert_ne!(asked.code, 0, "{line:?}: {asked:?}");
        assert!(!asked.out.contains("failed inside"), "{line:?}: {}", asked.out);
    }
    assert_eq!(state(&mut database).await, before);
}

#[tokio::test]
async fn a_part_that_can_not_be_asked_is_named_by_every_look_up_that_needs_it() {
    let stack = Stack::take().await;
    let refused = "unix:///no/such/docker.sock";
    let without = Bot::start(stack.setup_at(refused).with(&people::toml())).await;
    for line in [
        &["ps"][..],
        &["logs", "gs_service"],
        &["stats"],
        &["deploy", "list"],
        &["security", "events"],
        &["security", "review"],
    ] {
        let asked = without.line(line, false).await;
        assert_eq!(asked.code, 1, "{line:?}: {asked:?}");
        assert!(asked.out.contains("Docker"), "{line:?}: {}", asked.out);
        assert!(asked.out.contains("/no/such/docker.sock"), "{line:?}: {}", asked.out);
    }
    let bot = bot(&stack).await;
    stack.docker(&["stop", &stack.container("prometheus")]).await;
    for line in [
        &["errors"][..],
        &["latency"],
        &["latency", "--top", "3"],
        &["auth", "failures"],
        &["security", "watch"],
        &["stats", "--trend", "1h"],
    ] {
        let asked = bot.line(line, false).await;
        assert_eq!(asked.code, 1, "{line:?}: {asked:?}");
        assert!(asked.out.contains("Prometheus could not be asked"), "{line:?}: {}", asked.out);
        assert!(asked.out.contains("nobody listens there"), "{line:?}: {}", asked.out);
    }
    // What does not need it is answered, and says what it lacks.
    let connections = bot.line(&["db", "connections"], false).await;
    assert_eq!(connections.code, 0, "{connections:?}");
    assert!(connections.out.contains("No picture of how it went"), "{}", connections.out);
    stack.mend().await;
}
