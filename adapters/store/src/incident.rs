//! Incidents: open or resolved, what they owe and when, and their timelines.
//!
//! Every change is made against the version that it was decided on: of two that were decided at once one is made and the
//! other is decided anew. What may happen once in an incident has a name (`once`), and a change whose name stands on the
//! timeline already is not made again. So a page is stored once, however many replicas see that it is owed.

mod together;

use std::time::Duration;

use commands::escalation::{Course, Policy};
use commands::ids::{Place, RunId, ServiceName};
use commands::incident::{Incident, IncidentNumber, Resolved, Severity, State};
use commands::timeline::Entry;
use jiff::Timestamp;

use crate::column::{from_json, json, micros, micros_after, timestamp, unsigned};
use crate::outbox::{self, NewMessage};
use crate::room;
use crate::webhook::NewWebhook;
use crate::{Database, Result, Store, StoreError};

const TABLE: &str = "incident";
const TIMELINE: &str = "timeline";

/// An incident that is about to be opened.
#[derive(Clone, Debug, PartialEq)]
pub struct NewIncident {
    /// The command that opens it; the same one again opens nothing.
    pub run: RunId,
    /// In a few words, as typed.
    pub title: String,
    /// Where.
    pub place: Option<Place>,
    /// What it is about; empty for everything.
    pub services: Vec<ServiceName>,
    /// Who, as in the configuration.
    pub by: String,
    /// How it begins.
    pub state: State,
    /// When the schedule owes its first message.
    pub owed_at: Option<Timestamp>,
    /// The timeline's first entry.
    pub entry: Entry,
}

/// An incident as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredIncident {
    /// What is known of it.
    pub incident: Incident,
    /// Of this reading.
    pub version: i64,
}

/// An entry of a timeline, and what makes it the same entry when it comes again.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// What happened.
    pub entry: Entry,
    /// Its name within the incident, where it may stand there once.
    pub once: Option<String>,
}

/// A change of one incident and all that goes with it, stored all or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which.
    pub number: IncidentNumber,
    /// It was decided on this one.
    pub version: i64,
    /// How it goes on.
    pub state: State,
    /// How it ended; `None` while it is open.
    pub resolved: Option<Resolved>,
    /// When the schedule owes something next.
    pub owed_at: Option<Timestamp>,
    /// In the order of the timeline.
    pub entries: Vec<NewEntry>,
    /// To be sent.
    pub messages: Vec<NewMessage>,
    /// To be posted.
    pub webhooks: Vec<NewWebhook>,
    /// What is stored for it, not sent, and of no use any more.
    pub cancel: Cancel,
}

/// Which messages of an incident that nobody has begun to send are not sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// None.
    Nothing,
    /// Those that only want an answer.
    Pages,
    /// All that the schedule sent.
    Everything,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was made.
    Done,
    /// The incident is not as it was decided on: read it and decide anew.
    Stale,
    /// It was made before.
    Before,
}

/// The slots of what the schedule sends: to get an answer, or to tell.
#[must_use]
pub fn page_slot(incident: IncidentNumber, wants_answer: bool, message: u32, copy: usize) -> String {
    let kind = if wants_answer { 'a' } else { 's' };
    format!("i{incident}-{kind}{message}-{copy}")
}

impl Store {
    /// Opens an incident and tells its number; the run that opened one gets the same one again.
    pub async fn open_incident(&self, new: NewIncident, now: Timestamp) -> Result<IncidentNumber> {
        let at = micros(now);
        let number = match &*self.database {
            Database::Sqlite(db) => {
                db.writer
                    .transaction((new, at), |unit, (new, at)| {
                        Box::pin(async move {
                            let number = sqlite::open(&mut unit.connection, new, *at).await?;
                            room::sqlite::want(&mut unit.connection, number, &new.state, *at).await?;
                            Ok(number)
                        })
                    })
                    .await?
            }
            Database::Postgres(pool) => {
                crate::postgres::in_time(async {
                    let mut transaction = pool.begin().await?;
                    let number = postgres::open(&mut transaction, &new, at).await?;
                    room::postgres::want(&mut transaction, number, &new.state, at).await?;
                    transaction.commit().await?;
                    Ok(number)
                })
                .await?
            }
        };
        Ok(IncidentNumber(unsigned(TABLE, number)?))
    }

