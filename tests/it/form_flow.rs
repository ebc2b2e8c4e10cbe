//! Buttons that ask for a text, through the real binary: a modal on Slack and on Discord, and the line that it is.

use e2e::coordination::{SOON, Scene};
use e2e::discord::{self, CHANNEL};
use e2e::people::{CY, CY_DISCORD, DEE, DEE_DISCORD, STRANGER, STRANGER_DISCORD};
use e2e::slack::{AckOutcome, Message, View};

/// An incident of one service, and its card on both platforms.
async fn opens(scene: &Scene) -> (Message, discord::Message) {
    scene.types(DEE, "incident open P1 'logins fail' --service fv_service").await;
    scene.message("Incident 1 is open: P1").await;
    (scene.message("nobody: press Ack").await, scene.on_discord("nobody: press Ack").await)
}

/// Somebody presses a button on Slack and sees its form.
async fn asks(scene: &Scene, user: &str, card: &Message, label: &str) -> View {
    let button = card.buttons().into_iter().find(|button| button.label == label).expect("a button");
    let ack = scene.slack.click(user, card, &button.value).await;
    assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{label}: {ack:?}");
    scene.slack.wait_view(user, SOON).await
}

#[tokio::test]
async fn on_slack_a_button_asks_for_the_words_and_what_is_sent_is_a_command_like_any_other() {
    let scene = Scene::start().await;
    let (card, _) = opens(&scene).await;
    let labels: Vec<String> = card.buttons().into_iter().map(|button| button.label).collect();
    assert_eq!(labels, ["Ack", "Update", "Escalate", "Resolve", "Timeline"]);

    let form = asks(&scene, DEE, &card, "Update").await;
    assert_eq!((form.title(), form.initial("text")), ("Update 1", ""));
    let text = "it's the \"disk\" \\ --anyway\n<!channel> of $HOME";
    let sent = scene.slack.submit(&form, &[("text", text)]).await;
    assert!(matches!(sent, AckOutcome::Acknowledged(_)), "{sent:?}");
    let answer = scene.message("it's the \"disk\" \\ --anyway <!channel> of $HOME").await;
    assert_eq!((&answer.channel, &answer.only_for), (&card.channel, &None));
    // The same view once more is the same delivery.
    assert!(matches!(scene.slack.submit(&form, &[("text", text)]).await, AckOutcome::Acknowledged(_)));

    // To open a form needs no right; what is sent of it does.
    for (user, refusal) in [(CY, "needs the role operator"), (STRANGER, "not in the bot's list of people")] {
        let form = asks(&scene, user, &card, "Update").await;
        scene.slack.submit(&form, &[("text", "all is well, go home")]).await;
        let refused = scene.message(refusal).await;
        assert_eq!(refused.only_for.as_deref(), Some(user));
    }

    scene.platform.sick("fv_service", "down=1").await;
    let form = asks(&scene, DEE, &card, "Resolve").await;
    scene.slack.submit(&form, &[("how", "restarted it")]).await;
    scene.message("fv_service is not well").await;
    let form = asks(&scene, DEE, &card, "Resolve").await;
    scene.slack.submit(&form, &[("how", "moved away"), ("anyway", "-- it is not needed any more")]).await;
    scene.message("Resolved by Dee").await;

    let timeline = scene.timeline(1).await;
    assert_eq!(timeline.matches("update: it's the \"disk\"").count(), 1, "{timeline}");
    assert!(!timeline.contains("go home"), "{timeline}");
    let resolved = "resolved although checks fail (-- it is not needed any more): moved away";
    assert!(timeline.contains(resolved), "{timeline}");
    assert_eq!(scene.slack.violations(), []);
    assert_eq!(scene.bot.run(&["audit", "verify"]).await.code, 0);
}

