//! What a person sees in a channel.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{BOT_USER, objects};

/// Message flags (resources/message).
pub(super) const EPHEMERAL: u64 = 1 << 6;
const LOADING: u64 = 1 << 7;

/// A message, and what it said before.
#[derive(Clone, Debug)]
pub struct Message {
    /// The channel or thread.
    pub channel: u64,
    /// Its id.
    pub id: u64,
    /// Who wrote it.
    pub author: u64,
    /// Whether the asker alone sees it.
    pub is_private: bool,
    /// Whether one person alone has the conversation that it is in.
    pub is_direct: bool,
    /// The interaction that it answers.
    pub interaction: Option<u64>,
    /// The fields that shape it: `content`, `embeds`, `components`.
    pub body: Value,
    /// What it said before each edit, as a person saw it.
    pub history: Vec<String>,
    /// The files under it.
    pub files: Vec<Upload>,
    /// `(emoji, user)`.
    pub reactions: BTreeSet<(String, u64)>,
    /// "The bot is thinking": nothing to read yet.
    pub(super) is_deferral: bool,
    pub(super) nonce: Option<String>,
    /// Whether a test has seen its present form.
    pub(super) read: bool,
}

/// A button under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// What it sends.
    pub custom_id: String,
}

/// A file under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// For example `audit.txt`.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}

impl Message {
    /// A message that says nothing yet.
    pub(super) fn new(id: u64, channel: u64, author: u64) -> Self {
        Self {
            channel,
            id,
            author,
            is_private: false,
            is_direct: false,
            interaction: None,
            body: json!({}),
            history: Vec::new(),
            files: Vec::new(),
            reactions: BTreeSet::new(),
            is_deferral: false,
            nonce: None,
            read: false,
        }
    }

    /// Everything in it as a person reads it: content, embeds in order, buttons; backslashes that escape
    /// markup are gone.
    #[must_use]
    pub fn visible(&self) -> String {
        let mut parts = vec![self.body["content"].as_str().unwrap_or_default().to_owned()];
        for embed in list(&self.body["embeds"]) {
            parts.extend(
                [embed["title"].as_str(), embed["description"].as_str()].into_iter().flatten().map(rendered),
            );
            for field in list(&embed["fields"]) {
                parts.extend(
                    [field["name"].as_str(), field["value"].as_str()].into_iter().flatten().map(rendered),
                );
            }
            parts.extend(embed["footer"]["text"].as_str().map(str::to_owned));
        }
        parts.extend(self.buttons().into_iter().map(|button| format!("[{}]", button.label)));
        parts.retain(|part| !part.is_empty());
        parts.join("\n")
    }

    /// All buttons.
    #[must_use]
    pub fn buttons(&self) -> Vec<Button> {
        let rows = list(&self.body["components"]);
        rows.flat_map(|row| list(&row["components"]))
            .map(|button| Button {
                label: button["label"].as_str().unwrap_or_default().to_owned(),
                custom_id: button["custom_id"].as_str().unwrap_or_default().to_owned(),
            })
            .collect()
    }

    pub(super) fn is_unread(&self) -> bool {
        self.author == BOT_USER && !self.read && !self.is_deferral
    }

    /// A new form, as the fields given change it.
    pub(super) fn edit(&mut self, body: &Value, files: Vec<Upload>) {
        if self.is_deferral {
            self.is_deferral = false;
        } else {
            self.history.push(self.visible());
        }
        for field in ["content", "embeds", "components"] {
            if let Some(value) = body.get(field) {
                self.body[field] = value.clone();
            }
        }
        self.files = files;
        self.read = false;
    }

    /// As REST and the gateway tell it to an application without the message content intent.
    pub(super) fn object(&self) -> Value {
        let content = self.body["content"].as_str().unwrap_or_default();
        let mentions_bot =
            content.contains(&format!("<@{BOT_USER}>")) || content.contains(&format!("<@!{BOT_USER}>"));
        let is_told = mentions_bot || self.author == BOT_USER;
        let field = |name: &str| if is_told { self.body.get(name).cloned() } else { None };
        let mut object = json!({
            "id": self.id.to_string(), "channel_id": self.channel.to_string(), "type": 0,
            "author": objects::user(self.author), "content": if is_told { content } else { "" },
            "timestamp": objects::made_at(self.id), "edited_timestamp": null, "tts": false,
            "mention_everyone": false, "mention_roles": [], "attachments": self.attachments(),
            "mentions": if mentions_bot { json!([objects::user(BOT_USER)]) } else { json!([]) },
            "embeds": field("embeds").unwrap_or_else(|| json!([])), "pinned": false,
            "components": field("components").unwrap_or_else(|| json!([])),
            "flags": if self.is_private { EPHEMERAL } else { 0 } | if self.is_deferral { LOADING } else { 0 },
        });
        if let Some(nonce) = &self.nonce {
            object["nonce"] = nonce.clone().into();
        }
        let reactions = self.reaction_counts();
        if !reactions.is_empty() {
            object["reactions"] = reactions.into();
        }
        object
    }

    fn attachments(&self) -> Vec<Value> {
        let file = |(index, file): (usize, &Upload)| {
            json!({
                "id": (self.id + 1 + index as u64).to_string(), "filename": file.name, "size": file.content.len(),
                "url": "https://cdn.invalid/a", "proxy_url": "https://cdn.invalid/a",
            })
        };
        self.files.iter().enumerate().map(file).collect()
    }

    fn reaction_counts(&self) -> Vec<Value> {
        let emoji: BTreeSet<&str> = self.reactions.iter().map(|(emoji, _)| emoji.as_str()).collect();
        emoji
            .into_iter()
            .map(|emoji| {
                let users = self.reactions.iter().filter(|(other, _)| other == emoji);
                let count = users.clone().count();
                let me = users.into_iter().any(|(_, user)| *user == BOT_USER);
                json!({
                    "emoji": objects::emoji(emoji), "count": count, "me": me, "me_burst": false,
                    "count_details": {"burst": 0, "normal": count}, "burst_colors": [],
                })
            })
            .collect()
    }
}

/// Outside of code, a backslash before punctuation is not shown.
fn rendered(markdown: &str) -> String {
    let mut shown = String::new();
    for (index, part) in markdown.split("```").enumerate() {
        if index % 2 == 1 {
            shown.push_str(part);
            continue;
        }
        let mut rest = part.chars().peekable();
        while let Some(c) = rest.next() {
            let escapes = c == '\\' && rest.peek().is_some_and(char::is_ascii_punctuation);
            shown.extend(if escapes { rest.next() } else { Some(c) });
        }
    }
    shown
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
