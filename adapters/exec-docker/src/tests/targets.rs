use commands::workload::{Dependency, PublishedPort, RestartPolicy, Workload};

use super::*;

async fn target(docker: &Docker, service_name: &str) -> Workload {
    let targets = docker.targets(PATIENT).await.unwrap();
    let mut found = targets.into_iter().filter(|target| target.service.as_deref() == Some(service_name));
    found.next().expect("a container")
}

#[tokio::test]
async fn a_plan_pins_what_docker_inspect_shows() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let network = stage.network("default");
    let name = stage.run_on(
        &network,
        "auth",
        &[
            "--restart",
            "on-failure:4",
            "--stop-timeout",
            "3",
            "-p",
            "127.0.0.1:0:8000",
            "--label",
            "com.docker.compose.depends_on=db:service_healthy:true",
            "--label",
            "com.docker.compose.project.working_dir=/srv/docker",
            "--label",
            "com.docker.compose.project.config_files=/srv/a.yml,/srv/b.yml",
            "--label",
            "com.docker.compose.config-hash=abc",
        ],
        &["sleep", "600"],
    );
    let auth = target(&docker, "auth").await;
    assert_eq!(auth.id, stage.id(&name));
    assert_eq!(auth.container.name, name);
    assert_eq!(auth.image, stage.image());
    assert_eq!(auth.image_id.as_str(), stage.inspect(&name, "{{.Image}}"));
    assert_eq!(auth.restart, RestartPolicy::OnFailure { most: 4 });
    assert_eq!(auth.stop_grace, Some(3));
    assert_eq!(auth.networks, [network]);
    assert!(auth.fixed_name && !auth.one_off);
    let dependency =
        Dependency { service: "db".to_owned(), condition: "service_healthy".to_owned(), restart: true };
    assert_eq!(auth.depends_on, Some(vec![dependency]));
    let [PublishedPort { address, container_port, .. }] = &auth.ports[..] else { panic!("{:?}", auth.ports) };
    assert_eq!((address.as_str(), container_port.as_str()), ("127.0.0.1", "8000/tcp"));
    let origin = auth.origin.unwrap();
    assert_eq!(origin.project, stage.project);
    assert_eq!(origin.working_dir.as_deref(), Some("/srv/docker"));
    assert_eq!(origin.config_files, ["/srv/a.yml", "/srv/b.yml"]);
    assert_eq!(origin.config_hash.as_deref(), Some("abc"));
}

#[tokio::test]
async fn a_name_as_compose_makes_it_is_not_fixed() {
    let stage = Stage::new();
    let docker = acts(&stage);
    for (service, join) in [("one", "_"), ("two", "-")] {
        let name = stage.run_idle(service, &["--label", "com.docker.compose.container-number=1"]);
        stage.docker(&["rename", &name, &format!("{}{join}{service}{join}1", stage.project)]);
        assert!(!target(&docker, service).await.fixed_name, "{join}");
    }
    assert_eq!(target(&docker, "one").await.depends_on, None);
}

#[tokio::test]
async fn the_configuration_is_the_same_after_a_restart_and_another_after_a_change() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let network = stage.network("default");
    let name = stage.run_on(&network, "auth", &["--env", "KEY=one"], &["sleep", "600"]);
    let before = target(&docker, "auth").await;
    stage.docker(&["restart", "-t", "0", &name]);
    let after = target(&docker, "auth").await;
    assert_eq!(before.configuration, after.configuration);
    assert_ne!(before.container.started_at, after.container.started_at);
    stage.docker(&["update", "--restart", "always", &name]);
    let updated = target(&docker, "auth").await;
    assert_ne!(updated.configuration, after.configuration);
    let other = stage.network("other");
    stage.docker(&["network", "connect", &other, &name]);
    assert_ne!(target(&docker, "auth").await.configuration, updated.configuration);
}

#[tokio::test]
async fn of_a_variable_there_is_a_hash_and_no_value() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let name = stage.run_idle("auth", &["--env", "KEY=hunter2=x", "--env", "BLANK="]);
    let id = stage.id(&name);
    let of = async |variable: &str| docker.env_fingerprint(&id, variable, PATIENT).await.unwrap();
    let wanted = crate::fingerprint::of_text("hunter2=x").unwrap();
    assert_eq!(of("KEY").await, Some(wanted));
    assert_eq!(of("BLANK").await, Some(crate::fingerprint::of_text("").unwrap()));
    assert_eq!(of("KE").await, None);
    assert!(!format!("{:?}", target(&docker, "auth").await).contains("hunter2"));
    stage.docker(&["rm", "-f", &name]);
    assert_eq!(of("KEY").await, None);
    assert_eq!(docker.target(&id, PATIENT).await.unwrap(), None);
}

