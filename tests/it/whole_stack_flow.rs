//! The whole platform stopped, started and restarted, against the real stack.

use std::time::Duration;

use e2e::acting::{SOON, Scene};
use e2e::people::{CY, DEE};

/// Ten containers, one after another, and the proof.
const PROVED: Duration = Duration::from_secs(150);

async fn state(scene: &Scene, service: &str) -> String {
    let container = scene.stack.container(service);
    let state = scene.stack.docker(&["inspect", "--format", "{{.State.Status}}", &container]).await;
    state.trim().to_owned()
}

async fn started(scene: &Scene, service: &str) -> String {
    let container = scene.stack.container(service);
    scene.stack.docker(&["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", &container]).await
}

fn place_of(text: &str, words: &str) -> usize {
    text.find(words).unwrap_or_else(|| panic!("{words:?} in {text}"))
}

#[tokio::test]
async fn everything_is_stopped_and_started_in_order_and_a_guest_on_the_network_changes_nothing() {
    let scene = Scene::with("").await;
    // What makes `docker-compose down` fail halfway and `&& up` never come.
    let guest = format!("{}-debug-guest", scene.stack.project());
    let network = format!("{}_default", scene.stack.project());
    let format = "{{.Config.Image}}";
    let image =
        scene.stack.docker(&["inspect", "--format", format, &scene.stack.container("postgres_db")]).await;
    let run = ["run", "--detach", "--name", &guest, "--network", &network, "--entrypoint", "/bin/sleep"];
    scene.stack.docker(&["rm", "--force", &guest]).await;
    scene.stack.docker(&[&run[..], &[image.trim(), "600"]].concat()).await;
    scene.types(CY, "stack stop").await;
    scene.message("needs the role operator", SOON).await;
    let ids = started(&scene, "fv_service").await;
    let card = scene.asks(DEE, "stack stop").await;
    let shown = card.visible();
    assert!(shown.contains("the votes of 2 other approvers"), "{shown}");
    let plan = scene.bot.line(&["stack", "stop", "--dry-run"], false).await.out;
    assert!(plan.contains("debug-guest") && plan.contains("left alone"), "{plan}");
    let step = |service: &str| place_of(&plan, &format!("stop container {}", scene.stack.container(service)));
    assert!(step("pgc_service") < step("auth_service") && step("auth_service") < step("postgres_db"));
    assert!(!plan.contains("stop container acgs_prometheus") && !plan.contains("stop container acgs_alert"));
    scene.both_approve(&card).await;
    scene.says(&card, "Done: stack stop", PROVED).await;
    for service in ["auth_service", "fv_service", "postgres_db"] {
        assert_eq!(state(&scene, service).await, "exited", "{service}");
    }
    for service in ["prometheus", "alertmanager", "postgres_exporter"] {
        assert_eq!(state(&scene, service).await, "running", "{service}");
    }
    scene.message("What was before is kept", SOON).await;
    scene.types(DEE, "stack stop").await;
    scene.message("Nothing to stop", SOON).await;

    let card = scene.asks(DEE, "stack start").await;
    scene.both_approve(&card).await;
    let ended = scene.says(&card, "Improved: stack start", PROVED).await;
    assert!(!ended.contains("failed"), "{ended}");
    let now = started(&scene, "fv_service").await;
    let id = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
    assert!(id(&ids) == id(&now) && ids != now, "the same container, started again: {ids} {now}");
    assert_eq!(
        scene.stack.docker(&["inspect", "--format", "{{.State.Status}}", &guest]).await.trim(),
        "running"
    );
    scene.types(DEE, "stack start").await;
    scene.message("Nothing to start", SOON).await;
    scene.stack.docker(&["rm", "--force", &guest]).await;
}

#[tokio::test]
async fn a_restart_leaves_a_database_that_is_well_and_takes_a_sick_one_with_it() {
    let scene = Scene::with("").await;
    let database = started(&scene, "postgres_db").await;
    let service = started(&scene, "gs_service").await;
    let card = scene.asks(DEE, "stack restart").await;
    assert!(card.visible().contains("The database is well"), "{}", card.visible());
    scene.both_approve(&card).await;
    scene.ends_well(&card, PROVED).await;
    assert_eq!(started(&scene, "postgres_db").await, database);
    assert_ne!(started(&scene, "gs_service").await, service);

    scene.stack.docker(&["stop", &scene.stack.container("postgres_db")]).await;
    let card = scene.asks(DEE, "stack restart").await;
    scene.both_approve(&card).await;
    scene.says(&card, "Improved: stack restart", PROVED).await;
    assert_ne!(started(&scene, "postgres_db").await, database);
    // Two for each of its steps, if they were not held to one a second.
    let messages = scene.slack.messages();
    let progress = messages.iter().find(|message| message.ts == card.ts).expect("it was there");
    let edits = progress.edited_to("Under way");
    let took = edits[edits.len() - 1] - edits[0];
    assert!(edits.len() > 2, "{:?}", progress.history);
    assert!(
        Duration::from_secs(edits.len() as u64) <= took + Duration::from_secs(2),
        "{} in {took:?}",
        edits.len()
    );
}

#[tokio::test]
async fn a_database_that_does_not_come_back_ends_the_restart_with_what_is_not_well() {
    let scene = Scene::with("").await;
    let card = scene.asks(DEE, "stack restart --database").await;
    scene.both_approve(&card).await;
    scene.says(&card, "Under way", SOON).await;
    // Stopped again and again as soon as it runs, as something outside might do.
    let container = scene.stack.container("postgres_db");
    let before = started(&scene, "postgres_db").await;
    e2e::wait::eventually(PROVED, "the database to be started anew", async || {
        let now = started(&scene, "postgres_db").await;
        (now != before).then_some(())
    })
    .await;
    scene.stack.docker(&["pause", &container]).await;
    scene.says(&card, "Failed: stack restart --database", PROVED).await;
    let result = scene.message("is paused", SOON).await.visible();
    assert!(result.contains("read its log") && result.contains("stack start"), "{result}");
    scene.stack.docker(&["unpause", &container]).await;
}
