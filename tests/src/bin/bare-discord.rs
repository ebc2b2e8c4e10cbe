//! The least that answers `/acgs help` on Discord: serenity's client, a deferral and a fixed text in
//! its place. It stores nothing, checks nobody and recovers nothing; the bench measures the bot beside
//! it.

use e2e::discord::{APPLICATION, BOT_TOKEN, GUILD};
use serde_json::json;
use serenity::all::{
    ApplicationId, ClientBuilder, Context, EditInteractionResponse, EventHandler, GatewayIntents, GuildId,
    HttpBuilder, Interaction, Ready,
};
use serenity::async_trait;

struct Bare;

#[async_trait]
impl EventHandler for Bare {
    async fn ready(&self, context: Context, _: Ready) {
        // In JSON: the builders write fields that have no meaning here, which the tests' server refuses.
        let help = json!({"type": 1, "name": "help", "description": "What there is", "options": []});
        let commands = json!([{"type": 1, "name": "acgs", "description": "A bare bot", "options": [help]}]);
        let registered = context.http.create_guild_commands(GuildId::new(GUILD), &commands).await;
        registered.expect("Discord takes the command");
    }

    async fn interaction_create(&self, context: Context, interaction: Interaction) {
        let Interaction::Command(command) = interaction else { return };
        command.defer(&context.http).await.expect("Discord takes the deferral");
        let answer = EditInteractionResponse::new().content("All is well.");
        command.edit_response(&context.http, answer).await.expect("Discord takes the answer");
    }
}

/// The one argument is the API's origin.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let origin = std::env::args().nth(1).unwrap_or_default();
    // serenity looks at the proxy, which is how it is told another origin, only without its rate limiter.
    let http = HttpBuilder::new(BOT_TOKEN)
        .proxy(origin.trim_end_matches('/'))
        .ratelimiter_disabled(true)
        .application_id(ApplicationId::new(APPLICATION))
        .build();
    let intents =
        GatewayIntents::GUILDS | GatewayIntents::GUILD_MESSAGES | GatewayIntents::GUILD_MESSAGE_REACTIONS;
    ClientBuilder::new_with_http(http, intents).event_handler(Bare).await?.start().await?;
    Ok(())
}
