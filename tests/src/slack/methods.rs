//! The methods that the server knows: arguments, token, scope and tier, as Slack documents them
//! (docs.slack.dev/reference/methods, August 2026). An argument that Slack does not name is refused.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// One Web API method.
pub(super) struct Method {
    pub(super) name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    pub(super) token: Token,
    pub(super) scope: Option<&'static str>,
    /// Calls a minute; `None` where the limit is by channel or does not matter here.
    pub(super) tier: Option<usize>,
    /// Whether it takes a body of JSON.
    pub(super) json: bool,
}

/// Which token a method wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Bot,
    App,
    Any,
}

const METHODS: [Method; 14] = [
    Method {
        name: "conversations.create",
        required: &["name"],
        optional: &["is_private", "team_id"],
        token: Token::Bot,
        scope: Some("channels:manage"),
        tier: Some(20),
        json: true,
    },
    Method {
        name: "conversations.invite",
        required: &["channel", "users"],
        optional: &["force"],
        token: Token::Bot,
        scope: Some("channels:manage"),
        tier: Some(50),
        json: true,
    },
    Method {
        name: "conversations.setTopic",
        required: &["channel", "topic"],
        optional: &[],
        token: Token::Bot,
        scope: Some("channels:manage"),
        tier: Some(20),
        json: true,
    },
    Method {
        name: "conversations.list",
        required: &[],
        optional: &["cursor", "exclude_archived", "limit", "team_id", "types"],
        token: Token::Bot,
        scope: Some("channels:read"),
        tier: Some(20),
        json: false,
    },
    Method {
        name: "chat.getPermalink",
        required: &["channel", "message_ts"],
        optional: &[],
        token: Token::Any,
        scope: None,
        tier: None,
        json: false,
    },
    Method {
        name: "views.open",
        required: &["view"],
        optional: &["trigger_id", "interactivity_pointer"],
        token: Token::Any,
        scope: None,
        tier: Some(100),
        json: true,
    },
    Method {
        name: "reactions.get",
        required: &[],
        optional: &["channel", "file", "file_comment", "full", "timestamp"],
        token: Token::Any,
        scope: Some("reactions:read"),
        tier: Some(50),
        json: false,
    },
    Method {
        name: "auth.test",
        required: &[],
        optional: &[],
        token: Token::Any,
        scope: None,
        tier: None,
        json: true,
    },
    Method {
        name: "apps.connections.open",
        required: &[],
        optional: &[],
        token: Token::App,
        scope: None,
        tier: None,
        json: true,
    },
    Method {
        name: "chat.postMessage",
        required: &["channel"],
        optional: &[
            "as_user",
            "attachments",
            "blocks",
            "current_draft_last_updated_ts",
            "icon_emoji",
            "icon_url",
            "link_names",
            "markdown_text",
            "metadata",
            "mrkdwn",
            "parse",
            "reply_broadcast",
            "text",
            "thread_ts",
            "unfurl_links",
            "unfurl_media",
            "username",
        ],
        token: Token::Bot,
        scope: Some("chat:write"),
        tier: None,
        json: true,
    },
    Method {
        name: "chat.update",
        required: &["channel", "ts"],
        optional: &[
            "as_user",
            "attachments",
            "unfurled_attachments",
            "blocks",
            "markdown_text",
            "metadata",
            "link_names",
            "parse",
            "text",
            "reply_broadcast",
            "file_ids",
        ],
        token: Token::Bot,
        scope: Some("chat:write"),
        tier: Some(50),
        json: true,
    },
    Method {
        name: "chat.postEphemeral",
        required: &["channel", "user"],
        optional: &[
            "as_user",
            "attachments",
            "blocks",
            "icon_emoji",
            "icon_url",
            "link_names",
            "markdown_text",
            "metadata",
            "parse",
            "text",
            "thread_ts",
            "username",
        ],
        token: Token::Bot,
        scope: Some("chat:write"),
        tier: Some(100),
        json: true,
    },
    Method {
        name: "files.getUploadURLExternal",
        required: &["length", "filename"],
        optional: &["snippet_type", "alt_txt"],
        token: Token::Bot,
        scope: Some("files:write"),
        tier: Some(100),
        json: false,
    },
    Method {
        name: "files.completeUploadExternal",
        required: &["files"],
        optional: &[
            "channel_id",
            "thread_ts",
            "channels",
            "initial_comment",
            "blocks",
            "username",
            "icon_url",
            "icon_emoji",
        ],
        token: Token::Bot,
        scope: Some("files:write"),
        tier: Some(100),
        json: true,
    },
];

pub(super) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

impl Method {
    /// The first argument that is missing or that Slack does not know.
    pub(super) fn fault(&self, args: &Map<String, Value>) -> Option<String> {
        let known: BTreeSet<_> = self.required.iter().chain(self.optional).copied().collect();
        let missing = self.required.iter().find(|name| args.get(**name).is_none_or(Value::is_null));
        let unknown = args.keys().find(|name| !known.contains(name.as_str()));
        missing
            .map(|name| format!("{} needs {name}", self.name))
            .or_else(|| unknown.map(|name| format!("{} does not know {name}", self.name)))
    }
}
