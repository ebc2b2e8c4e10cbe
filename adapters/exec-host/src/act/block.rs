//! Addresses shut out by the machine's firewall, and let in again. The rules are lost when the machine starts
//! anew, as all rules are that nobody saves.

use std::time::Duration;

use commands::block::{Block, Chain, Network, Placed};

use crate::HostError;
use crate::blocks::{Firewall, NOT_THERE, complaint, firewall, rule};

/// More of the same rule in one chain is not taken away at once.
const MOST_ALIKE: usize = 16;

/// Puts the block's rule at the top of both chains, within `deadline` for each call; `own` are networks that
/// must not be shut out. A rule that is there already is left where it is, so it may be done twice. After an
/// error no rule is there that was not there before, as far as the firewall lets the bot take it away.
pub async fn block(
    with: &Firewall,
    block: &Block,
    own: &[Network],
    deadline: Duration,
) -> Result<Vec<(Chain, Placed)>, HostError> {
    if let Err(why) = block.network.may_be_blocked(own) {
        return Err(HostError::Refused { path: block.network.to_string(), why: why.to_string() });
    }
    let program = with.of(block.network);
    let mut placed = Vec::new();
    for chain in Chain::ALL {
        match place(program, chain, block, deadline).await {
            Ok(done) => placed.push((chain, done)),
            Err(error) => {
                for (chain, _) in placed.iter().filter(|(_, done)| *done == Placed::Inserted) {
                    // The first error is the one to tell; the list of rules shows what is left.
                    let _ = remove(program, *chain, block, deadline).await;
                }
                return Err(error);
            }
        }
    }
    Ok(placed)
}

/// Takes the very rules of a block out of both chains, within `deadline` for each call. Returns how many those
/// were.
pub async fn unblock(with: &Firewall, block: &Block, deadline: Duration) -> Result<usize, HostError> {
    let program = with.of(block.network);
    let mut removed = 0;
    for chain in Chain::ALL {
        removed += remove(program, chain, block, deadline).await?;
    }
    Ok(removed)
}

async fn place(program: &str, chain: Chain, block: &Block, deadline: Duration) -> Result<Placed, HostError> {
    if firewall(program, &["-S", chain.as_str()], deadline).await?.code == Some(NOT_THERE) {
        return Ok(Placed::NoChain);
    }
    if is_there(program, chain, block, deadline).await? {
        return Ok(Placed::WasThere);
    }
    let rule = rule(block);
    let mut arguments = vec!["-I", chain.as_str(), "1"];
    arguments.extend(rule.iter().map(String::as_str));
    let ended = firewall(program, &arguments, deadline).await?;
    if ended.code == Some(0) && is_there(program, chain, block, deadline).await? {
        Ok(Placed::Inserted)
    } else {
        Err(complaint(program, &ended))
    }
}

async fn is_there(program: &str, chain: Chain, block: &Block, deadline: Duration) -> Result<bool, HostError> {
    let rule = rule(block);
    let mut arguments = vec!["-C", chain.as_str()];
    arguments.extend(rule.iter().map(String::as_str));
    Ok(firewall(program, &arguments, deadline).await?.code == Some(0))
}

async fn remove(program: &str, chain: Chain, block: &Block, deadline: Duration) -> Result<usize, HostError> {
    let rule = rule(block);
    let mut arguments = vec!["-D", chain.as_str()];
    arguments.extend(rule.iter().map(String::as_str));
    for removed in 0..MOST_ALIKE {
        if !is_there(program, chain, block, deadline).await? {
            return Ok(removed);
        }
        let ended = firewall(program, &arguments, deadline).await?;
        if ended.code != Some(0) {
            return Err(complaint(program, &ended));
        }
    }
    Ok(MOST_ALIKE)
}
