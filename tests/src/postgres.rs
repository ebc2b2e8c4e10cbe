//! A PostgreSQL of a test's own, which may be stopped.

use std::time::Duration;

use tokio::process::Command;

use crate::wait::eventually;

/// An initialised server starts in less.
const UP: Duration = Duration::from_secs(60);
const PASSWORD: &str = "a test's own";

/// A server in a container of the tests' engine. Gone when dropped.
pub struct Server {
    name: String,
    port: u16,
}

/// Starts the server again whenever it ended, unless it is to stay down.
const SCRIPT: &str = r#"
set -eu
printf '%s\n' "$PASSWORD" >/tmp/password
if [ -n "${PRIMARY:-}" ]; then
    PGPASSWORD=$PASSWORD pg_basebackup --pgdata="$PGDATA" --write-recovery-conf --wal-method=stream --checkpoint=fast \
        --no-sync --dbname="host=$PRIMARY user=acgs_test application_name=standby"
else
    initdb --username=acgs_test --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync >/dev/null
    printf 'host all,replication all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
fi
while :; do
    if [ -e /tmp/down ]; then sleep 0.05; else postgres -c 'listen_addresses=*' -c fsync=off -c max_connections=200 || true; fi
done
"#;

#[expect(clippy::disallowed_methods, reason = "the harness is told where its servers are by tests/run")]
fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests by ./tests/run"))
}

async fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker")
        .args(arguments)
        .env("DOCKER_HOST", told("ACGS_TEST_DOCKER_HOST"))
        .output()
        .await
        .expect("docker is installed");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Server {
    /// Starts one, from the image of the server that the tests were given.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start() -> Self {
        Self::run(&[]).await
    }

    /// Starts another one that follows this one and takes no writes. From when it is up, this one takes none that the
    /// other one does not have.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn standby(&self) -> Self {
        let standby = Self::run(&["--env", &format!("PRIMARY={}", self.name)]).await;
        self.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'").await;
        self.execute("SELECT pg_reload_conf()").await;
        eventually(UP, "a standby that has everything", async || {
            let state = self.execute("SELECT sync_state FROM pg_stat_replication").await;
            (state == "sync").then_some(())
        })
        .await;
        standby
    }

    /// Makes a standby take writes.
    ///
    /// # Panics
    /// When it is none.
    pub async fn promote(&self) {
        self.execute("SELECT pg_promote()").await;
    }

    async fn execute(&self, sql: &str) -> String {
        let password = format!("PGPASSWORD={PASSWORD}");
        let psql =
            ["exec", "--env", &password, &self.name, "psql", "--no-psqlrc", "--tuples-only", "--no-align"];
        let asks = ["--username", "acgs_test", "--dbname", "postgres", "--command", sql];
        docker(&[&psql[..], &asks[..]].concat()).await.unwrap_or_else(|| panic!("{sql}: no answer"))
    }

    async fn run(environment: &[&str]) -> Self {
        let store = format!("{}-store", told("ACGS_TEST_STACK_PROJECT"));
        let image = docker(&["inspect", "--format", "{{.Config.Image}}", &store])
            .await
            .expect("the tests' PostgreSQL");
        let name = format!("{store}-{:08x}", rand::random::<u32>());
        let password = format!("PASSWORD={PASSWORD}");
        // The one network of the tests' engine that reaches out.
        let network = format!("{}_default", told("ACGS_TEST_STACK_PROJECT"));
        let options = [
            "run",
            "--detach",
            "--rm",
            "--name",
            &name,
            "--env",
            &password,
            "--network",
            &network,
            "--publish",
            "127.0.0.1::5432",
            "--tmpfs",
            "/var/lib/postgresql/data:uid=999,gid=999,mode=0700",
            "--entrypoint",
            "/bin/sh",
        ];
        docker(&[&options[..], environment, &[&image, "-c", SCRIPT]].concat()).await.expect("a container");
        let published = docker(&["port", &name, "5432"]).await.expect("a port");
        let port = published.lines().next().and_then(|line| line.rsplit(':').next()?.parse().ok());
        let server = Self { name, port: port.unwrap_or_else(|| panic!("no port in {published:?}")) };
        server.is_up().await;
        server
    }

    /// For `[store] url`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same at another port of loopback that leads to it.
    #[must_use]
    pub fn url_at(&self, port: u16) -> String {
        let password = PASSWORD.replace(' ', "%20").replace('\'', "%27");
        format!("postgres://acgs_test:{password}@127.0.0.1:{port}/postgres")
    }

    /// On loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server as a crash would, and keeps it down.
    ///
    /// # Panics
    /// When it can't be ended.
    pub async fn down(&self) {
        docker(&["exec", &self.name, "touch", "/tmp/down"]).await.expect("a container");
        docker(&["exec", &self.name, "/bin/sh", "-c", "pg_ctl stop --mode=immediate"])
            .await
            .expect("a server");
    }

    /// Starts it again and waits until it takes connections.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn up(&self) {
        docker(&["exec", &self.name, "rm", "-f", "/tmp/down"]).await.expect("a container");
        self.is_up().await;
    }

    async fn is_up(&self) {
        eventually(UP, "the test's own PostgreSQL", async || {
            docker(&["exec", &self.name, "pg_isready", "--quiet", "--host", "127.0.0.1"]).await
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let removed = std::process::Command::new("docker")
            .args(["rm", "--force", "--volumes", &self.name])
            .env("DOCKER_HOST", told("ACGS_TEST_DOCKER_HOST"))
            .output();
        // What can't be removed goes with the engine.
        drop(removed);
    }
}
