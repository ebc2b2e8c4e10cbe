//! Look-ups in the platform's database, each sick and well, compared with what SQL says directly.

use std::time::Duration;

use e2e::bot::{Bot, Finished};
use e2e::chatter::Chatter;
use e2e::people;
use e2e::stack::Stack;
use e2e::wait::eventually;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use tokio::task::JoinHandle;

/// A statement reaches the server, or is over there, in this time.
const ARRIVES: Duration = Duration::from_secs(10);

async fn bot(stack: &Stack) -> Bot {
    let web = "[web]\nlisten = \"127.0.0.1:0\"";
    Bot::start(stack.setup().with(web).with(&people::toml())).await
}

/// A bot that looks into another database of the stack's server.
async fn bot_at(stack: &Stack, url: &str) -> Bot {
    Bot::start(stack.setup().secret("STACK_POSTGRES_URL", url).with(&people::toml())).await
}

fn card(finished: &Finished) -> Value {
    let json: Value =
        serde_json::from_str(&finished.out).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    json["card"].clone()
}

fn rows(finished: &Finished) -> Vec<Vec<String>> {
    let sections = card(finished)["sections"].as_array().cloned().unwrap_or_default();
    let table = sections.iter().find_map(|section| section["table"]["rows"].as_array().cloned());
    let rows = table.unwrap_or_else(|| panic!("no table in {}", finished.out));
    rows.into_iter().map(|row| serde_json::from_value(row).unwrap()).collect()
}

fn fact(finished: &Finished, label: &str) -> String {
    let sections = card(finished)["sections"].as_array().cloned().unwrap_or_default();
    let facts = sections.iter().filter_map(|section| section["facts"].as_array()).flatten();
    let found = facts.filter(|fact| fact[0] == label).find_map(|fact| fact[1].as_str().map(str::to_owned));
    found.unwrap_or_else(|| panic!("no {label} in {}", finished.out))
}

fn title(finished: &Finished) -> String {
    card(finished)["title"].as_str().unwrap().to_owned()
}

async fn execute(connection: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

async fn ask<T>(connection: &mut PgConnection, sql: &str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.unwrap()
}

async fn pid(connection: &mut PgConnection) -> i32 {
    ask(connection, "SELECT pg_backend_pid()").await
}

/// Runs a statement that does not end by itself soon.
fn go_on(mut connection: PgConnection, statement: &'static str) -> JoinHandle<()> {
    tokio::spawn(async move {
        // It is ended from outside.
        let _ = sqlx::raw_sql(statement).execute(&mut connection).await;
    })
}

/// Waits until the server says so.
async fn until(admin: &mut PgConnection, what: &str, sql: &str) {
    eventually(ARRIVES, what, async || ask::<bool>(&mut *admin, sql).await.then_some(())).await;
}

#[tokio::test]
async fn a_ping_tells_latency_version_and_headroom() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let mut admin = stack.database().await;
    let ping = bot.line(&["db", "ping"], true).await;
    assert_eq!(ping.code, 0, "{ping:?}");
    assert!(title(&ping).starts_with("PostgreSQL answers in "), "{}", ping.out);
    let version: String = ask(&mut admin, "SHOW server_version").await;
    assert_eq!(fact(&ping, "version"), version);
    assert!(fact(&ping, "connections").contains(" of 60 used, 3 reserved for superusers"), "{}", ping.out);

    stack.docker(&["pause", &stack.container("postgres_db")]).await;
    let frozen = bot.line(&["db", "ping"], true).await;
    assert_eq!((frozen.code, title(&frozen).as_str()), (1, "PostgreSQL does not answer"), "{frozen:?}");
    let locks = bot.line(&["db", "locks"], true).await;
    assert_eq!((locks.code, title(&locks).as_str()), (1, "PostgreSQL could not be asked"), "{locks:?}");
    stack.mend().await;
}

