//! Addresses that the bot has shut out, so that they are let in again however often it is restarted meanwhile.

use commands::block::{Block, Blocker, Network};
use commands::ids::RunId;
use jiff::Timestamp;

use crate::column::{micros, timestamp, unsigned};
use crate::plan::run_id;
use crate::{Result, Store, StoreError};

const TABLE: &str = "block";

/// A block whose rules stand, or are about to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingBlock {
    /// The run that placed it.
    pub run: RunId,
    /// Which of its steps.
    pub step: u32,
    /// The Docker daemon of the machine whose firewall has it; blank where there is none.
    pub engine: String,
    /// What its rules say.
    pub block: Block,
}

impl Store {
    /// Records a block before its rules are placed. A step that did so before gets what it recorded then.
    pub async fn begin_block(&self, begun: StandingBlock) -> Result<StandingBlock> {
        stored(transacting!(self, begin(begun))?)
    }

    /// Records that the rules of a step's block are gone. `false` if that was recorded before.
    pub async fn lift_block(&self, run: RunId, step: u32, now: Timestamp) -> Result<bool> {
        writing!(self, lift((run, i64::from(step), micros(now))))
    }

    /// Those that are not recorded as gone, the first to end first.
    pub async fn standing_blocks(&self) -> Result<Vec<StandingBlock>> {
        reading!(self, standing())?.into_iter().map(stored).collect()
    }
}

/// run, step, engine, network, blocker, `until_at`.
type Columns = (String, i64, String, String, String, i64);

fn stored((run, step, engine, network, blocker, until): Columns) -> Result<StandingBlock> {
    let broken = |what: &str| StoreError::Decode { table: TABLE, what: what.to_owned() };
    Ok(StandingBlock {
        run: run_id(TABLE, &run)?,
        step: unsigned(TABLE, step)?,
        engine,
        block: Block {
            network: network.parse::<Network>().map_err(broken)?,
            by: Blocker::try_from(blocker).map_err(broken)?,
            until: timestamp(TABLE, until)?,
        },
    })
}

per_driver! {
    pub(super) async fn begin(connection: &mut Connection, begun: &StandingBlock) -> Result<Columns> {
        sqlx::query(
            "INSERT INTO block (run, step, engine, network, blocker, until_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (run, step) DO UPDATE SET lifted_at = NULL",
        )
        .bind(begun.run.to_string())
        .bind(i64::from(begun.step))
        .bind(&begun.engine)
        .bind(begun.block.network.to_string())
        .bind(begun.block.by.as_str())
        .bind(micros(begun.block.until))
        .execute(&mut *connection)
        .await?;
        let row = sqlx::query_as(
            "SELECT run, step, engine, network, blocker, until_at FROM block WHERE run = $1 AND step = $2",
        )
        .bind(begun.run.to_string())
        .bind(i64::from(begun.step))
        .fetch_one(connection)
        .await?;
        Ok(row)
    }

    pub(super) async fn lift(connection: &mut Connection, (run, step, at): &(RunId, i64, i64)) -> Result<bool> {
        let lifted = sqlx::query(
            "UPDATE block SET lifted_at = $3 WHERE run = $1 AND step = $2 AND lifted_at IS NULL",
        )
        .bind(run.to_string())
        .bind(step)
        .bind(at)
        .execute(connection)
        .await?;
        Ok(lifted.rows_affected() == 1)
    }

    pub(super) async fn standing(connection: &mut Connection) -> Result<Vec<Columns>> {
        let rows = sqlx::query_as(
            "SELECT run, step, engine, network, blocker, until_at FROM block WHERE lifted_at IS NULL \
             ORDER BY until_at, run, step",
        )
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }
}
