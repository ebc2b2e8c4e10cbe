//! Discord's rules for application commands (interactions/application-commands), and what a person can send
//! by them: only what is registered.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::message::list;

/// The type of a command on a message.
const MESSAGE: u64 = 3;
/// Option types that hold a value: text, integer, flag, number.
const TEXT: u64 = 3;
const INTEGER: u64 = 4;
const BOOLEAN: u64 = 5;
const NUMBER: u64 = 10;

/// Everything that is wrong with a list of commands.
pub(super) fn broken(commands: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if list(commands).count() > 100 {
        found.push("more than 100 commands".to_owned());
    }
    names(commands, &mut found);
    for command in list(commands) {
        let known = [
            "id",
            "type",
            "name",
            "name_localizations",
            "description",
            "description_localizations",
            "options",
            "default_member_permissions",
            "dm_permission",
            "contexts",
            "integration_types",
            "handler",
        ];
        fields(command, &known, &mut found);
        if command["type"] == MESSAGE {
            on_message(command, &mut found);
            continue;
        }
        named(command, &mut found);
        level(&command["options"], 0, &mut found);
        let characters = characters(command);
        if characters > 8000 {
            found.push(format!("{characters} characters in /{}", command["name"]));
        }
    }
    found
}

fn level(options: &Value, depth: usize, found: &mut Vec<String>) {
    if list(options).count() > 25 {
        found.push("more than 25 options on a level".to_owned());
    }
    names(options, found);
    let mut optional_seen = false;
    let kinds: BTreeSet<bool> =
        list(options).map(|option| matches!(option["type"].as_u64(), Some(1 | 2))).collect();
    if kinds.len() > 1 {
        found.push("subcommands beside options".to_owned());
    }
    for option in list(options) {
        named(option, found);
        match option["type"].as_u64() {
            Some(2) if depth == 0 => {
                if list(&option["options"]).any(|below| below["type"] != 1) {
                    found.push(format!("a group with something other than subcommands: {}", option["name"]));
                }
                fields(option, &["type", "name", "description", "options"], found);
                level(&option["options"], 1, found);
            }
            Some(1) if depth <= 1 => {
                fields(option, &["type", "name", "description", "options"], found);
                level(&option["options"], 2, found);
            }
            Some(TEXT | INTEGER | BOOLEAN | NUMBER) => {
                value_option(option, found);
                let required = option["required"] == true;
                if required && optional_seen {
                    found.push(format!("required {} after an optional one", option["name"]));
                }
                optional_seen |= !required;
            }
            other => found.push(format!("type {other:?} at depth {depth}")),
        }
    }
}

fn value_option(option: &Value, found: &mut Vec<String>) {
    let known: &[&str] = match option["type"].as_u64() {
        Some(TEXT) => &[
            "type",
            "name",
            "description",
            "required",
            "autocomplete",
            "choices",
            "min_length",
            "max_length",
        ],
        Some(BOOLEAN) => &["type", "name", "description", "required"],
        _ => {
            &["type", "name", "description", "required", "autocomplete", "choices", "min_value", "max_value"]
        }
    };
    fields(option, known, found);
    let choices: Vec<&Value> = list(&option["choices"]).collect();
    if choices.len() > 25 || (option["autocomplete"] == true && !choices.is_empty()) {
        found.push(format!("too many choices, or choices and autocomplete: {}", option["name"]));
    }
    for choice in choices {
        if !(1..=100).contains(&count(&choice["name"])) || count(&choice["value"]) > 100 {
            found.push(format!("a choice out of limits: {choice}"));
        }
    }
}

/// A message command has a name with blanks and capitals, and nothing below it.
fn on_message(command: &Value, found: &mut Vec<String>) {
    let name = command["name"].as_str().unwrap_or_default();
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '\'' | ' ');
    if !(1..=32).contains(&name.chars().count()) || !name.chars().all(allowed) {
        found.push(format!("name {name:?}"));
    }
    if count(&command["description"]) > 0 || list(&command["options"]).next().is_some() {
        found.push(format!("a description or options of {name:?}"));
    }
}

/// The `data` of an interaction with a command on a message.
pub(super) fn on(registered: &Value, name: &str, message: &Value) -> Result<Value, String> {
    let mut commands = list(registered);
    let command = commands.find(|command| command["type"] == MESSAGE && command["name"] == name);
    let command = command.ok_or_else(|| format!("{name:?} is not in the menu of a message"))?;
    let id = message["id"].as_str().ok_or("a message has an id")?;
    Ok(json!({
        "id": command["id"], "name": name, "type": MESSAGE, "target_id": id,
        "resolved": {"messages": {id: message}},
    }))
}