#[tokio::test]
async fn what_is_open_too_long_is_told_with_its_age_and_without_values() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let mut admin = stack.database().await;
    let well = bot.line(&["db", "long-queries"], true).await;
    assert_eq!((well.code, title(&well).as_str()), (0, "Nothing goes on for 5m or longer"), "{well:?}");

    let mut idle = stack.database().await;
    let idle_pid = pid(&mut idle).await;
    execute(&mut idle, "BEGIN; UPDATE users SET salt = 'hunter2' WHERE id = 1").await;
    let mut slow = stack.database().await;
    let slow_pid = pid(&mut slow).await;
    let sleeping = go_on(slow, "SELECT pg_sleep(600) AS ten_minutes");
    let mut dump = stack.database().await;
    execute(&mut dump, "SET application_name = 'pg_dump'; BEGIN; SELECT 1").await;
    let dump_pid = pid(&mut dump).await;
    let old = "SELECT count(*) = 3 FROM pg_stat_activity WHERE state <> 'idle' AND clock_timestamp() - xact_start > '1s' \
               AND pid <> pg_backend_pid()";
    until(&mut admin, "two statements and a dump to be a second old", old).await;

    let asked = bot.line(&["db", "long-queries", "--over", "1s"], true).await;
    assert_eq!((asked.code, title(&asked).as_str()), (1, "2 sessions go on for 1s or longer"), "{asked:?}");
    let rows = rows(&asked);
    let row =
        |pid: i32| rows.iter().find(|row| row[0] == pid.to_string()).unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(row(slow_pid)[2], "active");
    assert_eq!(row(slow_pid)[5], "Timeout: PgSleep");
    assert_eq!((row(idle_pid)[2].as_str(), row(idle_pid)[4].as_str()), ("idle in transaction", "acgs_user"));
    assert_eq!(row(dump_pid)[2], "pg_dump", "named as what it is");
    assert_eq!(rows.last().unwrap()[0], dump_pid.to_string(), "what may take long comes last");
    assert!(asked.out.contains("SELECT pg_sleep(?) AS ten_minutes"), "{}", asked.out);
    assert!(asked.out.contains("UPDATE users SET salt = ? WHERE id = ?"), "{}", asked.out);
    assert!(!asked.out.contains("hunter2"), "{}", asked.out);
    let none = bot.line(&["db", "long-queries", "--over", "1h"], true).await;
    assert_eq!(none.code, 0, "{none:?}");
    let _: bool = ask(&mut admin, &format!("SELECT pg_terminate_backend({slow_pid})")).await;
    sleeping.await.unwrap();
}

