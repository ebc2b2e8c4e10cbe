//! From an [`Outgoing`] to calls of the Web API or of a `response_url`.
//!
//! Where a message goes is decided first and purely, in [`route`]. A file is shown before its
//! message, so that the message can tell the truth about it. No call is tried twice here.

mod files;

use commands::ids::{Account, MessageRef, Place, Platform, Room};
use commands::message::{
    AnswerTo, AnswerToken, Outgoing, Posted, RateKey, SendError, Sent, Target, Visibility,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use slack_morphism::prelude::{
    SlackApiChatPostEphemeralRequest, SlackApiChatPostMessageRequest, SlackApiChatUpdateRequest,
    SlackChannelId, SlackMessageContent, SlackMessageMetadata, SlackTs, SlackUserId,
};

use crate::blocks::{self, Rendered};
use crate::error::CallError;
use crate::{Shared, channel, limits};

pub(crate) use files::RecentUploads;

/// A token that is about to expire may be gone when the call arrives.
const TOKEN_MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// The call that a message needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route<'a> {
    /// `chat.postMessage`; the second is the way back if the bot is not in the channel.
    Post(&'a Place, Option<&'a AnswerTo>),
    /// `chat.postMessage` to a person's own id, which opens their direct messages.
    Direct(&'a Account),
    /// `chat.update`.
    Update(&'a MessageRef, Option<&'a AnswerTo>),
    /// `chat.postEphemeral`.
    Whisper(&'a AnswerTo),
    /// The `response_url`.
    Respond(&'a AnswerTo, &'a AnswerToken, Original),
}

/// Whether a response takes the place of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Original {
    Keep,
    Replace,
}

fn route(outgoing: &Outgoing, now: Timestamp) -> Result<Route<'_>, SendError> {
    let visibility = outgoing.reply.visibility;
    match &outgoing.target {
        Target::Answer(answer) => Ok(fresh(answer, visibility, now)),
        Target::Post(place) => match visibility {
            Visibility::Public => Ok(Route::Post(place, None)),
            Visibility::Private => Err(SendError::Rejected("a private message needs an asker".to_owned())),
        },
        Target::Direct(account) => Ok(Route::Direct(account)),
        Target::Edit { posted: Posted::Message(message), answer } => {
            Ok(Route::Update(message, answer.as_ref()))
        }
        Target::Edit { posted: Posted::ByToken | Posted::Ephemeral, answer: None } => {
            Err(SendError::Rejected("an answer without its way back can't be edited".to_owned()))
        }
        Target::Edit { posted: Posted::ByToken, answer: Some(answer) } => Ok(match living(answer, now) {
            Some(token) => Route::Respond(answer, token, Original::Replace),
            None => without_token(answer, visibility),
        }),
        Target::Edit { posted: Posted::Ephemeral, answer: Some(answer) } => {
            Ok(fresh(answer, visibility, now))
        }
    }
}

fn fresh(answer: &AnswerTo, visibility: Visibility, now: Timestamp) -> Route<'_> {
    match (visibility, living(answer, now)) {
        (Visibility::Private, Some(token)) => Route::Respond(answer, token, Original::Keep),
        // A delivery that did not say its channel can be answered by its token alone.
        (Visibility::Public, Some(token)) if answer.place.room.id.is_empty() => {
            Route::Respond(answer, token, Original::Keep)
        }
        (Visibility::Private | Visibility::Public, _) => without_token(answer, visibility),
    }
}

const fn without_token(answer: &AnswerTo, visibility: Visibility) -> Route<'_> {
    match visibility {
        Visibility::Public => Route::Post(&answer.place, Some(answer)),
        Visibility::Private => Route::Whisper(answer),
    }
}

fn living(answer: &AnswerTo, now: Timestamp) -> Option<&AnswerToken> {
    let token = answer.token.as_ref()?;
    (token.expires.duration_since(now) > TOKEN_MARGIN).then_some(token)
}

