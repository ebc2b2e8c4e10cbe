//! From an [`Outgoing`] to a call of the REST API.
//!
//! Where a message goes is decided first and purely, in [`route`]. An answer goes by its interaction's
//! token, where repeating it is harmless: it edits what is there. When the token is no longer good, a
//! public answer goes to the channel; a private one is refused, since the channel is not private. A post
//! to a channel carries its slot as `nonce`, so that Discord itself drops a repeat of the last few minutes.
//! No call is made twice here.
//!
//! A mention has no token, and Discord shows nothing privately without one: what was meant for the asker
//! alone is then said in the channel that the asker spoke in.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::time::Duration;

use commands::ids::{MessageRef, Place, Platform, Room};
use commands::message::{
    AnswerTo, AnswerToken, Outgoing, Posted, RateKey, SendError, Sent, Target, Visibility,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use serenity::builder::{CreateActionRow, CreateAllowedMentions, CreateEmbed};
use tokio_util::sync::CancellationToken;

use crate::api::{Answer, Api, Authorization, Body, CallError};
use crate::embeds::{self, Attached, Rendered};
use crate::limits;
use crate::snowflake;

/// A token that is about to expire may be gone when the call arrives.
const TOKEN_MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// An interaction that was not acknowledged by then never is.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(3);
const NONCE: usize = 25;
const UNKNOWN_MESSAGE: u64 = 10_008;
/// The bot does not see the channel.
const MISSING_ACCESS: u64 = 50_001;
/// It sees the channel and may not do this in it.
const MISSING_PERMISSIONS: u64 = 50_013;
/// Message flag of a deferral ("the bot is thinking").
const LOADING: u64 = 128;

/// The call that a message needs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Route<'a> {
    /// A new message in a channel or thread.
    Post(&'a str),
    /// A new message to this user alone.
    Direct(&'a str),
    /// What the interaction's deferral stands for; the second is the way once the token is refused.
    Original(&'a AnswerToken, Fallback<'a>),
    /// A message that is there.
    Edit(&'a MessageRef),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fallback<'a> {
    Post(&'a str),
    Edit(&'a MessageRef),
    /// Private: there is none.
    None,
}

fn route(outgoing: &Outgoing, now: Timestamp) -> Result<Route<'_>, SendError> {
    let visibility = outgoing.reply.visibility;
    match &outgoing.target {
        Target::Answer(answer) => to_answer(answer, visibility, now),
        Target::Post(place) => match visibility {
            Visibility::Public => Ok(Route::Post(channel(place))),
            Visibility::Private => Err(SendError::Rejected("a private message needs an asker".to_owned())),
        },
        Target::Direct(account) => Ok(Route::Direct(&account.id)),
        Target::Edit { posted: Posted::Message(message), answer } => {
            Ok(match answer.as_ref().and_then(|answer| living(answer, now)) {
                Some(token) => Route::Original(token, Fallback::Edit(message)),
                None => Route::Edit(message),
            })
        }
        Target::Edit { posted: Posted::ByToken | Posted::Ephemeral, answer: Some(answer) } => {
            to_answer(answer, visibility, now)
        }
        Target::Edit { posted: Posted::ByToken | Posted::Ephemeral, answer: None } => {
            Err(SendError::Rejected("an answer without its token can't be edited".to_owned()))
        }
    }
}

fn to_answer(answer: &AnswerTo, visibility: Visibility, now: Timestamp) -> Result<Route<'_>, SendError> {
    let here = channel(&answer.place);
    match (living(answer, now), visibility) {
        (Some(token), Visibility::Public) => Ok(Route::Original(token, Fallback::Post(here))),
        (Some(token), Visibility::Private) => Ok(Route::Original(token, Fallback::None)),
        (None, Visibility::Private) if answer.token.is_some() => Err(too_late()),
        (None, Visibility::Public | Visibility::Private) => Ok(Route::Post(here)),
    }
}

fn too_late() -> SendError {
    SendError::Rejected(
        "Discord no longer takes an answer for the asker alone, and the channel is not private".to_owned(),
    )
}

/// A thread is a channel of its own.
fn channel(place: &Place) -> &str {
    place.thread.as_deref().unwrap_or(&place.room.id)
}

fn living(answer: &AnswerTo, now: Timestamp) -> Option<&AnswerToken> {
    let token = answer.token.as_ref()?;
    (token.expires.duration_since(now) > TOKEN_MARGIN).then_some(token)
}

/// What sending certainly counts against. A token's edits are exempt from the limit of the whole bot.
pub(crate) fn rate_keys(outgoing: &Outgoing, now: Timestamp) -> Vec<RateKey> {
    match route(outgoing, now) {
        Ok(Route::Post(channel)) => vec![limits::post(channel), limits::global()],
        Ok(Route::Direct(user)) => vec![limits::direct(user), limits::global()],
        Ok(Route::Edit(message)) => vec![limits::edit(&message.room.id), limits::global()],
        Ok(Route::Original(token, _)) => vec![limits::token(secret(token).1)],
        // Refused before any call.
        Err(_) => Vec::new(),
    }
}

/// The application and the token itself.
fn secret(token: &AnswerToken) -> (&str, &str) {
    token.value.split_once('/').unwrap_or_default()
}

/// Interactions whose first response is on its way. Their answers wait for it: sent before, Discord knows
/// nothing that they could take the place of.
#[derive(Default)]
pub(crate) struct Unacknowledged(Mutex<HashMap<String, Awaited>>);

/// One interaction that was delivered once, or again before it was acknowledged.
struct Awaited {
    acknowledged: CancellationToken,
    holders: usize,
}

impl Unacknowledged {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<String, Awaited>> {
        self.0.lock().expect("no code panics while holding it")
    }

    /// Until the last guard for `token` is dropped, answers by it wait.
    pub(crate) fn hold(&self, token: &str) -> Held<'_> {
        let mut map = self.map();
        let awaited = map
            .entry(token.to_owned())
            .or_insert_with(|| Awaited { acknowledged: CancellationToken::new(), holders: 0 });
        awaited.holders += 1;
        Held { all: self, token: token.to_owned() }
    }

    async fn wait(&self, token: &str) {
        let acknowledged = self.map().get(token).map(|awaited| awaited.acknowledged.clone());
        if let Some(acknowledged) = acknowledged {
            // Past this time the answer is refused and falls back.
            let _ = tokio::time::timeout(ACKNOWLEDGED_WITHIN, acknowledged.cancelled()).await;
        }
    }
}

/// An interaction whose first response is on its way.
pub(crate) struct Held<'a> {
    all: &'a Unacknowledged,
    token: String,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut map = self.all.map();
        let Some(awaited) = map.get_mut(&self.token) else { return };
        awaited.holders -= 1;
        if awaited.holders == 0 {
            awaited.acknowledged.cancel();
            map.remove(&self.token);
        }
    }
}

/// The JSON of a create or an edit. `allowed_mentions` is in every one of them: an edit without it is
/// parsed anew with the default, which mentions everybody that the text names (resources/message).
#[derive(Serialize)]
struct Payload<'a> {
    /// Empty on edits, to take away what a notice said.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    embeds: &'a [CreateEmbed],
    components: &'a [CreateActionRow],
    allowed_mentions: CreateAllowedMentions,
    /// On edits the ones not named are taken away.
    attachments: Vec<Attachment<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enforce_nonce: Option<bool>,
}

