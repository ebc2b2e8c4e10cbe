//! Channels and threads of incidents' own: wanted when an incident is opened, made by whoever sends to the platform,
//! and known by all replicas from then on.
//!
//! Making one is safe to repeat on the platforms' side, so a wish is a row with a lease and no more.

use std::time::Duration;

use commands::ids::{Place, Platform};
use commands::incident::{IncidentNumber, RoomKind, State};
use commands::message::Posted;
use jiff::Timestamp;

use crate::column::{from_json, json, micros, micros_after, timestamp, unsigned};
use crate::{Result, Store, StoreError};

const TABLE: &str = "incident_room";

/// A channel or thread that an incident is to have beside one of its homes.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomWanted {
    /// Whose.
    pub incident: IncidentNumber,
    /// The number of the home.
    pub home: usize,
    /// Which of the two.
    pub kind: RoomKind,
    /// The home.
    pub beside: Place,
    /// How often it was tried, this time included.
    pub tries: u32,
    /// The incident's card there, once it is posted.
    pub card: Option<Posted>,
}

/// A channel or thread that an incident has.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomMade {
    /// Whose.
    pub incident: IncidentNumber,
    /// The home that it is beside.
    pub beside: Place,
    /// Where it is.
    pub place: Place,
    /// Since when.
    pub at: Timestamp,
}

/// The slot of an incident's card in one of its homes.
#[must_use]
pub fn card_slot(incident: IncidentNumber, home: usize) -> String {
    format!("i{incident}-x{home}")
}

impl Store {
    /// Wishes for what an incident of its present severity gets and has not wished for yet.
    pub async fn want_rooms(&self, incident: IncidentNumber, state: &State, now: Timestamp) -> Result<()> {
        transacting!(self, want_more((i64::from(incident.0), state.clone(), micros(now))))
    }

