//! `/acgs` on Slack, from the person's line to the message in the channel, through the real binary.

use std::time::{Duration, Instant};

use e2e::bot::{Bot, Setup};
use e2e::database::Database;
use e2e::people::{self, ADA, CY, STRANGER};
use e2e::platform::Platform;
use e2e::slack::{
    APP_TOKEN, AckOutcome, BOT_TOKEN, Message, SIGNING_SECRET, SlackOptions, SlackServer, signature,
};
use e2e::wait::eventually;
use url::Url;

const ROOM: &str = "C0INCIDENT";
const SOON: Duration = Duration::from_secs(10);

/// Slack, six services and a bot between them.
struct Scene {
    slack: SlackServer,
    platform: Platform,
    bot: Bot,
}

fn setup(slack: &SlackServer, platform: &Platform, mode: &str) -> Setup {
    Setup::default()
        .with(&format!("[slack]\napi_url = {:?}\nmode = {mode:?}", slack.api_url().as_str()))
        .with(&people::toml())
        .with(&platform.toml())
        .room(&format!("slack:{ROOM}"))
        .secret("SLACK_BOT_TOKEN", BOT_TOKEN)
        .secret("SLACK_APP_TOKEN", APP_TOKEN)
        .secret("SLACK_SIGNING_SECRET", SIGNING_SECRET)
}

async fn scene() -> Scene {
    scene_on(None).await
}

async fn scene_on(store_url: Option<String>) -> Scene {
    let slack = SlackServer::start(SlackOptions::default()).await;
    let platform = Platform::start().await;
    let bot = Bot::start(Setup { store_url, ..setup(&slack, &platform, "socket") }).await;
    slack.wait_sockets(2, SOON).await;
    Scene { slack, platform, bot }
}

impl Scene {
    async fn nothing_was_given_up(&self) {
        assert_eq!(self.bot.metric("acgs_messages_refused_total", &[]).await, 0.0);
    }

    async fn message(&self, text: &str) -> Message {
        self.slack.wait_message(|message| message.visible().contains(text), SOON).await
    }

    async fn types(&self, user: &str, line: &str) {
        let ack = self.slack.slash(user, ROOM, line).await;
        assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{line:?}: {ack:?}");
    }
}

async fn health_is_answered(store_url: Option<String>) {
    let scene = scene_on(store_url).await;
    scene.types(CY, "health").await;
    let card = scene.message("All 6 services are well").await;
    assert_eq!((card.channel.as_str(), card.only_for.as_deref()), (ROOM, None));
    for name in e2e::platform::SERVICES {
        assert!(card.visible().contains(name), "{name} in {}", card.visible());
    }
    assert!(card.visible().contains("not configured"), "{}", card.visible());
    scene.slack.assert_clean();
    let labels = ["verb=\"health\"", "outcome=\"done\"", "slack"];
    scene.bot.metric_reaches("acgs_commands_total", &labels, 1.0).await;
    let audit = scene.bot.line(&["audit"], false).await;
    assert_eq!(audit.code, 0, "{audit:?}");
    assert!(audit.out.contains("person=\"Cy\"") && audit.out.contains("line=\"health\""), "{}", audit.out);
    let verified = scene.bot.run(&["audit", "verify"]).await;
    assert!(verified.code == 0 && verified.out.contains("intact"), "{verified:?}");
}

#[tokio::test]
async fn health_is_answered_in_the_channel_with_sqlite() {
    health_is_answered(None).await;
}

#[tokio::test]
async fn health_is_answered_in_the_channel_with_postgres() {
    let database = Database::create().await;
    health_is_answered(Some(database.url())).await;
}

