//! What is to be posted to addresses of the configuration. As in the outbox: stored first, claimed for a lease, posted,
//! then marked; every claim has a higher fence than the one before.

use std::time::Duration;

use jiff::Timestamp;

use crate::column::{micros, micros_after, timestamp};
use crate::{Result, Store};

const TABLE: &str = "webhook";

/// A post to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWebhook {
    /// Names it; the same one again is the same post.
    pub id: String,
    /// Which address of the configuration.
    pub address: String,
    /// JSON.
    pub body: String,
}

/// A post to make now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedWebhook {
    /// What.
    pub webhook: NewWebhook,
    /// Of this claim; 1 for the first try.
    pub fence: i64,
    /// When it was stored.
    pub created_at: Timestamp,
}

impl Store {
    /// Wants a post to be made, once.
    pub async fn put_webhook(&self, webhook: NewWebhook, now: Timestamp) -> Result<()> {
        writing!(self, put((webhook, micros(now))))
    }

    /// Takes posts that are due, the oldest first, for `lease`.
    pub async fn claim_webhooks(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<ClaimedWebhook>> {
        let claim = Claim {
            sql: self.pick(SQLITE_CLAIM, POSTGRES_CLAIM),
            now: micros(now),
            until: micros_after(now, lease),
            limit: i64::from(limit),
        };
        writing!(self, claim(claim))
    }

    /// It was taken. `false` if the claim is not the newest one.
    pub async fn webhook_sent(&self, claimed: &ClaimedWebhook, now: Timestamp) -> Result<bool> {
        writing!(self, sent((claimed.webhook.id.clone(), claimed.fence, micros(now))))
    }

    /// It is tried again, not before `until`.
    pub async fn defer_webhook(&self, claimed: &ClaimedWebhook, until: Timestamp) -> Result<bool> {
        writing!(self, later((claimed.webhook.id.clone(), claimed.fence, micros(until))))
    }

    /// It will never be taken.
    pub async fn give_up_webhook(
        &self,
        claimed: &ClaimedWebhook,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool> {
        let reason = reason.replace('\0', "\u{fffd}");
        writing!(self, bury((claimed.webhook.id.clone(), claimed.fence, micros(now), reason)))
    }

    /// Forgets posts that were made or given up before a time.
    pub async fn forget_webhooks(&self, before: Timestamp) -> Result<u64> {
        writing!(self, forget(micros(before)))
    }
}

struct Claim {
    sql: &'static str,
    now: i64,
    until: i64,
    limit: i64,
}

/// `$lock` is how PostgreSQL steps over rows that another replica is claiming; SQLite has one writer.
macro_rules! claim_sql {
    ($lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (SELECT id FROM webhook \
             WHERE sent_at IS NULL AND dead_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT CAST($3 AS BIGINT) ",
            $lock,
            ") UPDATE webhook SET due_at = $2, fence = fence + 1 WHERE id IN (SELECT id FROM due) \
             RETURNING id, address, body, fence, created_at"
        )
    };
}

const SQLITE_CLAIM: &str = claim_sql!("");
const POSTGRES_CLAIM: &str = claim_sql!("FOR UPDATE SKIP LOCKED");

per_driver! {
    pub(super) async fn put(connection: &mut Connection, (webhook, at): &(NewWebhook, i64)) -> Result<()> {
        sqlx::query(
            "INSERT INTO webhook (id, address, body, due_at, created_at) VALUES ($1, $2, $3, $4, $4) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(&webhook.id)
        .bind(&webhook.address)
        .bind(&webhook.body)
        .bind(at)
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(super) async fn claim(connection: &mut Connection, claim: &Claim) -> Result<Vec<ClaimedWebhook>> {
        let rows: Vec<(String, String, String, i64, i64)> = sqlx::query_as(claim.sql)
            .bind(claim.now)
            .bind(claim.until)
            .bind(claim.limit)
            .fetch_all(connection)
            .await?;
        let claimed = |(id, address, body, fence, created_at)| {
            Ok(ClaimedWebhook {
                webhook: NewWebhook { id, address, body },
                fence,
                created_at: timestamp(TABLE, created_at)?,
            })
        };
        rows.into_iter().map(claimed).collect()
    }

    pub(super) async fn sent(connection: &mut Connection, (id, fence, at): &(String, i64, i64)) -> Result<bool> {
        let done = sqlx::query("UPDATE webhook SET sent_at = $3 WHERE id = $1 AND fence = $2 AND sent_at IS NULL")
            .bind(id)
            .bind(fence)
            .bind(at)
            .execute(connection)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    pub(super) async fn later(connection: &mut Connection, (id, fence, until): &(String, i64, i64)) -> Result<bool> {
        let done = sqlx::query("UPDATE webhook SET due_at = $3 WHERE id = $1 AND fence = $2 AND sent_at IS NULL")
            .bind(id)
            .bind(fence)
            .bind(until)
            .execute(connection)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    pub(super) async fn bury(
        connection: &mut Connection,
        (id, fence, at, reason): &(String, i64, i64, String),
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE webhook SET dead_at = $3, dead_reason = $4 WHERE id = $1 AND fence = $2 AND sent_at IS NULL",
        )
        .bind(id)
        .bind(fence)
        .bind(at)
        .bind(reason)
        .execute(connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    pub(super) async fn forget(connection: &mut Connection, before: &i64) -> Result<u64> {
        let done = sqlx::query("DELETE FROM webhook WHERE sent_at < $1 OR dead_at < $1")
            .bind(before)
            .execute(connection)
            .await?;
        Ok(done.rows_affected())
    }
}
