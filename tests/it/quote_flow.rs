//! Somebody's message on an incident's timeline, through the real binary: by its menu and by 📌.

use e2e::coordination::{ROOM, SOON, Scene};
use e2e::discord::{CHANNEL, GUILD, LOUNGE, THREAD};
use e2e::people::{ADA, BO_DISCORD, CY, CY_DISCORD, DEE, DEE_DISCORD, STRANGER, STRANGER_DISCORD};
use e2e::slack::{AckOutcome, Message};
use e2e::wait::eventually;

const LOUNGE_ROOM: &str = "C0LOUNGE";
const SECRET: &str = "password=hunter2-and-more";

async fn opens(scene: &Scene, number: u32, title: &str) {
    scene.types(DEE, &format!("incident open P1 '{title}'")).await;
    scene.message(&format!("Incident {number} is open: P1")).await;
}

async fn adds(scene: &Scene, user: &str, message: &Message) -> Message {
    let ack = scene.slack.shortcut(user, message, "add_to_incident").await;
    assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{ack:?}");
    scene.slack.wait_message(|answer| answer.only_for.as_deref() == Some(user), SOON).await
}

/// Waits until an incident's timeline has this.
async fn told(scene: &Scene, number: u32, what: &str) -> String {
    eventually(SOON, &format!("{what:?} on the timeline"), async || {
        let timeline = scene.timeline(number).await;
        timeline.contains(what).then_some(timeline)
    })
    .await
}

#[tokio::test]
async fn a_messages_menu_on_slack_adds_it_with_its_author_its_time_and_its_link_once() {
    let scene = Scene::start().await;
    let early = scene.slack.say(ADA, ROOM, None, &format!("logins fail <here>, {SECRET}"));
    let nothing = adds(&scene, CY, &early).await;
    assert!(nothing.visible().contains("No incident is open"), "{}", nothing.visible());
    opens(&scene, 1, "logins fail").await;
    let added = adds(&scene, CY, &early).await;
    assert!(added.visible().contains("On the timeline of P1 incident 1"), "{}", added.visible());
    assert!(adds(&scene, DEE, &early).await.visible().contains("It stood there already"));
    let by_nobody = scene.slack.say("U0SOMEBODY", ROOM, Some(&early.ts), "me too");
    adds(&scene, CY, &by_nobody).await;

    let timeline = scene.timeline(1).await;
    let pinned = format!("pinned a message of Ada ({}): logins fail <here>, password=", early.permalink());
    assert_eq!(timeline.matches(&pinned).count(), 1, "{pinned:?} in {timeline}");
    assert!(!timeline.contains("hunter2"), "{timeline}");
    // It was written before the incident was opened, and stands there.
    let (first, opened) = (timeline.find(&pinned), timeline.find("opened as P1"));
    assert!(first < opened, "{timeline}");
    let reply = format!("pinned a message of U0SOMEBODY ({}): me too", by_nobody.permalink());
    assert!(timeline.contains(&reply), "{reply:?} in {timeline}");

    for (user, message, refusal) in [
        (STRANGER, early.clone(), "not in the bot's list of people"),
        (CY, scene.slack.say(ADA, LOUNGE_ROOM, None, "cake"), "in incident channels alone"),
    ] {
        let refused = adds(&scene, user, &message).await;
        assert!(refused.visible().contains(refusal), "{}", refused.visible());
    }
    assert!(!scene.timeline(1).await.contains("cake"));
    let audit = scene.bot.line(&["audit"], true).await.out;
    assert!(audit.contains("verb=incident add") && audit.contains("refused (unknown account)"), "{audit}");
    assert_eq!(scene.slack.violations(), []);
}

#[tokio::test]
async fn where_several_incidents_are_open_whoever_adds_a_message_says_which() {
    let scene = Scene::start().await;
    opens(&scene, 1, "logins fail").await;
    opens(&scene, 2, "mails are late").await;
    let message = scene.slack.say(ADA, ROOM, None, "the queue is full");
    let asked = adds(&scene, CY, &message).await;
    let labels: Vec<String> = asked.buttons().into_iter().map(|button| button.label).collect();
    assert_eq!(labels, ["1: logins fail", "2: mails are late"]);
    let button = &asked.buttons()[1];
    scene.slack.click(STRANGER, &asked, &button.value).await;
    scene.message("not in the bot's list of people").await;
    scene.slack.click(CY, &asked, &button.value).await;
    scene.message("On the timeline of P1 incident 2").await;
    assert!(scene.timeline(2).await.contains("Ada (https://test.slack.com"));
    assert!(!scene.timeline(1).await.contains("the queue is full"));

    // Discord shows what others wrote in the menu alone: it is kept until the incident is named.
    let message = scene.discord.say(BO_DISCORD, CHANNEL, "the disk is full too");
    let ack = scene.discord.on_message(CY_DISCORD, message, "Add to incident").await;
    assert!(ack.ephemeral());
    let asked = scene.discord.wait_answer(ack.interaction(), SOON).await;
    let button = asked.buttons().remove(0);
    let ack = scene.discord.click(CY_DISCORD, &asked, &button.custom_id).await;
    let answer = scene.discord.wait_answer(ack.interaction(), SOON).await;
    assert!(answer.visible().contains("On the timeline of P1 incident 1"), "{}", answer.visible());
    let link = format!("https://discord.com/channels/{GUILD}/{CHANNEL}/{message}");
    let pinned = format!("pinned a message of Bo ({link}): the disk is full too");
    assert!(scene.timeline(1).await.contains(&pinned), "{pinned:?} in {}", scene.timeline(1).await);
    assert_eq!((scene.slack.violations(), scene.discord.violations()), (vec![], vec![]));
}

