//! Who asked for what, what was decided and how it ended: append-only, each row chained to the one
//! before it by a hash.
//!
//! A row's hash is the SHA-256, in lower-case hex, of four lines joined by `\n` without a last one:
//! the hash of the row before (64 zeros before the first), the number of the row in decimal (1 and
//! up, without gaps), its time in microseconds since 1970 in decimal, and the entry's JSON byte for
//! byte as stored. The end of the chain is kept apart, so that rows missing there are noticed too.
//! Somebody who can write the database can write a new chain; against that the head must be kept
//! elsewhere.

use commands::ids::{Account, Place, RunId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, SqliteConnection};

use crate::column::{from_json, json, timestamp};
use crate::{Conclusion, Result, Store, StoreError};

const TABLE: &str = "audit";
/// Rows read at once while the chain is checked.
const PAGE: i64 = 500;

/// One row of the audit trail. Secrets are redacted before they get here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// The command's way through the bot.
    pub run: RunId,
    /// Who asked, by the platform's word.
    pub account: Account,
    /// Who that is by the configuration; `None` for somebody unknown.
    pub person: Option<String>,
    /// Where; `None` from the terminal.
    pub place: Option<Place>,
    /// The command, such as `health`; what the line began with if it is none.
    pub verb: String,
    /// The line as typed.
    pub line: String,
    /// Whether it was let through.
    pub decision: AuditDecision,
    /// How it ended; `None` if it had not, or never began.
    pub outcome: Option<AuditOutcome>,
    /// Whatever else the command wants to be remembered.
    pub detail: serde_json::Value,
}

/// Whether a line was let through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditDecision {
    /// Yes.
    Allowed,
    /// No.
    Refused {
        /// As the asker was told.
        reason: String,
    },
    /// It was no command.
    Unparsed {
        /// As the asker was told.
        reason: String,
    },
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It did what was asked.
    Done,
    /// It did not.
    Failed,
}

/// An entry in its place in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// 1 and up, without gaps.
    pub seq: i64,
    /// When it was appended.
    pub at: Timestamp,
    /// 64 hex digits.
    pub hash: String,
    /// What was appended.
    pub entry: AuditEntry,
}

/// Which rows to read.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// That many of the newest.
    pub last: u32,
    /// Of this person alone.
    pub person: Option<String>,
    /// Of this run alone.
    pub run: Option<RunId>,
}

/// The newest link of the chain. Written down elsewhere, it proves the rows up to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the row.
    pub seq: i64,
    /// Its hash, 64 hex digits.
    pub hash: String,
}

/// What a look at the whole chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// Every row is the one that was appended, in its place.
    Intact {
        /// How many there are.
        rows: u64,
        /// `None` when there are none.
        head: Option<Head>,
    },
    /// The first place where that is not so.
    BrokenAt {
        /// Number of the row.
        seq: i64,
        /// What is wrong with it.
        what: String,
    },
}

impl Store {
    /// Appends to the chain, all or none.
    pub async fn append_audit(&self, entries: Vec<AuditEntry>, now: Timestamp) -> Result<()> {
        // Without a delivery there is none that another conclusion could have ended.
        self.conclude(Conclusion { audit: entries, ..Conclusion::default() }, now).await.map(|_| ())
    }

    /// The newest rows that match, the newest last. A filter reads back from the end until it has enough.
    pub async fn audit_rows(&self, filter: AuditFilter) -> Result<Vec<AuditRow>> {
        let mut rows = reading!(self, newest(&filter))?;
        rows.reverse();
        rows.into_iter()
            .map(|stored| {
                Ok(AuditRow {
                    at: timestamp(TABLE, stored.at)?,
                    entry: from_json(TABLE, &stored.entry)?,
                    seq: stored.seq,
                    hash: stored.hash,
                })
            })
            .collect()
    }

    /// Computes the whole chain anew, a page at a time, and compares. Rows appended meanwhile are
    /// looked at too.
    pub async fn verify_audit(&self) -> Result<Verified> {
        let mut link = Head::start();
        loop {
            // The head is read before the page: what it names is then in this page or an earlier one.
            let head = reading!(self, read_head())?;
            let rows = reading!(self, page(link.seq))?;
            if rows.is_empty() {
                return Ok(ended(link, &head));
            }
            for row in &rows {
                match follow(&link, row) {
                    Ok(next) => link = next,
                    Err(what) => return Ok(Verified::BrokenAt { seq: link.seq + 1, what }),
                }
            }
        }
    }
}

impl Head {
    fn start() -> Self {
        Self { seq: 0, hash: "0".repeat(64) }
    }

    pub(crate) fn next(&self, at: i64, entry: &str) -> Self {
        let seq = self.seq + 1;
        let mut hash = Sha256::new();
        for part in [&self.hash, "\n", &seq.to_string(), "\n", &at.to_string(), "\n", entry] {
            hash.update(part);
        }
        Self { seq, hash: hex::encode(hash.finalize()) }
    }
}

