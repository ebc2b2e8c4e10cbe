//! Many changes in one transaction, with one statement for each kind of row: after an outage thousands of incidents owe
//! something at once, and a trip to the database for each row is what would take the time. PostgreSQL, which is further
//! away, does all of it in one statement.
//!
//! The rows travel as JSON texts, which both databases take apart by themselves.

use std::collections::BTreeSet;

use serde::Serialize;
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use super::{Changed, Prepared, cancelled};
use crate::Result;
use crate::column::{json, micros};
use crate::outbox::put_sql;

/// An incident and the rows given for it have the same number.
macro_rules! number {
    () => {
        "CAST(given.value ->> 'number' AS BIGINT)"
    };
}

macro_rules! told_sql {
    ($given:expr) => {
        concat!(
            "SELECT DISTINCT timeline.incident FROM ",
            $given,
            " JOIN timeline ON timeline.incident = ",
            number!(),
            " AND timeline.once = given.value ->> 'once'"
        )
    };
}

macro_rules! change_sql {
    ($given:expr) => {
        concat!(
            "UPDATE incident SET severity = given.value ->> 'severity', state = given.value ->> 'state', \
             resolved_at = CAST(given.value ->> 'resolved_at' AS BIGINT), \
             resolved_by = given.value ->> 'resolved_by', resolved_how = given.value ->> 'resolved_how', \
             owed_at = CAST(given.value ->> 'owed_at' AS BIGINT), claimed_until = 0, version = version + 1 FROM ",
            $given,
            " WHERE number = ",
            number!(),
            " AND version = CAST(given.value ->> 'version' AS BIGINT)"
        )
    };
}

macro_rules! timeline_sql {
    ($given:expr) => {
        concat!(
            "INSERT INTO timeline (incident, at, person, what, once) SELECT ",
            number!(),
            ", CAST(given.value ->> 'at' AS BIGINT), given.value ->> 'person', given.value ->> 'what', \
             given.value ->> 'once' FROM ",
            $given,
            " ON CONFLICT (incident, once) DO NOTHING"
        )
    };
}

macro_rules! outbox_sql {
    ($given:expr) => {
        put_sql!(concat!(
            "SELECT given.value ->> 'slot', given.value ->> 'platform', given.value ->> 'room', \
             CAST(given.value ->> 'lane' AS BIGINT), 1, CAST(given.value ->> 'at' AS BIGINT), \
             CAST(given.value ->> 'wanted_at' AS BIGINT), CAST(given.value ->> 'at' AS BIGINT), \
             given.value ->> 'posted', given.value ->> 'target', given.value ->> 'reply' FROM ",
            $given
        ))
    };
}

macro_rules! webhook_sql {
    ($given:expr) => {
        concat!(
            "INSERT INTO webhook (id, address, body, due_at, created_at) \
             SELECT given.value ->> 'id', given.value ->> 'address', given.value ->> 'body', \
             CAST(given.value ->> 'at' AS BIGINT), CAST(given.value ->> 'at' AS BIGINT) FROM ",
            $given,
            " ON CONFLICT (id) DO NOTHING"
        )
    };
}

/// Whoever sends one at this moment ends that; nobody tries it again.
macro_rules! cancel_sql {
    ($table:literal, $name:literal, $unsent:literal, $at:literal, $given:expr) => {
        concat!(
            "UPDATE ",
            $table,
            " SET dead_at = ",
            $at,
            ", dead_reason = 'not needed any more' FROM ",
            $given,
            " WHERE ",
            $name,
            " >= given.value ->> 'first' AND ",
            $name,
            " < given.value ->> 'end' AND ",
            $unsent,
            " AND dead_at IS NULL"
        )
    };
}

/// The JSON in a parameter as rows with a column `value`. SQLite's upsert after a selection needs a condition there.
macro_rules! sqlite_given {
    () => {
        "json_each($1) AS given"
    };
    (where) => {
        "json_each($1) AS given WHERE true"
    };
}

macro_rules! postgres_given {
    ($parameter:literal) => {
        concat!("json_array_elements(CAST(", $parameter, " AS JSON)) AS given(value)")
    };
    ($parameter:literal, done) => {
        concat!(
            "json_array_elements(CAST(",
            $parameter,
            " AS JSON)) WITH ORDINALITY AS given(value, place) WHERE ",
            number!(),
            " IN (SELECT number FROM done) ORDER BY given.place"
        )
    };
}

