//! What a service's container wrote.

use std::time::Duration;

use commands::health::Container;
use commands::ids::ServiceName;
use commands::logs::{Log, Sieve, Sieved, Wanted};
use commands::redact::Redactor;
use jiff::Timestamp;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::Answer;
use crate::frames::Frames;
use crate::{Docker, DockerError, Target};

/// Lines looked through by one search, the newest.
const SEARCHED: u32 = 100_000;

/// Bytes read of one log at a time.
const BUDGET: usize = 64 << 20;

/// A log comes oldest first, so one that is too much to read is asked for again with fewer lines:
/// the newest are the ones that matter.
const FEWER: u32 = 10;

/// Tries to read a log to its end.
const TRIES: u32 = 3;

/// What to read, and how.
struct Asked<'a> {
    container: &'a Container,
    terminal: bool,
    wanted: &'a Wanted,
    redactor: &'a Redactor,
}

/// One reading of a log.
struct Reading {
    sieved: Sieved,
    entries: u64,
    broke_off: bool,
}

impl Docker {
    /// The log of a service's container (as [`Docker::containers`] finds it), `None` where there is no
    /// such container. It takes `deadline` at most, also where the log never ends; memory stays the
    /// same however long the log and its lines are.
    pub async fn log(
        &self,
        of: &(ServiceName, Option<String>),
        wanted: &Wanted,
        redactor: &Redactor,
        deadline: Duration,
    ) -> Result<Option<Log>, DockerError> {
        let by = Instant::now() + deadline;
        let Some(container) = self.container(of, deadline).await? else { return Ok(None) };
        self.log_of(container, wanted, redactor, by).await.map(Some)
    }

    /// The log of a container that is known, read until `by` at most.
    pub(crate) async fn log_of(
        &self,
        container: Container,
        wanted: &Wanted,
        redactor: &Redactor,
        by: Instant,
    ) -> Result<Log, DockerError> {
        let terminal =
            timeout_at(by, self.has_terminal(&container)).await.map_err(|_| self.timed_out())??;
        let asked = Asked { container: &container, terminal, wanted, redactor };
        let oldest = self.oldest(&asked, by.saturating_duration_since(Instant::now()) / 3);
        let newest = self.newest(&asked, by);
        let (oldest, newest) = tokio::join!(oldest, newest);
        let (reading, tail) = newest?;
        Ok(Log {
            reaches_back_to: oldest?,
            newest_only: (wanted.is_search() && reading.entries >= u64::from(tail)).then_some(tail),
            broke_off: reading.broke_off,
            sieved: reading.sieved,
            started_at: container.started_at,
            container: container.name,
        })
    }

    pub(crate) async fn container(
        &self,
        of: &(ServiceName, Option<String>),
        deadline: Duration,
    ) -> Result<Option<Container>, DockerError> {
        self.containers(std::slice::from_ref(of), deadline).await?.remove(&of.0).unwrap_or(Ok(None))
    }

    async fn has_terminal(&self, container: &Container) -> Result<bool, DockerError> {
        let client = self.endpoint.client()?;
        let answer = self.inspect_whole(&client, &Target::Id(container.id.clone())).await?;
        Ok(answer.and_then(|answer| answer.config?.tty).unwrap_or(false))
    }

    /// When the log begins. Nothing in time is no fault of the rest.
    async fn oldest(&self, asked: &Asked<'_>, patience: Duration) -> Result<Option<Timestamp>, DockerError> {
        let first = async {
            let mut stream = Answer::get(&self.endpoint, &path(asked.container, "all", None)).await?;
            let mut frames = Frames::new(asked.terminal);
            let mut first = None;
            while let Some(piece) = stream.next(&self.endpoint).await? {
                // Bytes enough for a time, not for a line of any length.
                frames.feed(&piece, &mut |line| first = first.or(line.at))?;
                if first.is_some() {
                    return Ok(first);
                }
            }
            frames.finish(&mut |line| first = first.or(line.at));
            Ok(first)
        };
        timeout(patience, first).await.unwrap_or(Ok(None))
    }

    /// What is wanted, and how many of the newest lines were read for it.
    async fn newest(&self, asked: &Asked<'_>, by: Instant) -> Result<(Reading, u32), DockerError> {
        let wanted = asked.wanted;
        let mut tail = if wanted.is_search() { SEARCHED } else { u32::from(wanted.tail) };
        for tries_left in (1..=TRIES).rev() {
            let patience = by.saturating_duration_since(Instant::now()) / tries_left;
            let reading = self.read(asked, tail, patience).await?;
            if !reading.broke_off || tries_left == 1 || tail == 1 {
                return Ok((reading, tail));
            }
            tail = (tail / FEWER).max(1);
        }
        Err(self.timed_out())
    }

    async fn read(&self, asked: &Asked<'_>, tail: u32, patience: Duration) -> Result<Reading, DockerError> {
        let mut sieve = Sieve::new(asked.wanted, asked.redactor);
        let mut frames = Frames::new(asked.terminal);
        let mut each = |line| sieve.take(line);
        let mut bytes = 0;
        let reading = async {
            let path = path(asked.container, &tail.to_string(), asked.wanted.since);
            let mut stream = Answer::get(&self.endpoint, &path).await?;
            while let Some(piece) = stream.next(&self.endpoint).await? {
                bytes += piece.len();
                frames.feed(&piece, &mut each)?;
                if bytes > BUDGET {
                    return Ok(true);
                }
            }
            Ok::<_, DockerError>(false)
        };
        let broke_off = match timeout(patience, reading).await {
            Ok(read) => read?,
            // Nothing at all is an Engine that does not answer.
            Err(_) if bytes == 0 => return Err(self.timed_out()),
            Err(_) => true,
        };
        let entries = frames.entries();
        frames.finish(&mut each);
        Ok(Reading { sieved: sieve.finish(), entries, broke_off })
    }
}

/// `container` is the Engine's own id, hex digits.
fn path(container: &Container, tail: &str, since: Option<Timestamp>) -> String {
    let since = since.map_or_else(String::new, |since| {
        format!("&since={}.{:09}", since.as_second(), since.subsec_nanosecond().max(0))
    });
    format!("/containers/{}/logs?stdout=1&stderr=1&timestamps=1&tail={tail}{since}", container.id)
}
