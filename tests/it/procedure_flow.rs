//! Whole procedures of the runbook, each looked at and then one plan with one approval.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use e2e::acting::{SOON, Scene};
use e2e::people::{BO, DEE};
use e2e::stack::Stack;
use tempfile::TempDir;

/// Everything is stopped, started, restored and proved.
const PROVED: Duration = Duration::from_secs(240);

/// A stack with a folder for backups, and its variables in a file of the test's own.
struct Ground {
    scene: Scene,
    folder: TempDir,
    variables: String,
}

fn env_file(folder: &TempDir) -> PathBuf {
    folder.path().join("platform.env")
}

impl Ground {
    async fn new() -> Self {
        let stack = Stack::take().await;
        let folder = tempfile::tempdir().unwrap();
        let variables = std::fs::read_to_string(stack.config().with_file_name(".env")).unwrap();
        let env_file = env_file(&folder);
        std::fs::write(&env_file, &variables).unwrap();
        let backups = folder.path().join("backups");
        std::fs::create_dir(&backups).unwrap();
        let setup = stack
            .setup_with_compose(&env_file)
            .with(&format!("[backups]\ndir = {backups:?}"))
            .with(&format!(
                "[[secret]]\nservice = \"auth_service\"\nvariable = \"AUTH_SERVICE_SECRET_KEY\"\nenv_file = {env_file:?}\nrotate = \"jwt\""
            ));
        let ground = Self { scene: Scene::on(stack, setup).await, folder, variables };
        ground.drop_others().await;
        ground
    }

    async fn sql(&self, database: &str, statement: &str) -> String {
        let container = self.scene.stack.container("postgres_db");
        let argv =
            ["exec", &container, "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "acgs_user", "-d", database];
        self.scene.stack.docker(&[&argv[..], &["-c", statement]].concat()).await.trim().to_owned()
    }

    /// Databases that restores have set aside.
    async fn others(&self) -> Vec<String> {
        let others = "SELECT datname FROM pg_database WHERE datname LIKE 'acgs\\_pgp\\_db\\_%'";
        self.sql("postgres", others).await.lines().map(str::to_owned).collect()
    }

    async fn drop_others(&self) {
        for name in self.others().await {
            self.sql("postgres", &format!("DROP DATABASE \"{name}\"")).await;
        }
    }

    async fn oid(&self) -> String {
        self.sql("postgres", "SELECT oid FROM pg_database WHERE datname = 'acgs_pgp_db'").await
    }

    fn dumps(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.path().join("backups")).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "dump"))
            .count()
    }

    async fn back_up(&self) {
        let card = self.scene.asks(DEE, "backup create").await;
        self.scene.slack.react(BO, &card, "white_check_mark").await;
        self.scene.says(&card, "Done: backup create", PROVED).await;
    }

    /// Runs a procedure: its card of what it found, its one plan, both votes, and a good end.
    async fn procedure(&self, name: &str) -> String {
        let line = format!("runbook run {name}");
        self.scene.types(DEE, &line).await;
        let card = self.scene.message(&format!("Approve? {line}"), Duration::from_secs(60)).await;
        let shown = card.visible();
        assert!(shown.contains("the votes of 2 other approvers"), "{shown}");
        self.scene.both_approve(&card).await;
        let ended = self.scene.ends_well(&card, PROVED).await;
        assert!(!ended.contains("failed"), "{ended}");
        ended
    }
}

#[tokio::test]
async fn a_damaged_database_is_saved_first_and_then_restored() {
    let ground = Ground::new().await;
    ground.back_up().await;
    let rows = ground.sql("acgs_pgp_db", "SELECT count(*) FROM audit_logs").await;
    ground
        .sql("acgs_pgp_db", "DELETE FROM audit_logs WHERE ctid IN (SELECT ctid FROM audit_logs LIMIT 5)")
        .await;
    let oid = ground.oid().await;
    ground.procedure("database-recovery").await;
    assert_ne!(ground.oid().await, oid);
    assert_eq!(ground.sql("acgs_pgp_db", "SELECT count(*) FROM audit_logs").await, rows);
    assert_eq!(ground.dumps(), 2, "what there was before is saved too");
    assert_eq!(ground.others().await.len(), 1, "and kept beside");
    ground.drop_others().await;
}

#[tokio::test]
async fn a_platform_that_is_down_comes_back_with_its_data() {
    let ground = Ground::new().await;
    ground.back_up().await;
    let rows = ground.sql("acgs_pgp_db", "SELECT count(*) FROM policies").await;
    let stack = &ground.scene.stack;
    for service in ["gs_service", "pgc_service"] {
        stack.docker(&["stop", &stack.container(service)]).await;
    }
    let oid = ground.oid().await;
    ground.procedure("complete-recovery").await;
    assert_ne!(ground.oid().await, oid);
    assert_eq!(ground.sql("acgs_pgp_db", "SELECT count(*) FROM policies").await, rows);
    for service in ["auth_service", "ac_service", "gs_service", "pgc_service", "postgres_db"] {
        stack.wait_state(service, "running healthy").await;
    }
    ground.drop_others().await;
    stack.mend().await;
}

