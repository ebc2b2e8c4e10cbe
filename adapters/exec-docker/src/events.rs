//! What happened to a container within a short time. The Engine remembers its last 256 events of all
//! containers, and every run of a health check makes three: who asks seldom finds nothing.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use commands::containers::{ContainerEvent, Happened};
use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use tokio::time::timeout;

use crate::{Docker, DockerError};

/// One that comes and goes all the time is understood long before.
const MOST: usize = 50;
/// Those that say why a container went, came back or is not well.
const WANTED: [&str; 9] =
    ["die", "oom", "kill", "stop", "start", "pause", "unpause", "destroy", "health_status"];

impl Docker {
    /// What happened to the container called `name` from `since` to `until` by the Engine's clock, the oldest
    /// first.
    pub async fn happened(
        &self,
        name: &str,
        (since, until): (Timestamp, Timestamp),
        deadline: Duration,
    ) -> Result<Vec<ContainerEvent>, DockerError> {
        timeout(deadline, self.ask_events(name, since, until)).await.map_err(|_| self.timed_out())?
    }

    async fn ask_events(
        &self,
        name: &str,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<ContainerEvent>, DockerError> {
        let filters = HashMap::from([
            ("type", vec!["container"]),
            ("container", vec![name]),
            ("event", WANTED.to_vec()),
        ]);
        let options =
            EventsOptionsBuilder::new().since(&moment(since)).until(&moment(until)).filters(&filters).build();
        let client = self.endpoint.client()?;
        let events = client.events(Some(options)).take(MOST).try_collect::<Vec<EventMessage>>().await;
        let events = events.map_err(|error| self.endpoint.error(error))?;
        Ok(events.into_iter().filter_map(event).collect())
    }
}

/// Seconds and nanoseconds, as the Engine takes them.
fn moment(at: Timestamp) -> String {
    format!("{}.{:09}", at.as_second(), at.subsec_nanosecond().max(0))
}

fn event(message: EventMessage) -> Option<ContainerEvent> {
    let at = Timestamp::from_nanosecond(i128::from(message.time_nano?)).ok()?;
    let attributes = message.actor.and_then(|actor| actor.attributes).unwrap_or_default();
    let number = |name: &str| attributes.get(name).and_then(|value| value.parse::<i64>().ok());
    let what = match message.action?.as_str() {
        "die" => Happened::Ended { exit_code: number("exitCode") },
        "oom" => Happened::OutOfMemory,
        "kill" => Happened::Signalled { signal: number("signal") },
        "stop" => Happened::Stopped,
        "start" => Happened::Started,
        "pause" => Happened::Paused,
        "unpause" => Happened::Unpaused,
        "destroy" => Happened::Removed,
        "health_status: healthy" => Happened::Healthy,
        "health_status: unhealthy" => Happened::Unhealthy,
        _ => return None,
    };
    Some(ContainerEvent { at, what })
}
