//! What to grant the bot: exactly the scopes, permissions and intents that it uses.

use serenity::model::gateway::GatewayIntents;
use serenity::model::permissions::Permissions;

/// What the bot may do where it is invited.
pub(crate) const PERMISSIONS: Permissions = Permissions::VIEW_CHANNEL
    .union(Permissions::SEND_MESSAGES)
    .union(Permissions::CREATE_PUBLIC_THREADS)
    .union(Permissions::SEND_MESSAGES_IN_THREADS)
    .union(Permissions::EMBED_LINKS)
    .union(Permissions::ATTACH_FILES)
    .union(Permissions::READ_MESSAGE_HISTORY);

/// What the gateway sends. None of them is privileged: the content of messages that mention the bot comes
/// without the message content intent.
pub(crate) const INTENTS: GatewayIntents = GatewayIntents::GUILDS
    .union(GatewayIntents::GUILD_MESSAGES)
    .union(GatewayIntents::GUILD_MESSAGE_REACTIONS);

/// The invite link and what it grants, as a short text.
#[must_use]
pub fn manifest(application_id: u64) -> String {
    format!(
        "Open this link and choose the server:\n\
         https://discord.com/oauth2/authorize?client_id={application_id}&permissions={}\
         &integration_type=0&scope=bot+applications.commands\n\
         \n\
         Scopes:             bot, applications.commands\n\
         Permissions:        View Channels, Send Messages, Create Public Threads, Send Messages in Threads,\n\
         \x20                   Embed Links, Attach Files, Read Message History\n\
         Gateway intents:    GUILDS, GUILD_MESSAGES, GUILD_MESSAGE_REACTIONS\n\
         Privileged intents: none; leave all three switched off in the developer portal\n",
        PERMISSIONS.bits()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_grants_what_is_used_and_no_more() {
        insta::assert_snapshot!(manifest(42), @r"
        Open this link and choose the server:
        https://discord.com/oauth2/authorize?client_id=42&permissions=309237763072&integration_type=0&scope=bot+applications.commands

        Scopes:             bot, applications.commands
        Permissions:        View Channels, Send Messages, Create Public Threads, Send Messages in Threads,
                            Embed Links, Attach Files, Read Message History
        Gateway intents:    GUILDS, GUILD_MESSAGES, GUILD_MESSAGE_REACTIONS
        Privileged intents: none; leave all three switched off in the developer portal
        ");
        assert!(!INTENTS.is_privileged());
    }
}