#[tokio::test]
async fn whoever_waits_stands_below_the_one_that_blocks() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let mut admin = stack.database().await;
    let well = bot.line(&["db", "locks"], true).await;
    assert_eq!((well.code, title(&well).as_str()), (0, "Nobody waits for a lock"), "{well:?}");

    let mut holder = stack.database().await;
    let holder_pid = pid(&mut holder).await;
    execute(&mut holder, "BEGIN; UPDATE policies SET title = 'hunter2' WHERE id = 1").await;
    let mut row = stack.database().await;
    let row_pid = pid(&mut row).await;
    let row = go_on(row, "UPDATE policies SET title = 'x' WHERE id = 1");
    let waiting = |count: u8| format!("SELECT count(DISTINCT pid) = {count} FROM pg_locks WHERE NOT granted");
    until(&mut admin, "one that waits", &waiting(1)).await;
    let mut table = stack.database().await;
    let table_pid = pid(&mut table).await;
    let table = go_on(table, "BEGIN; LOCK TABLE policies IN ACCESS EXCLUSIVE MODE");
    until(&mut admin, "two that wait", &waiting(2)).await;

    let asked = bot.line(&["db", "locks"], true).await;
    assert_eq!(asked.code, 1, "{asked:?}");
    assert_eq!(title(&asked), format!("2 sessions wait for locks, all held up by pid {holder_pid}"));
    let rows = rows(&asked);
    assert_eq!(
        (rows[0][0].as_str(), rows[0][3].as_str()),
        (&*holder_pid.to_string(), "holds up 2"),
        "{rows:?}"
    );
    let shown = |pid: i32| {
        let of = rows.iter().find(|row| row[0].ends_with(&format!("└ {pid}")));
        of.unwrap_or_else(|| panic!("{pid} in {rows:?}"))
    };
    let blockers: Vec<i32> = ask(&mut admin, &format!("SELECT pg_blocking_pids({row_pid})")).await;
    assert_eq!(blockers, [holder_pid]);
    assert_eq!(shown(row_pid)[2..4], ["policies", "row Share"], "a row's wait names its table: {rows:?}");
    assert_eq!(shown(table_pid)[2..4], ["policies", "relation AccessExclusive"], "{rows:?}");
    assert!(
        asked.out.contains("idle in transaction") && asked.out.contains("UPDATE policies SET title = ?"),
        "{}",
        asked.out
    );
    assert!(!asked.out.contains("hunter2"), "{}", asked.out);

    let blocked = format!("blocked by pid {holder_pid}");
    eventually(ARRIVES, "the wait to be a second old", async || {
        let long = bot.line(&["db", "long-queries", "--over", "1s"], true).await;
        long.out.contains(&blocked).then_some(())
    })
    .await;
    execute(&mut holder, "ROLLBACK").await;
    row.await.unwrap();
    table.await.unwrap();
    let over = bot.line(&["db", "locks"], true).await;
    assert_eq!(over.code, 0, "{over:?}");
}

#[tokio::test]
async fn every_question_of_an_incident_is_answered_when_every_connection_is_taken() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let chat = Chatter::log_in(&bot).await;
    // `serve` takes its seat while there are any.
    chat.ask("db connections").await;
    let mut taken = stack.take_every_seat().await;
    execute(&mut taken[0], "BEGIN; LOCK TABLE policies").await;
    for (line, words) in [
        ("db ping", "every connection is taken"),
        ("db connections", " of 60 connections used, 0 free for services"),
        ("db locks", "Nobody waits for a lock"),
        ("db long-queries --over 1d", "Nothing goes on for 1d or longer"),
        ("db unused-indexes", " indexes "),
        ("db slow", "PostgreSQL could not be asked"),
        ("db slow", "every connection of the database is taken"),
    ] {
        let answer = chat.ask(line).await;
        assert!(answer.contains(words), "{line}: {words:?} in {answer}");
    }
    drop(taken);
    stack.mend().await;
}

#[tokio::test]
async fn slow_statements_are_those_of_pg_stat_statements_in_this_database() {
    let stack = Stack::take().await;
    let bot = bot(&stack).await;
    let mut admin = stack.database().await;
    execute(&mut admin, "SELECT pg_stat_statements_reset()").await;
    for _ in 0..3 {
        execute(&mut admin, "SELECT pg_sleep(0.4), 'hunter2' AS for_the_test").await;
    }
    let (mut other, _) = stack.own_database("acgs_test_elsewhere").await;
    execute(&mut other, "SELECT pg_sleep(2) AS somewhere_else").await;

    let asked = bot.line(&["db", "slow"], true).await;
    assert_eq!(asked.code, 0, "{asked:?}");
    let first = &rows(&asked)[0];
    assert_eq!((first[3].as_str(), first[4].as_str()), ("3", "3"), "{first:?}");
    let direct: f64 = ask(
        &mut admin,
        "SELECT total_exec_time FROM pg_stat_statements WHERE query LIKE '%for_the_test%' AND calls = 3",
    )
    .await;
    assert_eq!(first[1], format!("{:.1} s", (direct / 100.0).floor() / 10.0), "{direct} ms");
    assert!(first[2].ends_with(" ms"), "a call took {direct}/3 ms: {first:?}");
    assert!(asked.out.contains("for_the_test") && !asked.out.contains("somewhere_else"), "{}", asked.out);
    assert!(!asked.out.contains("hunter2"), "{}", asked.out);
    assert!(fact(&asked, "counted since").contains(" ago)"), "{}", asked.out);
    let mean = bot.line(&["db", "slow", "--by", "mean"], true).await;
    assert!(title(&mean).contains("a call"), "{}", mean.out);
    let nonsense = bot.line(&["db", "slow", "--by", "name"], false).await;
    assert_eq!(nonsense.code, 2, "{nonsense:?}");
}