#[derive(Serialize)]
struct Attachment<'a> {
    /// A string, as every id of Discord's; which of the uploaded files it is.
    id: String,
    filename: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    Create { nonce: &'a str },
    Edit,
}

fn payload<'a>(rendered: &'a Rendered, kind: Kind<'a>) -> Result<Body, CallError> {
    let attachment = |(index, file): (usize, &'a Attached)| {
        let id = index.to_string();
        Attachment { id, filename: &file.name, description: file.alt.as_deref() }
    };
    let payload = Payload {
        // An edit reaches nobody, and leaves what was said of old in no place.
        content: match kind {
            Kind::Edit => Some(rendered.mentions.as_str()),
            Kind::Create { .. } => Some(rendered.mentions.as_str()).filter(|mentions| !mentions.is_empty()),
        },
        embeds: &rendered.embeds,
        components: &rendered.rows,
        allowed_mentions: match kind {
            Kind::Create { .. } => CreateAllowedMentions::new().users(rendered.mentioned.iter().copied()),
            Kind::Edit => CreateAllowedMentions::new(),
        },
        attachments: rendered.files.iter().enumerate().map(attachment).collect(),
        nonce: match kind {
            Kind::Create { nonce } => Some(nonce),
            Kind::Edit => None,
        },
        enforce_nonce: matches!(kind, Kind::Create { .. }).then_some(true),
    };
    let Body::Json(json) = Body::json(&payload)? else { unreachable!("json makes JSON") };
    if rendered.files.is_empty() {
        return Ok(Body::Json(json));
    }
    let files = rendered.files.iter().map(|file| (file.name.clone(), file.content.clone())).collect();
    Ok(Body::Files { payload: json, files })
}

