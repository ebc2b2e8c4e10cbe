//! Incidents as records: open or resolved.

use commands::ids::{Place, RunId, ServiceName};
use commands::incident::{Incident, IncidentNumber, Resolved, Severity};
use jiff::Timestamp;

use crate::column::{from_json, json, micros, timestamp, unsigned};
use crate::{Result, Store, StoreError};

const TABLE: &str = "incident";

/// An incident that is about to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIncident {
    /// The command that opens it; the same one again opens nothing.
    pub run: RunId,
    /// How bad it is.
    pub severity: Severity,
    /// In a few words, as typed.
    pub title: String,
    /// Where.
    pub place: Option<Place>,
    /// What it is about; empty for everything.
    pub services: Vec<ServiceName>,
    /// Who, as in the configuration.
    pub by: String,
}

impl Store {
    /// Opens an incident and tells its number; the run that opened one gets the same one again.
    pub async fn open_incident(&self, new: NewIncident, now: Timestamp) -> Result<IncidentNumber> {
        let number: i64 = transacting!(self, open((new, micros(now))))?;
        Ok(IncidentNumber(unsigned(TABLE, number)?))
    }

    /// Ends an open incident. `false` if there is none of that number, or it has ended.
    pub async fn resolve_incident(&self, number: IncidentNumber, resolved: Resolved) -> Result<bool> {
        writing!(self, resolve((number, resolved)))
    }

    /// One incident.
    pub async fn incident(&self, number: IncidentNumber) -> Result<Option<Incident>> {
        let rows = reading!(self, one(i64::from(number.0)))?;
        rows.into_iter().next().map(stored).transpose()
    }

    /// Those that are open, the worst first and then the oldest.
    pub async fn open_incidents(&self) -> Result<Vec<Incident>> {
        reading!(self, all_open())?.into_iter().map(stored).collect()
    }

    /// The newest ones, open or not, at most so many, the newest first.
    pub async fn incidents(&self, last: u32) -> Result<Vec<Incident>> {
        reading!(self, newest(i64::from(last)))?.into_iter().map(stored).collect()
    }
}

/// number, severity, title, place, services, `opened_at`, `opened_by`, `resolved_at`, `resolved_by`, `resolved_how`.
type Columns =
    (i64, String, String, Option<String>, String, i64, String, Option<i64>, Option<String>, Option<String>);

fn stored(columns: Columns) -> Result<Incident> {
    let (number, severity, title, place, services, opened_at, opened_by, resolved_at, by, how) = columns;
    let resolved = match (resolved_at, by, how) {
        (None, None, None) => None,
        (Some(at), Some(by), Some(how)) => Some(Resolved { at: timestamp(TABLE, at)?, by, how }),
        _ => {
            return Err(StoreError::Decode {
                table: TABLE,
                what: format!("half an end of incident {number}"),
            });
        }
    };
    Ok(Incident {
        number: IncidentNumber(unsigned(TABLE, number)?),
        severity: severity
            .parse()
            .map_err(|_| StoreError::Decode { table: TABLE, what: format!("severity {severity}") })?,
        title,
        place: place.map(|place| from_json(TABLE, &place)).transpose()?,
        services: from_json(TABLE, &services)?,
        opened: (timestamp(TABLE, opened_at)?, opened_by),
        resolved,
    })
}

macro_rules! select_sql {
    ($rest:literal) => {
        concat!(
            "SELECT number, severity, title, place, services, opened_at, opened_by, \
             resolved_at, resolved_by, resolved_how FROM incident ",
            $rest
        )
    };
}

per_driver! {
    pub(super) async fn open(connection: &mut Connection, (new, at): &(NewIncident, i64)) -> Result<i64> {
        sqlx::query(
            "INSERT INTO incident (severity, title, place, services, opened_at, opened_by, opened_run) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (opened_run) DO NOTHING",
        )
        .bind(new.severity.as_str())
        .bind(&new.title)
        .bind(new.place.as_ref().map(json))
        .bind(json(&new.services))
        .bind(at)
        .bind(&new.by)
        .bind(new.run.to_string())
        .execute(&mut *connection)
        .await?;
        let numbers: Vec<i64> = sqlx::query_scalar("SELECT number FROM incident WHERE opened_run = $1")
            .bind(new.run.to_string())
            .fetch_all(connection)
            .await?;
        numbers.first().copied().ok_or_else(|| StoreError::Decode {
            table: TABLE,
            what: format!("the incident of run {} is gone", new.run),
        })
    }

    pub(super) async fn resolve(
        connection: &mut Connection,
        (number, resolved): &(IncidentNumber, Resolved),
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE incident SET resolved_at = $2, resolved_by = $3, resolved_how = $4 \
             WHERE number = $1 AND resolved_at IS NULL",
        )
        .bind(i64::from(number.0))
        .bind(micros(resolved.at))
        .bind(&resolved.by)
        .bind(&resolved.how)
        .execute(connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    pub(super) async fn one(connection: &mut Connection, number: i64) -> Result<Vec<Columns>> {
        Ok(sqlx::query_as(select_sql!("WHERE number = $1")).bind(number).fetch_all(connection).await?)
    }

    pub(super) async fn all_open(connection: &mut Connection) -> Result<Vec<Columns>> {
        let sql = select_sql!("WHERE resolved_at IS NULL ORDER BY severity, opened_at, number");
        Ok(sqlx::query_as(sql).fetch_all(connection).await?)
    }

    pub(super) async fn newest(connection: &mut Connection, last: i64) -> Result<Vec<Columns>> {
        Ok(sqlx::query_as(select_sql!("ORDER BY number DESC LIMIT $1")).bind(last).fetch_all(connection).await?)
    }
}
