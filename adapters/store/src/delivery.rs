//! What the platforms delivered. Both deliver at least once; the unique key makes it once here.
//!
//! A delivery is recorded before it is acknowledged and concluded together with its answer. One that
//! was recorded and never concluded (the process died) is taken up again once its lease is over.

use std::time::Duration;

use commands::ids::{DeliveryId, Platform, RunId};
use commands::message::ChatEvent;
use jiff::Timestamp;
use sqlx::PgConnection;

use crate::audit::{self, AuditEntry};
use crate::column::{from_json, json, micros, micros_after, timestamp, unknown};
use crate::outbox::{self, NewMessage};
use crate::plan::{self, NewPlan};
use crate::postgres::in_time;
use crate::writer::Unit;
use crate::{Database, Result, Store, StoreError};

const TABLE: &str = "delivery";

/// Whether a delivery was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is stored now and the recorder has its lease.
    New,
    /// It is the same as an earlier one. Nothing was changed.
    Repeat,
}

/// A delivery that nobody concluded and nobody works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDelivery {
    /// As delivered.
    pub event: ChatEvent,
    /// The run that was begun for it.
    pub run: RunId,
    /// When it was recorded.
    pub received_at: Timestamp,
}

/// Everything that a finished command leaves behind, stored all or not at all.
#[derive(Clone, Debug, Default)]
pub struct Conclusion<'a> {
    /// The delivery that began it; `None` from the terminal.
    pub delivery: Option<&'a DeliveryId>,
    /// In the order of the chain.
    pub audit: Vec<AuditEntry>,
    /// To be sent; see [`Store::put_message`].
    pub messages: Vec<NewMessage>,
    /// To be voted on.
    pub plan: Option<NewPlan>,
}

