use commands::card::{Card, Tone};
use commands::ids::Account;
use commands::message::Reply;
use std::time::Duration;

use super::*;

const NOW: i64 = 1_700_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

fn answer(expires: Option<i64>) -> AnswerTo {
    AnswerTo {
        place: Place::channel(Room::new(Platform::Slack, "C1")),
        asker: Account::new(Platform::Slack, "U1"),
        token: expires
            .map(|seconds| AnswerToken { value: "https://hooks/1".to_owned(), expires: at(seconds) }),
    }
}

fn outgoing(target: Target, visibility: Visibility) -> Outgoing {
    let card =
        Card { title: "x".to_owned(), tone: Tone::Neutral, sections: vec![], buttons: vec![], footer: None };
    let reply = Reply { visibility, card, file: None, picture: None, mentions: Vec::new() };
    Outgoing { slot: "s".to_owned(), target, reply, may_repeat: false }
}

fn described(target: Target, visibility: Visibility) -> String {
    let outgoing = outgoing(target, visibility);
    match route(&outgoing, at(0)) {
        Ok(Route::Post(place, back)) => format!("post to {}, way back {}", place.room, back.is_some()),
        Ok(Route::Direct(account)) => format!("direct to {account}"),
        Ok(Route::Update(message, _)) => format!("update {}", message.id),
        Ok(Route::Whisper(answer)) => format!("whisper to {}", answer.asker),
        Ok(Route::Respond(_, _, original)) => format!("respond, {original:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_target_has_its_way() {
    use Visibility::{Private, Public};
    let edit = |posted, expires| Target::Edit { posted, answer: Some(answer(expires)) };
    let posted = MessageRef { room: Room::new(Platform::Slack, "C1"), id: "1.2".to_owned() };
    let ways = [
        described(Target::Answer(answer(Some(600))), Public),
        described(Target::Answer(answer(Some(600))), Private),
        described(Target::Answer(answer(None)), Private),
        described(Target::Answer(answer(Some(4))), Private),
        described(Target::Post(answer(None).place), Public),
        described(Target::Post(answer(None).place), Private),
        described(edit(Posted::Message(posted), Some(600)), Public),
        described(edit(Posted::ByToken, Some(600)), Public),
        described(edit(Posted::ByToken, Some(0)), Public),
        described(edit(Posted::ByToken, Some(0)), Private),
        described(edit(Posted::Ephemeral, None), Private),
        described(Target::Edit { posted: Posted::ByToken, answer: None }, Public),
    ];
    insta::assert_snapshot!(ways.join("\n"), @r"
    post to slack:C1, way back true
    respond, Keep
    whisper to slack:U1
    whisper to slack:U1
    post to slack:C1, way back false
    refused: a private message needs an asker
    update 1.2
    respond, Replace
    post to slack:C1, way back true
    whisper to slack:U1
    whisper to slack:U1
    refused: an answer without its way back can't be edited
    ");
}

#[test]
fn a_command_from_an_unknown_channel_is_answered_by_its_token() {
    let mut lost = answer(Some(600));
    lost.place = Place::channel(Room::new(Platform::Slack, ""));
    assert_eq!(described(Target::Answer(lost), Visibility::Public), "respond, Keep");
}

#[test]
fn keys_follow_slacks_limits_and_hide_the_token() {
    let key = |target, visibility| rate_key(&outgoing(target, visibility), at(0)).expect("a call");
    let post = key(Target::Post(answer(None).place), Visibility::Public);
    assert_eq!(
        (post.key.as_str(), post.burst, post.every),
        ("slack:chat.postMessage:C1", 3, Duration::from_secs(1))
    );
    let posted = MessageRef { room: Room::new(Platform::Slack, "C1"), id: "1.2".to_owned() };
    let edit = key(Target::Edit { posted: Posted::Message(posted), answer: None }, Visibility::Public);
    assert_eq!(edit.key, "slack:chat.update");
    let respond = key(Target::Answer(answer(Some(600))), Visibility::Private);
    assert!(respond.key.starts_with("slack:response_url:") && !respond.key.contains("hooks"));
}
