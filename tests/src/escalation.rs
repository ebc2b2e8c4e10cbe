//! Incidents that call people: both platforms, six services, what wakes people, and a bot between them.

use std::time::Duration;

use bot::failpoint::Failpoint;

use crate::bot::{Bot, Setup};
use crate::discord::{DiscordOptions, DiscordServer};
use crate::people;
use crate::platform::Platform;
use crate::receiver::Receiver;
use crate::slack::{AckOutcome, Message, SlackOptions, SlackServer};

/// The incident channel on Slack; on Discord it is [`CHANNEL`](crate::discord::CHANNEL).
pub const ROOM: &str = "C0INCIDENT";
/// What Alertmanager shows.
pub const ALERTS_TOKEN: &str = "alerts-only-3f9c";
/// Longer than anything that comes at once.
pub const SOON: Duration = Duration::from_secs(15);
/// All of it.
pub struct Scene {
    /// Slack.
    pub slack: SlackServer,
    /// Discord.
    pub discord: DiscordServer,
    /// The six services.
    pub platform: Platform,
    /// What wakes people.
    pub hooks: Receiver,
    /// The bot.
    pub bot: Bot,
}

/// The table's order in seconds, so that a test sees all of it.
pub const SCHEDULE: &str = r#"
[[escalation]]
severity = "P0"
respond_within = "3s"
repage_every = "3s"
acknowledgement_holds = "6s"
status_every = "15m"
steps = [
    { after = "0m", tell = "on_call", how = "page" },
    { after = "0m", tell = "engineering_manager", how = "notify" },
    { after = "8s", tell = "devops_lead", how = "page" },
]
[[escalation]]
severity = "P1"
respond_within = "15m"
repage_every = "15m"
acknowledgement_holds = "60m"
status_every = "30m"
steps = [{ after = "0m", tell = "on_call", how = "page" }, { after = "30m", tell = "devops_lead", how = "page" }]
[[escalation]]
severity = "P2"
respond_within = "120m"
steps = [{ after = "0m", tell = "on_call", how = "notify" }]
"#;

fn people(hooks: &Receiver) -> String {
    let bo = "web = \"bo\"\n";
    let with_hook = format!("{bo}page_webhook_env = \"BO_PAGE\"\n");
    assert!(hooks.url("bo").starts_with("http://"));
    people::acting().replacen(bo, &with_hook, 1)
}

impl Scene {
    /// With everything as it should be.
    pub async fn start() -> Self {
        Self::with(None, SlackOptions::default()).await
    }

    /// With a bot that dies at a point, where one is named, and a Slack with these options.
    ///
    /// # Panics
    /// When the bot does not come up.
    pub async fn with(failpoint: Option<Failpoint>, options: SlackOptions) -> Self {
        let slack = SlackServer::start(options).await;
        let discord = DiscordServer::start(DiscordOptions::default()).await;
        let platform = Platform::start().await;
        let hooks = Receiver::start().await;
        let setup = Setup::default()
            .slack(&slack, ROOM)
            .discord(&discord)
            .with(&people(&hooks))
            .with(&platform.toml())
            .with(
                "[oncall]\non_call = [\"Bo\"]\ndevops_lead = [\"Eve\"]\nengineering_manager = [\"Ada\"]\n\
                 cto = [\"Ada\"]\nfallback_webhook_env = \"FALLBACK\"",
            )
            .with(SCHEDULE)
            .secret("BO_PAGE", &hooks.url("bo"))
            .with("[status_page]\nwebhook_env = \"STATUS\"\n[alertmanager]\nwebhook_token_env = \"ALERTS\"")
            .secret("FALLBACK", &hooks.url("fallback"))
            .bot("heartbeat_url_env = \"HEARTBEAT\"")
            .secret("HEARTBEAT", &hooks.url("heartbeat"))
            .secret("STATUS", &hooks.url("status"))
            .secret("ALERTS", ALERTS_TOKEN);
        let setup = match failpoint {
            Some(point) => setup.secret("ACGS_FAILPOINT", point.as_str()),
            None => setup,
        };
        let bot = Bot::start(setup).await;
        slack.wait_sockets(2, SOON).await;
        discord.wait_ready(SOON).await;
        Self { slack, discord, platform, hooks, bot }
    }

    /// Somebody types a line in Slack's incident channel.
    ///
    /// # Panics
    /// When the bot does not take it.
    pub async fn types(&self, user: &str, line: &str) {
        let ack = self.slack.slash(user, ROOM, line).await;
        assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{line:?}: {ack:?}");
    }

    /// The message that says this, on Slack.
    pub async fn message(&self, text: &str) -> Message {
        self.slack.wait_message(|message| message.visible().contains(text), SOON).await
    }

    /// A page to all: in the incident channel, or in one of the incident's own.
    pub async fn paged(&self, user: &str, why: &str) -> Message {
        let fits = |message: &Message| {
            !message.is_direct() && message.mentions() == [user] && message.visible().contains(why)
        };
        self.slack.wait_message(fits, SOON).await
    }

    /// How often Slack's channels and Discord's were told this.
    #[must_use]
    pub fn count(&self, why: &str) -> (usize, usize) {
        let slack = self.slack.messages().into_iter().filter(|message| !message.is_direct());
        let discord = self.discord.messages().into_iter().filter(|message| !message.is_direct);
        (
            slack.filter(|message| message.visible().contains(why)).count(),
            discord.filter(|message| message.visible().contains(why)).count(),
        )
    }
}
