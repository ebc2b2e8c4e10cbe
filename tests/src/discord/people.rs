//! What people do, delivered to the bot as Discord would: as events of the gateway.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::gateway::{GUILD_MESSAGE_REACTIONS, GUILD_MESSAGES, NO_INTENT};
use super::message::Message;
use super::modals::Modal;
use super::state::Interaction;
use super::{APPLICATION, BOT_USER, DiscordServer, GUILD, commands, objects};

/// Discord waits no longer for the first response.
pub(super) const DEADLINE: Duration = Duration::from_secs(3);

/// What the first response to an interaction was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ack {
    /// "The bot is thinking"; an answer follows.
    Deferred {
        /// Whether the asker alone will see it.
        ephemeral: bool,
    },
    /// Nothing to be seen: a click that needs no answer.
    DeferredUpdate,
    /// The whole answer.
    Message {
        /// Whether the asker alone sees it.
        ephemeral: bool,
        /// What it says.
        content: String,
    },
    /// Suggestions.
    Choices(Vec<String>),
    /// A form to fill in.
    Modal(Modal),
}

/// What became of one interaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AckOutcome {
    /// Answered in time.
    Acknowledged {
        /// The interaction's id.
        interaction: u64,
        /// From the event's sending to the response's arrival.
        latency: Duration,
        /// The response.
        ack: Ack,
    },
    /// Not within three seconds; the person sees an error.
    Late {
        /// The interaction's id.
        interaction: u64,
    },
    /// No session: the person sees an error.
    Undeliverable,
}

impl AckOutcome {
    /// How long it took.
    ///
    /// # Panics
    /// Where it was not acknowledged.
    #[must_use]
    pub fn latency(&self) -> Duration {
        match self {
            Self::Acknowledged { latency, .. } => *latency,
            Self::Late { .. } | Self::Undeliverable => panic!("not acknowledged: {self:?}"),
        }
    }

    /// The interaction's id.
    ///
    /// # Panics
    /// Where it was not delivered.
    #[must_use]
    pub fn interaction(&self) -> u64 {
        match self {
            Self::Acknowledged { interaction, .. } | Self::Late { interaction } => *interaction,
            Self::Undeliverable => panic!("not delivered"),
        }
    }

    /// The response.
    ///
    /// # Panics
    /// Where it was not acknowledged.
    #[must_use]
    pub fn ack(&self) -> &Ack {
        match self {
            Self::Acknowledged { ack, .. } => ack,
            Self::Late { .. } | Self::Undeliverable => panic!("not acknowledged: {self:?}"),
        }
    }

    /// The form.
    ///
    /// # Panics
    /// Where the response is none.
    #[must_use]
    pub fn modal(&self) -> &Modal {
        match self.ack() {
            Ack::Modal(modal) => modal,
            other => panic!("no modal: {other:?}"),
        }
    }

    /// Whether the asker alone sees the answer.
    ///
    /// # Panics
    /// Where there is no answer to be seen.
    #[must_use]
    pub fn ephemeral(&self) -> bool {
        match self.ack() {
            Ack::Deferred { ephemeral } | Ack::Message { ephemeral, .. } => *ephemeral,
            other => panic!("no message: {other:?}"),
        }
    }
}

/// An interaction that the bot was told of and did not respond to yet.
pub struct Asked {
    /// Its id.
    pub interaction: u64,
    answer: oneshot::Receiver<(Duration, Ack)>,
}

impl DiscordServer {
    /// Somebody sends `/acgs PATH` with options by name.
    ///
    /// # Panics
    /// Where Discord's client would not let a person send this: it offers only what is registered.
    pub async fn slash(
        &self,
        user: u64,
        channel: u64,
        path: &[&str],
        options: &[(&str, &str)],
    ) -> AckOutcome {
        match self.begin_slash(user, channel, path, options) {
            Some(asked) => self.outcome(asked).await,
            None => AckOutcome::Undeliverable,
        }
    }

