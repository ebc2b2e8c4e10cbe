//! What was done last is what is told, and every time is kept.

use super::*;
use crate::TaskDone;
use crate::migration::{POSTGRES, SQLITE, migrator};

fn done(task: &str, second: i64, person: &str) -> TaskDone {
    TaskDone { task: task.to_owned(), at: at(second), person: person.to_owned() }
}

impl Ground {
    /// The tables as the first migration left them.
    async fn set_up_by_the_first_migration(&self) {
        match self {
            Self::Sqlite(_) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.file());
                let mut connection: SqliteConnection =
                    options.create_if_missing(true).connect().await.unwrap();
                migrator(&SQLITE[..1]).run_direct(None, &mut connection, false).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres { .. } => {
                let mut connection = PgConnection::connect(&self.url()).await.unwrap();
                migrator(&POSTGRES[..1]).run_direct(None, &mut connection, false).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }
}

on_both! {
    async fn the_last_time_of_each_task_is_told(ground: &Ground) {
        let store = ground.store().await;
        assert_eq!(store.tasks_done().await.unwrap(), []);
        // Neither in the order of their times nor of their names.
        for one in [
            done("scan", 40, "ada"),
            done("log-review", 30, "bo"),
            done("log-review", 10, "ada"),
            done("scan", 20, "bo"),
            done("ünusual", 5, "cy's \"account\""),
        ] {
            store.record_task(one).await.unwrap();
        }
        let told = [done("log-review", 30, "bo"), done("scan", 40, "ada"), done("ünusual", 5, "cy's \"account\"")];
        assert_eq!(store.tasks_done().await.unwrap(), told);
        store.record_task(done("scan", 40, "cy")).await.unwrap();
        assert_eq!(store.tasks_done().await.unwrap()[1], done("scan", 40, "cy"), "of two at once the later row");
        store.close().await;
        assert_eq!(ground.store().await.tasks_done().await.unwrap().len(), 3);
    }

    async fn every_time_is_kept(ground: &Ground) {
        let store = ground.store().await;
        for second in [1, 2, 3] {
            store.record_task(done("scan", second, "ada")).await.unwrap();
        }
        // Without the newest the one before it is the last.
        ground.tamper("DELETE FROM task_done WHERE at = (SELECT max(at) FROM task_done)").await;
        assert_eq!(store.tasks_done().await.unwrap(), [done("scan", 2, "ada")]);
    }

    async fn the_second_migration_keeps_what_the_first_tables_hold(ground: &Ground) {
        ground.set_up_by_the_first_migration().await;
        ground
            .tamper(
                "INSERT INTO login (token_sha256, kind, person, expires_at) \
                 VALUES ('aa', 'session', 'ada', 4000000000000000)",
            )
            .await;
        ground
            .tamper(
                "INSERT INTO delivery (platform, id, run, event_at, received_at, claimed_until) \
                 VALUES ('slack', 'E1', '00c0ffee1234', 1, 2, 3)",
            )
            .await;
        let store = ground.store().await;
        assert_eq!(store.session("aa", at(1)).await.unwrap(), Some("ada".to_owned()));
        assert_eq!(store.tasks_done().await.unwrap(), []);
        store.record_task(done("scan", 1, "ada")).await.unwrap();
        store.append_audit(vec![audit::entry(1, None)], at(0)).await.unwrap();
        assert_eq!(store.tasks_done().await.unwrap(), [done("scan", 1, "ada")]);
    }
}
