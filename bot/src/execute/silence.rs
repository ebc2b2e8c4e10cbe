//! Silences of announced work: our own records and posts, which take no vote.

use commands::silence::{NewSilence, SilenceId};

use crate::app::App;
use crate::health::DEADLINE;
use crate::report;

/// Makes a silence, or finds the one that an earlier try has made: each has a comment of its own. Why there is none
/// otherwise.
pub async fn make(app: &App, silence: &NewSilence) -> Result<SilenceId, String> {
    let alertmanager = app.executors.alertmanager.as_ref().ok_or_else(report::no_alertmanager)?;
    let known = alertmanager.silences_with(&silence.comment, DEADLINE).await;
    if let Some(known) = known.map_err(|error| error.to_string())?.into_iter().next() {
        return Ok(known.id);
    }
    match exec_prometheus::act::silence(alertmanager, silence, DEADLINE).await {
        Ok(id) => Ok(id),
        // It may have been made all the same.
        Err(error) => match alertmanager.silences_with(&silence.comment, DEADLINE).await {
            Ok(known) => known.into_iter().next().map(|known| known.id).ok_or_else(|| error.to_string()),
            Err(_) => Err(error.to_string()),
        },
    }
}

/// Ends exactly that one; `false` where there is none of that name any more.
pub async fn end(app: &App, id: &SilenceId) -> Result<bool, String> {
    let alertmanager = app.executors.alertmanager.as_ref().ok_or_else(report::no_alertmanager)?;
    exec_prometheus::act::expire(alertmanager, id, DEADLINE).await.map_err(|error| error.to_string())
}
