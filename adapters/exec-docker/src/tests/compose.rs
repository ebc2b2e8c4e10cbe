use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use commands::workload::Workload;

use crate::act::{Compose, ComposeError, ComposeProject, ComposeVersion};

use super::*;

/// Compose 2, which `tests/install` puts here.
const SECOND: &str = "/var/lib/acgs-test/docker-compose";

/// A project of one service, and its folder.
struct Scene {
    stage: Stage,
    folder: TempDir,
}

const FILE: &str = "
version: '3'
services:
  auth:
    image: IMAGE-auth:${TAG:-live}
    build: .
    network_mode: none
    stop_grace_period: 1s
    container_name: NAME
    environment:
      KEY: ${KEY}
    command: [sleep, '600']
    depends_on: [db]
  db:
    image: IMAGE
    network_mode: none
    command: [sleep, '600']
";

impl Scene {
    fn new() -> Self {
        let scene = Self { stage: Stage::new(), folder: TempDir::new().unwrap() };
        let file = FILE.replace("IMAGE", scene.stage.image()).replace("NAME", &scene.name());
        fs::write(scene.path("compose.yml"), file).unwrap();
        fs::write(scene.path("Dockerfile"), format!("FROM {}\nLABEL made=1\n", scene.stage.image())).unwrap();
        scene.set("KEY=one");
        // Beside the file, where Compose would look by itself.
        fs::write(scene.path(".env"), "KEY=wrong\n").unwrap();
        scene.stage.docker(&["tag", scene.stage.image(), &format!("{}-auth:live", scene.stage.image())]);
        scene
    }

