//! Many changes in one transaction, with one statement for each kind of row: after an outage thousands of incidents owe
//! something at once, and a trip to the database for each row is what would take the time.
//!
//! The rows travel as one JSON text, which both databases take apart by themselves.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Changed, Prepared, cancelled};
use crate::Result;
use crate::column::{json, micros};
use crate::outbox::put_sql;

/// The statements of one database.
pub(super) struct Together {
    told: &'static str,
    change: &'static str,
    timeline: &'static str,
    outbox: &'static str,
    webhook: &'static str,
}

/// `$given` is the JSON in `$1` as a table with the column `value`.
macro_rules! together {
    ($given:literal) => {
        Together {
            told: concat!(
                "SELECT timeline.incident FROM ",
                $given,
                " JOIN timeline ON timeline.incident = CAST(given.value ->> 'number' AS BIGINT) \
                 AND timeline.once = given.value ->> 'once'"
            ),
            change: concat!(
                "UPDATE incident SET severity = given.value ->> 'severity', state = given.value ->> 'state', \
                 resolved_at = CAST(given.value ->> 'resolved_at' AS BIGINT), \
                 resolved_by = given.value ->> 'resolved_by', resolved_how = given.value ->> 'resolved_how', \
                 owed_at = CAST(given.value ->> 'owed_at' AS BIGINT), claimed_until = 0, version = version + 1 FROM ",
                $given,
                " WHERE number = CAST(given.value ->> 'number' AS BIGINT) \
                 AND version = CAST(given.value ->> 'version' AS BIGINT) RETURNING number"
            ),
            timeline: concat!(
                "INSERT INTO timeline (incident, at, person, what, once) \
                 SELECT CAST(given.value ->> 'number' AS BIGINT), CAST(given.value ->> 'at' AS BIGINT), \
                 given.value ->> 'person', given.value ->> 'what', given.value ->> 'once' FROM ",
                $given,
                " WHERE true ON CONFLICT (incident, once) DO NOTHING"
            ),
            outbox: put_sql!(concat!(
                "SELECT given.value ->> 'slot', given.value ->> 'platform', given.value ->> 'room', \
                 CAST(given.value ->> 'lane' AS BIGINT), 1, CAST(given.value ->> 'at' AS BIGINT), \
                 CAST(given.value ->> 'wanted_at' AS BIGINT), CAST(given.value ->> 'at' AS BIGINT), \
                 given.value ->> 'posted', given.value ->> 'target', given.value ->> 'reply' FROM ",
                $given,
                " WHERE true"
            )),
            webhook: concat!(
                "INSERT INTO webhook (id, address, body, due_at, created_at) \
                 SELECT given.value ->> 'id', given.value ->> 'address', given.value ->> 'body', \
                 CAST(given.value ->> 'at' AS BIGINT), CAST(given.value ->> 'at' AS BIGINT) FROM ",
                $given,
                " WHERE true ON CONFLICT (id) DO NOTHING"
            ),
        }
    };
}

pub(super) const SQLITE: Together = together!("json_each($1) AS given");
pub(super) const POSTGRES: Together = together!("json_array_elements(CAST($1 AS JSON)) AS given(value)");

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
    id: &'a str,
    address: &'a str,
    body: &'a str,
    at: i64,
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
            id: &new.id,
            address: &new.address,
            body: &new.body,
            at,
        })
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

per_driver! {
    pub(in crate::incident) async fn change_all(
        connection: &mut Connection,
        sql: &Together,
        changes: &[Prepared],
        at: i64,
    ) -> Result<Vec<Changed>> {
        let mut changed = Vec::with_capacity(changes.len());
        for part in parts(changes) {
            changed.extend(change_part(connection, sql, part, at).await?);
        }
        Ok(changed)
    }

    async fn change_part(
        connection: &mut Connection,
        sql: &Together,
        changes: &[Prepared],
        at: i64,
    ) -> Result<Vec<Changed>> {
        let named: Vec<EntryRow<'_>> =
            changes.iter().flat_map(Prepared::entries).filter(|row| row.once.is_some()).collect();
        let told: BTreeSet<i64> = numbers(connection, sql.told, &named).await?;
        let open: Vec<ChangeRow<'_>> =
            changes.iter().filter(|change| !told.contains(&change.number())).map(Prepared::row).collect();
        let done: BTreeSet<i64> = numbers(connection, sql.change, &open).await?;
        let made = || changes.iter().filter(|change| done.contains(&change.number()));
        // Before what is new: that is needed.
        for Prepared { change, .. } in made() {
            if let Some((first, end)) = cancelled(change.number, change.cancel) {
                cancel(connection, &first, &end, at).await?;
            }
        }
        let entries: Vec<_> = made().flat_map(Prepared::entries).collect();
        put(connection, sql.timeline, &entries).await?;
        let mut messages: Vec<_> = made().flat_map(Prepared::messages).collect();
        // Of two for one slot the last one stands. Two transactions that lock the same rows in the same order never wait
        // for each other in a ring.
        messages.reverse();
        messages.sort_by(|a, b| a.slot.cmp(b.slot));
        messages.dedup_by(|later, first| later.slot == first.slot);
        put(connection, sql.outbox, &messages).await?;
        let webhooks: Vec<_> = made().flat_map(|change| change.webhooks(at)).collect();
        put(connection, sql.webhook, &webhooks).await?;
        let outcome = |change: &Prepared| match change.number() {
            number if told.contains(&number) => Changed::Before,
            number if done.contains(&number) => Changed::Done,
            _ => Changed::Stale,
        };
        Ok(changes.iter().map(outcome).collect())
    }

    async fn numbers<T: Serialize + Sync>(
        connection: &mut Connection,
        sql: &'static str,
        rows: &[T],
    ) -> Result<BTreeSet<i64>> {
        if rows.is_empty() {
            return Ok(BTreeSet::new());
        }
        let numbers: Vec<i64> = sqlx::query_scalar(sql).bind(json(&rows)).fetch_all(connection).await?;
        Ok(numbers.into_iter().collect())
    }

    async fn put<T: Serialize + Sync>(connection: &mut Connection, sql: &'static str, rows: &[T]) -> Result<()> {
        if !rows.is_empty() {
            sqlx::query(sql).bind(json(&rows)).execute(connection).await?;
        }
        Ok(())
    }
    /// Whoever sends one at this moment ends that; nobody tries it again.
    async fn cancel(connection: &mut Connection, first: &str, end: &str, at: i64) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET dead_at = $3, dead_reason = 'not needed any more' \
             WHERE slot >= $1 AND slot < $2 AND sent_version = 0 AND dead_at IS NULL",
        )
        .bind(first)
        .bind(end)
        .bind(at)
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "UPDATE webhook SET dead_at = $3, dead_reason = 'not needed any more' \
             WHERE id >= $1 AND id < $2 AND sent_at IS NULL AND dead_at IS NULL",
        )
        .bind(first)
        .bind(end)
        .bind(at)
        .execute(connection)
        .await?;
        Ok(())
    }
}
