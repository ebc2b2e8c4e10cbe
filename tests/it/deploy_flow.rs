//! Commits built and run, the way back, and settings: with a repository, a Compose project and an Engine that are real.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use e2e::acting::{SOON, Scene};
use e2e::bot::Setup;
use e2e::people::{BO, DEE};
use e2e::stack::Stack;
use tempfile::TempDir;

/// A build, a container made anew, and the proof.
const PROVED: Duration = Duration::from_secs(180);

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A platform of one service: its code at a remote and checked out, its compose file, its container.
struct Site {
    folder: TempDir,
    name: String,
    image: String,
    port: u16,
}

impl Site {
    async fn new(stack: &Stack) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let format = "{{.Config.Image}}";
        let image = stack.docker(&["inspect", "--format", format, &stack.container("fv_service")]).await;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let name = format!("{}-site", stack.project());
        let site = Self { folder, name, image: image.trim().to_owned(), port };
        git(site.folder.path(), &["init", "--quiet", "--bare", "remote"]);
        git(site.folder.path(), &["clone", "--quiet", "remote", "work"]);
        site.commit("1.0.0", "");
        git(site.folder.path(), &["clone", "--quiet", "remote", "checkout"]);
        std::fs::write(site.folder.path().join("site.env"), "WEB_CACHE_TTL=300\n").unwrap();
        site.down(stack).await;
        site.compose(stack, &["up", "-d", "--build"]).await;
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn container(&self) -> String {
        format!("{}-web", self.name)
    }

    /// Commits a version, pushes it, and says which commit it is.
    fn commit(&self, version: &str, sick: &str) -> String {
        let work = self.path("work");
        let docker = format!("FROM {}\nENV SERVICE_VERSION={version} SICK={sick}\n", self.image);
        std::fs::write(work.join("Dockerfile"), docker).unwrap();
        let (container, name, port) = (self.container(), &self.name, self.port);
        let compose = format!(
            r#"version: "3.7"
services:
  web:
    image: {name}:live
    build: .
    container_name: {container}
    ports: ["127.0.0.1:{port}:8003"]
    stop_grace_period: 1s
    environment:
      SERVICE_NAME: web
      SERVICE_PORT: "8003"
      CACHE_TTL: ${{WEB_CACHE_TTL:?}}
    healthcheck:
      test: ["CMD", "/acgs-demo-service", "health"]
      interval: 1s
      timeout: 3s
      retries: 2
"#
        );
        std::fs::write(work.join("compose.yml"), compose).unwrap();
        git(&work, &["add", "--all"]);
        git(&work, &["commit", "--quiet", "--allow-empty", "--message", &format!("Version {version}")]);
        git(&work, &["push", "--quiet", "origin", "HEAD:main"]);
        git(&work, &["rev-parse", "HEAD"])
    }

    async fn compose(&self, stack: &Stack, arguments: &[&str]) -> String {
        let (file, env) = (self.path("checkout/compose.yml"), self.path("site.env"));
        stack.compose_of(&self.name, &file, &env, arguments).await
    }

    /// Container, network and images, of a test that failed too.
    async fn down(&self, stack: &Stack) {
        self.compose(stack, &["down"]).await;
        let images = stack.docker(&["images", "--quiet", &self.name]).await;
        for id in images.split_whitespace().collect::<std::collections::BTreeSet<_>>() {
            stack.docker(&["rmi", "--force", id]).await;
        }
    }

    fn setup(&self, stack: &Stack) -> Setup {
        let (checkout, env) = (self.path("checkout"), self.path("site.env"));
        let file = checkout.join("compose.yml");
        Setup::default()
            .with(&format!(
                "[docker]\nhost = {:?}\ncompose_project = {:?}\ncompose_file = {file:?}\nenv_file = {env:?}\n\
                 compose = [\"/usr/bin/docker-compose\"]",
                stack.engine(),
                self.name
            ))
            .with(&format!("[deploy]\nrepository = {checkout:?}"))
            .with(&format!("[[service]]\nname = \"web\"\nurl = \"http://127.0.0.1:{}\"", self.port))
            .with(&format!(
                "[[setting]]\nservice = \"web\"\nkey = \"CACHE_TTL\"\nfile_key = \"WEB_CACHE_TTL\"\nenv_file = {env:?}\n\
                 min = 0\nmax = 86400\n\
                 [[setting]]\nservice = \"web\"\nkey = \"NOT_PASSED_ON\"\nenv_file = {env:?}\none_of = [\"on\", \"off\"]\n\
                 [[setting]]\nservice = \"web\"\nkey = \"REDIS_URL\"\nenv_file = {env:?}\nurl_schemes = [\"redis\"]"
            ))
    }

