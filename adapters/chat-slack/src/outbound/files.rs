//! Long output as file uploads, by the three calls that replaced `files.upload`
//! (docs.slack.dev/messaging/working-with-files): ask for an address, put the bytes there, show them.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use commands::message::{AnswerTo, Outgoing, Picture, SendError, TextFile, Visibility};
use serde_json::json;
use slack_morphism::prelude::{
    SlackApiFilesComplete, SlackApiFilesCompleteUploadExternalRequest, SlackChannelId, SlackFileId, SlackTs,
};

use super::Route;
use crate::Shared;
use crate::api::Upload;
use crate::blocks;
use crate::error::CallError;
use crate::limits;

/// Far more than messages with files that can be on their way at one time.
const REMEMBERED: usize = 64;

/// The files shown lately, so that a message that is sent again does not show its file again.
#[derive(Debug, Default)]
pub(crate) struct RecentUploads(Mutex<VecDeque<u64>>);

impl RecentUploads {
    fn contains(&self, key: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&key)
    }

    fn remember(&self, key: u64) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.push_back(key);
        while keys.len() > REMEMBERED {
            keys.pop_front();
        }
    }
}

/// Where files go.
enum Audience<'a> {
    /// The channel or thread of the message.
    Channel { room: &'a str, thread: Option<&'a str> },
    /// The asker's own conversation with the bot.
    Asker(&'a str),
}

/// The files that belong to a message.
struct Files<'a> {
    overflow: Option<TextFile>,
    own: Option<&'a TextFile>,
    picture: Option<&'a Picture>,
}

impl<'a> Files<'a> {
    fn of(outgoing: &'a Outgoing) -> Self {
        let reply = &outgoing.reply;
        let overflow = blocks::overflow(&reply.card);
        Self { overflow, own: reply.file.as_ref(), picture: reply.picture.as_ref() }
    }

    /// The picture last, so that it stands next to the message.
    fn list(&self) -> Vec<Upload<'_>> {
        let texts = self.overflow.iter().chain(self.own).map(Upload::text);
        texts.chain(self.picture.map(Upload::picture)).filter(|file| !file.content.is_empty()).collect()
    }

    /// The same for every try of one content.
    fn key(&self, slot: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        let contents: Vec<_> = self.list().into_iter().map(|file| (file.name, file.content)).collect();
        (slot, contents).hash(&mut hasher);
        hasher.finish()
    }
}

/// Whether sending will upload something.
pub(super) fn are_wanted(shared: &Shared, outgoing: &Outgoing) -> bool {
    let files = Files::of(outgoing);
    !files.list().is_empty() && !shared.uploads.contains(files.key(&outgoing.slot))
}

/// Uploads and shows what belongs to the message as files. Returns what the message has to say of them.
pub(super) async fn show(
    shared: &Shared,
    outgoing: &Outgoing,
    route: &Route<'_>,
) -> Result<Option<String>, SendError> {
    let of_message = Files::of(outgoing);
    let files = of_message.list();
    if files.is_empty() {
        return Ok(None);
    }
    let key = of_message.key(&outgoing.slot);
    let names = files.iter().map(|file| file.name).collect::<Vec<_>>().join(", ");
    let is_overflow = of_message.overflow.is_some();
    let whole = if is_overflow { "Too long for one message; all of it is in" } else { "More is in" };
    if shared.uploads.contains(key) {
        return Ok(Some(format!("{whole} {names}.")));
    }
    match upload(shared, outgoing, route, &files).await {
        Ok(direct) => {
            shared.uploads.remember(key);
            let to = if direct { ", sent to the asker directly" } else { "" };
            Ok(Some(format!("{whole} {names}{to}.")))
        }
        // The answer matters more than its file, and says that the file is missing.
        Err(CallError::Refused(code) | CallError::Barred(code)) => {
            tracing::error!(code, "Slack refuses a file");
            Ok(Some(format!("{whole} {names}, which Slack refuses ({code}).")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether it went to the asker instead of the channel.
async fn upload(
    shared: &Shared,
    outgoing: &Outgoing,
    route: &Route<'_>,
    files: &[Upload<'_>],
) -> Result<bool, CallError> {
    let mut uploaded = Vec::new();
    for file in files {
        let id = shared.api.upload(file).await.map_err(CallError::invisible)?;
        uploaded.push(SlackApiFilesComplete::new(SlackFileId(id)).with_title(file.name.to_owned()));
    }
    let asker = asker(route);
    match audience(outgoing.reply.visibility, route) {
        Some(Audience::Channel { room, thread }) => {
            let shown = share(shared, uploaded.clone(), room, thread).await;
            match (shown, asker) {
                (Err(error), Some(asker)) if error.is_outside_channel() => {
                    share_directly(shared, uploaded, &asker.asker.id).await.map(|()| true)
                }
                (shown, _) => shown.map(|()| false),
            }
        }
        Some(Audience::Asker(user)) => share_directly(shared, uploaded, user).await.map(|()| true),
        None => Err(CallError::Refused("nobody to show it to".to_owned())),
    }
}

fn audience<'a>(visibility: Visibility, route: &Route<'a>) -> Option<Audience<'a>> {
    let asker = asker(route).map(|answer| Audience::Asker(&answer.asker.id));
    let thread = |answer: Option<&'a AnswerTo>| answer.and_then(|answer| answer.place.thread.as_deref());
    match (visibility, *route) {
        (Visibility::Private, _) | (Visibility::Public, Route::Respond(..) | Route::Whisper(_)) => asker,
        (Visibility::Public, Route::Post(place, _)) => {
            Some(Audience::Channel { room: &place.room.id, thread: place.thread.as_deref() })
        }
        (Visibility::Public, Route::Direct(account)) => {
            Some(Audience::Channel { room: &account.id, thread: None })
        }
        (Visibility::Public, Route::Update(message, answer)) => {
            Some(Audience::Channel { room: &message.room.id, thread: thread(answer) })
        }
    }
}

const fn asker<'a>(route: &Route<'a>) -> Option<&'a AnswerTo> {
    match *route {
        Route::Post(_, answer) | Route::Update(_, answer) => answer,
        Route::Direct(_) => None,
        Route::Whisper(answer) | Route::Respond(answer, ..) => Some(answer),
    }
}

async fn share(
    shared: &Shared,
    files: Vec<SlackApiFilesComplete>,
    room: &str,
    thread: Option<&str>,
) -> Result<(), CallError> {
    let request = SlackApiFilesCompleteUploadExternalRequest::new(files)
        .with_channel_id(SlackChannelId(room.to_owned()))
        .opt_thread_ts(thread.map(|ts| SlackTs(ts.to_owned())));
    shared.api.share(&request).await
}

/// A file can't be shown to one person in a channel. A post to a user id opens the conversation
/// with them and tells its channel.
async fn share_directly(
    shared: &Shared,
    files: Vec<SlackApiFilesComplete>,
    user: &str,
) -> Result<(), CallError> {
    let notice = json!({ "channel": user, "text": "The file that belongs to my answer:" });
    let answer = shared.api.message("chat.postMessage", &limits::post(user), &notice).await?;
    let Some(room) = answer.channel else {
        return Err(CallError::Refused("no conversation with the asker".to_owned()));
    };
    share(shared, files, &room, None).await
}
