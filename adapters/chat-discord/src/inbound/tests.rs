use serde_json::{Value, json};

use super::*;

const APPLICATION: u64 = 9;

fn user(id: &str) -> Value {
    json!({"id": id, "username": "alice", "discriminator": "0", "global_name": null, "avatar": null})
}

fn member(id: &str) -> Value {
    json!({
        "user": user(id), "nick": null, "roles": [], "joined_at": "2024-01-01T00:00:00+00:00",
        "deaf": false, "mute": false, "flags": 0, "permissions": "0",
    })
}

fn interaction(kind: u64, data: &Value) -> Value {
    json!({
        "id": "175928847299117063", "application_id": "9", "type": kind, "data": data, "guild_id": "3",
        "channel": {"id": "5", "type": 11, "name": "outage", "parent_id": "4", "permissions": "0"},
        "channel_id": "5", "member": member("7"), "token": "tok.en", "version": 1, "app_permissions": "0",
        "locale": "en-US", "guild_locale": "en-US", "entitlements": [], "attachment_size_limit": 1,
        "authorizing_integration_owners": {"0": "3"}, "context": 0,
    })
}

fn command() -> Value {
    let options = json!([
        {"type": 3, "name": "service", "value": "auth_service"},
        {"type": 4, "name": "wait", "value": 60},
        {"type": 5, "name": "deep", "value": true},
    ]);
    interaction(
        2,
        &json!({
            "id": "1", "name": "acgs", "type": 1,
            "options": [{"type": 2, "name": "db", "options": [{"type": 1, "name": "slow", "options": options}]}],
        }),
    )
}

fn completion() -> Value {
    let focused = json!([{"type": 3, "name": "service", "value": "au", "focused": true}]);
    interaction(
        4,
        &json!({
            "id": "1", "name": "acgs", "type": 1, "options": [{"type": 1, "name": "health", "options": focused}],
        }),
    )
}

fn message() -> Value {
    json!({
        "id": "175928847299117063", "channel_id": "5", "guild_id": "3", "author": user("7"),
        "content": "<@2> health", "timestamp": "2024-01-01T00:00:00+00:00", "edited_timestamp": null,
        "tts": false, "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [],
        "embeds": [], "pinned": false, "type": 0,
    })
}

fn click() -> Value {
    let mut click = interaction(3, &json!({"component_type": 2, "custom_id": "line health"}));
    click["message"] = message();
    click
}

fn submission() -> Value {
    let input = |name: &str, value: &str| json!({"type": 4, "id": 2, "custom_id": name, "value": value});
    let rows = json!([
        {"type": 1, "id": 1, "components": [input("how", "it's\nmended")]},
        {"type": 1, "id": 3, "components": [input("anyway", "")]},
    ]);
    let mut submission = interaction(5, &json!({"custom_id": "ask resolve 7", "components": rows}));
    submission["message"] = message();
    submission
}

fn on_message(command: &str) -> Value {
    let mut written = message();
    written["content"] = "logins fail".into();
    written["author"]["global_name"] = "Alice".into();
    interaction(
        2,
        &json!({
            "id": "1", "name": command, "type": 3, "target_id": "175928847299117063",
            "resolved": {"messages": {"175928847299117063": written}},
        }),
    )
}

fn reaction(emoji: &Value) -> Value {
    json!({
        "user_id": "7", "channel_id": "5", "message_id": "6", "guild_id": "3", "emoji": emoji,
        "member": member("7"), "burst": false, "burst_colors": [], "type": 0, "message_author_id": "2",
    })
}

fn events() -> Vec<(&'static str, Value)> {
    vec![
        ("INTERACTION_CREATE", command()),
        ("INTERACTION_CREATE", completion()),
        ("INTERACTION_CREATE", click()),
        ("INTERACTION_CREATE", submission()),
        ("INTERACTION_CREATE", on_message("Add to incident")),
        ("INTERACTION_CREATE", on_message("Open incident")),
        ("MESSAGE_CREATE", message()),
        ("MESSAGE_REACTION_ADD", reaction(&json!({"id": null, "name": "✅"}))),
        ("MESSAGE_REACTION_REMOVE", reaction(&json!({"id": "8", "name": "party"}))),
        ("MESSAGE_REACTION_REMOVE_ALL", json!({"channel_id": "5", "message_id": "6", "guild_id": "3"})),
        ("RESUMED", json!({})),
    ]
}

/// As serenity reads a dispatch.
fn event(kind: &str, data: &Value) -> Event {
    serde_json::from_value(json!({"t": kind, "d": data})).expect("serenity reads every dispatch")
}

#[test]
fn modelled_and_bare_events_mean_the_same() {
    for (kind, data) in events() {
        let event = event(kind, &data);
        assert!(!matches!(event, Event::Unknown(_)), "{kind} is not read by serenity's model: {data}");
        let modelled = read(&event);
        assert!(modelled.is_some(), "{kind}");
        assert_eq!(modelled, bare::read(kind, &data), "{kind}");
    }
}

#[test]
fn a_missing_field_that_nobody_reads_loses_nothing() {
    let dispensable =
        ["locale", "entitlements", "version", "attachment_size_limit", "application_id", "app_permissions"];
    for field in dispensable {
        let mut data = command();
        data.as_object_mut().expect("an object").remove(field);
        assert_eq!(
            read(&event("INTERACTION_CREATE", &data)),
            bare::read("INTERACTION_CREATE", &command()),
            "{field}"
        );
    }
}

