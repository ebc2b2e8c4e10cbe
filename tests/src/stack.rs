//! The real platform that `tests/run` brought up: where it is, and ways to hurt it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::process::Command;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::bot::Setup;
use crate::wait::eventually;

/// Each stack is one test's at a time.
static TURNS: LazyLock<Turns> = LazyLock::new(|| {
    let stacks: Vec<&str> =
        PREFIXES.into_iter().filter(|prefix| variable(prefix, "PROJECT").is_some()).collect();
    assert!(!stacks.is_empty(), "run the tests by ./tests/run, which brings up the stacks");
    Turns { free: Semaphore::new(stacks.len()), stacks: Mutex::new(stacks) }
});
/// What the variables of the stacks that tests/run may bring up begin with.
const PREFIXES: [&str; 2] = ["ACGS_TEST_STACK", "ACGS_TEST_STACK2"];

struct Turns {
    free: Semaphore,
    /// Those that no test has.
    stacks: Mutex<Vec<&'static str>>,
}

/// One stack's time with one test.
struct Turn {
    prefix: &'static str,
    _permit: SemaphorePermit<'static>,
}

impl Turn {
    async fn wait() -> Self {
        let permit = TURNS.free.acquire().await.expect("never closed");
        let prefix = TURNS.stacks.lock().expect("no code panics while holding it").pop();
        Self { prefix: prefix.expect("one for each permit"), _permit: permit }
    }
}

impl Drop for Turn {
    /// Before the permit is.
    fn drop(&mut self) {
        TURNS.stacks.lock().expect("no code panics while holding it").push(self.prefix);
    }
}

/// A container takes this long to be healthy again at most.
const HEALTHY: Duration = Duration::from_secs(60);

/// The stack, held by one test. Dropping it mends nothing: [`Stack::mend`] does.
pub struct Stack {
    turn: Turn,
    services: BTreeMap<String, String>,
}

#[expect(clippy::disallowed_methods, reason = "the harness is told where its servers are by tests/run")]
fn variable(prefix: &str, name: &str) -> Option<String> {
    std::env::var(format!("{prefix}_{name}")).ok()
}

/// One that gives up after five seconds.
///
/// # Panics
/// When the HTTP library refuses its own defaults.
#[must_use]
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(5)).build().expect("a client")
}

/// On containers that a test adds.
const EXTRA: &str = "acgs.test.extra=true";

impl Stack {
    fn told(&self, name: &str) -> String {
        let prefix = self.turn.prefix;
        variable(prefix, name)
            .unwrap_or_else(|| panic!("{prefix}_{name} is not set: run the tests by ./tests/run"))
    }

    /// Waits for a turn on whichever stack is free, and for everything to be well.
    ///
    /// # Panics
    /// When there is no stack.
    pub async fn take() -> Self {
        let mut stack = Self { turn: Turn::wait().await, services: BTreeMap::new() };
        stack.services = stack
            .told("SERVICES")
            .split(',')
            .map(|entry| entry.split_once('=').expect("NAME=URL"))
            .map(|(name, url)| (name.to_owned(), url.to_owned()))
            .collect();
        stack.remove_extra().await;
        stack.mend().await;
        stack
    }

    /// Runs another container of the project, as compose's service `service`, from the image of the database, which
    /// has a shell. The next test finds it gone.
    pub async fn run_extra(&self, service: &str, labels: &[String], script: &str) -> String {
        let name = format!("{}-{service}", self.project());
        let format = "{{.Config.Image}}";
        let image = self.docker(&["inspect", "--format", format, &self.container("postgres_db")]).await;
        let own = [
            EXTRA.to_owned(),
            format!("com.docker.compose.project={}", self.project()),
            format!("com.docker.compose.service={service}"),
        ];
        let mut run = vec!["run", "--detach", "--restart=always", "--name", &name];
        run.extend(own.iter().chain(labels).flat_map(|label| ["--label", label.as_str()]));
        run.extend(["--entrypoint", "/bin/sh", image.trim(), "-c", script]);
        self.docker(&run).await;
        name
    }

