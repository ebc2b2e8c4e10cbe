//! Clicks that ask for a form, and what was filled into one.

use commands::form::Form;
use commands::ids::{Account, Place, Platform, Room};
use commands::message::{AnswerTo, AnswerToken, EventKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Context, Heard, field, heard};

/// The `callback_id` of our forms.
pub(crate) const CALLBACK: &str = "form";

/// A form that somebody wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) form: Form,
    /// Good for one call within three seconds.
    pub(crate) trigger: Option<String>,
    pub(crate) place: Place,
    /// The way to tell the asker that there will be no form.
    pub(crate) token: Option<AnswerToken>,
}

/// What a form carries with it in its `private_metadata`: Slack hands back nothing else of where it was asked for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Carried {
    form: String,
    channel: String,
    thread: Option<String>,
}

impl Carried {
    pub(crate) fn with(opening: &Opening) -> Self {
        let Place { room, thread } = opening.place.clone();
        Self { form: opening.form.value(), channel: room.id, thread }
    }
}

/// A form that was sent: the line that it comes to.
pub(super) fn submission(payload: &Value, context: Context<'_>) -> Heard {
    if field(payload, "/view/callback_id") != Some(CALLBACK) {
        return Heard::Nothing;
    }
    let carried = field(payload, "/view/private_metadata").and_then(|text| serde_json::from_str(text).ok());
    let Some((carried, form)) = carried.and_then(|carried: Carried| {
        let form = Form::of(&carried.form)?;
        Some((carried, form))
    }) else {
        return Heard::Unusable("a form that is none of ours");
    };
    let Some(user) = field(payload, "/user/id") else {
        return Heard::Unusable("a form without a user");
    };
    let from = Account::new(Platform::Slack, user);
    let place = Place { room: Room::new(Platform::Slack, carried.channel), thread: carried.thread };
    let answer = AnswerTo { place: place.clone(), asker: from.clone(), token: None };
    let line = form.line(&answers(payload));
    // One view is sent once, however often its sending is delivered.
    let id = field(payload, "/view/id").map(|view| format!("view/{view}"));
    let id = id.as_deref().or_else(|| field(payload, "/trigger_id")).unwrap_or(context.fallback_id);
    heard(id, context.now, from, place, EventKind::Command { line, answer })
}

/// Each input is a block with the field's name that has one element of that name.
fn answers(payload: &Value) -> Vec<(String, String)> {
    let blocks = payload.pointer("/view/state/values").and_then(Value::as_object).into_iter().flatten();
    let answers = blocks.filter_map(|(name, block)| {
        let element = block.get(name)?;
        let text = field(element, "/value").or_else(|| field(element, "/selected_option/value"))?;
        Some((name.clone(), text.to_owned()))
    });
    answers.collect()
}
