//! What is to be sent. One row is one message (a *slot*) with the newest content wanted for it, so
//! that edits of a message that waits become one.
//!
//! A message is claimed for a lease, sent, and then confirmed, deferred or given up. Every claim has
//! a higher *fence* than the one before; whoever comes with an older one is told no. Claiming a
//! message that is not posted yet durably marks that a post is about to be tried, in the same commit.
//! If nobody says how that went, the next claim has [`Outgoing::may_repeat`]. The mark is a count of
//! posts whose outcome is not known; an edit is idempotent and needs none.

use std::time::Duration;

use commands::ids::{Platform, Room};
use commands::message::{Outgoing, Posted, Reply, Target};
use jiff::Timestamp;

use crate::column::{from_json, json, micros, micros_after, timestamp, unsigned};
use crate::{Result, Store, StoreError};

const TABLE: &str = "outbox";

/// Which messages go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Wakes somebody.
    Page,
    /// Somebody waits for it.
    Answer,
    /// Progress and tidying up.
    Cosmetic,
}

impl Lane {
    const ALL: [Self; 3] = [Self::Page, Self::Answer, Self::Cosmetic];

    /// The lower-case word used in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Answer => "answer",
            Self::Cosmetic => "cosmetic",
        }
    }

    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Page => 0,
            Self::Answer => 1,
            Self::Cosmetic => 2,
        }
    }

    fn from_number(number: i64) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|lane| lane.number() == number);
        found.ok_or_else(|| StoreError::Decode { table: TABLE, what: format!("lane {number}") })
    }
}

/// A message, or a new version of one.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Names the message; 1 to 25 characters.
    pub slot: String,
    /// Which messages it goes before. While it waits it never falls behind the lane it had.
    pub lane: Lane,
    /// Where it goes. A message that has been put keeps its first target.
    pub target: Target,
    /// What it says now.
    pub reply: Reply,
}

/// Which messages to claim.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Of these platforms.
    pub platforms: &'a [Platform],
    /// Not for these rooms, which take nothing at the moment.
    pub busy: &'a [Room],
    /// For how long.
    pub lease: Duration,
    /// At most so many.
    pub limit: u32,
}

/// A message to send now.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// Names the message.
    pub slot: String,
    /// Which messages it went before.
    pub lane: Lane,
    /// Of the content; grows by one with every put.
    pub version: i64,
    /// What to send: an edit once it was posted.
    pub outgoing: Outgoing,
    /// How often it was claimed since something of it was last sent; 1 for the first time.
    pub attempts: u32,
    /// Of this claim.
    pub fence: i64,
    /// When its slot was first put.
    pub created_at: Timestamp,
}

/// One copy of an incident's page.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentPage {
    /// Names it; copies of one page begin alike.
    pub slot: String,
    /// Where it goes.
    pub platform: Platform,
    /// To whom.
    pub target: Target,
    /// What it says.
    pub reply: Reply,
    /// Whether the platform took it.
    pub sent: bool,
}

/// What became of a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// It says what is wanted.
    Whole,
    /// A newer version was put meanwhile; the message is due at once.
    NewerWaits,
    /// The claim is not the newest one. Nothing was changed.
    TakenOver,
}

/// How much is not sent yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxDepth {
    /// Messages with unsent content, claimed or not.
    pub waiting: u64,
    /// Since when the oldest of them waits.
    pub oldest: Option<Timestamp>,
    /// Messages given up.
    pub dead: u64,
}

impl Store {
    /// Wants a message to be sent, or, if its slot is known, to say something else: before it is posted
    /// that replaces the content, afterwards it becomes an edit. A message given up is tried again.
    pub async fn put_message(&self, message: NewMessage, now: Timestamp) -> Result<()> {
        writing!(self, put(row(message, now, 0)?))
    }

    /// Claims messages that are due, pages first, then the oldest. Nobody else gets them before the
    /// lease is over, unless they are deferred.
    pub async fn claim_messages(&self, wanted: Wanted<'_>, now: Timestamp) -> Result<Vec<Claimed>> {
        let claim = Claim {
            sql: self.pick(SQLITE_CLAIM, POSTGRES_CLAIM),
            platforms: list(wanted.platforms),
            busy: list(wanted.busy),
            now: micros(now),
            until: micros_after(now, wanted.lease),
            limit: i64::from(wanted.limit),
            holder: self.holder(),
        };
        let mut claimed = writing!(self, claim(claim))?;
        claimed.sort_by_key(|(waiting, _)| *waiting);
        Ok(claimed.into_iter().map(|(_, claimed)| claimed).collect())
    }

