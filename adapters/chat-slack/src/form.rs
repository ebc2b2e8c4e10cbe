//! Forms as Slack shows them: one modal view, opened by a click's trigger.

use std::time::Duration;

use commands::form::{Field, Form};
use serde_json::{Value, json};

use crate::Shared;
use crate::error::CallError;
use crate::inbound::{CALLBACK, Carried, Opening};

/// A trigger is good for three seconds, of which the asker is to be told something where it did not do.
const OPEN_TIMEOUT: Duration = Duration::from_millis(1500);
const TELL_TIMEOUT: Duration = Duration::from_secs(1);

/// Shows the form, or tells the asker what to type instead.
pub(crate) async fn open(shared: &Shared, opening: &Opening) {
    let Some(error) = shown(shared, opening).await.err() else { return };
    // Another delivery of the same click was quicker.
    if matches!(&error, CallError::Refused(code) if code == "exchanged_trigger_id") {
        return;
    }
    tracing::warn!(?error, "a form could not be shown");
    let Some(token) = &opening.token else { return };
    let notice = json!({
        "response_type": "ephemeral",
        "replace_original": false,
        "text": format!("Slack did not show the form. Type this instead: /acgs {}", opening.form.example()),
    });
    let told = tokio::time::timeout(TELL_TIMEOUT, shared.api.respond(&token.value, &notice)).await;
    if !matches!(told, Ok(Ok(()))) {
        tracing::warn!("nor could the asker be told");
    }
}

async fn shown(shared: &Shared, opening: &Opening) -> Result<(), CallError> {
    let trigger = opening.trigger.as_deref().ok_or_else(|| CallError::Refused("no trigger_id".to_owned()))?;
    let request = json!({ "trigger_id": trigger, "view": view(opening) });
    let late = |_| Err(CallError::Unknown(format!("no answer within {OPEN_TIMEOUT:?}")));
    tokio::time::timeout(OPEN_TIMEOUT, shared.api.open_view(&request)).await.unwrap_or_else(late)
}

fn view(opening: &Opening) -> Value {
    let Form { title, fields, .. } = &opening.form;
    json!({
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": json!(Carried::with(opening)).to_string(),
        "title": plain(title),
        "submit": plain("Send"),
        "close": plain("Cancel"),
        "blocks": fields.iter().map(input).collect::<Vec<_>>(),
    })
}

fn input(field: &Field) -> Value {
    json!({
        "type": "input",
        "block_id": field.name,
        "optional": !field.required,
        "label": plain(field.label),
        "element": if field.choices.is_empty() { text(field) } else { choice(field) },
    })
}

fn text(field: &Field) -> Value {
    let mut element = json!({
        "type": "plain_text_input", "action_id": field.name, "multiline": field.long, "max_length": field.max,
    });
    if !field.value.is_empty() {
        element["initial_value"] = field.value.as_str().into();
    }
    element
}

fn choice(field: &Field) -> Value {
    let option = |choice: &str| json!({ "text": plain(choice), "value": choice });
    let mut element = json!({
        "type": "static_select", "action_id": field.name,
        "options": field.choices.iter().map(|choice| option(choice)).collect::<Vec<_>>(),
    });
    if field.choices.contains(&field.value.as_str()) {
        element["initial_option"] = option(&field.value);
    }
    element
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

#[cfg(test)]
mod tests {
    use commands::form::Ask;
    use commands::ids::{Place, Platform, Room};
    use commands::incident::IncidentNumber;

    use super::*;

    #[test]
    fn a_form_is_a_view_that_knows_where_it_was_asked_for() {
        let room = Room::new(Platform::Slack, "C1");
        let place = Place { room, thread: Some("1.000001".to_owned()) };
        let form = Form::new(Ask::Resolve(IncidentNumber(7)));
        let opening = Opening { form, trigger: None, place: place.clone(), token: None };
        let shown = view(&opening);
        assert_eq!((&shown["type"], &shown["callback_id"]), (&json!("modal"), &json!("form")));
        let carried = r#"{"form":"ask resolve 7","channel":"C1","thread":"1.000001"}"#;
        let carried: Value = serde_json::from_str(carried).expect("JSON");
        let metadata = shown["private_metadata"].as_str().expect("a text");
        assert_eq!(serde_json::from_str::<Value>(metadata).expect("JSON"), carried);
        let how = json!({
            "type": "input", "block_id": "how", "optional": false,
            "label": { "type": "plain_text", "text": "What mended it?", "emoji": false },
            "element": { "type": "plain_text_input", "action_id": "how", "multiline": true, "max_length": 200 },
        });
        assert_eq!((&shown["blocks"][0], &shown["blocks"][1]["optional"]), (&how, &json!(true)));

        let opening = Opening { form: Form::about("logins fail"), trigger: None, place, token: None };
        let blocks = &view(&opening)["blocks"];
        let severity = &blocks[0]["element"];
        assert_eq!(
            (&severity["type"], &severity["initial_option"]["value"]),
            (&json!("static_select"), &json!("P1"))
        );
        assert_eq!(severity["options"].as_array().map(Vec::len), Some(3));
        assert_eq!(blocks[1]["element"]["initial_value"], "logins fail");
    }
}
