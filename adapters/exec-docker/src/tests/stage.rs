//! Real containers for a test, made without a registry and removed at its end.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use commands::ids::ServiceName;
use commands::workload::ContainerId;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::timeout;

/// What whoever runs the tests says.
#[expect(clippy::disallowed_methods, reason = "where the test engine is, is said by whoever runs the tests")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Where the engine to test with listens.
pub fn host() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    // Without the variable it is the engine of this machine.
    HOST.get_or_init(|| {
        told("ACGS_TEST_DOCKER_HOST").unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned())
    })
}

/// The project of the demo stack that runs on that engine.
pub fn stack_project() -> String {
    told("ACGS_TEST_STACK_PROJECT").expect("tests/run starts a stack and says its project")
}

/// What the image has, all in one program.
const PROGRAMS: [&str; 9] = ["sh", "sleep", "true", "false", "cat", "timeout", "kill", "head", "hostname"];

/// On containers outside the project, for the end of the test.
const STRANGER_LABEL: &str = "acgs.test.stranger";

/// Containers of one Compose project that exists for one test.
pub struct Stage {
    /// Nobody else's.
    pub project: String,
}

impl Stage {
    /// Fails without an engine.
    pub fn new() -> Self {
        let stage = Self { project: format!("acgs-test-{:08x}", rand::random::<u32>()) };
        stage.import_image();
        stage
    }

    /// Starts a container of `service` as Compose would name and label it. `more` are options of
    /// `docker run`.
    pub fn run(&self, service: &str, more: &[&str], command: &[&str]) -> String {
        self.run_on("none", service, more, command)
    }

    /// The same on a network.
    pub fn run_on(&self, network: &str, service: &str, more: &[&str], command: &[&str]) -> String {
        let name = format!("{}-{service}-{:04x}", self.project, rand::random::<u16>());
        let project = format!("com.docker.compose.project={}", self.project);
        let service = format!("com.docker.compose.service={service}");
        let labels = ["--label", &project, "--label", &service];
        let common = ["run", "-d", "--net", network, "--name", &name];
        self.docker(&[&common[..], &labels, more, &[self.image()], command].concat());
        name
    }

    /// Starts a container that does nothing, well.
    pub fn run_idle(&self, service: &str, more: &[&str]) -> String {
        self.run(service, more, &["sleep", "600"])
    }

    /// Runs the Docker command line on this engine.
    pub fn docker(&self, arguments: &[&str]) -> String {
        docker(arguments)
    }

    /// A network of the project.
    pub fn network(&self, name: &str) -> String {
        let name = format!("{}_{name}", self.project);
        let label = format!("com.docker.compose.project={}", self.project);
        self.docker(&["network", "create", "--label", &label, &name]);
        name
    }

    /// A container that belongs to nobody's project.
    pub fn run_stranger(&self, network: &str) -> String {
        let name = format!("{}-stranger-{:04x}", self.project, rand::random::<u16>());
        let label = format!("{STRANGER_LABEL}={}", self.project);
        let common = ["run", "-d", "--net", network, "--name", &name, "--label", &label];
        self.docker(&[&common[..], &[self.image(), "sleep", "600"]].concat());
        name
    }

    /// Waits until the Engine has told of an event of a container, which may have been before.
    pub async fn wait_event(&self, name: &str, event: &str) {
        let (container, event) = (format!("container={name}"), format!("event={event}"));
        let mut events = tokio::process::Command::new("docker")
            .args(["-H", host(), "events", "--since", "10m", "--filter", &container, "--filter", &event])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(events.stdout.take().unwrap()).lines();
        let line = timeout(Duration::from_secs(60), lines.next_line()).await.expect("the event comes");
        line.unwrap().expect("an Engine that goes on telling");
    }

    /// One answer of `docker inspect`.
    pub fn inspect(&self, name: &str, format: &str) -> String {
        self.docker(&["inspect", "--format", format, name]).trim().to_owned()
    }

    /// The whole id of a container.
    pub fn id(&self, name: &str) -> ContainerId {
        self.inspect(name, "{{.Id}}").parse().unwrap()
    }

    /// The name of the image of all that is run here.
    pub fn image(&self) -> &str {
        &self.project
    }

    /// An image that is one static program.
    fn import_image(&self) {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        fs::copy("/bin/busybox", root.path().join("bin/busybox"))
            .expect("a static busybox is needed: apt-get install busybox-static");
        for program in PROGRAMS {
            std::os::unix::fs::symlink("busybox", root.path().join("bin").join(program)).unwrap();
        }
        let mut tar = Command::new("tar")
            .args(["-C", root.path().to_str().unwrap(), "-c", "."])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Command::new("docker")
            .args(["-H", host(), "import", "-", self.image()])
            .stdin(tar.stdout.take().unwrap())
            .output()
            .expect("the Docker command line is needed: apt-get install docker.io");
        assert!(tar.wait().unwrap().success());
        assert!(
            output.status.success(),
            "no Docker at {}: {}",
            host(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let ours = format!("label=com.docker.compose.project={}", self.project);
        let strangers = format!("label={STRANGER_LABEL}={}", self.project);
        for label in [&ours, &strangers] {
            each(&["ps", "-aq", "--filter", label], &["rm", "-f", "-v"]);
        }
        each(&["network", "ls", "-q", "--filter", &ours], &["network", "rm"]);
        let name = format!("reference={}*", self.project);
        each(&["images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", &name], &["rmi"]);
    }
}

/// Lists, and does something with all that is listed.
fn each(list: &[&str], what: &[&str]) {
    let listed = docker(list);
    let listed: Vec<_> = listed.split_whitespace().collect();
    if !listed.is_empty() {
        docker(&[what, &listed[..]].concat());
    }
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(["-H", host()]).args(arguments).output().unwrap();
    // A test that failed already must not hide why behind a second panic.
    if !std::thread::panicking() {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {arguments:?}: {said}");
    }
    String::from_utf8(output.stdout).unwrap()
}

pub fn service(name: &str) -> ServiceName {
    name.parse().unwrap()
}