    /// Takes wishes for `platforms` that are due, the oldest first, for `lease`.
    pub async fn rooms_wanted(
        &self,
        platforms: &[Platform],
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<RoomWanted>> {
        let claim = Claim {
            sql: self.pick(SQLITE_CLAIM, POSTGRES_CLAIM),
            platforms: crate::outbox::list(platforms),
            now: micros(now),
            until: micros_after(now, lease),
            limit: i64::from(limit),
        };
        let rows = writing!(self, claim(claim))?;
        let mut wanted = Vec::with_capacity(rows.len());
        for (incident, home, kind, beside, tries) in rows {
            let (incident, home) = (IncidentNumber(unsigned(TABLE, incident)?), unsigned(TABLE, home)?);
            let card = reading!(self, posted(&card_slot(incident, home)))?;
            wanted.push(RoomWanted {
                incident,
                home,
                kind: kind.parse().map_err(|what| StoreError::Decode { table: TABLE, what })?,
                beside: from_json(TABLE, &beside)?,
                tries: unsigned(TABLE, tries)?,
                card: card.map(|card| from_json(TABLE, &card)).transpose()?,
            });
        }
        Ok(wanted)
    }

    /// It is tried again, not before `until`.
    pub async fn defer_room(&self, wanted: &RoomWanted, until: Timestamp) -> Result<()> {
        writing!(self, later((name(wanted), micros(until))))
    }

    /// It is there; `None` where it never will be.
    pub async fn settle_room(
        &self,
        wanted: &RoomWanted,
        place: Option<&Place>,
        now: Timestamp,
    ) -> Result<()> {
        let place = place.map(json);
        writing!(self, settle((name(wanted), place, micros(now))))
    }

    /// Those that were made since a time, the oldest first.
    pub async fn rooms_made(&self, since: Timestamp) -> Result<Vec<RoomMade>> {
        let rows = reading!(self, made(micros(since)))?;
        let made = |(incident, beside, place, at): (i64, String, String, i64)| {
            Ok(RoomMade {
                incident: IncidentNumber(unsigned(TABLE, incident)?),
                beside: from_json(TABLE, &beside)?,
                place: from_json(TABLE, &place)?,
                at: timestamp(TABLE, at)?,
            })
        };
        rows.into_iter().map(made).collect()
    }
}

/// Incident, home and kind.
type Name = (i64, i64, &'static str);

fn name(wanted: &RoomWanted) -> Name {
    (i64::from(wanted.incident.0), index(wanted.home), wanted.kind.as_str())
}

fn index(home: usize) -> i64 {
    i64::try_from(home).unwrap_or(i64::MAX)
}

struct Claim {
    sql: &'static str,
    platforms: String,
    now: i64,
    until: i64,
    limit: i64,
}

/// `$lock` is how PostgreSQL steps over rows that another replica is claiming; SQLite has one writer.
macro_rules! claim_sql {
    ($lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (SELECT incident, home, kind FROM incident_room \
             WHERE settled_at IS NULL AND due_at <= $1 \
             AND replace($4, '|' || platform || '|', '') <> $4 ORDER BY due_at LIMIT CAST($3 AS BIGINT) ",
            $lock,
            ") UPDATE incident_room SET due_at = $2, tries = tries + 1 \
             WHERE (incident, home, kind) IN (SELECT incident, home, kind FROM due) \
             RETURNING incident, home, kind, beside, tries"
        )
    };
}

const SQLITE_CLAIM: &str = claim_sql!("");
const POSTGRES_CLAIM: &str = claim_sql!("FOR UPDATE SKIP LOCKED");

per_driver! {
    /// In the transaction that opens the incident.
    pub(crate) async fn want(connection: &mut Connection, incident: i64, state: &State, at: i64) -> Result<()> {
        for (home, place) in state.homes.iter().enumerate() {
            let Some(kind) = RoomKind::of(place, state.course.severity) else { continue };
            sqlx::query(
                "INSERT INTO incident_room (incident, home, kind, beside, platform, due_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (incident, home, kind) DO NOTHING",
            )
            .bind(incident)
            .bind(index(home))
            .bind(kind.as_str())
            .bind(json(place))
            .bind(place.room.platform.as_str())
            .bind(at)
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }

    pub(super) async fn want_more(
        connection: &mut Connection,
        (incident, state, at): &(i64, State, i64),
    ) -> Result<()> {
        want(connection, *incident, state, *at).await
    }

    pub(super) async fn claim(
        connection: &mut Connection,
        claim: &Claim,
    ) -> Result<Vec<(i64, i64, String, String, i64)>> {
        let rows = sqlx::query_as(claim.sql)
            .bind(claim.now)
            .bind(claim.until)
            .bind(claim.limit)
            .bind(&claim.platforms)
            .fetch_all(connection)
            .await?;
        Ok(rows)
    }

    pub(super) async fn posted(connection: &mut Connection, slot: &str) -> Result<Option<String>> {
        let posted: Option<Option<String>> = sqlx::query_scalar("SELECT posted FROM outbox WHERE slot = $1")
            .bind(slot)
            .fetch_optional(connection)
            .await?;
        Ok(posted.flatten())
    }

    pub(super) async fn later(
        connection: &mut Connection,
        ((incident, home, kind), until): &(Name, i64),
    ) -> Result<()> {
        sqlx::query(
            "UPDATE incident_room SET due_at = $4 \
             WHERE incident = $1 AND home = $2 AND kind = $3 AND settled_at IS NULL",
        )
        .bind(incident)
        .bind(home)
        .bind(*kind)
        .bind(until)
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(super) async fn settle(
        connection: &mut Connection,
        ((incident, home, kind), place, at): &(Name, Option<String>, i64),
    ) -> Result<()> {
        sqlx::query(
            "UPDATE incident_room SET place = $4, settled_at = $5 \
             WHERE incident = $1 AND home = $2 AND kind = $3 AND settled_at IS NULL",
        )
        .bind(incident)
        .bind(home)
        .bind(*kind)
        .bind(place)
        .bind(at)
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(super) async fn made(
        connection: &mut Connection,
        since: i64,
    ) -> Result<Vec<(i64, String, String, i64)>> {
        let sql = "SELECT incident, beside, place, settled_at FROM incident_room \
                   WHERE place IS NOT NULL AND settled_at >= $1 ORDER BY settled_at";
        Ok(sqlx::query_as(sql).bind(since).fetch_all(connection).await?)
    }
}
