//! The grammar as Discord's native `/acgs` command: subcommands, groups and typed options; and the commands of a
//! message's menu.
//!
//! Registered as a whole, and only when it is not what Discord has already: overwriting invalidates what
//! people's clients have loaded. With a guild in the configuration they exist there at once;
//! without one they are global. Services are offered by autocomplete, so that a new one needs no registration.

use commands::quoted::MessageCommand;
use commands::tree::{CommandNode, CommandTree, OptionKind, OptionNode};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::api::{Api, Authorization, Body, CallError};

/// What the next [`register`] would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registration {
    /// Discord has exactly this tree.
    Current,
    /// Discord has another one or none.
    Outdated,
}

/// Makes Discord have `tree`. Putting the same twice is the same as once.
pub(crate) async fn register(
    api: &Api,
    application: u64,
    guild: Option<u64>,
    tree: &CommandTree,
) -> Result<(), CallError> {
    if state(api, application, guild, tree).await? == Registration::Current {
        return Ok(());
    }
    let (application, guild) = (application.to_string(), guild.map(|guild| guild.to_string()));
    let path = path(&application, guild.as_deref());
    let body = Body::json(&commands(tree, guild.is_none()))?;
    api.call(Method::PUT, &path, Authorization::Bot, body).await?;
    tracing::info!(guild, "registered the /{} command and those on messages", tree.name);
    Ok(())
}

/// Whether Discord has `tree`. Reading it takes the `applications.commands` scope as well.
pub(crate) async fn state(
    api: &Api,
    application: u64,
    guild: Option<u64>,
    tree: &CommandTree,
) -> Result<Registration, CallError> {
    let (application, guild) = (application.to_string(), guild.map(|guild| guild.to_string()));
    let registered: Value = api.get(&path(&application, guild.as_deref()), &[]).await?;
    let wanted = json!(commands(tree, guild.is_none()));
    Ok(if same(&registered, &wanted) { Registration::Current } else { Registration::Outdated })
}

/// Whether another try would end the same: Discord itself found the commands wrong. A missing invitation is
/// made good while the bot runs, and anything without Discord's code is a page of something in front of it.
pub(crate) const fn is_final(error: &CallError) -> bool {
    matches!(error, CallError::Refused { status: 0, .. } | CallError::Refused { status: 400, code: 1.., .. })
}

fn path<'a>(application: &'a str, guild: Option<&'a str>) -> Vec<&'a str> {
    match guild {
        Some(guild) => vec!["applications", application, "guilds", guild, "commands"],
        None => vec!["applications", application, "commands"],
    }
}

/// Everything that is registered, as one list: whatever is not in it, Discord forgets.
fn commands(tree: &CommandTree, global: bool) -> Vec<Value> {
    let on_messages = MessageCommand::ALL.map(|command| {
        // A message command (3) has no description (interactions/application-commands).
        let command = json!({"type": 3, "name": command.name()});
        placed(command, global)
    });
    std::iter::once(command(tree, global)).chain(on_messages).collect()
}

/// The whole tree as one command. A global one is for guilds alone (context 0), since a direct message is
/// no incident channel; Discord takes `contexts` on global commands only.
pub(crate) fn command(tree: &CommandTree, global: bool) -> Value {
    let command = json!({
        "type": 1,
        "name": tree.name,
        "description": tree.description,
        "options": tree.commands.iter().map(node).collect::<Vec<_>>(),
    });
    placed(command, global)
}

fn placed(mut command: Value, global: bool) -> Value {
    if global {
        command["contexts"] = json!([0]);
    }
    command
}

/// A subcommand (1) or a group of them (2).
fn node(node: &CommandNode) -> Value {
    let (kind, options) = if node.commands().is_empty() {
        // Discord wants required options before the others; the sort keeps the order among equals.
        let mut options: Vec<&OptionNode> = node.options().iter().collect();
        options.sort_by_key(|option| !option.required);
        (1, options.into_iter().map(option).collect::<Vec<_>>())
    } else {
        (2, node.commands().iter().map(self::node).collect())
    };
    json!({"type": kind, "name": node.name, "description": node.description, "options": options})
}

/// A text (3), an integer (4) or a flag (5).
fn option(option: &OptionNode) -> Value {
    let mut json = json!({
        "name": option.name,
        "description": option.description,
        "required": option.required,
    });
    match option.kind {
        OptionKind::Text => json["type"] = 3.into(),
        OptionKind::Service => {
            json["type"] = 3.into();
            json["autocomplete"] = true.into();
        }
        OptionKind::Integer { min, max } => {
            json["type"] = 4.into();
            json["min_value"] = min.into();
            json["max_value"] = max.into();
        }
        OptionKind::Boolean => json["type"] = 5.into(),
    }
    json
}

/// Whether two lists are the same commands; Discord promises no order.
fn same(one: &Value, other: &Value) -> bool {
    let sorted = |list: &Value| {
        let mut list: Vec<Value> = list.as_array().into_iter().flatten().map(essence).collect();
        list.sort_by_key(|command| command["name"].to_string());
        list
    };
    sorted(one) == sorted(other)
}

/// Commands without what Discord adds to them and without what says nothing, for comparing.
fn essence(commands: &Value) -> Value {
    const COMPARED: [&str; 10] = [
        "type",
        "name",
        "description",
        "options",
        "required",
        "autocomplete",
        "choices",
        "min_value",
        "max_value",
        "contexts",
    ];
    match commands {
        Value::Array(items) => items.iter().map(essence).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(name, value)| COMPARED.contains(&name.as_str()) && says_something(value))
                .map(|(name, value)| (name.clone(), essence(value)))
                .collect::<Map<_, _>>(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => commands.clone(),
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests;