    async fn environment(&self, stack: &Stack, name: &str) -> String {
        let format = "{{range .Config.Env}}{{println .}}{{end}}";
        let all = stack.docker(&["inspect", "--format", format, &self.container()]).await;
        let line = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(str::to_owned).unwrap_or_default()
    }

    fn head(&self) -> String {
        git(&self.path("checkout"), &["rev-parse", "HEAD"])
    }
}

async fn begin() -> (Scene, Site) {
    let stack = Stack::take().await;
    let site = Site::new(&stack).await;
    let setup = site.setup(&stack);
    (Scene::on(stack, setup).await, site)
}

#[tokio::test]
async fn a_commit_is_built_and_run_a_bad_one_is_seen_and_the_way_back_leads_to_the_one_before() {
    let (scene, site) = begin().await;
    scene.types(DEE, "deploy rollback web").await;
    scene.message("No image to go back to", SOON).await;
    let good = site.commit("2.0.0", "");
    let line = format!("deploy run web {}", &good[..8]);
    let card = scene.asks(DEE, &line).await;
    let shown = card.visible();
    for words in [&good, "Version 2.0.0", "the vote of 1 other approver", "prev-", "by Compose"] {
        assert!(shown.contains(words), "{words:?} in {shown}");
    }
    assert_ne!(site.head(), good, "asking brings nothing forward");
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.ends_well(&card, PROVED).await;
    assert_eq!(site.head(), good);
    assert_eq!(site.environment(&scene.stack, "SERVICE_VERSION").await, "2.0.0");
    let format = "{{.Image}}";
    let running = scene.stack.docker(&["inspect", "--format", format, &site.container()]).await;
    let tags = scene.stack.docker(&["images", "--format", "{{.Tag}}", &site.name]).await;
    assert!(tags.contains("prev-") && tags.contains(&good[..12]), "{tags}");

    let bad = site.commit("3.0.0", "down=1");
    let card = scene.asks(DEE, &format!("deploy run web {bad}")).await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Failed: deploy run web", PROVED).await;
    let told = scene.message("is running, unhealthy", SOON).await.visible();
    assert!(told.contains("deploy rollback web"), "{told}");
    assert_eq!(site.environment(&scene.stack, "SERVICE_VERSION").await, "3.0.0");

    let card = scene.asks(DEE, "deploy rollback web").await;
    assert!(card.visible().contains(running.trim()), "the image before: {}", card.visible());
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Improved: deploy rollback web", PROVED).await;
    assert_eq!(site.environment(&scene.stack, "SERVICE_VERSION").await, "2.0.0");
    assert_eq!(scene.stack.docker(&["inspect", "--format", format, &site.container()]).await, running);
    // The name is that of the image again, so that the next `up` brings nothing else.
    site.compose(&scene.stack, &["up", "-d"]).await;
    assert_eq!(scene.stack.docker(&["inspect", "--format", format, &site.container()]).await, running);
    let all = scene.stack.docker(&["ps", "--all", "--format", "{{.Names}}"]).await;
    assert!(!all.contains("_old_"), "{all}");
    site.down(&scene.stack).await;
}

#[tokio::test]
async fn what_can_not_be_deployed_is_refused_with_the_reason() {
    let (scene, site) = begin().await;
    let first = site.head();
    let next = site.commit("2.0.0", "");
    for (line, reason) in [
        ("deploy run web 1234567".to_owned(), "is not on the branch that the checkout follows"),
        ("deploy run web main".to_owned(), "7 or more hex digits"),
        (format!("deploy run web {}0", &next[..39]), "is not on the branch"),
    ] {
        scene.types(DEE, &line).await;
        scene.message(reason, SOON).await;
    }
    // Somebody works in the checkout.
    std::fs::write(site.path("checkout/Dockerfile"), "FROM scratch\n").unwrap();
    scene.types(DEE, &format!("deploy run web {next}")).await;
    scene.message("has local changes", SOON).await;
    git(&site.path("checkout"), &["checkout", "--quiet", "--", "."]);
    // A change between the asking and the begin.
    let card = scene.asks(DEE, &format!("deploy run web {next}")).await;
    std::fs::write(site.path("checkout/Dockerfile"), "FROM scratch\n").unwrap();
    scene.slack.react(BO, &card, "white_check_mark").await;
    let shut = scene.says(&card, "Not done: deploy run web", SOON).await;
    assert!(shut.contains("has local changes") || shut.contains("can't be done any more"), "{shut}");
    assert_eq!(site.head(), first);
    git(&site.path("checkout"), &["checkout", "--quiet", "--detach"]);
    git(&site.path("checkout"), &["checkout", "--quiet", "--force", "--detach"]);
    scene.types(DEE, &format!("deploy run web {next} --dry-run")).await;
    scene.message("can't be asked", SOON).await;
    site.down(&scene.stack).await;
}