/// The link that `row` makes after `link`, or what is wrong with it.
fn follow(link: &Head, row: &Stored) -> std::result::Result<Head, String> {
    if row.seq != link.seq + 1 {
        return Err(format!("is missing: row {} comes next", row.seq));
    }
    let next = link.next(row.at, &row.entry);
    if next.hash != row.hash {
        return Err("is not what was appended here: its hash does not follow".to_owned());
    }
    let entry: AuditEntry = serde_json::from_str(&row.entry).map_err(|e| format!("can't be read: {e}"))?;
    if entry.run.to_string() != row.run || entry.person != row.person {
        return Err("is filed under another run or person than its entry says".to_owned());
    }
    Ok(next)
}

/// The verdict after the last row, whose link is `link`.
fn ended(link: Head, head: &Head) -> Verified {
    if link.seq < head.seq {
        return Verified::BrokenAt { seq: link.seq + 1, what: "is missing at the end".to_owned() };
    }
    if link.seq > head.seq {
        return Verified::BrokenAt { seq: head.seq + 1, what: "comes after the end".to_owned() };
    }
    if link.hash != head.hash {
        return Verified::BrokenAt {
            seq: link.seq,
            what: "is not the one that the chain ended with".to_owned(),
        };
    }
    let rows = link.seq.unsigned_abs();
    Verified::Intact { rows, head: (rows > 0).then_some(link) }
}

/// An entry as it will be stored, but for its place.
pub(crate) struct Row {
    pub(crate) run: String,
    pub(crate) person: Option<String>,
    pub(crate) entry: String,
}

pub(crate) fn row(entry: &AuditEntry) -> Row {
    Row { run: entry.run.to_string(), person: entry.person.clone(), entry: json(entry) }
}

/// A row as stored.
pub(crate) struct Stored {
    seq: i64,
    at: i64,
    run: String,
    person: Option<String>,
    entry: String,
    hash: String,
}

type Columns = (i64, i64, String, Option<String>, String, String);

impl From<Columns> for Stored {
    fn from((seq, at, run, person, entry, hash): Columns) -> Self {
        Self { seq, at, run, person, entry, hash }
    }
}

/// The one row of `audit_head`.
fn only(mut rows: Vec<(i64, String)>) -> Result<Head> {
    let (seq, hash) = rows.pop().ok_or_else(no_head)?;
    Ok(Head { seq, hash })
}

pub(crate) fn no_head() -> StoreError {
    StoreError::Decode { table: "audit_head", what: "its only row is gone".to_owned() }
}

/// Begins the writer's transaction and reads the end of the chain on the same trip; `None` if it is gone.
pub(crate) async fn begin_with_head(connection: &mut SqliteConnection) -> Result<Option<Head>> {
    let mut rows: Vec<(i64, String)> =
        sqlx::query_as("BEGIN IMMEDIATE; SELECT seq, hash FROM audit_head WHERE id = 1")
            .fetch_all(connection)
            .await?;
    Ok(rows.pop().map(|(seq, hash)| Head { seq, hash }))
}

/// Saves the end of the chain and commits the writer's transaction on the same trip.
pub(crate) async fn commit_with_head(connection: &mut SqliteConnection, head: &Head) -> Result<()> {
    sqlx::query("UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1; COMMIT")
        .bind(head.seq)
        .bind(&head.hash)
        .execute(connection)
        .await?;
    Ok(())
}

/// Reads the end of the chain; nobody else can until this transaction ends.
pub(crate) async fn lock_head(connection: &mut PgConnection) -> Result<Head> {
    only(
        sqlx::query_as("SELECT seq, hash FROM audit_head WHERE id = 1 FOR UPDATE")
            .fetch_all(connection)
            .await?,
    )
}

pub(crate) async fn save_head(connection: &mut PgConnection, head: &Head) -> Result<()> {
    sqlx::query("UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1")
        .bind(head.seq)
        .bind(&head.hash)
        .execute(connection)
        .await?;
    Ok(())
}

per_driver! {
    pub(crate) async fn append(connection: &mut Connection, head: &mut Head, rows: &[Row], at: i64) -> Result<()> {
        for row in rows {
            let next = head.next(at, &row.entry);
            sqlx::query("INSERT INTO audit (seq, at, run, person, entry, hash) VALUES ($1, $2, $3, $4, $5, $6)")
                .bind(next.seq)
                .bind(at)
                .bind(&row.run)
                .bind(&row.person)
                .bind(&row.entry)
                .bind(&next.hash)
                .execute(&mut *connection)
                .await?;
            *head = next;
        }
        Ok(())
    }

    pub(super) async fn read_head(connection: &mut Connection) -> Result<Head> {
        only(sqlx::query_as("SELECT seq, hash FROM audit_head WHERE id = 1").fetch_all(connection).await?)
    }

    pub(super) async fn page(connection: &mut Connection, after: i64) -> Result<Vec<Stored>> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT seq, at, run, person, entry, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(after)
        .bind(PAGE)
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().map(Stored::from).collect())
    }

    pub(super) async fn newest(connection: &mut Connection, filter: &AuditFilter) -> Result<Vec<Stored>> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT seq, at, run, person, entry, hash FROM audit \
             WHERE (CAST($1 AS TEXT) IS NULL OR person = $1) AND (CAST($2 AS TEXT) IS NULL OR run = $2) \
             ORDER BY seq DESC LIMIT $3",
        )
        .bind(&filter.person)
        .bind(filter.run.map(|run| run.to_string()))
        .bind(i64::from(filter.last))
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().map(Stored::from).collect())
    }
}
