//! Networks are shut out, and let in again.

use std::time::Duration;

use commands::block::{Block, Blocker, Network};
use commands::journal::StepOutcome;
use commands::plan::Plan;
use exec_host::act::block::block;
use store::StandingBlock;

use super::{Found, done, failed};
use crate::app::App;
use crate::clock;
use crate::execute::firewall::lift;
use crate::firewall::{CALL, own, programs};
use crate::report::plan as say;

/// Records the block and places its rules. What can't be placed is recorded as gone.
pub(super) async fn shut_out(
    app: &App,
    plan: &Plan,
    number: u32,
    (network, length): (Network, Duration),
) -> StepOutcome {
    let Some(config) = &app.config.firewall else { return failed(say::part_missing("firewall")) };
    let wanted = StandingBlock {
        run: plan.run,
        step: number,
        engine: plan.engine.clone().unwrap_or_default(),
        block: Block::new(network, Blocker::named(&plan.requester), clock::now() + length),
    };
    let begun = match app.store.begin_block(wanted).await {
        Ok(begun) => begun,
        Err(error) => return failed(error.to_string()),
    };
    let own = match own(app) {
        Ok(own) => own,
        Err(error) => return failed(error.to_string()),
    };
    match block(&programs(config), &begun.block, &own, CALL).await {
        Ok(placed) => done(say::blocked(&begun.block, &placed)),
        Err(error) => match lift(app, &begun.block).await {
            Ok(_) => {
                if let Err(error) = app.store.lift_block(plan.run, number, clock::now()).await {
                    // The keeper finds no rule at its end, and records that.
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a block is not recorded as gone"
                    );
                }
                failed(error.to_string())
            }
            Err(left) => StepOutcome::Unknown { found: say::both(&error, &left) },
        },
    }
}

/// Whether the rule of the block stands.
pub(super) async fn look_for(app: &App, plan: &Plan, number: u32) -> Found {
    let looked = async {
        let config = app.config.firewall.as_ref().ok_or_else(|| say::part_missing("firewall"))?;
        let recorded = app.store.standing_blocks().await.map_err(|error| error.to_string())?;
        let recorded = recorded.into_iter().find(|one| one.run == plan.run && one.step == number);
        let Some(recorded) = recorded else { return Ok(Found::NotDone(say::no_rule())) };
        let placed = exec_host::blocks(&programs(config), CALL).await.map_err(|error| error.to_string())?;
        // The last one that is placed.
        let stands = placed
            .iter()
            .any(|one| one.block == recorded.block && one.chain == commands::block::Chain::Input);
        Ok::<_, String>(if stands {
            Found::Done(say::blocked(&recorded.block, &[]))
        } else {
            Found::NotDone(say::no_rule())
        })
    };
    looked.await.unwrap_or_else(Found::Unclear)
}

/// Takes away the rules of these blocks, and records that they are gone.
pub(super) async fn let_in(app: &App, blocks: &[Block]) -> StepOutcome {
    let mut rules = 0;
    for one in blocks {
        match lift(app, one).await {
            Ok(removed) => rules += removed,
            Err(why) => return failed(why),
        }
    }
    let recorded = match app.store.standing_blocks().await {
        Ok(recorded) => recorded,
        Err(error) => return failed(error.to_string()),
    };
    for one in recorded.iter().filter(|one| blocks.contains(&one.block)) {
        if let Err(error) = app.store.lift_block(one.run, one.step, clock::now()).await {
            return failed(error.to_string());
        }
    }
    done(say::rules_gone(rules))
}
