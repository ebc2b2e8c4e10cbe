//! `/acgs` on Discord, from the person's command to the answer, through the real binary.

use std::time::{Duration, Instant};

use e2e::bot::{Bot, Setup};
use e2e::discord::{
    APPLICATION, Ack, AckOutcome, BOT_TOKEN, CHANNEL, DiscordOptions, DiscordServer, Drop, GUILD, LOUNGE,
    Message, Route, THREAD,
};
use e2e::people::{self, ADA_DISCORD, CY_DISCORD, STRANGER_DISCORD};
use e2e::platform::Platform;
use e2e::wait::eventually;

const SOON: Duration = Duration::from_secs(10);
/// serenity waits five seconds before a new session.
const NEW_SESSION: Duration = Duration::from_secs(30);

/// Discord, six services and a bot between them.
struct Scene {
    discord: DiscordServer,
    platform: Platform,
    bot: Bot,
}

fn setup(discord: &DiscordServer) -> Setup {
    Setup::default()
        .with(&format!(
            "[discord]\napi_url = {:?}\napplication_id = \"{APPLICATION}\"\nguild_id = \"{GUILD}\"",
            discord.api_url().as_str()
        ))
        .with(&people::toml())
        .room(&format!("discord:{CHANNEL}"))
        .secret("DISCORD_TOKEN", BOT_TOKEN)
}

async fn scene() -> Scene {
    let discord = DiscordServer::start(DiscordOptions::default()).await;
    let platform = Platform::start().await;
    let bot = Bot::start(setup(&discord).with(&platform.toml())).await;
    discord.wait_ready(SOON).await;
    Scene { discord, platform, bot }
}

impl Scene {
    async fn asks(&self, user: u64, path: &[&str], options: &[(&str, &str)]) -> (AckOutcome, Message) {
        let ack = self.discord.slash(user, CHANNEL, path, options).await;
        let answer = self.discord.wait_answer(ack.interaction(), SOON).await;
        (ack, answer)
    }

    async fn message(&self, text: &str) -> Message {
        self.discord.wait_message(|message| message.visible().contains(text), SOON).await
    }
}

#[tokio::test]
async fn health_is_a_native_command_deferred_in_public_and_answered_in_place() {
    let scene = scene().await;
    let (ack, card) = scene.asks(CY_DISCORD, &["health"], &[]).await;
    assert_eq!(ack.ack(), &Ack::Deferred { ephemeral: false });
    assert!(card.visible().contains("All 6 services are well"), "{}", card.visible());
    for name in e2e::platform::SERVICES {
        assert!(card.visible().contains(name), "{}", card.visible());
    }
    let (_, one) = scene.asks(CY_DISCORD, &["health"], &[("service", "ac_service")]).await;
    assert!(one.visible().contains("ac_service is well"), "{}", one.visible());
    scene.discord.assert_clean();
    scene.bot.metric_reaches("acgs_commands_total", &["verb=\"health\"", "discord"], 2.0).await;
}

#[tokio::test]
async fn services_are_completed_while_they_are_typed() {
    let scene = scene().await;
    let outcome = scene.discord.autocomplete(CY_DISCORD, CHANNEL, &["health"], ("service", "integ")).await;
    assert_eq!(outcome.ack(), &Ack::Choices(vec!["integrity_service".to_owned()]));
    let stranger =
        scene.discord.autocomplete(STRANGER_DISCORD, CHANNEL, &["health"], ("service", "in")).await;
    assert_eq!(stranger.ack(), &Ack::Choices(Vec::new()), "a stranger learns no service's name");
    scene.discord.assert_clean();
}

#[tokio::test]
async fn who_may_not_is_told_alone() {
    let scene = scene().await;
    let (ack, refusal) = scene.asks(STRANGER_DISCORD, &["health"], &[]).await;
    assert!(ack.ephemeral() && refusal.is_private, "{refusal:?}");
    assert!(refusal.visible().contains("Ask Ada to add you"), "{}", refusal.visible());
    let (ack, refusal) = scene.asks(CY_DISCORD, &["audit"], &[]).await;
    assert!(ack.ephemeral(), "{ack:?}");
    assert!(
        refusal.visible().contains("This needs the role admin; yours is viewer"),
        "{}",
        refusal.visible()
    );
    scene.discord.assert_clean();
}

