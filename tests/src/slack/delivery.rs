//! What people do, delivered to the app as Slack would: as an envelope on one of its sockets, or as
//! a signed request.

use std::time::Duration;

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::message::Message;
use super::sockets::Order;
use super::state::{Pending, clock};
use super::{BOT_USER, SIGNING_SECRET, SlackServer};

/// Slack waits no longer for an acknowledgement.
const DEADLINE: Duration = Duration::from_secs(3);

/// What became of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckOutcome {
    /// Acknowledged after this long.
    Acknowledged(Duration),
    /// Not within three seconds; the person sees an error.
    Late,
    /// No socket, no permission: the person sees an error at once.
    Undeliverable,
}

impl AckOutcome {
    /// How long it took.
    ///
    /// # Panics
    /// Where it was not acknowledged.
    pub fn latency(self) -> Duration {
        match self {
            Self::Acknowledged(latency) => latency,
            Self::Late | Self::Undeliverable => panic!("not acknowledged: {self:?}"),
        }
    }
}

/// What became of an event, retries included.
#[derive(Clone, Debug)]
pub struct EventDelivery {
    /// The `ts` of the message that caused it.
    pub ts: String,
    /// The same in every try.
    pub event_id: String,
    /// Of the last try.
    pub outcome: AckOutcome,
    /// How often it was delivered.
    pub attempts: u32,
}

/// The wait for one envelope's acknowledgement.
pub(super) struct Acknowledgement(oneshot::Receiver<Duration>);

impl Acknowledgement {
    pub(super) async fn within_deadline(self) -> AckOutcome {
        match tokio::time::timeout(DEADLINE, self.0).await {
            Ok(Ok(latency)) => AckOutcome::Acknowledged(latency),
            Ok(Err(_)) | Err(_) => AckOutcome::Late,
        }
    }
}

/// The kinds of envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Command,
    Click,
    Event,
}

impl SlackServer {
    /// Somebody types `/acgs {text}`.
    pub async fn slash(&self, user: &str, channel: &str, text: &str) -> AckOutcome {
        if !self.is_granted("commands") {
            return AckOutcome::Undeliverable;
        }
        let payload = self.command(user, channel, text);
        self.interactive(Kind::Command, &payload).await
    }

    /// Somebody types `@acgs {text}` in a channel that the bot is in, or in a thread of it.
    pub async fn mention(
        &self,
        user: &str,
        channel: &str,
        thread: Option<&str>,
        text: &str,
    ) -> EventDelivery {
        let ts = self.state().ts();
        let mut event = json!({
            "type": "app_mention", "user": user, "channel": channel, "ts": ts, "event_ts": ts, "team": "T0TEST",
            "text": format!("<@{BOT_USER}> {}", escaped(text)),
        });
        if let Some(thread) = thread {
            event["thread_ts"] = thread.into();
        }
        if !self.is_granted("app_mentions:read") || self.state().outside.contains(channel) {
            return EventDelivery {
                ts,
                event_id: String::new(),
                outcome: AckOutcome::Undeliverable,
                attempts: 0,
            };
        }
        self.event(&event).await
    }

    /// Somebody presses the button with this value.
    ///
    /// # Panics
    /// Where the message has no such button.
    pub async fn click(&self, user: &str, message: &Message, value: &str) -> AckOutcome {
        let buttons = message.buttons();
        let button = buttons.iter().find(|button| button.value == value);
        let button = button.unwrap_or_else(|| panic!("no button {value:?} among {buttons:?}"));
        let (trigger, response_url, action_ts) = {
            let mut state = self.state();
            let trigger = state.trigger(user);
            (trigger, state.response_url(&message.channel, user, Some(message.ts.clone())), state.ts())
        };
        let payload = json!({
            "type": "block_actions", "api_app_id": "A0TEST", "trigger_id": trigger,
            "team": { "id": "T0TEST", "domain": "test" }, "user": { "id": user, "team_id": "T0TEST" },
            "channel": { "id": message.channel, "name": "incidents" },
            "container": {
                "type": "message", "message_ts": message.ts, "channel_id": message.channel,
                "is_ephemeral": message.only_for.is_some(),
            },
            "message": {
                "type": "message", "ts": message.ts, "user": BOT_USER, "thread_ts": message.thread,
                "text": message.args["text"], "blocks": message.args["blocks"],
            },
            "response_url": self.response_address(&response_url),
            "actions": [{
                "type": "button", "action_id": button.action_id, "block_id": "b", "value": value,
                "text": { "type": "plain_text", "text": button.label }, "action_ts": action_ts,
            }],
        });
        self.interactive(Kind::Click, &payload).await
    }

