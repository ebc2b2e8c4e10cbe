use super::*;

/// A second image, another one each time, named so.
fn build(stage: &Stage, name: &str) -> String {
    let container = stage.run("build", &[], &["sh", "-c", "cat /proc/sys/kernel/random/uuid > /made"]);
    stage.docker(&["wait", &container]);
    let id = stage.docker(&["commit", &container, name]);
    stage.docker(&["rm", &container]);
    id.trim().to_owned()
}

#[tokio::test]
async fn only_what_is_done_with_is_reclaimable() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let ended = |service: &str, more: &[&str]| {
        let name = stage.run(service, more, &["true"]);
        stage.docker(&["wait", &name]);
        name
    };
    let oldest = ended("web", &[]);
    // The Engine tells when a container was made in whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let newest = ended("web", &[]);
    let job = ended("migrate", &["--label", "com.docker.compose.oneoff=True"]);
    stage.run_idle("web", &[]);
    stage.run_idle("migrate", &["--label", "com.docker.compose.oneoff=True"]);
    let alone = ended("db", &[]);
    let stranger = stage.run_stranger("none");
    stage.docker(&["kill", &stranger]);

    let found = docker.reclaimable(PATIENT, 1).await.unwrap();
    let mut wanted = vec![oldest.clone(), job];
    wanted.sort();
    assert_eq!(found.containers.iter().map(|one| one.name.clone()).collect::<Vec<_>>(), wanted);
    assert!(!wanted.contains(&newest) && !wanted.contains(&alone));
    let spent = found.containers.iter().find(|one| one.name == oldest).unwrap();
    assert_eq!((spent.id.clone(), spent.one_off), (stage.id(&oldest), false));
    docker.remove_container(&spent.id).await.unwrap();
}

#[tokio::test]
async fn images_for_a_way_back_are_kept() {
    let stage = Stage::new();
    let docker = acts(&stage);
    let name = format!("{}-auth", stage.project);
    let tags: Vec<String> = (1..=3).map(|number| format!("{name}:prev-2026010{number}")).collect();
    for tag in &tags {
        build(&stage, tag);
    }
    // Named for a way back and for something else: not only a way back.
    let used = format!("{}-gs:prev-1", stage.project);
    let image = build(&stage, &used);
    stage.docker(&["tag", &image, &format!("{}-gs:live", stage.project)]);
    let moved = format!("{}-moved:latest", stage.project);
    let dangling = build(&stage, &moved);
    build(&stage, &moved);

    let back = docker.rollback_images(&name, PATIENT).await.unwrap();
    let newest_first: Vec<_> = tags.iter().rev().map(|tag| vec![tag.clone()]).collect();
    assert_eq!(back.iter().map(|image| image.tags.clone()).collect::<Vec<_>>(), newest_first);
    assert_eq!(docker.rollback_images(&name[..name.len() - 1], PATIENT).await.unwrap(), []);

    let found = docker.reclaimable(PATIENT, 2).await.unwrap();
    let of_test = |tags: &&Vec<String>| tags.iter().any(|tag| tag.starts_with(&stage.project));
    let names = |images: &[commands::workload::SpareImage]| {
        images.iter().map(|image| image.tags.clone()).collect::<Vec<_>>()
    };
    let spare = names(&found.images);
    assert_eq!(spare.iter().filter(of_test).collect::<Vec<_>>(), [&vec![tags[0].clone()]]);
    let kept = names(&found.kept);
    let kept: Vec<_> = kept.iter().filter(of_test).flatten().filter(|tag| tag.starts_with(&name)).collect();
    assert_eq!(kept, [&tags[1], &tags[2]]);
    let gone =
        found.images.iter().find(|image| image.id.as_str() == dangling).expect("the moved name's image");
    assert!(gone.tags.is_empty() && gone.bytes > 0);
    docker.remove_image(&gone.id, &gone.tags).await.unwrap();
    let none = docker.reclaimable(PATIENT, 0).await.unwrap();
    let spare = names(&none.images);
    assert_eq!(spare.iter().filter(of_test).count(), 3);
    assert!(none.build_cache.is_some());
}
