//! Announced work is recorded once, and ends once.

use super::*;
use crate::maintenance::Maintenance;

fn begun(run: u64, service: &str, from: i64, until: i64) -> Maintenance {
    Maintenance {
        run: RunId::from_random(run),
        service: service.parse().unwrap(),
        why: "it's \"new\"; DROP TABLE maintenance".to_owned(),
        person: "Dee".to_owned(),
        begun: at(from),
        until: at(until),
        silence: None,
    }
}

on_both! {
    async fn a_maintenance_is_begun_once_and_ends_by_itself_or_once(ground: &Ground) {
        let store = ground.store().await;
        let first = store.begin_maintenance(begun(1, "ac_service", 10, 100)).await.unwrap();
        assert_eq!(first, begun(1, "ac_service", 10, 100));
        // The same command again, later: what was recorded first is what counts.
        let again = store.begin_maintenance(begun(1, "gs_service", 50, 500)).await.unwrap();
        assert_eq!(again, first);
        store.begin_maintenance(begun(2, "fv_service", 20, 200)).await.unwrap();
        let silence: commands::silence::SilenceId = "b3d6-1".to_owned().try_into().unwrap();
        store.silenced(RunId::from_random(1), silence.clone()).await.unwrap();
        let all = store.maintenances(at(99)).await.unwrap();
        assert_eq!(all.iter().map(|one| one.service.as_str()).collect::<Vec<_>>(), ["ac_service", "fv_service"]);
        assert_eq!(all[0].silence.as_ref(), Some(&silence));
        let all = store.maintenances(at(100)).await.unwrap();
        assert_eq!(all.iter().map(|one| one.service.as_str()).collect::<Vec<_>>(), ["fv_service"]);
        assert!(store.end_maintenance(RunId::from_random(2), "Bo", at(120)).await.unwrap());
        assert!(!store.end_maintenance(RunId::from_random(2), "Bo", at(121)).await.unwrap());
        assert!(!store.end_maintenance(RunId::from_random(3), "Bo", at(121)).await.unwrap());
        assert_eq!(store.maintenances(at(130)).await.unwrap(), []);
        store.close().await;
    }
}