#[tokio::test]
async fn an_admin_reads_the_audit_trail_with_the_whole_of_it_as_a_file() {
    let scene = scene().await;
    scene.asks(CY_DISCORD, &["health"], &[]).await;
    let (ack, audit) = scene.asks(ADA_DISCORD, &["audit"], &[]).await;
    assert!(audit.visible().contains("Audit: 1 row"), "{}", audit.visible());
    assert!(ack.ephemeral() && audit.is_private, "nobody else sees it: {audit:?}");
    let file = audit.files.iter().find(|file| file.name == "audit.txt").expect("a file");
    let content = String::from_utf8_lossy(&file.content).into_owned();
    assert!(content.contains("person=\"Cy\"") && content.contains("hash="), "{content}");
    scene.discord.assert_clean();
}

#[tokio::test]
async fn the_audit_trail_is_not_told_to_a_mention() {
    let scene = scene().await;
    scene.asks(CY_DISCORD, &["health"], &[]).await;
    scene.discord.mention(ADA_DISCORD, CHANNEL, "audit");
    let refusal = scene.message("Use the slash command").await;
    assert!(!refusal.visible().contains("health") && refusal.files.is_empty(), "{refusal:?}");
    scene.discord.assert_clean();
}

#[tokio::test]
async fn a_mention_is_answered_where_it_was_written() {
    let scene = scene().await;
    scene.discord.mention(CY_DISCORD, CHANNEL, "health auth_service");
    assert_eq!(scene.message("auth_service is well").await.channel, CHANNEL);
    scene.discord.mention(CY_DISCORD, THREAD, "health ac_service");
    assert_eq!(scene.message("ac_service is well").await.channel, THREAD);
    scene.discord.mention(CY_DISCORD, LOUNGE, "helth");
    assert!(scene.message("Not understood").await.visible().contains("health"));
    scene.discord.assert_clean();
}

#[tokio::test]
async fn the_button_looks_again_and_reactions_are_noted() {
    let scene = scene().await;
    let (_, card) = scene.asks(CY_DISCORD, &["health"], &[]).await;
    let ack = scene.discord.click(CY_DISCORD, &card, "line health").await;
    let again = scene.discord.wait_answer(ack.interaction(), SOON).await;
    assert!(again.visible().contains("All 6 services are well"), "{}", again.visible());
    let deliveries = scene.bot.metric("acgs_deliveries_total", &["kind=\"new\"", "discord"]).await;
    scene.discord.react(CY_DISCORD, card.id, "✅");
    scene.discord.unreact(CY_DISCORD, card.id, "✅");
    eventually(SOON, "both reactions", async || {
        (scene.bot.metric("acgs_deliveries_total", &["kind=\"new\"", "discord"]).await >= deliveries + 2.0)
            .then_some(())
    })
    .await;
    scene.discord.assert_clean();
}

#[tokio::test]
async fn the_same_interaction_twice_is_answered_once() {
    let scene = scene().await;
    scene.discord.duplicate_next();
    let (_, card) = scene.asks(CY_DISCORD, &["health"], &[]).await;
    assert!(card.visible().contains("All 6 services are well"));
    eventually(SOON, "the repeat", async || {
        (scene.bot.metric("acgs_deliveries_total", &["kind=\"repeat\"", "discord"]).await >= 1.0)
            .then_some(())
    })
    .await;
    let (_, help) = scene.asks(CY_DISCORD, &["help"], &[]).await;
    assert!(help.visible().contains("What you can ask me to do"), "{}", help.visible());
    assert_eq!(scene.discord.messages().len(), 2);
    scene.discord.assert_clean();
}

#[tokio::test]
async fn a_429_delays_and_loses_nothing() {
    let scene = scene().await;
    scene.discord.limit_next(Route::Original, 1, Duration::from_millis(1500), false);
    let asked = Instant::now();
    let (_, card) = scene.asks(CY_DISCORD, &["health"], &[]).await;
    assert!(card.visible().contains("All 6 services are well"));
    assert!(asked.elapsed() >= Duration::from_millis(1500), "{:?}", asked.elapsed());
    scene.discord.assert_clean();
}

