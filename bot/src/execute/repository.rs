//! The one call for a plan's facts that writes: the remote's newest commits are fetched. Nothing that is checked out
//! or runs is another one afterwards, and doing it twice does no harm.

use std::path::Path;
use std::time::Duration;

/// A remote may be far away.
const FETCH: Duration = Duration::from_secs(20);

/// Asks the remote what there is; why that is not known otherwise.
pub async fn fetch(repository: &Path) -> Result<(), String> {
    exec_host::act::git::fetch(repository, FETCH).await.map_err(|error| error.to_string())
}
