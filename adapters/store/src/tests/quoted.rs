//! What is kept while it is not said where it belongs.

use commands::quoted::Quoted;

use super::*;

fn quoted(text: &str) -> Quoted {
    Quoted {
        message: message_ref("1.000001"),
        place: Place::channel(room()),
        author: Account::new(Platform::Slack, "U1"),
        author_name: None,
        at: at(0),
        link: "https://test.slack.com/archives/C1/p1000001".to_owned(),
        text: Some(text.to_owned()),
    }
}

on_both! {
    async fn a_message_is_kept_until_it_is_forgotten(ground: &Ground) {
        let store = ground.store().await;
        assert_eq!(store.quoted(run(1)).await.unwrap(), None);
        store.keep_quoted(run(1), &quoted("a\0b"), at(1)).await.unwrap();
        store.keep_quoted(run(1), &quoted("another"), at(2)).await.unwrap();
        assert_eq!(store.quoted(run(1)).await.unwrap(), Some(quoted("a\0b")));
        assert_eq!(store.quoted(run(2)).await.unwrap(), None);
        assert_eq!(store.forget_quoted(at(1)).await.unwrap(), 0);
        assert_eq!(store.forget_quoted(at(2)).await.unwrap(), 1);
        assert_eq!(store.quoted(run(1)).await.unwrap(), None);
    }
}
