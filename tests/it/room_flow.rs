//! Incidents' own channels and threads, through the real binary, on Slack and Discord at once.

use e2e::discord::{self, CHANNEL};
use e2e::escalation::{ROOM, SOON, Scene};
use e2e::people::{ADA, BO, BO_DISCORD, DEE, DEE_DISCORD, EVE, STRANGER};
use e2e::slack::{AckOutcome, Message, SlackOptions};
use e2e::wait::eventually;

/// Waits until Slack has so many made channels, and returns the newest.
async fn channel(scene: &Scene, count: usize) -> e2e::slack::Channel {
    eventually(SOON, "a channel", async || scene.slack.channels().get(count - 1).cloned()).await
}

/// The same for Discord's threads.
async fn thread(scene: &Scene, count: usize) -> (u64, String) {
    eventually(SOON, "a thread", async || scene.discord.threads().get(count - 1).cloned()).await
}

async fn typed(scene: &Scene, user: &str, channel: &str, line: &str) {
    let ack = scene.slack.slash(user, channel, line).await;
    assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{line:?}: {ack:?}");
}

/// The message that says this in a channel of Slack's.
async fn said(scene: &Scene, channel: &str, text: &str) -> Message {
    let fits = |message: &Message| message.channel == channel && message.visible().contains(text);
    scene.slack.wait_message(fits, SOON).await
}

#[tokio::test]
async fn what_is_critical_has_a_channel_and_a_thread_of_its_own_and_people_talk_there() {
    let mut scene = Scene::start().await;
    scene.types(DEE, "incident open P0 'Database is gone!' --service fv_service").await;
    scene.message("Incident 1 is open: P0").await;
    let own = channel(&scene, 1).await;
    assert_eq!(own.name, "inc-1-database-is-gone");
    let (thread, name) = thread(&scene, 1).await;
    assert_eq!(name, "P0 incident 1: Database is gone!");
    // The card is in both channels of Slack, the incident channel's with the way to the other one; Discord's thread
    // hangs on it.
    let link = format!("https://slack.com/app_redirect?channel={}", own.id);
    said(&scene, ROOM, &link).await;
    said(&scene, &own.id, "has it").await;
    let card = |message: &discord::Message| message.id == thread && message.channel == CHANNEL;
    assert!(scene.discord.messages().iter().any(card));
    // Whoever opened it and whoever is on call are in it from the beginning.
    let members = eventually(SOON, "members", async || {
        scene.slack.channels().first().map(|own| own.members.clone()).filter(|members| members.len() >= 3)
    })
    .await;
    for member in [DEE, BO] {
        assert!(members.contains(member), "{member} in {members:?}");
    }
    let topic = scene.slack.channels().first().map(|own| own.topic.clone());
    assert_eq!(topic.as_deref(), Some("P0 incident 1: Database is gone!"));

    // From now on people are called there; who was not in it is brought.
    let there = |message: &Message| message.channel == own.id && message.mentions() == [BO];
    scene.slack.wait_message(there, SOON).await;
    let there = |message: &discord::Message| {
        message.channel == thread && message.body["content"] == format!("<@{BO_DISCORD}>")
    };
    scene.discord.wait_message(there, SOON).await;
    let lead = |message: &Message| message.channel == own.id && message.mentions() == [EVE];
    scene.slack.wait_message(lead, SOON).await;
    eventually(SOON, "Eve in it", async || {
        scene.slack.channels().first().filter(|own| own.members.contains(EVE)).map(|_| ())
    })
    .await;

    // With another one open, the place says which is meant; and a restart forgets no place.
    scene.types(DEE, "incident open P1 'logins fail'").await;
    scene.message("Incident 2 is open: P1").await;
    let second = channel(&scene, 2).await;
    scene.types(DEE, "incident update 'which one?'").await;
    scene.message("Say which one").await;
    typed(&scene, DEE, &second.id, "incident update 'tokens are old'").await;
    said(&scene, &second.id, "tokens are old").await;
    scene.bot.kill().await;
    scene.bot.restart().await;
    scene.slack.wait_sockets(2, SOON).await;
    scene.discord.wait_ready(SOON).await;
    typed(&scene, DEE, &own.id, "incident update 'the disk is full'").await;
    said(&scene, &own.id, "the disk is full").await;
    let asked = scene.discord.slash(DEE_DISCORD, thread, &["incident", "ack"], &[]).await;
    let answer = scene.discord.wait_answer(asked.interaction(), SOON).await;
    let answer = answer.visible();
    assert!(answer.contains("P0 incident 1") && answer.contains("Dee has it"), "{answer}");
    typed(&scene, DEE, &own.id, "health").await;
    said(&scene, &own.id, "All 6 services are well").await;
    typed(&scene, STRANGER, &own.id, "incident resolve 'x'").await;
    scene.message("not in the bot's list of people").await;
    // What acts is taken there as in the incident channel, and nowhere else.
    typed(&scene, DEE, "C0ELSEWHERE", "restart fv_service").await;
    scene.message("This is taken in incident channels alone").await;
    typed(&scene, DEE, &own.id, "restart fv_service").await;
    said(&scene, &own.id, "not configured").await;
    typed(&scene, DEE, &own.id, "incident resolve 'made room'").await;
    said(&scene, &own.id, "Resolved by Dee").await;
    let over = |message: &discord::Message| {
        message.channel == thread && message.visible().contains("Resolved by Dee")
    };
    scene.discord.wait_message(over, SOON).await;
    // The place goes on to mean it: nobody resolves another one by a word in an old channel.
    typed(&scene, DEE, &own.id, "incident resolve 'again'").await;
    said(&scene, &own.id, "Incident 1 is not open").await;

    let timeline = scene.bot.line(&["incident", "timeline", "--number", "1"], false).await;
    for (entry, times) in
        [(link.as_str(), 1), ("a thread of its own on discord", 1), ("the disk is full", 1), ("tokens", 0)]
    {
        assert_eq!(timeline.out.matches(entry).count(), times, "{entry:?} in {}", timeline.out);
    }
    assert!(scene.slack.violations().is_empty(), "{:?}", scene.slack.violations());
    assert!(scene.discord.violations().is_empty(), "{:?}", scene.discord.violations());
}

