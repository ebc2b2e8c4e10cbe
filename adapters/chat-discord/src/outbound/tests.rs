use commands::card::{Card, Tone};
use commands::message::Reply;
use futures_util::FutureExt;

use super::*;
use crate::inbound;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).expect("in range")
}

fn answer(has_token: bool) -> AnswerTo {
    let token = AnswerToken { value: "9/SECRET".to_owned(), expires: at(15) };
    AnswerTo {
        place: inbound::place(5, Some(4)),
        asker: inbound::account(7),
        token: has_token.then_some(token),
    }
}

fn outgoing(target: Target, visibility: Visibility) -> Outgoing {
    let card = Card {
        title: "x".to_owned(),
        tone: Tone::Neutral,
        sections: Vec::new(),
        buttons: Vec::new(),
        footer: None,
    };
    Outgoing {
        slot: "run-1".to_owned(),
        target,
        reply: Reply { visibility, card, file: None, picture: None, mentions: Vec::new() },
        may_repeat: true,
    }
}

fn message() -> MessageRef {
    inbound::message_ref(5, 6)
}

/// Where each kind of message goes before and after its token's end.
#[test]
fn every_message_has_its_way() {
    use Visibility::{Private, Public};
    let edit = |posted, has_token| Target::Edit { posted, answer: Some(answer(has_token)) };
    let cases = [
        (Target::Post(inbound::place(5, Some(4))), Public),
        (Target::Post(inbound::place(4, None)), Private),
        (Target::Answer(answer(true)), Public),
        (Target::Answer(answer(true)), Private),
        (Target::Answer(answer(false)), Public),
        (Target::Answer(answer(false)), Private),
        (edit(Posted::Message(message()), true), Public),
        (Target::Edit { posted: Posted::Message(message()), answer: None }, Public),
        (edit(Posted::ByToken, true), Public),
        (edit(Posted::ByToken, true), Private),
        (Target::Edit { posted: Posted::ByToken, answer: None }, Public),
    ];
    let way = |outgoing: &Outgoing, now| match route(outgoing, now) {
        Ok(Route::Post(channel)) => format!("post to {channel}"),
        Ok(Route::Direct(user)) => format!("direct to {user}"),
        Ok(Route::Edit(message)) => format!("edit {}", message.id),
        Ok(Route::Original(_, fallback)) => match fallback {
            Fallback::Post(channel) => format!("token, else post to {channel}"),
            Fallback::Edit(message) => format!("token, else edit {}", message.id),
            Fallback::None => "token".to_owned(),
        },
        Err(error) => error.to_string().split(':').next().unwrap_or_default().to_owned(),
    };
    let ways: Vec<(String, String)> = cases
        .into_iter()
        .map(|(target, visibility)| outgoing(target, visibility))
        .map(|outgoing| (way(&outgoing, at(1)), way(&outgoing, at(15))))
        .collect();
    let expected = [
        ("post to 5", "post to 5"),
        ("refused", "refused"),
        ("token, else post to 5", "post to 5"),
        ("token", "refused"),
        ("post to 5", "post to 5"),
        ("post to 5", "post to 5"),
        ("token, else edit 6", "edit 6"),
        ("edit 6", "edit 6"),
        ("token, else post to 5", "post to 5"),
        ("token", "refused"),
        ("refused", "refused"),
    ];
    assert_eq!(ways, expected.map(|(one, other)| (one.to_owned(), other.to_owned())));
}

#[test]
fn limits_are_keyed_as_discord_keys_them_and_name_no_token() {
    let keys = |target, now| rate_keys(&outgoing(target, Visibility::Public), now);
    let [by_token] = &keys(Target::Answer(answer(true)), at(1))[..] else { panic!("exempt from the bot's") };
    assert_eq!((by_token.burst, by_token.every), (5, Duration::from_millis(400)));
    assert!(by_token.key.starts_with("discord:token:") && !by_token.key.contains("SECRET"), "{by_token:?}");
    let late = keys(Target::Answer(answer(true)), at(15));
    let [post, global] = &late[..] else { panic!("two keys") };
    assert_eq!((post.key.as_str(), post.burst, post.every), ("discord:post:5", 5, Duration::from_secs(1)));
    assert_eq!(global.key, "discord:global");
    assert_eq!(late, keys(Target::Post(inbound::place(5, None)), at(1)));
    let edit = keys(Target::Edit { posted: Posted::Message(message()), answer: None }, at(1));
    assert_eq!((edit[0].key.as_str(), &edit[1]), ("discord:edit:5", global));
}

#[test]
fn a_create_has_a_nonce_and_an_edit_takes_away_what_was_there() {
    let json = |kind| {
        let rendered = embeds::render(&outgoing(Target::Answer(answer(true)), Visibility::Public).reply);
        let Ok(Body::Json(json)) = payload(&rendered, kind) else { panic!("JSON") };
        serde_json::from_slice::<Value>(&json).expect("JSON")
    };
    let nobody = json!({"parse": [], "users": [], "roles": []});
    let create = json(Kind::Create { nonce: "run-1" });
    assert_eq!(
        (&create["nonce"], &create["enforce_nonce"], &create["allowed_mentions"]),
        (&json!("run-1"), &json!(true), &nobody)
    );
    assert_eq!(create.get("content"), None);
    let edit = json(Kind::Edit);
    assert_eq!((edit.get("nonce"), edit.get("enforce_nonce")), (None, None));
    assert_eq!(
        (&edit["content"], &edit["components"], &edit["attachments"]),
        (&json!(""), &json!([]), &json!([]))
    );
    assert_eq!(edit["allowed_mentions"], nobody);
}

#[tokio::test]
async fn an_answer_waits_while_its_interaction_is_not_acknowledged() {
    let unacknowledged = Unacknowledged::default();
    unacknowledged.wait("9/other").await;
    let held = unacknowledged.hold("9/SECRET");
    let waiting = unacknowledged.wait("9/SECRET");
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    drop(held);
    waiting.await;
}

#[tokio::test]
async fn an_answer_waits_for_every_delivery_of_its_interaction() {
    let all = Unacknowledged::default();
    for the_older_ends_first in [true, false] {
        let (older, newer) = (all.hold("9/SECRET"), all.hold("9/SECRET"));
        let (first, last) = if the_older_ends_first { (older, newer) } else { (newer, older) };
        drop(first);
        assert_eq!(all.wait("9/SECRET").now_or_never(), None, "one is still on its way");
        assert_eq!(all.wait("9/OTHER").now_or_never(), Some(()), "nobody holds it");
        drop(last);
        assert_eq!(all.wait("9/SECRET").now_or_never(), Some(()));
        assert!(all.map().is_empty());
    }
}