#[tokio::test]
async fn a_429_on_a_channel_is_obeyed_and_holds_up_that_channel_alone() {
    let scene = scene().await;
    let wait = Duration::from_secs(3);
    scene.discord.limit_next(Route::Post, 1, wait, false);
    let asked = Instant::now();
    scene.discord.mention(CY_DISCORD, CHANNEL, "health");
    eventually(SOON, "the answer to be put off", async || {
        (scene.bot.metric("acgs_messages_put_off_total", &[]).await >= 1.0).then_some(())
    })
    .await;
    scene.discord.mention(CY_DISCORD, CHANNEL, "help health");
    scene.discord.mention(CY_DISCORD, LOUNGE, "helth");
    assert_eq!(scene.message("Not understood").await.channel, LOUNGE);
    assert!(asked.elapsed() < wait, "another channel: {:?}", asked.elapsed());
    let later = scene.message("Help: health").await;
    assert!(asked.elapsed() >= wait, "{:?}", asked.elapsed());
    assert_eq!(later.channel, CHANNEL);
    scene.message("All 6 services are well").await;
    assert!(asked.elapsed() < wait + Duration::from_secs(3), "no longer than told: {:?}", asked.elapsed());
    assert_eq!(scene.discord.calls(Route::Post), 4, "none of them was made in vain");
    scene.discord.assert_clean();
}

#[tokio::test]
async fn a_429_for_the_whole_bot_holds_up_every_channel_and_no_interaction() {
    let scene = scene().await;
    let wait = Duration::from_secs(4);
    scene.discord.limit_next(Route::Post, 1, wait, true);
    let asked = Instant::now();
    scene.discord.mention(CY_DISCORD, CHANNEL, "health");
    eventually(SOON, "the answer to be put off", async || {
        (scene.bot.metric("acgs_messages_put_off_total", &[]).await >= 1.0).then_some(())
    })
    .await;
    scene.discord.mention(CY_DISCORD, LOUNGE, "helth");
    scene.asks(CY_DISCORD, &["help"], &[]).await;
    assert!(asked.elapsed() < wait, "an interaction is exempt: {:?}", asked.elapsed());
    scene.message("Not understood").await;
    assert!(asked.elapsed() >= wait, "{:?}", asked.elapsed());
    scene.message("All 6 services are well").await;
    assert_eq!(scene.discord.calls(Route::Post), 3);
    scene.discord.assert_clean();
}

#[tokio::test]
async fn an_answer_waits_while_the_channel_or_something_in_front_of_discord_keeps_it_back() {
    let scene = scene().await;
    for status in [401, 403, 407, 408] {
        scene.discord.status_next(Route::Post, 1, status);
        scene.discord.mention(CY_DISCORD, CHANNEL, "health");
        scene.message("All 6 services are well").await;
    }
    for missing in [50_001, 50_013] {
        scene.discord.refuse_next(Route::Post, 1, 403, missing);
        scene.discord.mention(CY_DISCORD, CHANNEL, "health");
        scene.message("All 6 services are well").await;
    }
    assert_eq!(scene.bot.metric("acgs_messages_refused_total", &[]).await, 0.0);
    assert_eq!(scene.bot.get("/readyz").await.0, 200, "none of it is about the token");
    scene.discord.assert_clean();
}

#[tokio::test]
async fn an_answer_waits_for_a_token_that_discord_takes() {
    let mut scene = scene().await;
    scene.discord.refuse_next(Route::Post, 1, 401, 0);
    scene.discord.mention(CY_DISCORD, CHANNEL, "health");
    eventually(SOON, "/readyz to say so", async || (scene.bot.get("/readyz").await.0 == 503).then_some(()))
        .await;
    eventually(SOON, "another try", async || {
        (scene.bot.metric("acgs_messages_barred_total", &["discord"]).await >= 2.0).then_some(())
    })
    .await;
    assert_eq!(scene.discord.calls(Route::Post), 1, "each more would count as invalid");
    // The operator puts another token in its place.
    scene.bot.kill().await;
    scene.bot.restart().await;
    scene.message("All 6 services are well").await;
    scene.discord.assert_clean();
}