/// Whether it is an edit by a `response_url`, which Slack takes five times: progress must leave some for
/// the result.
pub(crate) const fn is_scarce(outgoing: &Outgoing) -> bool {
    matches!(outgoing.target, Target::Edit { posted: Posted::ByToken, .. })
}

/// What sending certainly counts against: the message's own limit and its file's.
pub(crate) fn rate_keys(shared: &Shared, outgoing: &Outgoing) -> Vec<RateKey> {
    let Some(own) = rate_key(outgoing, (shared.now)()) else { return Vec::new() };
    let mut keys = vec![own];
    if files::are_wanted(shared, outgoing) {
        keys.extend(limits::file());
    }
    keys
}

/// `None` for what is refused before any call.
fn rate_key(outgoing: &Outgoing, now: Timestamp) -> Option<RateKey> {
    Some(match route(outgoing, now).ok()? {
        Route::Post(place, _) => limits::post(&place.room.id),
        Route::Direct(account) => limits::post(&account.id),
        Route::Update(..) => limits::update(),
        Route::Whisper(_) => limits::whisper(),
        Route::Respond(_, token, _) => limits::respond(&token.value),
    })
}

pub(crate) async fn send(shared: &Shared, outgoing: &Outgoing) -> Result<Sent, SendError> {
    let now = (shared.now)();
    let route = route(outgoing, now)?;
    let mut notices = Vec::new();
    // An edit that is done twice shows nothing twice.
    let is_edit = matches!(route, Route::Update(..) | Route::Respond(_, _, Original::Replace));
    if outgoing.may_repeat && !is_edit {
        notices.push(REPEAT.to_owned());
    }
    notices.extend(files::show(shared, outgoing, &route).await?);
    let message = Message { shared, outgoing, rendered: blocks::render(&outgoing.reply, &notices) };
    let posted = match route {
        Route::Post(place, answer) => {
            message.post(place, answer.and_then(|a| Some((a, living(a, now)?)))).await
        }
        Route::Direct(account) => {
            let person = Place::channel(Room::new(Platform::Slack, account.id.clone()));
            message.post(&person, None).await
        }
        Route::Update(posted, answer) => message.update(posted, answer, now).await,
        Route::Whisper(answer) => message.whisper(answer).await,
        Route::Respond(answer, token, original) => message.respond(answer, token, original).await,
    };
    Ok(Sent { posted: posted?, quota: None })
}

/// Slack can't tell two equal posts apart, so a person has to.
const REPEAT: &str = "may be a repeat: whether an earlier try of this message arrived was never heard";

/// A message on its way.
struct Message<'a> {
    shared: &'a Shared,
    outgoing: &'a Outgoing,
    rendered: Rendered,
}

/// slack-morphism's own request knows no `response_type`.
#[derive(Serialize)]
struct Response {
    #[serde(flatten)]
    content: SlackMessageContent,
    response_type: &'static str,
    replace_original: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<String>,
}

