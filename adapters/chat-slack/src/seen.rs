//! One of our messages as Slack shows it now.

use commands::ids::{Account, MessageRef, Platform};
use commands::message::{Seen, SendError};
use serde_json::Value;

use crate::Shared;
use crate::error::CallError;

/// `None` when the message is not there any more.
pub(crate) async fn seen(shared: &Shared, message: &MessageRef) -> Result<Option<Seen>, SendError> {
    match shared.api.reacted(&message.room.id, &message.id).await {
        Ok(found) => Ok(Some(read(&found))),
        Err(CallError::Refused(code)) if code == "message_not_found" => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn read(message: &Value) -> Seen {
    let reactions = message["reactions"].as_array().into_iter().flatten().flat_map(|reaction| {
        let name = reaction["name"].as_str().unwrap_or_default();
        let users = reaction["users"].as_array().into_iter().flatten().filter_map(Value::as_str);
        users.map(move |user| (name.to_owned(), Account::new(Platform::Slack, user)))
    });
    let mut seen = Seen { reactions: reactions.collect(), text: String::new() };
    seen.add_texts(message);
    seen
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reactions_are_by_name_and_person_and_every_text_is_there() {
        let message = json!({
            "text": "a", "blocks": [{ "type": "section", "text": { "type": "mrkdwn", "text": "plan 00c0ffee1234" } }],
            "reactions": [
                { "name": "white_check_mark", "users": ["U1", "U2"], "count": 2 },
                { "name": "white_check_mark::skin-tone-2", "users": ["U3"] },
                { "name": "no_entry" }, { "users": "U4" }, 7,
            ],
        });
        let seen = read(&message);
        assert!(seen.text.contains("plan 00c0ffee1234"));
        let by = |user: &str| Account::new(Platform::Slack, user);
        let expected = vec![
            ("white_check_mark".to_owned(), by("U1")),
            ("white_check_mark".to_owned(), by("U2")),
            ("white_check_mark::skin-tone-2".to_owned(), by("U3")),
        ];
        assert_eq!(seen.reactions, expected);
        assert_eq!(read(&json!("x")).reactions, []);
    }
}
