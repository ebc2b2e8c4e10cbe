//! Silences at a real Alertmanager, and at ones that answer badly.

use commands::silence::{Comparison, Matcher, NewSilence, SilenceId, SilenceState};

use super::*;
use crate::act;

fn real() -> Alertmanager {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the test server is, is said by whoever runs the tests"
    )]
    let url = std::env::var("ACGS_TEST_STACK_ALERTMANAGER_URL");
    alertmanager(
        &url.expect("set ACGS_TEST_STACK_ALERTMANAGER_URL to an Alertmanager to test with").parse().unwrap(),
    )
}

/// A silence that concerns no alert of anybody, with a comment that no other has.
fn wanted(comment: &str) -> NewSilence {
    #[expect(
        clippy::disallowed_methods,
        reason = "Alertmanager goes by the wall clock, and so must its silences"
    )]
    let now = Timestamp::now();
    // It keeps milliseconds.
    let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap();
    let nanoseconds = now.as_nanosecond();
    NewSilence {
        matchers: vec![
            Matcher::is("alertname", "Nothing \"of\" this\nname"),
            Matcher { label: "service".to_owned(), comparison: Comparison::Matches, value: "a|b".to_owned() },
            Matcher { label: "zone".to_owned(), comparison: Comparison::IsNot, value: "x".to_owned() },
            Matcher { label: "tier".to_owned(), comparison: Comparison::MatchesNot, value: "y.+".to_owned() },
        ],
        starts: now + SignedDuration::from_mins(30),
        ends: now + SignedDuration::from_mins(60),
        by: "ada \u{1f980}".to_owned(),
        comment: format!("{comment} <b> {nanoseconds}"),
    }
}

#[tokio::test]
async fn a_silence_is_made_read_back_and_ended() {
    let alertmanager = real();
    let wanted = wanted("known");
    let id = act::silence(&alertmanager, &wanted, PATIENT).await.unwrap();
    let known = alertmanager.silence(&id, PATIENT).await.unwrap().unwrap();
    let by_label = |mut silence: NewSilence| {
        silence.matchers.sort_by_key(|matcher| matcher.label.clone());
        silence
    };
    assert_eq!((known.state, by_label(known.silence)), (SilenceState::Pending, by_label(wanted.clone())));
    let found = alertmanager.silences_with(&wanted.comment, PATIENT).await.unwrap();
    assert!(matches!(found.as_slice(), [one] if one.id == id), "{found:?}");

    assert_eq!(act::expire(&alertmanager, &id, PATIENT).await, Ok(true));
    let known = alertmanager.silence(&id, PATIENT).await.unwrap();
    assert!(known.is_none_or(|known| known.state == SilenceState::Expired));
    assert_eq!(alertmanager.silences_with(&wanted.comment, PATIENT).await.unwrap(), []);
    // Once more does no harm.
    assert!(act::expire(&alertmanager, &id, PATIENT).await.is_ok());
}

#[tokio::test]
async fn one_that_begins_now_is_in_force() {
    let alertmanager = real();
    let wanted = wanted("now");
    let wanted = NewSilence { starts: wanted.starts - SignedDuration::from_mins(30), ..wanted };
    let id = act::silence(&alertmanager, &wanted, PATIENT).await.unwrap();
    let known = alertmanager.silence(&id, PATIENT).await.unwrap().unwrap();
    assert_eq!(known.state, SilenceState::Active);
    assert_eq!(act::expire(&alertmanager, &id, PATIENT).await, Ok(true));
}

#[tokio::test]
async fn what_alertmanager_refuses_is_told_in_its_words() {
    let alertmanager = real();
    let wanted = wanted("refused");
    let everything =
        Matcher { label: "a".to_owned(), comparison: Comparison::Matches, value: ".*".to_owned() };
    for (silence, word) in [
        (NewSilence { matchers: Vec::new(), ..wanted.clone() }, "matchers"),
        (NewSilence { matchers: vec![everything], ..wanted.clone() }, "at least one matcher"),
        (NewSilence { ends: wanted.starts - SignedDuration::from_mins(1), ..wanted.clone() }, "start time"),
    ] {
        let refused = act::silence(&alertmanager, &silence, PATIENT).await.unwrap_err();
        assert!(matches!(&refused, PrometheusError::Refused { why, .. } if why.contains(word)), "{refused}");
    }
    assert_eq!(alertmanager.silences_with(&wanted.comment, PATIENT).await.unwrap(), []);
}

#[tokio::test]
async fn a_name_that_is_none_ends_nothing() {
    let alertmanager = real();
    let unknown = SilenceId::try_from("00000000-0000-0000-0000-000000000000".to_owned()).unwrap();
    assert_eq!(act::expire(&alertmanager, &unknown, PATIENT).await, Ok(false));
    assert_eq!(alertmanager.silence(&unknown, PATIENT).await, Ok(None));
    let odd = SilenceId::try_from("abc".to_owned()).unwrap();
    assert!(matches!(act::expire(&alertmanager, &odd, PATIENT).await, Err(PrometheusError::Refused { .. })));
    for text in ["", "../silences", "a/b", "a?b", "a b", "%2e%2e", &"a".repeat(65)] {
        assert!(SilenceId::try_from(text.to_owned()).is_err(), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_no_silence() {
    let silence = wanted("bad");
    for bytes in
        [ok(r#"{"silenceID":"../../x"}"#), ok("{}"), ok("<html>"), answer("502 Bad Gateway", "<html>")]
    {
        let server = Server::telling_silences(bytes.clone()).await;
        let said = act::silence(&alertmanager(&server.url), &silence, PATIENT).await;
        assert!(matches!(said, Err(PrometheusError::BadAnswer(_))), "{bytes}: {said:?}");
    }
    let silent = Server::running(|_, stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let said = act::silence(&alertmanager(&silent.url), &silence, SHORT).await;
    assert!(matches!(said, Err(PrometheusError::TimedOut(_))), "{said:?}");
}
