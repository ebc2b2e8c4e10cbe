//! What a person sees in a channel.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;

/// A message, and what it said before.
#[derive(Clone, Debug)]
pub struct Message {
    /// `C…` or `D…`.
    pub channel: String,
    /// Its name within the channel.
    pub ts: String,
    /// The thread it is in.
    pub thread: Option<String>,
    /// The one person who sees it.
    pub only_for: Option<String>,
    /// The person who wrote it; `None`: the bot.
    pub author: Option<String>,
    /// `chat.postMessage`, `chat.postEphemeral` or `response_url`; empty for a person's.
    pub sent_by: &'static str,
    /// The arguments of the last call that shaped it.
    pub args: Value,
    /// What it said before each edit, as a person saw it.
    pub history: Vec<String>,
    /// When each edit came.
    pub edited: Vec<Instant>,
    /// `(emoji, user)`.
    pub reactions: BTreeSet<(String, String)>,
    /// Whether a test has seen its present form.
    pub(super) read: bool,
}

/// A button under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// What it sends.
    pub value: String,
    pub(super) action_id: String,
}

/// A file.
#[derive(Clone, Debug)]
pub struct Upload {
    /// `F…`.
    pub id: String,
    /// For example `audit.txt`.
    pub name: String,
    /// What was put there.
    pub content: Option<Vec<u8>>,
    /// What is to be seen in it, where it is a picture.
    pub alt: Option<String>,
    /// Announced length in bytes.
    pub(super) length: usize,
    /// Where it is shown.
    pub channel: Option<String>,
    /// The thread it is shown in.
    pub thread: Option<String>,
    pub(super) read: bool,
}

impl Message {
    /// Whether one person alone has the conversation that it is in.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.channel.starts_with('D')
    }

    /// Everything in it as a person reads it: blocks in order, entities resolved.
    #[must_use]
    pub fn visible(&self) -> String {
        match self.args.get("blocks").and_then(Value::as_array) {
            Some(blocks) => {
                blocks.iter().map(seen).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
            }
            None => seen(&serde_json::json!({ "type": "mrkdwn", "text": self.args["text"] })),
        }
    }

    /// The text of notifications, as a person reads it.
    #[must_use]
    pub fn notification(&self) -> String {
        unescaped(self.args["text"].as_str().unwrap_or_default())
    }

    /// The people whom it reaches by mentioning them.
    #[must_use]
    pub fn mentions(&self) -> Vec<String> {
        super::blocks::mentions(self.args["text"].as_str().unwrap_or_default()).0
    }

    /// All buttons.
    #[must_use]
    pub fn buttons(&self) -> Vec<Button> {
        let mut buttons = Vec::new();
        collect_buttons(&self.args["blocks"], &mut buttons);
        buttons
    }

    /// The slot in its metadata.
    #[must_use]
    pub fn slot(&self) -> Option<&str> {
        self.args.pointer("/metadata/event_payload/slot")?.as_str()
    }

    /// As Slack hands it to an app.
    pub(super) fn object(&self) -> Value {
        let mut object = serde_json::json!({ "type": "message", "ts": self.ts, "text": self.args["text"] });
        match &self.author {
            Some(author) => object["user"] = author.as_str().into(),
            None => {
                object["user"] = super::BOT_USER.into();
                object["bot_id"] = "B0BOT".into();
                object["blocks"] = self.args["blocks"].clone();
            }
        }
        if let Some(thread) = &self.thread {
            object["thread_ts"] = thread.as_str().into();
        }
        object
    }

    /// Its address.
    #[must_use]
    pub fn permalink(&self) -> String {
        let address =
            format!("https://test.slack.com/archives/{}/p{}", self.channel, self.ts.replace('.', ""));
        match &self.thread {
            Some(thread) if *thread != self.ts => {
                format!("{address}?thread_ts={thread}&cid={}", self.channel)
            }
            _ => address,
        }
    }

    /// When it was edited to something with `text` in it.
    #[must_use]
    pub fn edited_to(&self, text: &str) -> Vec<Instant> {
        let now = self.visible();
        let after = self.history.iter().skip(1).chain(std::iter::once(&now));
        let edits = self.edited.iter().zip(after);
        edits.filter(|(_, after)| after.contains(text)).map(|(at, _)| *at).collect()
    }

    pub(super) fn is(&self, channel: &str, ts: &str) -> bool {
        self.channel == channel && self.ts == ts
    }

    pub(super) fn edit(&mut self, args: Value) {
        self.history.push(self.visible());
        self.edited.push(Instant::now());
        self.args = args;
        self.read = false;
    }
}

/// A block or element as a person sees it.
fn seen(value: &Value) -> String {
    let text = || value["text"].as_str().unwrap_or_default();
    match value["type"].as_str().unwrap_or_default() {
        "mrkdwn" => unescaped(text()),
        "plain_text" | "text" => text().to_owned(),
        "button" => format!("[{}]", seen(&value["text"])),
        _ => {
            let children = ["text", "fields", "elements"].map(|key| &value[key]);
            let texts = children.iter().flat_map(|child| match child {
                Value::Array(items) => items.iter().map(seen).collect(),
                Value::Object(_) => vec![seen(child)],
                _ => Vec::new(),
            });
            texts.collect::<Vec<_>>().join("\n")
        }
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn collect_buttons(value: &Value, buttons: &mut Vec<Button>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_buttons(item, buttons)),
        Value::Object(fields) if value["type"] == "button" => buttons.push(Button {
            label: seen(&fields["text"]),
            value: value["value"].as_str().unwrap_or_default().to_owned(),
            action_id: value["action_id"].as_str().unwrap_or_default().to_owned(),
        }),
        Value::Object(fields) => fields.values().for_each(|child| collect_buttons(child, buttons)),
        _ => {}
    }
}