#[tokio::test]
async fn sick_ones_stand_first_with_their_true_word_and_the_next_line() {
    let mut scene = scene().await;
    scene.platform.sick("fv_service", "down=1").await;
    scene.platform.sick("gs_service", "html=1").await;
    scene.platform.sick("pgc_service", "hang=1").await;
    scene.platform.end("ac_service").await;
    scene.types(CY, "health").await;
    let card = scene.message("4 of 6 services are sick").await.visible();
    for words in [
        "ac_service: nobody listens on its port: dead",
        "fv_service: answers 503",
        "text/html instead of JSON",
        "pgc_service: takes connections and does not answer",
        "health pgc_service --wait 60",
        "(P0)",
    ] {
        assert!(card.contains(words), "{words:?} in {card}");
    }
    let (sick, well) = (card.rfind("pgc_service  ").unwrap(), card.rfind("auth_service  ").unwrap());
    assert!(sick < well, "{card}");
    scene.slack.assert_clean();
}

#[tokio::test]
async fn a_mention_in_a_thread_is_answered_in_the_thread() {
    let scene = scene().await;
    let delivery = scene.slack.mention(CY, ROOM, Some("1700000000.000100"), "health auth_service").await;
    assert_eq!(delivery.attempts, 1);
    let card = scene.message("auth_service is well").await;
    assert_eq!(card.thread.as_deref(), Some("1700000000.000100"));
    scene.slack.assert_clean();
}

#[tokio::test]
async fn the_button_looks_again_and_a_reaction_is_only_noted() {
    let scene = scene().await;
    scene.types(CY, "health").await;
    let card = scene.message("All 6 services are well").await;
    let ack = scene.slack.click(CY, &card, "line health").await;
    assert!(matches!(ack, AckOutcome::Acknowledged(_)));
    scene.message("All 6 services are well").await;
    let reaction = scene.slack.react(CY, &card, "white_check_mark").await;
    let taken_away = scene.slack.unreact(CY, &card, "white_check_mark").await;
    assert_eq!((reaction.attempts, taken_away.attempts), (1, 1));
    // A stranger's click is judged like a stranger's line.
    scene.slack.click(STRANGER, &card, "line health").await;
    let refusal = scene.message("Not allowed").await;
    assert_eq!(refusal.only_for.as_deref(), Some(STRANGER));
    scene.slack.assert_clean();
}

#[tokio::test]
async fn who_may_not_is_told_alone_and_whom_to_ask() {
    let scene = scene().await;
    scene.types(STRANGER, "health").await;
    let refusal = scene.message("Ask Ada to add you").await;
    assert_eq!(refusal.only_for.as_deref(), Some(STRANGER));
    scene.types(CY, "audit").await;
    let refusal = scene.message("This needs the role admin; yours is viewer").await;
    assert_eq!(refusal.only_for.as_deref(), Some(CY));
    scene.types(CY, "helth").await;
    let correction = scene.message("health").await;
    assert_eq!(correction.only_for.as_deref(), Some(CY));
    scene.types(CY, "health auth_servise").await;
    let correction = scene.message("auth_service").await;
    assert_eq!(correction.only_for.as_deref(), Some(CY));
    scene.slack.assert_clean();
    let audit = scene.bot.line(&["audit"], false).await.out;
    assert!(
        audit.contains("refused (unknown account)") && audit.contains("refused (needs admin, has viewer)"),
        "{audit}"
    );
}

#[tokio::test]
async fn help_shows_what_the_caller_may_run() {
    let scene = scene().await;
    scene.types(CY, "help").await;
    let viewer = scene.message("What you can ask me to do").await.visible();
    assert!(viewer.contains("health") && !viewer.contains("audit"), "{viewer}");
    scene.types(ADA, "help").await;
    let admin = scene.message("What you can ask me to do").await.visible();
    assert!(admin.contains("audit"), "{admin}");
    scene.slack.assert_clean();
}

#[tokio::test]
async fn the_same_envelope_on_two_sockets_is_answered_once() {
    let scene = scene().await;
    scene.slack.duplicate_next();
    scene.types(CY, "health").await;
    scene.message("All 6 services are well").await;
    eventually(SOON, "the repeat", async || {
        (scene.bot.metric("acgs_deliveries_total", &["kind=\"repeat\""]).await >= 1.0).then_some(())
    })
    .await;
    // Another command's answer comes after everything that the first one could still post.
    scene.types(CY, "help").await;
    scene.message("What you can ask me to do").await;
    assert_eq!(scene.slack.messages().len(), 2);
    scene.slack.assert_clean();
}

