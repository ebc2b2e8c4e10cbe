//! Look-ups of the services' requests on the real platform, compared with PromQL asked directly.

use std::time::Duration;

use e2e::bot::{Bot, Finished};
use e2e::people;
use e2e::stack::Stack;
use e2e::wait::eventually;

/// A scrape and a rate are there in this time.
const SCRAPED: Duration = Duration::from_secs(90);

async fn bot(stack: &Stack) -> Bot {
    // One that is configured and that Prometheus knows nothing of.
    let unknown = "[[service]]\nname = \"unknown\"\nurl = \"http://127.0.0.1:9\"\n";
    Bot::start(stack.setup().with(unknown).with(&people::toml())).await
}

fn card(finished: &Finished) -> serde_json::Value {
    let json: serde_json::Value = serde_json::from_str(&finished.out).expect("a card as JSON");
    json["card"].clone()
}

fn rows(finished: &Finished) -> Vec<Vec<String>> {
    let sections = card(finished)["sections"].as_array().expect("sections").clone();
    let rows = sections.iter().find_map(|section| section["table"]["rows"].as_array().cloned());
    let rows = rows.unwrap_or_else(|| panic!("no table in {}", finished.out));
    rows.into_iter().map(|row| serde_json::from_value(row).expect("texts")).collect()
}

fn row(finished: &Finished, service: &str) -> Vec<String> {
    let found = rows(finished).into_iter().find(|row| row[0] == service);
    found.unwrap_or_else(|| panic!("no {service} in {}", finished.out))
}

/// `820 ms`, `1.20 s`.
fn seconds(words: &str) -> f64 {
    let number = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("no time: {words}"));
    match words.strip_suffix(" ms") {
        Some(milliseconds) => number(milliseconds) / 1_000.0,
        None => number(words.strip_suffix(" s").unwrap_or(words)),
    }
}

#[tokio::test]
async fn a_slow_service_is_named_with_the_quantile_of_prometheus() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    stack.sick("gs_service", "slow_ms=900").await;
    let asked = eventually(SCRAPED, "a slow gs_service", async || {
        stack.visit("gs_service", "/api/ping").await;
        let asked = bot.line(&["latency", "--window", "1m"], true).await;
        (asked.code == 1 && row(&asked, "gs_service")[1].starts_with("9")).then_some(asked)
    })
    .await;
    let title = card(&asked)["title"].as_str().unwrap().to_owned();
    assert!(title.contains("gs_service is slow: p95"), "{title}");
    assert_eq!(card(&asked)["tone"], "bad");
    assert_eq!(rows(&asked)[0][0], "gs_service", "the slowest comes first");
    let query = "histogram_quantile(0.95, sum by (le, service) (rate(acgs_http_request_duration_seconds_bucket[1m])))";
    let direct = stack.promql(query).await;
    // A scrape may have come between the two.
    let shown = seconds(&row(&asked, "gs_service")[1]);
    assert!((shown - direct["gs_service"]).abs() < 0.1, "{shown} and {direct:?}");
    let rates = stack.promql("sum by (service) (rate(acgs_http_request_duration_seconds_count[1m]))").await;
    let shown: f64 = row(&asked, "gs_service")[2].parse().unwrap();
    assert!((shown - rates["gs_service"]).abs() < 0.5, "{shown} and {rates:?}");
    assert_eq!(row(&asked, "unknown")[1..], ["not reported", "not reported"]);

    let top = bot.line(&["latency", "--window", "1m", "--top", "2"], true).await;
    assert_eq!(top.code, 1, "{top:?}");
    let slowest = rows(&top);
    assert_eq!(slowest.len(), 2, "{slowest:?}");
    assert_eq!(slowest[0][2], "gs_service", "{slowest:?}");
    let direct = stack
        .series("histogram_quantile(0.95, sum by (le, service, method, endpoint) (rate(acgs_http_request_duration_seconds_bucket[1m])))")
        .await;
    let named = |labels: &std::collections::BTreeMap<String, String>| {
        labels["service"] == slowest[0][2]
            && format!("{} {}", labels["method"], labels["endpoint"]) == slowest[0][3]
    };
    let (_, value) = direct.iter().find(|(labels, _)| named(labels)).expect("the endpoint is there");
    assert!((seconds(&slowest[0][0]) - value).abs() < 0.1, "{slowest:?} and {value}");
    stack.mend().await;
}

