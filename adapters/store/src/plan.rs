//! Plans that wait for a yes, and what people said to them.
//!
//! A plan is stored with the answer to the command that made it. It is open until it begins or is closed,
//! each once. Its version grows with every change of its votes, so that whoever begins it can say which
//! votes were counted.

use commands::approval::{Ballot, Quorum, Vote};
use commands::ids::{Account, Place, Platform, RunId};
use commands::message::Posted;
use commands::plan::{Digest, Plan};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::column::{from_json, json, micros, timestamp, unknown};
use crate::{Result, Store, StoreError};

const TABLE: &str = "plan";
const VOTES: &str = "vote";

/// A plan that is about to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPlan {
    /// Itself.
    pub plan: Plan,
    /// What it takes.
    pub quorum: Quorum,
    /// Where its message is.
    pub place: Place,
    /// The requester's account that it was asked from.
    pub asked_from: Account,
}

/// A plan as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPlan {
    /// Itself.
    pub plan: Plan,
    /// Of the bytes that are stored.
    pub digest: Digest,
    /// What it takes.
    pub quorum: Quorum,
    /// Where its message is.
    pub place: Place,
    /// The requester's account that it was asked from.
    pub asked_from: Account,
    /// What its message became, once it was sent.
    pub posted: Option<Posted>,
    /// Of its votes; for [`Store::begin_run`].
    pub version: i64,
    /// Where it stands.
    pub state: PlanState,
}

/// Where a plan stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanState {
    /// It waits.
    Open,
    /// It has begun; the run of the same id tells the rest.
    Begun,
    /// It will never begin.
    Closed(Closed),
}

/// Why a plan will never begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Closed {
    /// Somebody who may said no.
    Vetoed {
        /// Who.
        by: String,
    },
    /// The requester took it back.
    Withdrawn,
    /// Its votes did not come in time.
    NotApproved,
    /// It was approved and did not begin in time.
    NotBegun,
    /// What it acts on is not what was voted on.
    Changed {
        /// In words, one a difference.
        differences: Vec<String>,
    },
    /// It can't be made any more: what it acts on is gone or can't be read.
    Impossible {
        /// Why.
        why: String,
    },
    /// Its message was edited by somebody or is gone.
    MessageChanged,
    /// The requester is in the configuration no more, or with too weak a role.
    RequesterGone,
    /// Somebody froze everything.
    Frozen {
        /// Why, as typed.
        why: String,
    },
}

/// In which way somebody said it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// By a button or a line.
    Button,
    /// By a reaction of this account.
    Reaction(Account),
}

impl Way {
    fn column(&self) -> String {
        match self {
            Self::Button => "button".to_owned(),
            Self::Reaction(account) => format!("reaction {account}"),
        }
    }
}

/// Something that somebody says or takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cast {
    /// Of which plan.
    pub run: RunId,
    /// Who, as in the configuration.
    pub person: String,
    /// What.
    pub ballot: Ballot,
    /// How.
    pub way: Way,
    /// When.
    pub at: Timestamp,
    /// Whether they say it, or take it back.
    pub said: bool,
}

impl Store {
    /// The plan of a run.
    pub async fn plan(&self, run: RunId) -> Result<Option<StoredPlan>> {
        let rows = reading!(self, one(run))?;
        rows.into_iter().next().map(stored).transpose()
    }

    /// Plans that neither began nor are closed, the oldest first.
    pub async fn open_plans(&self) -> Result<Vec<StoredPlan>> {
        reading!(self, open())?.into_iter().map(stored).collect()
    }

    /// What people say to a plan and have not taken back; somebody who said it in two ways once, from
    /// the first time on.
    pub async fn votes(&self, run: RunId) -> Result<Vec<Vote>> {
        let rows = reading!(self, said(run))?;
        rows.into_iter()
            .map(|(person, ballot, at)| {
                let ballot = Ballot::find(&ballot)
                    .ok_or_else(|| StoreError::Decode { table: VOTES, what: format!("ballot {ballot}") })?;
                Ok(Vote { person, ballot, at: timestamp(VOTES, at)? })
            })
            .collect()
    }

    /// Records what somebody says to an open plan, or that they take it back; the same again changes
    /// nothing. `false` if the plan is not open; then nothing was changed.
    pub async fn cast(&self, cast: Cast) -> Result<bool> {
        transacting!(self, cast(cast))
    }