#[tokio::test]
async fn a_429_delays_and_loses_nothing() {
    let scene = scene().await;
    scene.slack.limit_next("chat.postMessage", 1, 2);
    let typed = Instant::now();
    scene.types(CY, "health").await;
    scene.message("All 6 services are well").await;
    assert!(typed.elapsed() >= Duration::from_secs(2), "not before Retry-After: {:?}", typed.elapsed());
    assert_eq!(scene.slack.calls("chat.postMessage"), 2);
    scene.slack.assert_clean();
    scene.bot.metric_reaches("acgs_rate_limited_total", &["slack"], 1.0).await;
}

#[tokio::test]
async fn a_429_on_a_file_s_way_holds_up_nothing_else() {
    let scene = scene().await;
    scene.types(CY, "help").await;
    scene.message("What you can ask me to do").await;
    scene.slack.limit_next("files.getUploadURLExternal", 1, 4);
    let typed = Instant::now();
    scene.types(ADA, "audit").await;
    eventually(SOON, "the answer to be put off", async || {
        (scene.bot.metric("acgs_messages_put_off_total", &[]).await >= 1.0).then_some(())
    })
    .await;
    // Another file would get another 429, and is not asked for.
    scene.types(ADA, "audit").await;
    scene.types(CY, "help health").await;
    scene.message("Help: health").await;
    assert!(typed.elapsed() < Duration::from_secs(4), "not held up: {:?}", typed.elapsed());
    for _ in 0..2 {
        scene.slack.wait_upload("audit.txt", SOON).await;
        scene.message("The file that belongs to my answer").await;
        scene.message("Audit: ").await;
    }
    assert!(typed.elapsed() >= Duration::from_secs(4), "{:?}", typed.elapsed());
    assert_eq!(scene.slack.calls("files.getUploadURLExternal"), 3);
    scene.slack.assert_clean();
}

#[tokio::test]
async fn an_answer_waits_for_a_token_or_scope_that_slack_takes() {
    let scene = scene().await;
    for code in ["token_expired", "missing_scope"] {
        scene.slack.refuse_next("chat.postMessage", 1000, code);
        scene.types(CY, "health").await;
        let readiness = eventually(SOON, "/readyz to say so", async || {
            let (status, text) = scene.bot.get("/readyz").await;
            (status == 503).then_some(text)
        })
        .await;
        assert!(readiness.contains(code), "{readiness}");
        scene.slack.works_again("chat.postMessage");
        scene.message("All 6 services are well").await;
        eventually(SOON, "/readyz to recover", async || {
            (scene.bot.get("/readyz").await.0 == 200).then_some(())
        })
        .await;
    }
    assert!(scene.bot.log().contains("kept until somebody mends it"));
    scene.nothing_was_given_up().await;
    scene.bot.metric_reaches("acgs_messages_barred_total", &["slack"], 2.0).await;
    scene.slack.assert_clean();
}

#[tokio::test]
async fn an_answer_waits_while_something_in_front_of_slack_keeps_it_back() {
    let scene = scene().await;
    for status in [401, 403, 407, 408] {
        scene.slack.status_next("chat.postMessage", status);
        scene.types(CY, "health").await;
        scene.message("All 6 services are well").await;
    }
    scene.nothing_was_given_up().await;
    scene.slack.assert_clean();
}

#[tokio::test]
async fn an_answer_waits_until_the_bot_is_invited_back() {
    let scene = scene().await;
    // Thrown out between the line and its answer.
    scene.slack.refuse_next("chat.postMessage", 1000, "not_in_channel");
    scene.slack.mention(CY, ROOM, None, "health").await;
    eventually(SOON, "a try", async || {
        (scene.bot.metric("acgs_messages_barred_total", &["slack"]).await >= 1.0).then_some(())
    })
    .await;
    scene.slack.works_again("chat.postMessage");
    scene.message("All 6 services are well").await;
    scene.nothing_was_given_up().await;
    scene.slack.assert_clean();
}

