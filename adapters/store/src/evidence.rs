//! What flight recorders kept of services before they were restarted.

use commands::ids::RunId;
use commands::incident::IncidentNumber;
use jiff::Timestamp;

use crate::column::{micros, timestamp};
use crate::{Result, Store};

/// What was kept of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The execution that it was kept for.
    pub run: RunId,
    /// The incident that it belongs to.
    pub incident: Option<IncidentNumber>,
    /// Whose.
    pub service: String,
    /// When it was read.
    pub at: Timestamp,
    /// Readable text, redacted.
    pub content: String,
}

impl Store {
    /// Keeps evidence; of a run and a service the first one stays.
    pub async fn keep_evidence(&self, evidence: Evidence) -> Result<()> {
        writing!(self, keep(evidence))
    }

    /// Everything kept for a run, by service.
    pub async fn evidence(&self, run: RunId) -> Result<Vec<Evidence>> {
        let rows = reading!(self, of(run))?;
        rows.into_iter()
            .map(|(incident, service, at, content)| {
                let incident = incident
                    .map(|number| crate::column::unsigned("evidence", number).map(IncidentNumber))
                    .transpose()?;
                Ok(Evidence { run, incident, service, at: timestamp("evidence", at)?, content })
            })
            .collect()
    }
}

per_driver! {
    pub(super) async fn keep(connection: &mut Connection, evidence: &Evidence) -> Result<()> {
        sqlx::query(
            "INSERT INTO evidence (run, incident, service, at, content) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (run, service) DO NOTHING",
        )
        .bind(evidence.run.to_string())
        .bind(evidence.incident.map(|number| i64::from(number.0)))
        .bind(&evidence.service)
        .bind(micros(evidence.at))
        // PostgreSQL takes no NUL in a text, and a log line may have one.
        .bind(evidence.content.replace('\0', "\u{fffd}"))
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(super) async fn of(
        connection: &mut Connection,
        run: RunId,
    ) -> Result<Vec<(Option<i64>, String, i64, String)>> {
        let rows = sqlx::query_as(
            "SELECT incident, service, at, content FROM evidence WHERE run = $1 ORDER BY service",
        )
        .bind(run.to_string())
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }
}
