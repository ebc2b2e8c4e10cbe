//! A bot between Slack, Discord and six services, for incidents on both platforms at once.

use std::time::Duration;

use serde_json::Value;

use crate::bot::{Bot, Setup};
use crate::discord::{self, DiscordOptions, DiscordServer};
use crate::people;
use crate::platform::Platform;
use crate::slack::{AckOutcome, Message, SlackOptions, SlackServer};

/// Slack's one incident channel.
pub const ROOM: &str = "C0INCIDENT";
/// An answer comes in this time.
pub const SOON: Duration = Duration::from_secs(15);

/// Both platforms, the services, and a bot between them.
pub struct Scene {
    /// Where most people are.
    pub slack: SlackServer,
    /// Where the others are.
    pub discord: DiscordServer,
    /// What incidents are about.
    pub platform: Platform,
    /// The real binary.
    pub bot: Bot,
}

impl Scene {
    /// Starts all of it. Nobody is called by any schedule.
    pub async fn start() -> Self {
        let slack = SlackServer::start(SlackOptions::default()).await;
        let discord = DiscordServer::start(DiscordOptions::default()).await;
        let platform = Platform::start().await;
        let setup = Setup::default()
            .slack(&slack, ROOM)
            .discord(&discord)
            .with(&people::toml())
            .with(&platform.toml());
        let bot = Bot::start(setup).await;
        slack.wait_sockets(2, SOON).await;
        discord.wait_ready(SOON).await;
        Self { slack, discord, platform, bot }
    }

    /// Somebody types a line in Slack's incident channel.
    ///
    /// # Panics
    /// When it is not acknowledged.
    pub async fn types(&self, user: &str, line: &str) {
        let ack = self.slack.slash(user, ROOM, line).await;
        assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{line:?}: {ack:?}");
    }

    /// Waits for a message on Slack with this text.
    pub async fn message(&self, text: &str) -> Message {
        self.slack.wait_message(|message| message.visible().contains(text), SOON).await
    }

    /// Waits for a message on Discord with this text.
    pub async fn on_discord(&self, text: &str) -> discord::Message {
        self.discord.wait_message(|message| message.visible().contains(text), SOON).await
    }

    /// What happened in an incident, an entry a line: who, and what.
    ///
    /// # Panics
    /// Where the terminal is told something else.
    pub async fn timeline(&self, number: u32) -> String {
        let told = self.bot.line(&["incident", "timeline", "--number", &number.to_string()], true).await;
        let reply: Value =
            serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told:?}"));
        let sections = reply.pointer("/card/sections").and_then(Value::as_array).into_iter().flatten();
        let rows = sections.filter_map(|section| section.pointer("/table/rows")?.as_array()).flatten();
        let entries = rows.map(|row| {
            let cells = row.as_array().into_iter().flatten().filter_map(Value::as_str).skip(1);
            cells.collect::<Vec<_>>().join(": ")
        });
        entries.collect::<Vec<_>>().join("\n")
    }
}
