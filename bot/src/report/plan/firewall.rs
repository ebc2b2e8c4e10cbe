//! The words of plans about addresses.

use commands::block::{Block, BlockRefusal, Chain, Network, Placed};
use commands::card::Tone;
use commands::message::Reply;
use commands::period::Period;

use super::card::short_card;
use crate::report::health::clock_time;
use crate::report::public;

fn refusal(title: &str, text: String) -> Reply {
    public(short_card(title.to_owned(), Tone::Warning, text))
}

/// What shutting somebody out does.
#[must_use]
pub fn block_effect(network: Network, length: Period) -> String {
    format!(
        "Drops everything that comes from {network} for {length}, on the way to containers (DOCKER-USER) and to this \
         machine (INPUT). Behind a proxy everybody comes from the proxy's address: that one must not be shut out."
    )
}

/// How it is taken back.
#[must_use]
pub fn block_undo(network: Network) -> String {
    format!("security unblock {network}. It ends by itself too.")
}

/// What letting somebody in does.
#[must_use]
pub fn unblock_effect(network: Network, blocks: &[Block]) -> String {
    let each: Vec<String> = blocks
        .iter()
        .map(|block| format!("{} had shut it out until {}", block.by.as_str(), clock_time(block.until)))
        .collect();
    format!("Lets {network} in again: {}.", each.join("; "))
}

/// How it is taken back.
#[must_use]
pub fn unblock_undo(network: Network) -> String {
    format!("security block {network} and for how long.")
}

/// It must not be shut out.
#[must_use]
pub fn not_blocked(network: Network, why: BlockRefusal) -> Reply {
    refusal("Not shut out", format!("{network}: {why}. Own networks stand in [firewall] own_networks."))
}

/// It is.
#[must_use]
pub fn blocked_already(block: &Block) -> Reply {
    let text = format!(
        "{} has shut {} out until {}: security unblock {} first, to change that.",
        block.by.as_str(),
        block.network,
        clock_time(block.until),
        block.network
    );
    refusal("Shut out already", text)
}

/// It is not.
#[must_use]
pub fn nobody_blocked(network: Network) -> Reply {
    let text = format!(
        "The bot has no rule for exactly {network}: security blocks shows those that it has. Rules of other people are left alone."
    );
    refusal("Not shut out", text)
}

/// Where the rules stand.
#[must_use]
pub fn blocked(block: &Block, placed: &[(Chain, Placed)]) -> String {
    let each = placed.iter().map(|(chain, placed)| match placed {
        Placed::Inserted => format!("at the top of {}", chain.as_str()),
        Placed::WasThere => format!("in {} already", chain.as_str()),
        Placed::NoChain => format!("no chain {}: Docker has none for this protocol", chain.as_str()),
    });
    let each: Vec<String> = each.collect();
    let until = format!("until {}", clock_time(block.until));
    if each.is_empty() { until } else { format!("{until}; {}", each.join(", ")) }
}

/// None stands.
#[must_use]
pub fn no_rule() -> String {
    "no rule of this run stands".to_owned()
}

/// They are taken away.
#[must_use]
pub fn rules_gone(count: usize) -> String {
    format!("{count} rules taken away")
}