#[tokio::test]
async fn failed_logins_are_those_of_prometheus() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let asked = eventually(SCRAPED, "failed logins", async || {
        for _ in 0..20 {
            stack.log_in_wrongly("auth_service").await;
        }
        let asked = bot.line(&["auth", "failures", "--window", "1m"], true).await;
        // A series of requests that has just begun has no rate before its second scrape.
        (asked.code == 1 && asked.out.contains(" % of them")).then_some(asked)
    })
    .await;
    let title = card(&asked)["title"].as_str().unwrap().to_owned();
    assert!(title.starts_with("auth_service: ") && title.contains("failed logins"), "{title}");
    let first = rows(&asked).remove(0);
    assert_eq!(first[..2], ["auth_service", "bad_credentials"]);
    let direct = stack.series("sum by (service, reason) (rate(acgs_auth_failures_total[1m]))").await;
    let value = direct
        .iter()
        .find(|(labels, _)| labels["reason"] == "bad_credentials" && labels["service"] == "auth_service");
    let (shown, value) = (first[2].parse::<f64>().unwrap(), value.expect("a series").1);
    // A scrape may have come between the two: 20 more in a minute for each turn.
    assert!(shown > 0.5 && (shown - value).abs() < value * 0.7 + 0.2, "{shown} and {value}");
    let facts = card(&asked)["sections"].to_string();
    // A canary of another test may have been let in meanwhile.
    let share =
        facts.split(" % of them").next().and_then(|before| before.rsplit(' ').next()?.parse::<f64>().ok());
    assert!(share.is_some_and(|share| share > 50.0), "nearly every login was refused: {facts}");
    let well = bot.line(&["auth", "failures", "--window", "1d"], true).await;
    assert_eq!(well.code, 0, "a day is long: {well:?}");
}

#[tokio::test]
async fn an_attack_is_seen_and_the_quiet_after_a_restart_is_no_peace() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let before = bot.line(&["security", "watch", "--window", "1m"], true).await;
    assert_eq!(row(&before, "attack")[..2], ["attack", "high"], "an explicit zero: {before:?}");
    assert!(before.out.contains("Not reported by unknown."), "{}", before.out);
    stack.sick("fv_service", "attack=20").await;
    let asked = eventually(SCRAPED, "the attack", async || {
        let asked = bot.line(&["security", "watch", "--window", "1m"], true).await;
        let shown: f64 = row(&asked, "attack")[2].parse().unwrap_or_default();
        (shown >= 15.0).then_some(asked)
    })
    .await;
    assert_eq!((asked.code, &card(&asked)["tone"]), (1, &serde_json::json!("bad")), "{asked:?}");
    let direct =
        stack.series("sum by (event_type, severity) (increase(acgs_security_events_total[1m]))").await;
    let shown: f64 = row(&asked, "attack")[2].parse().unwrap();
    assert!((shown - direct[0].1).abs() < 6.0, "{shown} and {direct:?}");

    stack.docker(&["restart", &stack.container("fv_service")]).await;
    let asked = eventually(SCRAPED, "the restart", async || {
        let asked = bot.line(&["security", "watch", "--window", "1m"], true).await;
        asked.out.contains("fv_service was restarted once").then_some(asked)
    })
    .await;
    assert_eq!(asked.code, 1, "{asked:?}");
    let resets = stack.promql("max by (service) (resets(acgs_http_requests_total[1m]))").await;
    assert_eq!(resets["fv_service"], 1.0, "{resets:?}");
    stack.mend().await;
}
