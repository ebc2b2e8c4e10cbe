//! Commands that act, from the line over the votes to the proof, on Slack and against the real stack.

use std::time::Duration;

use e2e::acting::{ROOM, SOON, Scene};
use e2e::bot::Setup;
use e2e::people::{self, BO, CY, DEE, STRANGER};
use e2e::slack::Message;
use e2e::stack::Stack;
use e2e::wait::eventually;

/// A restart, and the proof of it.
const PROVED: Duration = Duration::from_secs(60);

/// The file that a plan's flight record is shown as.
fn record_of(card: &Message) -> String {
    let said = card.visible();
    let run = said.rsplit("run ").next().expect("a run id").trim();
    format!("flight-record-{run}.txt")
}

/// A session of a role that is no superuser, and its pid.
async fn report_session(stack: &Stack) -> (sqlx::PgConnection, i32) {
    use sqlx::Connection as _;
    let mut admin = stack.database().await;
    for statement in
        ["DROP ROLE IF EXISTS acting_flow", "CREATE ROLE acting_flow LOGIN PASSWORD 'acting-flow'"]
    {
        sqlx::query(statement).execute(&mut admin).await.unwrap();
    }
    let url = stack.postgres_url("acting_flow", "acting-flow");
    let mut session = sqlx::PgConnection::connect(&url).await.unwrap();
    sqlx::query("SET application_name = 'night report'").execute(&mut session).await.unwrap();
    let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut session).await.unwrap();
    (session, pid)
}

/// When the service's container was last started.
async fn started(scene: &Scene, service: &str) -> String {
    let container = scene.stack.container(service);
    scene.stack.docker(&["inspect", "--format", "{{.State.StartedAt}}", &container]).await
}

#[tokio::test]
async fn a_restart_waits_for_another_operators_reaction_and_proves_that_it_helped() {
    let scene = Scene::with("").await;
    scene.stack.sick("fv_service", "down=1").await;
    let before = started(&scene, "fv_service").await;
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
    assert_eq!(started(&scene, "fv_service").await, before, "nothing was done");
    scene.slack.react(BO, &card, "white_check_mark").await;
    let ended = scene.says(&card, "Improved: restart fv_service", PROVED).await;
    assert!(ended.contains("approved by Bo"), "{ended}");
    let record = scene.slack.wait_upload(&record_of(&card), SOON).await;
    let record = String::from_utf8(record.content.expect("a file")).unwrap();
    for words in [
        "state: running",
        "out of memory: false",
        "health: answers 503",
        "connections to the database:",
        "lines:",
    ] {
        assert!(record.contains(words), "{words:?} in {record}");
    }
    let result = scene.message("It helped", SOON).await.visible();
    assert!(result.contains("before") && result.contains("after") && result.contains("503"), "{result}");
    assert_ne!(started(&scene, "fv_service").await, before);
    // What was before the restart is kept.
    let kept = scene.slack.messages();
    assert!(kept.iter().any(|message| message.visible().contains("flight record")), "{kept:#?}");
    let verified = scene.bot.run(&["audit", "verify"]).await;
    assert!(verified.code == 0 && verified.out.contains("intact"), "{verified:?}");
}

#[tokio::test]
async fn inside_an_incident_the_asker_confirms_a_change_by_a_button_and_nobody_else_can() {
    let scene = Scene::with("").await;
    scene.types(CY, "incident open P1 'fv is slow' --service fv_service").await;
    scene.message("is open: P1", SOON).await;
    let before = started(&scene, "fv_service").await;
    let card = scene.asks(DEE, "restart fv_service").await;
    assert!(card.visible().contains("or the confirmation of who asked"), "{}", card.visible());
    let value = |label: &str| {
        let buttons = card.buttons();
        let button = buttons.iter().find(|button| button.label == label);
        button.unwrap_or_else(|| panic!("{label} in {buttons:?}")).value.clone()
    };
    scene.slack.click(BO, &card, &value("Confirm")).await;
    scene.message("Only who asked can confirm", SOON).await;
    scene.slack.click(DEE, &card, &value("Approve")).await;
    scene.message("It is your own plan", SOON).await;
    assert_eq!(started(&scene, "fv_service").await, before);
    scene.slack.click(DEE, &card, &value("Confirm")).await;
    scene.message("it begins", SOON).await;
    scene.ends_well(&card, PROVED).await;
    scene.message("What was before is kept", SOON).await;
    scene.slack.wait_upload(&record_of(&card), SOON).await;
    assert_ne!(started(&scene, "fv_service").await, before);
    scene.types(DEE, "incident resolve 'restarted it'").await;
    // In the incident channel, where it was typed, and in the incident's own; and so do its cards in both.
    scene.message("is resolved", SOON).await;
    scene.message("is resolved", SOON).await;
    let card = |message: &Message| {
        message.visible().contains("P1 incident 1: fv is slow") && message.visible().contains("*lasted*")
    };
    scene.slack.wait_message(card, SOON).await;
    scene.slack.wait_message(card, SOON).await;
    scene.slack.assert_clean();
}

