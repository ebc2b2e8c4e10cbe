use commands::alert::Notification;

use super::*;
use crate::Noted;

fn notification(status: &str) -> Notification {
    let text = format!(
        r#"{{"version":"4","groupKey":"g","status":"{status}","receiver":"acgs","truncatedAlerts":0,"commonLabels":{{}},
            "commonAnnotations":{{}},"externalURL":"http://am","groupLabels":{{}},"alerts":[]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

on_both! {
    async fn a_group_is_forgotten_once_it_has_been_over_for_long(ground: &Ground) {
        let store = ground.store().await;
        let (firing, over) = (notification("firing"), notification("resolved"));
        assert_eq!(store.compare_alerts(&firing).await.unwrap(), Noted::New { episode: 1 });
        store.note_alerts(&firing, 1, Vec::new(), at(1)).await.unwrap();
        assert_eq!(store.forget_alerts(at(99)).await.unwrap(), 0, "it fires");
        store.note_alerts(&over, 1, Vec::new(), at(2)).await.unwrap();
        assert_eq!(store.compare_alerts(&firing).await.unwrap(), Noted::New { episode: 2 });
        assert_eq!(store.forget_alerts(at(2)).await.unwrap(), 0, "not yet");
        assert_eq!(store.forget_alerts(at(3)).await.unwrap(), 1);
        assert_eq!(store.compare_alerts(&firing).await.unwrap(), Noted::New { episode: 1 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replica_after_another_decides_what_alerts_mean() {
    let ground = Ground::postgres().await;
    let (one, other) = (ground.store().await, ground.store().await);
    let turn = one.alerts_turn().await.unwrap();
    let waiting = tokio::spawn(async move { other.alerts_turn().await.map(drop) });
    // A statement of the waiting one's stands in the server's list of locks that nobody has granted.
    let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let mut beside = PgConnection::connect(&ground.url()).await.unwrap();
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut beside).await.unwrap() == 0 {
        assert!(!waiting.is_finished(), "it did not wait");
    }
    beside.close().await.unwrap();
    drop(turn);
    waiting.await.unwrap().unwrap();
    ground.clear().await;
}
