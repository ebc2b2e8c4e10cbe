//! Secrets made anew on the real stack: the value goes into the file and the containers, and nowhere else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::acting::{SOON, Scene};
use e2e::people::DEE;
use e2e::stack::Stack;
use tempfile::TempDir;

/// A container made anew, its check, and the proof.
const PROVED: Duration = Duration::from_secs(120);

/// The stack's variables in a file of the test's own, and what puts them back.
struct Variables {
    folder: TempDir,
    original: String,
}

impl Variables {
    fn of(stack: &Stack) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let original = std::fs::read_to_string(stack.config().with_file_name(".env")).unwrap();
        let variables = Self { folder, original };
        std::fs::write(variables.path(), &variables.original).unwrap();
        variables
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("platform.env")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    fn value(&self, name: &str) -> String {
        let text = self.text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{name} in the file")).to_owned()
    }

    fn toml(&self, compose: bool, stack: &Stack) -> String {
        let entry = |rotate: &str, variable: &str| {
            format!(
                "[[secret]]\nservice = \"auth_service\"\nvariable = \"{variable}\"\nenv_file = {:?}\nrotate = \"{rotate}\"\n",
                self.path()
            )
        };
        let entries =
            entry("jwt", "AUTH_SERVICE_SECRET_KEY") + &entry("csrf", "AUTH_SERVICE_CSRF_SECRET_KEY");
        assert!(!compose || stack.compose_file().is_file());
        entries
    }

    /// `docker-compose up` of the login service with this file, as somebody might type it.
    async fn up(&self, stack: &Stack, file: &Path) -> String {
        let arguments = ["up", "-d", "--no-deps", "auth_service"];
        stack.compose(file, &arguments).await
    }

    /// The stack as it was.
    async fn put_back(&self, stack: &Stack) {
        std::fs::write(self.path(), &self.original).unwrap();
        // What the Engine made keeps the hash of the file before, by which Compose would leave it.
        let arguments = ["up", "-d", "--no-deps", "--force-recreate", "auth_service"];
        stack.compose(&self.path(), &arguments).await;
        stack.mend().await;
    }
}

async fn scene(compose: bool) -> (Scene, Variables) {
    let stack = Stack::take().await;
    let variables = Variables::of(&stack);
    let setup = if compose { stack.setup_with_compose(&variables.path()) } else { stack.setup() };
    let setup = setup.with(&variables.toml(compose, &stack));
    (Scene::on(stack, setup).await, variables)
}

async fn environment(stack: &Stack, name: &str) -> String {
    let format = "{{range .Config.Env}}{{println .}}{{end}}";
    let all = stack.docker(&["inspect", "--format", format, &stack.container("auth_service")]).await;
    let line = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("{name} in the container")).to_owned()
}

