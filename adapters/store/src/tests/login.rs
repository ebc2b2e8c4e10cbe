//! Links work once, sessions until they end.

use tokio::task::JoinSet;

use super::*;
use crate::LoginKind;

on_both! {
    async fn a_link_works_once(ground: &Ground) {
        let store = ground.store().await;
        store.put_login("aa", LoginKind::Link, "ada", at(10)).await.unwrap();
        assert_eq!(store.session("aa", at(1)).await.unwrap(), None, "a link is no session");
        store.end_session("aa").await.unwrap();
        assert_eq!(store.take_link("bb", at(1)).await.unwrap(), None);
        assert_eq!(store.take_link("aa", at(9)).await.unwrap(), Some("ada".to_owned()));
        assert_eq!(store.take_link("aa", at(9)).await.unwrap(), None);
    }

    async fn a_link_opened_32_times_at_once_works_once(ground: &Ground) {
        let stores = [ground.store().await, ground.store().await];
        stores[0].put_login("aa", LoginKind::Link, "ada", at(10)).await.unwrap();
        let mut calls = JoinSet::new();
        for number in 0..32 {
            let store = stores[number % 2].clone();
            calls.spawn(async move { store.take_link("aa", at(1)).await.unwrap() });
        }
        assert_eq!(calls.join_all().await.into_iter().flatten().count(), 1);
    }

    async fn an_expired_link_is_worth_nothing(ground: &Ground) {
        let store = ground.store().await;
        store.put_login("aa", LoginKind::Link, "ada", at(10)).await.unwrap();
        assert_eq!(store.take_link("aa", at(10)).await.unwrap(), None);
    }

    async fn a_session_lasts_until_it_ends_or_expires(ground: &Ground) {
        let store = ground.store().await;
        for token in ["aa", "bb"] {
            store.put_login(token, LoginKind::Session, "ada", at(10)).await.unwrap();
        }
        assert_eq!(store.take_link("aa", at(1)).await.unwrap(), None, "a session is no link");
        assert_eq!(store.session("aa", at(9)).await.unwrap(), Some("ada".to_owned()));
        assert_eq!(store.session("aa", at(10)).await.unwrap(), None);
        store.end_session("aa").await.unwrap();
        assert_eq!(store.session("aa", at(9)).await.unwrap(), None);
        assert_eq!(store.session("bb", at(9)).await.unwrap(), Some("ada".to_owned()));
    }

    async fn expired_tokens_are_forgotten(ground: &Ground) {
        let store = ground.store().await;
        store.put_login("aa", LoginKind::Session, "ada", at(10)).await.unwrap();
        store.put_login("bb", LoginKind::Link, "ada", at(11)).await.unwrap();
        assert_eq!(store.forget_logins(at(10)).await.unwrap(), 1);
        assert_eq!(store.take_link("bb", at(10)).await.unwrap(), Some("ada".to_owned()));
    }

    async fn a_token_is_never_given_to_a_second_person(ground: &Ground) {
        let store = ground.store().await;
        store.put_login("aa", LoginKind::Session, "ada", at(10)).await.unwrap();
        store.put_login("aa", LoginKind::Session, "bob", at(10)).await.unwrap_err();
        assert_eq!(store.session("aa", at(1)).await.unwrap(), Some("ada".to_owned()));
    }
}