#[tokio::test]
async fn a_wait_edits_its_one_answer() {
    let scene = scene().await;
    scene.platform.sick("ac_service", "down=1").await;
    let options = [("service", "ac_service"), ("wait", "60")];
    let ack = scene.discord.slash(CY_DISCORD, CHANNEL, &["health"], &options).await;
    let first = scene.discord.wait_answer(ack.interaction(), SOON).await;
    assert!(first.visible().contains("0 of 3 good answers"), "{}", first.visible());
    scene.platform.sick("ac_service", "well=1").await;
    let last = scene
        .discord
        .wait_message(|message| message.visible().contains("ac_service well"), Duration::from_secs(30))
        .await;
    assert_eq!(last.id, first.id);
    assert_eq!(scene.discord.messages().len(), 1);
    scene.discord.assert_clean();
}

#[tokio::test]
async fn where_somebody_deletes_the_progress_the_answer_is_posted_anew() {
    let scene = scene().await;
    scene.platform.sick("ac_service", "down=1").await;
    scene.discord.mention(CY_DISCORD, CHANNEL, "health ac_service --wait 60");
    let progress = scene.message("0 of 3 good answers").await;
    scene.discord.delete_message(progress.id);
    scene.platform.sick("ac_service", "well=1").await;
    let ended = scene
        .discord
        .wait_message(|message| message.visible().contains("ac_service well"), Duration::from_secs(30))
        .await;
    assert_ne!(ended.id, progress.id);
    // The mention and its answer, which was edited from then on.
    assert_eq!(scene.discord.messages().len(), 2);
    assert_eq!(scene.bot.metric("acgs_messages_refused_total", &[]).await, 0.0);
    scene.discord.assert_clean();
}

#[tokio::test]
async fn kill_9_before_the_send_loses_no_answer() {
    let mut scene = scene().await;
    scene.discord.limit_next(Route::Original, 1, Duration::from_secs(3), false);
    let ack = scene.discord.slash(CY_DISCORD, CHANNEL, &["health"], &[]).await;
    eventually(SOON, "the answer to be put off", async || {
        (scene.bot.metric("acgs_messages_put_off_total", &[]).await >= 1.0).then_some(())
    })
    .await;
    scene.bot.kill().await;
    scene.bot.restart().await;
    let card = scene.discord.wait_answer(ack.interaction(), SOON).await;
    assert!(card.visible().contains("All 6 services are well"), "{}", card.visible());
    scene.discord.assert_clean();
}

#[tokio::test]
async fn kill_9_while_sending_posts_once() {
    let mut scene = scene().await;
    scene.discord.answer_then_reset_next(Route::Post);
    scene.discord.mention(CY_DISCORD, CHANNEL, "health");
    scene.message("All 6 services are well").await;
    scene.bot.kill().await;
    let posts = scene.discord.calls(Route::Post);
    scene.bot.restart().await;
    eventually(SOON, "another try", async || (scene.discord.calls(Route::Post) > posts).then_some(())).await;
    let (_, help) = scene.asks(CY_DISCORD, &["help"], &[]).await;
    assert!(help.visible().contains("What you can ask me to do"));
    let cards = scene
        .discord
        .messages()
        .iter()
        .filter(|message| message.visible().contains("All 6 services"))
        .count();
    assert_eq!(cards, 1, "the nonce makes the second try the first message");
    scene.discord.assert_clean();
}

#[tokio::test]
async fn what_was_missed_between_two_sessions_is_read_back() {
    let scene = scene().await;
    let (_, card) = scene.asks(CY_DISCORD, &["health"], &[]).await;
    let identifies = scene.discord.identifies();
    scene.discord.refuse_connections(2);
    scene.discord.drop_gateway(Drop::Close(4000), false);
    scene.discord.wait_disconnected(SOON).await;
    scene.discord.mention(CY_DISCORD, CHANNEL, "health auth_service");
    scene.discord.react(CY_DISCORD, card.id, "✅");
    scene.discord.wait_identifies(identifies + 1, NEW_SESSION).await;
    let missed = scene
        .discord
        .wait_message(|message| message.visible().contains("auth_service is well"), NEW_SESSION)
        .await;
    assert_eq!(missed.channel, CHANNEL);
    scene.discord.assert_clean();
    scene.bot.metric_reaches("acgs_gateway_gaps_total", &[], 1.0).await;
}