    /// As [`slash`](Self::slash), without waiting for the response. `None`: no session.
    ///
    /// # Panics
    /// As [`slash`](Self::slash).
    #[must_use]
    pub fn begin_slash(
        &self,
        user: u64,
        channel: u64,
        path: &[&str],
        options: &[(&str, &str)],
    ) -> Option<Asked> {
        let data = commands::invocation(&self.state().commands, path, options, None);
        let data = data.unwrap_or_else(|why| panic!("a person can't send this: {why}"));
        self.interact(Deed { kind: 2, user, channel, data, message: None })
    }

    /// Waits for the first response.
    pub async fn outcome(&self, asked: Asked) -> AckOutcome {
        let Asked { interaction, answer } = asked;
        match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok((latency, ack))) => AckOutcome::Acknowledged { interaction, latency, ack },
            Ok(Err(_)) | Err(_) => {
                self.shared.violation("deadline", format!("interaction {interaction} has no response"));
                AckOutcome::Late { interaction }
            }
        }
    }

    /// Somebody types the value of an option that is completed.
    ///
    /// # Panics
    /// As [`slash`](Self::slash).
    pub async fn autocomplete(
        &self,
        user: u64,
        channel: u64,
        path: &[&str],
        (option, typed): (&str, &str),
    ) -> AckOutcome {
        let data = commands::invocation(&self.state().commands, path, &[(option, typed)], Some(option));
        let data = data.unwrap_or_else(|why| panic!("a person can't type this: {why}"));
        self.done(Deed { kind: 4, user, channel, data, message: None }).await
    }

    /// Somebody picks a command in a message's menu. Discord hands the message over with what it says.
    ///
    /// # Panics
    /// Where there is no such message, or no such command in its menu.
    pub async fn on_message(&self, user: u64, message: u64, command: &str) -> AckOutcome {
        let (channel, data) = {
            let mut state = self.state();
            let found = state.message_mut(message).expect("a message with a menu");
            let mut object = found.object();
            object["content"] = found.body["content"].clone();
            let channel = found.channel;
            let data = commands::on(&state.commands, command, &object);
            (channel, data.unwrap_or_else(|why| panic!("a person can't pick this: {why}")))
        };
        self.done(Deed { kind: 2, user, channel, data, message: None }).await
    }

    /// Somebody clicks a button of `message`.
    ///
    /// # Panics
    /// Where the message has no such button.
    pub async fn click(&self, user: u64, message: &Message, custom_id: &str) -> AckOutcome {
        assert!(
            message.buttons().iter().any(|button| button.custom_id == custom_id),
            "no button {custom_id}"
        );
        let data = json!({"component_type": 2, "custom_id": custom_id, "id": 2});
        let deed = Deed { kind: 3, user, channel: message.channel, data, message: Some(message.object()) };
        self.done(deed).await
    }

    /// Sends an interaction and waits for the first response to it.
    pub(super) async fn done(&self, deed: Deed) -> AckOutcome {
        match self.interact(deed) {
            Some(asked) => self.outcome(asked).await,
            None => AckOutcome::Undeliverable,
        }
    }

    /// Somebody writes `@bot text`. Returns the message's id.
    pub fn mention(&self, user: u64, channel: u64, text: &str) -> u64 {
        self.say(user, channel, &format!("<@{BOT_USER}> {text}"))
    }

    /// Somebody writes a message. Returns its id.
    pub fn say(&self, user: u64, channel: u64, content: &str) -> u64 {
        let mut state = self.state();
        let id = state.snowflake();
        let mut message = Message::new(id, channel, user);
        message.body = json!({"content": content});
        // Also what a person makes the bot's own account say.
        message.read = true;
        let mut object = message.object();
        object["guild_id"] = GUILD.to_string().into();
        let mut member = objects::member(user);
        member.as_object_mut().expect("an object").remove("user");
        object["member"] = member;
        state.messages.push(message);
        state.dispatch("MESSAGE_CREATE", object, GUILD_MESSAGES);
        drop(state);
        self.shared.changed.notify_waiters();
        id
    }

    /// Somebody puts a reaction on a message: a Unicode emoji, or a custom one as `name:id`.
    ///
    /// # Panics
    /// Where there is no such message.
    pub fn react(&self, user: u64, message: u64, emoji: &str) {
        self.change_reaction(user, message, emoji, true);
    }

    /// Somebody takes a reaction off a message.
    ///
    /// # Panics
    /// Where there is no such message.
    pub fn unreact(&self, user: u64, message: u64, emoji: &str) {
        self.change_reaction(user, message, emoji, false);
    }

    fn change_reaction(&self, user: u64, message: u64, emoji: &str, adds: bool) {
        let mut state = self.state();
        let found = state.message_mut(message).expect("a message to react to");
        let key = (emoji.to_owned(), user);
        if adds {
            found.reactions.insert(key);
        } else {
            found.reactions.remove(&key);
        }
        let mut event = json!({
            "user_id": user.to_string(), "channel_id": found.channel.to_string(),
            "message_id": message.to_string(), "guild_id": GUILD.to_string(),
            "emoji": objects::emoji(emoji), "burst": false, "type": 0,
        });
        if adds {
            event["member"] = objects::member(user);
            event["message_author_id"] = found.author.to_string().into();
            event["burst_colors"] = json!([]);
        }
        let kind = if adds { "MESSAGE_REACTION_ADD" } else { "MESSAGE_REACTION_REMOVE" };
        state.dispatch(kind, event, GUILD_MESSAGE_REACTIONS);
    }

    /// A moderator takes all reactions off a message.
    ///
    /// # Panics
    /// Where there is no such message.
    pub fn clear_reactions(&self, message: u64) {
        let mut state = self.state();
        let found = state.message_mut(message).expect("a message to clear");
        found.reactions.clear();
        let event = json!({
            "channel_id": found.channel.to_string(), "message_id": message.to_string(),
            "guild_id": GUILD.to_string(),
        });
        state.dispatch("MESSAGE_REACTION_REMOVE_ALL", event, GUILD_MESSAGE_REACTIONS);
    }

    /// Sends an interaction to the bot. `None`: no session is there to get it.
    fn interact(&self, deed: Deed) -> Option<Asked> {
        let (waiting, answer) = oneshot::channel();
        let token = format!("aW50ZXJhY3Rpb246{:032x}", rand::random::<u128>());
        let (kind, channel) = (deed.kind, deed.channel);
        let mut state = self.state();
        if !state.has_live_session() {
            return None;
        }
        let id = state.snowflake();
        let place = state.channel_object(channel);
        state.dispatch("INTERACTION_CREATE", event(id, &token, deed, place), NO_INTENT);
        let interaction = Interaction {
            token,
            kind,
            channel,
            sent: Instant::now(),
            acknowledged: false,
            is_over: false,
            waiting: Some(waiting),
            original: None,
        };
        state.interactions.insert(id, interaction);
        Some(Asked { interaction: id, answer })
    }
}

/// One interaction's facts.
pub(super) struct Deed {
    /// 2: command, 3: component, 4: completion, 5: form.
    pub(super) kind: u64,
    pub(super) user: u64,
    pub(super) channel: u64,
    pub(super) data: Value,
    pub(super) message: Option<Value>,
}

/// The event with every field that Discord sends (interactions/receiving-and-responding).
fn event(id: u64, token: &str, deed: Deed, mut place: Value) -> Value {
    let Deed { kind, user, channel, data, message } = deed;
    place["permissions"] = "2147483647".into();
    let mut event = json!({
        "id": id.to_string(), "application_id": APPLICATION.to_string(), "type": kind, "data": data,
        "guild": {"id": GUILD.to_string(), "features": [], "locale": "en-US"},
        "guild_id": GUILD.to_string(), "channel": place, "channel_id": channel.to_string(),
        "member": objects::member(user), "token": token, "version": 1,
        "app_permissions": "2147483647", "locale": "en-US", "guild_locale": "en-US", "entitlements": [],
        "authorizing_integration_owners": {"0": GUILD.to_string()}, "context": 0,
        "attachment_size_limit": 10_485_760,
    });
    if let Some(message) = message {
        event["message"] = message;
    }
    event
}
