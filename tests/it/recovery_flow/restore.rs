//! `backup restore` and its undoing.

use e2e::people::EVE;

use super::*;

impl Scene {
    /// Both votes that a restore takes.
    async fn both_approve(&self, card: &Message) {
        self.slack.react(BO, card, "white_check_mark").await;
        self.says(card, "So far: Bo", SOON).await;
        self.slack.react(EVE, card, "white_check_mark").await;
    }

    /// Waits until a plan's services are well.
    async fn ends_well(&self, card: &Message) -> String {
        let fits = |message: &Message| {
            let said = message.visible();
            let ended = [
                "Improved: ",
                "Done, well as before: ",
                "Failed: ",
                "Outcome unknown: ",
                "Worse: ",
                "Unchanged: ",
            ];
            message.ts == card.ts && ended.iter().any(|end| said.contains(end))
        };
        let said = self.slack.wait_message(fits, DONE).await.visible();
        assert!(said.contains("Improved: ") || said.contains("Done, well as before: "), "{said}");
        said
    }

    async fn oid(&self) -> String {
        self.sql("postgres", "SELECT oid FROM pg_database WHERE datname = 'acgs_pgp_db'").await
    }

    /// Databases of the server that are neither the platform's nor the server's own.
    async fn others(&self) -> String {
        let others = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database
                       WHERE datname LIKE 'acgs\\_pgp\\_db\\_%'";
        self.sql("postgres", others).await
    }

    async fn drop_others(&self) {
        for name in self.others().await.split_whitespace() {
            self.sql("postgres", &format!("DROP DATABASE \"{name}\"")).await;
        }
    }

    async fn marks(&self) -> String {
        self.sql("acgs_pgp_db", "SELECT count(*) FROM policies WHERE title = 'after the backup'").await
    }

    async fn mark(&self) {
        let insert = "INSERT INTO policies SELECT (jsonb_populate_record(p, jsonb_build_object('id', 900001, 'title', 'after the backup'))).* FROM policies p LIMIT 1";
        self.sql("acgs_pgp_db", insert).await;
    }

    /// Starts the bot anew, to die at a point.
    async fn again_with(&mut self, failpoint: &str) {
        self.bot.stop().await;
        self.bot.set("ACGS_FAILPOINT", Some(failpoint));
        self.bot.restart().await;
    }

    /// Starts the bot that has died anew.
    async fn again_without(&mut self) {
        self.bot.set("ACGS_FAILPOINT", None);
        self.bot.restart().await;
    }

    async fn unmark(&self) {
        self.sql("acgs_pgp_db", "DELETE FROM policies WHERE title = 'after the backup'").await;
    }
}

#[tokio::test]
async fn a_backup_takes_the_live_ones_place_and_is_taken_back() {
    let scene = Scene::begin().await;
    scene.drop_others().await;
    scene.sql("postgres", "ALTER DATABASE acgs_pgp_db SET work_mem TO '7MB'").await;
    scene.sql("postgres", "GRANT TEMPORARY ON DATABASE acgs_pgp_db TO acgs_monitor").await;
    let backup = scene.backs_up().await;
    scene.mark().await;
    let oid = scene.oid().await;
    let card = scene.asks(DEE, "backup restore newest").await;
    let shown = card.visible();
    for words in
        ["critical", "the votes of 2 other approvers", "OID", "SHA-256", "sessions that end", &backup]
    {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "So far: Bo", SOON).await;
    assert_eq!(scene.oid().await, oid, "one vote is not enough");
    scene.slack.react(EVE, &card, "white_check_mark").await;
    scene.ends_well(&card).await;
    let result = scene.result("backup restore newest").await;
    assert!(result.contains("as in the manifest") && result.contains("logins work"), "{result}");
    let shut = result.split("nobody got in for ").nth(1).and_then(|rest| rest.split(" ms").next());
    let shut: u64 = shut.and_then(|ms| ms.parse().ok()).unwrap_or_else(|| panic!("{result}"));
    assert!(shut < 1_000, "{result}");
    assert_ne!(scene.oid().await, oid);
    assert_eq!(scene.marks().await, "0");
    let others = scene.others().await;
    assert!(others.starts_with("acgs_pgp_db_before_") && !others.contains(' '), "{others}");
    let open = format!("SELECT datallowconn FROM pg_database WHERE datname = '{others}'");
    assert_eq!(scene.sql("postgres", &open).await, "f");
    // What no dump holds.
    assert_eq!(scene.sql("acgs_pgp_db", "SHOW work_mem").await, "7MB");
    let granted = "SELECT has_database_privilege('acgs_monitor', 'acgs_pgp_db', 'TEMPORARY')";
    assert_eq!(scene.sql("acgs_pgp_db", granted).await, "t");
    assert_eq!(scene.own_sessions().await, "0");

    let card = scene.asks(DEE, "backup restore --undo").await;
    assert!(card.visible().contains(&others), "{}", card.visible());
    scene.both_approve(&card).await;
    scene.ends_well(&card).await;
    assert_eq!(scene.oid().await, oid, "the very database of before");
    assert_eq!(scene.marks().await, "1");
    scene.unmark().await;
    scene.sql("postgres", "ALTER DATABASE acgs_pgp_db RESET work_mem").await;
    scene.drop_others().await;
}

