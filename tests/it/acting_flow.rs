//! Commands that act, from the line over the votes to the proof, on Slack and against the real stack.

use std::time::Duration;

use e2e::bot::{Bot, Setup};
use e2e::people::{self, BO, CY, DEE, STRANGER};
use e2e::slack::{APP_TOKEN, AckOutcome, BOT_TOKEN, Message, SlackOptions, SlackServer};
use e2e::stack::Stack;
use e2e::wait::eventually;

const ROOM: &str = "C0INCIDENT";
const SOON: Duration = Duration::from_secs(15);
/// A restart, and the proof of it.
const PROVED: Duration = Duration::from_secs(60);

/// Slack, the stack, and a bot between them.
struct Scene {
    slack: SlackServer,
    stack: Stack,
    bot: Bot,
}

fn setup(slack: &SlackServer, stack: &Stack) -> Setup {
    stack
        .setup()
        .with(&format!("[slack]\napi_url = {:?}\nmode = \"socket\"", slack.api_url().as_str()))
        .with(&people::acting())
        .with("[proof]\nsettle = \"2s\"\nwithin = \"20s\"")
        .room(&format!("slack:{ROOM}"))
        .secret("SLACK_BOT_TOKEN", BOT_TOKEN)
        .secret("SLACK_APP_TOKEN", APP_TOKEN)
}

impl Scene {
    async fn begin() -> Self {
        Self::with("").await
    }

    async fn with(toml: &str) -> Self {
        let slack = SlackServer::start(SlackOptions::default()).await;
        let stack = Stack::take().await;
        let bot = Bot::start(setup(&slack, &stack).with(toml)).await;
        slack.wait_sockets(2, SOON).await;
        Self { slack, stack, bot }
    }

    async fn types(&self, user: &str, line: &str) {
        let ack = self.slack.slash(user, ROOM, line).await;
        assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{line:?}: {ack:?}");
    }

    async fn message(&self, text: &str, limit: Duration) -> Message {
        self.slack.wait_message(|message| message.visible().contains(text), limit).await
    }

    /// Asks for something that waits for votes, and finds its card.
    async fn asks(&self, user: &str, line: &str) -> Message {
        self.types(user, line).await;
        self.message(&format!("Asked for: {line}"), SOON).await;
        self.message(&format!("Approve? {line}"), SOON).await
    }

    /// When the service's container was last started.
    async fn started(&self, service: &str) -> String {
        let container = self.stack.container(service);
        self.stack.docker(&["inspect", "--format", "{{.State.StartedAt}}", &container]).await
    }

    /// Waits until the card of a plan says `text`.
    async fn says(&self, card: &Message, text: &str, limit: Duration) -> String {
        let same = |message: &Message| message.ts == card.ts && message.visible().contains(text);
        self.slack.wait_message(same, limit).await.visible()
    }
}

#[tokio::test]
async fn a_restart_waits_for_another_operators_reaction_and_proves_that_it_helped() {
    let scene = Scene::begin().await;
    scene.stack.sick("fv_service", "down=1").await;
    let before = scene.started("fv_service").await;
    let card = scene.asks(DEE, "restart fv_service").await;
    let shown = card.visible();
    for words in [
        "Dee asks for this. It needs the vote of 1 other operator",
        "Stops and starts",
        "restart container",
        "risk",
        "change",
        "undo",
    ] {
        assert!(shown.contains(words), "{words:?} in {shown}");
    }
    let id =
        scene.stack.docker(&["inspect", "--format", "{{.Id}}", &scene.stack.container("fv_service")]).await;
    assert!(shown.contains(id.trim()), "the whole id: {shown}");
    // None of these counts: the asker, somebody without the role, a stranger, another emoji, a skin tone.
    scene.slack.react(DEE, &card, "white_check_mark").await;
    scene.slack.react(CY, &card, "white_check_mark").await;
    scene.slack.react(STRANGER, &card, "white_check_mark").await;
    scene.slack.react(BO, &card, "thumbsup").await;
    scene.slack.react(BO, &card, "white_check_mark::skin-tone-2").await;
    let refused = eventually(SOON, "votes that do not count to be recorded", async || {
        let audit = scene.bot.line(&["audit", "--last", "50"], false).await.out;
        (audit.matches("verb=vote").count() >= 3).then_some(audit)
    })
    .await;
    assert!(refused.contains("one's own plan") && refused.contains("unknown account"), "{refused}");
    assert_eq!(scene.started("fv_service").await, before, "nothing was done");
    scene.slack.react(BO, &card, "white_check_mark").await;
    let ended = scene.says(&card, "Improved: restart fv_service", PROVED).await;
    assert!(ended.contains("approved by Bo"), "{ended}");
    let result = scene.message("It helped", SOON).await.visible();
    assert!(result.contains("before") && result.contains("after") && result.contains("503"), "{result}");
    assert_ne!(scene.started("fv_service").await, before);
    // What was before the restart is kept.
    let kept = scene.slack.messages();
    assert!(kept.iter().any(|message| message.visible().contains("flight record")), "{kept:#?}");
    let verified = scene.bot.run(&["audit", "verify"]).await;
    assert!(verified.code == 0 && verified.out.contains("intact"), "{verified:?}");
}