#[tokio::test]
async fn where_slack_shows_no_form_the_asker_is_told_what_to_type() {
    let scene = Scene::start().await;
    let (card, _) = opens(&scene).await;
    let button = card.buttons().into_iter().find(|button| button.label == "Resolve").expect("a button");
    for fault in ["internal_error", "expired_trigger_id"] {
        scene.slack.refuse_next("views.open", 1, fault);
        let ack = scene.slack.click(CY, &card, &button.value).await;
        assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{ack:?}");
        let told =
            scene.message("Type this instead: /acgs incident resolve 'in a few words' --number 1").await;
        assert_eq!(told.only_for.as_deref(), Some(CY));
    }
    // An answer that never comes keeps nobody waiting for longer than Slack waits.
    scene.slack.hang_next("views.open");
    let ack = scene.slack.click(CY, &card, &button.value).await;
    assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{ack:?}");
    scene.message("Type this instead").await;
    // A click that two sockets hear opens one form and says nothing.
    let shown = scene.slack.calls("response_url");
    scene.slack.duplicate_next();
    asks(&scene, CY, &card, "Resolve").await;
    scene.slack.wait_calls("views.open", 5, SOON).await;
    assert_eq!(scene.slack.calls("response_url"), shown);
    assert_eq!(scene.slack.violations(), []);
}

#[tokio::test]
async fn on_discord_the_form_is_the_first_response_and_its_answer_follows_what_is_sent() {
    let scene = Scene::start().await;
    let (_, card) = opens(&scene).await;
    let value = |label: &str| {
        let button = card.buttons().into_iter().find(|button| button.label == label);
        button.expect("a button").custom_id
    };
    let asked = scene.discord.click(DEE_DISCORD, &card, &value("Update")).await;
    let form = asked.modal();
    assert_eq!((form.title.as_str(), form.initial("text")), ("Update 1", ""));
    let sent = scene.discord.submit(DEE_DISCORD, CHANNEL, form, &[("text", "it's\n`full` @everyone")]).await;
    assert!(!sent.ephemeral());
    let answer = scene.discord.wait_answer(sent.interaction(), SOON).await;
    assert!(answer.visible().contains("full"), "{}", answer.visible());

    for (user, refusal) in
        [(CY_DISCORD, "needs the role operator"), (STRANGER_DISCORD, "not in the bot's list of people")]
    {
        let asked = scene.discord.click(user, &card, &value("Resolve")).await;
        let sent = scene.discord.submit(user, CHANNEL, asked.modal(), &[("how", "by magic")]).await;
        assert!(sent.ephemeral());
        let answer = scene.discord.wait_answer(sent.interaction(), SOON).await;
        assert!(answer.visible().contains(refusal), "{}", answer.visible());
    }

    scene.platform.sick("fv_service", "down=1").await;
    let asked = scene.discord.click(DEE_DISCORD, &card, &value("Resolve")).await;
    let sent = scene.discord.submit(DEE_DISCORD, CHANNEL, asked.modal(), &[("how", "restarted it")]).await;
    let answer = scene.discord.wait_answer(sent.interaction(), SOON).await;
    assert!(answer.visible().contains("fv_service is not well"), "{}", answer.visible());
    scene.platform.sick("fv_service", "down=0").await;
    // One delivery that comes twice, and one that serenity's model does not fit, are one each.
    scene.discord.malformed_dispatch(&["locale"]);
    let asked = scene.discord.click(DEE_DISCORD, &card, &value("Update")).await;
    scene.discord.duplicate_next();
    let sent = scene.discord.submit(DEE_DISCORD, CHANNEL, asked.modal(), &[("text", "once only")]).await;
    scene.discord.wait_answer(sent.interaction(), SOON).await;
    let asked = scene.discord.click(DEE_DISCORD, &card, &value("Resolve")).await;
    scene.discord.malformed_dispatch(&["locale"]);
    let sent = scene.discord.submit(DEE_DISCORD, CHANNEL, asked.modal(), &[("how", "restarted it")]).await;
    let answer = scene.discord.wait_answer(sent.interaction(), SOON).await;
    assert!(answer.visible().contains("Resolved by Dee"), "{}", answer.visible());

    let timeline = scene.timeline(1).await;
    for entry in ["update: it's `full` @everyone", "update: once only", "resolved: restarted it"] {
        assert_eq!(timeline.matches(entry).count(), 1, "{entry:?} in {timeline}");
    }
    assert!(!timeline.contains("magic"), "{timeline}");
    assert_eq!(scene.discord.violations(), []);
}
