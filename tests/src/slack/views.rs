//! Modals: opened by the bot within three seconds of a click, filled in and sent by a person
//! (docs.slack.dev/surfaces/modals, reference/views, reference/block-kit).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::SlackServer;
use super::delivery::{AckOutcome, Kind};
use super::state::State;
use super::web::Args;

/// A trigger is good for this long, and once.
const TRIGGER_LIFE: Duration = Duration::from_secs(3);

/// What a click, a command or a shortcut gives to open a modal with.
pub(super) struct Trigger {
    user: String,
    made: Instant,
    is_used: bool,
}

/// A modal that somebody sees.
#[derive(Clone, Debug)]
pub struct View {
    /// `V…`
    pub id: String,
    /// Who sees it.
    pub user: String,
    /// As it was opened.
    pub view: Value,
    is_read: bool,
}

impl View {
    /// Its title.
    #[must_use]
    pub fn title(&self) -> &str {
        self.view["title"]["text"].as_str().unwrap_or_default()
    }

    /// What stands in an input at first.
    ///
    /// # Panics
    /// Where there is no such input.
    #[must_use]
    pub fn initial(&self, name: &str) -> &str {
        let element = &self.input(name)["element"];
        let text = element["initial_value"].as_str().or_else(|| element["initial_option"]["value"].as_str());
        text.unwrap_or_default()
    }

    fn input(&self, name: &str) -> &Value {
        let inputs = self.view["blocks"].as_array().into_iter().flatten();
        let found = inputs.filter(|block| block["type"] == "input").find(|block| block["block_id"] == name);
        found.unwrap_or_else(|| panic!("no input {name:?} in {:#}", self.view))
    }

    /// What the platform says of its inputs when they are filled in so.
    fn state(&self, answers: &[(&str, &str)]) -> Value {
        for (name, text) in answers {
            let element = &self.input(name)["element"];
            let most = element["max_length"].as_u64().unwrap_or(3000);
            assert!(
                text.encode_utf16().count() as u64 <= most,
                "nobody can type more than {most} into {name}"
            );
            let options = element["options"].as_array();
            let offered = options.is_none_or(|options| options.iter().any(|option| option["value"] == *text));
            assert!(offered, "{text:?} is no choice of {name}");
        }
        let mut values = json!({});
        for block in self.view["blocks"].as_array().into_iter().flatten() {
            let (block_id, element) = (block["block_id"].as_str().unwrap_or_default(), &block["element"]);
            let action = element["action_id"].as_str().unwrap_or_default();
            let given = answers.iter().find(|(name, _)| *name == block_id).map(|(_, text)| *text);
            let text = given.unwrap_or_else(|| self.initial(block_id));
            assert!(!text.is_empty() || block["optional"] == true, "nobody can send it without {block_id}");
            let value = if text.is_empty() { Value::Null } else { text.into() };
            values[block_id][action] = match element["type"].as_str() {
                Some("static_select") => {
                    json!({ "type": "static_select", "selected_option": { "value": value } })
                }
                _ => json!({ "type": element["type"], "value": value }),
            };
        }
        json!({ "values": values })
    }
}

impl SlackServer {
    /// Waits for a modal of this person that no test has seen.
    ///
    /// # Panics
    /// After `timeout`.
    pub async fn wait_view(&self, user: &str, timeout: Duration) -> View {
        self.wait(timeout, "a modal", |state| {
            let found = state.views.iter_mut().find(|view| !view.is_read && view.user == user)?;
            found.is_read = true;
            Some(found.clone())
        })
        .await
    }

    /// Its reader fills it in and sends it. What is not answered stays as it is.
    ///
    /// # Panics
    /// Where a person could not fill it in so.
    pub async fn submit(&self, view: &View, answers: &[(&str, &str)]) -> AckOutcome {
        let trigger = self.state().trigger(&view.user);
        let mut sent = json!({
            "id": view.id, "team_id": "T0TEST", "state": view.state(answers), "hash": "1.x", "app_id": "A0TEST",
            "root_view_id": view.id, "previous_view_id": null, "bot_id": "B0BOT", "clear_on_close": false,
            "notify_on_close": false, "external_id": "",
        });
        for (name, value) in view.view.as_object().into_iter().flatten() {
            sent[name] = value.clone();
        }
        let payload = json!({
            "type": "view_submission", "api_app_id": "A0TEST", "trigger_id": trigger, "token": "verification",
            "team": { "id": "T0TEST", "domain": "test" }, "user": { "id": view.user, "team_id": "T0TEST" },
            "view": sent, "response_urls": [], "is_enterprise_install": false, "enterprise": null,
        });
        self.interactive(Kind::Click, &payload).await
    }
}