    /// Somebody writes a message, in a channel or in a thread of it. The bot is not told.
    pub fn say(&self, user: &str, channel: &str, thread: Option<&str>, text: &str) -> Message {
        let mut state = self.state();
        let message = Message {
            channel: channel.to_owned(),
            ts: state.ts(),
            thread: thread.map(str::to_owned),
            only_for: None,
            author: Some(user.to_owned()),
            sent_by: "",
            args: json!({ "text": escaped(text) }),
            history: Vec::new(),
            edited: Vec::new(),
            reactions: std::collections::BTreeSet::new(),
            read: true,
        };
        state.messages.push(message.clone());
        message
    }

    /// Somebody picks a command in a message's menu, by its `callback_id`.
    pub async fn shortcut(&self, user: &str, message: &Message, callback_id: &str) -> AckOutcome {
        if !self.is_granted("commands") {
            return AckOutcome::Undeliverable;
        }
        let (trigger, response_url) = {
            let mut state = self.state();
            (state.trigger(user), state.response_url(&message.channel, user, None))
        };
        let payload = json!({
            "type": "message_action", "token": "verification", "action_ts": "1.0", "callback_id": callback_id,
            "team": { "id": "T0TEST", "domain": "test" }, "user": { "id": user, "name": "somebody" },
            "channel": { "id": message.channel, "name": "incidents" }, "is_enterprise_install": false,
            "enterprise": null, "trigger_id": trigger, "response_url": self.response_address(&response_url),
            "message_ts": message.ts, "message": message.object(),
        });
        self.interactive(Kind::Click, &payload).await
    }

    /// Somebody puts a reaction on a message.
    pub async fn react(&self, user: &str, message: &Message, emoji: &str) -> EventDelivery {
        self.reaction("reaction_added", user, message, emoji).await
    }

    /// Somebody takes a reaction away.
    pub async fn unreact(&self, user: &str, message: &Message, emoji: &str) -> EventDelivery {
        self.reaction("reaction_removed", user, message, emoji).await
    }

    /// Any event, again and again as Slack does until it is acknowledged.
    pub async fn event(&self, event: &Value) -> EventDelivery {
        let event_id = format!("Ev{:08}", self.state().number());
        let ts = event["event_ts"].as_str().unwrap_or_default().to_owned();
        let payload = json!({
            "token": "verification", "team_id": "T0TEST", "api_app_id": "A0TEST", "type": "event_callback",
            "event": event, "event_id": event_id, "event_time": clock().as_second(),
            "authorizations": [{ "team_id": "T0TEST", "user_id": BOT_USER, "is_bot": true }],
        });
        let mut delivery = EventDelivery { ts, event_id, outcome: AckOutcome::Undeliverable, attempts: 0 };
        let retries: Vec<_> = self.shared.options.event_retries.iter().map(Some).collect();
        for pause in std::iter::once(None).chain(retries) {
            if let Some(pause) = pause {
                tokio::time::sleep(*pause).await;
            }
            delivery.outcome = self.deliver(Kind::Event, &payload, delivery.attempts).await;
            delivery.attempts += 1;
            if matches!(delivery.outcome, AckOutcome::Acknowledged(_)) {
                return delivery;
            }
        }
        self.shared.violation("deadline", format!("event {} was never acknowledged", delivery.event_id));
        delivery
    }

    /// Posts the challenge that Slack sends when somebody enters the events address.
    ///
    /// # Panics
    /// Where it is not answered.
    pub async fn verify_events_url(&self, challenge: &str) -> String {
        let body = json!({ "type": "url_verification", "challenge": challenge }).to_string();
        let answer = self.request("events", "application/json", body, 0).await.expect("an answer");
        answer.text().await.expect("a text")
    }

    async fn reaction(&self, kind: &str, user: &str, message: &Message, emoji: &str) -> EventDelivery {
        let mark = (emoji.to_owned(), user.to_owned());
        let ts = {
            let mut state = self.state();
            let same = state.messages.iter_mut().find(|other| other.is(&message.channel, &message.ts));
            if let Some(same) = same {
                if kind == "reaction_added" {
                    same.reactions.insert(mark);
                } else {
                    same.reactions.remove(&mark);
                }
            }
            state.ts()
        };
        let event = json!({
            "type": kind, "user": user, "reaction": emoji, "event_ts": ts,
            "item_user": message.author.as_deref().unwrap_or(BOT_USER),
            "item": { "type": "message", "channel": message.channel, "ts": message.ts },
        });
        if !self.is_granted("reactions:read") {
            return EventDelivery {
                ts,
                event_id: String::new(),
                outcome: AckOutcome::Undeliverable,
                attempts: 0,
            };
        }
        self.event(&event).await
    }

    /// A slash command's payload.
    pub(super) fn command(&self, user: &str, channel: &str, text: &str) -> Value {
        let (trigger, response_url) = {
            let mut state = self.state();
            let trigger = state.trigger(user);
            (trigger, state.response_url(channel, user, None))
        };
        json!({
            "token": "verification", "team_id": "T0TEST", "team_domain": "test", "channel_id": channel,
            "channel_name": "incidents", "user_id": user, "user_name": "somebody", "command": "/acgs",
            "text": escaped(text), "api_app_id": "A0TEST", "is_enterprise_install": "false",
            "response_url": self.response_address(&response_url), "trigger_id": trigger,
        })
    }