#[tokio::test]
async fn a_fault_that_a_restart_does_not_cure_comes_out_as_unchanged_with_the_next_step() {
    let scene = Scene::with("").await;
    scene.stack.docker(&["pause", &scene.stack.container("postgres_db")]).await;
    let card = scene.asks(DEE, "restart fv_service").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Unchanged: restart fv_service", PROVED).await;
    let result = scene.message("it did not help", SOON).await.visible();
    for words in ["logs fv_service --level error --since 15m", "db ping", "before", "after"] {
        assert!(result.contains(words), "{words} in {result}");
    }
}

#[tokio::test]
async fn a_veto_a_withdrawal_and_a_late_vote_do_nothing_and_shut_the_card() {
    let scene = Scene::with("[approval]\napprove_within = \"6s\"\nstart_within = \"5m\"").await;
    let before = started(&scene, "fv_service").await;
    let vetoed = scene.asks(DEE, "restart fv_service").await;
    scene.slack.react(BO, &vetoed, "no_entry").await;
    let shut = scene.says(&vetoed, "Not done: restart fv_service", SOON).await;
    assert!(shut.contains("Vetoed by Bo"), "{shut}");
    scene.slack.react(people::EVE, &vetoed, "white_check_mark").await;

    let withdrawn = scene.asks(DEE, "restart ac_service").await;
    scene.slack.react(DEE, &withdrawn, "no_entry").await;
    scene.says(&withdrawn, "Taken back by who asked", SOON).await;

    let late = scene.asks(DEE, "restart gs_service").await;
    let shut = scene.says(&late, "Its votes did not come in time", SOON).await;
    assert!(shut.contains("Not done"), "{shut}");
    scene.slack.react(BO, &late, "white_check_mark").await;
    assert!(late.buttons().len() == 2, "{:?}", late.buttons());
    let buttons = scene.slack.messages().into_iter().find(|message| message.ts == late.ts).unwrap().buttons();
    assert_eq!(buttons, [], "a shut card has none");
    // A line answered after all of it: whatever was going to happen has happened.
    scene.types(CY, "approvals").await;
    scene.message("Nothing waits for a vote", SOON).await;
    assert_eq!(started(&scene, "fv_service").await, before);
}

#[tokio::test]
async fn a_session_is_ended_by_an_approvers_vote() {
    let scene = Scene::with("").await;
    let (mut session, pid) = report_session(&scene.stack).await;
    let card = scene.asks(DEE, &format!("db kill {pid}")).await;
    let shown = card.visible();
    assert!(shown.contains("the vote of 1 other approver") && shown.contains("night report"), "{shown}");
    scene.slack.react(people::EVE, &card, "white_check_mark").await;
    let ended = scene.says(&card, "Done: db kill", SOON).await;
    assert!(ended.contains("approved by Eve"), "{ended}");
    let gone = sqlx::query("SELECT 1").execute(&mut session).await.unwrap_err();
    assert!(gone.to_string().contains("terminat") || gone.to_string().contains("closed"), "{gone}");
}

#[tokio::test]
async fn a_statement_is_cancelled_and_its_session_stays() {
    let scene = Scene::with("").await;
    let (mut session, pid) = report_session(&scene.stack).await;
    scene.types(DEE, &format!("db cancel {pid}")).await;
    scene.message("Nothing to cancel", SOON).await;
    let sleeping = tokio::spawn(async move {
        let slept = sqlx::query("SELECT pg_sleep(120)").execute(&mut session).await;
        (session, slept)
    });
    let mut admin = scene.stack.database().await;
    eventually(SOON, "the statement to run", async || {
        let runs = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active'";
        let count: i64 = sqlx::query_scalar(runs).bind(pid).fetch_one(&mut admin).await.unwrap();
        (count == 1).then_some(())
    })
    .await;
    let card = scene.asks(DEE, &format!("db cancel {pid}")).await;
    assert!(card.visible().contains("SELECT pg_sleep(?)"), "{}", card.visible());
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Done: db cancel", SOON).await;
    let (mut session, slept) = sleeping.await.unwrap();
    assert!(slept.unwrap_err().to_string().contains("cancel"), "it was cancelled");
    sqlx::query("SELECT 1").execute(&mut session).await.expect("the session is there");
}

