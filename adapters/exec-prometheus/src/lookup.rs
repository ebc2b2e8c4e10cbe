//! The operators' own questions: one expression of the configuration, never of a chat.

use std::collections::BTreeSet;
use std::time::Duration;

use commands::lookup::LookedUp;

use crate::endpoint::shortened;
use crate::error::PrometheusError;
use crate::prometheus::Prometheus;
use crate::query::instant;

/// More rows are no answer to read in a channel.
const ROWS: usize = 50;

impl Prometheus {
    /// The series that `promql` gives now, a column for each of their labels and one for the value, within
    /// `deadline`. No series is no row.
    pub async fn look_up(&self, promql: &str, deadline: Duration) -> Result<LookedUp, PrometheusError> {
        let mut answered = self.endpoint.within(deadline, instant(&self.endpoint, promql)).await?;
        let cut = answered.samples.len() > ROWS;
        answered.samples.truncate(ROWS);
        let labels: BTreeSet<String> =
            answered.samples.iter().flat_map(|sample| sample.labels.keys().cloned()).collect();
        let row = |sample: &crate::query::Sample| {
            let cells = labels.iter().map(|label| sample.labels.get(label).map(|value| shortened(value)));
            cells.chain([Some(number(sample.value))]).collect()
        };
        let rows: Vec<Vec<Option<String>>> = answered.samples.iter().map(row).collect();
        let columns = if rows.is_empty() {
            Vec::new()
        } else {
            labels.iter().map(|label| shortened(label)).chain(["value".to_owned()]).collect()
        };
        Ok(LookedUp { columns, rows, cut, warnings: answered.warnings })
    }
}

/// NaN is what there is when nothing was there to measure.
fn number(value: f64) -> String {
    if value.is_nan() {
        return "no traffic".to_owned();
    }
    // As many digits as tell something, and whole numbers as they are.
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.4}") }
}