#[tokio::test]
async fn many_at_once_are_all_answered_within_the_limits() {
    let scene = scene().await;
    for _ in 0..6 {
        scene.types(CY, "help health").await;
    }
    for _ in 0..6 {
        scene.message("Help: health").await;
    }
    scene.slack.assert_clean();
}

#[tokio::test]
async fn nothing_is_lost_when_sockets_are_refreshed_or_dropped() {
    let scene = scene().await;
    for ack in scene.slack.refresh_sockets_under_commands(CY, ROOM, "health").await {
        assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{ack:?}");
        scene.message("All 6 services are well").await;
    }
    scene.slack.wait_sockets(2, SOON).await;
    scene.slack.drop_sockets();
    scene.slack.wait_sockets(2, SOON).await;
    scene.types(CY, "help").await;
    scene.message("What you can ask me to do").await;
    scene.slack.assert_clean();
    scene.bot.metric_reaches("acgs_socket_reconnects_total", &["slack"], 2.0).await;
}

#[tokio::test]
async fn where_the_bot_is_not_in_the_channel_it_answers_all_the_same() {
    let scene = scene().await;
    scene.slack.not_in_channel("C0ELSEWHERE");
    scene.slack.slash(CY, "C0ELSEWHERE", "health").await;
    let card = scene.message("All 6 services are well").await;
    assert_eq!((card.sent_by, card.channel.as_str()), ("response_url", "C0ELSEWHERE"));
    scene.slack.assert_clean();
}

#[tokio::test]
async fn a_wait_edits_one_message_until_three_good_answers() {
    let scene = scene().await;
    scene.platform.sick("ac_service", "down=1").await;
    scene.types(CY, "health ac_service --wait 60").await;
    scene.message("0 of 3 good answers").await;
    scene.platform.sick("ac_service", "well=1").await;
    let ended = scene
        .slack
        .wait_message(|message| message.visible().contains("ac_service well"), Duration::from_secs(30))
        .await;
    assert!(!ended.history.is_empty(), "edited in place");
    assert_eq!(scene.slack.messages().len(), 1);
    scene.slack.assert_clean();
}

#[tokio::test]
async fn where_somebody_deletes_the_progress_the_answer_is_posted_anew() {
    let scene = scene().await;
    scene.platform.sick("ac_service", "down=1").await;
    scene.types(CY, "health ac_service --wait 60").await;
    let progress = scene.message("0 of 3 good answers").await;
    scene.slack.delete(&progress);
    scene.platform.sick("ac_service", "well=1").await;
    let ended = scene
        .slack
        .wait_message(|message| message.visible().contains("ac_service well"), Duration::from_secs(30))
        .await;
    assert_ne!(ended.ts, progress.ts);
    assert_eq!(scene.slack.messages().len(), 1, "one message, edited from then on");
    scene.nothing_was_given_up().await;
    scene.slack.assert_clean();
}

#[tokio::test]
async fn kill_9_before_the_send_loses_no_answer_and_repeats_none() {
    let mut scene = scene().await;
    scene.slack.limit_next("chat.postMessage", 1, 3);
    scene.types(CY, "health").await;
    eventually(SOON, "the message to be put off", async || {
        (scene.bot.metric("acgs_messages_put_off_total", &[]).await >= 1.0).then_some(())
    })
    .await;
    scene.bot.kill().await;
    scene.bot.restart().await;
    let card = scene.message("All 6 services are well").await;
    assert!(!card.visible().contains("repeat"), "{}", card.visible());
    assert_eq!(scene.slack.messages().len(), 1);
    scene.slack.assert_clean();
}