#[tokio::test]
async fn sessions_that_must_not_be_ended_are_refused_with_the_reason() {
    let scene = Scene::with("").await;
    let mut session = scene.stack.database().await;
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut session).await.unwrap();
    scene.types(DEE, &format!("db kill {pid}")).await;
    scene.message("is a superuser's", SOON).await;
    scene.types(DEE, "db kill 4000000").await;
    scene.message("has no session 4000000", SOON).await;
    scene.types(CY, "db kill 4000000").await;
    scene.message("needs the role operator", SOON).await;
}

#[tokio::test]
async fn a_container_made_anew_between_asking_and_voting_is_refused_with_the_difference() {
    let scene = Scene::with("").await;
    let card = scene.asks(DEE, "restart fv_service").await;
    let container = scene.stack.container("fv_service");
    scene.stack.docker(&["restart", &container]).await;
    let before = started(&scene, "fv_service").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    let shut = scene.says(&card, "What it acts on is not what was voted on", SOON).await;
    assert!(shut.contains("targets[0].started_at: was"), "{shut}");
    assert_eq!(started(&scene, "fv_service").await, before, "nothing was done");
}

#[tokio::test]
async fn a_deleted_card_cancels_its_plan() {
    let scene = Scene::with("").await;
    let before = started(&scene, "fv_service").await;
    let card = scene.asks(DEE, "restart fv_service").await;
    let value = card.buttons().iter().find(|button| button.label == "Approve").unwrap().value.clone();
    scene.slack.delete(&card);
    scene.slack.click(BO, &card, &value).await;
    scene.message("Its message was edited or deleted", SOON).await;
    assert_eq!(started(&scene, "fv_service").await, before);
}

#[tokio::test]
async fn a_freeze_stops_what_acts_until_an_approver_thaws() {
    let scene = Scene::with("").await;
    let before = started(&scene, "fv_service").await;
    let card = scene.asks(DEE, "restart fv_service").await;
    scene.types(CY, "stack freeze 'two people restart things'").await;
    scene.message("No command that acts begins", SOON).await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Everything is frozen", SOON).await;
    scene.types(DEE, "restart ac_service").await;
    scene.message("Cy froze everything", SOON).await;
    scene.types(CY, "stack unfreeze").await;
    scene.message("needs the role approver", SOON).await;
    scene.types(BO, "stack unfreeze").await;
    scene.message("are taken again", SOON).await;
    assert_eq!(started(&scene, "fv_service").await, before);
    let again = scene.asks(DEE, "restart ac_service").await;
    scene.slack.react(DEE, &again, "no_entry").await;
    scene.says(&again, "Not done", SOON).await;
}

#[tokio::test]
async fn the_glass_is_broken_in_an_open_p0_alone_and_anybody_who_may_vote_can_stop_it() {
    let scene = Scene::with("").await;
    let before = started(&scene, "fv_service").await;
    let line = "restart fv_service --break-glass 'nobody else is awake'";
    scene.types(DEE, line).await;
    scene.message("No incident is open here", SOON).await;
    scene.types(CY, "incident open P1 'slow'").await;
    scene.message("is open: P1", SOON).await;
    scene.types(DEE, line).await;
    scene.message("is P1, and the glass", SOON).await;
    scene.types(CY, "incident open P0 'all is down'").await;
    scene.message("is open: P0", SOON).await;
    scene.types(DEE, line).await;
    // Each of those who are passed over gets a message with this title, too.
    let posted = |message: &Message| {
        message.channel == ROOM && message.visible().contains("Glass broken: restart fv_service")
    };
    let card = scene.slack.wait_message(posted, SOON).await;
    assert!(card.visible().contains("nobody else is awake"), "{}", card.visible());
    // Everybody who is passed over is reached, by the card and each alone; who asked is not.
    assert_eq!(card.mentions(), [people::ADA, BO, people::EVE]);
    for person in ["D0ADA", "D0BO", "D0EVE"] {
        let told =
            |message: &Message| message.channel == person && message.visible().contains("broke the glass");
        scene.slack.wait_message(told, SOON).await;
    }
    scene.slack.react(BO, &card, "no_entry").await;
    let stopped = scene.says(&card, "Vetoed by Bo", SOON).await;
    assert!(stopped.contains("Not done"), "{stopped}");
    assert_eq!(started(&scene, "fv_service").await, before);
}

