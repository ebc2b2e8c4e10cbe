//! Incidents that call people, through the real binary, on Slack and Discord at once.

use std::time::Duration;

use bot::failpoint::Failpoint;
use e2e::discord::{self, CHANNEL};
use e2e::escalation::{ALERTS_TOKEN, ROOM, SCHEDULE, SOON, Scene};
use e2e::people::{self, ADA, ADA_DISCORD, BO, BO_DISCORD, CY, DEE, EVE};
use e2e::slack::{Message, SlackOptions};

/// A page that a platform does not take for 20 s is told elsewhere.
const FALLBACK: Duration = Duration::from_secs(45);

#[tokio::test]
async fn a_p0_pages_on_every_way_until_somebody_answers_and_calls_the_next_rung_all_the_same() {
    let scene = Scene::start().await;
    scene.types(DEE, "incident open P0 'database is gone' --service fv_service").await;
    scene.message("Incident 1 is open: P0").await;
    // Whoever watches the bot hears of it while it keeps its schedule.
    let beats = scene.hooks.wait("heartbeat", 1, SOON).await;
    assert_eq!(beats[0]["status"], "ok");
    let (ready, parts) = scene.bot.get("/readyz").await;
    assert!(ready == 200 && parts.contains("nothing is overdue"), "{parts}");
    let page = scene.paged(BO, "on-call is called by the schedule").await;
    assert!(page.visible().contains("P0 incident 1: database is gone"), "{}", page.visible());
    scene.paged(ADA, "engineering manager is called").await;
    // To each alone, and by what wakes them; a notice is none.
    let alone =
        |message: &Message| message.channel == "D0BO" && message.visible().contains("database is gone");
    scene.slack.wait_message(alone, SOON).await;
    let posts = scene.hooks.wait("bo", 1, SOON).await;
    assert_eq!((posts[0]["person"].as_str(), posts[0]["incident"].as_u64()), (Some("Bo"), Some(1)));
    let told =
        |message: &discord::Message| !message.is_direct && message.visible().contains("on-call is called");
    let on_discord = scene.discord.wait_message(told, SOON).await;
    assert_eq!(on_discord.body["content"], format!("<@{BO_DISCORD}>"));
    let notified = |message: &discord::Message| message.visible().contains("engineering manager is called");
    let on_discord = scene.discord.wait_message(notified, SOON).await;
    assert_eq!(on_discord.body["content"], format!("<@{ADA_DISCORD}>"));
    assert!(!scene.slack.messages().iter().any(|message| message.channel == "D0ADA"), "a notice is no page");

    scene.paged(BO, "nobody has acknowledged it (page 2)").await;
    let ack = scene.discord.slash(BO_DISCORD, CHANNEL, &["incident", "ack"], &[]).await;
    let answer = scene.discord.wait_answer(ack.interaction(), SOON).await;
    assert!(answer.visible().contains("Bo has it"), "{}", answer.visible());
    let pages = scene.count("nobody has acknowledged it");
    // The ladder goes on, and without a word the acknowledgement is worth nothing after six seconds.
    scene.paged(EVE, "DevOps lead is called by the schedule").await;
    scene.paged(BO, "no word of anybody since").await;
    assert_eq!(scene.count("nobody has acknowledged it"), pages, "an answer ends that");

    scene.platform.sick("fv_service", "down=1").await;
    scene.types(DEE, "incident resolve 'restarted it'").await;
    scene.message("fv_service is not well").await;
    scene.platform.sick("fv_service", "down=0").await;
    scene.types(DEE, "incident resolve 'restarted it'").await;
    scene.message("Resolved by Dee").await;
    let over =
        |message: &Message| message.visible().contains("resolved") && message.visible().contains("lasted");
    scene.slack.wait_message(over, SOON).await;
    let shown = scene.bot.line(&["incident", "show", "--number", "1"], false).await;
    assert!(shown.out.contains("page to on-call (Bo): "), "{}", shown.out);
    assert_eq!(scene.count("on-call is called by the schedule"), (1, 1), "each rung once, everywhere");
    assert_eq!(scene.count("DevOps lead is called by the schedule"), (1, 1));
    assert_eq!(scene.bot.metric("acgs_messages_refused_total", &[]).await, 0.0);
    let verified = scene.bot.run(&["audit", "verify"]).await;
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[tokio::test]
async fn whoever_dies_between_deciding_and_sending_tells_everybody_once() {
    for point in Failpoint::SCHEDULE {
        let mut scene = Scene::with(Some(point), SlackOptions::default()).await;
        scene.types(DEE, "incident open P1 'logins fail'").await;
        scene.bot.dies(SOON).await;
        scene.bot.set("ACGS_FAILPOINT", None);
        scene.bot.restart().await;
        scene.paged(BO, "on-call is called by the schedule").await;
        scene.hooks.wait("bo", 1, SOON).await;
        // What comes last of a telling is there: its card. Then nothing is on its way any more.
        let card =
            |message: &Message| message.visible().contains("has it") && message.visible().contains("duties");
        scene.slack.wait_message(card, SOON).await;
        assert_eq!(scene.count("on-call is called by the schedule").0, 1, "{}", point.as_str());
        assert_eq!(scene.hooks.posts("bo").len(), 1, "{}", point.as_str());
        let timeline = scene.bot.line(&["incident", "timeline", "--number", "1"], false).await;
        assert_eq!(timeline.out.matches("on-call (Bo)").count(), 1, "{}: {}", point.as_str(), timeline.out);
    }
}

#[tokio::test]
async fn a_page_that_no_platform_takes_goes_to_the_fallback_and_one_that_one_takes_says_so_there() {
    let scene = Scene::start().await;
    scene.slack.not_in_channel(ROOM);
    scene.slack.not_in_channel("D0BO");
    scene.types(DEE, "incident open P1 'half is gone'").await;
    let missing = |message: &discord::Message| message.visible().contains("slack has not taken this page");
    scene.discord.wait_message(missing, FALLBACK).await;
    assert_eq!(scene.hooks.posts("fallback").len(), 0, "one did");

    scene.discord.refuse_direct(BO_DISCORD);
    scene.types(DEE, "incident open P1 'a quarter is gone'").await;
    let unheard =
        |message: &discord::Message| message.visible().contains("Bo did not get the direct message");
    scene.discord.wait_message(unheard, FALLBACK).await;
    scene.discord.refuse_channel(CHANNEL);
    scene.types(DEE, "incident open P1 'all is gone'").await;
    let posts = scene.hooks.wait("fallback", 1, FALLBACK).await;
    assert!(posts[0]["text"].as_str().is_some_and(|text| text.contains("all is gone")), "{posts:?}");
}

#[tokio::test]
async fn an_incident_goes_from_hand_to_hand_and_its_timeline_has_all_of_it() {
    let scene = Scene::start().await;
    scene.types(BO, "incident open P2 'slow' --drill").await;
    scene.message("Drill: incident 1 is open: P2").await;
    // Bo is on call and opened it: nobody is pinged about their own act.
    let told = |message: &Message| !message.is_direct() && message.visible().contains("on-call is called");
    let notice = scene.slack.wait_message(told, SOON).await;
    assert_eq!(notice.mentions(), [] as [&str; 0]);
    assert!(notice.visible().contains("DRILL, P2 incident 1: slow"), "{}", notice.visible());

    scene.types(CY, "incident note 'query cache: looked at'").await;
    scene.message("Noted: DRILL, P2 incident 1").await;
    scene.types(CY, "incident assign comms <@U0CY|cy>").await;
    scene.message("needs the role operator").await;
    scene.types(DEE, "incident assign comms <@U0CY|cy>").await;
    scene.message("Cy is comms").await;
    scene.types(DEE, "incident assign ops nobody-of-ours").await;
    scene.message("is nobody in the bot's configuration").await;
    scene.types(DEE, "incident severity P1").await;
    scene.message("Dee changed it from P2 to P1").await;
    scene.paged(BO, "on-call is called by the schedule").await;
    scene.types(DEE, "incident severity P2").await;
    scene.message("Lowering it cancels calls").await;
    scene.types(DEE, "incident ack").await;
    scene.message("Dee has it").await;
    scene.types(BO, "incident ack").await;
    scene.message("Dee has it.").await;
    scene.types(DEE, "incident handoff <@U0CY>").await;
    scene.message("Cy could not accept it").await;
    scene.types(DEE, "incident handoff @ada").await;
    let asked = scene.paged(ADA, "asks Ada to take it over").await;
    scene.types(DEE, "incident handoff").await;
    scene.message("only they can accept").await;
    let accept = asked.buttons().into_iter().find(|button| button.label == "Accept").expect("a button");
    scene.slack.click(ADA, &asked, &accept.value).await;
    scene.message("Ada has it now").await;
    scene.types(DEE, "incident update 'making room on the disk'").await;
    scene.message("making room on the disk").await;
    scene.types(DEE, "health").await;
    scene.message("All 6 services are well").await;
    scene.types(DEE, "incident escalate").await;
    scene.paged(EVE, "calls Eve").await;
    scene.types(DEE, "incident snooze 15m").await;
    scene.message("Snoozed:").await;
    for _ in 0..2 {
        scene.types(DEE, "incident status-page --no-change").await;
        scene.message("Status: no change").await;
    }
    scene.types(DEE, "incident status-page --no-change").await;
    scene.message("was said 2 times in a row").await;
    scene.types(DEE, "incident status-page 'Slow for some. We work on it.'").await;
    scene.message("Slow for some. We work on it.").await;
    scene.types(DEE, "incident resolve 'more room' --anyway 'a drill'").await;
    scene.message("Resolved by Dee").await;
    scene.types(DEE, "incident ack --number 1").await;
    scene.message("Incident 1 is not open").await;
    scene.types(DEE, "incident reopen --number 1").await;
    scene.message("Dee opened it again").await;
    scene.types(DEE, "incident resolve 'now it is' --number 1").await;
    scene.message("now it is").await;

    let done = scene.bot.line(&["incident", "timeline", "--number", "1"], true).await;
    let json: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
    let file = json.pointer("/file/content").and_then(serde_json::Value::as_str).expect("all of it");
    for happened in [
        "Bo: opened as P2: slow",
        "Cy: note: query cache: looked at",
        "Dee: comms is Cy",
        "Dee: severity P2 -> P1",
        "Dee: acknowledged",
        "Dee: asked Ada to take over",
        "Ada: took over from Dee",
        "Dee: update: making room on the disk",
        "Dee: health -> done",
        "Dee: called the DevOps lead",
        "Dee: published: no change",
        "Dee: published: Slow for some. We work on it.",
        "Dee: resolved although checks fail (a drill): more room",
        "Dee: opened it again",
        "Dee: resolved: now it is",
    ] {
        assert!(file.contains(happened), "{happened:?} in {file}");
    }
    let made = scene.bot.line(&["incident", "postmortem", "--number", "1"], true).await;
    let json: serde_json::Value = serde_json::from_str(&made.out).expect("JSON");
    let document = json.pointer("/file/content").and_then(serde_json::Value::as_str).expect("a document");
    for part in
        ["# DRILL, P1 incident 1: slow", "## Impact", "| to acknowledge |", "## Timeline", "## Action items"]
    {
        assert!(document.contains(part), "{part:?} in {document}");
    }
    assert!(scene.slack.violations().is_empty(), "{:?}", scene.slack.violations());
}

#[tokio::test]
async fn who_is_on_call_is_taken_and_given_and_a_preview_sends_nothing() {
    let scene = Scene::start().await;
    let who = scene.bot.line(&["oncall", "who"], false).await;
    assert!(who.out.contains("Bo is on call"), "{who:?}");
    scene.types(DEE, "oncall take 2h").await;
    scene.message("Dee is on call").await;
    scene.types(DEE, "incident open P2 'late mails'").await;
    let told = |message: &Message| !message.is_direct() && message.visible().contains("on-call is called");
    assert_eq!(scene.slack.wait_message(told, SOON).await.mentions(), [] as [&str; 0], "it is Dee's own");
    scene.types(DEE, "oncall give <@U0EVE> 1h").await;
    scene.message("Eve is on call").await;
    let schedule = scene.bot.line(&["oncall", "schedule"], false).await;
    let order: Vec<usize> =
        ["Eve", "Dee", "Bo"].iter().map(|name| schedule.out.find(name).expect("in the table")).collect();
    assert!(order.is_sorted(), "{}", schedule.out);
    let before = scene.slack.messages().len();
    let preview = scene.bot.line(&["oncall", "preview", "P1"], false).await;
    for row in ["page    Eve", "nobody has acknowledged it (page 2)", "DevOps lead is called", "NOBODY LEFT"]
    {
        assert!(preview.out.contains(row), "{row:?} in {}", preview.out);
    }
    assert_eq!(scene.slack.messages().len(), before);
}

#[tokio::test]
async fn a_schedule_that_can_not_work_is_refused_at_the_start() {
    let people = people::acting();
    let oncall = "[oncall]\non_call = [\"Bo\"]\ndevops_lead = [\"Eve\"]\nengineering_manager = [\"Ada\"]\n";
    let web = "[web]\nlisten = \"127.0.0.1:0\"\n";
    for (change, what) in [
        (("devops_lead = [\"Eve\"]\n", ""), "it tells devops_lead, and [oncall] devops_lead names nobody"),
        (("[web]\nlisten = \"127.0.0.1:0\"\n", ""), "can't be reached"),
        (("severity = \"P2\"", "severity = \"P1\""), "P1: is given twice"),
        (("after = \"8s\"", "after = \"0m\""), "write steps in the order of time"),
        (("status_every = \"15m\"", "status_every = \"5m\""), "status_every must be 10 minutes or more"),
        (("how = \"notify\" }]", "how = \"shout\" }]"), "unknown variant `shout`"),
        (("[oncall]", "[oncall]\nzone = \"Mars/Base\""), "use a name such as Europe/Berlin"),
        (("[oncall]", "[oncall]\nquiet_hours = \"always\""), "must be two times of day"),
    ] {
        let good = format!("[bot]\ndata_dir = \"DATA_DIR\"\n{web}{people}{oncall}{SCHEDULE}");
        let bad = good.replacen(change.0, change.1, 1);
        assert_ne!(good, bad, "{change:?}");
        let bad = if what.contains("write steps") {
            bad.replacen("after = \"0m\", tell = \"on_call\"", "after = \"9s\", tell = \"on_call\"", 1)
        } else {
            bad
        };
        let checked = e2e::bot::run_with(&bad, &["check"], &[]).await;
        assert_eq!(checked.code, 2, "{what}: {checked:?}");
        let said = format!("{}{}", checked.out, checked.err);
        assert!(said.contains(what), "{what:?} in {said}");
    }
}

/// What Alertmanager posts, and the answer's status.
async fn alert(scene: &Scene, token: &str, severity: &str, status: &str, service: &str) -> u16 {
    let key = format!("{{}}:{{service=\"{service}\"}}");
    let body = serde_json::json!({
        "version": "4", "groupKey": key, "status": status, "receiver": "acgs", "truncatedAlerts": 0,
        "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am", "groupLabels": {},
        "alerts": [{
            "status": status, "labels": {"alertname": "ServiceDown", "severity": severity, "service": service},
            "annotations": {"summary": format!("{service} <!channel> is down")},
            "startsAt": "2026-01-02T03:04:05Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "c0ffee12",
        }],
    });
    let posted = e2e::stack::client().post(format!("http://{}/alertmanager", scene.bot.http));
    let answer = posted.bearer_auth(token).json(&body).send().await.expect("an answer");
    answer.status().as_u16()
}

#[tokio::test]
async fn an_alert_is_one_message_that_goes_green_and_a_bad_one_opens_one_incident() {
    let scene = Scene::start().await;
    assert_eq!(alert(&scene, "guessed", "P1", "firing", "gs_service").await, 401);
    let client = e2e::stack::client();
    let garbled =
        client.post(format!("http://{}/alertmanager", scene.bot.http)).bearer_auth(ALERTS_TOKEN).body("{}");
    assert_eq!(garbled.send().await.expect("an answer").status().as_u16(), 400);
    for _ in 0..3 {
        assert_eq!(alert(&scene, ALERTS_TOKEN, "P1", "firing", "gs_service").await, 200);
    }
    let told = scene.message("Alert P1: ServiceDown: gs_service <!channel> is down").await;
    assert!(told.visible().contains("It belongs to incident 1"), "{}", told.visible());
    scene.paged(BO, "on-call is called by the schedule").await;
    // Another alert of the same service joins it; a mild one is posted and wakes nobody.
    assert_eq!(alert(&scene, ALERTS_TOKEN, "P2", "firing", "ac_service").await, 200);
    scene.message("Alert P2: ServiceDown: ac_service").await;
    assert_eq!(alert(&scene, ALERTS_TOKEN, "P1", "resolved", "gs_service").await, 200);
    let over =
        |message: &Message| message.ts == told.ts && message.visible().contains("Over P1: ServiceDown");
    scene.slack.wait_message(over, SOON).await;
    assert_eq!((scene.count("Over P1: ").0, scene.count("Alert P1: ").0), (1, 0), "one message, edited");
    let list = scene.bot.line(&["incident", "list"], false).await;
    assert!(list.out.contains("1 incident is open"), "{}", list.out);
    let timeline = scene.bot.line(&["incident", "timeline", "--number", "1"], false).await;
    for entry in ["Alertmanager", "alert fires: ServiceDown", "alert is over: ServiceDown"] {
        assert_eq!(timeline.out.matches(entry).count(), 1, "{entry:?} in {}", timeline.out);
    }
    // It fires again, and worse: a new message, and the same open incident, which is raised.
    assert_eq!(alert(&scene, ALERTS_TOKEN, "P0", "firing", "gs_service").await, 200);
    scene.message("Alert P0: ServiceDown: gs_service").await;
    scene.paged(ADA, "engineering manager is called by the schedule").await;
    let list = scene.bot.line(&["incident", "list"], false).await;
    assert!(list.out.contains("1 incident is open"), "{}", list.out);
}

#[tokio::test]
async fn what_is_published_is_on_the_page_and_nothing_else_is() {
    let scene = Scene::start().await;
    let (status, page) = scene.bot.get("/status").await;
    assert!(status == 200 && page.contains("No problem is known"), "{page}");
    scene.types(DEE, "incident open P1 'secret inner name' --service fv_service").await;
    scene.message("Incident 1 is open: P1").await;
    scene.types(DEE, "incident note 'the password is in the vault'").await;
    scene.message("Noted").await;
    scene.types(DEE, "incident status-page 'Some <b>logins</b> fail. We work on it.'").await;
    scene.message("logins").await;
    let posts = scene.hooks.wait("status", 1, SOON).await;
    assert_eq!(posts[0]["incident"]["body"], "Some <b>logins</b> fail. We work on it.");
    assert_eq!(posts[0]["incident"]["impact"], "major");
    let page = e2e::wait::eventually(Duration::from_secs(30), "the page", async || {
        let (_, page) = scene.bot.get("/status").await;
        page.contains("There is a problem").then_some(page)
    })
    .await;
    assert!(page.contains("Some &lt;b&gt;logins&lt;/b&gt; fail. We work on it."), "{page}");
    let (_, feed) = scene.bot.get("/status.atom").await;
    assert!(feed.contains("<content type=\"text\">Some &lt;b&gt;logins"), "{feed}");
    for inner in ["secret inner name", "vault", "Dee", "fv_service"] {
        assert!(!page.contains(inner) && !feed.contains(inner), "{inner:?} in {page} {feed}");
    }
    scene.types(DEE, "incident resolve 'turned it off and on'").await;
    scene.message("Resolved by Dee").await;
    let posts = scene.hooks.wait("status", 2, SOON).await;
    assert_eq!(posts[1]["incident"]["status"], "resolved");
}

#[tokio::test]
async fn what_wakes_somebody_is_tried_again_while_it_is_busy_and_counted_when_it_refuses() {
    let scene = Scene::start().await;
    scene.hooks.answer_with(503);
    scene.types(DEE, "incident open P1 'half is gone'").await;
    scene.paged(BO, "on-call is called by the schedule").await;
    assert_eq!(scene.hooks.posts("bo").len(), 0);
    scene.hooks.answer_with(0);
    assert_eq!(scene.hooks.wait("bo", 1, SOON).await[0]["title"], "half is gone");
    scene.hooks.answer_with(410);
    scene.types(DEE, "incident open P1 'all is gone'").await;
    e2e::wait::eventually(SOON, "the refusal", async || {
        (scene.bot.metric("acgs_webhooks_refused_total", &[]).await >= 1.0).then_some(())
    })
    .await;
    scene.message("What wakes Bo (their page_webhook) does not take the page: refused with status 410").await;
    assert_eq!(scene.hooks.posts("bo").len(), 1);
}

#[tokio::test]
async fn an_incident_keeps_the_schedule_of_its_opening_and_only_what_is_medium_waits_for_the_morning() {
    let mut scene = Scene::start().await;
    scene.types(DEE, "incident open P0 'database is gone'").await;
    scene.message("Incident 1 is open: P0").await;
    scene.paged(BO, "on-call is called by the schedule").await;
    scene.bot.kill().await;
    // Somebody writes another schedule meanwhile, and hours in which people sleep: these.
    let now = bot::clock::now();
    let hour = |hours: i64| (now + jiff::SignedDuration::from_hours(hours)).strftime("%H:%M").to_string();
    let (from, until) = (hour(-1), hour(1));
    scene.bot.rewrite("after = \"8s\"", "after = \"10m\"");
    let hours = format!("[oncall]\nzone = \"UTC\"\nquiet_hours = \"{from}-{until}\"");
    scene.bot.rewrite("[oncall]", &hours);
    scene.bot.restart().await;
    scene.slack.wait_sockets(2, SOON).await;
    scene.paged(EVE, "DevOps lead is called by the schedule").await;

    scene.types(DEE, "incident open P2 'late mails'").await;
    scene.message("Incident 2 is open: P2").await;
    scene.message(&format!("notify on-call at {until} UTC")).await;
    scene.types(DEE, "incident open P0 'logins fail'").await;
    scene.message("Incident 3 is open: P0").await;
    // The first one's page may have come twice: the bot was killed while it was on its way.
    let page = |message: &Message| {
        message.mentions() == [BO]
            && message.visible().contains("logins fail")
            && message.visible().contains("on-call is called by the schedule")
    };
    scene.slack.wait_message(page, SOON).await;
    let called = |message: &Message| {
        message.visible().contains("late mails") && message.visible().contains("is called by the schedule")
    };
    assert!(!scene.slack.messages().iter().any(called), "nobody is woken over that");
}