#[tokio::test]
async fn kill_9_while_sending_repeats_once_at_most_and_says_so() {
    let mut scene = scene().await;
    scene.slack.answer_then_reset_next("chat.postMessage");
    scene.slack.hang_next("chat.postMessage");
    scene.types(CY, "health").await;
    scene.message("All 6 services are well").await;
    scene.bot.kill().await;
    scene.bot.restart().await;
    let repeat = scene
        .slack
        .wait_message(|message| message.visible().contains("repeat"), Duration::from_secs(40))
        .await;
    assert!(repeat.visible().contains("All 6 services are well"));
    assert_eq!(scene.slack.messages().len(), 2);
    scene.slack.assert_clean();
}

#[tokio::test]
async fn a_line_stored_and_not_answered_is_answered_after_the_crash() {
    let mut scene = scene().await;
    // A frozen service holds the answer back for three seconds.
    scene.platform.sick("ac_service", "hang=1").await;
    scene.types(CY, "health").await;
    scene.bot.kill().await;
    scene.platform.sick("ac_service", "well=1").await;
    scene.bot.restart().await;
    scene
        .slack
        .wait_message(
            |message| message.visible().contains("All 6 services are well"),
            Duration::from_secs(40),
        )
        .await;
    scene.slack.assert_clean();
}

#[tokio::test]
async fn with_a_store_that_takes_no_writes_reading_is_answered_and_says_so() {
    let database = Database::create().await;
    let scene = scene_on(Some(database.url())).await;
    database.freeze().await;
    eventually(SOON, "/readyz to fail", async || (scene.bot.get("/readyz").await.0 == 503).then_some(()))
        .await;
    scene.types(CY, "health").await;
    let card = scene.message("Not recorded").await;
    assert!(card.visible().contains("All 6 services are well"), "{}", card.visible());
    database.thaw().await;
    eventually(SOON, "/readyz to recover", async || (scene.bot.get("/readyz").await.0 == 200).then_some(()))
        .await;
    scene.types(CY, "help").await;
    let help = scene.message("What you can ask me to do").await;
    assert!(!help.visible().contains("Not recorded"));
    scene.slack.assert_clean();
}

#[tokio::test]
async fn hostile_lines_get_a_short_refusal() {
    let scene = scene().await;
    let lines = [
        "x".repeat(64 * 1024),
        "health \u{7}\u{1b}[31m".to_owned(),
        "health \u{202e}ecivres".to_owned(),
        "a ".repeat(10_000),
        "health 'unclosed".to_owned(),
    ];
    for line in &lines {
        scene.types(CY, line).await;
        let refusal = scene.message("Not understood").await;
        assert!(refusal.visible().len() < 600, "{}", refusal.visible().len());
    }
    scene.types(CY, "health").await;
    scene.message("All 6 services are well").await;
    scene.slack.assert_clean();
}

#[tokio::test]
async fn no_secret_and_no_live_mention_leaves_the_bot() {
    let scene = scene().await;
    scene.types(CY, &format!("<!channel> {BOT_TOKEN} <@U0ADA>")).await;
    let refusal = scene.message("Not understood").await;
    let raw = refusal.args.to_string();
    assert!(!raw.contains("<!channel>") && !raw.contains("<@U0ADA>"), "{raw}");
    assert!(!raw.contains(BOT_TOKEN), "{raw}");
    scene.types(CY, "health").await;
    scene.message("All 6 services are well").await;
    scene.slack.assert_clean();
    // Cut in the middle, a secret would have no shape any more.
    let long = format!("xoxb-{}", "0123456789abcdef".repeat(5));
    scene.types(CY, &long).await;
    scene.message("Not understood").await;
    let audit = scene.bot.line(&["audit"], false).await.out;
    for part in [&long[..24], &BOT_TOKEN[..12]] {
        assert!(!audit.contains(part), "{part} in {audit}");
        let shown = scene.slack.messages().iter().any(|message| message.args.to_string().contains(part));
        assert!(!shown, "{part} in an answer");
    }
    let typed = scene.bot.line(&[&long], false).await;
    assert!(!typed.out.contains(&long[..24]), "{typed:?}");
    assert!(!scene.bot.line(&["audit"], false).await.out.contains(&long[..24]));
    let log = scene.bot.log();
    for secret in [BOT_TOKEN, APP_TOKEN, SIGNING_SECRET] {
        assert!(!log.contains(secret), "{secret} in the log");
        assert!(!scene.bot.line(&["audit"], false).await.out.contains(secret), "{secret} in the audit trail");
    }
}

