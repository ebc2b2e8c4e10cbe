//! `security block` and `security unblock`.

use commands::block::{Block, Network, PlacedBlock};
use commands::period::Period;
use commands::plan::{Act, Step, Target};

use super::{Draft, NoPlan};
use crate::app::App;
use crate::firewall;
use crate::report;
use crate::report::plan as say;

/// Eight short calls, each of which may wait for somebody else's.
const SECONDS: u32 = 60;

/// The rules of the bot that stand for exactly this network.
async fn standing(app: &App, network: Network) -> Result<Vec<PlacedBlock>, NoPlan> {
    let Some(config) = &app.config.firewall else {
        return Err(NoPlan::refused(report::not_configured("firewall")));
    };
    let all = exec_host::blocks(&firewall::programs(config), firewall::CALL).await;
    let all =
        all.map_err(|error| NoPlan::refused(report::unavailable("The firewall", &error.to_string())))?;
    Ok(all.into_iter().filter(|placed| placed.block.network == network).collect())
}

/// The machine whose firewall it is, by its Docker daemon.
pub(super) async fn engine(app: &App) -> Result<Option<String>, NoPlan> {
    let Some(docker) = &app.executors.docker else { return Ok(None) };
    let info = docker.info().await;
    let info = info.map_err(|error| NoPlan::refused(report::unavailable("Docker", &error.to_string())))?;
    Ok(Some(info.daemon_id))
}

pub(super) async fn block(app: &App, network: Network, length: Period) -> Result<Draft, NoPlan> {
    let standing = standing(app, network).await?;
    let own = firewall::own(app);
    let own = own.map_err(|error| NoPlan::refused(report::unavailable("The machine", &error.to_string())))?;
    if let Err(why) = network.may_be_blocked(&own) {
        return Err(NoPlan::refused(say::not_blocked(network, why)));
    }
    if let Some(placed) = standing.first() {
        return Err(NoPlan::refused(say::blocked_already(&placed.block)));
    }
    Ok(Draft {
        engine: engine(app).await?,
        targets: vec![Target::Network { range: network.to_string() }],
        steps: vec![Step {
            act: Act::BlockNetwork { network, seconds: length.as_secs() },
            timeout_seconds: SECONDS,
        }],
        proves: Vec::new(),
        effect: say::block_effect(network, length),
        forecast: Vec::new(),
        undo: say::block_undo(network),
    })
}

pub(super) async fn unblock(app: &App, network: Network) -> Result<Draft, NoPlan> {
    let standing = standing(app, network).await?;
    let mut blocks: Vec<Block> = standing.into_iter().map(|placed| placed.block).collect();
    blocks.sort_by_key(|block| block.comment());
    blocks.dedup();
    if blocks.is_empty() {
        return Err(NoPlan::refused(say::nobody_blocked(network)));
    }
    Ok(Draft {
        engine: engine(app).await?,
        targets: vec![Target::Network { range: network.to_string() }],
        effect: say::unblock_effect(network, &blocks),
        steps: vec![Step { act: Act::UnblockNetwork { blocks }, timeout_seconds: SECONDS }],
        proves: Vec::new(),
        forecast: Vec::new(),
        undo: say::unblock_undo(network),
    })
}