/// Sends one message. Waits for the first response of the interaction that it answers.
pub(crate) async fn send(
    api: &Api,
    unacknowledged: &Unacknowledged,
    outgoing: &Outgoing,
    now: Timestamp,
) -> Result<Sent, SendError> {
    let route = route(outgoing, now)?;
    if outgoing.slot.is_empty() || outgoing.slot.chars().count() > NONCE {
        return Err(SendError::Rejected(format!("a slot of 1 to {NONCE} characters is needed")));
    }
    let message = Message { api, nonce: &outgoing.slot, rendered: embeds::render(&outgoing.reply) };
    let limit = channel_limit(&route);
    match route {
        Route::Post(channel) => message.post(channel, Authorization::Governed).await,
        Route::Direct(user) => message.direct(user).await,
        Route::Edit(posted) => message.edit_or_repost(posted, Authorization::Governed).await,
        Route::Original(token, fallback) => {
            unacknowledged.wait(&token.value).await;
            match (message.original(token).await, fallback) {
                (Err(error), Fallback::Post(channel)) if token_is_gone(&error) => {
                    message.post(channel, Authorization::Bot).await
                }
                (Err(error), Fallback::Edit(posted)) if token_is_gone(&error) => {
                    message.edit_or_repost(posted, Authorization::Bot).await
                }
                (Err(error), Fallback::None) if token_is_gone(&error) => return Err(too_late()),
                (Ok(sent), Fallback::None) => Ok(Sent { posted: Posted::ByToken, ..sent }),
                (result, _) => result,
            }
        }
    }
    .map_err(|error| send_error(error, limit))
}

/// That of the channel, whichever way a message comes to it.
fn channel_limit(route: &Route<'_>) -> Option<RateKey> {
    match route {
        Route::Post(channel) | Route::Original(_, Fallback::Post(channel)) => Some(limits::post(channel)),
        Route::Edit(message) | Route::Original(_, Fallback::Edit(message)) => {
            Some(limits::edit(&message.room.id))
        }
        Route::Direct(user) => Some(limits::direct(user)),
        Route::Original(_, Fallback::None) => None,
    }
}

/// For a slot's next message after one was deleted. By the slot alone Discord would take it for the deleted one
/// and post nothing; the same deletion always gives the same, so that a repeat is still known.
fn repost_nonce(slot: &str, deleted: &MessageRef) -> String {
    let mut hasher = DefaultHasher::new();
    (slot, &deleted.room.id, &deleted.id).hash(&mut hasher);
    format!("again-{:016x}", hasher.finish())
}

struct Message<'a> {
    api: &'a Api,
    nonce: &'a str,
    rendered: Rendered,
}

impl Message<'_> {
    async fn post(&self, channel: &str, authorization: Authorization) -> Result<Sent, CallError> {
        self.create(channel, self.nonce, authorization).await
    }

    /// Discord gives the same channel each time that it is asked for one with this user.
    async fn direct(&self, user: &str) -> Result<Sent, CallError> {
        let body = Body::json(&json!({"recipient_id": user}))?;
        let opened =
            self.api.call(Method::POST, &["users", "@me", "channels"], Authorization::Bot, body).await?;
        let channel = snowflake::read(&opened.read::<Value>()?["id"])
            .ok_or_else(|| CallError::NotReached("an answer without the channel's id".to_owned()))?;
        self.post(&channel.to_string(), Authorization::Governed).await
    }

    /// Where somebody deleted the message, what it was to say is said anew: most often it is the answer that
    /// its progress was deleted before.
    async fn edit_or_repost(
        &self,
        message: &MessageRef,
        authorization: Authorization,
    ) -> Result<Sent, CallError> {
        match self.edit(message, authorization).await {
            Err(CallError::Refused { code: UNKNOWN_MESSAGE, .. }) => {
                let nonce = repost_nonce(self.nonce, message);
                self.create(&message.room.id, &nonce, Authorization::Bot).await
            }
            other => other,
        }
    }

    async fn create(
        &self,
        channel: &str,
        nonce: &str,
        authorization: Authorization,
    ) -> Result<Sent, CallError> {
        let body = payload(&self.rendered, Kind::Create { nonce })?;
        let path = ["channels", channel, "messages"];
        let answer = self.api.call(Method::POST, &path, authorization, body).await?;
        let posted = posted(&answer)?;
        // Without the id it can't be edited, but a second try would find it by its nonce.
        let posted =
            posted.ok_or_else(|| CallError::Unknown("an answer without the message's id".to_owned()))?;
        Ok(Sent { posted: Posted::Message(posted), quota: answer.quota })
    }

    async fn edit(&self, message: &MessageRef, authorization: Authorization) -> Result<Sent, CallError> {
        let body = payload(&self.rendered, Kind::Edit)?;
        let path = ["channels", &message.room.id, "messages", &message.id];
        let answer = self.api.call(Method::PATCH, &path, authorization, body).await?;
        Ok(Sent { posted: Posted::Message(message.clone()), quota: answer.quota })
    }

    async fn original(&self, token: &AnswerToken) -> Result<Sent, CallError> {
        let body = payload(&self.rendered, Kind::Edit)?;
        let path = deferral(&token.value);
        let answer = self.api.call(Method::PATCH, &path, Authorization::Address, body).await?;
        let posted = posted(&answer)?.map_or(Posted::ByToken, Posted::Message);
        Ok(Sent { posted, quota: answer.quota })
    }
}