#[tokio::test]
async fn a_database_without_the_extension_is_told_how_to_get_it() {
    let stack = Stack::take().await;
    let (mut database, url) = stack.own_database("acgs_test_bare").await;
    let bot = bot_at(&stack, &url).await;
    let asked = bot.line(&["db", "slow"], true).await;
    assert_eq!(
        (asked.code, title(&asked).as_str()),
        (1, "Nobody counts this database's statements"),
        "{asked:?}"
    );
    assert!(
        asked
            .out
            .contains("in the database acgs_test_bare, as a superuser: CREATE EXTENSION pg_stat_statements"),
        "{}",
        asked.out
    );
    assert!(!asked.out.contains("shared_preload_libraries"), "this server loads it already: {}", asked.out);
    // Where it is, its schema does not matter, as long as the role may look into it.
    execute(
        &mut database,
        "CREATE SCHEMA \"Odd 'one\"; CREATE EXTENSION pg_stat_statements SCHEMA \"Odd 'one\"",
    )
    .await;
    let refused = bot.line(&["db", "slow"], true).await;
    assert!(
        refused.out.contains("the bot's role may not ask that: permission denied for schema"),
        "{}",
        refused.out
    );
    execute(&mut database, "GRANT USAGE ON SCHEMA \"Odd 'one\" TO acgs_monitor").await;
    let asked = bot.line(&["db", "slow"], true).await;
    assert_eq!(asked.code, 0, "{asked:?}");

    let users = bot.line(&["db", "users"], true).await;
    assert_eq!((users.code, title(&users).as_str()), (1, "There is no table users"), "{users:?}");
}

#[tokio::test]
async fn users_are_counted_or_estimated_and_the_answer_says_which() {
    let stack = Stack::take().await;
    let mut admin = stack.database().await;
    let real: i64 = ask(&mut admin, "SELECT count(*) FROM users").await;
    let bot = bot(&stack).await;
    let asked = bot.line(&["db", "users"], true).await;
    assert_eq!((asked.code, title(&asked)), (0, format!("{real} users")), "{asked:?}");
    assert_eq!(fact(&asked, "rows"), format!("{real}, counted"));
    // The shipped role may count, and read nothing else.
    for (column, may) in [("id", true), ("email", false), ("password_sha256", false)] {
        let sql = format!("SELECT has_column_privilege('acgs_monitor', 'users', '{column}', 'SELECT')");
        assert_eq!(ask::<bool>(&mut admin, &sql).await, may, "{column}");
    }
    let rights = "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR pg_has_role('acgs_monitor', 'pg_write_all_data', 'MEMBER') \
                  OR pg_has_role('acgs_monitor', 'pg_read_all_data', 'MEMBER') FROM pg_roles WHERE rolname = 'acgs_monitor'";
    assert!(!ask::<bool>(&mut admin, rights).await);

    let (mut database, url) = stack.own_database("acgs_test_users").await;
    let made = "CREATE TABLE users WITH (autovacuum_enabled = off) AS SELECT id FROM generate_series(1, 100) AS id; ANALYZE users";
    execute(&mut database, made).await;
    let bot = bot_at(&stack, &url).await;
    let estimated = bot.line(&["db", "users"], true).await;
    assert!(fact(&estimated, "rows").contains("may not count them"), "{}", estimated.out);
    execute(&mut database, "GRANT SELECT (id) ON users TO acgs_monitor; DELETE FROM users WHERE id > 40")
        .await;
    let dropped = bot.line(&["db", "users"], true).await;
    assert_eq!((dropped.code, title(&dropped).as_str()), (1, "40 users, 60 are gone"), "{dropped:?}");
    assert!(fact(&dropped, "at its last ANALYZE").starts_with("about 100 on "), "{}", dropped.out);
    // Somebody holds the table: the count gives up, the estimate does not.
    let mut holder = stack.database_called("acgs_test_users").await;
    execute(&mut holder, "BEGIN; LOCK TABLE users").await;
    let held = bot.line(&["db", "users"], true).await;
    assert!(fact(&held, "rows").contains("counting took too long"), "{}", held.out);
    execute(&mut holder, "ROLLBACK; TRUNCATE users").await;
    let empty = bot.line(&["db", "users"], true).await;
    assert_eq!((empty.code, title(&empty).as_str()), (1, "The table users has no rows"), "{empty:?}");
}