    /// Makes the reactions that the platform lists the ones that count: what is not among `said` is taken back,
    /// on that message's platform alone. `version` is the plan's from before the platform was asked: who has said
    /// something since then is on no list, and [`StoreError::PlanMoved`] says so. `false` as in [`Store::cast`].
    pub async fn replace_reactions(
        &self,
        run: RunId,
        version: i64,
        platform: Platform,
        said: Vec<Cast>,
    ) -> Result<bool> {
        let listed = Listed { run, version, prefix: format!("reaction {platform}:"), said };
        transacting!(self, replace(listed))
    }

    /// Ends an open plan that has not begun. `false` if it is not open any more.
    pub async fn close_plan(&self, run: RunId, why: Closed, now: Timestamp) -> Result<bool> {
        let closing = Closing { run, why: json(&why), at: micros(now) };
        writing!(self, close(closing))
    }
}

/// A plan as it will be stored.
pub(crate) struct Row {
    run: String,
    digest: String,
    body: String,
    quorum: String,
    place: String,
    asked_from: String,
    created_at: i64,
}

pub(crate) fn row(new: &NewPlan) -> Row {
    let body = new.plan.bytes();
    Row {
        run: new.plan.run.to_string(),
        digest: Digest::of(body.as_bytes()).to_string(),
        body,
        quorum: json(&new.quorum),
        place: json(&new.place),
        asked_from: json(&new.asked_from),
        created_at: micros(new.plan.created),
    }
}

/// digest, body, quorum, place, `asked_from`, posted, version, `begun_at`, closed.
type Columns = (String, String, String, String, String, Option<String>, i64, Option<i64>, Option<String>);

fn stored(columns: Columns) -> Result<StoredPlan> {
    let (digest, body, quorum, place, asked_from, posted, version, begun_at, closed) = columns;
    let real = Digest::of(body.as_bytes());
    let plan: Plan = from_json(TABLE, &body)?;
    if real.to_string() != digest {
        return Err(StoreError::Decode {
            table: TABLE,
            what: format!("plan {} is not the one that was stored: its digest differs", plan.run),
        });
    }
    Ok(StoredPlan {
        plan,
        digest: real,
        quorum: from_json(TABLE, &quorum)?,
        place: from_json(TABLE, &place)?,
        asked_from: from_json(TABLE, &asked_from)?,
        posted: posted.map(|posted| from_json(TABLE, &posted)).transpose()?,
        version,
        state: match (begun_at, closed) {
            (Some(_), _) => PlanState::Begun,
            (None, Some(why)) => PlanState::Closed(from_json(TABLE, &why)?),
            (None, None) => PlanState::Open,
        },
    })
}

struct Listed {
    run: RunId,
    version: i64,
    /// Of the ways that are replaced.
    prefix: String,
    said: Vec<Cast>,
}

struct Closing {
    run: RunId,
    why: String,
    at: i64,
}

/// The slot of a plan's message.
#[must_use]
pub fn plan_slot(run: RunId) -> String {
    format!("plan-{run}")
}

macro_rules! select_sql {
    ($where:literal) => {
        concat!(
            "SELECT plan.digest, plan.body, plan.quorum, plan.place, plan.asked_from, outbox.posted, \
             plan.version, plan.begun_at, plan.closed \
             FROM plan LEFT JOIN outbox ON outbox.slot = 'plan-' || plan.run ",
            $where
        )
    };
}

