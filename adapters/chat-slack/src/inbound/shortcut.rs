//! Commands that somebody finds in a message's menu.

use commands::form::Form;
use commands::ids::{Account, Platform};
use commands::message::{AnswerTo, EventKind};
use commands::quoted::MessageCommand;
use serde_json::Value;

use super::{Context, Heard, Opening, answer_token, field, heard};
use crate::quoted;

pub(super) fn shortcut(payload: &Value, context: Context<'_>) -> Heard {
    let Some(command) = field(payload, "/callback_id").and_then(MessageCommand::of_id) else {
        return Heard::Nothing;
    };
    let Some(user) = field(payload, "/user/id") else {
        return Heard::Unusable("a shortcut without a user");
    };
    let message = payload.pointer("/message").cloned().unwrap_or_default();
    let ts = field(payload, "/message_ts").or_else(|| field(&message, "/ts"));
    let (Some(channel), Some(ts)) = (field(payload, "/channel/id"), ts) else {
        return Heard::Unusable("a shortcut without a message");
    };
    // Slack says the workspace's own name here, and no address.
    let domain = field(payload, "/team/domain").unwrap_or("app");
    let link = quoted::address(domain, channel, ts, field(&message, "/thread_ts"));
    let Some(quoted) = quoted::read(&message, channel, ts, link) else {
        return Heard::Unusable("a shortcut on a message of nobody");
    };
    let token = answer_token(payload, context.now);
    let (place, trigger) = (quoted.place.clone(), field(payload, "/trigger_id"));
    match command {
        MessageCommand::Open => {
            let form = Form::about(quoted.text.as_deref().unwrap_or_default());
            Heard::Form(Box::new(Opening { form, trigger: trigger.map(str::to_owned), place, token }))
        }
        MessageCommand::Add => {
            let from = Account::new(Platform::Slack, user);
            let answer = AnswerTo { place: place.clone(), asker: from.clone(), token };
            let kind = EventKind::Quote { quoted: Box::new(quoted), answer };
            heard(trigger.unwrap_or(context.fallback_id), context.now, from, place, kind)
        }
    }
}