#[tokio::test]
async fn half_a_dump_and_a_dump_that_breaks_leave_the_live_one_untouched() {
    let scene = Scene::begin().await;
    scene.drop_others().await;
    let container = scene.stack.container("postgres_db");
    let dump = ["exec", &container, "pg_dump", "-U", "acgs_user", "acgs_pgp_db"];
    let plain = scene.stack.docker(&dump).await;
    let half: String =
        plain.lines().take(plain.lines().count() / 2).map(|line| format!("{line}\n")).collect();
    std::fs::write(scene.folder.path().join("half.sql"), half).unwrap();
    scene.types(DEE, "backup restore half.sql").await;
    scene.message("half.sql breaks off", SOON).await;
    // It has the last line, and one statement in it fails.
    let broken = plain.replacen("CREATE TABLE public.users", "CREATE TABEL public.users", 1);
    assert_ne!(broken, plain);
    let file = scene.folder.path().join("broken.sql");
    std::fs::write(&file, &plain).unwrap();
    let oid = scene.oid().await;
    // Written anew between the votes.
    let card = scene.asks(DEE, "backup restore broken.sql").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "So far: Bo", SOON).await;
    std::fs::write(&file, broken).unwrap();
    scene.slack.react(EVE, &card, "white_check_mark").await;
    let shut = scene.says(&card, "What it acts on is not what was voted on", SOON).await;
    assert!(shut.contains("sha256: was"), "{shut}");
    let card = scene.asks(DEE, "backup restore broken.sql").await;
    scene.both_approve(&card).await;
    scene.says(&card, "Failed: backup restore broken.sql", DONE).await;
    let failed = scene.result("backup restore broken.sql").await;
    assert!(failed.contains("syntax error"), "{failed}");
    assert_eq!((scene.oid().await, scene.others().await), (oid.clone(), String::new()));
    // A custom one that was cut off, and one that was changed.
    let name = scene.backs_up().await;
    let path = scene.folder.path().join(&name);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    scene.types(DEE, &format!("backup restore {name}")).await;
    scene.message("and its manifest says", SOON).await;
    std::fs::write(scene.folder.path().join("cut.dump"), &whole[..whole.len() / 2]).unwrap();
    let card = scene.asks(DEE, "backup restore cut.dump").await;
    scene.both_approve(&card).await;
    scene.says(&card, "Failed: backup restore cut.dump", DONE).await;
    assert_eq!((scene.oid().await, scene.others().await), (oid, String::new()));
    assert_eq!(scene.own_sessions().await, "0");
}

