//! `links`: a server that speaks as Grafana does, beside the real Prometheus and PostgreSQL for the numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::bot::{Bot, Finished, Setup};
use e2e::grafana::{Grafana, TOKEN};
use e2e::people;
use e2e::platform::Platform;
use e2e::stack::Stack;
use e2e::wait::eventually;
use sqlx::Row as _;

/// A scrape and a rate are there in this time.
const SCRAPED: Duration = Duration::from_secs(60);

const DASHBOARDS: &str =
    "overview = \"o\"\nservices = \"s\"\nauth = \"a\"\ndatabase = \"d\"\nbilling = \"b\"";

fn with_grafana(setup: Setup, url: &str) -> Setup {
    setup
        .with(&format!(
            "[grafana]\nurl = {url:?}\nlink = \"https://grafana.example.com/g/?kiosk=secret#x\"\ntoken_env = \"GRAFANA_TOKEN\"\n[grafana.dashboards]\n{DASHBOARDS}"
        ))
        .with(&people::toml())
        .secret("GRAFANA_TOKEN", TOKEN)
}

/// Of each link: its sign and what was found; and its address.
fn shown(finished: &Finished) -> (BTreeMap<String, (String, String)>, BTreeMap<String, String>) {
    let json: serde_json::Value = serde_json::from_str(&finished.out).expect("a card as JSON");
    let rows: Vec<Vec<String>> =
        serde_json::from_value(json["card"]["sections"][0]["table"]["rows"].clone()).expect("a table");
    let facts: Vec<(String, String)> =
        serde_json::from_value(json["card"]["sections"][1]["facts"].clone()).expect("addresses");
    let found = rows.into_iter().map(|row| (row[1].clone(), (row[0].clone(), row[2].clone())));
    (found.collect(), facts.into_iter().collect())
}

#[tokio::test]
async fn every_link_is_asked_and_the_numbers_are_those_of_prometheus_and_the_database() {
    let stack = Stack::take().await;
    let grafana = Grafana::start(&["o", "s", "a", "d", "b"]).await;
    let bot = Bot::start(with_grafana(stack.setup(), grafana.url.as_str())).await;
    let well = eventually(SCRAPED, "a scrape of every service", async || {
        stack.visit("fv_service", "/api/ping").await;
        let well = bot.line(&["links"], true).await;
        well.out.contains("6 of 6 services up").then_some(well)
    })
    .await;
    // Numbers of tests before this one may still be high.
    assert!(well.out.contains("All 9 links work"), "{}", well.out);
    let (found, addresses) = shown(&well);
    assert!(found.values().all(|(sign, _)| sign == "ok"), "{found:?}");
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    let expected = [
        "Alertmanager",
        "Grafana",
        "Prometheus",
        "dashboard auth",
        "dashboard billing",
        "dashboard database",
        "dashboard overview",
        "dashboard services",
        "gateway (auth_service)",
    ];
    assert_eq!(names, expected);
    assert_eq!(addresses["dashboard overview"], "https://grafana.example.com/g/d/o");
    assert_eq!(addresses["Grafana"], "https://grafana.example.com/g");
    assert!(!well.out.contains("secret") && !well.out.contains(TOKEN), "{}", well.out);
    assert_eq!(found["dashboard billing"].1, "answers", "no number is made up");
    assert!(found["dashboard overview"].1.starts_with("6 of 6 services up; errors "), "{found:?}");

    // The number moves while tests before this one leave its window: both are asked until no scrape lay between.
    eventually(SCRAPED, "the slowest service's number", async || {
        let worst = stack.promql("histogram_quantile(0.95, sum by (le, service) (rate(acgs_http_request_duration_seconds_bucket[5m])))").await;
        let (_, seconds) = worst.iter().max_by(|a, b| a.1.total_cmp(b.1)).expect("services");
        let (found, _) = shown(&bot.line(&["links"], true).await);
        let told = &found["dashboard services"].1;
        let milliseconds: f64 = told.split(' ').nth(2).expect("a number").parse().expect("a number");
        let named = worst.iter().find(|(service, _)| told.contains(&format!("({service})"))).expect("a service");
        let near = |other: f64| (milliseconds - other * 1_000.0).abs() < 50.0;
        (near(*seconds) && near(*named.1)).then_some(())
    })
    .await;

    let mut database = stack.database().await;
    let used: i64 =
        sqlx::query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
            .fetch_one(&mut database)
            .await
            .unwrap()
            .get(0);
    // The line's own seat is gone, and this connection was not there.
    let told = &found["dashboard database"].1;
    let shown: i64 = told.split(' ').next().expect("a number").parse().expect("a number");
    assert!(told.ends_with(" of 60 connections used") && (shown - used).abs() <= 2, "{told} and {used}");
    stack.mend().await;
}

