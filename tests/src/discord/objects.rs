//! Discord's objects with all the fields that its documentation names as always there.

use serde_json::{Value, json};

use super::{BOT_USER, CHANNEL, GUILD, LOUNGE, THREAD};

const EPOCH: u64 = 1_420_070_400_000;
/// A role of the bot's own, with every permission that it asks for.
const BOT_ROLE: u64 = GUILD + 100;
/// View, send (also in threads), make public threads, embed, attach, read history, react.
const BOT_PERMISSIONS: &str = "309237763136";

/// When an id was made.
pub(super) fn made_at(id: u64) -> String {
    let milliseconds = i64::try_from((id >> 22) + EPOCH).expect("42 bits");
    jiff::Timestamp::from_millisecond(milliseconds).expect("before 2200").to_string()
}

pub(super) fn user(id: u64) -> Value {
    let is_bot = id == BOT_USER;
    json!({
        "id": id.to_string(), "username": if is_bot { "acgs" } else { "somebody" }, "discriminator": "0",
        "global_name": null, "avatar": null, "bot": is_bot, "public_flags": 0,
    })
}

pub(super) fn member(id: u64) -> Value {
    let roles = if id == BOT_USER { json!([BOT_ROLE.to_string()]) } else { json!([]) };
    json!({
        "user": user(id), "nick": null, "avatar": null, "roles": roles,
        "joined_at": "2024-01-01T00:00:00+00:00", "premium_since": null, "deaf": false, "mute": false,
        "flags": 0, "pending": false, "permissions": "2147483647", "communication_disabled_until": null,
    })
}

pub(super) fn thread(id: u64, name: &str, parent: u64) -> Value {
    json!({
        "id": id.to_string(), "type": 11, "guild_id": GUILD.to_string(), "name": name,
        "parent_id": parent.to_string(), "owner_id": BOT_USER.to_string(), "last_message_id": null,
        "rate_limit_per_user": 0, "message_count": 1, "member_count": 1, "flags": 0,
        "thread_metadata": {
            "archived": false, "auto_archive_duration": 1440, "locked": false,
            "archive_timestamp": "2024-01-01T00:00:00+00:00",
        },
    })
}

pub(super) fn channel(id: u64) -> Value {
    if id == THREAD {
        return thread(id, "outage", CHANNEL);
    }
    json!({
        "id": id.to_string(), "type": 0, "guild_id": GUILD.to_string(), "position": 0, "nsfw": false,
        "name": if id == CHANNEL { "incidents" } else { "lounge" }, "topic": null, "parent_id": null,
        "last_message_id": null, "rate_limit_per_user": 0, "permission_overwrites": [], "flags": 0,
    })
}

/// What `GUILD_CREATE` tells, as far as the GUILDS intent goes.
pub(super) fn guild() -> Value {
    json!({
        "id": GUILD.to_string(), "name": "Test server", "icon": null, "splash": null, "discovery_splash": null,
        "owner_id": "120000000000000001", "afk_channel_id": null, "afk_timeout": 300,
        "verification_level": 0, "default_message_notifications": 0, "explicit_content_filter": 0,
        "roles": [role(GUILD, "@everyone", "0"), role(BOT_ROLE, "acgs", BOT_PERMISSIONS)],
        "emojis": [], "features": [], "mfa_level": 0, "application_id": null, "system_channel_id": null,
        "system_channel_flags": 0, "rules_channel_id": null, "vanity_url_code": null, "description": null,
        "banner": null, "premium_tier": 0, "preferred_locale": "en-US", "public_updates_channel_id": null,
        "nsfw_level": 0, "premium_progress_bar_enabled": false, "joined_at": "2024-01-01T00:00:00+00:00",
        "large": false, "unavailable": false, "member_count": 2, "voice_states": [],
        "members": [member(BOT_USER)], "channels": [channel(CHANNEL), channel(LOUNGE)],
        "threads": [channel(THREAD)], "presences": [], "stage_instances": [], "guild_scheduled_events": [],
        "stickers": [], "soundboard_sounds": [], "safety_alerts_channel_id": null,
    })
}

fn role(id: u64, name: &str, permissions: &str) -> Value {
    json!({
        "id": id.to_string(), "name": name, "color": 0, "colors": {"primary_color": 0}, "hoist": false,
        "icon": null, "unicode_emoji": null, "position": 0, "permissions": permissions, "managed": false,
        "mentionable": false, "flags": 0,
    })
}

/// A Unicode emoji, or a custom one written as `name:id`.
pub(super) fn emoji(emoji: &str) -> Value {
    match emoji.split_once(':') {
        Some((name, id)) => json!({"id": id, "name": name}),
        None => json!({"id": null, "name": emoji}),
    }
}
