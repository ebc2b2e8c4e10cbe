//! `health SERVICE --watch`: silence while nothing changes, a message when something does, and a verdict.

use std::time::{Duration, Instant};

use e2e::bot::{Bot, Setup};
use e2e::people::{self, CY};
use e2e::platform::Platform;
use e2e::slack::{APP_TOKEN, AckOutcome, BOT_TOKEN, SlackOptions, SlackServer};
use e2e::stack::Stack;
use e2e::wait::eventually;

const ROOM: &str = "C0INCIDENT";
/// Two looks and a message.
const SOON: Duration = Duration::from_secs(20);
/// A scrape is there in this time.
const SCRAPED: Duration = Duration::from_secs(60);
/// The shortest watch, and its end.
const WHOLE: Duration = Duration::from_secs(90);

/// The number after `label` on its line, and the one before `" meanwhile"`.
fn compared(said: &str, label: &str) -> String {
    let line = said.lines().find(|line| line.trim_start().starts_with(label) && line.contains(" before, "));
    line.unwrap_or_else(|| panic!("no {label} in {said}")).trim().to_owned()
}

#[tokio::test]
async fn on_the_real_stack_each_change_is_printed_at_once_and_the_verdict_compares_with_before() {
    let stack = Stack::take().await;
    let bot = Bot::start(stack.setup().with(&people::toml())).await;
    // A counter's first scrape is no increase: there have to be errors before those that are counted.
    let errors = "sum by (service) (acgs_http_requests_total{service=\"fv_service\", status=~\"5..\"})";
    stack.sick("fv_service", "down=1&err_pct=100").await;
    eventually(SCRAPED, "errors to be reported", async || {
        stack.visit("fv_service", "/api/ping").await;
        stack.promql(errors).await.get("fv_service").copied()
    })
    .await;
    stack.mend().await;
    let mut watch = bot.begin(&["health", "fv_service", "--watch", "1m"]);
    watch.says("Watching fv_service for 1m", SOON).await;
    let started = Instant::now();
    stack.sick("fv_service", "down=1&err_pct=100").await;
    watch.says("fv_service is sick", SOON).await;
    watch.says("answers 503", SOON).await;
    let known = stack.promql(errors).await["fv_service"];
    eventually(SOON, "more errors to be reported", async || {
        for _ in 0..20 {
            stack.visit("fv_service", "/api/ping").await;
        }
        (stack.promql(errors).await["fv_service"] > known + 10.0).then_some(())
    })
    .await;
    stack.sick("fv_service", "well=1").await;
    watch.says("fv_service is well again", SOON).await;
    stack.docker(&["restart", &stack.container("fv_service")]).await;
    watch.says("fv_service was restarted", SOON).await;
    // The Engine says how: SIGTERM, its end, its new start.
    watch.says("Docker: sent signal 15, ended with code 0, stopped, started", SOON).await;
    assert!(started.elapsed() < Duration::from_secs(55), "all before the end: {:?}", started.elapsed());
    let code = watch.ends(WHOLE).await;
    assert!(started.elapsed() > Duration::from_secs(50), "{:?}", started.elapsed());
    let said = watch.said();
    assert_eq!(code, 1, "{said}");
    let verdict = said.split("fv_service is well after 1m").nth(1).unwrap_or_else(|| panic!("{said}"));
    assert!(verdict.contains("restarted once"), "{verdict}");
    let looks: u32 =
        verdict.split("looks").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    assert!((8..=14).contains(&looks), "every five seconds: {verdict}");

    let ended = verdict.split(" to ").nth(1).expect("the end");
    let ended: jiff::Timestamp = format!("{}T{}Z", &ended[..10], &ended[11..19]).parse().expect("a time");
    let began = verdict.split("watched from ").nth(1).expect("the beginning");
    let began: jiff::Timestamp = format!("{}T{}Z", &began[..10], &began[11..19]).parse().expect("a time");
    let ratio = async |at: jiff::Timestamp| {
        let of = |status: &str| {
            format!(
                "sum by (service) (rate(acgs_http_requests_total{{service=\"fv_service\"{status}}}[1m] @ {}))",
                at.as_second()
            )
        };
        let (all, errors) = (stack.promql(&of("")).await, stack.promql(&of(", status=~\"5..\"")).await);
        all.get("fv_service").map(|all| errors.get("fv_service").copied().unwrap_or(0.0) / all * 100.0)
    };
    let line = compared(verdict, "errors");
    let meanwhile: f64 = line.split(" before, ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let direct = ratio(ended).await.expect("traffic meanwhile");
    // The footer's times are cut to seconds.
    assert!((meanwhile - direct).abs() < 15.0 && meanwhile > 5.0, "{line} and {direct}");
    let before = line.trim_start_matches("errors").trim_start_matches(':').trim();
    match ratio(began).await {
        Some(ratio) if ratio.is_finite() => {
            let shown: f64 = before.split(' ').next().unwrap().parse().unwrap();
            assert!((shown - ratio).abs() < 15.0, "{line} and {ratio}");
        }
        _ => assert!(before.starts_with("no traffic") || before.starts_with("not reported"), "{line}"),
    }
    assert!(compared(verdict, "p95").contains(" meanwhile"), "{verdict}");
    stack.mend().await;
}

#[tokio::test]
async fn on_slack_a_change_is_a_new_message_and_nothing_else_is_written_even_over_a_restart() {
    let slack = SlackServer::start(SlackOptions::default()).await;
    let platform = Platform::start().await;
    let setup = Setup::default()
        .with(&format!("[slack]\napi_url = {:?}\nmode = \"socket\"", slack.api_url().as_str()))
        .with(&people::toml())
        .with(&platform.toml())
        .room(&format!("slack:{ROOM}"))
        .secret("SLACK_BOT_TOKEN", BOT_TOKEN)
        .secret("SLACK_APP_TOKEN", APP_TOKEN);
    let mut bot = Bot::start(setup).await;
    slack.wait_sockets(2, SOON).await;
    let looked = async |bot: &Bot, times: f64| {
        eventually(Duration::from_secs(40), "looks", async || {
            let looks = bot.metric("acgs_probe_results_total", &["service=\"ac_service\""]).await;
            (looks >= times).then_some(())
        })
        .await;
    };
    let typed = Instant::now();
    let ack = slack.slash(CY, ROOM, "health ac_service --watch 1m").await;
    assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{ack:?}");
    let answer =
        slack.wait_message(|message| message.visible().contains("Watching ac_service for 1m"), SOON).await;
    looked(&bot, 3.0).await;
    assert_eq!((slack.messages().len(), slack.calls("chat.update")), (1, 0), "silence while nothing changes");

    platform.sick("ac_service", "hang=1").await;
    let news = slack.wait_message(|message| message.visible().contains("ac_service is sick"), SOON).await;
    assert_ne!(news.ts, answer.ts, "an edit notifies nobody");
    assert_eq!((news.channel.as_str(), news.only_for.as_deref()), (ROOM, None));
    assert!(news.visible().contains("frozen"), "{}", news.visible());
    assert_eq!((slack.messages().len(), slack.calls("chat.update")), (2, 0));

    let asked = Instant::now();
    let status = bot.stop().await;
    assert!(status.success() && asked.elapsed() < Duration::from_secs(5), "{status:?} {:?}", asked.elapsed());
    platform.sick("ac_service", "well=1").await;
    bot.restart().await;
    // Longer than the lease of a command that does not wait: nobody may take it up a second time.
    looked(&bot, 5.0).await;
    assert_eq!((slack.messages().len(), slack.calls("chat.update")), (2, 0), "the first look is nothing new");
    let verdict = slack
        .wait_message(|message| message.visible().contains("ac_service stayed well for 1m"), WHOLE)
        .await;
    assert!(verdict.visible().contains("I was restarted meanwhile"), "{}", verdict.visible());
    assert_eq!(verdict.ts, answer.ts, "the one answer has the verdict");
    assert!(typed.elapsed() < Duration::from_secs(80), "it ended when it should have: {:?}", typed.elapsed());
    assert_eq!((slack.messages().len(), slack.calls("chat.update")), (2, 1));
    assert_eq!(bot.log().matches("taking up an unfinished delivery").count(), 1);
    slack.assert_clean();
}