#[tokio::test]
async fn a_broken_glass_that_nobody_stops_begins_after_half_a_minute_and_is_marked_everywhere() {
    let scene = Scene::with("").await;
    let before = started(&scene, "fv_service").await;
    scene.types(CY, "incident open P0 'all is down'").await;
    scene.message("is open: P0", SOON).await;
    let asked = std::time::Instant::now();
    scene.types(DEE, "restart fv_service --break-glass 'nobody else is awake'").await;
    let card = scene.message("press Veto to stop it", SOON).await;
    let ended = scene.ends_well(&card, Duration::from_secs(120)).await;
    assert!(asked.elapsed() >= Duration::from_secs(30), "{:?}", asked.elapsed());
    assert!(ended.contains("nobody else is awake"), "{ended}");
    assert_ne!(started(&scene, "fv_service").await, before);
    let audit = scene.bot.line(&["audit"], false).await;
    assert!(audit.out.contains("nobody else is awake"), "{}", audit.out);
    eventually(SOON, "the timeline", async || {
        let timeline = scene.bot.line(&["incident", "timeline", "--number", "1"], false).await;
        (timeline.out.contains("--break-glass") && timeline.out.contains("-> done, plan")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_and_the_terminal() {
    let scene = Scene::with("").await;
    let before = started(&scene, "fv_service").await;
    scene.types(DEE, "restart fv_service --dry-run").await;
    let shown = scene.message("Dry run: restart fv_service", SOON).await;
    assert_eq!(shown.buttons(), []);
    // Ada's account at the host: the plan is posted where everybody looks, and the running bot does it.
    let asked = scene.bot.line(&["restart", "fv_service"], false).await;
    assert!(asked.code == 0 && asked.out.contains("It waits for the vote of 1 other operator"), "{asked:?}");
    let card = scene.message("Approve? restart fv_service", SOON).await;
    assert!(card.visible().contains("Ada asks for this"), "{}", card.visible());
    scene.slack.react(people::ADA, &card, "white_check_mark").await;
    scene.slack.react(DEE, &card, "white_check_mark").await;
    scene.says(&card, "approved by Dee", PROVED).await;
    scene.ends_well(&card, PROVED).await;
    assert_ne!(started(&scene, "fv_service").await, before);
}

#[tokio::test]
async fn what_a_runbook_does_besides_looking_is_one_plan_for_one_vote() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"
title = "Two services hang"
about = "Looks, and restarts both."
[[step]]
id = "look"
line = "health {service}"
[[step]]
id = "first"
line = "restart {service}"
[[step]]
id = "second"
line = "restart gs_service"
when = "look is bad"
[[step]]
id = "never"
line = "restart ac_service"
when = "look is good"
"#;
    std::fs::write(folder.path().join("both-hang.toml"), text).unwrap();
    let stack = Stack::take().await;
    let setup = Setup { runbook_dir: Some(folder.path().to_path_buf()), ..stack.setup() };
    let scene = Scene::on(stack, setup).await;
    scene.stack.sick("fv_service", "down=1").await;
    let services = ["fv_service", "gs_service", "ac_service"];
    let mut before = Vec::new();
    for service in services {
        before.push(started(&scene, service).await);
    }
    scene.types(DEE, "runbook run both-hang fv_service").await;
    let looked = scene.message("acts, takes votes: restart fv_service", SOON).await.visible();
    assert!(looked.contains("Asked for: runbook run both-hang fv_service"), "{looked}");
    let card = scene.message("Approve? runbook run both-hang fv_service", SOON).await;
    let shown = card.visible();
    for service in ["fv_service", "gs_service"] {
        assert!(shown.contains(&format!("restart container {}", scene.stack.container(service))), "{shown}");
    }
    assert!(!shown.contains(&scene.stack.container("ac_service")), "{shown}");
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Improved: runbook run both-hang", PROVED).await;
    let mut changed = Vec::new();
    for (service, before) in services.iter().zip(before) {
        changed.push(started(&scene, service).await != before);
    }
    assert_eq!(changed, [true, true, false]);
    // Whoever may only look sees what was found, and that nothing was asked for.
    scene.types(CY, "runbook run both-hang gs_service").await;
    scene.message("This needs the role operator", SOON).await;
}
