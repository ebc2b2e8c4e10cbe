use crate::act::{ActError, Done};

use super::*;

const NOW: Duration = Duration::ZERO;

#[tokio::test]
async fn a_container_is_restarted_stopped_started_and_removed() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let id = stage.id(&stage.run_idle("web", &["--restart", "unless-stopped"]));
    let look = async || docker.target(&id, PATIENT).await.unwrap().unwrap().container;
    let before = look().await;
    assert_eq!(docker.restart(&id, NOW).await, Ok(Done::Changed));
    let after = look().await;
    assert!(after.started_at > before.started_at);
    assert_eq!(docker.start(&id).await, Ok(Done::AlreadySo));

    let refused = docker.remove_container(&id).await.unwrap_err();
    assert!(matches!(refused, ActError::Conflict(_)), "{refused:?}");
    assert_eq!(look().await.started_at, after.started_at);

    assert_eq!(docker.stop(&id, NOW).await, Ok(Done::Changed));
    assert_eq!(docker.stop(&id, NOW).await, Ok(Done::AlreadySo));
    assert_eq!(look().await.state, ContainerState::Exited);
    assert_eq!(docker.start(&id).await, Ok(Done::Changed));
    assert_eq!(look().await.state, ContainerState::Running);
    docker.stop(&id, NOW).await.unwrap();
    docker.remove_container(&id).await.unwrap();
    assert_eq!(docker.target(&id, PATIENT).await.unwrap(), None);
}

#[tokio::test]
async fn a_container_that_went_meanwhile_is_told() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let name = stage.run_idle("web", &[]);
    let id = stage.id(&name);
    stage.docker(&["rm", "-f", &name]);
    // Another one has its name by now, and is not touched.
    let again = stage.run_idle("web", &[]);
    stage.docker(&["rename", &again, &name]);
    let started = stage.inspect(&name, "{{.State.StartedAt}}");
    for error in [
        docker.restart(&id, NOW).await.unwrap_err(),
        docker.stop(&id, NOW).await.unwrap_err(),
        docker.start(&id).await.unwrap_err(),
        docker.remove_container(&id).await.unwrap_err(),
    ] {
        assert!(matches!(error, ActError::Gone(_)) && !error.may_have_acted(), "{error:?}");
    }
    assert_eq!(stage.inspect(&name, "{{.State.StartedAt}}"), started);
}

#[tokio::test]
async fn what_belongs_to_another_project_is_left_alone() {
    let (ours, theirs) = (Stage::new(), Stage::new());
    let docker = acts(&ours);
    let name = theirs.run_idle("web", &[]);
    let id = theirs.id(&name);
    let error = docker.stop(&id, NOW).await.unwrap_err();
    assert_eq!(error, ActError::Foreign { container: id, project: theirs.project.clone() });
    assert_eq!(theirs.inspect(&name, "{{.State.Running}}"), "true");
}

#[tokio::test]
async fn what_is_known_of_an_act_depends_on_how_far_it_came() {
    let id: commands::workload::ContainerId = "ab".repeat(32).parse().unwrap();
    let folder = TempDir::new().unwrap();
    let host = format!("unix://{}/docker.sock", folder.path().display());
    let gone = Acts::new(Docker::connect(&host, None).unwrap()).stop(&id, NOW).await.unwrap_err();
    assert_eq!(gone, ActError::NotBegun(DockerError::NoSocket(host)));

    // The look is answered; what the act is answered with differs.
    let look = json("200 OK", "{}");
    let cases = [
        (json("500 Internal Server Error", r#"{"message": "port is already allocated"}"#), true),
        (json("504 Gateway Time-out", ""), true),
        (json("503 Service Unavailable", ""), false),
        (json("403 Forbidden", "not you"), false),
        ("HTTP/1.1 ".to_owned(), true),
    ];
    for (said, may_have_acted) in cases {
        let folder = TempDir::new().unwrap();
        let answer = |request: &str| if request.starts_with("GET") { look.clone() } else { said.clone() };
        let error = while_serving(&folder, answer, async |host| {
            Acts::new(Docker::connect(host, None).unwrap()).start(&id).await.unwrap_err()
        })
        .await;
        assert_eq!(error.may_have_acted(), may_have_acted, "{said}: {error:?}");
    }
}

#[tokio::test]
async fn a_start_that_fails_is_told_as_tried() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let network = stage.network("default");
    stage.run_on(&network, "one", &["-p", "127.0.0.1:18999:1"], &["sleep", "600"]);
    let label = format!("com.docker.compose.project={}", stage.project);
    let name = format!("{}-two", stage.project);
    let port = "127.0.0.1:18999:1";
    stage.docker(&[
        "create",
        "--name",
        &name,
        "--net",
        &network,
        "--label",
        &label,
        "-p",
        port,
        stage.image(),
        "sleep",
        "9",
    ]);
    let error = docker.start(&stage.id(&name)).await.unwrap_err();
    assert!(matches!(error, ActError::Failed(_)), "{error:?}");
    assert!(error.to_string().contains("already"), "{error}");
}

#[tokio::test]
async fn an_image_gets_a_name_and_is_removed_with_the_names_it_was_seen_with() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let image = docker.image(stage.image(), PATIENT).await.unwrap().unwrap();
    let name = format!("{}/way-back", stage.project);
    docker.tag_image(&image.id, &name, "prev-1").await.unwrap();
    let tagged = docker.image(&format!("{name}:prev-1"), PATIENT).await.unwrap().unwrap();
    assert_eq!(tagged.id, image.id);
    for (name, tag) in [("", "x"), ("x", ""), ("x", "a/b"), ("../x", "y"), ("x", "a&repo=y"), ("X Y", "z")] {
        let error = docker.tag_image(&image.id, name, tag).await.unwrap_err();
        assert!(!error.may_have_acted(), "{name}:{tag} {error:?}");
    }
    // It has one more name than was seen.
    let error = docker.remove_image(&image.id, &image.tags).await.unwrap_err();
    assert!(matches!(error, ActError::Conflict(_)), "{error:?}");
    let container = stage.run_idle("web", &[]);
    let error = docker.remove_image(&image.id, &tagged.tags).await.unwrap_err();
    assert!(matches!(error, ActError::Conflict(_)), "{error:?}");
    stage.docker(&["rm", "-f", &container]);
    let left = docker.image(image.id.as_str(), PATIENT).await.unwrap().unwrap();
    docker.remove_image(&image.id, &left.tags).await.unwrap();
    assert_eq!(docker.image(image.id.as_str(), PATIENT).await.unwrap(), None);
    let error = docker.remove_image(&image.id, &left.tags).await.unwrap_err();
    assert!(matches!(error, ActError::Gone(_)), "{error:?}");
}