/// `^[-_'\p{L}\p{N}]{1,32}$`, lower case; description 1 to 100.
fn named(node: &Value, found: &mut Vec<String>) {
    let name = node["name"].as_str().unwrap_or_default();
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '\'');
    if !(1..=32).contains(&name.chars().count()) || !name.chars().all(allowed) || name != name.to_lowercase()
    {
        found.push(format!("name {name:?}"));
    }
    if !(1..=100).contains(&count(&node["description"])) {
        found.push(format!("description of {name:?}: {}", node["description"]));
    }
}

fn names(siblings: &Value, found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for sibling in list(siblings) {
        if !seen.insert(sibling["name"].to_string()) {
            found.push(format!("{} twice", sibling["name"]));
        }
    }
}

fn fields(object: &Value, known: &[&str], found: &mut Vec<String>) {
    let names = object.as_object().into_iter().flatten().map(|(name, _)| name);
    found.extend(
        names.filter(|name| !known.contains(&name.as_str())).map(|name| format!("unknown field {name}")),
    );
}

/// Names, descriptions and choices, all the way down.
fn characters(node: &Value) -> usize {
    let choices = list(&node["choices"]).map(|choice| count(&choice["name"]) + count(&choice["value"]));
    count(&node["name"])
        + count(&node["description"])
        + choices.sum::<usize>()
        + list(&node["options"]).map(characters).sum::<usize>()
}

fn count(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

/// The `data` of an interaction with the command `/acgs PATH` and its options as typed; `focused` is the one
/// being completed. The error says what a client would not let a person send.
pub(super) fn invocation(
    registered: &Value,
    path: &[&str],
    options: &[(&str, &str)],
    focused: Option<&str>,
) -> Result<Value, String> {
    let command =
        list(registered).find(|command| command["name"] == "acgs").ok_or("/acgs is not registered")?;
    let mut node = command;
    for word in path {
        let below = list(&node["options"]).find(|option| option["name"] == *word);
        node = below.ok_or_else(|| format!("{word} is not registered below {}", node["name"]))?;
    }
    if list(&node["options"]).any(|option| matches!(option["type"].as_u64(), Some(1 | 2))) {
        return Err(format!("{} is a group", node["name"]));
    }
    let given = options.iter().map(|(name, value)| given(node, name, value, focused == Some(name)));
    let mut level: Vec<Value> = given.collect::<Result<_, _>>()?;
    let missing = list(&node["options"]).find(|option| {
        option["required"] == true
            && focused.is_none()
            && options.iter().all(|(name, _)| option["name"] != *name)
    });
    if let Some(missing) = missing {
        return Err(format!("{} is required", missing["name"]));
    }
    for (depth, word) in path.iter().enumerate().rev() {
        let kind = if depth + 1 == path.len() { 1 } else { 2 };
        level = vec![json!({"type": kind, "name": word, "options": level})];
    }
    Ok(json!({"id": command["id"], "name": "acgs", "type": 1, "options": level}))
}

/// One option with its value, as the registered type has it.
fn given(node: &Value, name: &str, typed: &str, is_focused: bool) -> Result<Value, String> {
    let option = list(&node["options"]).find(|option| option["name"] == name);
    let option = option.ok_or_else(|| format!("{} has no option {name}", node["name"]))?;
    if is_focused {
        if option["autocomplete"] != true {
            return Err(format!("{name} is not completed"));
        }
        return Ok(json!({"type": option["type"], "name": name, "value": typed, "focused": true}));
    }
    let value = match option["type"].as_u64() {
        Some(INTEGER) => {
            let number: i64 = typed.parse().map_err(|_| format!("{typed} is no integer"))?;
            let low = option["min_value"].as_i64().is_some_and(|least| number < least);
            let high = option["max_value"].as_i64().is_some_and(|most| number > most);
            if low || high {
                return Err(format!("{number} is out of the range of {name}"));
            }
            json!(number)
        }
        Some(BOOLEAN) => json!(typed == "true"),
        _ => json!(typed),
    };
    Ok(json!({"type": option["type"], "name": name, "value": value}))
}