/// The message in an answer, where its ids can be made out.
fn posted(answer: &Answer) -> Result<Option<MessageRef>, CallError> {
    let value: Value = answer.read()?;
    let ids = snowflake::read(&value["channel_id"]).zip(snowflake::read(&value["id"]));
    Ok(ids.map(|(channel, id)| MessageRef {
        room: Room::new(Platform::Discord, channel.to_string()),
        id: id.to_string(),
    }))
}

/// Says in the place of an answer that there will be none. A second try would not be more likely to arrive.
pub(crate) async fn say(api: &Api, token: &str, text: &str) {
    let notice = json!({"content": text, "allowed_mentions": {"parse": []}});
    notify(async {
        api.call(Method::PATCH, &deferral(token), Authorization::Address, Body::json(&notice)?).await
    })
    .await;
}

/// As [`say`], unless the answer is there already.
pub(crate) async fn say_if_unanswered(api: &Api, token: &str, text: &str) {
    let original = api.call(Method::GET, &deferral(token), Authorization::Address, Body::Empty).await;
    let flags = original.and_then(|answer| answer.read::<Value>()).map(|message| message["flags"].as_u64());
    if flags.is_ok_and(|flags| flags.unwrap_or_default() & LOADING != 0) {
        say(api, token, text).await;
    }
}

/// Takes a deferral away that nothing takes the place of.
pub(crate) async fn take_back(api: &Api, token: &str) {
    notify(api.call(Method::DELETE, &deferral(token), Authorization::Address, Body::Empty)).await;
}

/// Where an interaction's deferral is, and its answer after it.
fn deferral(token: &str) -> [&str; 5] {
    let (application, secret) = token.split_once('/').unwrap_or_default();
    ["webhooks", application, secret, "messages", "@original"]
}

/// Says in a channel that there will be no answer to `message`, once.
pub(crate) async fn post_notice(api: &Api, channel: u64, message: u64, text: &str) {
    let path = ["channels", &channel.to_string(), "messages"];
    let notice = json!({
        "content": text, "allowed_mentions": {"parse": []}, "nonce": message.to_string(), "enforce_nonce": true,
    });
    notify(async { api.call(Method::POST, &path, Authorization::Bot, Body::json(&notice)?).await }).await;
}

async fn notify(call: impl Future<Output = Result<Answer, CallError>>) {
    if let Err(error) = call.await {
        tracing::error!(%error, "a notice that there will be no answer could not be given");
    }
}

/// 401 (50027) and 404 (10008, 10015, 10062): the token is over, or there is nothing left to edit.
const fn token_is_gone(error: &CallError) -> bool {
    matches!(error, CallError::Refused { status: 401 | 404, .. })
}

pub(crate) fn send_error(error: CallError, channel: Option<RateKey>) -> SendError {
    let why = format!("{error}; `acgs check` says what the bot lacks");
    let barred = |limit| SendError::Barred { why, limit };
    match error {
        CallError::NotReached(why) => SendError::NotReached(why),
        CallError::Unknown(why) => SendError::Unknown(why),
        CallError::RateLimited { retry_after, limit } => SendError::RateLimited { retry_after, limit },
        CallError::Refused { status: 401, .. } => barred(Some(limits::global())),
        // A moderator or an operator mends these within minutes, often in the middle of an incident, and nobody
        // tells the asker of an answer that was thrown away: it waits for them.
        CallError::Refused { code: MISSING_ACCESS | MISSING_PERMISSIONS, .. } => barred(channel),
        CallError::Refused { .. } => SendError::Rejected(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