/// Neither value is in anything that the bot wrote or said.
fn nowhere(scene: &Scene, values: &[&str]) {
    let said: String = scene.slack.messages().iter().map(e2e::slack::Message::visible).collect();
    let mut written = vec![("messages".to_owned(), said.into_bytes())];
    for entry in std::fs::read_dir(scene.bot.folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            written.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    assert!(written.iter().any(|(name, _)| name.contains("acgs.db")), "the records are looked at");
    for (name, bytes) in written {
        for value in values {
            assert!(!bytes.windows(value.len()).any(|part| part == value.as_bytes()), "a secret in {name}");
        }
    }
}

#[tokio::test]
async fn a_rotated_jwt_key_ends_every_session_and_survives_the_next_up() {
    let (scene, variables) = scene(true).await;
    let old = variables.value("AUTH_SERVICE_SECRET_KEY");
    let token = scene.stack.canary_token().await;
    assert_eq!(scene.stack.verify(&token).await, 200);
    let card = scene.asks(DEE, "secrets rotate jwt").await;
    let shown = card.visible();
    let seen = shown.contains("jwt (AUTH_SERVICE_SECRET_KEY), now ") && !shown.contains("[redacted]");
    assert!(seen, "the fingerprint is no secret: {shown}");
    for words in ["All sessions end", "the votes of 2 other approvers", "by Compose", "platform.env"] {
        assert!(shown.contains(words), "{words:?} in {shown}");
    }
    scene.both_approve(&card).await;
    let ended = scene.ends_well(&card, PROVED).await;
    assert!(!ended.contains("failed"), "{ended}");
    let new = variables.value("AUTH_SERVICE_SECRET_KEY");
    assert!(new != old && new.len() == 64, "{} characters", new.len());
    assert_eq!(environment(&scene.stack, "AUTH_SERVICE_SECRET_KEY").await, new);
    assert_eq!(scene.stack.verify(&token).await, 401, "the old token");
    let fresh = scene.stack.canary_token().await;
    assert_eq!(scene.stack.verify(&fresh).await, 200, "a new one");
    assert!(variables.up(&scene.stack, &variables.path()).await.contains("up-to-date"));
    // All other lines are as they were, and nothing is left beside the file.
    let without = |text: &str| {
        let other = text.lines().filter(|line| !line.starts_with("AUTH_SERVICE_SECRET_KEY="));
        other.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without(&variables.text()), without(&variables.original));
    let beside: Vec<_> = std::fs::read_dir(variables.folder.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
    nowhere(&scene, &[&old, &new, &token]);
    let verified = scene.bot.run(&["audit", "verify"]).await;
    assert!(verified.code == 0, "{verified:?}");
    variables.put_back(&scene.stack).await;
}

#[tokio::test]
async fn without_compose_the_engine_makes_the_container_anew_and_the_old_one_is_gone() {
    let (scene, variables) = scene(false).await;
    let old = variables.value("AUTH_SERVICE_CSRF_SECRET_KEY");
    let key = environment(&scene.stack, "AUTH_SERVICE_SECRET_KEY").await;
    let card = scene.asks(DEE, "secrets rotate csrf").await;
    assert!(card.visible().contains("by the Engine"), "{}", card.visible());
    scene.both_approve(&card).await;
    scene.ends_well(&card, PROVED).await;
    let new = variables.value("AUTH_SERVICE_CSRF_SECRET_KEY");
    assert_ne!(new, old);
    assert_eq!(environment(&scene.stack, "AUTH_SERVICE_CSRF_SECRET_KEY").await, new);
    assert_eq!(environment(&scene.stack, "AUTH_SERVICE_SECRET_KEY").await, key, "the other one stays");
    let all = scene.stack.docker(&["ps", "--all", "--format", "{{.Names}}"]).await;
    assert!(!all.contains("_old_"), "{all}");
    nowhere(&scene, &[&old, &new]);
    variables.put_back(&scene.stack).await;
}

#[tokio::test]
async fn a_container_that_does_not_become_well_brings_file_and_container_back() {
    let (scene, variables) = scene(false).await;
    let format = ["inspect", "--format", "{{.Id}}"];
    let container = scene.stack.container("auth_service");
    let before = scene.stack.docker(&[&format[..], &[&container]].concat()).await;
    // Without it the service is never well.
    scene.stack.docker(&["stop", &scene.stack.container("postgres_db")]).await;
    let card = scene.asks(DEE, "secrets rotate jwt").await;
    scene.both_approve(&card).await;
    scene.says(&card, "Failed: secrets rotate jwt", PROVED).await;
    let result = scene.message("have the old values again", SOON).await.visible();
    assert!(result.contains("the old container is back"), "{result}");
    assert_eq!(variables.text(), variables.original);
    let beside: Vec<_> = std::fs::read_dir(variables.folder.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
    let after = scene.stack.docker(&[&format[..], &[&container]].concat()).await;
    assert_eq!(after, before, "the same container");
    variables.put_back(&scene.stack).await;
}

#[tokio::test]
async fn a_bot_that_dies_halfway_goes_on_from_the_file() {
    let (mut scene, variables) = scene(false).await;
    let old = variables.value("AUTH_SERVICE_SECRET_KEY");
    let token = scene.stack.canary_token().await;
    let card = scene.asks(DEE, "secrets rotate jwt").await;
    scene.both_approve(&card).await;
    e2e::wait::eventually(PROVED, "the file to be written", async || {
        (variables.value("AUTH_SERVICE_SECRET_KEY") != old).then_some(())
    })
    .await;
    scene.bot.kill().await;
    let new = variables.value("AUTH_SERVICE_SECRET_KEY");
    scene.bot.restart().await;
    scene.ends_well(&card, PROVED).await;
    assert_eq!(variables.value("AUTH_SERVICE_SECRET_KEY"), new, "not made a second time");
    assert_eq!(environment(&scene.stack, "AUTH_SERVICE_SECRET_KEY").await, new);
    assert_eq!(scene.stack.verify(&token).await, 401);
    let all = scene.stack.docker(&["ps", "--all", "--format", "{{.Names}}"]).await;
    assert!(!all.contains("_old_"), "{all}");
    variables.put_back(&scene.stack).await;
}

#[tokio::test]
async fn what_would_be_left_with_the_old_value_or_comes_from_elsewhere_is_refused() {
    let (scene, variables) = scene(false).await;
    let other = format!("{}-verifier", scene.stack.project());
    let format = "{{.Config.Image}}";
    let image =
        scene.stack.docker(&["inspect", "--format", format, &scene.stack.container("postgres_db")]).await;
    let value = format!("AUTH_SERVICE_SECRET_KEY={}", variables.value("AUTH_SERVICE_SECRET_KEY"));
    let project = format!("com.docker.compose.project={}", scene.stack.project());
    let labels =
        ["--label", "acgs.test.extra=true", "--label", &project, "--label", "com.docker.compose.service=x"];
    let run = ["run", "--detach", "--name", &other, "--env", &value, "--entrypoint", "/bin/sleep"];
    scene.stack.docker(&[&run[..], &labels, &[image.trim(), "600"]].concat()).await;
    scene.types(DEE, "secrets rotate jwt").await;
    let refused = scene.message("Another one has it too", SOON).await.visible();
    assert!(refused.contains(&other) && refused.contains("rotate = \"jwt\""), "{refused}");
    scene.stack.docker(&["rm", "--force", &other]).await;
    std::fs::write(variables.path(), "OTHER=1\n").unwrap();
    scene.types(DEE, "secrets rotate jwt").await;
    scene.message("does not set AUTH_SERVICE_SECRET_KEY", SOON).await;
    std::fs::remove_file(variables.path()).unwrap();
    scene.types(DEE, "secrets rotate csrf").await;
    scene.message("The env file can't be read", SOON).await;
}
