//! Addresses shut out are kept until they are let in again.

use commands::block::{Block, Blocker};

use super::*;
use crate::StandingBlock;

fn block(run: u64, network: &str, until: i64) -> StandingBlock {
    StandingBlock {
        run: RunId::from_random(run),
        step: 0,
        engine: "ABCD:'--".to_owned(),
        block: Block::new(network.parse().unwrap(), Blocker::named("Dee"), at(until)),
    }
}

on_both! {
    async fn a_block_is_recorded_once_and_stands_until_it_is_lifted(ground: &Ground) {
        let store = ground.store().await;
        let first = store.begin_block(block(1, "203.0.113.7", 100)).await.unwrap();
        assert_eq!(first, block(1, "203.0.113.7", 100));
        // The same step again, later: its end is the one that it had first.
        assert_eq!(store.begin_block(block(1, "203.0.113.7", 500)).await.unwrap(), first);
        store.begin_block(block(2, "2001:db8::/48", 50)).await.unwrap();
        let standing = store.standing_blocks().await.unwrap();
        assert_eq!(standing, [block(2, "2001:db8::/48", 50), first.clone()]);
        store.close().await;
        let store = ground.store().await;
        assert!(store.lift_block(RunId::from_random(2), 0, at(51)).await.unwrap());
        assert!(!store.lift_block(RunId::from_random(2), 0, at(52)).await.unwrap());
        assert_eq!(store.standing_blocks().await.unwrap(), [first]);
        // One that was given up is begun anew by the same step.
        store.begin_block(block(2, "2001:db8::/48", 50)).await.unwrap();
        assert_eq!(store.standing_blocks().await.unwrap().len(), 2);
        store.close().await;
    }
}
