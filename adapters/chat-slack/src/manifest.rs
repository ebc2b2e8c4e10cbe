//! The app manifest: everything that a person would otherwise click together on api.slack.com.
//! Exactly the scopes and events that the bot uses, and no more.

use commands::quoted::MessageCommand;
use serde_json::json;
use slack_morphism::prelude::{
    SlackApiTokenScope, SlackAppManifest, SlackAppManifestDisplayInformation, SlackAppManifestFeatures,
    SlackAppManifestFeaturesAppHome, SlackAppManifestFeaturesBotUser, SlackAppManifestFeaturesShortcut,
    SlackAppManifestFeaturesSlashCommand, SlackAppManifestOAuthConfig, SlackAppManifestOAuthConfigScopes,
    SlackAppManifestSettings, SlackAppManifestSettingsEventSubscriptions,
    SlackAppManifestSettingsInteractivity, SlackCallbackId, SlackEventType, SlackShortcutType,
};
use url::Url;

/// The bot token's scopes: slash commands, mentions, answers, reactions as votes, long output, and channels of incidents'
/// own (made, and found again after a lost answer).
pub const SCOPES: [&str; 7] = [
    "app_mentions:read",
    "channels:manage",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "reactions:read",
];

const EVENTS: [&str; 3] = ["app_mention", "reaction_added", "reaction_removed"];

/// How events come in, as the manifest has to say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestMode {
    /// Over sockets that the bot opens.
    Socket,
    /// By requests to this address, under which `/slack/commands` and its siblings are.
    Http {
        /// For example `https://bot.example.org/`.
        base_url: Url,
    },
}

/// The manifest as JSON, to paste at api.slack.com/apps, "Create New App", "From a manifest".
///
/// `name` is at most 35 characters, `description` is the slash command's, `usage_hint` is shown
/// behind it while somebody types.
#[must_use]
pub fn manifest(name: &str, description: &str, usage_hint: &str, mode: &ManifestMode) -> String {
    let at = |path: &str| match mode {
        ManifestMode::Socket => None,
        ManifestMode::Http { base_url } => base_url.join(path).ok(),
    };
    let command = SlackAppManifestFeaturesSlashCommand::new("/acgs".to_owned(), description.to_owned())
        .with_should_escape(false)
        .with_usage_hint(usage_hint.to_owned())
        .opt_url(at("slack/commands"));
    // The messages tab lets the bot hand a file to one person alone.
    let home = SlackAppManifestFeaturesAppHome::new()
        .with_home_tab_enabled(false)
        .with_messages_tab_enabled(true)
        .with_messages_tab_read_only_enabled(true);
    let events = SlackAppManifestSettingsEventSubscriptions::new()
        .with_bot_events(EVENTS.map(|event| SlackEventType(event.to_owned())).to_vec())
        .opt_request_url(at("slack/events"));
    let settings = SlackAppManifestSettings::new()
        .with_event_subscriptions(events)
        .with_interactivity(
            SlackAppManifestSettingsInteractivity::new(true).opt_request_url(at("slack/interactions")),
        )
        .with_org_deploy_enabled(false)
        .with_socket_mode_enabled(matches!(mode, ManifestMode::Socket));
    let scopes = SlackAppManifestOAuthConfigScopes::new()
        .with_bot(SCOPES.map(|scope| SlackApiTokenScope(scope.to_owned())).to_vec());
    let manifest = SlackAppManifest::new(SlackAppManifestDisplayInformation::new(name.to_owned()))
        .with_features(
            SlackAppManifestFeatures::new()
                .with_app_home(home)
                .with_bot_user(SlackAppManifestFeaturesBotUser::new(name.to_owned(), true))
                .with_shortcuts(MessageCommand::ALL.map(shortcut).to_vec())
                .with_slash_commands(vec![command]),
        )
        .with_oauth_config(SlackAppManifestOAuthConfig::new().with_scopes(scopes))
        .with_settings(settings);
    format!("{:#}\n", json!(manifest))
}

fn shortcut(command: MessageCommand) -> SlackAppManifestFeaturesShortcut {
    SlackAppManifestFeaturesShortcut::new(
        command.name().to_owned(),
        SlackCallbackId(command.id().to_owned()),
        command.description().to_owned(),
        SlackShortcutType::Message,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_manifest_asks_for_what_the_bot_uses() {
        let text = manifest("acgs", "Incident bot", "help", &ManifestMode::Socket);
        insta::assert_snapshot!(text, @r#"
        {
          "display_information": {
            "name": "acgs"
          },
          "features": {
            "app_home": {
              "home_tab_enabled": false,
              "messages_tab_enabled": true,
              "messages_tab_read_only_enabled": true
            },
            "bot_user": {
              "always_online": true,
              "display_name": "acgs"
            },
            "shortcuts": [
              {
                "callback_id": "open_incident",
                "description": "Opens an incident about this message",
                "name": "Open incident",
                "type": "message"
              },
              {
                "callback_id": "add_to_incident",
                "description": "Puts this message on an incident's timeline",
                "name": "Add to incident",
                "type": "message"
              }
            ],
            "slash_commands": [
              {
                "command": "/acgs",
                "description": "Incident bot",
                "should_escape": false,
                "usage_hint": "help"
              }
            ]
          },
          "oauth_config": {
            "scopes": {
              "bot": [
                "app_mentions:read",
                "channels:manage",
                "channels:read",
                "chat:write",
                "commands",
                "files:write",
                "reactions:read"
              ]
            }
          },
          "settings": {
            "event_subscriptions": {
              "bot_events": [
                "app_mention",
                "reaction_added",
                "reaction_removed"
              ]
            },
            "interactivity": {
              "is_enabled": true
            },
            "org_deploy_enabled": false,
            "socket_mode_enabled": true
          }
        }
        "#);
    }

    #[test]
    fn the_http_manifest_names_the_three_addresses() {
        let base_url = "https://bot.example.org/".parse().unwrap();
        let text = manifest("acgs", "Incident bot", "help", &ManifestMode::Http { base_url });
        for path in ["commands", "interactions", "events"] {
            assert!(text.contains(&format!("\"https://bot.example.org/slack/{path}\"")), "{text}");
        }
        assert!(text.contains("\"socket_mode_enabled\": false"));
    }
}
