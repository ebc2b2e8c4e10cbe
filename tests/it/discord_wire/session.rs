//! Sessions: begun, dropped, resumed, begun anew, refused; and the registration and the doctor beside them.

use std::sync::Arc;
use std::time::Duration;

use chat_discord::{DiscordChat, DiscordConfig, DiscordError};
use commands::ids::{Platform, Room};
use commands::message::{EventKind, Liveness, ReactionChange, SendError, Target};
use e2e::discord::{
    APPLICATION, Ack, AckOutcome, BOT_TOKEN, CHANNEL, DiscordOptions, DiscordServer, Drop, Route, THREAD,
};
use e2e::wait::eventually;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{
    ALICE, BOB, Bot, NEW_SESSION, SOON, accepted, config, connect, in_channel, now, outgoing, posted,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_connection_is_resumed_and_nothing_is_lost() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    for (count, drop) in [Drop::Close(4000), Drop::Abort, Drop::Reset].into_iter().enumerate() {
        assert_eq!(server.drop_gateway(drop, true), 1);
        server.mention(ALICE, CHANNEL, &format!("help {count}"));
        server.wait_resumes(count + 1, SOON).await;
        bot.command(&format!("help {count}")).await;
    }
    server.op7();
    server.wait_resumes(4, SOON).await;
    let outcome = server.slash(ALICE, CHANNEL, &["health"], &[]).await;
    assert_eq!(server.identifies(), 1);
    bot.end().await;
    server.leave_unanswered(outcome.interaction());
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_session_reads_back_missed_mentions_and_reactions() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    let message = posted(&server, &bot, "Vote", Vec::new()).await;
    server.react(ALICE, message.id, "✅");
    bot.reaction(ReactionChange::Added, "✅").await;
    server.mention(ALICE, CHANNEL, "help before");
    bot.command("help before").await;

    server.op9(false);
    server.wait_disconnected(SOON).await;
    server.mention(ALICE, CHANNEL, "help missed");
    server.mention(BOB, THREAD, "help in thread");
    server.unreact(ALICE, message.id, "✅");
    server.react(BOB, message.id, "⛔");
    assert_eq!(server.slash(ALICE, CHANNEL, &["health"], &[]).await, AckOutcome::Undeliverable);
    server.wait_identifies(2, NEW_SESSION).await;

    let missed = bot.command("help missed").await;
    assert_eq!(missed.place, in_channel(CHANNEL));
    assert_eq!(bot.command("help in thread").await.place.thread, Some(THREAD.to_string()));
    let removed = bot.reaction(ReactionChange::Removed, "✅").await;
    assert_eq!(removed.from.id, ALICE.to_string());
    let added = bot.reaction(ReactionChange::Added, "⛔").await;
    assert_eq!(added.from.id, BOB.to_string());
    let before = bot.events().iter().filter(|event| event.delivery == missed.delivery).count();
    assert_eq!(before, 1);
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_put_on_while_missed_ones_are_read_is_not_withdrawn() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    let message = posted(&server, &bot, "Vote", Vec::new()).await;
    server.op9(false);
    server.wait_disconnected(SOON).await;
    server.mention(ALICE, CHANNEL, "help missed");
    let page = server.hold_next(Route::Messages);
    eventually(NEW_SESSION, "the page to be read", async || {
        (server.calls(Route::Messages) == 1).then_some(())
    })
    .await;
    server.react(BOB, message.id, "✅");
    bot.reaction(ReactionChange::Added, "✅").await;
    drop(page);
    // It is newer than the message, so the reactions are compared by then.
    bot.command("help missed").await;
    let withdrawn = bot
        .events()
        .into_iter()
        .find(|event| matches!(event.kind, EventKind::Reaction { change: ReactionChange::Removed, .. }));
    assert_eq!(withdrawn, None);
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_reads_back_since_the_newest_stored_event() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let since = now();
    let missed = server.mention(ALICE, CHANNEL, "help missed");
    let bot = Bot::begin(&server, Some(since), accepted);
    let event = bot.command("help missed").await;
    assert_eq!(event.delivery.id, missed.to_string());
    assert!(event.at >= since.checked_sub(jiff::SignedDuration::from_millis(1)).expect("in range"));
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_with_a_refused_reconnect_is_back_long_before_the_next_heartbeat() {
    let options = DiscordOptions { heartbeat_interval: Duration::from_secs(15), ..DiscordOptions::default() };
    let server = DiscordServer::start(options).await;
    let bot = Bot::start(&server, accepted).await;
    server.refuse_connections(1);
    server.drop_gateway(Drop::Reset, true);
    // serenity alone spins until its next heartbeat and then waits another five seconds.
    server.wait_identifies(2, Duration::from_secs(12)).await;
    bot.live().await;
    let outcome = server.slash(ALICE, CHANNEL, &["health"], &[]).await;
    bot.end().await;
    server.leave_unanswered(outcome.interaction());
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_that_gets_no_word_is_told_of_and_replaced_by_a_new_session() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    bot.live().await;
    server.silence_connections(1);
    server.drop_gateway(Drop::Close(4000), true);
    bot.down("the gateway has not answered for ").await;
    server.mention(ALICE, CHANNEL, "help missed");
    server.wait_identifies(2, NEW_SESSION * 2).await;
    bot.command("help missed").await;
    bot.live().await;
    server.mention(ALICE, CHANNEL, "help now");
    bot.command("help now").await;
    assert_eq!(server.resumes(), 0);
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_connection_that_gets_no_word_is_made_again() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    server.silence_connections(1);
    let bot = Bot::begin(&server, None, accepted);
    bot.down("the gateway has not answered for ").await;
    server.wait_ready(NEW_SESSION * 2).await;
    server.mention(ALICE, CHANNEL, "help now");
    bot.command("help now").await;
    bot.live().await;
    assert_eq!(server.identifies(), 1);
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_connection_is_noticed_by_its_heartbeat_and_what_it_missed_is_read_back() {
    let options = DiscordOptions { heartbeat_interval: Duration::from_secs(3), ..DiscordOptions::default() };
    let server = DiscordServer::start(options).await;
    let bot = Bot::start(&server, accepted).await;
    let message = posted(&server, &bot, "Vote", Vec::new()).await;
    assert_eq!(server.hush_gateway(), 1);
    server.mention(ALICE, CHANNEL, "help missed");
    server.react(BOB, message.id, "✅");
    server.wait_identifies(2, NEW_SESSION).await;
    bot.command("help missed").await;
    assert_eq!(bot.reaction(ReactionChange::Added, "✅").await.from.id, BOB.to_string());
    bot.live().await;
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_sessions_of_a_day_wait_for_their_turn() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    server.sessions_left(50, Duration::from_secs(150));
    let bot = Bot::begin(&server, None, accepted);
    bot.down("Discord allows few more sessions today").await;
    assert_eq!(server.identifies(), 0);
    server.wait_ready(NEW_SESSION).await;
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_with_missing_fields_are_still_answered_and_nobody_is_made_up() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    server.malformed_dispatch(&["/locale", "/attachment_size_limit", "/entitlements", "/channel/type"]);
    let outcome = server.slash(ALICE, CHANNEL, &["health"], &[("service", "ac_service")]).await;
    assert_eq!(outcome.ack(), &Ack::Deferred { ephemeral: false });
    let event = bot.command("health ac_service").await;
    assert_eq!(event.from.id, ALICE.to_string());

    server.malformed_dispatch(&["/member/user/username", "/version"]);
    let completed = server.autocomplete(ALICE, CHANNEL, &["health"], ("service", "ac")).await;
    assert_eq!(completed.ack(), &Ack::Choices(vec!["ac_service".to_owned()]));

    server.malformed_dispatch(&["/author/username"]);
    server.mention(BOB, CHANNEL, "help");
    bot.command("help").await;
    let message = posted(&server, &bot, "React", Vec::new()).await;
    server.malformed_dispatch(&["/burst", "/member/deaf"]);
    server.react(BOB, message.id, "✅");
    bot.reaction(ReactionChange::Added, "✅").await;

    // Without a user the SDK would make up user 1.
    server.malformed_dispatch(&["/member", "/guild_id"]);
    let nobody = server.slash(ALICE, CHANNEL, &["health"], &[]).await;
    assert!(nobody.ephemeral());
    server.wait_answer(nobody.interaction(), SOON).await;
    assert!(bot.events().iter().all(|event| event.from.id != "1"), "{:#?}", bot.events());
    bot.end().await;
    server.leave_unanswered(outcome.interaction());
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_put_once_and_only_when_they_differ() {
    let server =
        DiscordServer::start(DiscordOptions { identify_limit: false, ..DiscordOptions::default() }).await;
    let bot = Bot::start(&server, accepted).await;
    bot.end().await;
    assert_eq!(server.registrations(), 1);
    let reads = server.calls(Route::Commands);
    let bot = Bot::start(&server, accepted).await;
    eventually(SOON, "the registered commands to be read", async || {
        (server.calls(Route::Commands) > reads).then_some(())
    })
    .await;
    server.wait_identifies(2, SOON).await;
    bot.end().await;
    assert_eq!(server.registrations(), 1);
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_changed_are_put_anew() {
    let server =
        DiscordServer::start(DiscordOptions { identify_limit: false, ..DiscordOptions::default() }).await;
    Bot::start(&server, accepted).await.end().await;
    let mut config = config(&server, BOT_TOKEN);
    config.tree.description = "Another description".to_owned();
    let bot = Bot::serve(DiscordChat::new(config).expect("valid"), None, accepted);
    eventually(SOON, "the changed commands", async || (server.registrations() == 2).then_some(())).await;
    assert_eq!(server.registered_commands()[0]["description"], "Another description");
    server.wait_identifies(2, SOON).await;
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_or_intent_ends_serving_with_what_to_do() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let stranger = connect(&server, "MTA.some.other-token");
    let serve = async |chat: &DiscordChat| {
        let served = chat.serve(None, |_| async { None }, CancellationToken::new());
        tokio::time::timeout(SOON, served).await.expect("no loop").expect_err("refused")
    };
    let error = serve(&stranger).await;
    assert!(matches!(error, DiscordError::Token), "{error:?}");
    assert!(matches!(stranger.liveness(), Liveness::Down(_)));
    let calls = server.calls(Route::Post);
    let error = stranger.send(&outgoing(Target::Post(in_channel(CHANNEL)), "x")).await.expect_err("refused");
    assert!(matches!(error, SendError::Barred { .. }), "kept for a better token: {error:?}");
    assert_eq!(server.calls(Route::Post), calls, "no more calls with a token that is refused");
    assert!(matches!(stranger.check().await, Err(DiscordError::Token)));

    server.refuse_intents();
    let error = serve(&connect(&server, BOT_TOKEN)).await;
    assert!(matches!(error, DiscordError::Intents), "{error:?}");
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_knows_who_the_bot_is_and_finds_what_is_wrong() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let well = connect(&server, BOT_TOKEN).check().await.expect("Discord answers");
    assert_eq!((well.application.as_str(), well.bot_user.as_str()), ("acgs", "acgs"));
    assert_eq!(well.guilds, ["Test server"]);
    assert_eq!(well.problems, [] as [&str; 0]);

    let sick = DiscordChat::new(DiscordConfig {
        api_url: server.api_url(),
        token: SecretString::from(BOT_TOKEN),
        application_id: APPLICATION + 1,
        guild_id: Some(7),
        rooms: vec![Room::new(Platform::Discord, "8")],
        tree: commands::grammar::Grammar::new(Vec::new()).tree().clone(),
        leave: None,
        complete: Arc::new(|_, _| Vec::new()),
        now,
    });
    let sick = sick.expect("a valid configuration").check().await.expect("Discord answers");
    assert_eq!(sick.problems.len(), 4, "{:#?}", sick.problems);
    server.forgive("address");
    server.assert_clean();
}