#[tokio::test]
async fn sigterm_stops_within_five_seconds_and_finishes_what_is_under_way() {
    let mut scene = scene().await;
    scene.platform.sick("ac_service", "slow_ms=600").await;
    scene.types(CY, "health").await;
    let asked = Instant::now();
    let status = scene.bot.stop().await;
    assert!(status.success(), "{status:?}: {}", scene.bot.log());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    scene.message("All 6 services are well").await;
    scene.slack.assert_clean();
}

#[tokio::test]
async fn a_wait_under_way_neither_holds_the_stop_up_nor_is_lost() {
    let mut scene = scene().await;
    scene.platform.sick("ac_service", "down=1").await;
    scene.types(CY, "health ac_service --wait 60").await;
    scene.message("0 of 3 good answers").await;
    let asked = Instant::now();
    let status = scene.bot.stop().await;
    assert!(status.success(), "{status:?}: {}", scene.bot.log());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    scene.bot.restart().await;
    // Longer than the lease of a command that does not wait: nobody may take it up a second time.
    scene.looked(12).await;
    scene.platform.sick("ac_service", "well=1").await;
    scene
        .slack
        .wait_message(|message| message.visible().contains("ac_service well"), Duration::from_secs(60))
        .await;
    assert_eq!(scene.slack.messages().len(), 1);
    assert_eq!(scene.bot.log().matches("taking up an unfinished delivery").count(), 1);
    scene.slack.assert_clean();
}

#[tokio::test]
async fn a_wait_where_the_bot_is_not_in_the_channel_keeps_a_way_back_for_its_end() {
    let scene = scene().await;
    scene.slack.not_in_channel("C0ELSEWHERE");
    scene.platform.sick("ac_service", "down=1").await;
    scene.slack.slash(CY, "C0ELSEWHERE", "health ac_service --wait 60").await;
    scene.message("0 of 3 good answers").await;
    // Slack takes a response_url five times; there are more looks than that.
    scene.looked(8).await;
    scene.platform.sick("ac_service", "well=1").await;
    scene
        .slack
        .wait_message(|message| message.visible().contains("ac_service well"), Duration::from_secs(30))
        .await;
    scene.slack.assert_clean();
}

#[tokio::test]
async fn http_mode_answers_signed_requests_and_no_others() {
    let slack = SlackServer::start(SlackOptions::default()).await;
    let platform = Platform::start().await;
    let bot = Bot::start(setup(&slack, &platform, "http")).await;
    let base: Url = format!("http://{}/", bot.http).parse().unwrap();
    slack.use_requests(base.clone());
    assert_eq!(slack.verify_events_url("challenge-1").await, "challenge-1");
    assert!(matches!(slack.slash(CY, ROOM, "health").await, AckOutcome::Acknowledged(_)));
    slack.wait_message(|message| message.visible().contains("All 6 services are well"), SOON).await;

    let now = bot::clock::now().as_second();
    let body = b"command=%2Facgs&text=health&user_id=U0CY&channel_id=C0INCIDENT&trigger_id=1.replay";
    let good = signature(SIGNING_SECRET, now, body);
    let old = signature(SIGNING_SECRET, now - 301, body);
    let future = signature(SIGNING_SECRET, now + 330, body);
    let mut flipped = good.clone();
    flipped.replace_range(10..11, if &good[10..11] == "0" { "1" } else { "0" });
    let post = async |timestamp: i64, signature: &str| {
        let request = reqwest::Client::builder().build().unwrap().post(base.join("slack/commands").unwrap());
        let request =
            request.header("x-slack-request-timestamp", timestamp).header("x-slack-signature", signature);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(&body[..]);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(now, &flipped).await, 401);
    assert_eq!(post(now - 301, &old).await, 401);
    assert_eq!(post(now + 330, &future).await, 401);
    assert_eq!(slack.messages().len(), 1, "no refused request was answered in the channel");
    let oversized = reqwest::Client::builder().build().unwrap().post(base.join("slack/events").unwrap());
    let oversized = oversized.body(vec![b'a'; 2 << 20]).send().await.unwrap().status().as_u16();
    assert_eq!(oversized, 413);
    assert_eq!(bot.metric("acgs_http_refused_total", &["listener=\"slack\""]).await, 4.0);
    slack.assert_clean();
}

