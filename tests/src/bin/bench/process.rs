//! A bot as a child process, and what the kernel counts for it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::machine::field;

/// The kernel counts processor time for user programs in hundredths of a second on every Linux.
const TICK: Duration = Duration::from_millis(10);
/// Between two readings that are to be equal.
const APART: Duration = Duration::from_millis(150);
/// Equal readings in a row after which nothing more is under way.
const EQUAL: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(30);

/// A running bot. Killed when dropped.
pub struct Process {
    child: Child,
    pid: u32,
}

impl Process {
    /// Starts it; its standard streams go nowhere unless `command` says otherwise.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).kill_on_drop(true).spawn();
        let child = child.with_context(|| format!("{command:?}"))?;
        let pid = child.id().context("the bot ended at once")?;
        Ok(Self { child, pid })
    }

    /// `kill -9`.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Processor time of all its threads since it was started, once it has no more to do.
    pub async fn processor_time(&self) -> anyhow::Result<Duration> {
        self.settled(|| {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
            // The name before the parenthesis may hold anything; utime and stime are fields 14 and 15.
            let (_, fields) = stat.rsplit_once(')').context("a stat without a name")?;
            let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
            Ok(TICK * ticks.sum::<Result<u32, _>>()?)
        })
        .await
    }

    /// Bytes of resident memory, once it has no more to do.
    pub async fn resident(&self) -> anyhow::Result<f64> {
        self.settled(|| self.memory("VmRSS")).await
    }

    /// Bytes of it that belong to no file: heap and stacks.
    pub fn anonymous(&self) -> anyhow::Result<f64> {
        self.memory("RssAnon")
    }

    fn memory(&self, name: &str) -> anyhow::Result<f64> {
        let value = field(&format!("/proc/{}/status", self.pid), name).context("the bot ended")?;
        let kibibytes: f64 = value.trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024.0)
    }

    /// Reads until a few readings in a row are the same.
    async fn settled<T: PartialEq>(&self, read: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let started = Instant::now();
        let (mut last, mut equal) = (read()?, 1);
        while equal < EQUAL {
            ensure!(started.elapsed() < PATIENCE, "process {} does not settle", self.pid);
            sleep(APART).await;
            let next = read()?;
            equal = if next == last { equal + 1 } else { 1 };
            last = next;
        }
        Ok(last)
    }
}
