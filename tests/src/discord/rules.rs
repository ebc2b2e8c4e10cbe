//! What Discord takes in a message (resources/message, components/reference, and the fields of its OpenAPI
//! description), and what a careful bot never leaves out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::message::list;

/// What a body is for; each has its own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `POST /channels/{id}/messages`.
    Create,
    /// `PATCH /channels/{id}/messages/{id}`.
    Edit,
    /// `PATCH /webhooks/{id}/{token}/messages/@original`.
    EditOriginal,
    /// `data` of an interaction's first response.
    Response,
}

impl Purpose {
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Create => &[
                "content",
                "embeds",
                "allowed_mentions",
                "sticker_ids",
                "components",
                "flags",
                "attachments",
                "poll",
                "message_reference",
                "nonce",
                "enforce_nonce",
                "tts",
            ],
            Self::Edit => &[
                "content",
                "embeds",
                "flags",
                "allowed_mentions",
                "sticker_ids",
                "components",
                "attachments",
            ],
            Self::EditOriginal => {
                &["content", "embeds", "allowed_mentions", "components", "attachments", "poll", "flags"]
            }
            Self::Response => &[
                "content",
                "embeds",
                "allowed_mentions",
                "components",
                "attachments",
                "poll",
                "tts",
                "flags",
            ],
        }
    }
}

/// Discord counts text in code points and its clients in UTF-16: the stricter of both.
fn length(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.encode_utf16().count())
}

/// Everything that is wrong with a message's body: pairs of a short name and the detail.
pub(super) fn broken(body: &Value, purpose: Purpose, files: usize) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    unknown_fields(body, purpose.fields(), "message", &mut found);
    mentions(body, purpose, &mut found);
    if length(&body["content"]) > 2000 {
        found.push(("limit", "content over 2000".to_owned()));
    }
    embeds(&body["embeds"], &mut found);
    components(&body["components"], &mut found);
    attachments(&body["attachments"], files, &mut found);
    let creates = matches!(purpose, Purpose::Create | Purpose::Response);
    if creates && is_empty(body) && files == 0 {
        found.push(("empty", "a message without anything in it (50006)".to_owned()));
    }
    if purpose == Purpose::Create {
        nonce(body, &mut found);
    }
    found
}

fn is_empty(body: &Value) -> bool {
    let content = body["content"].as_str().unwrap_or_default();
    let none = |field: &str| list(&body[field]).next().is_none();
    content.trim().is_empty() && none("embeds") && none("components") && none("sticker_ids")
}

