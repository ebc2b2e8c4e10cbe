//! The least that answers `/acgs` on Slack: slack-morphism's own socket listener, an acknowledgement
//! and a fixed text in the channel. It stores nothing, checks nobody and recovers nothing; the bench
//! measures the bot beside it.

use std::sync::Arc;

use e2e::slack::{APP_TOKEN, BOT_TOKEN};
use hyper_util::client::legacy::connect::HttpConnector;
use slack_morphism::prelude::*;

async fn command(
    event: SlackCommandEvent,
    client: Arc<SlackHyperClient>,
    _: SlackClientEventsUserState,
) -> UserCallbackResult<SlackCommandEventResponse> {
    // In a task of its own: the listener acknowledges when this function returns.
    tokio::spawn(async move {
        let token = SlackApiToken::new(BOT_TOKEN.into());
        let content = SlackMessageContent::new().with_text("All is well.".to_owned());
        let request = SlackApiChatPostMessageRequest::new(event.channel_id, content);
        client.open_session(&token).chat_post_message(&request).await.expect("Slack takes the answer");
    });
    Ok(SlackCommandEventResponse::new(SlackMessageContent::new()))
}

/// The one argument is the Web API's address.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let api = std::env::args().nth(1).unwrap_or_default();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_native_roots()?;
    let https = builder.https_or_http().enable_all_versions().wrap_connector(tcp);
    let connector =
        SlackClientHyperConnector::with_connector(https).with_slack_api_url(api.trim_end_matches('/'));
    let environment =
        Arc::new(SlackClientEventsListenerEnvironment::new(Arc::new(SlackClient::new(connector))));
    let callbacks = SlackSocketModeListenerCallbacks::new().with_command_events(command);
    let listener =
        SlackClientSocketModeListener::new(&SlackClientSocketModeConfig::new(), environment, callbacks);
    listener.listen_for(&SlackApiToken::new(APP_TOKEN.into())).await?;
    listener.serve().await;
    Ok(())
}