impl Store {
    /// Stores a delivery durably, before it is acknowledged. The recorder is expected to conclude it
    /// within `lease`, else [`Store::unfinished_deliveries`] hands it out.
    pub async fn record_delivery(
        &self,
        event: &ChatEvent,
        run: RunId,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Recorded> {
        let row = NewDelivery {
            platform: event.delivery.platform,
            id: event.delivery.id.clone(),
            run,
            event_at: micros(event.at),
            received_at: micros(now),
            claimed_until: micros_after(now, lease),
            event: json(event),
            claimed_by: self.holder(),
        };
        writing!(self, insert(row))
    }

    /// Takes up to `limit` deliveries, the oldest first, that were recorded and not concluded and
    /// whose lease is over, for `lease` from `now`. No two callers get the same one.
    pub async fn unfinished_deliveries(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<OpenDelivery>> {
        let claim = Claim {
            sql: self.pick(SQLITE_CLAIM, POSTGRES_CLAIM),
            now: micros(now),
            until: micros_after(now, lease),
            limit: i64::from(limit),
            holder: self.holder(),
        };
        let mut taken: Vec<OpenDelivery> = writing!(self, claim(claim))?;
        taken.sort_by_key(|open| open.received_at);
        Ok(taken)
    }

    /// Keeps an open delivery from being handed out before `until`: its work takes longer than most.
    pub async fn keep_delivery(&self, delivery: &DeliveryId, until: Timestamp) -> Result<()> {
        writing!(self, keep(Kept { delivery: delivery.clone(), until: micros(until) }))
    }

    /// When the newest event of a platform happened by the platform's clock: what came after it may
    /// have been missed.
    pub async fn last_event_at(&self, platform: Platform) -> Result<Option<Timestamp>> {
        reading!(self, newest(platform))
    }

    /// Forgets deliveries concluded before a time and says how many. A repeat of one is new afterwards,
    /// so keep them longer than any platform repeats.
    pub async fn forget_deliveries(&self, before: Timestamp) -> Result<u64> {
        writing!(self, forget(micros(before)))
    }

    /// Stores what a finished command leaves behind in one transaction. `false` if its delivery was
    /// concluded before, by whoever took it up meanwhile; then nothing is changed.
    pub async fn conclude(&self, conclusion: Conclusion<'_>, now: Timestamp) -> Result<bool> {
        let mut messages = (0..)
            .zip(conclusion.messages)
            .map(|(place, message)| outbox::row(message, now, place))
            .collect::<Result<Vec<_>>>()?;
        // Two transactions that lock the same rows in the same order never wait for each other in a ring.
        messages.sort_by(|a, b| a.slot.cmp(&b.slot));
        let ending = Ending {
            delivery: conclusion.delivery.cloned(),
            messages,
            entries: conclusion.audit.iter().map(audit::row).collect(),
            plan: conclusion.plan.as_ref().map(plan::row),
            at: micros(now),
        };
        match &*self.database {
            Database::Sqlite(db) => {
                db.writer.transaction(ending, |unit, ending| Box::pin(end_in_group(unit, ending))).await
            }
            Database::Postgres(pool) => {
                in_time(async {
                    let mut transaction = pool.begin().await?;
                    let concluded = end_alone(&mut transaction, &ending).await?;
                    transaction.commit().await?;
                    Ok(concluded)
                })
                .await
            }
        }
    }
}

/// The writer reads the chain's end and saves it, once for all the jobs of a group.
async fn end_in_group(unit: &mut Unit, ending: &Ending) -> Result<bool> {
    if let Ending { delivery: Some(delivery), messages, entries, plan: None, at } = ending
        && let ([message], [entry]) = (messages.as_slice(), entries.as_slice())
    {
        return end_usual(unit, delivery, message, entry, *at).await;
    }
    let connection = &mut unit.connection;
    if let Some(delivery) = &ending.delivery
        && !sqlite::finish(connection, delivery, ending.at).await?
    {
        return Ok(false);
    }
    outbox::sqlite::put_all(connection, &ending.messages).await?;
    if let Some(plan) = &ending.plan {
        plan::sqlite::insert(connection, plan).await?;
    }
    if !ending.entries.is_empty() {
        let head = unit.head.as_mut().ok_or_else(audit::no_head)?;
        audit::sqlite::append(connection, head, &ending.entries, ending.at).await?;
    }
    Ok(true)
}

/// What nearly every command leaves behind, on one trip to sqlx's thread, which costs more than the
/// statements do. Each one but the first does nothing unless the one before it did something.
const USUAL: &str = concat!(
    "UPDATE delivery SET concluded_at = $3, event = NULL \
     WHERE platform = $1 AND id = $2 AND concluded_at IS NULL; ",
    outbox::put_sql!("SELECT $4, $5, $6, $7, 1, $3, $8, $3, $9, $10, $11 WHERE changes() = 1"),
    "; INSERT INTO audit (seq, at, run, person, entry, hash) SELECT $12, $3, $13, $14, $15, $16 WHERE changes() = 1"
);

async fn end_usual(
    unit: &mut Unit,
    delivery: &DeliveryId,
    message: &outbox::Row,
    entry: &audit::Row,
    at: i64,
) -> Result<bool> {
    let head = unit.head.as_mut().ok_or_else(audit::no_head)?;
    let next = head.next(at, &entry.entry);
    let ended = sqlx::query(USUAL)
        .bind(delivery.platform.as_str())
        .bind(&delivery.id)
        .bind(at)
        .bind(&message.slot)
        .bind(message.room.platform.as_str())
        .bind(message.room.to_string())
        .bind(message.lane.number())
        .bind(message.wanted_at)
        .bind(&message.posted)
        .bind(&message.target)
        .bind(&message.reply)
        .bind(next.seq)
        .bind(&entry.run)
        .bind(&entry.person)
        .bind(&entry.entry)
        .bind(&next.hash)
        .execute(&mut unit.connection)
        .await?;
    let concluded = ended.rows_affected() > 0;
    if concluded {
        *head = next;
    }
    Ok(concluded)
}

/// The audit rows come last, because they lock the chain for every replica.
async fn end_alone(connection: &mut PgConnection, ending: &Ending) -> Result<bool> {
    if let Some(delivery) = &ending.delivery
        && !postgres::finish(connection, delivery, ending.at).await?
    {
        return Ok(false);
    }
    outbox::postgres::put_all(connection, &ending.messages).await?;
    if let Some(plan) = &ending.plan {
        plan::postgres::insert(connection, plan).await?;
    }
    if !ending.entries.is_empty() {
        let mut head = audit::lock_head(connection).await?;
        audit::postgres::append(connection, &mut head, &ending.entries, ending.at).await?;
        audit::save_head(connection, &head).await?;
    }
    Ok(true)
}

struct NewDelivery {
    platform: Platform,
    id: String,
    run: RunId,
    event_at: i64,
    received_at: i64,
    claimed_until: i64,
    event: String,
    claimed_by: Option<String>,
}

struct Claim {
    sql: &'static str,
    now: i64,
    until: i64,
    limit: i64,
    holder: Option<String>,
}

struct Kept {
    delivery: DeliveryId,
    until: i64,
}

struct Ending {
    delivery: Option<DeliveryId>,
    messages: Vec<outbox::Row>,
    entries: Vec<audit::Row>,
    plan: Option<plan::Row>,
    at: i64,
}

/// `event`, `run` and `received_at` as stored.
type OpenRow = (Option<String>, String, i64);

fn open((event, run, received_at): OpenRow) -> Result<OpenDelivery> {
    let event = event.ok_or_else(|| StoreError::Decode {
        table: TABLE,
        what: format!("run {run} is not concluded and has no event"),
    })?;
    Ok(OpenDelivery {
        event: from_json(TABLE, &event)?,
        run: run.parse().map_err(|error| unknown(TABLE, &error))?,
        received_at: timestamp(TABLE, received_at)?,
    })
}

/// `$lock` is how PostgreSQL steps over rows that another replica is claiming; SQLite has one writer.
macro_rules! claim_sql {
    ($lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (SELECT platform, id FROM delivery \
             WHERE concluded_at IS NULL AND claimed_until <= $1 ORDER BY received_at LIMIT CAST($3 AS BIGINT) ",
            $lock,
            ") UPDATE delivery SET claimed_until = $2, claimed_by = $4 WHERE (platform, id) IN (SELECT platform, id FROM due) \
             RETURNING event, run, received_at"
        )
    };
}

const SQLITE_CLAIM: &str = claim_sql!("");
const POSTGRES_CLAIM: &str = claim_sql!("FOR UPDATE SKIP LOCKED");

per_driver! {
    pub(super) async fn insert(connection: &mut Connection, row: &NewDelivery) -> Result<Recorded> {
        let done = sqlx::query(
            "INSERT INTO delivery (platform, id, run, event_at, received_at, claimed_until, event, claimed_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(row.platform.as_str())
        .bind(&row.id)
        .bind(row.run.to_string())
        .bind(row.event_at)
        .bind(row.received_at)
        .bind(row.claimed_until)
        .bind(&row.event)
        .bind(&row.claimed_by)
        .execute(connection)
        .await?;
        Ok(if done.rows_affected() == 1 { Recorded::New } else { Recorded::Repeat })
    }

    pub(super) async fn claim(connection: &mut Connection, claim: &Claim) -> Result<Vec<OpenDelivery>> {
        let rows: Vec<OpenRow> = sqlx::query_as(claim.sql)
            .bind(claim.now)
            .bind(claim.until)
            .bind(claim.limit)
            .bind(&claim.holder)
            .fetch_all(connection)
            .await?;
        rows.into_iter().map(open).collect()
    }

    pub(super) async fn newest(connection: &mut Connection, platform: Platform) -> Result<Option<Timestamp>> {
        let newest: Option<i64> = sqlx::query_scalar("SELECT max(event_at) FROM delivery WHERE platform = $1")
            .bind(platform.as_str())
            .fetch_one(connection)
            .await?;
        newest.map(|micros| timestamp(TABLE, micros)).transpose()
    }

    pub(super) async fn forget(connection: &mut Connection, before: &i64) -> Result<u64> {
        let done = sqlx::query("DELETE FROM delivery WHERE concluded_at < $1").bind(before).execute(connection).await?;
        Ok(done.rows_affected())
    }

    pub(super) async fn keep(connection: &mut Connection, kept: &Kept) -> Result<()> {
        sqlx::query(
            "UPDATE delivery SET claimed_until = $3 \
             WHERE platform = $1 AND id = $2 AND concluded_at IS NULL AND claimed_until < $3",
        )
        .bind(kept.delivery.platform.as_str())
        .bind(&kept.delivery.id)
        .bind(kept.until)
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(super) async fn finish(connection: &mut Connection, delivery: &DeliveryId, at: i64) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE delivery SET concluded_at = $3, event = NULL \
             WHERE platform = $1 AND id = $2 AND concluded_at IS NULL",
        )
        .bind(delivery.platform.as_str())
        .bind(&delivery.id)
        .bind(at)
        .execute(connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