/// $1 entries, $2 changes, $3 messages, $4 webhooks, $5 what is cancelled, $6 now. What was told before is no change.
const POSTGRES: &str = concat!(
    "WITH told AS (",
    told_sql!(postgres_given!("$1")),
    "), done AS (",
    change_sql!(postgres_given!("$2")),
    " AND number NOT IN (SELECT incident FROM told) RETURNING number), entries AS (",
    timeline_sql!(postgres_given!("$1", done)),
    "), messages AS (",
    outbox_sql!(postgres_given!("$3", done)),
    "), webhooks AS (",
    webhook_sql!(postgres_given!("$4", done)),
    "), ended AS (",
    // None of what is new: a statement does not see its own rows.
    cancel_sql!("outbox", "slot", "sent_version = 0", "$6", postgres_given!("$5")),
    " AND ",
    number!(),
    " IN (SELECT number FROM done)), unposted AS (",
    cancel_sql!("webhook", "webhook.id", "sent_at IS NULL", "$6", postgres_given!("$5")),
    " AND ",
    number!(),
    " IN (SELECT number FROM done)) SELECT number, true FROM done UNION ALL SELECT incident, false FROM told",
);

#[derive(Serialize)]
struct ChangeRow<'a> {
    number: i64,
    version: i64,
    severity: &'a str,
    state: String,
    resolved_at: Option<i64>,
    resolved_by: Option<&'a str>,
    resolved_how: Option<&'a str>,
    owed_at: Option<i64>,
}

#[derive(Serialize)]
struct EntryRow<'a> {
    number: i64,
    at: i64,
    person: Option<&'a str>,
    what: String,
    once: Option<&'a str>,
}

#[derive(Serialize)]
struct MessageRow<'a> {
    number: i64,
    slot: &'a str,
    platform: &'a str,
    room: String,
    lane: i64,
    at: i64,
    wanted_at: i64,
    posted: Option<&'a str>,
    target: &'a str,
    reply: &'a str,
}

#[derive(Serialize)]
struct WebhookRow<'a> {
    number: i64,
    id: &'a str,
    address: &'a str,
    body: &'a str,
    at: i64,
}

#[derive(Serialize)]
struct CancelRow {
    number: i64,
    first: String,
    end: String,
}

impl Prepared {
    const fn number(&self) -> i64 {
        self.change.number.0 as i64
    }

    fn row(&self) -> ChangeRow<'_> {
        let change = &self.change;
        let resolved = change.resolved.as_ref();
        ChangeRow {
            number: self.number(),
            version: change.version,
            severity: change.state.course.severity.as_str(),
            state: json(&change.state),
            resolved_at: resolved.map(|resolved| micros(resolved.at)),
            resolved_by: resolved.map(|resolved| resolved.by.as_str()),
            resolved_how: resolved.map(|resolved| resolved.how.as_str()),
            owed_at: change.owed_at.map(micros),
        }
    }

    fn entries(&self) -> impl Iterator<Item = EntryRow<'_>> {
        self.change.entries.iter().map(|new| EntryRow {
            number: self.number(),
            at: micros(new.entry.at),
            person: new.entry.by.as_deref(),
            what: json(&new.entry),
            once: new.once.as_deref(),
        })
    }

    fn messages(&self) -> impl Iterator<Item = MessageRow<'_>> {
        self.messages.iter().map(|row| MessageRow {
            number: self.number(),
            slot: &row.slot,
            platform: row.room.platform.as_str(),
            room: row.room.to_string(),
            lane: row.lane.number(),
            at: row.at,
            wanted_at: row.wanted_at,
            posted: row.posted.as_deref(),
            target: &row.target,
            reply: &row.reply,
        })
    }

    fn webhooks(&self, at: i64) -> impl Iterator<Item = WebhookRow<'_>> {
        self.change.webhooks.iter().map(move |new| WebhookRow {
            number: self.number(),
            id: &new.id,
            address: &new.address,
            body: &new.body,
            at,
        })
    }
}

/// The rows of some changes, each kind as one JSON text.
struct Rows {
    entries: String,
    messages: String,
    webhooks: String,
    cancels: String,
}

fn rows<'a>(changes: impl Iterator<Item = &'a Prepared> + Clone, at: i64) -> Rows {
    let entries: Vec<_> = changes.clone().flat_map(Prepared::entries).collect();
    let mut messages: Vec<_> = changes.clone().flat_map(Prepared::messages).collect();
    // Of two for one slot the last one stands. Two transactions that lock the same rows in the same order never wait
    // for each other in a ring.
    messages.reverse();
    messages.sort_by(|a, b| a.slot.cmp(b.slot));
    messages.dedup_by(|later, first| later.slot == first.slot);
    let webhooks: Vec<_> = changes.clone().flat_map(|change| change.webhooks(at)).collect();
    let cancels = changes.filter_map(|Prepared { change, .. }| {
        let (first, end) = cancelled(change.number, change.cancel)?;
        Some(CancelRow { number: i64::from(change.number.0), first, end })
    });
    let cancels: Vec<_> = cancels.collect();
    Rows {
        entries: json(&entries),
        messages: json(&messages),
        webhooks: json(&webhooks),
        cancels: json(&cancels),
    }
}

