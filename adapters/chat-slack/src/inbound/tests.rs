use commands::message::{AnswerTo, EventKind, ReactionChange};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_700_000_000;

fn context() -> Context<'static> {
    Context { bot: Some("UBOT"), now: Timestamp::from_second(NOW).unwrap(), fallback_id: "envelope-1" }
}

fn event(kind: PayloadKind, payload: &Value) -> ChatEvent {
    match read(kind, payload, context()) {
        Heard::Event(event) => *event,
        other => panic!("{other:?} from {payload}"),
    }
}

fn command_line(event: &ChatEvent) -> (&str, &AnswerTo) {
    match &event.kind {
        EventKind::Command { line, answer } => (line, answer),
        other => panic!("{other:?}"),
    }
}

fn full_command() -> Value {
    json!({
        "team_id": "T1", "channel_id": "C1", "user_id": "U1", "command": "/acgs", "text": " health  ",
        "response_url": "https://hooks.slack.com/commands/1", "trigger_id": "1.2.3",
    })
}

fn full_click() -> Value {
    json!({
        "type": "block_actions", "team": null, "user": { "id": "U1" }, "channel": { "id": "C1" },
        "container": { "type": "message", "message_ts": "1.000002", "channel_id": "C1" },
        "message": { "ts": "1.000002", "thread_ts": "1.000001", "metadata": { "event_payload": { "n": 1 } } },
        "response_url": "https://hooks.slack.com/actions/1", "trigger_id": "1.2.3",
        "actions": [{ "type": "button", "value": "run:1", "action_ts": "1700000001.500000" }],
    })
}

fn full_mention() -> Value {
    json!({
        "event_id": "Ev1", "event_time": NOW, "type": "event_callback",
        "authorizations": [{ "user_id": "UBOT", "is_bot": true }],
        "event": {
            "type": "app_mention", "user": "U1", "channel": "C1", "ts": "1700000000.000100",
            "event_ts": "1700000000.000100", "text": "<@UBOT> logs &lt;x&gt; <http://a.io|a.io>",
        },
    })
}

fn full_reaction() -> Value {
    json!({
        "event_id": "Ev2", "event_time": NOW,
        "event": {
            "type": "reaction_added", "user": "U1", "reaction": "white_check_mark", "event_ts": "1700000000.000200",
            "item": { "type": "message", "channel": "C1", "ts": "1.000002" },
        },
    })
}

/// The payload without one field, wherever it is.
fn without(payload: &Value, pointer: &str) -> Value {
    let mut payload = payload.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    payload.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
    payload
}

#[test]
fn a_command_says_who_where_what_and_the_way_back() {
    let event = event(PayloadKind::Command, &full_command());
    let (line, answer) = command_line(&event);
    assert_eq!((line, event.delivery.id.as_str()), ("health", "1.2.3"));
    assert_eq!((event.from.to_string().as_str(), event.place.room.id.as_str()), ("slack:U1", "C1"));
    assert_eq!(event.at, context().now);
    let token = answer.token.as_ref().unwrap();
    assert_eq!(token.value, "https://hooks.slack.com/commands/1");
    assert_eq!(token.expires, Timestamp::from_second(NOW + 1800).unwrap());
}

#[test]
fn a_command_is_heard_without_any_one_field_but_the_user() {
    for field in ["team_id", "channel_id", "command", "text", "response_url", "trigger_id"] {
        event(PayloadKind::Command, &without(&full_command(), &format!("/{field}")));
    }
    let nobody = read(PayloadKind::Command, &without(&full_command(), "/user_id"), context());
    assert!(matches!(nobody, Heard::Unusable(_)));
    let unnamed = event(PayloadKind::Command, &without(&full_command(), "/trigger_id"));
    assert_eq!(unnamed.delivery.id, "envelope-1");
}

#[test]
fn a_command_that_can_not_be_answered_at_all_is_said_to_be_unusable() {
    let lost = without(&without(&full_command(), "/channel_id"), "/response_url");
    assert!(matches!(read(PayloadKind::Command, &lost, context()), Heard::Unusable(_)));
}

#[test]
fn a_click_says_which_button_of_which_message() {
    let event = event(PayloadKind::Interaction, &full_click());
    let EventKind::Click { value, message, answer } = &event.kind else { panic!("{event:?}") };
    assert_eq!((value.as_str(), message.id.as_str()), ("run:1", "1.000002"));
    assert_eq!(event.place.thread.as_deref(), Some("1.000001"));
    assert_eq!(event.at.as_millisecond(), (NOW + 1) * 1000 + 500);
    assert!(answer.token.is_some());
}

