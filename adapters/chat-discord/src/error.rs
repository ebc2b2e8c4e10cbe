//! Why the adapter can't do its work, in the classes that `bot` treats differently.
//!
//! What a single post or edit runs into is a [`SendError`](commands::message::SendError), not one of these.

/// Why the adapter can't start, check itself or go on.
#[derive(Debug, thiserror::Error)]
pub enum DiscordError {
    /// A value in `[discord]` can't be used.
    #[error("[discord] {key}: {why}")]
    Config {
        /// The key in the configuration's section.
        key: &'static str,
        /// What is wrong with its value and what a good one looks like.
        why: String,
    },
    /// 401, or gateway close code 4004. Trying again would only get the address banned.
    #[error(
        "Discord refuses the bot token: make a new one in the developer portal (Bot > Reset Token) and put \
         it where [discord] token_env or token_file points"
    )]
    Token,
    /// Gateway close code 4013 or 4014.
    #[error(
        "Discord refuses the gateway intents (GUILDS, GUILD_MESSAGES, GUILD_MESSAGE_REACTIONS): check that \
         [discord] application_id and the token belong to the same application, and that the application \
         is not quarantined in the developer portal"
    )]
    Intents,
    /// No answer came.
    #[error("Discord is not reached: {0}. Check the network, the proxy and [discord] api_url")]
    Unreachable(String),
    /// Discord answered that it won't.
    #[error("Discord refused to {what}: {why}")]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// Its status, code and words.
        why: String,
    },
    /// The operating system gave no thread or runtime for the gateway.
    #[error("the gateway's thread could not be started")]
    Thread(#[source] std::io::Error),
}
