//! What is worth keeping of a container before it is touched.

use std::time::Duration;

use commands::escape::clean;
use commands::logs::Wanted;
use commands::redact::Redactor;
use commands::workload::{CheckRun, ContainerId, FlightRecord};
use serde_json::Value;
use tokio::time::Instant;

use crate::targets::{text, time};
use crate::{Docker, DockerError, container};

/// Characters kept of what one run of a health check said.
const SAID: usize = 500;

impl Docker {
    /// State, health checks and the last `lines` lines of a container, all within `deadline`; `None` when it is
    /// not there. What the Engine tells of it is not lost to a log that can't be read.
    pub async fn record(
        &self,
        id: &ContainerId,
        lines: u16,
        redactor: &Redactor,
        deadline: Duration,
    ) -> Result<Option<FlightRecord>, DockerError> {
        let by = Instant::now() + deadline;
        let Some(inspected) = self.inspected(id.as_str(), deadline).await? else { return Ok(None) };
        let known = serde_json::from_value(inspected.clone())
            .map_err(|error| DockerError::BadAnswer(format!("a container: {error}")))?;
        let container = container::from_engine(known)?;
        let wanted = Wanted { tail: lines, since: None, grep: None, level: None, subject: None };
        let log = self.log_of(container.clone(), &wanted, redactor, by).await.ok();
        let state = &inspected["State"];
        let checks = state["Health"]["Log"].as_array().into_iter().flatten();
        Ok(Some(FlightRecord {
            error: text(&state["Error"]).map(|error| redactor.text(&clean(&error))),
            finished_at: time(&state["FinishedAt"]),
            checks: checks.map(|check| check_run(check, redactor)).collect(),
            container,
            log,
        }))
    }
}

fn check_run(check: &Value, redactor: &Redactor) -> CheckRun {
    let said = redactor.text(&clean(check["Output"].as_str().unwrap_or_default().trim()));
    CheckRun {
        at: time(&check["Start"]),
        exit_code: check["ExitCode"].as_i64().unwrap_or(-1),
        output: said.chars().take(SAID).collect(),
    }
}
