//! Anybody's message, for a timeline: as a shortcut's payload has it, or as Slack shows it.

use commands::ids::{Account, MessageRef, Place, Platform, Room};
use commands::message::SendError;
use commands::quoted::Quoted;
use serde_json::Value;

use crate::Shared;
use crate::error::CallError;
use crate::inbound::json::{field, timestamp};
use crate::inbound::text::typed;

/// Asks Slack for a message and for its address. `None` when it is not there any more.
pub(crate) async fn quoted(shared: &Shared, message: &MessageRef) -> Result<Option<Quoted>, SendError> {
    let (channel, ts) = (message.room.id.as_str(), message.id.as_str());
    let found = match shared.api.reacted(channel, ts).await {
        Err(CallError::Refused(code)) if code == "message_not_found" => return Ok(None),
        found => found?,
    };
    let link = match shared.api.permalink(channel, ts).await {
        Err(CallError::Refused(code)) if code == "message_not_found" => return Ok(None),
        link => link?,
    };
    Ok(read(&found, channel, ts, link))
}

/// Reads a message object; `None` for one that nobody has written.
pub(crate) fn read(message: &Value, channel: &str, ts: &str, link: String) -> Option<Quoted> {
    let author = field(message, "/user").or_else(|| field(message, "/bot_id"))?;
    let room = Room::new(Platform::Slack, channel);
    let thread = field(message, "/thread_ts").map(str::to_owned);
    let text = typed(field(message, "/text").unwrap_or_default());
    Some(Quoted {
        message: MessageRef { room: room.clone(), id: ts.to_owned() },
        place: Place { room, thread },
        author: Account::new(Platform::Slack, author),
        author_name: field(message, "/username").map(str::to_owned),
        at: timestamp(ts)?,
        link,
        text: Some(text).filter(|text| !text.trim().is_empty()),
    })
}

/// A message's address as Slack makes it (docs.slack.dev/reference/methods/chat.getPermalink), without asking.
pub(crate) fn address(domain: &str, channel: &str, ts: &str, thread: Option<&str>) -> String {
    let address = format!("https://{domain}.slack.com/archives/{channel}/p{}", ts.replace('.', ""));
    match thread.filter(|thread| *thread != ts) {
        Some(thread) => format!("{address}?thread_ts={thread}&cid={channel}"),
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_quoted_with_its_author_its_time_and_its_thread() {
        let message =
            json!({ "user": "U1", "text": "a &lt;b&gt; <@U2|x>", "thread_ts": "1700000000.000001" });
        let found = read(&message, "C1", "1700000001.000200", "https://x".to_owned()).expect("a message");
        assert_eq!((found.author.id.as_str(), found.text.as_deref()), ("U1", Some("a <b> <@U2>")));
        assert_eq!(found.place.thread.as_deref(), Some("1700000000.000001"));
        assert_eq!(found.at.as_microsecond(), 1_700_000_001_000_200);
        let bot = json!({ "bot_id": "B1", "username": "grafana", "text": " " });
        let found = read(&bot, "C1", "1.2", String::new()).expect("a message");
        assert_eq!((found.author_name.as_deref(), found.text), (Some("grafana"), None));
        assert_eq!(read(&json!({ "text": "x" }), "C1", "1.2", String::new()), None);
    }

    #[test]
    fn an_address_is_the_one_that_slack_makes() {
        let ts = "1700000001.000200";
        let plain = "https://test.slack.com/archives/C1/p1700000001000200";
        assert_eq!(address("test", "C1", ts, None), plain);
        assert_eq!(address("test", "C1", ts, Some(ts)), plain);
        assert_eq!(address("test", "C1", ts, Some("1.1")), format!("{plain}?thread_ts=1.1&cid=C1"));
    }
}
