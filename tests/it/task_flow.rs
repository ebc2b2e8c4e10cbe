//! What is due, and who may say that it was done.

use e2e::bot::{Bot, Finished, Setup};
use e2e::database::Database;
use e2e::people;
use store::{Store, TaskDone};

const TASKS: &str = r#"
[[task]]
name = "log-review"
every = "weekly"
what = "Read the logs"
line = "security review"
[[task]]
name = "image-scan"
every = "monthly"
what = "Scan the images"
"#;

fn setup() -> Setup {
    Setup::default().with(TASKS).with(&people::toml())
}

fn card(finished: &Finished) -> serde_json::Value {
    let json: serde_json::Value = serde_json::from_str(&finished.out).expect("a card as JSON");
    json["card"].clone()
}

fn section(finished: &Finished, kind: &str) -> serde_json::Value {
    let sections = card(finished)["sections"].as_array().expect("sections").clone();
    sections.iter().find_map(|section| section.get(kind).cloned()).unwrap_or_default()
}

/// Label and value of each task, in their order.
fn tasks(finished: &Finished) -> Vec<(String, String)> {
    serde_json::from_value(section(finished, "facts")).expect("pairs of texts")
}

#[tokio::test]
async fn what_is_due_stands_first_until_somebody_says_that_it_is_done() {
    let database = Database::create().await;
    for store_url in [None, Some(database.url())] {
        let bot = Bot::start(Setup { store_url: store_url.clone(), ..setup() }).await;
        let url = store_url.unwrap_or_else(|| format!("sqlite://{}", bot.folder().join("acgs.db").display()));
        let asked = bot.line(&["security", "tasks"], true).await;
        assert_eq!(asked.code, 1, "{asked:?}");
        assert_eq!(card(&asked)["title"], "2 of 2 tasks are overdue");
        let value = |what: &str| format!("never done. {what}");
        assert_eq!(
            tasks(&asked),
            [
                ("log-review (weekly)".to_owned(), value("Read the logs")),
                ("image-scan (monthly)".to_owned(), value("Scan the images")),
            ]
        );
        let next = section(&asked, "next");
        assert_eq!(next[0], "security review");
        assert_eq!(next[1], "security tasks --done log-review");

        // Somebody did it long ago.
        let store = Store::open(&url).await.unwrap();
        let long_ago = "2026-01-31T10:00:00Z".parse().unwrap();
        let old = TaskDone { task: "image-scan".to_owned(), at: long_ago, person: "Bo".to_owned() };
        store.record_task(old).await.unwrap();
        store.close().await;
        let done = bot.line(&["security", "tasks", "--done", "Log-Review"], true).await;
        assert_eq!((done.code, card(&done)["title"].as_str()), (0, Some("log-review is done")), "{done:?}");
        let after = bot.line(&["security", "tasks"], true).await;
        assert_eq!(after.code, 1, "{after:?}");
        let told = tasks(&after);
        assert!(told[0].1.starts_with("overdue since 2026-02-28; last done 2026-01-31 by Bo, "), "{told:?}");
        assert!(told[1].1.starts_with("due ") && told[1].1.contains("; last done "), "{told:?}");
        assert!(told[1].1.contains(", in 6 d 23 h; ") && told[1].1.contains(" by Ada, "), "{told:?}");
        let all = bot.line(&["security", "tasks", "--done", "image-scan"], true).await;
        assert_eq!(all.code, 0, "{all:?}");
        let well = bot.line(&["security", "tasks"], true).await;
        assert_eq!((well.code, card(&well)["title"].as_str()), (0, Some("2 tasks, none is due yet")));
    }
}

#[tokio::test]
async fn a_viewer_looks_and_does_not_record() {
    // Whoever runs the tests is but a viewer here.
    let viewers = people::toml().replace("\"admin\"", "\"viewer\"");
    let bot = Bot::start(Setup::default().with(TASKS).with(&viewers)).await;
    let looked = bot.line(&["security", "tasks"], true).await;
    assert_eq!(card(&looked)["title"], "2 of 2 tasks are overdue");
    let refused = bot.line(&["security", "tasks", "--done", "log-review"], false).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.out.contains("This needs the role operator; yours is viewer"), "{}", refused.out);
    let after = bot.line(&["security", "tasks"], true).await;
    assert_eq!(card(&after)["title"], "2 of 2 tasks are overdue");
}

#[tokio::test]
async fn a_name_that_no_task_has_records_nothing() {
    let bot = Bot::start(setup()).await;
    let near = bot.line(&["security", "tasks", "--done", "log-reveiw"], false).await;
    assert_eq!(near.code, 1, "{near:?}");
    assert!(near.out.contains("Did you mean log-review? Nothing was recorded."), "{}", near.out);
    let far = bot.line(&["security", "tasks", "--done", "dance"], false).await;
    assert!(far.out.contains("Tasks: log-review, image-scan. Nothing was recorded."), "{}", far.out);
    let bad = bot.line(&["security", "tasks", "--done", "a'; DROP TABLE task_done"], false).await;
    assert_eq!(bad.code, 2, "{bad:?}");
    let after = bot.line(&["security", "tasks"], true).await;
    assert_eq!(card(&after)["title"], "2 of 2 tasks are overdue");
}

#[tokio::test]
async fn a_runbook_records_nothing_and_a_store_that_takes_no_writes_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let runbook =
        "title = \"t\"\nabout = \"a\"\n[[step]]\nid = \"a\"\nline = \"security tasks --done log-review\"\n";
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, runbook).unwrap();
    let bot = Bot::start(setup()).await;
    let checked = bot.run(&["runbook", "check", path.to_str().unwrap()]).await;
    assert_ne!(checked.code, 0, "{checked:?}");
    assert!((checked.out + &checked.err).contains("posts or records something"));

    let database = Database::create().await;
    let bot = Bot::start(Setup { store_url: Some(database.url()), ..setup() }).await;
    database.freeze().await;
    let refused = bot.line(&["security", "tasks", "--done", "log-review"], false).await;
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(!refused.out.contains("is done"), "{refused:?}");
}