#[tokio::test]
async fn rows_that_are_not_the_manifests_stop_it_and_a_plain_dump_is_read_in() {
    let scene = Scene::begin().await;
    scene.drop_others().await;
    let name = scene.backs_up().await;
    let oid = scene.oid().await;
    let manifest = scene.folder.path().join(format!("{name}.manifest.json"));
    let text = std::fs::read_to_string(&manifest).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["tables"]["public.users"] = serde_json::json!(7);
    std::fs::write(&manifest, value.to_string()).unwrap();
    let card = scene.asks(DEE, &format!("backup restore {name}")).await;
    scene.both_approve(&card).await;
    scene.says(&card, "Failed: backup restore", DONE).await;
    let failed = scene.result(&format!("backup restore {name}")).await;
    assert!(failed.contains("public.users has") && failed.contains("should have 7"), "{failed}");
    assert_eq!((scene.oid().await, scene.others().await), (oid.clone(), String::new()));

    let container = scene.stack.container("postgres_db");
    let dump = ["exec", &container, "pg_dump", "-U", "acgs_user", "acgs_pgp_db"];
    let plain = scene.stack.docker(&dump).await;
    std::fs::write(scene.folder.path().join("known_good.sql"), &plain).unwrap();
    let card = scene.asks(DEE, "backup restore known_good.sql").await;
    // What psql would take for a command is never read by it.
    let mark = "/tmp/acgs-e2e-owned";
    let bad = scene.folder.path().join("known_bad.sql");
    let with = plain.replacen("CREATE TABLE", &format!("\\! touch {mark}\nCREATE TABLE"), 1);
    assert_ne!(with, plain);
    std::fs::write(&bad, with).unwrap();
    scene.types(DEE, "backup restore known_bad.sql").await;
    let refused = scene.message("The backup holds more than data", SOON).await.visible();
    assert!(refused.contains("a command of psql"), "{refused}");
    let there = ["exec", &container, "sh", "-c", &format!("test -e {mark} && echo there || echo none")];
    assert_eq!(scene.stack.docker(&there).await.trim(), "none");
    assert_eq!(scene.others().await, "");
    std::fs::remove_file(bad).unwrap();
    // A file that is not the one that was voted on.
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "So far: Bo", SOON).await;
    let path = scene.folder.path().join("known_good.sql");
    let mut changed = std::fs::read_to_string(&path).unwrap();
    changed.insert_str(0, "-- PostgreSQL database dump\n");
    std::fs::write(&path, &changed).unwrap();
    scene.slack.react(EVE, &card, "white_check_mark").await;
    scene.says(&card, "What it acts on is not what was voted on", SOON).await;
    let card = scene.asks(DEE, "backup restore known_good.sql").await;
    scene.both_approve(&card).await;
    scene.ends_well(&card).await;
    let result = scene.result("backup restore known_good.sql").await;
    assert!(result.contains("no manifest to compare with"), "{result}");
    assert_ne!(scene.oid().await, oid);
    scene.drop_others().await;
}

#[tokio::test]
async fn a_bot_that_dies_around_the_swap_looks_at_the_names_and_never_swaps_twice() {
    let mut scene = Scene::begin().await;
    scene.drop_others().await;
    scene.backs_up().await;
    let first = scene.oid().await;
    let card = scene.asks(DEE, "backup restore newest").await;
    scene.both_approve(&card).await;
    scene.ends_well(&card).await;
    let second = scene.oid().await;
    assert_ne!(first, second);

    // The swap is written down and not made.
    scene.again_with("after-step-begun").await;
    let card = scene.asks(DEE, "backup restore --undo").await;
    scene.both_approve(&card).await;
    scene.bot.dies(DONE).await;
    scene.again_without().await;
    scene.says(&card, "Failed: backup restore --undo", DONE).await;
    assert_eq!(scene.oid().await, second);
    scene.message("the names are not changed", SOON).await;
    assert_eq!(scene.marks().await, "0", "the live one is open");

    // The swap is made and not written down.
    scene.again_with("after-step-acted").await;
    let card = scene.asks(DEE, "backup restore --undo").await;
    scene.both_approve(&card).await;
    scene.bot.dies(DONE).await;
    assert_eq!(scene.oid().await, first);
    scene.again_without().await;
    scene.ends_well(&card).await;
    assert_eq!(scene.oid().await, first, "not a second time");
    scene.drop_others().await;
}