impl Message<'_> {
    async fn post(
        &self,
        place: &Place,
        way_back: Option<(&AnswerTo, &AnswerToken)>,
    ) -> Result<Posted, SendError> {
        let room = SlackChannelId(place.room.id.clone());
        let request = SlackApiChatPostMessageRequest::new(room, self.content_with_slot())
            .with_link_names(false)
            .with_unfurl_links(false)
            .with_unfurl_media(false)
            .opt_thread_ts(place.thread.clone().map(SlackTs));
        match (
            self.shared.api.message("chat.postMessage", &limits::post(&place.room.id), &request).await,
            way_back,
        ) {
            (Ok(answer), _) => {
                let id =
                    answer.ts.ok_or_else(|| SendError::Unknown("chat.postMessage gave no ts".to_owned()))?;
                // After the post: nobody's page waits for it.
                channel::bring(self.shared, &place.room.id, self.reached(place)).await;
                let room = answer.channel.unwrap_or_else(|| place.room.id.clone());
                Ok(Posted::Message(MessageRef { room: Room::new(Platform::Slack, room), id }))
            }
            (Err(error), Some((answer, token))) if error.is_outside_channel() => {
                self.by_token(answer, token, Original::Keep).await.map_err(|late| match late {
                    // Why it had to go this way says more than why this way is closed.
                    CallError::Refused(_) | CallError::Barred(_) => error.into(),
                    late => late.into(),
                })
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Where the message is gone, what it was to say is said anew: most often it is the answer that its
    /// progress was deleted before.
    async fn update(
        &self,
        posted: &MessageRef,
        answer: Option<&AnswerTo>,
        now: Timestamp,
    ) -> Result<Posted, SendError> {
        let channel = SlackChannelId(posted.room.id.clone());
        let request =
            SlackApiChatUpdateRequest::new(channel, self.content_with_slot(), SlackTs(posted.id.clone()))
                .with_link_names(false);
        match self.shared.api.message("chat.update", &limits::update(), &request).await {
            Ok(_) => Ok(Posted::Message(posted.clone())),
            Err(error) if error.is_beyond_edit() => match answer {
                Some(answer) => self.post(&answer.place, Some(answer).zip(living(answer, now))).await,
                None => self.post(&Place::channel(posted.room.clone()), None).await,
            },
            Err(error) => Err(error.into()),
        }
    }

    async fn whisper(&self, answer: &AnswerTo) -> Result<Posted, SendError> {
        let channel = SlackChannelId(answer.place.room.id.clone());
        let user = SlackUserId(answer.asker.id.clone());
        let request = SlackApiChatPostEphemeralRequest::new(channel, user, self.content())
            .with_link_names(false)
            .opt_thread_ts(answer.place.thread.clone().map(SlackTs));
        self.shared.api.message("chat.postEphemeral", &limits::whisper(), &request).await?;
        Ok(Posted::Ephemeral)
    }

    /// By the token, and if Slack does not take it any more (used five times) as if there were none.
    async fn respond(
        &self,
        answer: &AnswerTo,
        token: &AnswerToken,
        original: Original,
    ) -> Result<Posted, SendError> {
        match self.by_token(answer, token, original).await {
            Err(CallError::Refused(_) | CallError::Barred(_)) => match self.outgoing.reply.visibility {
                Visibility::Public => self.post(&answer.place, None).await,
                Visibility::Private => self.whisper(answer).await,
            },
            other => other.map_err(SendError::from),
        }
    }

    async fn by_token(
        &self,
        answer: &AnswerTo,
        token: &AnswerToken,
        original: Original,
    ) -> Result<Posted, CallError> {
        let response = Response {
            content: self.content(),
            response_type: match self.outgoing.reply.visibility {
                Visibility::Public => "in_channel",
                Visibility::Private => "ephemeral",
            },
            replace_original: original == Original::Replace,
            thread_ts: answer.place.thread.clone(),
        };
        self.shared.api.respond(&token.value, &response).await?;
        Ok(Posted::ByToken)
    }

    /// Whom a mention in a channel is to reach; a conversation with one person has them.
    fn reached(&self, place: &Place) -> &[Account] {
        if place.room.id.starts_with('C') { &self.outgoing.reply.mentions } else { &[] }
    }

    fn content(&self) -> SlackMessageContent {
        SlackMessageContent::new()
            .with_text(self.rendered.text.clone())
            .with_blocks(self.rendered.blocks.clone())
    }

    /// With the slot in the metadata, by which a message can be found again.
    fn content_with_slot(&self) -> SlackMessageContent {
        // Slack takes strings, numbers and booleans as values; slack-morphism reads strings only.
        let payload = [("slot".to_owned(), self.outgoing.slot.clone())].into();
        let metadata = SlackMessageMetadata::new("acgs_message".to_owned()).with_event_payload(payload);
        self.content().with_metadata(metadata)
    }
}

#[cfg(test)]
mod tests;
