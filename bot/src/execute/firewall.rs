//! Addresses are let in again when their time is over, as was approved when they were shut out.

use commands::block::Block;
use exec_host::act::block::unblock;

use crate::app::App;
use crate::firewall::{CALL, programs};
use crate::report::plan as say;

/// Takes the rules of a block away. Returns how many there were.
pub async fn lift(app: &App, block: &Block) -> Result<usize, String> {
    let config = app.config.firewall.as_ref().ok_or_else(|| say::part_missing("firewall"))?;
    unblock(&programs(config), block, CALL).await.map_err(|error| error.to_string())
}
