//! The server's databases beside each other, through the seat.

use std::time::Duration;

use commands::restore::DatabaseState;

use crate::administration::{database_state, state_of};
use crate::{Postgres, PostgresError};

const DATABASES: &str = concat!(
    "SELECT (",
    state_of!(),
    ")::text FROM pg_database AS d WHERE NOT d.datistemplate ORDER BY d.datname LIMIT 500"
);

const DIRECTORY: &str = "SELECT current_setting('data_directory')";

impl Postgres {
    /// Where the server keeps its files, in its own file system, within `deadline`.
    pub async fn data_directory(&self, deadline: Duration) -> Result<String, PostgresError> {
        let (folder,): (String,) = self.seat.ask(DIRECTORY, deadline).await?;
        Ok(folder)
    }

    /// Every database of the server but the templates, by name, within `deadline`.
    pub async fn databases(&self, deadline: Duration) -> Result<Vec<DatabaseState>, PostgresError> {
        let rows: Vec<(String,)> = self.seat.rows(DATABASES, &[], deadline).await?;
        let mut databases = Vec::with_capacity(rows.len());
        for (row,) in rows {
            databases.extend(database_state(&row)?);
        }
        Ok(databases)
    }
}