#[tokio::test]
async fn indexes_that_help_nobody_are_told_from_those_that_are_needed() {
    let stack = Stack::take().await;
    let (mut database, url) = stack.own_database("acgs_test_indexes").await;
    let made = "CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, name text, town text);
        INSERT INTO people SELECT i, 'a' || i, 'n', 't' FROM generate_series(1, 100) AS i;
        CREATE INDEX idx_people_email ON people (email);
        CREATE INDEX idx_people_town ON people (town);
        CREATE INDEX idx_people_lower ON people (lower(name)) WHERE town IS NOT NULL;
        CREATE INDEX idx_people_used ON people (town, name)";
    execute(&mut database, made).await;
    execute(&mut database, "SET enable_seqscan = off; SELECT * FROM people WHERE town = 't' AND name = 'n'")
        .await;
    let broken = sqlx::raw_sql("CREATE UNIQUE INDEX CONCURRENTLY idx_people_broken ON people (town)")
        .execute(&mut database)
        .await;
    assert!(broken.is_err(), "it is not unique");
    let used = "SELECT coalesce(sum(idx_scan) > 0, false) FROM pg_stat_user_indexes WHERE indexrelname IN ('idx_people_used', 'idx_people_town')";
    until(&mut database, "the use to be counted", used).await;
    let unused: Vec<String> = ask(
        &mut database,
        "SELECT array_agg(indexrelname::text ORDER BY indexrelname) FROM pg_stat_user_indexes JOIN pg_index USING (indexrelid) \
          WHERE idx_scan = 0 AND NOT indisunique",
    )
    .await;

    let bot = bot_at(&stack, &url).await;
    let asked = bot.line(&["db", "unused-indexes"], true).await;
    assert_eq!(asked.code, 1, "{asked:?}");
    assert!(title(&asked).starts_with("1 of 7 indexes INVALID"), "{}", asked.out);
    let rows = rows(&asked);
    assert_eq!((rows[0][0].as_str(), rows[0][3].as_str()), ("idx_people_broken", "INVALID"), "{rows:?}");
    let mut shown: Vec<String> = rows[1..].iter().map(|row| row[0].clone()).collect();
    shown.sort();
    assert_eq!(shown, unused, "{rows:?}");
    let of = |name: &str| rows.iter().find(|row| row[0] == name).unwrap();
    assert_eq!(of("idx_people_email")[3], "unused, same as people_email_key", "{rows:?}");
    assert_eq!(
        (of("idx_people_lower")[1].as_str(), of("idx_people_lower")[3].as_str()),
        ("people (lower)", "unused")
    );
    assert!(
        asked.out.contains("Look again before you drop anything"),
        "statistics of a minute: {}",
        asked.out
    );

    execute(&mut database, "DROP INDEX idx_people_broken").await;
    let asked = bot.line(&["db", "unused-indexes"], true).await;
    assert_eq!(asked.code, 0, "{asked:?}");
}

