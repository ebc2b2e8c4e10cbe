//! Who holds the database's connections, asked through the seat, so that it is known when none is free.

use std::time::Duration;

use commands::database::{ClientGroup, Connections};
use commands::health::Seats;

use crate::{Postgres, PostgresError, count, length};

/// One row for each kind of session; the two settings stand in each. Without `pg_monitor` the server
/// hides the kind of other people's sessions; those that are in a database count as clients.
const GROUPS: &str = "SELECT
    backend_type = 'client backend'
      OR (backend_type IS NULL AND datid IS NOT NULL AND usesysid IS NOT NULL) AS client,
    coalesce(application_name, ''), coalesce(usename::text, ''), coalesce(datname::text, ''), state,
    count(*)::int4, max(extract(epoch FROM clock_timestamp() - state_change))::float8,
    current_setting('max_connections')::int4,
    current_setting('superuser_reserved_connections')::int4
      + coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int4
  FROM pg_stat_activity GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC, 2, 3, 4, 5";

type Row = (Option<bool>, String, String, String, Option<String>, i32, Option<f64>, i32, i32);

impl Postgres {
    /// Connections by program, role, database and state, within `deadline`.
    pub async fn connections(&self, deadline: Duration) -> Result<Connections, PostgresError> {
        let rows: Vec<Row> = self.seat.rows(GROUPS, &[], deadline).await?;
        let mut seats = Seats { used: 0, max: 0, reserved: 0 };
        let mut background = 0;
        let mut groups = Vec::new();
        for (client, application, user, database, state, number, longest, max, reserved) in rows {
            let number = count(number)?;
            seats = Seats { max: count(max)?, reserved: count(reserved)?, ..seats };
            if client != Some(true) {
                background += number;
                continue;
            }
            seats.used += number;
            let longest = length(longest);
            groups.push(ClientGroup { application, user, database, state, count: number, longest });
        }
        Ok(Connections { seats, background, groups })
    }
}
