//! Pictures of numbers over time: what they say is compared with Prometheus asked directly, and each way out shows
//! them.

use std::time::Duration;

use e2e::bot::{Bot, Finished};
use e2e::browser::{Browser, Screen};
use e2e::discord::{APPLICATION, BOT_TOKEN as DISCORD_TOKEN, CHANNEL, DiscordOptions, DiscordServer, GUILD};
use e2e::people::{self, CY, CY_DISCORD};
use e2e::slack::{APP_TOKEN, BOT_TOKEN, SlackOptions, SlackServer};
use e2e::stack::Stack;
use e2e::wait::eventually;
use serde_json::Value;

const ROOM: &str = "C0INCIDENT";
const SOON: Duration = Duration::from_secs(10);
/// A scrape, a rate and a moment of the picture are there in this time.
const SCRAPED: Duration = Duration::from_secs(120);
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// What a phone on a bad line still loads at once.
const MOST_BYTES: usize = 60_000;

async fn bot(stack: &Stack) -> Bot {
    Bot::start(stack.setup().with(&people::toml())).await
}

fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.out).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
}

fn rows(finished: &Finished) -> Vec<Vec<String>> {
    let sections = json(finished)["card"]["sections"].as_array().cloned().unwrap_or_default();
    let table = sections.iter().find_map(|section| section["table"]["rows"].as_array().cloned());
    let rows = table.unwrap_or_else(|| panic!("no table in {}", finished.out));
    rows.into_iter().map(|row| serde_json::from_value(row).unwrap()).collect()
}

/// What the picture is said to show, after a look at its file, which is taken away.
fn shown(finished: &Finished) -> String {
    let picture = &json(finished)["picture"];
    let path = picture["path"].as_str().unwrap_or_else(|| panic!("no picture: {finished:?}"));
    let png = std::fs::read(path).unwrap();
    std::fs::remove_file(path).unwrap();
    assert!(png.starts_with(PNG) && png.len() < MOST_BYTES, "{} bytes", png.len());
    picture["alt"].as_str().unwrap().to_owned()
}

/// The number after `name at most`, with its unit.
fn at_most(alt: &str, name: &str) -> (f64, String) {
    let rest = alt.split(&format!("{name} at most ")).nth(1).unwrap_or_else(|| panic!("no {name}: {alt}"));
    let words = rest.split([',', ';']).next().unwrap();
    let (number, unit) = words.split_once(' ').unwrap_or((words, ""));
    (number.parse().unwrap_or_else(|_| panic!("no number: {words}")), unit.to_owned())
}

/// The greatest of an hour.
fn greatest(promql: &str) -> String {
    format!("max_over_time(({promql})[1h:5s])")
}

#[tokio::test]
async fn a_picture_says_what_prometheus_says() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    stack.sick("gs_service", "slow_ms=1500").await;
    // The moments of the two are not the same, but while nothing changes so is what they see.
    let slow = eventually(SCRAPED, "a picture of a slow gs_service as Prometheus has it", async || {
        stack.visit("gs_service", "/api/ping").await;
        let alt = shown(&bot.line(&["latency"], true).await);
        let (seconds, unit) = at_most(&alt, "gs_service");
        let direct = stack
            .promql(&greatest("histogram_quantile(0.95, sum by (le, service) (rate(acgs_http_request_duration_seconds_bucket[5m])))"))
            .await;
        let same = (seconds - direct.get("gs_service")?).abs() < 0.05;
        // The alert fires by now, and where it began is marked.
        (unit == "s" && same && !alt.contains("alerts: 0")).then_some(alt)
    })
    .await;
    assert!(slow.starts_with("Time of answers (p95)"), "{slow}");

    stack.sick("fv_service", "err_pct=100").await;
    eventually(SCRAPED, "a picture of the errors of fv_service as Prometheus has them", async || {
        stack.visit("fv_service", "/api/ping").await;
        let alt = shown(&bot.line(&["errors"], true).await);
        let (percent, unit) = at_most(&alt, "fv_service");
        let direct = stack
            .promql(&greatest("sum by (service) (rate(acgs_http_requests_total{status=~\"5..\"}[5m])) / sum by (service) (rate(acgs_http_requests_total[5m]))"))
            .await;
        let same = (percent - direct.get("fv_service")? * 100.0).abs() < 3.0;
        (unit == "%" && percent > 5.0 && same).then_some(())
    })
    .await;
    // What is to be learnt of an incident has the same numbers, in a picture and in the document.
    let opened =
        bot.line(&["incident", "open", "P2", "fv_service fails", "--service", "fv_service"], false).await;
    assert!(opened.out.contains("Incident 1 is open"), "{opened:?}");
    let made = bot.line(&["incident", "postmortem", "--number", "1"], true).await;
    let (percent, _) = at_most(&shown(&made), "fv_service");
    let document = json(&made)["file"]["content"].as_str().unwrap_or_default().to_owned();
    let plots = document.split("## Plots").nth(1).unwrap_or_else(|| panic!("no plots: {document}"));
    let line = plots.lines().find(|line| line.starts_with("fv_service")).unwrap_or_else(|| panic!("{plots}"));
    assert!(line.contains('█') && line.contains(&format!("at most {percent} %")), "{percent} in {line}");
    assert!(plots.contains("Time of answers (p95)") && !plots.contains("gs_service"), "{plots}");
    stack.mend().await;
}