fn unknown_fields(object: &Value, known: &[&str], of: &str, found: &mut Vec<(&'static str, String)>) {
    let fields = object.as_object().into_iter().flatten();
    found.extend(
        fields
            .filter(|(name, _)| !known.contains(&name.as_str()))
            .map(|(name, _)| ("unknown field", format!("{name} in {of}"))),
    );
}

/// An edit without it is parsed anew with the default. A new message may reach the people whom it names, and all of
/// them.
fn mentions(body: &Value, purpose: Purpose, found: &mut Vec<(&'static str, String)>) {
    let allowed = &body["allowed_mentions"];
    let users: Vec<String> =
        list(&allowed["users"]).map(|user| user.as_str().map_or(user.to_string(), str::to_owned)).collect();
    let content = body["content"].as_str().unwrap_or_default();
    let named: Vec<String> =
        content.split("<@").skip(1).filter_map(|rest| Some(rest.split_once('>')?.0.to_owned())).collect();
    let reaches = if purpose == Purpose::Create { users == named } else { users.is_empty() };
    let parses_nothing = allowed["parse"].as_array().is_some_and(Vec::is_empty);
    if !(parses_nothing && reaches && users.len() <= 100 && list(&allowed["roles"]).next().is_none()) {
        found.push(("allowed_mentions", format!("{purpose:?} of {content:?}: {allowed}")));
    }
    unknown_fields(allowed, &["parse", "users", "roles", "replied_user"], "allowed_mentions", found);
}

fn nonce(body: &Value, found: &mut Vec<(&'static str, String)>) {
    let nonce = &body["nonce"];
    if !(1..=25).contains(&length(nonce)) || body["enforce_nonce"] != true {
        found.push(("nonce", format!("nonce {nonce}, enforce_nonce {}", body["enforce_nonce"])));
    }
}

fn embeds(embeds: &Value, found: &mut Vec<(&'static str, String)>) {
    let mut total = 0;
    for embed in list(embeds) {
        unknown_fields(
            embed,
            &[
                "type",
                "url",
                "title",
                "color",
                "timestamp",
                "description",
                "author",
                "image",
                "thumbnail",
                "footer",
                "fields",
                "provider",
                "video",
            ],
            "embed",
            found,
        );
        let mut parts = vec![
            (&embed["title"], 256, "title"),
            (&embed["description"], 4096, "description"),
            (&embed["footer"]["text"], 2048, "footer"),
            (&embed["author"]["name"], 256, "author"),
        ];
        for field in list(&embed["fields"]) {
            parts.extend([(&field["name"], 256, "field name"), (&field["value"], 1024, "field value")]);
            if length(&field["name"]) == 0 || length(&field["value"]) == 0 {
                found.push(("limit", "an embed's field without name or value".to_owned()));
            }
        }
        for (part, most, name) in parts {
            total += length(part);
            if length(part) > most {
                found.push(("limit", format!("embed {name} of {} over {most}", length(part))));
            }
        }
        if list(&embed["fields"]).count() > 25 {
            found.push(("limit", "more than 25 fields in an embed".to_owned()));
        }
        if embed["color"].as_u64().is_some_and(|colour| colour > 0x00ff_ffff) {
            found.push(("limit", "a colour over 24 bits".to_owned()));
        }
    }
    if total > 6000 {
        found.push(("limit", format!("embeds of {total} characters over 6000")));
    }
    if list(embeds).count() > 10 {
        found.push(("limit", "more than 10 embeds".to_owned()));
    }
}

fn components(rows: &Value, found: &mut Vec<(&'static str, String)>) {
    if list(rows).count() > 5 {
        found.push(("limit", "more than 5 rows of components".to_owned()));
    }
    let mut ids = BTreeSet::new();
    for row in list(rows) {
        unknown_fields(row, &["type", "id", "components"], "row", found);
        if row["type"] != 1 || !(1..=5).contains(&list(&row["components"]).count()) {
            found.push(("limit", format!("a row that is none, or not of 1 to 5 buttons: {row}")));
        }
        for button in list(&row["components"]) {
            if let Some(why) = button_breaks(button) {
                found.push(("limit", format!("{why}: {button}")));
            }
            unknown_fields(
                button,
                &["type", "id", "custom_id", "style", "label", "disabled", "url", "sku_id", "emoji"],
                "button",
                found,
            );
            if !ids.insert(button["custom_id"].to_string()) {
                found.push(("limit", format!("custom_id twice: {button}")));
            }
        }
    }
}

fn button_breaks(button: &Value) -> Option<&'static str> {
    if button["type"] != 2 || !matches!(button["style"].as_u64(), Some(1..=4)) {
        return Some("no button that can be clicked");
    }
    if !(1..=100).contains(&length(&button["custom_id"])) {
        return Some("custom_id not of 1 to 100 characters");
    }
    (!(1..=80).contains(&length(&button["label"]))).then_some("label not of 1 to 80 characters")
}

/// Every uploaded file is named in `attachments` by its number.
fn attachments(attachments: &Value, files: usize, found: &mut Vec<(&'static str, String)>) {
    for attachment in list(attachments) {
        unknown_fields(
            attachment,
            &["id", "filename", "description", "title", "is_spoiler"],
            "attachment",
            found,
        );
        let index = attachment["id"].as_str().and_then(|id| id.parse::<usize>().ok());
        if index.is_none_or(|index| index >= files) {
            found.push(("attachment", format!("{attachment} of {files} files")));
        }
    }
    if files > 10 {
        found.push(("limit", "more than 10 files".to_owned()));
    }
}
