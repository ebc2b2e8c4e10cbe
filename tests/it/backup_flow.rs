//! `backup list` on real files, and their row counts beside the real database's.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use e2e::bot::{Bot, run_with};
use e2e::people;
use e2e::stack::Stack;
use sqlx::PgConnection;

fn sh(folder: &Path, script: &str) {
    let done = Command::new("bash").args(["-ec", script]).current_dir(folder).output().expect("bash");
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
}

fn toml(folder: &Path) -> String {
    format!("[bot]\ndata_dir = \"DATA_DIR\"\n[backups]\ndir = {:?}\n{}", folder, people::toml())
}

#[tokio::test]
async fn the_newest_backup_is_judged_by_its_age_and_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let list = async || run_with(&toml(here), &["run", "--", "backup", "list"], &[]).await;
    let none = list().await;
    assert!(none.code == 1 && none.out.contains("There is no backup"), "{none:?}");

    sh(here, "head -c 4000 /dev/urandom | gzip > old.sql.gz; touch -d '27 hours ago' old.sql.gz");
    let old = list().await;
    assert!(old.code == 1 && old.out.contains("The newest backup is 1 d 3 h old, more than 26 h"), "{old:?}");

    sh(
        here,
        "head -c 4000 /dev/urandom | gzip > new.sql.gz; touch -d '2 hours ago' new.sql.gz; sha256sum new.sql.gz > new.sql.gz.sha256",
    );
    let good = list().await;
    assert_eq!(good.code, 0, "{good:?}");
    assert!(good.out.contains("The newest backup is 2 h old"), "{}", good.out);
    let (new, old) = (good.out.find("new.sql.gz").unwrap(), good.out.find("old.sql.gz").unwrap());
    assert!(new < old, "the newest first: {}", good.out);
    let row = good.out.lines().find(|line| line.contains("new.sql.gz")).unwrap();
    assert!(row.contains("sha256") && row.contains("2 h ago") && row.contains("kB"), "{row}");

    // As the crontab's line leaves it when the dump fails: rc 0, over the good one.
    for (script, said) in [
        ("false | gzip > new.sql.gz", "new.sql.gz: a gzip of nothing"),
        ("rm new.sql.gz*; : > zero.sql.gz", "zero.sql.gz: empty"),
        (
            "rm zero.sql.gz; echo x > a.sql.gz.part; touch -d '1 hour ago' a.sql.gz.part",
            "a.sql.gz.part: left over",
        ),
    ] {
        sh(here, script);
        let bad = list().await;
        assert!(bad.code == 1 && bad.out.contains(said), "{said}: {bad:?}");
        assert!(bad.out.contains("needs a look"), "{}", bad.out);
    }
    sh(here, "rm *; head -c 99 /dev/urandom > a.sql.gz; echo '{' > a.sql.gz.manifest.json");
    let broken = list().await;
    assert!(broken.code == 1 && broken.out.contains("its manifest can't be read: EOF"), "{broken:?}");
    // A name may hold anything.
    sh(here, "rm *; touch -d '1 hour ago' $'<!channel>\\n\\e[31m*x*.sql.gz'");
    let odd = list().await;
    assert!(!odd.out.contains('\u{1b}'), "{odd:?}");

    let no_folder = run_with(&toml(&here.join("gone")), &["run", "--", "backup", "list"], &[]).await;
    assert!(no_folder.code == 1 && no_folder.out.contains("folder could not be asked"), "{no_folder:?}");
    let without = format!("[bot]\ndata_dir = \"DATA_DIR\"\n{}", people::toml());
    let none = run_with(&without, &["run", "--", "backup", "list"], &[]);
    assert!(none.await.out.contains("backups is not configured"));
}

async fn execute(database: &mut PgConnection, statements: &'static str) {
    sqlx::raw_sql(statements).execute(database).await.expect("statements");
}

/// What pg_class and count(*) say of a database of the test's own, as a manifest beside an archive.
async fn back_up(database: &mut PgConnection, name: &str, folder: &Path) {
    let mut tables = BTreeMap::new();
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut *database)
    .await
    .unwrap();
    for table in names {
        let count = format!("SELECT count(*) FROM public.\"{}\"", table.replace('"', "\"\""));
        let rows: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&mut *database).await.unwrap();
        tables.insert(format!("public.{table}"), rows);
    }
    sh(folder, "head -c 500 /dev/urandom > dump.sql.gz");
    let manifest = serde_json::json!({
        "format": 1,
        "created": bot::clock::now().to_string(),
        "database": name,
        "archive_bytes": 500,
        "sha256": "ab".repeat(32),
        "tables": tables,
    });
    std::fs::write(folder.join("dump.sql.gz.manifest.json"), manifest.to_string()).unwrap();
}

#[tokio::test]
async fn a_deep_look_compares_the_rows_of_the_newest_backup_with_the_database() {
    let stack = Stack::take().await;
    let (mut database, url) = stack.own_database("acgs_test_rows").await;
    execute(
        &mut database,
        "CREATE TABLE users AS SELECT id FROM generate_series(1, 100) AS id;
         CREATE TABLE \"odd \"\" name\" AS SELECT id FROM generate_series(1, 5) AS id;
         CREATE TABLE closed WITH (autovacuum_enabled = off) AS SELECT id FROM generate_series(1, 50) AS id;
         GRANT SELECT ON users, \"odd \"\" name\" TO acgs_monitor;
         ANALYZE",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let setup = stack
        .setup()
        .with(&format!("[backups]\ndir = {:?}", folder.path()))
        .with(&people::toml())
        .secret("STACK_POSTGRES_URL", &url);
    let bot = Bot::start(setup).await;
    let rows = async || {
        let looked = bot.line(&["health", "--deep"], true).await;
        let json: serde_json::Value = serde_json::from_str(&looked.out).expect("a card as JSON");
        let all = json["card"]["sections"][0]["table"]["rows"].as_array().expect("a table").clone();
        let row = all.into_iter().find(|row| row[1] == "rows").expect("the check of rows");
        let text = |at: usize| row[at].as_str().expect("a text").to_owned();
        (text(0), text(2), looked)
    };
    let (sign, found, _) = rows().await;
    assert_eq!((sign.as_str(), found.as_str()), ("", "no good backup has a manifest"));

    back_up(&mut database, "acgs_test_rows", folder.path()).await;
    let (sign, found, _) = rows().await;
    assert_eq!(sign, "ok", "{found}");
    assert!(
        found.starts_with("3 tables as in the backup of ") && found.ends_with("; 1 of them estimated"),
        "{found}"
    );

    execute(&mut database, "DELETE FROM users WHERE id > 90; DELETE FROM \"odd \"\" name\" WHERE id > 4")
        .await;
    let (sign, found, looked) = rows().await;
    assert_eq!(sign, "look", "a fifth is gone, a tenth may be: {found}");
    assert!(found.starts_with("public.odd \" name: 4 of 5 rows; of 3 tables"), "{found}");
    assert!(looked.code == 1 && looked.out.contains("backup list"), "{}", looked.out);

    execute(&mut database, "DROP TABLE users").await;
    let (sign, found, looked) = rows().await;
    assert_eq!(sign, "!!", "{found}");
    assert!(found.starts_with("public.users is missing (100 rows), public.odd"), "{found}");
    assert!(looked.out.contains("The platform does not work"), "{}", looked.out);

    back_up(&mut database, "another", folder.path()).await;
    let (sign, found, _) = rows().await;
    assert_eq!(
        (sign.as_str(), found.as_str()),
        ("", "the newest backup is of another, not of acgs_test_rows")
    );
}