#[tokio::test]
async fn a_build_that_fails_leaves_what_runs() {
    let (scene, site) = begin().await;
    let format = ["inspect", "--format", "{{.Id}}"];
    let before = scene.stack.docker(&[&format[..], &[&site.container()]].concat()).await;
    std::fs::write(site.path("work/Dockerfile"), "FROM no-such-image-anywhere:none\n").unwrap();
    git(&site.path("work"), &["commit", "--quiet", "--all", "--message", "Broken"]);
    git(&site.path("work"), &["push", "--quiet", "origin", "HEAD:main"]);
    let broken = git(&site.path("work"), &["rev-parse", "HEAD"]);
    let card = scene.asks(DEE, &format!("deploy run web {broken}")).await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Failed: deploy run web", PROVED).await;
    scene.message("Compose failed", SOON).await;
    assert_eq!(scene.stack.docker(&[&format[..], &[&site.container()]].concat()).await, before);
    site.down(&scene.stack).await;
}

#[tokio::test]
async fn a_setting_is_changed_within_its_limits_and_what_does_not_arrive_goes_back() {
    let (scene, site) = begin().await;
    for (line, reason) in [
        ("deploy config web CACHE_TTL 86401", "a whole number from 0 to 86400"),
        ("deploy config web CACHE_TTL +5", "It was \"+5\""),
        ("deploy config web CACHE_TTL '5; rm -rf /'", "It was \"5; rm -rf /\""),
        ("deploy config web -- CACHE_TTL -1", "a whole number from 0 to 86400"),
        ("deploy config web PATH /tmp", "has no setting"),
        ("deploy config web NOT_PASSED_ON maybe", "one of on, off"),
        ("deploy config web REDIS_URL redis://:hunter2@redis", "holds no password"),
    ] {
        scene.types(DEE, line).await;
        scene.message(reason, SOON).await;
    }
    assert!(scene.slack.messages().iter().all(|message| !message.visible().contains("hunter2")));
    // The compose file is edited before the vote.
    let compose = site.path("checkout/compose.yml");
    let before = std::fs::read_to_string(&compose).unwrap();
    let card = scene.asks(DEE, "deploy config web CACHE_TTL 500").await;
    std::fs::write(&compose, format!("{before}# A remark.\n")).unwrap();
    scene.slack.react(BO, &card, "white_check_mark").await;
    let shut = scene.says(&card, "What it acts on is not what was voted on", SOON).await;
    assert!(shut.contains("sha256: was"), "{shut}");
    assert_eq!(site.environment(&scene.stack, "CACHE_TTL").await, "300");
    std::fs::write(&compose, before).unwrap();
    let card = scene.asks(DEE, "deploy config web CACHE_TTL 600").await;
    assert!(card.visible().contains("now 300"), "{}", card.visible());
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.ends_well(&card, PROVED).await;
    assert_eq!(site.environment(&scene.stack, "CACHE_TTL").await, "600");
    let file = || std::fs::read_to_string(site.path("site.env")).unwrap();
    assert_eq!(file(), "WEB_CACHE_TTL=600\n");
    assert!(site.compose(&scene.stack, &["up", "-d"]).await.contains("up-to-date"));
    // The compose file does not pass it on, which an unproved change would not notice.
    let card = scene.asks(DEE, "deploy config web NOT_PASSED_ON on").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Failed: deploy config web NOT_PASSED_ON on", PROVED).await;
    scene.message("does the compose file pass the variable on?", SOON).await;
    assert_eq!(file(), "WEB_CACHE_TTL=600\n", "the old file is back");
    site.down(&scene.stack).await;
}

#[tokio::test]
async fn more_connections_than_the_database_has_for_each_service_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let env = folder.path().join("a.env");
    std::fs::write(&env, "POOL_AC_SERVICE=2\n").unwrap();
    let scene = Scene::with(&format!(
        "[[setting]]\nservice = \"ac_service\"\nkey = \"DATABASE_POOL_SIZE\"\nfile_key = \"POOL_AC_SERVICE\"\n\
         env_file = {env:?}\nmin = 1\nmax = 500\nconnections = true"
    ))
    .await;
    scene.types(DEE, "deploy config ac_service DATABASE_POOL_SIZE 400").await;
    let refused = scene.message("More connections than there are", SOON).await.visible();
    assert!(refused.contains("6 services share the rest"), "{refused}");
    let card = scene.asks(DEE, "deploy config ac_service DATABASE_POOL_SIZE 3").await;
    scene.slack.react(BO, &card, "no_entry").await;
    scene.says(&card, "Vetoed", SOON).await;
    assert_eq!(std::fs::read_to_string(&env).unwrap(), "POOL_AC_SERVICE=2\n");
}
