//! A bot between Slack and the real stack, for commands that wait for votes.

use std::time::Duration;

use crate::bot::{Bot, Setup};
use crate::people::{self, BO, EVE};
use crate::slack::{AckOutcome, Message, SlackOptions, SlackServer};
use crate::stack::Stack;

/// The one incident channel.
pub const ROOM: &str = "C0INCIDENT";
/// An answer comes in this time.
pub const SOON: Duration = Duration::from_secs(15);

/// Slack, the stack, and a bot between them.
pub struct Scene {
    /// Where people type and vote.
    pub slack: SlackServer,
    /// What is acted on.
    pub stack: Stack,
    /// The real binary.
    pub bot: Bot,
}

impl Scene {
    /// Takes the stack and starts a bot with `toml` besides.
    pub async fn with(toml: &str) -> Self {
        let stack = Stack::take().await;
        let setup = stack.setup().with(toml);
        Self::on(stack, setup).await
    }

    /// Starts a bot on a stack that is taken already, with the configuration that `setup` begins.
    pub async fn on(stack: Stack, setup: Setup) -> Self {
        let slack = SlackServer::start(SlackOptions::default()).await;
        let bot = Bot::start(whole(setup, &slack)).await;
        slack.wait_sockets(2, SOON).await;
        Self { slack, stack, bot }
    }

    /// Starts another bot beside the first one, with the configuration that `setup` begins.
    pub async fn another(&self, setup: Setup) -> Bot {
        Bot::start(whole(setup, &self.slack)).await
    }

    /// Somebody types a line in the incident channel.
    ///
    /// # Panics
    /// When it is not acknowledged.
    pub async fn types(&self, user: &str, line: &str) {
        let ack = self.slack.slash(user, ROOM, line).await;
        assert!(matches!(ack, AckOutcome::Acknowledged(_)), "{line:?}: {ack:?}");
    }

    /// Waits for a message with this text.
    pub async fn message(&self, text: &str, limit: Duration) -> Message {
        self.slack.wait_message(|message| message.visible().contains(text), limit).await
    }

    /// Asks for something that waits for votes, and finds its card.
    pub async fn asks(&self, user: &str, line: &str) -> Message {
        self.types(user, line).await;
        self.message(&format!("Asked for: {line}"), SOON).await;
        self.message(&format!("Approve? {line}"), SOON).await
    }

    /// The votes of two approvers.
    pub async fn both_approve(&self, card: &Message) {
        self.slack.react(BO, card, "white_check_mark").await;
        self.slack.react(EVE, card, "white_check_mark").await;
    }

    /// Waits until the card of a plan says `text`.
    pub async fn says(&self, card: &Message, text: &str, limit: Duration) -> String {
        self.shows(card, &[text], limit).await
    }

    /// Waits until the card of a plan says one of these.
    pub async fn shows(&self, card: &Message, texts: &[&str], limit: Duration) -> String {
        let same = |message: &Message| {
            message.ts == card.ts && texts.iter().any(|text| message.visible().contains(text))
        };
        self.slack.wait_message(same, limit).await.visible()
    }

    /// Waits until a plan was carried out and its services are well: as before, or again, if another test has left
    /// errors in Prometheus' last minutes.
    pub async fn ends_well(&self, card: &Message, limit: Duration) -> String {
        self.shows(card, &["Improved: ", "Done, well as before: "], limit).await
    }
}

/// With Slack, people and quick proofs.
fn whole(setup: Setup, slack: &SlackServer) -> Setup {
    setup.slack(slack, ROOM).with(&people::acting()).with("[proof]\nsettle = \"2s\"\nwithin = \"30s\"")
}
