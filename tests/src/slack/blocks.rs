//! Block Kit's limits (docs.slack.dev/reference/block-kit), for the blocks that a bot posts.
//! A block that is not listed is refused, so that nothing goes unchecked.

use std::collections::HashSet;

use serde_json::Value;

/// Slack documents no number for all text together; 11,341 characters in many blocks were refused
/// with `msg_blocks_too_long` (github.com/slackapi/bolt-js/issues/2867).
pub(super) const ALL_TEXT: usize = 11_000;

/// All text in the blocks together.
pub(super) fn text_length(blocks: &Value) -> usize {
    match blocks {
        Value::Array(items) => items.iter().map(text_length).sum(),
        Value::Object(fields) => {
            blocks["text"].as_str().map_or(0, utf16) + fields.values().map(text_length).sum::<usize>()
        }
        _ => 0,
    }
}

/// Every breach, with the JSON pointer that Slack would name.
pub(super) fn breaches(blocks: &Value) -> Vec<String> {
    let mut check = Check::default();
    let Some(blocks) = blocks.as_array() else {
        return vec!["blocks is not an array".to_owned()];
    };
    if blocks.is_empty() || blocks.len() > 50 {
        check.found.push(format!("/blocks: {} blocks", blocks.len()));
    }
    for (index, block) in blocks.iter().enumerate() {
        check.block(&format!("/blocks/{index}"), block);
    }
    check.found
}

/// Text in which Slack would see a mention or a link: every `<` that is not escaped. Mentions of people by id may
/// stand before the text and in a section of their own, in the same order, and nowhere else.
pub(super) fn live_markup(args: &Value) -> Option<String> {
    let text = args["text"].as_str().unwrap_or_default();
    let (people, rest) = mentions(text);
    if rest.contains('<') {
        return Some(text.to_owned());
    }
    let mut blocks = args["blocks"].clone();
    if !people.is_empty() {
        let all: Vec<&Value> = blocks.as_array().into_iter().flatten().collect();
        let own = all.iter().position(|block| {
            let (found, rest) = mentions(block["text"]["text"].as_str().unwrap_or_default());
            block["type"] == "section" && rest.is_empty() && found == people
        });
        let Some(own) = own else { return Some(format!("{text:?} without a section of its mentions")) };
        blocks.as_array_mut().expect("it was one").remove(own);
    }
    live_in(&blocks)
}

/// The people whom a text begins by mentioning, and what comes after.
pub(super) fn mentions(text: &str) -> (Vec<String>, &str) {
    let (mut people, mut rest) = (Vec::new(), text);
    while let Some((id, after)) = rest.strip_prefix("<@U").and_then(|rest| rest.split_once('>')) {
        if !id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
            break;
        }
        people.push(format!("U{id}"));
        rest = after.trim_start();
    }
    (people, rest)
}

fn live_in(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => items.iter().find_map(live_in),
        Value::Object(fields) => {
            let kind = value["type"].as_str().unwrap_or_default();
            let text = value["text"].as_str().filter(|text| kind == "mrkdwn" && text.contains('<'));
            let rich = matches!(kind, "user" | "usergroup" | "broadcast" | "channel" | "link");
            let found = text.map(str::to_owned).or_else(|| rich.then(|| value.to_string()));
            found.or_else(|| fields.values().find_map(live_in))
        }
        _ => None,
    }
}

#[derive(Default)]
struct Check {
    found: Vec<String>,
    action_ids: HashSet<String>,
}

impl Check {
    fn block(&mut self, at: &str, block: &Value) {
        match block["type"].as_str().unwrap_or_default() {
            "header" => self.text(&format!("{at}/text"), &block["text"], 150, &["plain_text"]),
            "section" => {
                if block["text"].is_null() && block["fields"].is_null() {
                    self.found.push(format!("{at}: neither text nor fields"));
                }
                if !block["text"].is_null() {
                    self.text(&format!("{at}/text"), &block["text"], 3000, &["plain_text", "mrkdwn"]);
                }
                for field in self.items(&format!("{at}/fields"), &block["fields"], 10) {
                    self.text(&format!("{at}/fields"), field, 2000, &["plain_text", "mrkdwn"]);
                }
            }
            "context" => {
                for element in self.some(&format!("{at}/elements"), &block["elements"], 10) {
                    self.text(&format!("{at}/elements"), element, 3000, &["plain_text", "mrkdwn"]);
                }
            }
            "actions" => {
                for element in self.some(&format!("{at}/elements"), &block["elements"], 25) {
                    self.button(&format!("{at}/elements"), element);
                }
            }
            "rich_text" => {
                for element in self.some(&format!("{at}/elements"), &block["elements"], 100) {
                    self.rich(&format!("{at}/elements"), element);
                }
            }
            "divider" => {}
            other => self.found.push(format!("{at}: unknown block {other:?}")),
        }
        if block["block_id"].as_str().is_some_and(|id| id.len() > 255) {
            self.found.push(format!("{at}/block_id: too long"));
        }
    }

    fn rich(&mut self, at: &str, element: &Value) {
        if !matches!(element["type"].as_str(), Some("rich_text_preformatted" | "rich_text_section")) {
            self.found.push(format!("{at}: unknown element {}", element["type"]));
        }
        for text in self.some(at, &element["elements"], 100) {
            let empty = text["text"].as_str().is_none_or(str::is_empty);
            if text["type"] == "text" && empty {
                self.found.push(format!("{at}: empty text"));
            }
        }
    }

    fn button(&mut self, at: &str, button: &Value) {
        if button["type"] != "button" {
            self.found.push(format!("{at}: unknown element {}", button["type"]));
            return;
        }
        self.text(&format!("{at}/text"), &button["text"], 75, &["plain_text"]);
        let long = |key: &str, most: usize| button[key].as_str().is_some_and(|text| utf16(text) > most);
        for (key, most) in [("value", 2000), ("url", 3000), ("action_id", 255)] {
            if long(key, most) {
                self.found.push(format!("{at}/{key}: more than {most}"));
            }
        }
        if let Some(style) = button.get("style")
            && !matches!(style.as_str(), Some("primary" | "danger"))
        {
            self.found.push(format!("{at}/style: {style}"));
        }
        let id = button["action_id"].as_str().unwrap_or_default().to_owned();
        if !id.is_empty() && !self.action_ids.insert(id) {
            self.found.push(format!("{at}/action_id: not unique"));
        }
    }

    fn text(&mut self, at: &str, text: &Value, most: usize, kinds: &[&str]) {
        let kind = text["type"].as_str().unwrap_or_default();
        let length = text["text"].as_str().map_or(0, utf16);
        if !kinds.contains(&kind) {
            self.found.push(format!("{at}: {kind:?} is not one of {kinds:?}"));
        }
        if length == 0 || length > most {
            self.found.push(format!("{at}: {length} characters of at most {most}"));
        }
    }

    fn some<'a>(&mut self, at: &str, items: &'a Value, most: usize) -> &'a [Value] {
        if items.as_array().is_none_or(Vec::is_empty) {
            self.found.push(format!("{at}: empty"));
        }
        self.items(at, items, most)
    }

    fn items<'a>(&mut self, at: &str, items: &'a Value, most: usize) -> &'a [Value] {
        let items = items.as_array().map_or(&[][..], Vec::as_slice);
        if items.len() > most {
            self.found.push(format!("{at}: {} of at most {most}", items.len()));
        }
        items
    }
}

fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}