#[tokio::test]
async fn missed_messages_are_asked_for_until_discord_gives_them() {
    let scene = scene().await;
    let identifies = scene.discord.identifies();
    scene.discord.status_next(Route::Messages, 7, 503);
    scene.discord.refuse_connections(2);
    scene.discord.drop_gateway(Drop::Close(4000), false);
    scene.discord.wait_disconnected(SOON).await;
    scene.discord.mention(CY_DISCORD, CHANNEL, "health auth_service");
    scene.discord.wait_identifies(identifies + 1, Duration::from_secs(60)).await;
    scene
        .discord
        .wait_message(|message| message.visible().contains("auth_service is well"), Duration::from_secs(90))
        .await;
    scene.bot.metric_reaches("acgs_gateway_readback_failures_total", &[], 1.0).await;
    scene.discord.assert_clean();
}

#[tokio::test]
async fn a_403_before_the_first_session_is_waited_out() {
    let discord = DiscordServer::start(DiscordOptions::default()).await;
    discord.status_next(Route::Gateway, 1, 403);
    let _bot = Bot::start(setup(&discord)).await;
    discord.wait_ready(SOON).await;
    assert!(discord.calls(Route::Gateway) >= 2);
    discord.assert_clean();
}

#[tokio::test]
async fn commands_are_registered_however_often_something_in_front_of_discord_refuses_them() {
    let discord = DiscordServer::start(DiscordOptions::default()).await;
    for status in [403, 407] {
        discord.status_next(Route::Commands, 1, status);
    }
    let bot = Bot::start(setup(&discord)).await;
    eventually(SOON, "the commands to be missing", async || {
        let metric = bot.metric("acgs_discord_commands_registered", &[]).await;
        (discord.calls(Route::Commands) >= 1 && metric == 0.0).then_some(())
    })
    .await;
    discord.wait_ready(NEW_SESSION).await;
    eventually(SOON, "the metric", async || {
        (bot.metric("acgs_discord_commands_registered", &[]).await >= 1.0).then_some(())
    })
    .await;
    assert_eq!(discord.registrations(), 1);
    discord.assert_clean();
}

#[tokio::test]
async fn a_mention_written_while_the_bot_was_down_is_answered_at_the_start() {
    let mut scene = scene().await;
    scene.asks(CY_DISCORD, &["help"], &[]).await;
    assert!(scene.bot.stop().await.success());
    scene.discord.wait_disconnected(SOON).await;
    scene.discord.mention(CY_DISCORD, CHANNEL, "health ac_service");
    scene.bot.restart().await;
    scene.discord.wait_message(|message| message.visible().contains("ac_service is well"), NEW_SESSION).await;
    scene.discord.assert_clean();
}

#[tokio::test]
async fn a_dispatch_that_the_sdk_can_not_read_is_answered_all_the_same() {
    let scene = scene().await;
    scene.discord.malformed_dispatch(&["attachment_size_limit", "entitlements", "locale"]);
    let (_, card) = scene.asks(CY_DISCORD, &["health"], &[]).await;
    assert!(card.visible().contains("All 6 services are well"), "{}", card.visible());
    scene.discord.assert_clean();
}

#[tokio::test]
async fn the_invite_link_and_check_know_what_is_needed() {
    let scene = scene().await;
    let manifest = scene.bot.run(&["manifest", "discord"]).await;
    assert_eq!(manifest.code, 0, "{manifest:?}");
    assert!(
        manifest.out.contains(&APPLICATION.to_string()) && manifest.out.contains("applications.commands"),
        "{}",
        manifest.out
    );
    let check = scene.bot.run(&["check"]).await;
    assert!(check.out.contains("ok    discord: connected as"), "{check:?}");
}
