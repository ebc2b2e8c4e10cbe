//! The doctor: whether the token, the application, the invitation, the incident channels and the
//! permissions in them are as the bot needs them. Reads only.

use commands::tree::CommandTree;
use serde_json::Value;
use serenity::model::permissions::Permissions;

use crate::Shared;
use crate::api::CallError;
use crate::error::DiscordError;
use crate::manifest::PERMISSIONS;
use crate::{DiscordIdentity, registration, snowflake};

/// Types of channels that people type in: text (0), announcements (5) and the three kinds of threads.
const TALK: [u64; 5] = [0, 5, 10, 11, 12];

pub(crate) async fn check(shared: &Shared) -> Result<DiscordIdentity, DiscordError> {
    let api = &shared.api;
    let get = async |path: &[&str]| -> Result<Value, CallError> { api.get(path, &[]).await };
    let ask = "tell who the bot is";
    let application = get(&["applications", "@me"]).await.map_err(|error| error.into_error(ask))?;
    let user = get(&["users", "@me"]).await.map_err(|error| error.into_error(ask))?;
    let guilds = get(&["users", "@me", "guilds"]).await.map_err(|error| error.into_error(ask))?;
    let bot_user = snowflake::read(&user["id"]).unwrap_or_default();
    let mut problems = Vec::new();
    if snowflake::read(&application["id"]) != Some(shared.application) {
        problems.push(format!(
            "[discord] application_id is {}, but the token belongs to application {}",
            shared.application,
            text(&application["id"])
        ));
    }
    let member_of: Vec<u64> = list(&guilds).filter_map(|guild| snowflake::read(&guild["id"])).collect();
    problems.extend(invitation(shared, &member_of));
    problems.extend(commands(shared, &shared.tree).await);
    for room in &shared.rooms {
        problems.extend(room_problem(shared, *room, bot_user).await);
    }
    Ok(DiscordIdentity {
        application: text(&application["name"]),
        bot_user: text(&user["username"]),
        guilds: list(&guilds).map(|guild| text(&guild["name"])).collect(),
        problems,
    })
}

fn invitation(shared: &Shared, member_of: &[u64]) -> Option<String> {
    match shared.guild {
        Some(guild) if !member_of.contains(&guild) => Some(format!(
            "the bot is not in the server {guild} of [discord] guild_id: open the link of `acgs manifest discord`"
        )),
        None if member_of.is_empty() => {
            Some("the bot is in no server: open the link of `acgs manifest discord`".to_owned())
        }
        Some(_) | None => None,
    }
}

/// Reading the registered commands takes the scope that registering them takes.
async fn commands(shared: &Shared, tree: &CommandTree) -> Option<String> {
    let state = registration::state(&shared.api, shared.application, shared.guild, tree).await;
    state.err().map(|error| {
        format!(
            "slash commands can't be registered ({error}): invite the bot again with the link of \
             `acgs manifest discord`, which has the scope applications.commands"
        )
    })
}

async fn room_problem(shared: &Shared, room: u64, bot_user: u64) -> Option<String> {
    let api = &shared.api;
    let channel: Value = match api.get(&["channels", &room.to_string()], &[]).await {
        Ok(channel) => channel,
        Err(error) => return Some(format!("incident channel discord:{room} can't be read: {error}")),
    };
    if !channel["type"].as_u64().is_some_and(|kind| TALK.contains(&kind)) {
        return Some(format!("incident channel discord:{room} is no text channel"));
    }
    let guild = snowflake::read(&channel["guild_id"])?.to_string();
    let guild_of: Value = match api.get(&["guilds", &guild], &[]).await {
        Ok(guild) => guild,
        Err(error) => return Some(format!("server {guild} of discord:{room} can't be read: {error}")),
    };
    let member: Value = match api.get(&["guilds", &guild, "members", &bot_user.to_string()], &[]).await {
        Ok(member) => member,
        Err(error) => return Some(format!("the bot's roles in server {guild} can't be read: {error}")),
    };
    let missing = PERMISSIONS.difference(permissions(&guild_of, &member, &channel, bot_user));
    (!missing.is_empty()).then(|| {
        let names = missing.get_permission_names().join(", ");
        format!("in incident channel discord:{room} the bot lacks: {names}")
    })
}

/// What a member may do in a channel (topics/permissions, *Permission Hierarchy*).
fn permissions(guild: &Value, member: &Value, channel: &Value, user: u64) -> Permissions {
    let everyone = &guild["id"];
    let roles: Vec<&Value> = list(&member["roles"]).chain(std::iter::once(everyone)).collect();
    let of_roles = list(&guild["roles"])
        .filter(|role| roles.contains(&&role["id"]))
        .fold(Permissions::empty(), |all, role| all | bits(&role["permissions"]));
    if of_roles.administrator() {
        return Permissions::all();
    }
    let user = Value::from(user.to_string());
    let overwrites = |applies: &dyn Fn(&Value) -> bool, before: Permissions| {
        let (deny, allow) = list(&channel["permission_overwrites"])
            .filter(|overwrite| applies(&overwrite["id"]))
            .fold((Permissions::empty(), Permissions::empty()), |(deny, allow), overwrite| {
                (deny | bits(&overwrite["deny"]), allow | bits(&overwrite["allow"]))
            });
        before.difference(deny) | allow
    };
    let after_everyone = overwrites(&|id| id == everyone, of_roles);
    let after_roles = overwrites(&|id| id != everyone && roles.contains(&id), after_everyone);
    overwrites(&|id| *id == user, after_roles)
}

fn bits(value: &Value) -> Permissions {
    Permissions::from_bits_truncate(value.as_str().and_then(|bits| bits.parse().ok()).unwrap_or_default())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn permissions_come_from_roles_and_then_from_the_channels_overwrites() {
        let guild = json!({"id": "1", "roles": [
            {"id": "1", "permissions": Permissions::VIEW_CHANNEL.bits().to_string()},
            {"id": "2", "permissions": Permissions::SEND_MESSAGES.bits().to_string()},
            {"id": "3", "permissions": Permissions::ADMINISTRATOR.bits().to_string()},
        ]});
        let channel = json!({"permission_overwrites": [
            {"id": "1", "deny": Permissions::VIEW_CHANNEL.bits().to_string(), "allow": "0"},
            {"id": "2", "deny": "0", "allow": Permissions::VIEW_CHANNEL.bits().to_string()},
            {"id": "9", "deny": Permissions::SEND_MESSAGES.bits().to_string(), "allow": "0"},
        ]});
        let of = |roles: Value, user| permissions(&guild, &json!({"roles": roles}), &channel, user);
        assert_eq!(of(json!([]), 8), Permissions::empty());
        assert_eq!(of(json!(["2"]), 8), Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES);
        assert_eq!(of(json!(["2"]), 9), Permissions::VIEW_CHANNEL, "an overwrite for the member wins");
        assert_eq!(of(json!(["3"]), 9), Permissions::all(), "an administrator may everything");
    }
}