#[tokio::test]
async fn two_replicas_on_one_postgres_answer_each_line_once_and_one_takes_over_from_the_other() {
    let database = Database::create().await;
    let mut scene = scene_on(Some(database.url())).await;
    let setup = Setup { store_url: Some(database.url()), ..setup(&scene.slack, &scene.platform, "socket") };
    let other = Bot::start(setup).await;
    scene.slack.wait_sockets(4, SOON).await;
    for _ in 0..4 {
        scene.slack.duplicate_next();
        scene.types(CY, "help health").await;
    }
    for _ in 0..4 {
        scene.message("Help: health").await;
    }
    // One holds a line back on a frozen service and is killed: the other one answers it.
    scene.platform.sick("ac_service", "hang=1").await;
    let before = other.metric("acgs_deliveries_total", &["kind=\"new\""]).await;
    scene.types(CY, "health").await;
    let other_has_it = other.metric("acgs_deliveries_total", &["kind=\"new\""]).await > before;
    if other_has_it {
        let mut other = other;
        other.kill().await;
        scene.answered_by_the_one_left().await;
    } else {
        scene.bot.kill().await;
        scene.answered_by_the_one_left().await;
    }
}

impl Scene {
    /// Waits until a `--wait` has looked at the sick service so often.
    async fn looked(&self, times: u32) {
        eventually(Duration::from_secs(60), "the looks", async || {
            let looks = self.bot.metric("acgs_probe_results_total", &["service=\"ac_service\""]).await;
            (looks >= f64::from(times)).then_some(())
        })
        .await;
    }

    async fn answered_by_the_one_left(&self) {
        self.platform.sick("ac_service", "well=1").await;
        self.slack
            .wait_message(
                |message| message.visible().contains("All 6 services are well"),
                Duration::from_secs(60),
            )
            .await;
        assert_eq!(self.slack.messages().len(), 5);
        self.slack.assert_clean();
    }
}

#[tokio::test]
async fn edits_that_wait_for_their_turn_replace_one_another() {
    let scene = scene().await;
    scene.platform.sick("ac_service", "down=1").await;
    scene.types(CY, "health ac_service --wait 60").await;
    scene.message("0 of 3 good answers").await;
    scene.slack.limit_next("chat.update", 1, 9);
    eventually(SOON, "an edit to be put off", async || {
        (scene.bot.metric("acgs_rate_limited_total", &[]).await >= 1.0).then_some(())
    })
    .await;
    let updates = scene.slack.calls("chat.update");
    scene.platform.sick("ac_service", "well=1").await;
    scene
        .slack
        .wait_message(|message| message.visible().contains("ac_service well"), Duration::from_secs(30))
        .await;
    // Three good answers in a row take four seconds, each shown by an edit but for the nine of silence.
    assert_eq!(scene.slack.calls("chat.update"), updates + 1);
    scene.slack.assert_clean();
}

#[tokio::test]
async fn malformed_frames_are_survived() {
    let scene = scene().await;
    for frame in ["{", "[]", "{\"type\":\"events_api\"}", "{\"text\":\"\\ud800\"}", &"x".repeat(1 << 20)] {
        scene.slack.send_raw(frame);
    }
    scene.slack.wait_sockets(2, SOON).await;
    scene.types(CY, "health").await;
    scene.message("All 6 services are well").await;
    scene.slack.assert_clean();
}