#[tokio::test]
async fn guests_on_the_projects_networks_are_told() {
    let (stage, other) = (Stage::new(), Stage::new());
    let docker = acts(&stage);
    let network = stage.network("default");
    stage.run_on(&network, "auth", &[], &["sleep", "600"]);
    assert_eq!(docker.network_guests(PATIENT).await.unwrap(), []);
    let stranger = stage.run_stranger(&network);
    let neighbour = other.run_on(&network, "web", &[], &["sleep", "600"]);
    let guests = docker.network_guests(PATIENT).await.unwrap();
    let told: Vec<_> = guests.iter().map(|guest| (guest.name.clone(), guest.project.clone())).collect();
    let mut wanted = vec![(stranger.clone(), None), (neighbour.clone(), Some(other.project.clone()))];
    wanted.sort_by_key(|(name, _)| stage.id(name));
    assert_eq!(told, wanted);
    assert!(guests.iter().all(|guest| guest.network == network));
    stage.docker(&["rm", "-f", &stranger, &neighbour]);
    assert_eq!(docker.network_guests(PATIENT).await.unwrap(), []);
}

#[tokio::test]
async fn an_image_is_told_by_name_and_by_id() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let by_name = docker.image(stage.image(), PATIENT).await.unwrap().unwrap();
    assert_eq!(by_name.tags, [format!("{}:latest", stage.project)]);
    assert!(by_name.created_at.is_some());
    assert_eq!(docker.image(by_name.id.as_str(), PATIENT).await.unwrap().unwrap(), by_name);
    for none in ["missing-image:1", "", "../containers", "x?y", "a//b", "-x"] {
        assert_eq!(docker.image(none, PATIENT).await.unwrap(), None, "{none}");
    }
}

#[tokio::test]
async fn a_record_keeps_what_a_failure_left() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let check = ["--health-interval=100ms", "--health-cmd", "echo password=hunter22; false"];
    let name = stage.run("sick", &check, &["sh", "-c", "echo one; echo two; sleep 1; exit 7"]);
    wait_for(&docker, "sick", |container| container.state == ContainerState::Exited).await;
    let id = stage.id(&name);
    let redactor = commands::redact::Redactor::new(["hunter22".to_owned()]);
    let record = docker.record(&id, 1, &redactor, PATIENT).await.unwrap().unwrap();
    assert_eq!((record.container.exit_code, record.container.oom_killed), (Some(7), false));
    assert!(record.finished_at > record.container.started_at);
    let log = record.log.unwrap();
    assert_eq!(log.sieved.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["two"]);
    // The last run may have ended with the container.
    let check = record.checks.iter().find(|check| check.exit_code == 1).expect("a run of the health check");
    assert!(!check.output.contains("hunter22") && !check.output.is_empty(), "{check:?}");

    let broken = format!("{}-broken", stage.project);
    let label = format!("com.docker.compose.project={}", stage.project);
    stage.docker(&[
        "create",
        "--name",
        &broken,
        "--net",
        "none",
        "--label",
        &label,
        stage.image(),
        "/no/such",
    ]);
    let id = stage.id(&broken);
    docker.start(&id).await.unwrap_err();
    let record = docker.record(&id, 10, &redactor, PATIENT).await.unwrap().unwrap();
    assert!(record.error.unwrap().contains("/no/such"));
    stage.docker(&["rm", &broken]);
    assert_eq!(docker.record(&id, 10, &redactor, PATIENT).await.unwrap(), None);
}

#[tokio::test]
async fn a_real_stack_is_read_as_compose_wrote_it() {
    let project = stage::stack_project();
    let docker = Docker::connect(host(), Some(project.clone())).unwrap();
    let targets = docker.targets(PATIENT).await.unwrap();
    let of =
        |service: &str| targets.iter().find(|target| target.service.as_deref() == Some(service)).unwrap();
    assert_eq!(targets.len(), 10);
    for target in &targets {
        assert!(target.fixed_name && !target.one_off, "{target:?}");
        assert_eq!(target.restart, RestartPolicy::UnlessStopped);
        assert_eq!(target.networks, [format!("{project}_default")]);
        let origin = target.origin.as_ref().unwrap();
        assert_eq!(origin.project, project);
        assert!(origin.working_dir.as_ref().unwrap().starts_with('/'), "{origin:?}");
        assert_eq!(origin.config_files.len(), 1);
        assert!(origin.config_hash.as_ref().is_some_and(|hash| hash.len() == 64), "{origin:?}");
        let image = docker.image(target.image_id.as_str(), PATIENT).await.unwrap().unwrap();
        assert!(image.tags.contains(&target.image) || image.tags.is_empty(), "{image:?}");
    }
    let (auth, database) = (of("auth_service"), of("postgres_db"));
    assert_eq!((auth.stop_grace, database.stop_grace), (Some(1), Some(10)));
    assert_eq!(
        (auth.ports[0].address.as_str(), auth.ports[0].container_port.as_str()),
        ("127.0.0.1", "8000/tcp")
    );
    // Version 1 does not write what depends on what.
    if let Some(dependencies) = &auth.depends_on {
        assert_eq!(dependencies[0].service, "postgres_db");
    }
    assert!(docker.env_fingerprint(&auth.id, "AUTH_SERVICE_SECRET_KEY", PATIENT).await.unwrap().is_some());
    // The tests' own database is on the stack's network, and would keep `down` from removing it.
    let guests = docker.network_guests(PATIENT).await.unwrap();
    assert!(guests.iter().any(|guest| guest.name == format!("{project}-store")), "{guests:?}");
}