    /// Makes changes, each by itself all or not at all, in one transaction.
    pub async fn change_incidents(&self, changes: Vec<Change>, now: Timestamp) -> Result<Vec<Changed>> {
        let changes = changes.into_iter().map(|change| prepared(change, now)).collect::<Result<Vec<_>>>()?;
        let at = micros(now);
        match &*self.database {
            Database::Sqlite(db) => {
                db.writer
                    .transaction((changes, at), |unit, (changes, at)| {
                        let connection = &mut unit.connection;
                        Box::pin(together::on_sqlite(connection, changes, *at))
                    })
                    .await
            }
            Database::Postgres(pool) => {
                crate::postgres::in_time(async {
                    together::on_postgres(&mut *pool.acquire().await?, &changes, at).await
                })
                .await
            }
        }
    }

    /// Puts an entry on a timeline. `false` if it stands there already.
    pub async fn add_to_timeline(&self, number: IncidentNumber, entry: NewEntry) -> Result<bool> {
        writing!(self, append((number, entry)))
    }

    /// One incident.
    pub async fn incident(&self, number: IncidentNumber) -> Result<Option<StoredIncident>> {
        let rows = reading!(self, one(i64::from(number.0)))?;
        rows.into_iter().next().map(stored).transpose()
    }

    /// The incident that a command has changed, or opened.
    pub async fn changed_by(&self, run: RunId) -> Result<Option<IncidentNumber>> {
        let numbers = reading!(self, of_run(&format!("run/{run}")))?;
        let number = numbers.first().copied();
        number.map(|number| unsigned(TABLE, number).map(IncidentNumber)).transpose()
    }

    /// Those that are open, the worst first and then the oldest.
    pub async fn open_incidents(&self) -> Result<Vec<StoredIncident>> {
        Ok(readable(reading!(self, all_open())?))
    }

    /// The newest ones, open or not, at most so many, the newest first.
    pub async fn incidents(&self, last: u32) -> Result<Vec<StoredIncident>> {
        Ok(readable(reading!(self, newest(i64::from(last)))?))
    }