#[test]
fn a_command_becomes_a_line_with_its_place_and_a_way_back() {
    let Some(Incoming::Interaction(found)) = bare::read("INTERACTION_CREATE", &command()) else {
        panic!("an interaction")
    };
    let Asked::Command { path, options } = &found.asked else { panic!("a command") };
    assert_eq!(path, &["db", "slow"]);
    let expected = [("service", "auth_service"), ("wait", "60"), ("deep", "true")];
    assert_eq!(options, &expected.map(|(name, value)| (name.to_owned(), value.to_owned())));

    let tree = commands::grammar::Grammar::new(Vec::new()).tree().clone();
    let event = found.event(APPLICATION, &tree).expect("an event");
    assert_eq!(event.place.room.id, "4");
    assert_eq!(event.place.thread.as_deref(), Some("5"));
    assert_eq!(event.at, snowflake::made_at(found.id));
    let EventKind::Command { answer, .. } = event.kind else { panic!("a command") };
    let token = answer.token.expect("a token");
    assert_eq!(token.value, "9/tok.en");
    assert_eq!(token.expires, event.at + SignedDuration::from_mins(15));
    assert!(!format!("{found:?} {token:?}").contains("tok.en"), "a token in a log");
}

#[test]
fn a_form_that_was_filled_in_becomes_the_line_that_could_have_been_typed() {
    let tree = commands::grammar::Grammar::new(Vec::new()).tree().clone();
    let read = |data: &Value| match read(&event("INTERACTION_CREATE", data)) {
        Some(Incoming::Interaction(found)) => found.event(APPLICATION, &tree),
        other => panic!("{other:?}"),
    };
    let found = read(&submission()).expect("an event");
    let EventKind::Command { line, answer } = found.kind else { panic!("a command") };
    assert_eq!(line, "incident resolve \"it's mended\" --number 7");
    assert_eq!((answer.place.thread.as_deref(), answer.token.is_some()), (Some("5"), true));
    let mut foreign = submission();
    foreign["data"]["custom_id"] = "ask nothing".into();
    assert_eq!(read(&foreign), None);
}

#[test]
fn a_command_on_a_message_hands_the_message_over() {
    let tree = commands::grammar::Grammar::new(Vec::new()).tree().clone();
    let read = |command: &str| match read(&event("INTERACTION_CREATE", &on_message(command))) {
        Some(Incoming::Interaction(found)) => found,
        other => panic!("{other:?}"),
    };
    let found = read("Add to incident").event(APPLICATION, &tree).expect("an event");
    let EventKind::Quote { quoted, answer } = found.kind else { panic!("a message") };
    assert_eq!(quoted.link, "https://discord.com/channels/3/5/175928847299117063");
    assert_eq!((quoted.author.id.as_str(), quoted.author_name.as_deref()), ("7", Some("Alice")));
    assert_eq!(
        (quoted.text.as_deref(), quoted.at),
        (Some("logins fail"), snowflake::made_at(175_928_847_299_117_063))
    );
    assert_eq!((&quoted.place, answer.token.is_some()), (&answer.place, true));

    let opens = read("Open incident");
    assert_eq!(opens.event(APPLICATION, &tree), None, "to open a form is nothing to store");
    assert_eq!(opens.form().expect("a form").fields[1].value, "logins fail");
    let foreign = read("Something else");
    assert_eq!((foreign.form(), foreign.event(APPLICATION, &tree)), (None, None));
}

#[test]
fn nobody_is_made_up() {
    let mut data = command();
    for field in ["member", "guild_id"] {
        data.as_object_mut().expect("an object").remove(field);
    }
    let Some(Incoming::Interaction(found)) = read(&event("INTERACTION_CREATE", &data)) else {
        panic!("an interaction")
    };
    assert_eq!(found.user, None);
    let tree = commands::grammar::Grammar::new(Vec::new()).tree().clone();
    assert_eq!(found.event(APPLICATION, &tree), None);
}

#[test]
fn only_a_mention_at_the_start_addresses_the_bot() {
    let line = |content: &str, automatic: bool| {
        let message = Message { id: 1, channel: 5, author: 7, automatic, content: content.to_owned() };
        message.line(2).map(str::to_owned)
    };
    assert_eq!(line("<@2> health", false).as_deref(), Some("health"));
    assert_eq!(line("  <@!2>   health <@7> ", false).as_deref(), Some("health <@7>"));
    assert_eq!(line("<@2>", false).as_deref(), Some(""));
    for other in
        ["hey <@2> health", "<@3> health", "<@&2> health", "<@2 health", "health", "", "> <@2> health"]
    {
        assert_eq!(line(other, false), None, "{other}");
    }
    assert_eq!(line("<@2> health", true), None, "a bot or a webhook");
}

#[test]
fn a_custom_emoji_never_looks_like_a_unicode_one() {
    let emoji = |value: Value| bare::emoji(&value);
    assert_eq!(emoji(json!({"id": null, "name": "✅"})).as_deref(), Some("✅"));
    assert_eq!(emoji(json!({"id": "8", "name": "✅"})).as_deref(), Some("✅:8"));
    assert_eq!(emoji(json!({"id": "8", "name": null})).as_deref(), Some(":8"));
    assert_eq!(emoji(json!({"id": null, "name": ""})), None);
}

#[test]
fn garbage_is_nothing_and_never_a_panic() {
    for value in [Value::Null, json!([]), json!({}), json!({"id": {}}), json!({"id": "x", "token": 5})] {
        for kind in ["READY", "INTERACTION_CREATE", "MESSAGE_CREATE", "MESSAGE_REACTION_ADD", "WHATEVER"] {
            assert_eq!(bare::read(kind, &value), None, "{kind} {value}");
        }
    }
}
