//! What nobody needs is removed and nothing else, services get more containers where that can be, and announced work
//! silences its alerts.

use std::time::Duration;

use e2e::acting::{SOON, Scene};
use e2e::people::{BO, CY, DEE};
use e2e::stack::Stack;
use e2e::wait::eventually;

const PROVED: Duration = Duration::from_secs(120);

async fn image_of(stack: &Stack, service: &str) -> String {
    let format = "{{.Config.Image}}";
    stack.docker(&["inspect", "--format", format, &stack.container(service)]).await.trim().to_owned()
}

#[tokio::test]
async fn a_cleanup_removes_what_it_listed_and_leaves_evidence_and_ways_back() {
    let scene = Scene::with("[deploy]\nkeep_images = 1").await;
    let project = scene.stack.project();
    let image = image_of(&scene.stack, "postgres_db").await;
    let labels = |service: &str| {
        [
            "acgs.test.extra=true".to_owned(),
            format!("com.docker.compose.project={project}"),
            format!("com.docker.compose.service={service}"),
        ]
    };
    // Two ended ones of a service: the older one is spent, the newer one is evidence.
    for (name, wait) in [("old", "0"), ("new", "1")] {
        let name = format!("{project}-ended-{name}");
        let own = labels("worker");
        let mut run = vec!["run", "--name", &name];
        run.extend(own.iter().flat_map(|label| ["--label", label.as_str()]));
        let script = format!("sleep {wait}; echo last words of {name}");
        run.extend(["--entrypoint", "/bin/sh", &image, "-c", &script]);
        scene.stack.docker(&run).await;
        // The Engine tells in whole seconds when one was made, and of one second both would be the newest.
        let made = scene.stack.docker(&["inspect", "--format", "{{.Created}}", &name]).await;
        let made: jiff::Timestamp = made.trim().parse().expect("a time");
        eventually(SOON, "the next second", async || {
            (bot::clock::now().as_second() > made.as_second()).then_some(())
        })
        .await;
    }
    // Three images for the way back, of which the newest one stays.
    let site = format!("{project}-upkeep");
    let spare = image_of(&scene.stack, "fv_service").await;
    for (tag, label) in
        [("prev-20260101T000000Z", "a"), ("prev-20260201T000000Z", "b"), ("prev-20260301T000000Z", "c")]
    {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Dockerfile"), format!("FROM {spare}\nLABEL upkeep={label}\n"))
            .unwrap();
        let path = folder.path().display().to_string();
        scene.stack.docker(&["build", "--quiet", "--tag", &format!("{site}:{tag}"), &path]).await;
    }
    let volumes = scene.stack.docker(&["volume", "ls", "--quiet"]).await;
    let card = scene.asks(DEE, "stack cleanup").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Done: stack cleanup", PROVED).await;
    let all = scene.stack.docker(&["ps", "--all", "--format", "{{.Names}}"]).await;
    assert!(!all.contains("-ended-old") && all.contains("-ended-new"), "{all}");
    let tags = scene.stack.docker(&["images", "--format", "{{.Tag}}", &site]).await;
    assert_eq!(tags.split_whitespace().collect::<Vec<_>>(), ["prev-20260301T000000Z"]);
    assert_eq!(scene.stack.docker(&["volume", "ls", "--quiet"]).await, volumes);
    let kept = scene.message("What was before is kept", SOON).await;
    assert!(!kept.visible().contains("failed"), "{}", kept.visible());
    scene.stack.docker(&["rmi", &format!("{site}:prev-20260301T000000Z")]).await;
    scene.stack.remove_extra().await;
}