    /// Takes incidents that owe something at `now`, the most overdue first, for `lease`. Nobody else gets them
    /// meanwhile. On SQLite, which one process serves, there is nobody else and nothing is written.
    pub async fn owing_incidents(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<StoredIncident>> {
        match &*self.database {
            Database::Sqlite(_) => self.overdue(now, limit).await,
            Database::Postgres(pool) => {
                let (now, until) = (micros(now), micros_after(now, lease));
                crate::postgres::in_time(async {
                    Ok(readable(claim(&mut *pool.acquire().await?, (now, until), limit).await?))
                })
                .await
            }
        }
    }

    /// Those that owe something at `now`, the most overdue first, claimed or not. Nothing is written.
    pub async fn overdue(&self, now: Timestamp, limit: u32) -> Result<Vec<StoredIncident>> {
        Ok(readable(reading!(self, owing((micros(now), i64::from(limit))))?))
    }

    /// When the schedule owes something next, or somebody's lease on what is owed at `now` is over; `None` if it never
    /// does.
    pub async fn next_owed(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let (free, claimed) = reading!(self, next_owed(micros(now)))?;
        let at: Option<i64> = free.into_iter().chain(claimed).min();
        at.map(|at| timestamp(TABLE, at)).transpose()
    }

    /// How many incidents owed something before a time and still do.
    pub async fn overdue_incidents(&self, before: Timestamp) -> Result<u64> {
        let count: i64 = reading!(self, late(micros(before)))?;
        unsigned(TABLE, count)
    }

    /// What happened in an incident, in the order of time.
    pub async fn timeline(&self, number: IncidentNumber) -> Result<Vec<Entry>> {
        let rows = reading!(self, entries(i64::from(number.0)))?;
        rows.iter().map(|what| from_json(TIMELINE, what)).collect()
    }
}

/// A change with its messages as they will be stored.
struct Prepared {
    change: Change,
    messages: Vec<outbox::Row>,
}

fn prepared(mut change: Change, now: Timestamp) -> Result<Prepared> {
    let messages = std::mem::take(&mut change.messages);
    let messages = (0..).zip(messages).map(|(place, message)| outbox::row(message, now, place));
    Ok(Prepared { change, messages: messages.collect::<Result<_>>()? })
}

/// The first slot of those that a cancellation takes, and the first after them.
fn cancelled(number: IncidentNumber, cancel: Cancel) -> Option<(String, String)> {
    match cancel {
        Cancel::Nothing => None,
        Cancel::Pages => Some((format!("i{number}-a"), format!("i{number}-b"))),
        Cancel::Everything => Some((format!("i{number}-a"), format!("i{number}-t"))),
    }
}

/// number, severity, title, place, services, `opened_at`, `opened_by`, `resolved_at`, `resolved_by`, `resolved_how`, state,
/// version.
type Columns = (
    i64,
    String,
    String,
    Option<String>,
    String,
    i64,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
);

fn stored(columns: Columns) -> Result<StoredIncident> {
    let (number, severity, title, place, services, opened_at, opened_by, ended_at, by, how, state, version) =
        columns;
    let resolved = match (ended_at, by, how) {
        (None, None, None) => None,
        (Some(at), Some(by), Some(how)) => Some(Resolved { at: timestamp(TABLE, at)?, by, how }),
        _ => {
            return Err(StoreError::Decode {
                table: TABLE,
                what: format!("half an end of incident {number}"),
            });
        }
    };
    let opened = timestamp(TABLE, opened_at)?;
    let place: Option<Place> = place.map(|place| from_json(TABLE, &place)).transpose()?;
    let state = match state {
        Some(state) => from_json(TABLE, &state)?,
        None => before_escalation(&severity, opened, &opened_by, place.as_ref(), resolved.as_ref())?,
    };
    let incident = Incident {
        number: IncidentNumber(unsigned(TABLE, number)?),
        title,
        place,
        services: from_json(TABLE, &services)?,
        opened: (opened, opened_by),
        resolved,
        state,
    };
    Ok(StoredIncident { incident, version })
}

/// Those that can be read: one that can't (a newer bot wrote it, or somebody's hand) must not keep the others from
/// being told. It stays overdue, which is seen.
fn readable(rows: Vec<Columns>) -> Vec<StoredIncident> {
    let read = rows.into_iter().map(|row| (row.0, stored(row)));
    read.filter_map(|(number, stored)| {
        stored
            .inspect_err(|error| {
                tracing::error!(number, error = error as &dyn std::error::Error, "an incident can't be read");
            })
            .ok()
    })
    .collect()
}

/// One that was stored when incidents called nobody.
fn before_escalation(
    severity: &str,
    opened: Timestamp,
    by: &str,
    place: Option<&Place>,
    resolved: Option<&Resolved>,
) -> Result<State> {
    let severity: Severity = severity
        .parse()
        .map_err(|_| StoreError::Decode { table: TABLE, what: format!("severity {severity}") })?;
    let mut course = Course::open(Policy::silent(), severity, false, opened);
    course.resolved = resolved.map(|resolved| resolved.at);
    Ok(State::new(course, place.cloned().into_iter().collect(), false, by.to_owned()))
}

macro_rules! columns {
    () => {
        "number, severity, title, place, services, opened_at, opened_by, resolved_at, resolved_by, resolved_how, \
         state, version"
    };
}

macro_rules! select_sql {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM incident ", $rest)
    };
}

