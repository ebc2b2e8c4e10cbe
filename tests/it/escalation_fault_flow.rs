//! Incidents that call people while everything else fails: the database, a process, the disk, the clock, the whole bot
//! for a while. Afterwards each rung was told once, on each platform, and none before its time.

mod busy;
mod clock;
mod crash;
mod full;
mod outage;

use std::time::Duration;

use e2e::bot::{Bot, Setup};
use e2e::discord::{self, DiscordOptions, DiscordServer};
use e2e::people::{self, DEE};
use e2e::receiver::Receiver;
use e2e::slack::{AckOutcome, Message, SlackOptions, SlackServer};
use e2e::wait::eventually;
use sqlx::Connection as _;

const ROOM: &str = "C0INCIDENT";
const SOON: Duration = Duration::from_secs(15);
/// The last rung, and what was in its way.
const LAST: Duration = Duration::from_secs(90);

/// In seconds, so that a test sees all of it.
const SCHEDULE: &str = r#"
[oncall]
on_call = ["Bo"]
devops_lead = ["Eve"]
engineering_manager = ["Ada"]
cto = ["Ada"]
[[escalation]]
severity = "P0"
respond_within = "5m"
steps = [{ after = "0m", tell = "on_call", how = "page" }, { after = "8s", tell = "devops_lead", how = "page" }]
[[escalation]]
severity = "P1"
respond_within = "4s"
repage_every = "4s"
acknowledgement_holds = "30m"
steps = [
    { after = "0m", tell = "on_call", how = "page" },
    { after = "8s", tell = "devops_lead", how = "page" },
    { after = "45s", tell = "engineering_manager", how = "page" },
]
[[escalation]]
severity = "P2"
respond_within = "120m"
steps = [{ after = "0m", tell = "on_call", how = "notify" }]
"#;

const ON_CALL: &str = "on-call is called by the schedule";
const DEVOPS: &str = "DevOps lead is called by the schedule";
const MANAGER: &str = "engineering manager is called by the schedule";
const AGAIN: &str = "nobody has acknowledged it";

/// Both platforms, what wakes Bo, and bots between them.
struct Scene {
    slack: SlackServer,
    discord: DiscordServer,
    hooks: Receiver,
    bots: Vec<Bot>,
}

impl Scene {
    async fn start() -> Self {
        Self {
            slack: SlackServer::start(SlackOptions::default()).await,
            discord: DiscordServer::start(DiscordOptions::default()).await,
            hooks: Receiver::start().await,
            bots: Vec::new(),
        }
    }

    /// One bot on a store, or several replicas.
    async fn on(store_url: &str, count: usize) -> Self {
        let mut scene = Self::start().await;
        for _ in 0..count {
            scene.add(scene.setup(store_url)).await;
        }
        scene
    }

    fn setup(&self, store_url: &str) -> Setup {
        let bo = "web = \"bo\"\n";
        let people = people::acting().replacen(bo, &format!("{bo}page_webhook_env = \"BO_PAGE\"\n"), 1);
        Setup { store_url: Some(store_url.to_owned()), ..Setup::default() }
            .slack(&self.slack, ROOM)
            .discord(&self.discord)
            .with(&people)
            .with(SCHEDULE)
            .with("[[service]]\nname = \"fv_service\"\nurl = \"http://127.0.0.1:9\"")
            .secret("BO_PAGE", &self.hooks.url("bo"))
    }

    async fn add(&mut self, setup: Setup) {
        self.bots.push(Bot::start(setup).await);
        self.slack.wait_sockets(2 * self.bots.len().min(3), SOON).await;
        self.discord.wait_ready(SOON).await;
    }

    async fn types(&self, line: &str) {
        let ack = self.slack.slash(DEE, ROOM, line).await;
        assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{line:?}: {ack:?}");
    }

    async fn message(&self, text: &str) -> Message {
        self.slack.wait_message(|message| message.visible().contains(text), SOON).await
    }

    /// It was told on both, beside those who were told alone.
    async fn told(&self, why: &str, limit: Duration) {
        let on_slack = |message: &Message| !message.is_direct() && message.visible().contains(why);
        self.slack.wait_message(on_slack, limit).await;
        let on_discord = |message: &discord::Message| !message.is_direct && message.visible().contains(why);
        self.discord.wait_message(on_discord, limit).await;
    }

    /// What was told of this on Slack and on Discord.
    fn texts(&self, why: &str) -> (Vec<String>, Vec<String>) {
        let slack = self.slack.messages().into_iter().filter(|message| !message.is_direct());
        let discord = self.discord.messages().into_iter().filter(|message| !message.is_direct);
        let (slack, discord) = (slack.map(|one| one.visible()), discord.map(|one| one.visible()));
        (
            slack.filter(|text| text.contains(why)).collect(),
            discord.filter(|text| text.contains(why)).collect(),
        )
    }

    /// How often they were.
    fn count(&self, why: &str) -> (usize, usize) {
        let (slack, discord) = self.texts(why);
        (slack.len(), discord.len())
    }

    /// Nothing waits to be sent any more.
    async fn quiet(&self, asked: usize) {
        eventually(SOON, "an empty outbox", async || {
            (self.bots[asked].metric("acgs_outbox_waiting", &[]).await == 0.0).then_some(())
        })
        .await;
    }

    /// No rule of a platform was broken, no page came twice, and the trail is whole.
    async fn ends_well(&self, asked: usize) {
        for rung in [ON_CALL, DEVOPS, MANAGER] {
            let (slack, discord) = self.count(rung);
            assert!(slack <= 1 && discord <= 1, "{rung}: {slack} on Slack, {discord} on Discord");
        }
        for page in 2..40 {
            let (slack, discord) = self.count(&format!("{AGAIN} (page {page})"));
            assert!(slack <= 1 && discord <= 1, "page {page}: {slack} on Slack, {discord} on Discord");
        }
        assert!(self.slack.violations().is_empty(), "{:?}", self.slack.violations());
        assert!(self.discord.violations().is_empty(), "{:?}", self.discord.violations());
        let verified = self.bots[asked].run(&["audit", "verify"]).await;
        assert!(verified.code == 0 && verified.out.contains("intact"), "{verified:?}");
    }
}

/// The number that a query of a PostgreSQL store gives.
async fn number(url: &str, sql: &'static str) -> i64 {
    let mut connection = sqlx::PgConnection::connect(url).await.expect("the tests' PostgreSQL answers");
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a number")
}

/// How many rungs of the P1 ladder were told before their time, or not exactly once.
const OUT_OF_TIME: &str = "SELECT count(*) FROM (VALUES ('0/step/0', 0), ('0/step/1', 8), ('0/step/2', 45)) AS rung (once, after) \
    WHERE (SELECT count(*) FROM timeline JOIN incident ON incident = number \
           WHERE timeline.once = rung.once AND at >= opened_at + after * 1000000) <> 1";