#[tokio::test]
async fn a_service_with_a_fixed_name_is_not_scaled_and_one_without_is() {
    let stack = Stack::take().await;
    let folder = tempfile::tempdir().unwrap();
    let (file, env) = (folder.path().join("compose.yml"), folder.path().join("a.env"));
    let project = format!("{}scale", stack.project().replace('-', ""));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let image = image_of(&stack, "fv_service").await;
    let service = |name: &str, more: &str| {
        format!(
            "  {name}:\n    image: {image}\n    stop_grace_period: 1s\n    environment: {{ SERVICE_NAME: {name}, SERVICE_PORT: \"8003\" }}\n{more}"
        )
    };
    let text = format!(
        "version: \"3.7\"\nservices:\n{}{}{}",
        service("worker", "    ports: [\"8003\"]\n"),
        service("named", &format!("    container_name: {project}-named\n")),
        service("published", &format!("    ports: [\"127.0.0.1:{port}:8003\"]\n"))
    );
    std::fs::write(&file, text).unwrap();
    std::fs::write(&env, "A=1\n").unwrap();
    stack.compose_of(&project, &file, &env, &["up", "-d"]).await;
    let services: String = ["worker", "named", "published"]
        .iter()
        .map(|name| format!("[[service]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:{port}\"\n"))
        .collect();
    let setup = e2e::bot::Setup::default()
        .with(&format!(
            "[docker]\nhost = {:?}\ncompose_project = {project:?}\ncompose_file = {file:?}\nenv_file = {env:?}",
            stack.engine()
        ))
        .with(&services);
    let scene = Scene::on(stack, setup).await;
    for (line, reason) in [
        ("stack scale named 2", "fixes the name"),
        ("stack scale published 2", "a second one can't have it too"),
        ("stack scale worker 1", "has 1 containers already"),
        ("stack scale worker 0", "1 to 20"),
    ] {
        scene.types(DEE, line).await;
        scene.message(reason, SOON).await;
    }
    let others = async || {
        let own = format!("label=com.docker.compose.project={project}");
        let all = scene.stack.docker(&["ps", "--quiet", "--no-trunc", "--filter", &own]).await;
        all.split_whitespace().map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    let before = others().await;
    let card = scene.asks(DEE, "stack scale worker 3").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.ends_well(&card, PROVED).await;
    let after = others().await;
    assert!(after.len() == before.len() + 2 && before.is_subset(&after), "{before:?} {after:?}");
    let card = scene.asks(DEE, "stack scale worker 1").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.ends_well(&card, PROVED).await;
    assert_eq!(others().await.len(), before.len());
    scene.stack.compose_of(&project, &file, &env, &["down"]).await;
}

#[tokio::test]
async fn announced_work_silences_its_alerts_once_and_ends_exactly_that_silence() {
    let mut scene = Scene::with("").await;
    scene.types(CY, "maintenance start fv_service 30m 'new release'").await;
    scene.message("needs the role operator", SOON).await;
    scene.types(DEE, "maintenance end").await;
    scene.message("There is nothing to end", SOON).await;
    // Somebody else's silence of the same alerts stays.
    let other = scene.stack.silence("service=fv_service", "somebody", "by hand").await;
    scene.types(DEE, "maintenance start fv_service 30m \"new 'release'; DROP TABLE x\"").await;
    let begun = scene.message("works on fv_service until", SOON).await.visible();
    assert!(
        begun.contains("are silenced until then") && begun.contains("maintenance end fv_service"),
        "{begun}"
    );
    let ours = |all: Vec<serde_json::Value>| {
        let own = |one: &&serde_json::Value| {
            one["comment"].as_str().unwrap_or_default().starts_with("maintenance ")
        };
        all.iter().filter(own).cloned().collect::<Vec<_>>()
    };
    let active = ours(scene.stack.silences().await);
    assert_eq!(active.len(), 1, "{active:?}");
    assert_eq!(active[0]["createdBy"], "Dee");
    assert_eq!(active[0]["matchers"][0]["value"], "fv_service");
    scene.types(BO, "maintenance start fv_service 5m 'me too'").await;
    scene.message("Under maintenance already", SOON).await;
    scene.types(BO, "maintenance start gs_service 5m 'another one'").await;
    scene.message("works on gs_service until", SOON).await;
    scene.types(BO, "maintenance end").await;
    scene.message("Say of which service: fv_service, gs_service", SOON).await;
    // What was recorded outlives the process.
    scene.bot.kill().await;
    scene.bot.restart().await;
    scene.slack.wait_sockets(2, SOON).await;
    scene.types(BO, "maintenance end fv_service").await;
    scene.message("Maintenance of fv_service is over", SOON).await;
    let all = scene.stack.silences().await;
    let left = ours(all.clone());
    assert!(left.len() == 1 && left[0]["matchers"][0]["value"] == "gs_service", "{left:?}");
    assert!(all.iter().any(|one| one["id"] == other.as_str()), "{all:?}");
    scene.types(DEE, "maintenance end").await;
    scene.message("Maintenance of gs_service is over", SOON).await;
    scene.stack.end_silence(&other).await;
}