/// Steps over rows that another replica is claiming. A claim that ends later than one that begins now was made by a
/// clock that has gone back since, and is none.
async fn claim(
    connection: &mut sqlx::PgConnection,
    (now, until): (i64, i64),
    limit: u32,
) -> Result<Vec<Columns>> {
    // A claim that a crash takes back is made anew: nobody waits until the disk has it.
    let sql = concat!(
        "WITH owing AS MATERIALIZED (SELECT number FROM incident \
         WHERE owed_at <= $1 AND (claimed_until <= $1 OR claimed_until > $2) ORDER BY owed_at LIMIT $3 \
         FOR UPDATE SKIP LOCKED) \
         UPDATE incident SET claimed_until = $2 WHERE number IN (SELECT number FROM owing) \
         AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off' RETURNING ",
        columns!()
    );
    Ok(sqlx::query_as(sql).bind(now).bind(until).bind(i64::from(limit)).fetch_all(connection).await?)
}

per_driver! {
    pub(super) async fn open(connection: &mut Connection, new: &NewIncident, at: i64) -> Result<i64> {
        let opened = sqlx::query(
            "INSERT INTO incident (severity, title, place, services, opened_at, opened_by, opened_run, state, owed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (opened_run) DO NOTHING",
        )
        .bind(new.state.course.severity.as_str())
        .bind(&new.title)
        .bind(new.place.as_ref().map(json))
        .bind(json(&new.services))
        .bind(at)
        .bind(&new.by)
        .bind(new.run.to_string())
        .bind(json(&new.state))
        .bind(new.owed_at.map(micros))
        .execute(&mut *connection)
        .await?;
        let numbers: Vec<i64> = sqlx::query_scalar("SELECT number FROM incident WHERE opened_run = $1")
            .bind(new.run.to_string())
            .fetch_all(&mut *connection)
            .await?;
        let number = numbers.first().copied().ok_or_else(|| StoreError::Decode {
            table: TABLE,
            what: format!("the incident of run {} is gone", new.run),
        })?;
        if opened.rows_affected() == 1 {
            let entry = NewEntry { entry: new.entry.clone(), once: Some(format!("run/{}", new.run)) };
            append(connection, &(IncidentNumber(unsigned(TABLE, number)?), entry)).await?;
        }
        Ok(number)
    }

    pub(crate) async fn append(
        connection: &mut Connection,
        (number, new): &(IncidentNumber, NewEntry),
    ) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO timeline (incident, at, person, what, once) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (incident, once) DO NOTHING",
        )
        .bind(i64::from(number.0))
        .bind(micros(new.entry.at))
        .bind(&new.entry.by)
        .bind(json(&new.entry))
        .bind(&new.once)
        .execute(connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    pub(super) async fn owing(connection: &mut Connection, (now, limit): (i64, i64)) -> Result<Vec<Columns>> {
        let sql = select_sql!("WHERE owed_at <= $1 ORDER BY owed_at LIMIT CAST($2 AS BIGINT)");
        Ok(sqlx::query_as(sql).bind(now).bind(limit).fetch_all(connection).await?)
    }

    /// Both by the index, however many incidents are open.
    pub(super) async fn next_owed(connection: &mut Connection, now: i64) -> Result<(Option<i64>, Option<i64>)> {
        let sql = "SELECT (SELECT owed_at FROM incident WHERE owed_at IS NOT NULL AND claimed_until <= owed_at \
                   ORDER BY owed_at LIMIT 1), \
                   (SELECT min(claimed_until) FROM incident WHERE owed_at <= $1 AND claimed_until > owed_at)";
        Ok(sqlx::query_as(sql).bind(now).fetch_one(connection).await?)
    }

    pub(super) async fn late(connection: &mut Connection, before: i64) -> Result<i64> {
        let sql = "SELECT count(*) FROM incident WHERE owed_at < $1";
        Ok(sqlx::query_scalar(sql).bind(before).fetch_one(connection).await?)
    }

    pub(super) async fn of_run(connection: &mut Connection, once: &str) -> Result<Vec<i64>> {
        let sql = "SELECT incident FROM timeline WHERE once = $1";
        Ok(sqlx::query_scalar(sql).bind(once).fetch_all(connection).await?)
    }

    pub(super) async fn entries(connection: &mut Connection, number: i64) -> Result<Vec<String>> {
        let sql = "SELECT what FROM timeline WHERE incident = $1 ORDER BY at, seq";
        Ok(sqlx::query_scalar(sql).bind(number).fetch_all(connection).await?)
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
