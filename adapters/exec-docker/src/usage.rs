//! What the running containers use.

use std::time::Duration;

use bollard::models::{
    ContainerBlkioStats, ContainerCpuStats, ContainerInspectResponse, ContainerMemoryStats,
    ContainerStatsResponse, ContainerSummary,
};
use bollard::query_parameters::StatsOptionsBuilder;
use commands::containers::{Measured, Usage};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use tokio::time::timeout_at;

use crate::{Docker, DockerError, SERVICE_LABEL, Target};

impl Docker {
    /// What each running container of the project uses, asked all at once: the Engine takes a second or
    /// two for each, because a share of CPU needs two looks. One that can't be read hides no other.
    pub async fn usage(&self, deadline: Duration) -> Result<Vec<Measured>, DockerError> {
        let by = tokio::time::Instant::now() + deadline;
        let client = &self.endpoint.client()?;
        let summaries = timeout_at(by, self.summaries(client)).await.map_err(|_| self.timed_out())??;
        let running = summaries.into_iter().filter(is_running);
        let measured = join_all(running.map(|summary| async move {
            let id = summary.id.clone().unwrap_or_default();
            let usage =
                timeout_at(by, self.usage_of(client, &id)).await.unwrap_or_else(|_| Err(self.timed_out()));
            let name = summary.names.and_then(|names| names.into_iter().next()).unwrap_or(id);
            Measured {
                service: summary.labels.and_then(|mut labels| labels.remove(SERVICE_LABEL)),
                container: name.trim_start_matches('/').to_owned(),
                usage: usage.map_err(|error| error.to_string()),
            }
        }));
        Ok(measured.await)
    }

    async fn usage_of(&self, client: &bollard::Docker, id: &str) -> Result<Usage, DockerError> {
        let options = StatsOptionsBuilder::new().stream(false).build();
        let mut answers = Box::pin(client.stats(id, Some(options)));
        let target = Target::Id(id.to_owned());
        let (stats, inspected) = tokio::join!(answers.next(), self.inspect_whole(client, &target));
        let stats = stats.ok_or_else(|| crate::container::missing("statistics"))?;
        let stats = stats.map_err(|error| self.endpoint.error(error))?;
        Ok(from_engine(&stats, inspected?.as_ref()))
    }
}

/// A paused one keeps its memory.
fn is_running(summary: &ContainerSummary) -> bool {
    let state = summary.state.as_ref().map(ToString::to_string).unwrap_or_default();
    matches!(state.as_str(), "running" | "paused")
}

/// As `docker stats` computes it: <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerStats>.
pub fn from_engine(stats: &ContainerStatsResponse, inspected: Option<&ContainerInspectResponse>) -> Usage {
    let memory = stats.memory_stats.as_ref();
    Usage {
        cpu_percent: cpu_percent(stats.precpu_stats.as_ref(), stats.cpu_stats.as_ref()),
        cpu_limit: cpu_limit(inspected).or_else(|| stats.cpu_stats.as_ref().and_then(cores)),
        memory: memory.and_then(without_cache),
        memory_limit: memory.and_then(|memory| memory.limit),
        network: stats.networks.as_ref().map(|networks| {
            networks.values().fold((0, 0), |(received, sent), one| {
                (received + one.rx_bytes.unwrap_or(0), sent + one.tx_bytes.unwrap_or(0))
            })
        }),
        disk: stats.blkio_stats.as_ref().and_then(transferred),
        processes: stats.pids_stats.as_ref().and_then(|processes| processes.current),
    }
}

#[expect(clippy::cast_precision_loss, reason = "shares of nanoseconds")]
fn cpu_percent(before: Option<&ContainerCpuStats>, after: Option<&ContainerCpuStats>) -> Option<f64> {
    let (before, after) = (before?, after?);
    let used = |stats: &ContainerCpuStats| stats.cpu_usage.as_ref()?.total_usage;
    let used = used(after)?.saturating_sub(used(before)?);
    let system =
        after.system_cpu_usage?.checked_sub(before.system_cpu_usage?).filter(|passed| *passed > 0)?;
    Some(used as f64 / system as f64 * cores(after)? * 100.0)
}

#[expect(clippy::cast_precision_loss, reason = "a number of processors")]
fn cores(stats: &ContainerCpuStats) -> Option<f64> {
    let listed = || Some(stats.cpu_usage.as_ref()?.percpu_usage.as_ref()?.len() as f64);
    stats.online_cpus.filter(|cores| *cores > 0).map(f64::from).or_else(listed)
}

#[expect(clippy::cast_precision_loss, reason = "shares of nanoseconds")]
fn cpu_limit(inspected: Option<&ContainerInspectResponse>) -> Option<f64> {
    let config = inspected?.host_config.as_ref()?;
    let given = |value: Option<i64>| value.filter(|value| *value > 0).map(|value| value as f64);
    let by_quota = || Some(given(config.cpu_quota)? / given(config.cpu_period).unwrap_or(100_000.0));
    given(config.nano_cpus).map(|nano| nano / 1e9).or_else(by_quota)
}

/// The name of what can be dropped differs between cgroup versions 1 and 2.
fn without_cache(memory: &ContainerMemoryStats) -> Option<u64> {
    let used = memory.usage?;
    let cache = memory
        .stats
        .as_ref()
        .and_then(|stats| stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")).copied());
    Some(cache.filter(|cache| *cache < used).map_or(used, |cache| used - cache))
}

fn transferred(stats: &ContainerBlkioStats) -> Option<(u64, u64)> {
    let all = stats.io_service_bytes_recursive.as_ref()?;
    let of = |first: char| {
        let is = |op: &Option<String>| op.as_ref().is_some_and(|op| op.to_lowercase().starts_with(first));
        all.iter().filter(|one| is(&one.op)).map(|one| one.value.unwrap_or(0)).sum::<u64>()
    };
    Some((of('r'), of('w')))
}