#[tokio::test]
async fn a_secret_that_may_be_known_is_made_anew_and_old_tokens_are_refused() {
    let ground = Ground::new().await;
    let stack = &ground.scene.stack;
    let token = stack.canary_token().await;
    assert_eq!(stack.verify(&token).await, 200);
    ground.procedure("rotate-secrets").await;
    assert_eq!(stack.verify(&token).await, 401);
    assert_eq!(stack.verify(&stack.canary_token().await).await, 200);
    ground.scene.message("refused", SOON).await;
    // The stack as it was.
    std::fs::write(env_file(&ground.folder), &ground.variables).unwrap();
    let arguments = ["up", "-d", "--no-deps", "--force-recreate", "auth_service"];
    stack.compose(&env_file(&ground.folder), &arguments).await;
    stack.mend().await;
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Commits a version of a service that is built from the stack's own image, and pushes it.
fn publish(folder: &Path, image: &str, (container, port): (&str, u16), version: &str) {
    let work = folder.join("work");
    std::fs::write(work.join("Dockerfile"), format!("FROM {image}\nENV SERVICE_VERSION={version}\n"))
        .unwrap();
    let compose = format!(
        r#"version: "3.7"
services:
  web:
    image: {container}:live
    build: .
    container_name: {container}
    ports: ["127.0.0.1:{port}:8003"]
    stop_grace_period: 1s
    environment: {{ SERVICE_NAME: web, SERVICE_PORT: "8003" }}
    healthcheck:
      test: ["CMD", "/acgs-demo-service", "health"]
      interval: 1s
      timeout: 3s
      retries: 2
"#
    );
    std::fs::write(work.join("compose.yml"), compose).unwrap();
    git(&work, &["add", "--all"]);
    git(&work, &["commit", "--quiet", "--message", &format!("Version {version}")]);
    git(&work, &["push", "--quiet", "origin", "HEAD:main"]);
}

#[tokio::test]
async fn a_service_gets_its_newest_commit_after_the_database_was_saved() {
    let stack = Stack::take().await;
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let format = "{{.Config.Image}}";
    let image = stack.docker(&["inspect", "--format", format, &stack.container("fv_service")]).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (project, container) = (stack.project(), format!("{}-update", stack.project()));
    git(here, &["init", "--quiet", "--bare", "remote"]);
    git(here, &["clone", "--quiet", "remote", "work"]);
    publish(here, image.trim(), (&container, port), "1.0.0");
    git(here, &["clone", "--quiet", "remote", "checkout"]);
    let (checkout, env) = (here.join("checkout"), here.join("site.env"));
    let file = checkout.join("compose.yml");
    std::fs::write(&env, "A=1\n").unwrap();
    stack.compose_of(&project, &file, &env, &["up", "-d", "--build", "web"]).await;
    publish(here, image.trim(), (&container, port), "2.0.0");
    let backups = here.join("backups");
    std::fs::create_dir(&backups).unwrap();
    let mut setup = stack.setup();
    let docker = format!(
        "[docker]\ncompose_file = {file:?}\nenv_file = {env:?}\ncompose = [\"/usr/bin/docker-compose\"]\n"
    );
    setup.sections = setup.sections.replacen("[docker]\n", &docker, 1);
    let setup = setup
        .with(&format!("[deploy]\nrepository = {checkout:?}"))
        .with(&format!("[[service]]\nname = \"web\"\nurl = \"http://127.0.0.1:{port}\""))
        .with(&format!("[backups]\ndir = {backups:?}"));
    let scene = Scene::on(stack, setup).await;
    scene.types(DEE, "runbook run service-update web").await;
    let card = scene.message("Approve? runbook run service-update web", Duration::from_secs(60)).await;
    assert!(card.visible().contains("the vote of 1 other approver"), "{}", card.visible());
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.ends_well(&card, PROVED).await;
    let variables = "{{range .Config.Env}}{{println .}}{{end}}";
    let variables = scene.stack.docker(&["inspect", "--format", variables, &container]).await;
    assert!(variables.contains("SERVICE_VERSION=2.0.0"), "{variables}");
    let saved = std::fs::read_dir(&backups).unwrap();
    assert_eq!(saved.count(), 2, "a dump and its manifest");
    scene.stack.docker(&["rm", "--force", &container]).await;
    let images = scene.stack.docker(&["images", "--quiet", &container]).await;
    for id in images.split_whitespace().collect::<std::collections::BTreeSet<_>>() {
        scene.stack.docker(&["rmi", "--force", id]).await;
    }
}