    fn name(&self) -> String {
        format!("{}-fixed", self.stage.project)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set(&self, line: &str) {
        fs::write(self.path("variables"), format!("{line}\n")).unwrap();
    }

    fn project(&self) -> ComposeProject {
        ComposeProject {
            directory: self.folder.path().to_owned(),
            file: self.path("compose.yml"),
            env_file: self.path("variables"),
            name: self.stage.project.clone(),
            docker_host: host().to_owned(),
            path: "/usr/local/bin:/usr/bin:/bin".to_owned(),
            home: self.folder.path().to_owned(),
        }
    }

    async fn auth(&self) -> Workload {
        let targets = docker(&self.stage).targets(PATIENT).await.unwrap();
        targets.into_iter().find(|target| target.container.name == self.name()).expect("the container")
    }

    fn key(&self) -> String {
        self.stage.docker(&["exec", &self.name(), "sh", "-c", "echo $KEY"]).trim().to_owned()
    }
}

/// Whatever this machine calls Compose, and Compose 2 in its two forms.
async fn each(test: impl AsyncFn(&Scene, &Compose)) {
    let own = ["/usr/bin/docker-compose", "/usr/local/bin/docker-compose"].map(PathBuf::from);
    let own = own.into_iter().find(|path| path.exists()).unwrap_or_else(|| SECOND.into());
    let scene = Scene::new();
    test(&scene, &Compose::detect(&[own], scene.project()).await.unwrap()).await;

    let scene = Scene::new();
    let compose = Compose::detect(&[SECOND.into()], scene.project()).await.unwrap();
    assert_eq!(compose.version(), ComposeVersion::V2);
    test(&scene, &compose).await;

    let scene = Scene::new();
    let plugins = scene.path(".docker/cli-plugins");
    fs::create_dir_all(&plugins).unwrap();
    symlink(SECOND, plugins.join("docker-compose")).unwrap();
    let program = ["/usr/local/bin/docker", "/usr/bin/docker"].map(PathBuf::from);
    let program = program.into_iter().find(|path| path.exists()).expect("the docker command");
    let compose = Compose::detect(&[program], scene.project()).await.unwrap();
    assert_eq!((compose.version(), compose.number().starts_with("2.")), (ComposeVersion::V2, true));
    test(&scene, &compose).await;
}

#[tokio::test]
async fn a_container_is_made_anew_from_the_one_file_of_variables() {
    each(async |scene, compose| {
        let docker = acts(&scene.stage);
        let auth = service("auth");
        compose.recreate(&auth, &[], PATIENT).await.unwrap();
        let first = scene.auth().await;
        assert_eq!(scene.key(), "one");
        assert!(first.fixed_name && !first.one_off);
        let origin = first.origin.clone().unwrap();
        assert_eq!(origin.working_dir.map(PathBuf::from), Some(scene.folder.path().to_owned()));
        assert_eq!(origin.config_files, [scene.path("compose.yml").display().to_string()]);
        // No dependency was started with it, and so neither version writes that there is one.
        assert_eq!(docker.targets(PATIENT).await.unwrap().len(), 1);
        assert_eq!(first.depends_on, None);
        assert!(compose.is_up_to_date(&first, &[], &docker).await.unwrap(), "{}", compose.number());

        scene.set("KEY=two");
        assert!(!compose.is_up_to_date(&first, &[], &docker).await.unwrap());
        compose.recreate(&auth, &[], PATIENT).await.unwrap();
        let second = scene.auth().await;
        assert_ne!(second.id, first.id);
        assert_eq!(scene.key(), "two");
        assert!(compose.is_up_to_date(&second, &[], &docker).await.unwrap());
        // The name means another image now.
        let image = scene.stage.docker(&["commit", &scene.name(), &second.image]);
        assert_ne!(image.trim(), second.image_id.as_str());
        assert!(!compose.is_up_to_date(&second, &[], &docker).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_blank_variable_stops_it_before_anything_is_done() {
    each(async |scene, compose| {
        compose.recreate(&service("auth"), &[], PATIENT).await.unwrap();
        let before = scene.auth().await;
        scene.set("OTHER=1");
        assert_eq!(compose.blank_variables().await.unwrap(), ["KEY"]);
        let error = compose.recreate(&service("auth"), &[], PATIENT).await.unwrap_err();
        assert_eq!(error, ComposeError::Blank(vec!["KEY".to_owned()]));
        assert_eq!(scene.auth().await, before);
        scene.set("KEY=x");
        let error = compose.recreate(&service("missing"), &[], PATIENT).await.unwrap_err();
        let ComposeError::Failed { code: Some(1..), output } = &error else { panic!("{error:?}") };
        assert!(output.last_line().to_lowercase().contains("no such service"), "{output:?}");
        assert_eq!(scene.auth().await, before);
        fs::remove_file(scene.path("variables")).unwrap();
        compose.recreate(&service("auth"), &[], PATIENT).await.unwrap_err();
        assert_eq!(scene.auth().await, before);
    })
    .await;
}

#[tokio::test]
async fn an_image_is_built_under_the_tag_that_is_asked_for() {
    each(async |scene, compose| {
        let docker = acts(&scene.stage);
        let live = format!("{}-auth:live", scene.stage.image());
        let before = docker.image(&live, PATIENT).await.unwrap().unwrap();
        let tag = [("TAG".to_owned(), "abc123".to_owned())];
        compose.build(&service("auth"), &tag, PATIENT).await.unwrap();
        let built =
            docker.image(&format!("{}-auth:abc123", scene.stage.image()), PATIENT).await.unwrap().unwrap();
        assert_eq!(built.labels.get("made").map(String::as_str), Some("1"));
        // What is live keeps its name.
        assert_eq!(docker.image(&live, PATIENT).await.unwrap().unwrap().id, before.id);
        compose.recreate(&service("auth"), &tag, PATIENT).await.unwrap();
        assert_eq!(scene.auth().await.image_id, built.id);
        fs::write(scene.path("Dockerfile"), "FROM\n").unwrap();
        let error = compose.build(&service("auth"), &tag, PATIENT).await.unwrap_err();
        assert!(matches!(error, ComposeError::Failed { .. }), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_service_is_scaled_and_no_container_that_is_there_is_touched() {
    each(async |scene, compose| {
        let of = async |name: &str| {
            let all = docker(&scene.stage).targets(PATIENT).await.unwrap();
            let own = all.into_iter().filter(|one| one.service.as_deref() == Some(name));
            own.map(|one| one.id).collect::<std::collections::BTreeSet<_>>()
        };
        let db = service("db");
        compose.scale(&db, 1, PATIENT).await.unwrap();
        let one = of("db").await;
        compose.scale(&db, 3, PATIENT).await.unwrap();
        let three = of("db").await;
        assert!(three.len() == 3 && one.is_subset(&three), "{one:?} {three:?}");
        assert!(of("auth").await.is_empty(), "no other service");
        compose.scale(&db, 1, PATIENT).await.unwrap();
        assert_eq!(of("db").await.len(), 1);
        scene.set("OTHER=1");
        let error = compose.scale(&db, 2, PATIENT).await.unwrap_err();
        assert_eq!(error, ComposeError::Blank(vec!["KEY".to_owned()]));
    })
    .await;
}

#[tokio::test]
async fn the_second_compose_writes_what_depends_on_what() {
    let scene = Scene::new();
    let up = Command::new(SECOND)
        .args(["--project-directory", scene.folder.path().to_str().unwrap(), "-p", &scene.stage.project])
        .args(["-f", scene.path("compose.yml").to_str().unwrap(), "up", "-d"])
        .env("DOCKER_HOST", host())
        .output()
        .unwrap();
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let auth = scene.auth().await;
    let [dependency] = &auth.depends_on.unwrap()[..] else { panic!("one") };
    assert_eq!((dependency.service.as_str(), dependency.condition.as_str()), ("db", "service_started"));
    let targets = docker(&scene.stage).targets(PATIENT).await.unwrap();
    let db = targets.into_iter().find(|target| target.service.as_deref() == Some("db")).unwrap();
    assert!(!db.fixed_name, "{}", db.container.name);
}