per_driver! {
    pub(crate) async fn insert(connection: &mut Connection, row: &Row) -> Result<()> {
        sqlx::query(
            "INSERT INTO plan (run, digest, body, quorum, place, asked_from, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&row.run)
        .bind(&row.digest)
        .bind(&row.body)
        .bind(&row.quorum)
        .bind(&row.place)
        .bind(&row.asked_from)
        .bind(row.created_at)
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(super) async fn one(connection: &mut Connection, run: RunId) -> Result<Vec<Columns>> {
        let rows = sqlx::query_as(select_sql!("WHERE plan.run = $1"))
            .bind(run.to_string())
            .fetch_all(connection)
            .await?;
        Ok(rows)
    }

    pub(super) async fn open(connection: &mut Connection) -> Result<Vec<Columns>> {
        let rows = sqlx::query_as(select_sql!(
            "WHERE plan.begun_at IS NULL AND plan.closed_at IS NULL ORDER BY plan.created_at, plan.run"
        ))
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }

    pub(super) async fn said(connection: &mut Connection, run: RunId) -> Result<Vec<(String, String, i64)>> {
        let rows = sqlx::query_as(
            "SELECT person, ballot, min(at) FROM vote WHERE run = $1 GROUP BY person, ballot \
             ORDER BY min(at), person, ballot",
        )
        .bind(run.to_string())
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }

    /// The plan's row is locked first, so that who begins it and who votes on it wait for each other.
    async fn touch(connection: &mut Connection, run: RunId) -> Result<bool> {
        let touched = sqlx::query(
            "UPDATE plan SET version = version + 1 WHERE run = $1 AND begun_at IS NULL AND closed_at IS NULL",
        )
        .bind(run.to_string())
        .execute(connection)
        .await?;
        Ok(touched.rows_affected() == 1)
    }

    async fn say(connection: &mut Connection, cast: &Cast) -> Result<()> {
        let sql = if cast.said {
            "INSERT INTO vote (run, person, ballot, way, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM vote WHERE run = $1 AND person = $2 AND ballot = $3 AND way = $4 AND at <= $5"
        };
        sqlx::query(sql)
            .bind(cast.run.to_string())
            .bind(&cast.person)
            .bind(cast.ballot.as_str())
            .bind(cast.way.column())
            .bind(micros(cast.at))
            .execute(connection)
            .await?;
        Ok(())
    }

    pub(super) async fn cast(connection: &mut Connection, cast: &Cast) -> Result<bool> {
        if !touch(&mut *connection, cast.run).await? {
            return Ok(false);
        }
        say(connection, cast).await?;
        Ok(true)
    }

    pub(super) async fn replace(connection: &mut Connection, listed: &Listed) -> Result<bool> {
        let known: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT person, ballot, way FROM vote WHERE run = $1 AND substr(way, 1, length($2)) = $2",
        )
        .bind(listed.run.to_string())
        .bind(&listed.prefix)
        .fetch_all(&mut *connection)
        .await?;
        let wanted = |(person, ballot, way): &(String, String, String)| {
            listed.said.iter().any(|cast| {
                cast.person == *person && cast.ballot.as_str() == ballot && cast.way.column() == *way
            })
        };
        let gone: Vec<_> = known.iter().filter(|vote| !wanted(vote)).collect();
        let is_known = |cast: &Cast| {
            known.iter().any(|(person, ballot, way)| {
                cast.person == *person && cast.ballot.as_str() == ballot && cast.way.column() == *way
            })
        };
        let new: Vec<_> = listed.said.iter().filter(|cast| !is_known(cast)).collect();
        if gone.is_empty() && new.is_empty() {
            return Ok(true);
        }
        let versions: Vec<i64> = sqlx::query_scalar(
            "UPDATE plan SET version = version + 1 WHERE run = $1 AND begun_at IS NULL AND closed_at IS NULL \
             RETURNING version",
        )
        .bind(listed.run.to_string())
        .fetch_all(&mut *connection)
        .await?;
        match versions.first() {
            None => return Ok(false),
            Some(version) if *version != listed.version + 1 => {
                return Err(StoreError::PlanMoved { run: listed.run });
            }
            Some(_) => {}
        }
        for (person, ballot, way) in gone {
            sqlx::query("DELETE FROM vote WHERE run = $1 AND person = $2 AND ballot = $3 AND way = $4")
                .bind(listed.run.to_string())
                .bind(person)
                .bind(ballot)
                .bind(way)
                .execute(&mut *connection)
                .await?;
        }
        for cast in new {
            say(&mut *connection, cast).await?;
        }
        Ok(true)
    }

    pub(super) async fn close(connection: &mut Connection, closing: &Closing) -> Result<bool> {
        let closed = sqlx::query(
            "UPDATE plan SET closed_at = $2, closed = $3 \
             WHERE run = $1 AND begun_at IS NULL AND closed_at IS NULL",
        )
        .bind(closing.run.to_string())
        .bind(closing.at)
        .bind(&closing.why)
        .execute(connection)
        .await?;
        Ok(closed.rows_affected() == 1)
    }
}

/// A run id as it stands in a column.
pub(crate) fn run_id(table: &'static str, text: &str) -> Result<RunId> {
    text.parse().map_err(|error| unknown(table, &error))
}