    /// It was sent.
    pub async fn confirm(&self, claimed: &Claimed, posted: Posted, now: Timestamp) -> Result<Confirmed> {
        let sent = Sent {
            slot: claimed.slot.clone(),
            fence: claimed.fence,
            version: claimed.version,
            posted: json(&posted),
            at: micros(now),
        };
        writing!(self, sent(sent))
    }

    /// It is tried again, not before `until`. `certainly_not_sent` when the platform said so (429) or
    /// was not reached; otherwise the next claim may repeat it. `false` if the claim is not the newest one;
    /// then nothing is changed.
    pub async fn defer(&self, claimed: &Claimed, until: Timestamp, certainly_not_sent: bool) -> Result<bool> {
        let later = Later {
            slot: claimed.slot.clone(),
            fence: claimed.fence,
            until: micros(until),
            unmarked: i64::from(certainly_not_sent),
        };
        writing!(self, later(later))
    }

    /// The platform will never take it. It is kept and counted, and not tried again unless it is put
    /// again or was put meanwhile. `false` as in [`Store::defer`].
    pub async fn give_up(&self, claimed: &Claimed, reason: &str, now: Timestamp) -> Result<bool> {
        let end = End {
            slot: claimed.slot.clone(),
            fence: claimed.fence,
            version: claimed.version,
            // PostgreSQL takes no NUL in a text, and the words are the platform's.
            reason: reason.replace('\0', "\u{fffd}"),
            at: micros(now),
        };
        writing!(self, bury(end))
    }

    /// Pages of incidents that were stored from one time to another, sent or not.
    pub async fn pages_since(&self, from: Timestamp, until: Timestamp) -> Result<Vec<IncidentPage>> {
        let rows = reading!(self, pages(micros(from), micros(until)))?;
        rows.into_iter()
            .map(|(slot, target, reply, sent)| {
                let target: Target = from_json(TABLE, &target)?;
                let platform = match &target {
                    Target::Answer(answer) => answer.place.room.platform,
                    Target::Post(place) => place.room.platform,
                    Target::Direct(account) => account.platform,
                    Target::Edit { posted: Posted::Message(message), .. } => message.room.platform,
                    Target::Edit { .. } => {
                        return Err(StoreError::Decode {
                            table: TABLE,
                            what: format!("page {slot} goes nowhere"),
                        });
                    }
                };
                Ok(IncidentPage { slot, platform, target, reply: from_json(TABLE, &reply)?, sent })
            })
            .collect()
    }

    /// How much is not sent yet, and how much never will be.
    pub async fn outbox_depth(&self) -> Result<OutboxDepth> {
        let (waiting, oldest, dead): (i64, Option<i64>, i64) = reading!(self, depth())?;
        Ok(OutboxDepth {
            waiting: unsigned(TABLE, waiting)?,
            oldest: oldest.map(|micros| timestamp(TABLE, micros)).transpose()?,
            dead: unsigned(TABLE, dead)?,
        })
    }

    /// When the next message of these platforms is due, or the next lease over; `None` if none waits.
    pub async fn next_due(&self, platforms: &[Platform]) -> Result<Option<Timestamp>> {
        let due: Option<i64> = reading!(self, next(&list(platforms)))?;
        due.map(|micros| timestamp(TABLE, micros)).transpose()
    }

    /// Forgets messages that were sent whole, or given up, before a time, and says how many. A message
    /// put again afterwards is a new one and is posted anew.
    pub async fn forget_messages(&self, before: Timestamp) -> Result<u64> {
        writing!(self, forget(micros(before)))
    }
}

/// Names between bars: `|slack|web|`. Lists of any length go into one text as one parameter, and
/// `replace` finds whole names alike on both databases.
pub(crate) fn list<T: ToString>(names: &[T]) -> String {
    names.iter().fold("|".to_owned(), |list, name| list + &name.to_string() + "|")
}

/// A message as it will be stored.
pub(crate) struct Row {
    pub(crate) slot: String,
    pub(crate) room: Room,
    pub(crate) lane: Lane,
    pub(crate) posted: Option<String>,
    pub(crate) target: String,
    pub(crate) reply: String,
    pub(crate) at: i64,
    pub(crate) wanted_at: i64,
}

/// `place` among the messages put at the same time; it is their order of service.
pub(crate) fn row(message: NewMessage, now: Timestamp, place: i64) -> Result<Row> {
    let (room, posted) = match &message.target {
        Target::Answer(answer) => (Some(answer.place.room.clone()), None),
        Target::Post(place) => (Some(place.room.clone()), None),
        // One person's messages keep their order as a channel's do.
        Target::Direct(account) => (Some(Room::new(account.platform, account.id.clone())), None),
        Target::Edit { posted: posted @ Posted::Message(at), .. } => {
            (Some(at.room.clone()), Some(json(posted)))
        }
        Target::Edit { posted, answer } => {
            (answer.as_ref().map(|answer| answer.place.room.clone()), Some(json(posted)))
        }
    };
    let Some(room) = room else { return Err(StoreError::NoTarget { slot: message.slot }) };
    Ok(Row {
        room,
        lane: message.lane,
        posted,
        target: json(&message.target),
        reply: json(&message.reply),
        at: micros(now),
        wanted_at: micros(now).saturating_add(place),
        slot: message.slot,
    })
}