    /// Commands, clicks and forms are delivered once.
    pub(super) async fn interactive(&self, kind: Kind, payload: &Value) -> AckOutcome {
        let outcome = self.deliver(kind, payload, 0).await;
        if outcome == AckOutcome::Late {
            self.shared.violation("deadline", format!("{kind:?} not acknowledged within {DEADLINE:?}"));
        }
        outcome
    }

    async fn deliver(&self, kind: Kind, payload: &Value, retry: u32) -> AckOutcome {
        if self.state().request_base.is_none() {
            return self.send(kind, payload, retry).await;
        }
        let (path, content_type, body) = match kind {
            Kind::Command => ("commands", FORM, form(payload)),
            Kind::Click => ("interactions", FORM, form(&json!({ "payload": payload.to_string() }))),
            Kind::Event => ("events", "application/json", payload.to_string()),
        };
        let sent = Instant::now();
        let answer = match self.request(path, content_type, body, retry).await {
            Some(answer) if answer.status().is_success() => answer,
            _ => return AckOutcome::Late,
        };
        let latency = sent.elapsed();
        // A form stays open with an error where its answer is neither empty nor an action.
        if payload["type"] == "view_submission" && answer.text().await.is_ok_and(|text| !text.is_empty()) {
            self.shared.violation("response_action", "a form's acknowledgement that is not empty");
        }
        AckOutcome::Acknowledged(latency)
    }

    async fn send(&self, kind: Kind, payload: &Value, retry: u32) -> AckOutcome {
        let (envelope, acknowledged) = self.envelope(kind, payload, retry);
        let socket = {
            let mut state = self.state();
            let turn = usize::try_from(state.number()).unwrap_or_default();
            let links = state.sockets.iter().filter(|(_, link)| !link.leaving);
            let links: Vec<_> = links.map(|(id, _)| *id).collect();
            let Some(first) = links.get(turn % links.len().max(1)).copied() else {
                return AckOutcome::Undeliverable;
            };
            let copies = if std::mem::take(&mut state.duplicate_next) { links.len().min(2) } else { 1 };
            let chosen = links.iter().cycle().skip(turn % links.len()).take(copies);
            for link in chosen.filter_map(|id| state.sockets.get(id)) {
                link.order(Order::Send(envelope.clone()));
            }
            first
        };
        match acknowledged.within_deadline().await {
            // The connection that it went to broke.
            AckOutcome::Late if !self.state().sockets.contains_key(&socket) => AckOutcome::Undeliverable,
            outcome => outcome,
        }
    }

    /// An envelope, and the wait for its acknowledgement.
    pub(super) fn envelope(&self, kind: Kind, payload: &Value, retry: u32) -> (String, Acknowledgement) {
        let id = format!("{:032x}", rand::random::<u128>());
        let mut envelope = json!({
            "envelope_id": id, "payload": payload, "accepts_response_payload": kind != Kind::Event,
            "type": match kind {
                Kind::Command => "slash_commands",
                Kind::Click => "interactive",
                Kind::Event => "events_api",
            },
        });
        if kind == Kind::Event {
            envelope["retry_attempt"] = retry.into();
            envelope["retry_reason"] = if retry > 0 { "timeout" } else { "" }.into();
        }
        let (sender, acknowledged) = oneshot::channel();
        let pending = Pending { sent: Instant::now(), acknowledged: Some(sender) };
        self.state().pending.insert(id, pending);
        (envelope.to_string(), Acknowledgement(acknowledged))
    }

    async fn request(
        &self,
        path: &str,
        content_type: &str,
        body: String,
        retry: u32,
    ) -> Option<reqwest::Response> {
        let base = self.state().request_base.clone()?;
        let timestamp = clock().as_second();
        let mut request = self
            .shared
            .client
            .post(base.join("slack/").ok()?.join(path).ok()?)
            .header("content-type", content_type)
            .header("x-slack-request-timestamp", timestamp.to_string())
            .header("x-slack-signature", signature(SIGNING_SECRET, timestamp, body.as_bytes()));
        if retry > 0 {
            request = request.header("x-slack-retry-num", retry.to_string());
            request = request.header("x-slack-retry-reason", "http_error");
        }
        request.body(body).send().await.ok()
    }

    fn response_address(&self, id: &str) -> String {
        format!("http://{}/response/{id}", self.shared.http)
    }

    fn is_granted(&self, scope: &str) -> bool {
        self.shared.options.scopes.iter().any(|granted| granted == scope)
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// `v0=…`, as Slack signs a request.
///
/// # Panics
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

fn form(fields: &Value) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in fields.as_object().into_iter().flatten() {
        form.append_pair(key, value.as_str().unwrap_or_default());
    }
    form.finish()
}

/// As Slack escapes what people type.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
