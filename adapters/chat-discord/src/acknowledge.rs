//! The first response to an interaction, due within three seconds of it.
//!
//! Nothing is said here that the bot has to say: a command is only acknowledged as stored (or not), and
//! what follows comes through the outbox.

use std::time::{Duration, Instant};

use commands::form::{Field, Form};
use commands::message::Visibility;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, Authorization, Body, CallError};
use crate::inbound::Interaction;

/// From an interaction's arrival. Discord gives up on it 3 s after it was made
/// (interactions/receiving-and-responding), and it was on its way for a part of that.
const DEADLINE: Duration = Duration::from_millis(2_500);
const PAUSE: Duration = Duration::from_millis(100);
/// Message flag of a reply that the asker alone sees.
const EPHEMERAL: u32 = 64;
/// "Interaction has already been acknowledged."
const ALREADY_ACKNOWLEDGED: u64 = 40_060;

/// The event could not be stored, so that nothing will be done about it.
pub(crate) const NOT_RECORDED: &str =
    "Not recorded: the bot could not store this, so nothing was done. Type it again in a minute.";
/// The event has no asker whom Discord vouches for, or is of a kind that the bot never offered.
pub(crate) const NOT_READABLE: &str =
    "Discord sent this without saying who asks or what for; nothing was done.";
/// Stored, and there is nothing to answer.
pub(crate) const NOTED: &str = "Noted.";

/// Stored before, by another delivery of the same.
pub(crate) const TAKEN_UP: &str =
    "This was taken up already. If it has an answer, that comes here or in the channel.";

/// A first response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// "The bot is thinking": the answer follows and takes this one's place.
    Defer(Visibility),
    /// A click that changes nothing to be seen.
    DeferUpdate,
    /// This is the whole answer, for the asker alone.
    Say(&'static str),
    /// Suggestions for the option being typed.
    Suggest(Vec<String>),
    /// A form to fill in; what is sent of it is an interaction of its own.
    Ask(Form),
}

impl Response {
    /// Interaction callback types 4, 5, 6, 8 and 9.
    fn to_json(&self) -> Value {
        match self {
            Self::Defer(Visibility::Public) => json!({"type": 5}),
            Self::Defer(Visibility::Private) => json!({"type": 5, "data": {"flags": EPHEMERAL}}),
            Self::DeferUpdate => json!({"type": 6}),
            Self::Say(text) => json!({"type": 4, "data": {
                "content": text, "flags": EPHEMERAL, "allowed_mentions": {"parse": []},
            }}),
            Self::Suggest(words) => {
                let choices: Vec<Value> = words
                    .iter()
                    .filter(|word| (1..=100).contains(&word.encode_utf16().count()))
                    .take(25)
                    .map(|word| json!({"name": word, "value": word}))
                    .collect();
                json!({"type": 8, "data": {"choices": choices}})
            }
            Self::Ask(form) => json!({"type": 9, "data": {
                "custom_id": form.value(), "title": form.title,
                "components": form.fields.iter().map(row).collect::<Vec<_>>(),
            }}),
        }
    }
}

/// One input in a row of its own. A choice is typed: what is none of them is for the grammar to refuse.
fn row(field: &Field) -> Value {
    let style = if field.long { 2 } else { 1 };
    let mut input = json!({
        "type": 4, "custom_id": field.name, "style": style, "label": field.label, "max_length": field.max,
        "required": field.required,
    });
    if !field.value.is_empty() {
        input["value"] = field.value.as_str().into();
    }
    json!({"type": 1, "components": [input]})
}

/// Gives the first response to an interaction that came at `arrived`. A response may be repeated, since
/// Discord takes only one: so it is, while there is time, when the connection failed. Whether Discord may
/// have taken this one: not when it has another delivery's, or certainly none.
pub(crate) async fn respond(
    api: &Api,
    interaction: &Interaction,
    arrived: Instant,
    response: Response,
) -> bool {
    let deadline = arrived + DEADLINE;
    let json = response.to_json();
    let mut may_be_taken = false;
    loop {
        let Err(error) = callback(api, interaction, deadline, &json).await else { return true };
        let pause = match &error {
            CallError::NotReached(_) => PAUSE,
            CallError::Unknown(_) => {
                may_be_taken = true;
                PAUSE
            }
            CallError::RateLimited { retry_after, .. } => *retry_after,
            // An earlier try, or another replica, was heard.
            CallError::Refused { code: ALREADY_ACKNOWLEDGED, .. } => return may_be_taken,
            CallError::Refused { .. } => DEADLINE,
        };
        if Instant::now() + pause >= deadline {
            // The answer then goes to the channel, where it may be public.
            tracing::warn!(interaction.id, %error, "an interaction could not be acknowledged in time");
            return may_be_taken;
        }
        tokio::time::sleep(pause).await;
    }
}

async fn callback(
    api: &Api,
    interaction: &Interaction,
    deadline: Instant,
    json: &Value,
) -> Result<(), CallError> {
    let id = interaction.id.to_string();
    let path = ["interactions", &id, &interaction.token, "callback"];
    let sent = api.call(Method::POST, &path, Authorization::Address, Body::json(json)?);
    match tokio::time::timeout_at(deadline.into(), sent).await {
        Ok(answer) => answer.map(drop),
        Err(_) => Err(CallError::Unknown("no answer in time".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deferral_fixes_who_sees_the_answer() {
        assert_eq!(Response::Defer(Visibility::Public).to_json(), json!({"type": 5}));
        assert_eq!(Response::Defer(Visibility::Private).to_json(), json!({"type": 5, "data": {"flags": 64}}));
    }

    #[test]
    fn a_form_is_a_modal_with_an_input_a_row() {
        let json = Response::Ask(Form::about("logins fail")).to_json();
        assert_eq!(json["type"], 9);
        assert_eq!(json["data"]["custom_id"], "ask open");
        let inputs = json!([
            {"type": 1, "components": [{
                "type": 4, "custom_id": "severity", "style": 1, "label": "How bad: P0, P1 or P2",
                "max_length": 2, "required": true, "value": "P1",
            }]},
            {"type": 1, "components": [{
                "type": 4, "custom_id": "title", "style": 2, "label": "What is wrong?", "max_length": 200,
                "required": true, "value": "logins fail",
            }]},
        ]);
        assert_eq!(json["data"]["components"], inputs);
    }

    #[test]
    fn suggestions_keep_to_discords_limits() {
        let words = (0..40).map(|number| "x".repeat(number * 5)).collect();
        let json = Response::Suggest(words).to_json();
        let choices = json["data"]["choices"].as_array().expect("a list");
        assert_eq!(choices.len(), 20, "neither the empty word nor the ones over 100");
        assert_eq!(choices[0], json!({"name": "xxxxx", "value": "xxxxx"}));
    }
}
