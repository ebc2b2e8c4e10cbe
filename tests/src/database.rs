//! Fresh databases on the PostgreSQL that the tests were given.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use url::Url;

/// One empty database, gone when the server is.
pub struct Database {
    admin: Url,
    name: String,
}

impl Database {
    /// Makes one on `ACGS_TEST_POSTGRES_URL`.
    ///
    /// # Panics
    /// When there is no server: `tests/run` starts one.
    pub async fn create() -> Self {
        let admin = admin();
        let name = format!("acgs_test_{:016x}", rand::random::<u64>());
        let database = Self { admin, name };
        database.execute(&format!("CREATE DATABASE {}", database.name)).await;
        database
    }

    /// For `[store] url`.
    #[must_use]
    pub fn url(&self) -> String {
        let mut url = self.admin.clone();
        url.set_path(&self.name);
        url.to_string()
    }

    /// From now on nothing can be written, as on a failed-over or full server.
    pub async fn freeze(&self) {
        self.execute(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", self.name)).await;
        self.execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ))
        .await;
    }

    /// Writes work again.
    pub async fn thaw(&self) {
        self.execute(&format!("ALTER DATABASE {} RESET default_transaction_read_only", self.name)).await;
        self.execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ))
        .await;
    }

    /// The number that a query of it gives.
    ///
    /// # Panics
    /// When it gives none.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let mut own = PgConnection::connect(&self.url()).await.expect("the tests' PostgreSQL answers");
        sqlx::query_scalar(sql).fetch_one(&mut own).await.expect("a number")
    }

    async fn execute(&self, sql: &str) {
        let mut admin =
            PgConnection::connect(self.admin.as_str()).await.expect("the tests' PostgreSQL answers");
        admin.execute(AssertSqlSafe(sql.to_owned())).await.expect("the tests' PostgreSQL obeys");
    }
}

#[expect(clippy::disallowed_methods, reason = "the harness is told where its servers are by tests/run")]
fn admin() -> Url {
    let url = std::env::var("ACGS_TEST_POSTGRES_URL");
    let url = url
        .expect("ACGS_TEST_POSTGRES_URL is not set: run the tests by ./tests/run, which starts a PostgreSQL");
    Url::parse(&url).expect("ACGS_TEST_POSTGRES_URL is a URL")
}
