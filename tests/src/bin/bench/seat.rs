//! A platform with one bot on it, asked the same trivial command in the same way whichever bot it is.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use e2e::discord::{self, CHANNEL, DiscordServer, Route};
use e2e::people::{CY, CY_DISCORD};
use e2e::slack::{self, SlackServer};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Commands asked and not yet answered.
const IN_FLIGHT: usize = 50;
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// One platform's server with one bot connected.
#[derive(Clone)]
pub enum Seat {
    Slack(SlackServer),
    Discord(DiscordServer),
}

impl Seat {
    /// Somebody types `help`, in a channel of its own on Slack, where a channel takes a post a second. How
    /// long the acknowledgement took.
    async fn ask(&self, number: usize) -> anyhow::Result<Duration> {
        match self {
            Self::Slack(server) => match server.slash(CY, &format!("C{number:09}"), "help").await {
                slack::AckOutcome::Acknowledged(latency) => Ok(latency),
                lost => bail!("Slack's command {number}: {lost:?}"),
            },
            Self::Discord(server) => match server.slash(CY_DISCORD, CHANNEL, &["help"], &[]).await {
                discord::AckOutcome::Acknowledged { latency, .. } => Ok(latency),
                lost => bail!("Discord's command {number}: {lost:?}"),
            },
        }
    }

    /// How many answers the bot gave so far.
    fn answers(&self) -> usize {
        match self {
            Self::Slack(server) => server.calls("chat.postMessage") + server.calls("response_url"),
            Self::Discord(server) => server.calls(Route::Original),
        }
    }

    /// One command, and the wait for its answer, so that the next measure starts from rest.
    pub async fn one(&self, number: usize) -> anyhow::Result<Duration> {
        let before = self.answers();
        let latency = self.ask(number).await?;
        let started = Instant::now();
        while self.answers() == before {
            ensure!(started.elapsed() < PATIENCE, "command {number} is not answered");
            sleep(LOOK_EVERY).await;
        }
        Ok(latency)
    }

    /// As many commands as `numbers`, fifty in flight; how long until the last is answered.
    pub async fn many(&self, numbers: std::ops::Range<usize>) -> anyhow::Result<Duration> {
        let (before, wanted) = (self.answers(), numbers.len());
        let mut numbers = numbers.into_iter();
        let mut asks = JoinSet::new();
        let started = Instant::now();
        loop {
            let answered = self.answers() - before;
            if answered == wanted {
                break;
            }
            ensure!(started.elapsed() < PATIENCE, "{answered} of {wanted} commands are answered");
            let asked = wanted - numbers.len();
            for number in numbers.by_ref().take(IN_FLIGHT - (asked - answered)) {
                let seat = self.clone();
                asks.spawn(async move { seat.ask(number).await });
            }
            sleep(LOOK_EVERY).await;
        }
        let took = started.elapsed();
        while let Some(asked) = asks.join_next().await {
            asked??;
        }
        Ok(took)
    }

    /// A bot that breaks the platform's rules is not measured.
    pub fn assert_obeyed(&self) -> anyhow::Result<()> {
        let broken = match self {
            Self::Slack(server) => server.violations().first().map(|found| format!("{found:?}")),
            Self::Discord(server) => server.violations().first().map(|found| format!("{found:?}")),
        };
        match broken {
            Some(found) => bail!("a rule of the platform was broken: {found}"),
            None => Ok(()),
        }
    }
}