/// Parts in which no incident comes twice: of two changes of one, the second is decided on the version before the first.
fn parts(mut changes: &[Prepared]) -> Vec<&[Prepared]> {
    let mut parts = Vec::new();
    while !changes.is_empty() {
        let mut seen = BTreeSet::new();
        let end = changes.iter().position(|change| !seen.insert(change.number()));
        let (part, rest) = changes.split_at(end.unwrap_or(changes.len()));
        parts.push(part);
        changes = rest;
    }
    parts
}

fn outcomes(
    changes: &[Prepared],
    done: &BTreeSet<i64>,
    told: &BTreeSet<i64>,
) -> impl Iterator<Item = Changed> {
    changes.iter().map(|change| match change.number() {
        number if told.contains(&number) => Changed::Before,
        number if done.contains(&number) => Changed::Done,
        _ => Changed::Stale,
    })
}

/// In the transaction of the connection.
pub(super) async fn on_sqlite(
    connection: &mut SqliteConnection,
    changes: &[Prepared],
    at: i64,
) -> Result<Vec<Changed>> {
    let mut changed = Vec::with_capacity(changes.len());
    for part in parts(changes) {
        let named: Vec<_> =
            part.iter().flat_map(Prepared::entries).filter(|row| row.once.is_some()).collect();
        let told = numbers(connection, told_sql!(sqlite_given!()), &named).await?;
        let open: Vec<_> =
            part.iter().filter(|change| !told.contains(&change.number())).map(Prepared::row).collect();
        let done =
            numbers(connection, concat!(change_sql!(sqlite_given!()), " RETURNING number"), &open).await?;
        let rows = rows(part.iter().filter(|change| done.contains(&change.number())), at);
        // Before what is new: that is needed.
        let unsent = cancel_sql!("outbox", "slot", "sent_version = 0", "$2", sqlite_given!());
        put(connection, unsent, rows.cancels.clone(), Some(at)).await?;
        let unposted = cancel_sql!("webhook", "webhook.id", "sent_at IS NULL", "$2", sqlite_given!());
        put(connection, unposted, rows.cancels, Some(at)).await?;
        put(connection, timeline_sql!(sqlite_given!(where)), rows.entries, None).await?;
        put(connection, outbox_sql!(sqlite_given!(where)), rows.messages, None).await?;
        put(connection, webhook_sql!(sqlite_given!(where)), rows.webhooks, None).await?;
        changed.extend(outcomes(part, &done, &told));
    }
    Ok(changed)
}

async fn numbers<T: Serialize + Sync>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    rows: &[T],
) -> Result<BTreeSet<i64>> {
    if rows.is_empty() {
        return Ok(BTreeSet::new());
    }
    let numbers: Vec<i64> = sqlx::query_scalar(sql).bind(json(&rows)).fetch_all(connection).await?;
    Ok(numbers.into_iter().collect())
}

async fn put(
    connection: &mut SqliteConnection,
    sql: &'static str,
    rows: String,
    at: Option<i64>,
) -> Result<()> {
    if rows != NONE {
        let query = sqlx::query(sql).bind(rows);
        match at {
            Some(at) => query.bind(at).execute(connection).await?,
            None => query.execute(connection).await?,
        };
    }
    Ok(())
}

/// No rows.
const NONE: &str = "[]";

/// In a transaction of its own.
pub(super) async fn on_postgres(
    connection: &mut PgConnection,
    changes: &[Prepared],
    at: i64,
) -> Result<Vec<Changed>> {
    match parts(changes).as_slice() {
        // A statement is a transaction.
        [part] => postgres_part(connection, part, at).await,
        parts => {
            let mut transaction = connection.begin().await?;
            let mut changed = Vec::with_capacity(changes.len());
            for part in parts {
                changed.extend(postgres_part(&mut transaction, part, at).await?);
            }
            transaction.commit().await?;
            Ok(changed)
        }
    }
}

async fn postgres_part(connection: &mut PgConnection, part: &[Prepared], at: i64) -> Result<Vec<Changed>> {
    let Rows { entries, messages, webhooks, cancels } = rows(part.iter(), at);
    let changes: Vec<_> = part.iter().map(Prepared::row).collect();
    let outcome: Vec<(i64, bool)> = sqlx::query_as(POSTGRES)
        .bind(entries)
        .bind(json(&changes))
        .bind(messages)
        .bind(webhooks)
        .bind(cancels)
        .bind(at)
        .fetch_all(connection)
        .await?;
    let (done, told): (Vec<_>, Vec<_>) = outcome.into_iter().partition(|(_, is_done)| *is_done);
    let numbers = |rows: Vec<(i64, bool)>| rows.into_iter().map(|(number, _)| number).collect();
    Ok(outcomes(part, &numbers(done), &numbers(told)).collect())
}
