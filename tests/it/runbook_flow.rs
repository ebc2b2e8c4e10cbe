//! Investigations in several steps, against the real platform.

use std::time::{Duration, Instant};

use e2e::bot::{Bot, run_alone, run_with};
use e2e::people::{self, CY};
use e2e::slack::{APP_TOKEN, BOT_TOKEN, SlackOptions, SlackServer};
use e2e::stack::Stack;

const ROOM: &str = "C0INCIDENT";
const SOON: Duration = Duration::from_secs(15);

async fn bot(stack: &Stack) -> Bot {
    Bot::start(stack.setup().with(&people::toml())).await
}

#[tokio::test]
async fn an_investigation_ends_with_what_is_suspicious_and_what_to_type_next() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    stack.sick("fv_service", "down=1").await;
    let sick = bot.line(&["runbook", "run", "service-down", "fv_service"], false).await;
    assert_eq!(sick.code, 1, "{sick:?}");
    for words in [
        "service-down fv_service: ",
        "service: fv_service is sick",
        "platform: 1 of 6 services is sick",
        "(P1) (fv_service: answers 503",
        "next: acgs run -- health fv_service --wait 60",
        "== health fv_service",
        "== db connections",
    ] {
        assert!(sick.out.contains(words), "{words:?} in {}", sick.out);
    }
    stack.mend().await;
    let well = bot.line(&["runbook", "run", "db-connections"], false).await;
    assert_eq!(well.code, 0, "{well:?}");
    assert!(well.out.contains("db-connections: nothing suspicious"), "{}", well.out);
}

#[tokio::test]
async fn a_step_without_its_service_is_left_out_and_a_condition_is_kept() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let no_service = bot.line(&["runbook", "run", "service-down"], false).await;
    assert!(no_service.out.contains("not asked: it needs a SERVICE"), "{}", no_service.out);
    assert!(
        no_service.out.contains("next: acgs run -- runbook run service-down SERVICE"),
        "{}",
        no_service.out
    );
    // Errors of tests before this one are still in Prometheus' last minutes, or not any more.
    let errors = bot.line(&["runbook", "run", "high-error-rate"], false).await;
    let row = |step: &str| {
        let found = errors.out.lines().find(|line| line.split_whitespace().nth(1) == Some(step));
        let skipped = errors.out.lines().find(|line| line.trim_start().starts_with(step));
        found.or(skipped).unwrap_or_else(|| panic!("no {step} in {}", errors.out))
    };
    let (quiet, skipped) = (row("now").starts_with("ok"), row("containers").ends_with("not needed so far"));
    assert_eq!(quiet, skipped, "{}", errors.out);
    let unknown = bot.line(&["runbook", "run", "service-dwn"], false).await;
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.out.contains("Did you mean service-down?"), "{}", unknown.out);
    let list = bot.line(&["runbook", "list"], false).await;
    assert!(list.out.contains("service-down") && list.out.contains("A service is down"), "{}", list.out);
    let show = bot.line(&["runbook", "show", "high-error-rate"], false).await;
    assert!(show.out.contains("connections, when now is bad"), "{}", show.out);
    stack.mend().await;
}

#[tokio::test]
async fn steps_run_side_by_side() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    stack.docker(&["pause", &stack.container("gs_service")]).await;
    let time = async |line: &[&str]| {
        let started = Instant::now();
        bot.line(line, false).await;
        started.elapsed()
    };
    // Two of its steps wait for the frozen service, each for the whole of a deadline.
    let one = time(&["health", "gs_service"]).await;
    let all = time(&["runbook", "run", "service-down", "gs_service"]).await;
    assert!(one > Duration::from_secs(1), "frozen: {one:?}");
    assert!(all < one * 2, "all steps took {all:?}, one alone {one:?}: that is their sum");
    stack.mend().await;
}

#[tokio::test]
async fn a_runbook_file_is_checked_before_it_is_needed() {
    let good = "title = \"t\"\nabout = \"a\"\n[[step]]\nid = \"a\"\nline = \"health {service}\"\n";
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (good_file, bad_file) =
        (file("good.toml", good), file("bad.toml", &good.replace("health {service}", "helth")));
    let good = run_alone(&["runbook", "check", &good_file], &[]).await;
    assert_eq!((good.code, good.out.trim()), (0, "good: 1 steps, all of them good"), "{good:?}");
    let bad = run_alone(&["runbook", "check", &bad_file], &[]).await;
    assert_eq!(bad.code, 2, "{bad:?}");
    assert!(bad.err.contains("bad.toml:3: [[step]] line \"helth\": There is no command"), "{}", bad.err);

    let configured = format!("[bot]\ndata_dir = \"DATA_DIR\"\nrunbook_dir = {:?}\n", folder.path());
    let refused = run_with(&configured, &["check"], &[]).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("bad.toml:3: [[step]] line"), "{}", refused.err);
}

#[tokio::test]
async fn the_coverage_is_printed() {
    let printed = run_alone(&["runbook", "coverage"], &[]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
    let health = printed.out.lines().find(|line| line.starts_with("QR.1 "));
    assert!(health.is_some_and(|line| line.ends_with("health")), "{}", printed.out);
    assert!(printed.out.contains("each with its command"), "{}", printed.out);
}

#[tokio::test]
async fn in_a_channel_one_card_grows_as_the_steps_finish() {
    let stack = Stack::take().await;
    let slack = SlackServer::start(SlackOptions::default()).await;
    let setup = stack
        .setup()
        .with(&format!("[slack]\napi_url = {:?}", slack.api_url().as_str()))
        .with(&people::toml())
        .room(&format!("slack:{ROOM}"))
        .secret("SLACK_BOT_TOKEN", BOT_TOKEN)
        .secret("SLACK_APP_TOKEN", APP_TOKEN);
    let bot = Bot::start(setup).await;
    slack.wait_sockets(2, SOON).await;
    // Two steps wait for it, and the others are done long before.
    stack.docker(&["pause", &stack.container("gs_service")]).await;
    slack.slash(CY, ROOM, "runbook run service-down gs_service").await;
    let growing = slack.wait_message(|message| message.visible().contains("under way"), SOON).await;
    assert!(!growing.visible().contains("suspicious"), "{}", growing.visible());
    let done = slack.wait_message(|message| message.visible().contains("suspicious"), SOON).await;
    assert!(!done.visible().contains("under way"), "{}", done.visible());
    assert!(done.visible().contains("gs_service is sick"), "{}", done.visible());
    assert_eq!((&growing.channel, &growing.ts), (&done.channel, &done.ts), "one message, edited");
    let upload = slack.wait_upload("service-down.txt", SOON).await;
    let whole = String::from_utf8(upload.content.unwrap()).unwrap();
    assert!(whole.contains("== health gs_service") && whole.contains("== disk"), "{whole}");
    stack.mend().await;
    drop(bot);
}