#[tokio::test]
async fn what_is_wrong_stands_beside_the_dashboard_that_would_show_it() {
    let stack = Stack::take().await;
    let grafana = Grafana::start(&["o", "s", "a", "d", "b"]).await;
    let bot = Bot::start(with_grafana(stack.setup(), grafana.url.as_str())).await;
    stack.docker(&["stop", &stack.container("gs_service")]).await;
    let sick = eventually(SCRAPED * 2, "refused logins and a service down", async || {
        for _ in 0..40 {
            stack.log_in_wrongly("auth_service").await;
        }
        let asked = bot.line(&["links"], true).await;
        (asked.out.contains("5 of 6 services up") && asked.out.contains("look at auth, ")).then_some(asked)
    })
    .await;
    assert_eq!(sick.code, 1, "{sick:?}");
    assert!(sick.out.contains("links work; look at auth, "), "{}", sick.out);
    assert!(sick.out.contains("auth failures"), "{}", sick.out);
    let (found, _) = shown(&sick);
    let direct = stack
        .promql("sum (rate(acgs_http_requests_total{endpoint=\"/auth/login\", status=~\"401|403\"}[5m]))")
        .await;
    let told = &found["dashboard auth"].1;
    let refused: f64 =
        told.trim_start_matches("refused logins ").trim_end_matches("/s").parse().expect("a rate");
    // A scrape may have come between the two.
    assert!((refused - direct[""]).abs() < direct[""].mul_add(0.5, 0.2), "{told} and {direct:?}");

    let database = stack.take_every_seat().await;
    let full = bot.line(&["links"], true).await;
    assert!(full.out.contains("not known") || full.out.contains("of 60 connections used"), "{}", full.out);
    drop(database);
    stack.docker(&["stop", &stack.container("prometheus")]).await;
    let (found, _) = shown(&bot.line(&["links"], true).await);
    assert_eq!(found["Prometheus"].0, "!!", "{found:?}");
    assert_eq!(found["dashboard services"], ("ok".to_owned(), "not known".to_owned()), "{found:?}");
    stack.mend().await;
}

#[tokio::test]
async fn a_link_that_leads_nowhere_is_told_from_one_that_wants_a_login() {
    let platform = Platform::start().await;
    let grafana = Grafana::start(&["o"]).await;
    let setup = Setup::default().with(&platform.toml());
    let bot = Bot::start(with_grafana(setup, grafana.url.as_str())).await;
    let asked = bot.line(&["links"], true).await;
    assert_eq!(asked.code, 1, "{asked:?}");
    let (found, _) = shown(&asked);
    assert_eq!(
        found["dashboard overview"],
        ("ok".to_owned(), "not configured; errors not configured".to_owned())
    );
    assert_eq!(found["dashboard auth"].0, "!!");
    assert!(found["dashboard auth"].1.starts_with("no dashboard of that uid"), "{found:?}");
    assert!(asked.out.contains("4 of 7 links do not work"), "{}", asked.out);

    let setup = Setup::default().with(&platform.toml());
    let setup = with_grafana(setup, grafana.url.as_str()).secret("GRAFANA_TOKEN", "glsa_old");
    let (found, _) = shown(&Bot::start(setup).await.line(&["links"], true).await);
    assert_eq!(found["Grafana"].0, "ok", "{found:?}");
    assert!(found["dashboard overview"].1.starts_with("wants a token"), "{found:?}");

    // Port 1 refuses.
    let setup = Setup::default().with(&platform.toml());
    let (found, addresses) =
        shown(&Bot::start(with_grafana(setup, "http://127.0.0.1:1")).await.line(&["links"], true).await);
    assert_eq!(found["Grafana"], ("!!".to_owned(), "no connection".to_owned()));
    assert_eq!(found["gateway (auth_service)"].0, "ok", "one bad link hides no other: {found:?}");
    assert!(addresses["gateway (auth_service)"].ends_with("/health"), "{addresses:?}");
}

#[tokio::test]
async fn no_password_of_any_address_is_shown() {
    let setup = Setup::default()
        .with("[prometheus]\nurl = \"http://reader:hunter22@127.0.0.1:1/prom?token=abc\"")
        .with("[public]\nhealth_url = \"http://me:hunter22@127.0.0.1:1/health?key=abc#abc\"")
        .with(&people::toml());
    let asked = Bot::start(setup).await.line(&["links"], true).await;
    assert_eq!(asked.code, 1, "{asked:?}");
    let (_, addresses) = shown(&asked);
    assert_eq!(addresses["Prometheus"], "http://127.0.0.1:1/prom");
    assert_eq!(addresses["public address"], "http://127.0.0.1:1/health");
    for secret in ["hunter22", "abc", "reader"] {
        assert!(!asked.out.contains(secret), "{secret} in {}", asked.out);
    }
}