#[test]
fn a_click_is_heard_without_any_one_field_but_the_user() {
    for field in ["/team", "/channel", "/container", "/message", "/response_url", "/trigger_id"] {
        event(PayloadKind::Interaction, &without(&full_click(), field));
    }
    let nobody = read(PayloadKind::Interaction, &without(&full_click(), "/user/id"), context());
    assert!(matches!(nobody, Heard::Unusable(_)));
}

#[test]
fn links_and_forms_are_no_clicks() {
    let mut link = full_click();
    link["actions"][0]["value"] = Value::Null;
    assert_eq!(read(PayloadKind::Interaction, &link, context()), Heard::Nothing);
    let form = json!({ "type": "view_submission", "user": { "id": "U1" } });
    assert_eq!(read(PayloadKind::Interaction, &form, context()), Heard::Nothing);
}

#[test]
fn a_mention_is_what_stands_behind_our_name() {
    let event = event(PayloadKind::Event, &full_mention());
    let (line, answer) = command_line(&event);
    assert_eq!(line, "logs <x> a.io");
    assert_eq!((event.delivery.id.as_str(), event.at.as_microsecond()), ("Ev1", NOW * 1_000_000 + 100));
    assert_eq!(answer.token, None);
}

#[test]
fn an_event_without_an_id_has_the_same_id_each_time_it_comes() {
    let unnamed = without(&full_mention(), "/event_id");
    let once = event(PayloadKind::Event, &unnamed).delivery;
    let other = Context { fallback_id: "envelope-2", ..context() };
    let Heard::Event(again) = read(PayloadKind::Event, &unnamed, other) else { panic!() };
    assert_eq!(once, again.delivery);
    let Heard::Event(reaction) = read(PayloadKind::Event, &without(&full_reaction(), "/event_id"), other)
    else {
        panic!()
    };
    assert_ne!(once, reaction.delivery);
}

#[test]
fn a_reaction_needs_a_message() {
    let added = event(PayloadKind::Event, &full_reaction());
    let EventKind::Reaction { change, emoji, message } = &added.kind else { panic!("{added:?}") };
    assert_eq!(
        (change, emoji.as_str(), message.id.as_str()),
        (&ReactionChange::Added, "white_check_mark", "1.000002")
    );
    event(PayloadKind::Event, &without(&full_reaction(), "/event/item/type"));
    let mut on_file = full_reaction();
    on_file["event"]["item"] = json!({ "type": "file", "file": "F1" });
    assert_eq!(read(PayloadKind::Event, &on_file, context()), Heard::Nothing);
}

#[test]
fn bots_and_ourselves_are_not_heard() {
    let with = |key: &str, value: Value| {
        let mut payload = full_mention();
        payload["event"][key] = value;
        read(PayloadKind::Event, &payload, context())
    };
    assert_eq!(with("bot_id", json!("B1")), Heard::Nothing);
    assert_eq!(with("subtype", json!("bot_message")), Heard::Nothing);
    assert_eq!(with("user", json!("UBOT")), Heard::Nothing);
    let unknown = Context { bot: None, ..context() };
    let mut ours = full_reaction();
    ours["authorizations"] = full_mention()["authorizations"].clone();
    ours["event"]["user"] = json!("UBOT");
    assert_eq!(read(PayloadKind::Event, &ours, unknown), Heard::Nothing);
}

#[test]
fn times_are_read_to_the_microsecond_or_not_at_all() {
    assert_eq!(timestamp("1700000000.000100").unwrap().as_microsecond(), NOW * 1_000_000 + 100);
    assert_eq!(timestamp("1700000000").unwrap().as_second(), NOW);
    assert_eq!(timestamp("1700000000.5").unwrap().as_millisecond(), NOW * 1000 + 500);
    for bad in ["", ".", "soon", "1.x", "99999999999999999999.0"] {
        assert_eq!(timestamp(bad), None, "{bad}");
    }
}

/// Any JSON, with Slack's own names in it often enough.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop_oneof!["block_actions", "app_mention", "reaction_added", "message", "<@U1> x", ".{0,12}"]
            .prop_map(Value::from),
    ];
    let key = prop_oneof![
        "type",
        "user",
        "user_id",
        "channel",
        "channel_id",
        "text",
        "event",
        "event_id",
        "event_ts",
        "item",
        "ts",
        "actions",
        "value",
        "response_url",
        "authorizations",
        "reaction",
        "container",
        "id",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_payload_makes_the_reader_panic(payload in any_json()) {
        for kind in [PayloadKind::Command, PayloadKind::Interaction, PayloadKind::Event] {
            let heard = read(kind, &payload, context());
            if let Heard::Event(event) = heard {
                prop_assert!(!event.delivery.id.is_empty() && !event.from.id.is_empty());
            }
        }
    }
}

