//! Alerts of a real Alertmanager: listed, and one of them silenced.

use std::time::Duration;

use e2e::bot::Bot;
use e2e::people;
use e2e::stack::Stack;
use e2e::wait::eventually;

const SOON: Duration = Duration::from_secs(15);

#[tokio::test]
async fn an_alert_is_listed_and_silenced_by_its_own_name() {
    let stack = Stack::take().await;
    let bot = Bot::start(stack.setup().with(&people::toml())).await;
    let client = e2e::stack::client();
    let api = format!("{}/api/v2", stack.alertmanager_url().trim_end_matches('/'));
    let alert = serde_json::json!([{
        "labels": {"alertname": "AlertFlow", "severity": "P2", "service": "gs_service"},
        "annotations": {"summary": "a test of its own"},
    }]);
    let posted =
        client.post(format!("{api}/alerts")).json(&alert).send().await.expect("Alertmanager answers");
    assert!(posted.status().is_success(), "{}", posted.status());
    let row = eventually(SOON, "the alert", async || {
        let listed = bot.line(&["alert", "list"], false).await;
        listed.out.lines().find(|line| line.contains("AlertFlow")).map(str::to_owned)
    })
    .await;
    assert!(row.contains("gs_service") && row.contains("P2") && row.contains("fires for"), "{row}");
    let id = row.split_whitespace().next().expect("its id").to_owned();
    let silenced = bot.line(&["alert", "silence", &id, "1h", "known and being mended"], false).await;
    assert!(silenced.code == 0 && silenced.out.contains("Silenced: AlertFlow"), "{silenced:?}");
    eventually(SOON, "the silence", async || {
        let listed = bot.line(&["alert", "list"], false).await;
        let row = listed.out.lines().find(|line| line.contains("AlertFlow")).map(str::to_owned);
        row.filter(|row| row.contains("held back"))
    })
    .await;
    let silences: serde_json::Value =
        client.get(format!("{api}/silences")).send().await.expect("an answer").json().await.expect("JSON");
    let made =
        silences.as_array().expect("a list").iter().find(|made| made["comment"] == "known and being mended");
    let made = made.expect("the silence");
    assert_eq!(made["createdBy"], "Ada");
    assert_eq!(made["matchers"].as_array().map(Vec::len), Some(3), "exactly this alert: {made}");
    let none = bot.line(&["alert", "silence", "0000", "1h", "x"], false).await;
    assert!(none.code == 1 && none.out.contains("Which alert?"), "{none:?}");
    let id = made["id"].as_str().expect("an id");
    client.delete(format!("{api}/silence/{id}")).send().await.expect("an answer");
}