impl State {
    /// A new trigger of a person's.
    pub(super) fn trigger(&mut self, user: &str) -> String {
        let id = format!("{}.{:x}", self.number(), rand::random::<u64>());
        let trigger = Trigger { user: user.to_owned(), made: Instant::now(), is_used: false };
        self.triggers.insert(id.clone(), trigger);
        id
    }
}

/// `views.open`.
pub(super) fn open(state: &mut State, args: &Args) -> Result<Value, &'static str> {
    let id = args.get("trigger_id").and_then(Value::as_str).unwrap_or_default();
    let trigger = state.triggers.get_mut(id).ok_or("invalid_trigger_id")?;
    if trigger.is_used {
        return Err("exchanged_trigger_id");
    }
    if trigger.made.elapsed() > TRIGGER_LIFE {
        return Err("expired_trigger_id");
    }
    let view = args.get("view").cloned().unwrap_or_default();
    let broken = broken(&view);
    if !broken.is_empty() {
        state.violation("invalid_arguments", format!("views.open: {}", broken.join("; ")));
        return Err("invalid_arguments");
    }
    let user = trigger.user.clone();
    trigger.is_used = true;
    let id = format!("V{:08}", state.number());
    state.views.push(View { id: id.clone(), user, view, is_read: false });
    Ok(json!({ "ok": true, "view": { "id": id } }))
}

fn broken(view: &Value) -> Vec<String> {
    const KNOWN: [&str; 10] = [
        "type",
        "title",
        "blocks",
        "close",
        "submit",
        "private_metadata",
        "callback_id",
        "clear_on_close",
        "notify_on_close",
        "external_id",
    ];
    let mut found = unknown(view, &KNOWN);
    if view["type"] != "modal" {
        found.push("type is not modal".to_owned());
    }
    for part in ["title", "submit", "close"] {
        plain(&view[part], 24, part, &mut found);
    }
    for (part, most) in [("private_metadata", 3000), ("callback_id", 255)] {
        if length(&view[part]) > most {
            found.push(format!("{part} over {most}"));
        }
    }
    let blocks: Vec<&Value> = view["blocks"].as_array().into_iter().flatten().collect();
    if !(1..=100).contains(&blocks.len()) {
        found.push(format!("{} blocks", blocks.len()));
    }
    let ids: BTreeSet<_> = blocks.iter().map(|block| block["block_id"].to_string()).collect();
    if ids.len() != blocks.len() {
        found.push("a block_id twice, or none".to_owned());
    }
    for block in blocks {
        input(block, &mut found);
    }
    found
}

fn input(block: &Value, found: &mut Vec<String>) {
    found.extend(unknown(
        block,
        &["type", "block_id", "label", "element", "optional", "hint", "dispatch_action"],
    ));
    if block["type"] != "input" || length(&block["block_id"]) > 255 {
        found.push(format!("no input, or block_id over 255: {block}"));
    }
    plain(&block["label"], 2000, "label", found);
    let element = &block["element"];
    if !(1..=255).contains(&length(&element["action_id"])) {
        found.push(format!("action_id of {element}"));
    }
    match element["type"].as_str() {
        Some("plain_text_input") => {
            found.extend(unknown(
                element,
                &[
                    "type",
                    "action_id",
                    "multiline",
                    "max_length",
                    "min_length",
                    "initial_value",
                    "placeholder",
                ],
            ));
            let most = element["max_length"].as_u64().unwrap_or(3000);
            if !(1..=3000).contains(&most) || length(&element["initial_value"]) as u64 > most {
                found.push(format!("max_length or initial_value of {element}"));
            }
        }
        Some("static_select") => {
            found
                .extend(unknown(element, &["type", "action_id", "options", "initial_option", "placeholder"]));
            let options: Vec<&Value> = element["options"].as_array().into_iter().flatten().collect();
            let initial = &element["initial_option"];
            if !(1..=100).contains(&options.len()) || !(initial.is_null() || options.contains(&initial)) {
                found.push(format!("options of {element}"));
            }
            for option in options {
                plain(&option["text"], 75, "option", found);
                if !(1..=150).contains(&length(&option["value"])) {
                    found.push(format!("value of {option}"));
                }
            }
        }
        other => found.push(format!("an element {other:?}")),
    }
}

fn plain(text: &Value, most: usize, of: &str, found: &mut Vec<String>) {
    found.extend(unknown(text, &["type", "text", "emoji"]));
    if text["type"] != "plain_text" || !(1..=most).contains(&length(&text["text"])) {
        found.push(format!("{of} is no plain_text of 1 to {most}: {text}"));
    }
}

fn unknown(object: &Value, known: &[&str]) -> Vec<String> {
    let names = object.as_object().into_iter().flatten().map(|(name, _)| name);
    names.filter(|name| !known.contains(&name.as_str())).map(|name| format!("unknown field {name}")).collect()
}

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.encode_utf16().count())
}
