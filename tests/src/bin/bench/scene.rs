//! The bot with Slack and Discord connected, and a bare bot on another server of each.

use std::time::Duration;

use e2e::discord::{DiscordOptions, DiscordServer};
use e2e::slack::{SlackOptions, SlackServer};
use tempfile::TempDir;
use url::Url;

use crate::acgs::{self, Ready};
use crate::process::Process;
use crate::seat::Seat;

const PATIENCE: Duration = Duration::from_secs(20);

/// Servers that hold bots to everything but the platforms' pace, which is not what is measured.
pub async fn servers() -> (SlackServer, DiscordServer) {
    let slack = SlackServer::start(SlackOptions { rate_limits: false, ..SlackOptions::default() }).await;
    let discord = DiscordOptions { rate_limits: false, identify_limit: false, ..DiscordOptions::default() };
    (slack, DiscordServer::start(discord).await)
}

/// Waits until people can type on both.
pub async fn connected(slack: &SlackServer, discord: &DiscordServer) {
    slack.wait_sockets(2, PATIENCE).await;
    discord.wait_ready(PATIENCE).await;
}

/// A bot on one platform.
pub struct Contestant {
    pub seat: Seat,
    pub process: Process,
}

/// Three processes: the bot on both platforms, and the two bare ones.
pub struct Scene {
    pub acgs: Process,
    pub slack: Seat,
    pub discord: Seat,
    pub bare_slack: Contestant,
    pub bare_discord: Contestant,
    _folder: TempDir,
}

impl Scene {
    /// Starts all three and waits until they are connected. The bot looks at services at `addresses`.
    pub async fn start(addresses: &[Url]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (slack, discord) = servers().await;
        let Ready { process, .. } = acgs::serve(folder.path(), &slack, &discord, addresses).await?;
        connected(&slack, &discord).await;
        let (other_slack, other_discord) = servers().await;
        let bare_slack = acgs::beside("bare-slack", &other_slack.api_url())?;
        let bare_discord = acgs::beside("bare-discord", &other_discord.api_url())?;
        connected(&other_slack, &other_discord).await;
        Ok(Self {
            acgs: process,
            slack: Seat::Slack(slack),
            discord: Seat::Discord(discord),
            bare_slack: Contestant { seat: Seat::Slack(other_slack), process: bare_slack },
            bare_discord: Contestant { seat: Seat::Discord(other_discord), process: bare_discord },
            _folder: folder,
        })
    }
}
