//! The same plans and votes on Discord, and one person on two platforms.

use std::time::Duration;

use e2e::bot::{Bot, Setup};
use e2e::discord::{APPLICATION, BOT_TOKEN, CHANNEL, DiscordOptions, DiscordServer, GUILD, Message, Route};
use e2e::people::{self, BO, BO_DISCORD, CY_DISCORD, DEE_DISCORD, EVE, EVE_DISCORD, STRANGER_DISCORD};
use e2e::slack::{self, SlackOptions, SlackServer};
use e2e::stack::Stack;
use e2e::wait::eventually;

const ROOM: &str = "C0INCIDENT";
const SOON: Duration = Duration::from_secs(15);
const PROVED: Duration = Duration::from_secs(60);

struct Scene {
    discord: DiscordServer,
    slack: SlackServer,
    stack: Stack,
    bot: Bot,
}

impl Scene {
    async fn begin() -> Self {
        let discord = DiscordServer::start(DiscordOptions::default()).await;
        let slack = SlackServer::start(SlackOptions::default()).await;
        let stack = Stack::take().await;
        let setup: Setup = stack
            .setup()
            .with(&format!(
                "[discord]\napi_url = {:?}\napplication_id = \"{APPLICATION}\"\nguild_id = \"{GUILD}\"",
                discord.api_url().as_str()
            ))
            .with(&format!("[slack]\napi_url = {:?}\nmode = \"socket\"", slack.api_url().as_str()))
            .with(&people::acting())
            .with("[proof]\nsettle = \"2s\"\nwithin = \"20s\"")
            .room(&format!("discord:{CHANNEL}"))
            .room(&format!("slack:{ROOM}"))
            .secret("DISCORD_TOKEN", BOT_TOKEN)
            .secret("SLACK_BOT_TOKEN", slack::BOT_TOKEN)
            .secret("SLACK_APP_TOKEN", slack::APP_TOKEN);
        let bot = Bot::start(setup).await;
        discord.wait_ready(SOON).await;
        slack.wait_sockets(2, SOON).await;
        Self { discord, slack, stack, bot }
    }

    async fn asks(&self, path: &[&str], options: &[(&str, &str)]) -> Message {
        let ack = self.discord.slash(DEE_DISCORD, CHANNEL, path, options).await;
        let answer = self.discord.wait_answer(ack.interaction(), SOON).await;
        assert!(answer.visible().contains("Asked for: "), "{}", answer.visible());
        self.message("Approve? ", SOON).await
    }

    async fn message(&self, text: &str, limit: Duration) -> Message {
        self.discord.wait_message(|message| message.visible().contains(text), limit).await
    }

    async fn started(&self, service: &str) -> String {
        let container = self.stack.container(service);
        self.stack.docker(&["inspect", "--format", "{{.State.StartedAt}}", &container]).await
    }
}

#[tokio::test]
async fn a_reaction_on_discord_is_the_vote_and_only_the_right_one_by_the_right_person() {
    let scene = Scene::begin().await;
    let before = scene.started("fv_service").await;
    let card = scene.asks(&["restart"], &[("service", "fv_service")]).await;
    assert!(card.visible().contains("It needs the vote of 1 other operator"), "{}", card.visible());
    for (user, emoji) in [
        (DEE_DISCORD, "✅"),
        (CY_DISCORD, "✅"),
        (STRANGER_DISCORD, "✅"),
        (BO_DISCORD, "👍"),
        (BO_DISCORD, "✅:1234567890123456789"),
    ] {
        scene.discord.react(user, card.id, emoji);
    }
    eventually(SOON, "the votes that do not count to be recorded", async || {
        let audit = scene.bot.line(&["audit", "--last", "50"], false).await.out;
        (audit.matches("verb=vote").count() >= 3).then_some(())
    })
    .await;
    assert_eq!(scene.started("fv_service").await, before, "nothing was done");
    scene.discord.react(BO_DISCORD, card.id, "✅");
    let done = |message: &Message| {
        let said = message.visible();
        message.id == card.id && (said.contains("Improved: ") || said.contains("Done, well as before: "))
    };
    let ended = scene.discord.wait_message(done, PROVED).await.visible();
    assert!(ended.contains("approved by Bo"), "{ended}");
    assert_ne!(scene.started("fv_service").await, before);
    // The reactions were read again from Discord itself.
    assert!(scene.discord.calls(Route::Reactions) > 0);
}

#[tokio::test]
async fn a_vote_cast_while_the_bot_was_down_counts_and_one_taken_back_does_not() {
    let mut scene = Scene::begin().await;
    let before = scene.started("fv_service").await;
    let card = scene.asks(&["restart"], &[("service", "fv_service")]).await;
    scene.bot.kill().await;
    scene.discord.react(BO_DISCORD, card.id, "✅");
    scene.discord.unreact(BO_DISCORD, card.id, "✅");
    let looks = scene.discord.calls(Route::Messages);
    scene.bot.restart().await;
    // A look at the reactions of every plan is among the first things that it does.
    eventually(SOON, "the plan's message to be read", async || {
        (scene.discord.calls(Route::Messages) >= looks + 2).then_some(())
    })
    .await;
    assert_eq!(scene.started("fv_service").await, before, "a vote taken back does nothing");
    scene.bot.kill().await;
    scene.discord.react(EVE_DISCORD, card.id, "✅");
    scene.bot.restart().await;
    let done = |message: &Message| message.id == card.id && message.visible().contains("approved by Eve");
    scene.discord.wait_message(done, PROVED).await;
    eventually(PROVED, "the restart", async || (scene.started("fv_service").await != before).then_some(()))
        .await;
}

#[tokio::test]
async fn one_person_on_two_platforms_is_one_vote_and_others_vote_from_the_list() {
    let scene = Scene::begin().await;
    let card = scene.asks(&["stack", "stop"], &[]).await;
    assert!(card.visible().contains("the votes of 2 other approvers"), "{}", card.visible());
    scene.discord.react(BO_DISCORD, card.id, "✅");
    let one = |message: &Message| message.id == card.id && message.visible().contains("So far: Bo.");
    scene.discord.wait_message(one, SOON).await;
    // On Slack the same person finds nothing to vote on, and another one does.
    scene.slack.slash(BO, ROOM, "approvals").await;
    let list = scene.slack.wait_message(|message| message.visible().contains("and not for you"), SOON).await;
    assert_eq!(list.buttons(), []);
    scene.slack.slash(EVE, ROOM, "approvals").await;
    let list = scene.slack.wait_message(|message| message.visible().contains("for your vote"), SOON).await;
    let veto = list.buttons().iter().find(|button| button.label.starts_with("Veto")).unwrap().value.clone();
    let approve =
        list.buttons().iter().find(|button| button.label.starts_with("Approve")).unwrap().value.clone();
    scene.slack.click(BO, &list, &approve).await;
    scene.slack.wait_message(|message| message.visible().contains("So far: Bo."), SOON).await;
    scene.slack.click(EVE, &list, &veto).await;
    scene.slack.wait_message(|message| message.visible().contains("vetoed by Eve"), SOON).await;
    let shut = |message: &Message| message.id == card.id && message.visible().contains("Vetoed by Eve");
    scene.discord.wait_message(shut, SOON).await;
    assert_eq!(
        scene
            .stack
            .docker(&["inspect", "--format", "{{.State.Status}}", &scene.stack.container("fv_service")])
            .await
            .trim(),
        "running"
    );
}