#[tokio::test]
async fn a_messages_menu_opens_an_incident_about_it() {
    let scene = Scene::start().await;
    let message = scene.slack.say(ADA, ROOM, None, "logins\nfail <@U0BO>");
    scene.slack.shortcut(DEE, &message, "open_incident").await;
    let form = scene.slack.wait_view(DEE, SOON).await;
    assert_eq!((form.initial("severity"), form.initial("title")), ("P1", "logins fail <@U0BO>"));
    scene.slack.submit(&form, &[("severity", "P2")]).await;
    scene.message("Incident 1 is open: P2").await;

    let long = "all is gone and ".repeat(50);
    let message = scene.discord.say(BO_DISCORD, CHANNEL, &long);
    let asked = scene.discord.on_message(DEE_DISCORD, message, "Open incident").await;
    let form = asked.modal();
    assert!(form.initial("title").starts_with("all is gone") && form.initial("title").ends_with('…'));
    let sent = scene.discord.submit(DEE_DISCORD, CHANNEL, form, &[("severity", "P9")]).await;
    let answer = scene.discord.wait_answer(sent.interaction(), SOON).await;
    assert!(answer.visible().contains("P0 (critical), P1 (high) or P2 (medium)"), "{}", answer.visible());
    let sent =
        scene.discord.submit(DEE_DISCORD, CHANNEL, form, &[("severity", "p0"), ("title", "all")]).await;
    let answer = scene.discord.wait_answer(sent.interaction(), SOON).await;
    assert!(answer.visible().contains("Incident 2 is open: P0"), "{}", answer.visible());
    assert_eq!((scene.slack.violations(), scene.discord.violations()), (vec![], vec![]));
}

#[tokio::test]
async fn a_pin_adds_the_message_it_is_on_and_taking_it_away_changes_nothing() {
    let scene = Scene::start().await;
    let early = scene.slack.say(ADA, ROOM, None, "before anything is open");
    scene.slack.react(DEE, &early, "pushpin").await;
    opens(&scene, 1, "logins fail").await;
    let message = scene.slack.say(ADA, ROOM, None, &format!("the queue is full, {SECRET}"));
    let elsewhere = scene.slack.say(ADA, LOUNGE_ROOM, None, "cake");
    for (user, message, emoji) in [
        (STRANGER, &message, "pushpin"),
        (DEE, &message, "round_pushpin"),
        (DEE, &elsewhere, "pushpin"),
        (CY, &message, "pushpin"),
        (DEE, &message, "pushpin"),
    ] {
        scene.slack.react(user, message, emoji).await;
    }
    let pinned = format!("pinned a message of Ada ({}): the queue is full, password=", message.permalink());
    told(&scene, 1, &pinned).await;
    scene.slack.unreact(CY, &message, "pushpin").await;
    let reply = scene.slack.say(CY, ROOM, Some(&message.ts), "in a thread");
    scene.slack.react(CY, &reply, "pushpin").await;
    let timeline =
        told(&scene, 1, &format!("pinned a message of Cy ({}): in a thread", reply.permalink())).await;
    assert_eq!(timeline.matches(&pinned).count(), 1, "{timeline}");
    for absent in ["cake", "before anything", "hunter2"] {
        assert!(!timeline.contains(absent), "{absent:?} in {timeline}");
    }

    // On Discord the text is there only where Discord shows it.
    let silent = scene.discord.say(BO_DISCORD, THREAD, "nobody may read this");
    let cake = scene.discord.say(BO_DISCORD, LOUNGE, "more cake");
    scene.discord.react(STRANGER_DISCORD, silent, "📌");
    scene.discord.react(CY_DISCORD, cake, "📌");
    scene.discord.react(CY_DISCORD, silent, "📌");
    let link = format!("https://discord.com/channels/{GUILD}/{THREAD}/{silent}");
    told(&scene, 1, &format!("pinned a message of Bo ({link})")).await;
    scene.discord.unreact(CY_DISCORD, silent, "📌");
    let read = scene.discord.mention(BO_DISCORD, CHANNEL, "help");
    scene.discord.react(CY_DISCORD, read, "📌");
    let timeline = told(&scene, 1, &format!("{CHANNEL}/{read}): <@")).await;
    assert_eq!(timeline.matches(&link).count(), 1, "{timeline}");
    for absent in ["nobody may read this", "more cake"] {
        assert!(!timeline.contains(absent), "{absent:?} in {timeline}");
    }
    let audit = scene.bot.line(&["audit"], true).await.out;
    assert_eq!(audit.matches("verb=incident add").count(), 7, "{audit}");
    assert_eq!((scene.slack.violations(), scene.discord.violations()), (vec![], vec![]));
}
