//! Whole procedures of the runbook, each looked at and then one plan with one approval.

use std::path::PathBuf;
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