struct Claim {
    sql: &'static str,
    platforms: String,
    busy: String,
    now: i64,
    until: i64,
    limit: i64,
    holder: Option<String>,
}

struct Sent {
    slot: String,
    fence: i64,
    version: i64,
    posted: String,
    at: i64,
}

struct Later {
    slot: String,
    fence: i64,
    until: i64,
    /// 1 takes the mark of this claim back.
    unmarked: i64,
}

struct End {
    slot: String,
    fence: i64,
    version: i64,
    reason: String,
    at: i64,
}

/// slot, lane, version, target, reply, posted, unheard, attempts, fence, `created_at`, `wanted_at`.
type Columns = (String, i64, i64, String, String, Option<String>, i64, i64, i64, i64, i64);
/// Sorts as messages are served.
type Waiting = (Lane, i64);

fn claimed(columns: Columns) -> Result<(Waiting, Claimed)> {
    let (slot, lane, version, target, reply, posted, unheard, attempts, fence, created_at, wanted_at) =
        columns;
    let lane = Lane::from_number(lane)?;
    let first: Target = from_json(TABLE, &target)?;
    let target = match posted {
        None => first,
        Some(posted) => Target::Edit {
            posted: from_json(TABLE, &posted)?,
            answer: match first {
                Target::Answer(answer) => Some(answer),
                Target::Post(_) | Target::Direct(_) => None,
                Target::Edit { answer, .. } => answer,
            },
        },
    };
    let outgoing =
        Outgoing { slot: slot.clone(), target, reply: from_json(TABLE, &reply)?, may_repeat: unheard > 1 };
    let claimed = Claimed {
        slot,
        lane,
        version,
        outgoing,
        attempts: unsigned(TABLE, attempts)?,
        fence,
        created_at: timestamp(TABLE, created_at)?,
    };
    Ok(((lane, wanted_at), claimed))
}

/// `$lock` is how PostgreSQL steps over rows that another replica is claiming; SQLite has one writer.
/// The count of posts begun grows only where sending posts anew: not posted yet, or posted so that it
/// can't be edited. SQLite plans by the value of a parameter that is the whole of a LIMIT, and so compiles
/// the statement anew for each claim; it does not look into a CAST.
macro_rules! claim_sql {
    ($lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (SELECT slot FROM outbox \
             WHERE sent_version < version AND dead_at IS NULL AND due_at <= $1 \
             AND replace($3, '|' || platform || '|', '') <> $3 \
             AND replace($4, '|' || room || '|', '') = $4 \
             ORDER BY lane, wanted_at LIMIT CAST($5 AS BIGINT) ",
            $lock,
            ") UPDATE outbox SET due_at = $2, claimed_by = $6, fence = fence + 1, attempts = attempts + 1, \
             unheard = CASE WHEN posted IS NULL OR posted = '\"ephemeral\"' THEN unheard + 1 ELSE 0 END \
             WHERE slot IN (SELECT slot FROM due) \
             RETURNING slot, lane, version, target, reply, posted, unheard, attempts, fence, created_at, wanted_at"
        )
    };
}

/// A message that waits keeps its turn and its delay; one that does not is due now. `$row` is in the order
/// of the columns.
macro_rules! put_sql {
    ($row:expr) => {
        concat!(
            "INSERT INTO outbox (slot, platform, room, lane, version, due_at, wanted_at, created_at, posted, target, reply) ",
            $row,
            " ON CONFLICT (slot) DO UPDATE SET version = outbox.version + 1, reply = excluded.reply, \
             lane = CASE WHEN outbox.sent_version < outbox.version AND outbox.dead_at IS NULL \
             AND outbox.lane < excluded.lane THEN outbox.lane ELSE excluded.lane END, \
             due_at = CASE WHEN outbox.sent_version < outbox.version AND outbox.dead_at IS NULL \
             THEN outbox.due_at ELSE excluded.due_at END, \
             wanted_at = CASE WHEN outbox.sent_version < outbox.version AND outbox.dead_at IS NULL \
             THEN outbox.wanted_at ELSE excluded.wanted_at END, \
             dead_at = NULL, dead_reason = NULL"
        )
    };
}
pub(crate) use put_sql;

const SQLITE_CLAIM: &str = claim_sql!("");
const POSTGRES_CLAIM: &str = claim_sql!("FOR UPDATE SKIP LOCKED");