fn submission() -> Value {
    json!({
        "type": "view_submission", "team": null, "user": { "id": "U1" }, "trigger_id": "4.5.6",
        "view": {
            "id": "V1", "callback_id": "form",
            "private_metadata": r#"{"form":"ask resolve 7","channel":"C1","thread":"1.000001"}"#,
            "state": { "values": {
                "how": { "how": { "type": "plain_text_input", "value": "it's\nmended" } },
                "anyway": { "anyway": { "type": "plain_text_input", "value": null } },
                "other": { "how": { "value": "x" } },
            } },
        },
        "response_urls": [],
    })
}

#[test]
fn a_button_that_asks_for_a_form_is_no_event() {
    let mut click = full_click();
    click["actions"][0]["value"] = "ask update 7".into();
    let Heard::Form(opening) = read(PayloadKind::Interaction, &click, context()) else { panic!("a form") };
    assert_eq!(opening.form.value(), "ask update 7");
    assert_eq!(opening.trigger.as_deref(), Some("1.2.3"));
    assert_eq!(opening.place.thread.as_deref(), Some("1.000001"));
    assert!(opening.token.is_some());
}

#[test]
fn a_form_that_was_sent_is_the_line_that_could_have_been_typed() {
    let sent = event(PayloadKind::Interaction, &submission());
    let (line, answer) = command_line(&sent);
    assert_eq!(line, "incident resolve \"it's mended\" --number 7");
    assert_eq!(sent.delivery.id, "view/V1");
    assert_eq!((sent.place.room.id.as_str(), sent.place.thread.as_deref()), ("C1", Some("1.000001")));
    assert_eq!((&answer.place, &answer.asker, &answer.token), (&sent.place, &sent.from, &None));
    assert_eq!(sent.at, context().now, "its answers are fresh, however old its card is");
}

#[test]
fn a_form_of_somebody_else_or_of_nobody_does_nothing() {
    let read_with = |pointer: &str, value: Value| {
        let mut payload = submission();
        *payload.pointer_mut(pointer).expect("a field") = value;
        read(PayloadKind::Interaction, &payload, context())
    };
    assert_eq!(read_with("/view/callback_id", json!("other")), Heard::Nothing);
    for metadata in ["", "x", "{}", r#"{"form":"line stack stop","channel":"C1"}"#] {
        assert!(
            matches!(read_with("/view/private_metadata", json!(metadata)), Heard::Unusable(_)),
            "{metadata}"
        );
    }
    assert!(matches!(read_with("/user/id", Value::Null), Heard::Unusable(_)));
}

fn shortcut(callback: &str) -> Value {
    json!({
        "type": "message_action", "callback_id": callback, "trigger_id": "7.8.9", "team": { "domain": "test" },
        "user": { "id": "U1" }, "channel": { "id": "C1" }, "message_ts": "1700000001.000200",
        "response_url": "https://hooks.slack.com/app/1",
        "message": {
            "type": "message", "user": "U2", "ts": "1700000001.000200", "thread_ts": "1700000000.000100",
            "text": "logins &lt;all&gt;\nfail",
        },
    })
}

#[test]
fn a_messages_menu_hands_the_message_over_or_asks_for_more() {
    let added = event(PayloadKind::Interaction, &shortcut("add_to_incident"));
    let EventKind::Quote { quoted, answer } = &added.kind else { panic!("{added:?}") };
    assert_eq!((quoted.author.id.as_str(), quoted.text.as_deref()), ("U2", Some("logins <all>\nfail")));
    let link = "https://test.slack.com/archives/C1/p1700000001000200?thread_ts=1700000000.000100&cid=C1";
    assert_eq!((quoted.link.as_str(), added.from.id.as_str()), (link, "U1"));
    assert_eq!((&answer.place, added.delivery.id.as_str()), (&quoted.place, "7.8.9"));
    assert!(answer.token.is_some());

    let Heard::Form(opening) = read(PayloadKind::Interaction, &shortcut("open_incident"), context()) else {
        panic!("a form")
    };
    assert_eq!(
        (opening.form.value().as_str(), opening.form.fields[1].value.as_str()),
        ("ask open", "logins <all> fail")
    );
    assert_eq!(read(PayloadKind::Interaction, &shortcut("other"), context()), Heard::Nothing);
    let mut nobody = shortcut("add_to_incident");
    nobody["user"] = Value::Null;
    assert!(matches!(read(PayloadKind::Interaction, &nobody, context()), Heard::Unusable(_)));
}
