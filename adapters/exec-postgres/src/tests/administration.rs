//! PostgreSQL's own programs with the arguments that the bot would give them in the database's container.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Output, Stdio};

use commands::archive::DumpFormat;
use commands::backend::SessionTag;
use commands::ids::RunId;
use commands::restore::{DatabaseGrant, DatabaseName, DatabaseRight, DatabaseSetting, SetAside};
use commands::table::{IndexDefinition, IndexFound, TableName};
use sqlx::AssertSqlSafe;

use super::*;
use crate::administration::{self, Administration, Invocation, Statement, Terms};

fn name(text: &str) -> DatabaseName {
    DatabaseName::try_from(text.to_owned()).unwrap()
}

fn tag() -> SessionTag {
    SessionTag::of(RunId::from_random(0xabc), 1)
}

fn terms(tag: &SessionTag) -> Terms<'_> {
    Terms { tag, lock: Duration::from_secs(5), statement: PATIENT }
}

fn administration() -> Administration {
    Administration { role: "postgres".to_owned(), database: name("live"), maintenance: name("postgres") }
}

fn with_input(server: &Server, invocation: &Invocation, input: &[u8]) -> Output {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    server.program(invocation).stdin(file).output().unwrap()
}

/// What it prints.
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What it complains of.
fn complained(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn run(server: &Server, database: &str, statement: &Statement) -> Output {
    let tag = tag();
    with_input(server, &administration().run(&name(database), statement, terms(&tag)), b"")
}

fn at_once(server: &Server, statements: &[Statement]) -> Output {
    let tag = tag();
    with_input(server, &administration().at_once(&name("postgres"), statements, terms(&tag)), b"")
}

fn state(server: &Server, database: &str) -> Option<commands::restore::DatabaseState> {
    let looked = run(server, "postgres", &Administration::look_at(&name(database)));
    administration::database_state(&printed(&looked)).unwrap()
}

/// A connection to a database of the test's.
async fn inside(server: &Server, database: &str) -> PgConnection {
    let url = server.url("postgres", database);
    PgConnection::connect(secrecy::ExposeSecret::expose_secret(&url)).await.unwrap()
}

async fn execute(connection: &mut PgConnection, statements: &[&str]) {
    for statement in statements {
        sqlx::query(AssertSqlSafe(*statement)).execute(&mut *connection).await.unwrap();
    }
}

/// A live database with what a dump holds and what it does not.
async fn live() -> Server {
    let server = Server::start().await;
    for statement in [
        "CREATE ROLE \"the owner\" LOGIN",
        "CREATE DATABASE live OWNER \"the owner\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
        "ALTER DATABASE live SET work_mem TO '8MB'",
        "ALTER DATABASE live SET search_path TO \"a,b\", public, \"it's\"",
        "ALTER DATABASE live SET app.motto TO 'it''s \\ \"so\"'",
        "ALTER ROLE stranger IN DATABASE live SET statement_timeout TO '1s'",
        "REVOKE ALL ON DATABASE live FROM PUBLIC",
        "GRANT CONNECT ON DATABASE live TO stranger",
        "GRANT CREATE ON DATABASE live TO watcher WITH GRANT OPTION",
    ] {
        server.execute(statement).await;
    }
    let mut connection = inside(&server, "live").await;
    execute(
        &mut connection,
        &[
            "CREATE SCHEMA shop",
            "CREATE TABLE public.users AS SELECT id, id::text AS name FROM generate_series(1, 7) AS id",
            "CREATE TABLE shop.\"odd \"\" 'name'\" AS SELECT 1 AS id",
            "CREATE TABLE public.alembic_version (version_num varchar(32) NOT NULL)",
            "INSERT INTO public.alembic_version VALUES ('9f1c')",
        ],
    )
    .await;
    connection.close().await.unwrap();
    server
}

#[tokio::test]
async fn a_backup_is_read_in_beside_and_takes_the_name_with_all_that_a_dump_lacks() {
    let server = live().await;
    let administration = administration();
    let tag = tag();
    let before = state(&server, "live").unwrap();
    assert_eq!(
        (before.owner.as_str(), before.encoding.as_str(), before.collate.as_str()),
        ("the owner", "UTF8", "C")
    );
    assert!(before.allows_connections && before.size > 0 && before.max_connections == MAX, "{before:?}");
    assert_eq!(before.connections, 0);
    let setting = |role: Option<&str>, name: &str, value: &str| DatabaseSetting {
        role: role.map(str::to_owned),
        name: name.to_owned(),
        value: value.to_owned(),
    };
    assert!(before.settings.contains(&setting(None, "work_mem", "8MB")), "{:?}", before.settings);
    assert!(before.settings.contains(&setting(Some("stranger"), "statement_timeout", "1s")));
    assert_eq!(before.settings.len(), 4);
    let grantable =
        DatabaseGrant { role: Some("watcher".to_owned()), right: DatabaseRight::Create, grantable: true };
    assert!(before.grants.as_ref().unwrap().contains(&grantable), "{before:?}");
    assert_eq!(state(&server, "nothing"), None);

    // The dump, of the very snapshot that was counted.
    let holding = administration.hold_snapshot(terms(&tag));
    let mut holder =
        server.program(&holding.invocation).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = holder.stdin.take().unwrap();
    input.write_all(holding.input.as_bytes()).unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map(Result::unwrap);
    let snapshot = administration::snapshot(&lines.next().unwrap()).unwrap();
    let counted = administration::row_counts(&lines.next().unwrap()).unwrap();
    let version = administration::alembic_version(&lines.next().unwrap()).unwrap();
    assert_eq!(version.as_deref(), Some("9f1c"));
    let rows: Vec<(&str, u64)> = counted.iter().map(|(table, rows)| (table.as_str(), *rows)).collect();
    assert_eq!(rows, [("public.alembic_version", 1), ("public.users", 7), ("shop.odd \" 'name'", 1)]);
    let mut connection = inside(&server, "live").await;
    execute(&mut connection, &["INSERT INTO public.users VALUES (8, 'late')"]).await;
    let dump = administration.dump(DumpFormat::Custom, Some(&snapshot), terms(&tag));
    let archive = with_input(&server, &dump, b"");
    assert!(archive.status.success(), "{archive:?}");
    drop(input);
    assert!(holder.wait().unwrap().success());
    let listed = printed(&with_input(&server, &Administration::list_archive(), &archive.stdout));
    assert!(administration::archive_tables(&listed).contains(&"public.users".to_owned()), "{listed}");

    // Beside.
    let (new, old) = (name("live_restore"), name("live_old"));
    printed(&run(&server, "postgres", &Administration::create(&new, &before)));
    let reading = administration.restore(&new, DumpFormat::Custom, terms(&tag));
    printed(&with_input(&server, &reading, &archive.stdout));
    printed(&run(&server, "live_restore", &Administration::analyze(None)));
    let restored = printed(&run(&server, "live_restore", &Administration::count_rows()));
    assert_eq!(administration::row_counts(&restored).unwrap(), counted, "the late row is not in it");
    let migrated = printed(&run(&server, "live_restore", &Administration::migrations()));
    assert_eq!(administration::alembic_version(&migrated).unwrap(), version);
    let none = printed(&run(&server, "postgres", &Administration::migrations()));
    assert_eq!(administration::alembic_version(&none).unwrap(), None);
    for statement in Administration::put_back(&new, &before) {
        printed(&run(&server, "postgres", &statement));
    }
    let after = state(&server, "live_restore").unwrap();
    assert_eq!(
        (&after.settings, after.owner.as_str(), &after.collate),
        (&before.settings, "the owner", &before.collate)
    );
    let sorted = |mut grants: Vec<DatabaseGrant>| {
        grants.sort_by_key(|grant| format!("{grant:?}"));
        grants
    };
    assert_eq!(after.grants.map(sorted), before.grants.map(sorted));

    // With a session in the live database the names can't change, and none of them does.
    let note = SetAside {
        run: RunId::from_random(0xabc),
        was: name("live"),
        at: "2026-11-26T10:00:00Z".parse().unwrap(),
    };
    let swap = administration.swap(&new, &old, &note);
    let refused = complained(&at_once(&server, &swap));
    assert!(refused.contains("is being accessed by other users"), "{refused}");
    printed(&run(&server, "postgres", &Administration::allow_connections(&name("live"), false)));
    let closed =
        PgConnection::connect(secrecy::ExposeSecret::expose_secret(&server.url("postgres", "live"))).await;
    assert!(closed.is_err(), "superusers are shut out too");
    let ended = printed(&run(&server, "postgres", &Administration::end_sessions(&name("live"))));
    assert_eq!(administration::number(&ended).unwrap(), 1);
    assert!(sqlx::query("SELECT 1").execute(&mut connection).await.is_err());

    // The second name is not there: the first one is not changed either.
    let half = administration.swap(&name("nowhere"), &old, &note);
    let refused = complained(&at_once(&server, &half));
    assert!(refused.contains("\"nowhere\" does not exist"), "{refused}");
    assert_eq!(state(&server, "live").unwrap().oid, before.oid, "all or nothing");

    printed(&at_once(&server, &swap));
    let (live, set_aside) = (state(&server, "live").unwrap(), state(&server, "live_old").unwrap());
    assert_eq!((live.oid, set_aside.oid), (after.oid, before.oid));
    assert!(live.allows_connections && !set_aside.allows_connections);
    assert_eq!(set_aside.comment.as_deref().and_then(SetAside::of_comment), Some(note.clone()));
    let mut connection = inside(&server, "live").await;
    let path: String = sqlx::query_scalar("SHOW search_path").fetch_one(&mut connection).await.unwrap();
    assert_eq!(path, "\"a,b\", public, \"it's\"");
    connection.close().await.unwrap();

    // And back: it holds what was written since the backup.
    printed(&run(&server, "postgres", &Administration::allow_connections(&name("live"), false)));
    let back = administration.swap(&old, &new, &note);
    printed(&at_once(&server, &back));
    let live = state(&server, "live").unwrap();
    assert_eq!((live.oid, live.comment, live.allows_connections), (before.oid, None, true));
    assert_eq!(administration.drop(&name("live")), None);
    printed(&run(&server, "postgres", &administration.drop(&new).unwrap()));
    assert_eq!(state(&server, "live_restore"), None);
}

#[tokio::test]
async fn half_a_dump_leaves_an_empty_database_empty() {
    let server = live().await;
    let administration = administration();
    let tag = tag();
    let before = state(&server, "live").unwrap();
    printed(&run(&server, "postgres", &Administration::create(&name("half"), &before)));
    let dump = administration.dump(DumpFormat::Plain, None, terms(&tag));
    let whole = with_input(&server, &dump, b"").stdout;
    let broken = [&whole[..], b"\nSELECT nonsense;\n"].concat();
    let reading = administration.restore(&name("half"), DumpFormat::Plain, terms(&tag));
    let refused = complained(&with_input(&server, &reading, &broken));
    assert!(refused.contains("nonsense"), "{refused}");
    let counted = printed(&run(&server, "half", &Administration::count_rows()));
    assert_eq!(counted.trim(), "{}");
    printed(&with_input(&server, &reading, &whole));
    let counted = printed(&run(&server, "half", &Administration::count_rows()));
    assert_eq!(administration::row_counts(&counted).unwrap()["public.users"], 7);
    // A custom dump that breaks off.
    let dump = administration.dump(DumpFormat::Custom, None, terms(&tag));
    let whole = with_input(&server, &dump, b"").stdout;
    printed(&run(&server, "postgres", &Administration::create(&name("other"), &before)));
    let reading = administration.restore(&name("other"), DumpFormat::Custom, terms(&tag));
    complained(&with_input(&server, &reading, &whole[..whole.len() * 2 / 3]));
    assert_eq!(printed(&run(&server, "other", &Administration::count_rows())).trim(), "{}");
    let roles = printed(&with_input(&server, &administration.dump_roles(terms(&tag)), b""));
    assert!(roles.contains("CREATE ROLE \"the owner\"") && !roles.contains("SCRAM"), "{roles}");
}

#[tokio::test]
async fn a_database_that_icu_sorts_gets_one_beside_it_that_it_sorts_too() {
    let server = Server::start().await;
    server
        .execute(
            "CREATE DATABASE live TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' \
             LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk'",
        )
        .await;
    let before = state(&server, "live").unwrap();
    assert_eq!(before.icu_locale.as_deref(), Some("de-u-co-phonebk"));
    assert_eq!((before.settings.len(), &before.grants), (0, &None));
    printed(&run(&server, "postgres", &Administration::create(&name("beside"), &before)));
    assert_eq!(state(&server, "beside").unwrap().icu_locale, before.icu_locale);
    assert_eq!(Administration::put_back(&name("beside"), &before), []);
}

fn index(columns: &[&str], unique: bool) -> IndexDefinition {
    IndexDefinition {
        table: TableName { schema: "public".to_owned(), table: "users".to_owned() },
        name: "odd \"index\"".to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        unique,
    }
}

#[tokio::test]
async fn an_index_is_made_and_one_that_was_given_up_is_dropped() {
    let server = live().await;
    let looking = postgres(&server.url("watcher", "live"));
    server.execute("GRANT CONNECT ON DATABASE live TO watcher").await;
    let wanted = index(&["id", "name"], false);
    let look = async |index: &IndexDefinition| looking.index(index, PATIENT).await.unwrap();
    let nothing = look(&wanted).await;
    assert_eq!((&nothing.found, nothing.has_table, &nothing.same_as), (&IndexFound::Nothing, true, &None));
    assert_eq!(look(&index(&["id", "nme"], false)).await.missing_columns, ["nme"]);
    let mut elsewhere = wanted.clone();
    elsewhere.table.table = "users\"; DROP TABLE users; --".to_owned();
    assert!(!look(&elsewhere).await.has_table);

    // A transaction that is open holds it up, and the server gives up by the limit.
    let mut holder = inside(&server, "live").await;
    execute(&mut holder, &["BEGIN", "INSERT INTO public.users VALUES (9, 'open')"]).await;
    let waits = look(&wanted).await.waits_for;
    assert!(matches!(waits.as_slice(), [one] if one.since.is_some()), "{waits:?}");
    let (tag, database) = (tag(), name("live"));
    let short = Terms { lock: Duration::from_millis(300), ..terms(&tag) };
    let given_up = administration().run(&database, &Administration::create_index(&wanted), short);
    let given_up = complained(&with_input(&server, &given_up, b""));
    assert!(given_up.contains("lock timeout"), "{given_up}");
    assert_eq!(look(&wanted).await.found, IndexFound::Invalid);
    // Made once more it is left as it is, and looking tells.
    execute(&mut holder, &["COMMIT"]).await;
    printed(&run(&server, "live", &Administration::create_index(&wanted)));
    assert_eq!(look(&wanted).await.found, IndexFound::Invalid);
    printed(&run(&server, "live", &Administration::drop_index(&wanted)));
    assert_eq!(look(&wanted).await.found, IndexFound::Nothing);

    // While it is made, it is seen; it goes on when the transaction ends.
    execute(&mut holder, &["BEGIN", "INSERT INTO public.users VALUES (10, 'open')"]).await;
    let making = administration().run(&database, &Administration::create_index(&wanted), terms(&tag));
    let making = server.program(&making).stdin(Stdio::null()).spawn().unwrap();
    let seen = async {
        loop {
            let progress = looking.index_progress(PATIENT).await.unwrap();
            if let Some(one) = progress.into_iter().find(|one| one.waits_for.is_some()) {
                return one;
            }
        }
    };
    let seen = timeout(PATIENT, seen).await.unwrap();
    assert_eq!((seen.application.as_str(), seen.lockers.1), (tag.as_str(), 1), "{seen:?}");
    assert_eq!(look(&wanted).await.found, IndexFound::Building);
    execute(&mut holder, &["COMMIT"]).await;
    assert!(making.wait_with_output().unwrap().status.success());
    assert!(matches!(look(&wanted).await.found, IndexFound::Valid { .. }));

    // Others by that name, and others that do the same.
    assert!(
        matches!(look(&index(&["name"], false)).await.found, IndexFound::Other(words) if words.contains("(id, name)"))
    );
    execute(
        &mut holder,
        &[
            "CREATE UNIQUE INDEX whole ON public.users (id, name)",
            "CREATE UNIQUE INDEX part ON public.users (id) WHERE id > 3",
        ],
    )
    .await;
    assert_eq!(look(&wanted).await.same_as.as_deref(), Some("whole"));
    let mut other = index(&["id"], true);
    other.name = "another".to_owned();
    assert_eq!(look(&other).await.same_as, None, "a part is not the whole");
    other.name = "users".to_owned();
    assert_eq!(look(&other).await.found, IndexFound::Other("no index".to_owned()));
}

#[tokio::test]
async fn a_vacuum_takes_away_dead_rows_of_tables_by_any_name() {
    let server = live().await;
    server.execute("GRANT CONNECT ON DATABASE live TO watcher").await;
    let looking = postgres(&server.url("watcher", "live"));
    let mut connection = inside(&server, "live").await;
    execute(
        &mut connection,
        &["DELETE FROM public.users WHERE id > 2", "UPDATE shop.\"odd \"\" 'name'\" SET id = 2"],
    )
    .await;
    connection.close().await.unwrap();
    let find = async |table: &str| {
        let tables = looking.tables(PATIENT).await.unwrap();
        tables.into_iter().find(|one| one.name.table == table).unwrap()
    };
    let seen = async { while find("users").await.dead != 5 {} };
    timeout(PATIENT, seen).await.expect("the statistics arrive");
    let odd = "odd \" 'name'";
    let (users, other) = (find("users").await, find(odd).await);
    assert_eq!((users.live, users.vacuumed, other.dead), (2, None, 1));
    printed(&run(&server, "live", &Administration::vacuum(Some(&other.name))));
    let seen = async { while find(odd).await.dead != 0 {} };
    timeout(PATIENT, seen).await.expect("it was vacuumed");
    let other = find(odd).await;
    assert!(other.vacuumed.is_some() && other.analyzed.is_some() && other.size > 0);
    assert_eq!((other.vacuums, find("users").await.dead), (1, 5), "the other one alone");
    printed(&run(&server, "live", &Administration::vacuum(None)));
    printed(&run(&server, "live", &Administration::analyze(Some(&users.name))));
    let seen = async { while find("users").await.analyzes != 2 {} };
    timeout(PATIENT, seen).await.expect("all were vacuumed");
    assert_eq!(find("users").await.dead, 0);
}

#[tokio::test]
async fn a_run_s_superuser_is_ended_by_its_name() {
    let server = live().await;
    let looking = postgres(&server.url("watcher", "postgres"));
    let tag = tag();
    let mut connection = inside(&server, "live").await;
    execute(&mut connection, &["BEGIN", "LOCK TABLE public.users"]).await;
    let waiting = administration().run(
        &name("live"),
        &Administration::vacuum(Some(&index(&[], false).table)),
        terms(&tag),
    );
    let waiting = server.program(&waiting).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let there = async { while looking.tagged(&tag, PATIENT).await != Ok(1) {} };
    timeout(PATIENT, there).await.unwrap();
    let ending = SessionTag::of(RunId::from_random(0xabc), 2);
    let ended = administration().run(&name("postgres"), &Administration::end_tagged(&tag), terms(&ending));
    assert_eq!(printed(&with_input(&server, &ended, b"")).trim(), "1");
    let said = waiting.wait_with_output().unwrap();
    assert!(complained(&said).contains("terminating connection"), "{said:?}");
}

#[test]
fn what_is_printed_otherwise_is_not_taken_for_an_answer() {
    assert!(administration::database_state("{\"name\": \"live\"}").is_err());
    assert!(administration::row_counts("psql: error").is_err());
    assert!(administration::number("").is_err() && administration::number("1\n2").is_err());
    for line in ["", "ERROR:  no", "00000003-0000001B-1; DROP", "--jobs=1"] {
        assert!(administration::snapshot(line).is_err(), "{line}");
    }
    let list = "; Archive created\n215; 0 16385 TABLE DATA public users acgs_user\n\
                216; 0 16386 TABLE DATA shop two words owner\n3; 2615 2200 SCHEMA - public o\n";
    assert_eq!(administration::archive_tables(list), ["public.users", "shop two words owner"]);
}
