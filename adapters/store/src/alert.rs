//! Groups of alerts, as Alertmanager told of them last.

use commands::alert::{Notification, Status};
use jiff::Timestamp;

use crate::column::{json, micros, unsigned};
use crate::outbox::{self, NewMessage};
use crate::{Database, Result, Store};

const TABLE: &str = "alert_group";

/// What a notification is, compared with the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It says the same.
    Repeat,
    /// It says something new; how often this group has begun to fire.
    New {
        /// From 1.
        episode: u32,
    },
}

/// While it is held, no other replica decides what alerts mean. Dropping it lets the next one go on.
pub struct Turn {
    _lock: Option<sqlx::Transaction<'static, sqlx::Postgres>>,
}

/// Names the lock among those of the database; sqlx's migrations use another one.
const TURN: i64 = 0x6163_6773_616c_7274;

impl Store {
    /// Waits for this replica's turn to decide what alerts mean: of two groups of one service that come at once on two
    /// replicas, the second one finds the first one's incident. On SQLite there is no other.
    pub async fn alerts_turn(&self) -> Result<Turn> {
        let Database::Postgres(pool) = &*self.database else { return Ok(Turn { _lock: None }) };
        crate::postgres::in_time(async {
            let mut transaction = pool.begin().await?;
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(TURN).execute(&mut *transaction).await?;
            Ok(Turn { _lock: Some(transaction) })
        })
        .await
    }

    /// Forgets groups that have been over since before a time.
    pub async fn forget_alerts(&self, before: Timestamp) -> Result<u64> {
        writing!(self, forget(micros(before)))
    }

    /// Whether a notification says something that the last one of its group did not. Nothing is stored.
    pub async fn compare_alerts(&self, notification: &Notification) -> Result<Noted> {
        let known = reading!(self, known(&notification.group_key))?;
        let Some((episode, firing, body)) = known.into_iter().next() else {
            return Ok(Noted::New { episode: 1 });
        };
        if body == json(notification) {
            return Ok(Noted::Repeat);
        }
        let again = firing == 0 && notification.status == Status::Firing;
        Ok(Noted::New { episode: unsigned(TABLE, episode + i64::from(again))? })
    }

    /// Stores a notification and the messages that tell it, all or not at all.
    pub async fn note_alerts(
        &self,
        notification: &Notification,
        episode: u32,
        messages: Vec<NewMessage>,
        now: Timestamp,
    ) -> Result<()> {
        let messages = (0..)
            .zip(messages)
            .map(|(place, message)| outbox::row(message, now, place))
            .collect::<Result<Vec<_>>>()?;
        let group = Group {
            key: notification.group_key.clone(),
            episode: i64::from(episode),
            firing: i64::from(notification.status == Status::Firing),
            body: json(notification),
            at: micros(now),
            messages,
        };
        match &*self.database {
            Database::Sqlite(db) => {
                db.writer
                    .transaction(group, |unit, group| {
                        Box::pin(async move {
                            sqlite::note(&mut unit.connection, group).await?;
                            outbox::sqlite::put_all(&mut unit.connection, &group.messages).await
                        })
                    })
                    .await
            }
            Database::Postgres(pool) => {
                let mut transaction = pool.begin().await?;
                postgres::note(&mut transaction, &group).await?;
                outbox::postgres::put_all(&mut transaction, &group.messages).await?;
                transaction.commit().await?;
                Ok(())
            }
        }
    }
}

struct Group {
    key: String,
    episode: i64,
    firing: i64,
    body: String,
    at: i64,
    messages: Vec<outbox::Row>,
}

per_driver! {
    pub(super) async fn known(connection: &mut Connection, key: &str) -> Result<Vec<(i64, i64, String)>> {
        let sql = "SELECT episode, firing, body FROM alert_group WHERE group_key = $1";
        Ok(sqlx::query_as(sql).bind(key).fetch_all(connection).await?)
    }

    pub(super) async fn forget(connection: &mut Connection, before: &i64) -> Result<u64> {
        let sql = "DELETE FROM alert_group WHERE firing = 0 AND at < $1";
        Ok(sqlx::query(sql).bind(before).execute(connection).await?.rows_affected())
    }

    pub(super) async fn note(connection: &mut Connection, group: &Group) -> Result<()> {
        sqlx::query(
            "INSERT INTO alert_group (group_key, episode, firing, body, at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (group_key) DO UPDATE SET episode = excluded.episode, firing = excluded.firing, \
             body = excluded.body, at = excluded.at",
        )
        .bind(&group.key)
        .bind(group.episode)
        .bind(group.firing)
        .bind(&group.body)
        .bind(group.at)
        .execute(connection)
        .await?;
        Ok(())
    }
}
