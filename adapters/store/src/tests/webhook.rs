use super::*;
use crate::NewWebhook;

const LEASE: Duration = Duration::from_secs(5);

on_both! {
    async fn a_post_is_made_once_and_a_late_poster_is_told_no(ground: &Ground) {
        let store = ground.store().await;
        let post =
            |id: &str| NewWebhook { id: id.to_owned(), address: "fallback".to_owned(), body: "{}".to_owned() };
        for id in ["1", "2", "1"] {
            store.put_webhook(post(id), at(1)).await.unwrap();
        }
        let first = store.claim_webhooks(at(1), LEASE, 9).await.unwrap();
        assert_eq!(first.len(), 2);
        assert_eq!(store.claim_webhooks(at(5), LEASE, 9).await.unwrap(), []);
        let again = store.claim_webhooks(at(6), LEASE, 9).await.unwrap();
        assert_eq!(again.iter().map(|claimed| claimed.fence).collect::<Vec<_>>(), [2, 2]);
        assert!(!store.webhook_sent(&first[0], at(7)).await.unwrap(), "somebody else has it");
        assert!(store.webhook_sent(&again[0], at(7)).await.unwrap());
        assert!(store.defer_webhook(&again[1], at(20)).await.unwrap());
        assert_eq!(store.claim_webhooks(at(19), LEASE, 9).await.unwrap(), []);
        let last = store.claim_webhooks(at(20), LEASE, 9).await.unwrap();
        assert!(store.give_up_webhook(&last[0], "gone\0", at(21)).await.unwrap());
        assert_eq!(store.claim_webhooks(at(99), LEASE, 9).await.unwrap(), []);
        assert_eq!(store.forget_webhooks(at(99)).await.unwrap(), 2);
    }
}