#[tokio::test]
async fn what_is_medium_has_a_thread_of_its_own_on_both() {
    let scene = Scene::start().await;
    scene.types(DEE, "incident open P2 'late mails'").await;
    scene.message("Incident 1 is open: P2").await;
    scene.types(DEE, "incident open P2 'slow pages'").await;
    scene.message("Incident 2 is open: P2").await;
    thread(&scene, 2).await;
    let card = |message: &Message| {
        message.channel == ROOM
            && message.visible().contains("late mails")
            && message.visible().contains("has it")
    };
    let card = scene.slack.wait_message(card, SOON).await;
    // The place is known once the card is: until then it is asked which one is meant.
    let answer = eventually(SOON, "the place to be known", async || {
        scene.slack.mention(DEE, ROOM, Some(&card.ts), "incident note 'queue: looked at'").await;
        let answer =
            scene.slack.wait_message(|message| message.thread.as_deref() == Some(&card.ts), SOON).await;
        answer.visible().contains("Noted: P2 incident 1").then_some(answer)
    })
    .await;
    assert_eq!(answer.channel, ROOM);
    assert_eq!(scene.slack.channels().len(), 0);
    // What becomes worse gets a channel, and its thread goes on to mean it.
    scene.slack.mention(DEE, ROOM, Some(&card.ts), "incident severity P1").await;
    scene.message("Dee changed it from P2 to P1").await;
    let own = channel(&scene, 1).await;
    assert_eq!(own.name, "inc-1-late-mails");
    said(&scene, &own.id, "P1 incident 1: late mails").await;
    for thread in [Some(card.ts.as_str()), None] {
        let room = if thread.is_some() { ROOM } else { own.id.as_str() };
        scene.slack.mention(DEE, room, thread, "incident update 'more of them'").await;
        let answer = said(&scene, room, "Update: P1 incident 1").await;
        assert_eq!(answer.thread.as_deref(), thread);
    }
    assert!(scene.slack.violations().is_empty(), "{:?}", scene.slack.violations());
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_channel_and_somebody_elses_name_is_passed_over() {
    let scene = Scene::start().await;
    for name in ["general", "random", "inc-2-half-is-gone"] {
        scene.slack.make_channel(name);
    }
    scene.slack.answer_then_reset_next("conversations.create");
    scene.slack.limit_next("conversations.list", 1, 1);
    scene.types(DEE, "incident open P1 'all is gone'").await;
    let own = channel(&scene, 4).await;
    assert_eq!(own.name, "inc-1-all-is-gone");
    said(&scene, &own.id, "has it").await;
    scene.types(DEE, "incident open P1 'half is gone'").await;
    let own = channel(&scene, 5).await;
    assert_eq!(own.name, "inc-2-half-is-gone-2");
    said(&scene, &own.id, "has it").await;
    assert_eq!(scene.slack.channels().len(), 5);
    assert!(scene.slack.violations().is_empty(), "{:?}", scene.slack.violations());
}

#[tokio::test]
async fn where_the_bot_may_make_none_the_incident_channel_is_its_channel_and_the_card_says_why() {
    let mut options = SlackOptions::default();
    options.scopes.retain(|scope| !scope.starts_with("channels:"));
    let scene = Scene::with(None, options).await;
    scene.discord.refuse_threads();
    scene.types(DEE, "incident open P0 'database is gone'").await;
    said(&scene, ROOM, "none of its own on slack: missing_scope: give the app the scopes").await;
    let told = |message: &discord::Message| {
        message.channel == CHANNEL
            && message.visible().contains("none of its own on discord: Missing Permissions")
            && message.visible().contains("Create Public Threads")
    };
    scene.discord.wait_message(told, SOON).await;
    let page = scene.paged(BO, "nobody has acknowledged it (page 2)").await;
    assert_eq!(page.channel, ROOM);
    scene.paged(ADA, "engineering manager is called").await;
    let (ready, _) = scene.bot.get("/readyz").await;
    assert_eq!(ready, 200, "what is refused is no outage");
    // A thread on Slack takes no right; what becomes worse keeps it where there is no channel to be had.
    scene.types(DEE, "incident open P2 'late mails'").await;
    scene.message("Incident 2 is open: P2").await;
    let entry = "a thread of its own on slack";
    eventually(SOON, "the thread", async || {
        let timeline = scene.bot.line(&["incident", "timeline", "--number", "2"], false).await;
        timeline.out.contains(entry).then_some(())
    })
    .await;
    scene.types(DEE, "incident severity P0 --number 2").await;
    let in_thread = |message: &Message| {
        message.thread.is_some()
            && message.mentions() == [BO]
            && message.visible().contains("P0 incident 2: late mails")
            && message.visible().contains("page 3")
    };
    scene.slack.wait_message(in_thread, SOON).await;
    assert_eq!(scene.slack.calls("conversations.create"), 2, "it was asked for");
}