#[tokio::test]
async fn look_ups_of_the_configuration_read_and_cannot_write() {
    let stack = Stack::take().await;
    let mut admin = stack.database().await;
    let query = |name: &str, kind: &str, text: &str| {
        format!("[[query]]\nname = {name:?}\ndescription = \"For the test\"\n{kind} = {text:?}\n")
    };
    let bot = Bot::start(
        stack
            .setup()
            .with(&query(
                "databases",
                "sql",
                "SELECT datname, NULL AS nothing, 7 AS datname FROM pg_database ORDER BY 1 -- last",
            ))
            .with(&query(
                "many",
                "sql",
                "SELECT i, repeat('x', 1000) AS long FROM generate_series(1, 60) AS i",
            ))
            .with(&query("none", "sql", "SELECT 1 AS one WHERE false"))
            .with(&query("writes", "sql", "WITH gone AS (DELETE FROM users RETURNING id) SELECT * FROM gone"))
            .with(&query("secret", "sql", "SELECT email FROM users"))
            .with(&query("sleeps", "sql", "SELECT pg_sleep(600) AS of_the_look_up"))
            .with(&query("targets", "promql", "count by (job) (up)"))
            .with(&query("bad", "promql", "rate(up"))
            .with(&people::toml()),
    )
    .await;
    let listed = bot.line(&["query"], true).await;
    assert_eq!(fact(&listed, "databases"), "For the test");

    let names: Vec<String> = sqlx::query_scalar("SELECT datname::text FROM pg_database ORDER BY 1")
        .fetch_all(&mut admin)
        .await
        .unwrap();
    let asked = bot.line(&["query", "databases"], true).await;
    assert_eq!(asked.code, 0, "{asked:?}");
    let expected: Vec<Vec<String>> =
        names.iter().map(|name| vec![name.clone(), String::new(), "7".to_owned()]).collect();
    assert_eq!(rows(&asked), expected);
    let many = bot.line(&["query", "many"], true).await;
    assert_eq!(title(&many), "many: the first 50 rows, there are more");
    assert!(rows(&many).iter().all(|row| row[1].len() == 200), "{}", many.out);
    assert_eq!(title(&bot.line(&["query", "none"], true).await), "none: nothing");
    for name in ["writes", "secret", "bad"] {
        let refused = bot.line(&["query", name], true).await;
        assert_eq!(refused.code, 1, "{name}: {refused:?}");
        assert!(title(&refused).contains("could not be asked"), "{name}: {}", refused.out);
    }
    assert!(ask::<i64>(&mut admin, "SELECT count(*) FROM users").await > 0);

    let slept = bot.line(&["query", "sleeps"], true).await;
    assert_eq!(slept.code, 1, "{slept:?}");
    let over = "SELECT count(*) = 0 FROM pg_stat_activity WHERE query LIKE '%of_the_look_up%' AND application_name = 'acgs-bot'";
    until(&mut admin, "the statement to be over at the server too", over).await;

    let asked = bot.line(&["query", "targets"], true).await;
    let direct = stack.promql("sum(up >= bool 0)").await;
    let counted: f64 = rows(&asked).iter().map(|row| row[1].parse::<f64>().unwrap()).sum();
    assert_eq!(Some(&counted), direct.get(""), "{}", asked.out);

    let mistyped = bot.line(&["query", "target"], true).await;
    assert_eq!(mistyped.code, 1, "{mistyped:?}");
    assert!(mistyped.out.contains("Did you mean targets?"), "{}", mistyped.out);
    for words in [["query", "SELECT 1"], ["query", "up{}"], ["query", "--sql=x"]] {
        assert_eq!(bot.line(&words, false).await.code, 2, "{words:?}");
    }
}
