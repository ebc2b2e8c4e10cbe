//! Answers arrive in the shape, at the place and under the limits that Slack asks for.

use std::time::Duration;

use chat_slack::{SlackChat, SlackConfig};
use commands::card::{Align, Column, Section, Table};
use commands::ids::{Account, Platform};
use commands::message::{AnswerTo, Liveness, Posted, SendError, Target, TextFile, Visibility};
use e2e::slack::{BOT_TOKEN, SlackOptions, SlackServer};
use tokio::time::Instant;

use super::{
    ALICE, ROOM, SOON, Wire, answer_of, config, http_mode, now, outgoing, private, reply, room, socket_mode,
};

const POST: &str = "chat.postMessage";

#[tokio::test(flavor = "multi_thread")]
async fn check_says_who_the_bot_is_and_what_it_lacks() {
    let slack = SlackServer::start(SlackOptions::default()).await;
    let identity = SlackChat::new(config(&slack, socket_mode())).unwrap().check().await.unwrap();
    assert_eq!((identity.team.as_str(), identity.bot_user_id.as_str()), ("Test", "U0BOT"));
    assert_eq!(identity.app_id.as_deref(), Some("A0TEST"));
    assert_eq!(identity.missing_scopes, Vec::<String>::new());
    let scopes = vec!["chat:write".to_owned(), "commands".to_owned()];
    let slack = SlackServer::start(SlackOptions { scopes, ..SlackOptions::default() }).await;
    let identity = SlackChat::new(config(&slack, http_mode())).unwrap().check().await.unwrap();
    let missing = ["app_mentions:read", "channels:manage", "channels:read", "files:write", "reactions:read"];
    assert_eq!(identity.missing_scopes, missing);
    slack.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_the_token_that_slack_refuses() {
    let slack = SlackServer::start(SlackOptions::default()).await;
    let wrong = SlackConfig { bot_token: "xoxb-wrong".into(), ..config(&slack, socket_mode()) };
    let error = SlackChat::new(wrong).unwrap().check().await.unwrap_err().to_string();
    assert!(error.starts_with("Slack refuses the bot token: invalid_auth"), "{error}");
    let gone =
        SlackConfig { api_url: "http://127.0.0.1:9/api".parse().unwrap(), ..config(&slack, socket_mode()) };
    let error = SlackChat::new(gone).unwrap().check().await.unwrap_err().to_string();
    assert!(error.starts_with("Slack can't be reached"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_a_card_arrives_as_text() {
    let wire = Wire::connect().await;
    let mut hostile = reply("<!channel> <@U1> <http://evil|login> & *bold*");
    hostile.card.title = "<!here> & co".to_owned();
    hostile.card.sections.push(Section::Code("``` <!everyone>".to_owned()));
    hostile.card.sections.push(Section::Facts(vec![("<#C1>".to_owned(), "a < b".to_owned())]));
    hostile.card.sections.push(Section::Next(vec!["health `<@U1>`".to_owned()]));
    let columns = vec![Column { heading: "name".to_owned(), align: Align::Left }];
    let rows = vec![vec!["<!channel>".to_owned()]];
    hostile.card.sections.push(Section::Table(Table { columns, rows }));
    wire.post("slot-1", Target::Post(room(ROOM)), hostile).await;
    let message = wire.slack.wait_message(|_| true, SOON).await;
    for shown in ["<!here> & co", "<!channel> <@U1> <http://evil|login> & ", "<!everyone>", "<#C1>", "a < b"]
    {
        assert!(message.visible().contains(shown), "{shown}: {}", message.visible());
    }
    assert!(message.notification().contains("<!here> & co"));
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_unfurled_and_no_name_is_linked() {
    let wire = Wire::connect().await;
    wire.post("slot-1", Target::Post(room(ROOM)), reply("see http://127.0.0.1/ and @everyone")).await;
    let message = wire.slack.wait_message(|_| true, SOON).await;
    for flag in ["unfurl_links", "unfurl_media", "link_names"] {
        assert_eq!(message.args[flag], false, "{flag}");
    }
    assert!(!message.args.to_string().contains("\"verbatim\":false"));
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_answer_to_a_command_goes_by_its_response_url() {
    let mut wire = Wire::connect().await;
    let answer = wire.asked().await;
    let posted = wire.post("slot-1", Target::Answer(answer.clone()), private("you may not")).await;
    assert_eq!(posted, Posted::ByToken);
    let message = wire.slack.wait_message(|_| true, SOON).await;
    assert_eq!((message.only_for.as_deref(), message.sent_by), (Some(ALICE), "response_url"));
    wire.post("slot-1", Target::Edit { posted, answer: Some(answer) }, private("still not")).await;
    let edited = wire.slack.wait_message(|message| message.visible().contains("still not"), SOON).await;
    assert_eq!(edited.history.len(), 1);
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_answer_to_a_mention_is_an_ephemeral_message_in_its_thread() {
    let mut wire = Wire::connect().await;
    wire.slack.mention(ALICE, ROOM, Some("1700000000.000100"), "health").await.outcome.latency();
    let answer = answer_of(&wire.event().await);
    let posted = wire.post("slot-1", Target::Answer(answer.clone()), private("you may not")).await;
    assert_eq!(posted, Posted::Ephemeral);
    let message = wire.slack.wait_message(|_| true, SOON).await;
    assert_eq!((message.only_for.as_deref(), message.sent_by), (Some(ALICE), "chat.postEphemeral"));
    assert_eq!(message.thread.as_deref(), Some("1700000000.000100"));
    wire.post("slot-1", Target::Edit { posted, answer: Some(answer) }, private("still not")).await;
    wire.slack.wait_message(|message| message.visible().contains("still not"), SOON).await;
    assert_eq!(wire.slack.messages().len(), 2);
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_channel_a_command_is_answered_by_its_response_url_and_edited_there() {
    let mut wire = Wire::connect().await;
    wire.slack.not_in_channel(ROOM);
    let answer = wire.asked().await;
    let posted = wire.post("slot-1", Target::Answer(answer.clone()), reply("asking")).await;
    assert_eq!(posted, Posted::ByToken);
    let message = wire.slack.wait_message(|_| true, SOON).await;
    assert_eq!((message.only_for.as_deref(), message.sent_by), (None, "response_url"));
    wire.post("slot-1", Target::Edit { posted, answer: Some(answer) }, reply("all well")).await;
    let edited = wire.slack.wait_message(|message| message.visible().contains("all well"), SOON).await;
    assert_eq!((edited.ts.as_str(), edited.history.len()), (message.ts.as_str(), 1));
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_channel_without_a_way_back_the_advice_is_to_invite_the_bot() {
    let mut wire = Wire::connect().await;
    wire.slack.not_in_channel(ROOM);
    let error = wire.chat.send(&outgoing("s", Target::Post(room(ROOM)), reply("x"))).await.unwrap_err();
    assert!(matches!(&error, SendError::Barred { why, .. } if why.contains("invite the bot")), "{error}");
    let mut answer = wire.asked().await;
    answer.token.as_mut().unwrap().expires = now();
    let late = wire.chat.send(&outgoing("s", Target::Answer(answer), reply("x"))).await.unwrap_err();
    assert_eq!(late, error);
    wire.slack.invite(ROOM);
    wire.post("s", Target::Post(room(ROOM)), reply("now it works")).await;
    wire.slack.wait_message(|message| message.visible().contains("now it works"), SOON).await;
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_url_that_is_used_up_is_no_dead_end() {
    let mut wire = Wire::connect().await;
    let answer = wire.asked().await;
    let mut posted = wire.post("slot-1", Target::Answer(answer.clone()), private("0")).await;
    for step in 1..=6 {
        let target = Target::Edit { posted, answer: Some(answer.clone()) };
        posted = wire.post("slot-1", target, private(&format!("step {step}"))).await;
        wire.slack.wait_message(|message| message.visible().contains(&format!("step {step}")), SOON).await;
    }
    assert_eq!(posted, Posted::Ephemeral);
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_message_without_an_asker_is_refused_and_not_made_public() {
    let wire = Wire::connect().await;
    let sent = wire.chat.send(&outgoing("s", Target::Post(room(ROOM)), private("secret"))).await;
    assert!(matches!(sent, Err(SendError::Rejected(_))));
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_says_how_long_to_the_second() {
    let wire = Wire::connect().await;
    wire.slack.limit_next(POST, 1, 2);
    let message = outgoing("s", Target::Post(room(ROOM)), reply("x"));
    let told = Instant::now();
    let error = wire.chat.send(&message).await.unwrap_err();
    let SendError::RateLimited { retry_after, limit } = error else { panic!("{error:?}") };
    assert_eq!((retry_after, limit.key), (Duration::from_secs(2), format!("slack:{POST}:{ROOM}")));
    tokio::time::sleep_until(told + Duration::from_millis(2100)).await;
    wire.chat.send(&message).await.unwrap();
    wire.slack.wait_message(|_| true, SOON).await;
    assert_eq!(wire.slack.calls(POST), 2);
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_on_a_file_s_way_closes_that_call_alone() {
    let wire = Wire::connect().await;
    for method in ["files.getUploadURLExternal", "files.upload", "files.completeUploadExternal"] {
        let mut with_file = outgoing(method, Target::Post(room(ROOM)), reply("the audit trail"));
        with_file.reply.file = Some(TextFile { name: "a.txt".to_owned(), content: method.to_owned() });
        wire.slack.limit_next(method, 1, 1);
        let told = Instant::now();
        // The second try comes too early, and is not made.
        for _ in 0..2 {
            let error = wire.chat.send(&with_file).await.unwrap_err();
            let SendError::RateLimited { retry_after, limit } = error else { panic!("{error:?}") };
            assert!(retry_after <= Duration::from_secs(1));
            assert_eq!(limit.key, format!("slack:{method}"));
            assert!(wire.chat.rate_keys(&with_file).contains(&limit));
        }
        let without = outgoing("plain", Target::Post(room(ROOM)), reply("no file"));
        assert!(!wire.chat.rate_keys(&without).iter().any(|limit| limit.key.contains("files")));
        wire.chat.send(&without).await.unwrap();
        wire.slack.wait_message(|message| message.visible().contains("no file"), SOON).await;
        tokio::time::sleep_until(told + Duration::from_millis(1100)).await;
        wire.chat.send(&with_file).await.unwrap();
        wire.slack.wait_message(|message| message.visible().contains("a.txt"), SOON).await;
        wire.slack.wait_upload("a.txt", SOON).await;
    }
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_on_the_second_way_closes_that_one() {
    let mut wire = Wire::connect().await;
    wire.slack.limit_next("chat.postEphemeral", 1, 60);
    for tries in 1..=2 {
        let answer = wire.asked().await;
        let message = outgoing("s", Target::Answer(answer), private("yours"));
        wire.slack.refuse_next("response_url", 1, "used_url");
        let error = wire.chat.send(&message).await.unwrap_err();
        let SendError::RateLimited { limit, .. } = error else { panic!("{error:?}") };
        assert_eq!(limit.key, "slack:chat.postEphemeral");
        assert!(!wire.chat.rate_keys(&message).contains(&limit), "the first way is open");
        assert_eq!((wire.slack.calls("response_url"), wire.slack.calls("chat.postEphemeral")), (tries, 1));
    }
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_at_the_pace_of_their_key_never_meet_a_429() {
    let wire = Wire::connect().await;
    let message = outgoing("s", Target::Post(room(ROOM)), reply("x"));
    let [key] = &wire.chat.rate_keys(&message)[..] else { panic!("one limit") };
    assert_eq!(key.key, format!("slack:chat.postMessage:{ROOM}"));
    for number in 0..key.burst + 2 {
        if number >= key.burst {
            tokio::time::sleep(key.every).await;
        }
        wire.chat.send(&message).await.unwrap();
        wire.slack.wait_message(|_| true, SOON).await;
    }
    // And beyond that pace the server does say no.
    let mut refused = false;
    for _ in 0..8 {
        refused |= matches!(wire.chat.send(&message).await, Err(SendError::RateLimited { .. }));
    }
    assert!(refused);
    wire.slack.forgive("call_during_back_off");
    while !wire.slack.unread().is_empty() {
        wire.slack.wait_message(|_| true, SOON).await;
    }
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_unknown_and_the_next_try_says_that_it_may_be_a_repeat() {
    let wire = Wire::connect().await;
    wire.slack.answer_then_reset_next(POST);
    let mut message = outgoing("s", Target::Post(room(ROOM)), reply("x"));
    let error = wire.chat.send(&message).await.unwrap_err();
    assert!(matches!(error, SendError::Unknown(_)), "{error}");
    let first = wire.slack.wait_message(|_| true, SOON).await;
    assert!(!first.visible().contains("repeat"));
    message.may_repeat = true;
    wire.chat.send(&message).await.unwrap();
    let second = wire.slack.wait_message(|_| true, SOON).await;
    assert!(second.visible().contains("may be a repeat: "), "{}", second.visible());
    assert_eq!(first.slot(), second.slot());
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_sorted_by_what_may_have_been_done() {
    let wire = Wire::connect().await;
    let message = outgoing("s", Target::Post(room(ROOM)), reply("x"));
    for (code, unknown) in [("internal_error", true), ("fatal_error", true), ("service_unavailable", false)] {
        wire.slack.refuse_next(POST, 1, code);
        let error = wire.chat.send(&message).await.unwrap_err();
        assert_eq!(matches!(error, SendError::Unknown(_)), unknown, "{error}");
        assert_eq!(matches!(error, SendError::NotReached(_)), !unknown, "{error}");
        assert!(error.to_string().contains(code));
    }
    wire.slack.status_next(POST, 502);
    let error = wire.chat.send(&message).await.unwrap_err();
    assert!(matches!(&error, SendError::Unknown(why) if why.contains("502")), "{error}");
    // A page of something in between, with 200 on it.
    wire.slack.status_next(POST, 200);
    let error = wire.chat.send(&message).await.unwrap_err();
    assert!(matches!(error, SendError::Unknown(_)), "{error}");
    // A proxy in front of Slack.
    for status in [302, 401, 403, 407, 408] {
        wire.slack.status_next(POST, status);
        let error = wire.chat.send(&message).await.unwrap_err();
        assert!(matches!(error, SendError::NotReached(_)), "{status}: {error}");
    }
    for code in ["token_expired", "account_inactive", "missing_scope", "team_access_not_granted"] {
        wire.slack.refuse_next(POST, 1, code);
        let error = wire.chat.send(&message).await.unwrap_err();
        assert!(matches!(&error, SendError::Barred { why, .. } if why.starts_with(code)), "{error}");
        assert!(matches!(wire.chat.liveness(), Liveness::Down(why) if why.contains(code)));
    }
    wire.slack.refuse_next(POST, 1, "restricted_action");
    assert_eq!(wire.chat.send(&message).await, Err(SendError::Rejected("restricted_action".to_owned())));
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listening_is_not_reached() {
    let slack = SlackServer::start(SlackOptions::default()).await;
    let gone = SlackConfig {
        api_url: "http://127.0.0.1:9/api/".parse().unwrap(),
        bot_token: BOT_TOKEN.into(),
        ..config(&slack, socket_mode())
    };
    let chat = SlackChat::new(gone).unwrap();
    let error = chat.send(&outgoing("s", Target::Post(room(ROOM)), reply("x"))).await.unwrap_err();
    assert!(matches!(error, SendError::NotReached(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_an_answer_is_given_up_as_unknown() {
    let wire = Wire::connect().await;
    wire.slack.hang_next(POST);
    let since = Instant::now();
    let error = wire.chat.send(&outgoing("s", Target::Post(room(ROOM)), reply("x"))).await.unwrap_err();
    assert!(matches!(error, SendError::Unknown(_)), "{error}");
    assert!(since.elapsed() < Duration::from_secs(12));
    wire.end().await;
}

fn in_thread(mut answer: AnswerTo) -> AnswerTo {
    answer.place.thread = Some("1700000000.000100".to_owned());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_too_long_goes_whole_into_a_file_in_the_same_thread() {
    let mut wire = Wire::connect().await;
    let answer = in_thread(wire.asked().await);
    let log: Vec<String> = (0..2000).map(|number| format!("line {number} of a long log")).collect();
    let mut long = reply("the log:");
    long.card.sections.push(Section::Code(log.join("\n")));
    wire.post("slot-1", Target::Answer(answer), long).await;
    let message = wire.slack.wait_message(|_| true, SOON).await;
    assert!(message.visible().contains("all of it is in answer.txt"), "{}", message.visible());
    assert!(message.visible().contains("[Again]"), "the buttons stay");
    let file = wire.slack.wait_upload("answer.txt", SOON).await;
    let content = String::from_utf8(file.content.unwrap()).unwrap();
    assert!(content.contains(&log.join("\n")));
    assert_eq!(file.channel.as_deref(), Some(ROOM));
    assert_eq!(file.thread.as_deref(), Some("1700000000.000100"));
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_s_own_file_is_uploaded_once_even_if_its_message_is_sent_again() {
    let wire = Wire::connect().await;
    let mut message = outgoing("slot-1", Target::Post(room(ROOM)), reply("the audit trail"));
    message.reply.file = Some(TextFile { name: "audit.txt".to_owned(), content: "a\nb é\n".to_owned() });
    wire.slack.refuse_next(POST, 1, "service_unavailable");
    wire.chat.send(&message).await.unwrap_err();
    wire.chat.send(&message).await.unwrap();
    let posted = wire.slack.wait_message(|_| true, SOON).await;
    assert!(posted.visible().contains("More is in audit.txt."), "{}", posted.visible());
    let file = wire.slack.wait_upload("audit.txt", SOON).await;
    assert_eq!(file.content.as_deref(), Some("a\nb é\n".as_bytes()));
    assert_eq!(wire.slack.calls("files.completeUploadExternal"), 1);
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_reply_s_file_goes_to_the_asker_alone() {
    let mut wire = Wire::connect().await;
    let answer = wire.asked().await;
    let mut message = outgoing("slot-1", Target::Answer(answer), private("yours"));
    message.reply.file = Some(TextFile { name: "audit.txt".to_owned(), content: "secret".to_owned() });
    assert_eq!(message.reply.visibility, Visibility::Private);
    wire.chat.send(&message).await.unwrap();
    let file = wire.slack.wait_upload("audit.txt", SOON).await;
    assert_eq!(file.channel.as_deref(), Some("DALICE"));
    wire.slack.wait_message(|message| message.channel == "DALICE", SOON).await;
    let answer = wire.slack.wait_message(|message| message.channel == ROOM, SOON).await;
    assert!(answer.visible().contains("sent to the asker directly"));
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_slack_refuses_is_said_to_be_missing() {
    let wire = Wire::connect().await;
    let mut message = outgoing("slot-1", Target::Post(room(ROOM)), reply("the audit trail"));
    message.reply.file = Some(TextFile { name: "audit.txt".to_owned(), content: "x".to_owned() });
    wire.slack.refuse_next("files.getUploadURLExternal", 1, "file_uploads_disabled");
    wire.chat.send(&message).await.unwrap();
    let posted = wire.slack.wait_message(|_| true, SOON).await;
    assert!(posted.visible().contains("which Slack refuses (file_uploads_disabled)"), "{}", posted.visible());
    wire.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_reaches_those_it_names_and_a_direct_message_one_alone() {
    let wire = Wire::connect().await;
    let mut page = reply("wake up, <@U0CY> and <!channel>");
    page.mentions = vec![
        Account::new(Platform::Discord, "11"),
        Account::new(Platform::Slack, "U0BO"),
        Account::new(Platform::Slack, "!channel"),
    ];
    wire.post("slot-1", Target::Post(room(ROOM)), page).await;
    let message = wire.slack.wait_message(|message| message.visible().contains("wake up"), SOON).await;
    assert!(message.args["text"].as_str().is_some_and(|text| text.starts_with("<@U0BO> ")), "{message:?}");
    assert_eq!(message.mentions(), ["U0BO"]);

    wire.post("slot-2", Target::Direct(Account::new(Platform::Slack, "U0BO")), reply("for you")).await;
    let message = wire.slack.wait_message(|message| message.visible().contains("for you"), SOON).await;
    assert_eq!(message.channel, "D0BO");
    wire.end().await;
}