    /// Takes away what [`run_extra`](Self::run_extra) has started, by a test that failed too.
    pub async fn remove_extra(&self) {
        let (label, project) = (format!("label={EXTRA}"), self.project());
        let of_project = format!("label=com.docker.compose.project={project}");
        let extra =
            self.docker(&["ps", "--all", "--quiet", "--filter", &label, "--filter", &of_project]).await;
        for id in extra.split_whitespace() {
            self.docker(&["rm", "--force", id]).await;
        }
    }

    /// A bot that looks at the stack.
    #[must_use]
    pub fn setup(&self) -> Setup {
        self.setup_at(&self.engine())
    }

    /// The Docker Engine's address.
    #[must_use]
    pub fn engine(&self) -> String {
        self.told("DOCKER_HOST")
    }

    /// The compose file that the stack was made from.
    #[must_use]
    pub fn compose_file(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).with_file_name("deploy").join("demo/compose.yaml")
    }

    /// A bot that looks at the stack and may call Compose, with the variables in `env_file`.
    #[must_use]
    pub fn setup_with_compose(&self, env_file: &Path) -> Setup {
        let file = self.compose_file();
        let mut setup = self.setup();
        let docker = format!(
            "[docker]\ncompose_file = {file:?}\nenv_file = {env_file:?}\ncompose = [\"/usr/bin/docker-compose\"]\n"
        );
        setup.sections = setup.sections.replacen("[docker]\n", &docker, 1);
        setup
    }

    /// `docker-compose ARGUMENTS…` on the stack, with the variables in `env_file`; what it says.
    ///
    /// # Panics
    /// When it fails.
    pub async fn compose(&self, env_file: &Path, arguments: &[&str]) -> String {
        self.compose_of(&self.project(), &self.compose_file(), env_file, arguments).await
    }

    /// The same for another project on the stack's engine.
    ///
    /// # Panics
    /// When it fails.
    pub async fn compose_of(
        &self,
        project: &str,
        file: &Path,
        env_file: &Path,
        arguments: &[&str],
    ) -> String {
        let output = Command::new("/usr/bin/docker-compose")
            .args(["--ansi", "never", "-p", project, "-f"])
            .arg(file)
            .arg("--env-file")
            .arg(env_file)
            .args(arguments)
            .env("DOCKER_HOST", self.told("DOCKER_HOST"))
            .output()
            .await
            .expect("docker-compose is installed");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "docker-compose {arguments:?}: {said}");
        said + &String::from_utf8_lossy(&output.stdout)
    }

    /// A token of the login service, for the canary.
    ///
    /// # Panics
    /// When there is none.
    pub async fn canary_token(&self) -> String {
        let url = format!("{}/auth/login", self.services["auth_service"]);
        let canary = serde_json::json!({
            "username": "canary@acgs-pgp.example.com", "password": self.told("CANARY_PASSWORD"),
        });
        let answer = client().post(&url).json(&canary).send().await.expect("the service answers");
        let answer: serde_json::Value = answer.json().await.expect("JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// The status with which the login service answers to a token that is shown to it.
    pub async fn verify(&self, token: &str) -> u16 {
        let url = format!("{}/auth/verify", self.services["auth_service"]);
        client().get(url).bearer_auth(token).send().await.expect("an answer").status().as_u16()
    }

    /// A bot that looks at the stack and asks the Docker Engine at another address.
    #[must_use]
    pub fn setup_at(&self, engine: &str) -> Setup {
        let services: String = [
            "auth_service",
            "ac_service",
            "integrity_service",
            "fv_service",
            "gs_service",
            "pgc_service",
        ]
        .iter()
        .map(|name| {
            format!(
                "[[service]]\nname = {name:?}\nurl = {:?}\nread_path = \"/api/ping\"\ncritical = {}\n",
                self.services[*name],
                *name == "auth_service"
            )
        })
        .collect();
        Setup::default()
            .with(&format!("[docker]\nhost = {engine:?}\ncompose_project = {:?}", self.told("PROJECT")))
            .with(&format!(
                "[postgres]\nurl_env = \"STACK_POSTGRES_URL\"\nsignal_url_env = \"STACK_SIGNAL_URL\"\ncontainer = {:?}",
                self.container("postgres_db")
            ))
            .with(&format!("[prometheus]\nurl = {:?}", self.told("PROMETHEUS_URL")))
            .with(&format!("[alertmanager]\nurl = {:?}", self.told("ALERTMANAGER_URL")))
            .with(&format!(
                "[auth]\nurl = {:?}\ncanary_password_env = \"STACK_CANARY_PASSWORD\"",
                self.services["auth_service"]
            ))
            .with(&services)
            .secret("STACK_CANARY_PASSWORD", &self.told("CANARY_PASSWORD"))
            .secret("STACK_POSTGRES_URL", &self.told("POSTGRES_URL"))
            .secret("STACK_SIGNAL_URL", &self.told("POSTGRES_SIGNAL_URL"))
    }

    /// The configuration that `deploy/demo/up` wrote.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.told("CONFIG").into()
    }

    /// The stack's compose project.
    #[must_use]
    pub fn project(&self) -> String {
        self.told("PROJECT")
    }

    /// The container of a compose service.
    #[must_use]
    pub fn container(&self, service: &str) -> String {
        format!("{}{service}", self.told("PREFIX"))
    }

    /// `docker ARGUMENTS…` on the stack's engine.
    ///
    /// # Panics
    /// When it fails.
    pub async fn docker(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker")
            .args(arguments)
            .env("DOCKER_HOST", self.told("DOCKER_HOST"))
            .output()
            .await;
        let output = output.expect("docker is installed");
        assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The same, with what it writes to standard error after what it writes to standard output.
    ///
    /// # Panics
    /// When it fails.
    pub async fn docker_both(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker")
            .args(arguments)
            .env("DOCKER_HOST", self.told("DOCKER_HOST"))
            .output()
            .await;
        let output = output.expect("docker is installed");
        assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        text(&output.stdout) + &text(&output.stderr)
    }

    /// A container beside the stack that writes these lines and goes on; outside of the compose project, so
    /// that it is found by this name alone. One of that name before it is removed with its log.
    pub async fn write_lines(&self, name: &str, lines: &[&str]) -> String {
        let name = format!("{}-{name}", self.project());
        self.docker(&["rm", "--force", &name]).await;
        let format = "{{.Image}}";
        let image = self.docker(&["inspect", "--format", format, &self.container("postgres_db")]).await;
        let script = r#"printf '%s\n' "$@"; exec sleep 600"#;
        let run =
            ["run", "--detach", "--name", &name, "--entrypoint", "/bin/sh", image.trim(), "-c", script, "sh"];
        self.docker(&[&run[..], lines].concat()).await;
        eventually(HEALTHY, &format!("the lines of {name}"), async || {
            let log = self.docker_both(&["logs", &name]).await;
            (log.lines().count() >= lines.len()).then_some(())
        })
        .await;
        name
    }

    /// A login of nobody, which the service refuses.
    ///
    /// # Panics
    /// When it takes it.
    pub async fn log_in_wrongly(&self, service: &str) {
        let url = format!("{}/auth/login", self.services[service]);
        let nobody = serde_json::json!({ "username": "nobody", "password": "x" });
        let answer = client().post(&url).json(&nobody).send().await.expect("the service answers");
        assert_eq!(answer.status(), 401, "{url}");
    }

    /// Sets a service's fault switch.
    ///
    /// # Panics
    /// When the service does not take it.
    pub async fn sick(&self, service: &str, switches: &str) {
        let url = format!("{}/_sick?{switches}", self.services[service]);
        let answer = client().post(&url).send().await;
        assert!(answer.is_ok_and(|answer| answer.status().is_success()), "{url}");
    }

    /// A superuser's connection to the platform's database.
    ///
    /// # Panics
    /// When there is none to be had.
    pub async fn database(&self) -> PgConnection {
        PgConnection::connect(&self.told("POSTGRES_ADMIN_URL"))
            .await
            .expect("the stack's database takes connections")
    }

    /// Alertmanager's address.
    #[must_use]
    pub fn alertmanager_url(&self) -> String {
        self.told("ALERTMANAGER_URL")
    }

    /// The platform's database, as a role of the test's own.
    #[must_use]
    pub fn postgres_url(&self, role: &str, password: &str) -> String {
        let url = self.told("POSTGRES_URL");
        let (_, place) = url.rsplit_once('@').expect("an address with a role");
        format!("postgres://{role}:{password}@{place}")
    }

    /// A superuser's connection to a database of the test's own on the platform's server, which is dropped
    /// and made anew. The address is for the bot's role.
    ///
    /// # Panics
    /// When it can't be made.
    pub async fn own_database(&self, name: &str) -> (PgConnection, String) {
        let mut admin = self.database().await;
        for statement in
            [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")]
        {
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut admin).await.expect("a database");
        }
        let url = self.told("POSTGRES_URL").replace("/acgs_pgp_db", &format!("/{name}"));
        (self.database_called(name).await, url)
    }

    /// A superuser's connection to another database of the platform's server.
    ///
    /// # Panics
    /// When there is none to be had.
    pub async fn database_called(&self, name: &str) -> PgConnection {
        let url = self.told("POSTGRES_ADMIN_URL").replace("/acgs_pgp_db", &format!("/{name}"));
        PgConnection::connect(&url).await.expect("the database takes connections")
    }

    /// What Prometheus answers to a query asked directly: label `service` (or nothing) and value.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn promql(&self, query: &str) -> BTreeMap<String, f64> {
        let url = format!("{}/api/v1/query", self.told("PROMETHEUS_URL").trim_end_matches('/'));
        let answer = client().post(url).form(&[("query", query)]).send().await;
        let answer: serde_json::Value = answer.expect("Prometheus").json().await.expect("JSON");
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let read = |one: &serde_json::Value| {
            let service = one["metric"]["service"].as_str().unwrap_or_default().to_owned();
            let value = one["value"][1].as_str().and_then(|value| value.parse().ok());
            (service, value.expect("a number"))
        };
        series.iter().map(read).collect()
    }

    /// What Prometheus answers to a query asked directly: all labels (without `__name__`) and value.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn series(&self, query: &str) -> Vec<(BTreeMap<String, String>, f64)> {
        let url = format!("{}/api/v1/query", self.told("PROMETHEUS_URL").trim_end_matches('/'));
        let answer = client().post(url).form(&[("query", query)]).send().await;
        let answer: serde_json::Value = answer.expect("Prometheus").json().await.expect("JSON");
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let read = |one: &serde_json::Value| {
            let value = one["value"][1].as_str().and_then(|value| value.parse().ok());
            let labels = serde_json::from_value(one["metric"].clone()).expect("labels");
            (labels, value.expect("a number"))
        };
        series.iter().map(read).collect()
    }

    /// The names of all metrics that Prometheus has.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn metric_names(&self) -> BTreeSet<String> {
        let url =
            format!("{}/api/v1/label/__name__/values", self.told("PROMETHEUS_URL").trim_end_matches('/'));
        let answer: serde_json::Value =
            client().get(url).send().await.expect("Prometheus").json().await.expect("JSON");
        serde_json::from_value(answer["data"].clone()).expect("names")
    }

    /// `GET` of a service's path, whatever it answers.
    pub async fn visit(&self, service: &str, path: &str) {
        // A sick service may not answer at all.
        let _ = client().get(format!("{}{path}", self.services[service])).send().await;
    }

    /// Whether a service answers `GET` of a path with a success.
    pub async fn answers(&self, service: &str, path: &str) -> bool {
        let answer = client().get(format!("{}{path}", self.services[service])).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Connections that take every free seat of the database, as a leaking service would.
    ///
    /// # Panics
    /// When not even one can be had.
    pub async fn take_every_seat(&self) -> Vec<PgConnection> {
        let url = self.told("POSTGRES_ADMIN_URL");
        let mut taken = Vec::new();
        while let Ok(connection) = PgConnection::connect(&url).await {
            taken.push(connection);
        }
        assert!(!taken.is_empty(), "the stack's database takes connections");
        taken
    }

    /// Makes a silence of an hour for alerts with `name=value`, and returns its id.
    #[expect(clippy::disallowed_methods, reason = "whoever makes a silence makes it now")]
    pub async fn silence(&self, matcher: &str, by: &str, comment: &str) -> String {
        let (name, value) = matcher.split_once('=').expect("name=value");
        let now = jiff::Timestamp::now();
        let silence = serde_json::json!({
            "matchers": [{ "name": name, "value": value, "isRegex": false, "isEqual": true }],
            "startsAt": now, "endsAt": now + jiff::SignedDuration::from_hours(1),
            "createdBy": by, "comment": comment,
        });
        let url = format!("{}/api/v2/silences", self.told("ALERTMANAGER_URL"));
        let answer = client().post(url).json(&silence).send().await.expect("Alertmanager answers");
        let answer: serde_json::Value = answer.json().await.expect("JSON");
        answer["silenceID"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// The silences that hold something back now, as Alertmanager tells of them.
    pub async fn silences(&self) -> Vec<serde_json::Value> {
        let url = format!("{}/api/v2/silences", self.told("ALERTMANAGER_URL"));
        let answer = client().get(url).send().await.expect("Alertmanager answers");
        let all: Vec<serde_json::Value> = answer.json().await.expect("JSON");
        all.into_iter().filter(|one| one["status"]["state"] == "active").collect()
    }

    /// Ends it.
    pub async fn end_silence(&self, id: &str) {
        let url = format!("{}/api/v2/silence/{id}", self.told("ALERTMANAGER_URL"));
        let answer = client().delete(url).send().await.expect("Alertmanager answers");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// Starts, unpauses and heals everything, and waits for it.
    pub async fn mend(&self) {
        for service in
            self.services.keys().map(String::as_str).chain(["postgres_db", "prometheus", "alertmanager"])
        {
            let container = self.container(service);
            let state = self.docker(&["inspect", "--format", "{{.State.Status}}", &container]).await;
            match state.trim() {
                "running" => {}
                "paused" => drop(self.docker(&["unpause", &container]).await),
                _ => drop(self.docker(&["start", &container]).await),
            }
        }
        for (service, url) in &self.services {
            eventually(HEALTHY, &format!("{service} to be healthy"), async || {
                let client =
                    reqwest::Client::builder().timeout(Duration::from_secs(2)).build().expect("a client");
                client.post(format!("{url}/_sick?well=1")).send().await.ok()?;
                client
                    .get(format!("{url}/health"))
                    .send()
                    .await
                    .ok()
                    .filter(|answer| answer.status().is_success())
                    .map(|_| ())
            })
            .await;
            self.wait_state(service, "running healthy").await;
        }
    }

    /// Waits for a container's state and health.
    pub async fn wait_state(&self, service: &str, want: &str) {
        let container = self.container(service);
        let format = "{{.State.Status}}{{with .State.Health}} {{.Status}}{{end}}";
        eventually(HEALTHY, &format!("{container} to be {want}"), async || {
            (self.docker(&["inspect", "--format", format, &container]).await.trim() == want).then_some(())
        })
        .await;
    }
}