#[tokio::test]
async fn connections_over_time_are_those_of_the_server() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let mut seats = Vec::new();
    while seats.len() < 25 {
        seats.push(stack.database().await);
    }
    let alt = eventually(SCRAPED, "a picture with 25 more connections", async || {
        let alt = shown(&bot.line(&["db", "connections"], true).await);
        let direct = stack.series(&greatest("sum(pg_stat_activity_count)")).await;
        let (all, _) = at_most(&alt, "all");
        (all >= 25.0 && (all - direct[0].1).abs() < 0.5).then_some(alt)
    })
    .await;
    assert!(alt.starts_with("Database connections"), "{alt}");
    drop(seats);
}

#[tokio::test]
async fn memory_that_grows_is_told_from_memory_of_a_service_that_began_anew() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let row = |asked: &Finished, service: &str| -> Vec<String> {
        rows(asked).into_iter().find(|row| row[0] == service).unwrap()
    };
    stack.sick("integrity_service", "leak_mb=200").await;
    let grown = eventually(SCRAPED, "a growing integrity_service", async || {
        let asked = bot.line(&["stats", "--trend", "10m"], true).await;
        let _ = shown(&asked);
        (asked.code == 1).then_some(asked)
    })
    .await;
    let title = json(&grown)["card"]["title"].as_str().unwrap().to_owned();
    assert!(title.starts_with("integrity_service needs more and more memory: +"), "{title}");
    let direct = stack.promql("sum by (service) (process_resident_memory_bytes)").await;
    let now = row(&grown, "integrity_service")[1].clone();
    let megabytes: f64 = now.strip_suffix(" MB").unwrap_or_else(|| panic!("{now}")).parse().unwrap();
    assert!((megabytes - direct["integrity_service"] / 1e6).abs() < 10.0, "{now} and {direct:?}");

    stack.docker(&["restart", &stack.container("fv_service")]).await;
    let anew = eventually(SCRAPED, "fv_service that began anew", async || {
        let asked = bot.line(&["stats", "--trend", "10m"], true).await;
        let alt = shown(&asked);
        let restarted = row(&asked, "fv_service")[2] == "restarted" && !alt.contains("Restarts: 0");
        restarted.then_some(asked)
    })
    .await;
    assert_ne!(row(&anew, "fv_service")[3], "0");
    let one = bot.line(&["stats", "ac_service", "--trend", "10m"], true).await;
    assert_eq!(rows(&one).len(), 1, "{one:?}");
    assert!(!shown(&one).contains("gs_service"));
    stack.mend().await;
}

#[tokio::test]
async fn slack_and_discord_and_the_page_show_it() -> anyhow::Result<()> {
    let stack = Stack::take().await;
    let slack = SlackServer::start(SlackOptions::default()).await;
    let discord = DiscordServer::start(DiscordOptions::default()).await;
    let setup = stack
        .setup()
        .with(&format!("[slack]\napi_url = {:?}", slack.api_url().as_str()))
        .with(&format!(
            "[discord]\napi_url = {:?}\napplication_id = \"{APPLICATION}\"\nguild_id = \"{GUILD}\"",
            discord.api_url().as_str()
        ))
        .with("[web]\nlisten = \"127.0.0.1:0\"")
        .with(&people::toml())
        .room(&format!("slack:{ROOM}"))
        .room(&format!("discord:{CHANNEL}"))
        .room("web:incidents")
        .secret("SLACK_BOT_TOKEN", BOT_TOKEN)
        .secret("SLACK_APP_TOKEN", APP_TOKEN)
        .secret("DISCORD_TOKEN", DISCORD_TOKEN);
    let bot = Bot::start(setup).await;
    slack.wait_sockets(2, SOON).await;
    discord.wait_ready(SOON).await;
    eventually(SCRAPED, "numbers to draw", async || {
        let asked = bot.line(&["errors"], true).await;
        let path = json(&asked)["picture"]["path"].as_str().map(str::to_owned)?;
        std::fs::remove_file(path).ok()
    })
    .await;

    slack.slash(CY, ROOM, "errors").await;
    let upload = slack.wait_upload("errors.png", SOON).await;
    let png = upload.content.unwrap();
    assert!(png.starts_with(PNG) && png.len() < MOST_BYTES, "{} bytes", png.len());
    assert_eq!(upload.channel.as_deref(), Some(ROOM));
    assert!(upload.alt.unwrap().starts_with("Server errors of all answers"));
    let card = slack.wait_message(|message| message.visible().contains("errors.png"), SOON).await;
    assert!(card.visible().contains("gs_service"), "{}", card.visible());

    let ack = discord.slash(CY_DISCORD, CHANNEL, &["errors"], &[]).await;
    let answer = discord.wait_answer(ack.interaction(), SOON).await;
    let [file] = &answer.files[..] else { panic!("{answer:?}") };
    assert!(file.content.starts_with(PNG), "{}", file.name);
    let embeds = answer.body["embeds"].as_array().unwrap();
    assert_eq!(embeds.last().unwrap()["image"]["url"], "attachment://errors.png");

    let link = bot.run(&["web-login", "Cy"]).await;
    let browser = Browser::start(Screen::PHONE).await?;
    let path = link.out.trim().split_once("/login").expect("a link").1;
    browser.open(&format!("http://{}/login{path}", bot.web.expect("the setup has [web]"))).await?;
    browser.find("#redeem").await?.click().await?;
    browser.wait_until("document.querySelector('#connection')?.dataset.state === 'live'").await?;
    browser.type_keys("errors\u{e007}").await?;
    browser.wait_until("document.querySelector('.picture img')?.naturalWidth === 900").await?;
    let alt = browser.evaluate("document.querySelector('.picture img').alt").await?;
    assert!(alt.as_str().unwrap().starts_with("Server errors of all answers"), "{alt}");
    // No wider than the phone.
    let fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
    assert_eq!(browser.evaluate(fits).await?, Value::Bool(true));
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());
    slack.assert_clean();
    discord.assert_clean();
    Ok(())
}