per_driver! {
    pub(crate) async fn put_all(connection: &mut Connection, rows: &[Row]) -> Result<()> {
        for row in rows {
            put(connection, row).await?;
        }
        Ok(())
    }

    pub(super) async fn put(connection: &mut Connection, row: &Row) -> Result<()> {
        sqlx::query(
            put_sql!("VALUES ($1, $2, $3, $4, 1, $5, $9, $5, $6, $7, $8)"),
        )
        .bind(&row.slot)
        .bind(row.room.platform.as_str())
        .bind(row.room.to_string())
        .bind(row.lane.number())
        .bind(row.at)
        .bind(&row.posted)
        .bind(&row.target)
        .bind(&row.reply)
        .bind(row.wanted_at)
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(super) async fn claim(connection: &mut Connection, claim: &Claim) -> Result<Vec<(Waiting, Claimed)>> {
        let rows: Vec<Columns> = sqlx::query_as(claim.sql)
            .bind(claim.now)
            .bind(claim.until)
            .bind(&claim.platforms)
            .bind(&claim.busy)
            .bind(claim.limit)
            .bind(&claim.holder)
            .fetch_all(connection)
            .await?;
        rows.into_iter().map(claimed).collect()
    }

    pub(super) async fn sent(connection: &mut Connection, sent: &Sent) -> Result<Confirmed> {
        let newer: Vec<bool> = sqlx::query_scalar(
            "UPDATE outbox SET sent_version = $3, posted = $4, due_at = $5, sent_at = $5, wanted_at = $5, \
             claimed_by = NULL, unheard = 0, attempts = 0 WHERE slot = $1 AND fence = $2 RETURNING version > $3",
        )
        .bind(&sent.slot)
        .bind(sent.fence)
        .bind(sent.version)
        .bind(&sent.posted)
        .bind(sent.at)
        .fetch_all(connection)
        .await?;
        Ok(match newer.first() {
            Some(false) => Confirmed::Whole,
            Some(true) => Confirmed::NewerWaits,
            None => Confirmed::TakenOver,
        })
    }

    pub(super) async fn later(connection: &mut Connection, later: &Later) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE outbox SET due_at = $3, claimed_by = NULL, unheard = CASE WHEN unheard > 0 THEN unheard - $4 ELSE 0 END \
             WHERE slot = $1 AND fence = $2",
        )
        .bind(&later.slot)
        .bind(later.fence)
        .bind(later.until)
        .bind(later.unmarked)
        .execute(connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    pub(super) async fn bury(connection: &mut Connection, end: &End) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE outbox SET due_at = $5, claimed_by = NULL, dead_at = CASE WHEN version = $3 THEN $5 END, \
             dead_reason = CASE WHEN version = $3 THEN $4 END WHERE slot = $1 AND fence = $2",
        )
        .bind(&end.slot)
        .bind(end.fence)
        .bind(end.version)
        .bind(&end.reason)
        .bind(end.at)
        .execute(connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Slots of incidents begin with an `i`, and a page's copy is what comes after them.
    pub(super) async fn pages(
        connection: &mut Connection,
        from: i64,
        until: i64,
    ) -> Result<Vec<(String, String, String, bool)>> {
        let pages = sqlx::query_as(
            "SELECT slot, target, reply, sent_version > 0 FROM outbox WHERE lane = 0 AND slot >= 'i' AND slot < 'j' \
             AND created_at >= $1 AND created_at < $2 AND (dead_reason IS NULL OR dead_reason <> 'not needed any more') \
             ORDER BY slot",
        )
        .bind(from)
        .bind(until)
        .fetch_all(connection)
        .await?;
        Ok(pages)
    }

    pub(super) async fn depth(connection: &mut Connection) -> Result<(i64, Option<i64>, i64)> {
        let counts = sqlx::query_as(
            "SELECT count(*), min(wanted_at), (SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL) \
             FROM outbox WHERE sent_version < version AND dead_at IS NULL",
        )
        .fetch_one(connection)
        .await?;
        Ok(counts)
    }

    pub(super) async fn next(connection: &mut Connection, platforms: &str) -> Result<Option<i64>> {
        let due = sqlx::query_scalar(
            "SELECT min(due_at) FROM outbox WHERE sent_version < version AND dead_at IS NULL \
             AND replace($1, '|' || platform || '|', '') <> $1",
        )
        .bind(platforms)
        .fetch_one(connection)
        .await?;
        Ok(due)
    }

    pub(super) async fn forget(connection: &mut Connection, before: &i64) -> Result<u64> {
        let done = sqlx::query(
            "DELETE FROM outbox WHERE (sent_version = version AND sent_at < $1) OR dead_at < $1",
        )
        .bind(before)
        .execute(connection)
        .await?;
        Ok(done.rows_affected())
    }
}
