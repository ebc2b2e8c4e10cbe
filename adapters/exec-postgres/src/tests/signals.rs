//! Signals to real sessions: to the one that was meant, and to no other.

use commands::backend::{Precious, Protection, SessionTag, Signal, Signalled, Target};
use commands::database::SessionKind;
use commands::ids::RunId;
use jiff::{SignedDuration, Timestamp};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::task::JoinHandle;

use super::*;
use crate::act;
use crate::administration::Invocation;

/// A server with the roles of `deploy/postgres/roles.sql`, and the bot's two ways to it.
async fn server() -> (Server, Postgres, Postgres) {
    let server = Server::start().await;
    server.execute("CREATE TABLE users (id int)").await;
    let file = concat!("--file=", env!("CARGO_MANIFEST_DIR"), "/../../deploy/postgres/roles.sql");
    let argv =
        ["psql", "-X", "--set=ON_ERROR_STOP=1", "--set=monitor_password=m", "--set=signal_password=s", file];
    let env = [("PGUSER", "postgres"), ("PGDATABASE", "postgres")];
    let roles = Invocation {
        argv: argv.map(str::to_owned).into(),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    };
    // Twice, since it may be run again.
    for _ in 0..2 {
        let made = server.program(&roles).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    let [looking, signalling] =
        ["acgs_monitor", "acgs_signal"].map(|role| postgres(&server.url(role, "postgres")));
    (server, looking, signalling)
}

async fn session(server: &Server, user: &str, database: &str, application: &str) -> PgConnection {
    let url = server.url(user, database);
    let url = format!("{}?application_name={application}", secrecy::ExposeSecret::expose_secret(&url));
    PgConnection::connect(&url).await.unwrap()
}

async fn pid(connection: &mut PgConnection) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await.unwrap()
}

/// Runs a statement in the background; what it ends with is its SQLSTATE, or none.
fn running(mut connection: PgConnection, statement: &'static str) -> JoinHandle<Option<String>> {
    tokio::spawn(async move {
        let ran = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await;
        ran.err().map(|error| match error.as_database_error() {
            Some(error) => error.code().unwrap_or_default().into_owned(),
            None => "broken".to_owned(),
        })
    })
}

/// The backend, once it is in `state`.
async fn when(postgres: &Postgres, pid: i32, state: &str) -> commands::backend::Backend {
    let found = async {
        loop {
            let backend = postgres.backend(pid, PATIENT).await.unwrap();
            if let Some(backend) = backend.filter(|backend| backend.state == state) {
                return backend;
            }
        }
    };
    timeout(PATIENT, found).await.expect("it comes into that state")
}

async fn until_gone(postgres: &Postgres, signal: Signal, target: &Target) {
    let gone = async { while !act::is_gone(postgres, signal, target, PATIENT).await.unwrap() {} };
    timeout(PATIENT, gone).await.expect("the signal takes effect");
}

#[tokio::test]
async fn a_statement_is_cancelled_and_its_session_stays() {
    let (server, looking, signalling) = server().await;
    let mut client = session(&server, "stranger", "postgres", "ac%20service").await;
    let pid = pid(&mut client).await;
    let ended = running(client, "SELECT pg_sleep(600), 'hunter2'");
    let backend = when(&looking, pid, "active").await;
    assert_eq!((backend.application.as_str(), backend.kind), ("ac service", SessionKind::Client));
    assert_eq!(backend.statement, "SELECT pg_sleep(?), ?");
    assert_eq!((backend.client.as_deref(), backend.protection), (Some("127.0.0.1"), None));
    assert!(backend.statement_for.is_some() && backend.transaction.is_some());
    assert!(!act::is_gone(&signalling, Signal::Cancel, &backend.target, PATIENT).await.unwrap());

    let sent = act::cancel(&signalling, &backend.target, Precious::Spared, PATIENT).await;
    assert_eq!(sent, Ok(Signalled::Sent));
    assert_eq!(ended.await.unwrap().as_deref(), Some("57014"));
    until_gone(&signalling, Signal::Cancel, &backend.target).await;
}

#[tokio::test]
async fn whoever_came_after_the_look_is_not_signalled() {
    let (server, looking, signalling) = server().await;
    let mut client = session(&server, "stranger", "postgres", "ac").await;
    let pid = pid(&mut client).await;
    let looked = when(&looking, pid, "idle").await.target;
    let cancel =
        async |target: &Target| act::cancel(&signalling, target, Precious::Named, PATIENT).await.unwrap();
    let terminate =
        async |target: &Target| act::terminate(&signalling, target, Precious::Named, PATIENT).await.unwrap();
    assert_eq!(cancel(&looked).await, Signalled::NotRunning);
    sqlx::query("SELECT 1").execute(&mut client).await.unwrap();
    assert_eq!(cancel(&looked).await, Signalled::Changed);
    assert_eq!(terminate(&looked).await, Signalled::Changed);
    // The same number, another process.
    let mut other = looked;
    other.backend.started -= SignedDuration::from_micros(1);
    assert_eq!(terminate(&other).await, Signalled::Gone);
    assert!(act::is_gone(&signalling, Signal::Terminate, &other, PATIENT).await.unwrap());
    sqlx::query("SELECT 1").execute(&mut client).await.expect("nobody has ended it");

    assert_eq!(terminate(&looked.whatever_it_runs()).await, Signalled::Sent);
    until_gone(&signalling, Signal::Terminate, &looked).await;
    assert_eq!(terminate(&looked).await, Signalled::Gone);
    assert_eq!(looking.backend(pid, PATIENT).await, Ok(None));
}

#[tokio::test]
async fn what_should_not_be_cut_off_has_to_be_named() {
    let (server, looking, signalling) = server().await;
    server.execute("CREATE TABLE big AS SELECT generate_series(1, 10) AS id").await;
    server.execute("ALTER TABLE big OWNER TO stranger").await;
    let mut holder = server.connect("postgres").await;
    sqlx::query("BEGIN").execute(&mut holder).await.unwrap();
    sqlx::query("LOCK TABLE big").execute(&mut holder).await.unwrap();
    for (application, statement, kind) in [
        ("pg_dump", "SELECT pg_sleep(600)", SessionKind::Dump),
        ("psql", "/* a */ -- b\n create  unique index on big (id)", SessionKind::IndexBuild),
        ("psql", "VACUUM big", SessionKind::Vacuum),
    ] {
        let mut client = session(&server, "stranger", "postgres", application).await;
        let pid = pid(&mut client).await;
        let ended = running(client, statement);
        let backend = when(&looking, pid, "active").await;
        let protection = Protection::Precious(kind);
        assert!(!protection.is_final());
        assert_eq!((backend.kind, &backend.protection), (kind, &Some(protection.clone())), "{statement}");
        for target in [backend.target, backend.target.whatever_it_runs()] {
            let refused = act::terminate(&signalling, &target, Precious::Spared, PATIENT).await;
            assert_eq!(refused, Ok(Signalled::Refused(protection.clone())), "{statement}");
            let refused = act::cancel(&signalling, &target, Precious::Spared, PATIENT).await;
            assert_eq!(refused, Ok(Signalled::Refused(protection.clone())), "{statement}");
        }
        let sent = act::terminate(&signalling, &backend.target, Precious::Named, PATIENT).await;
        assert_eq!(sent, Ok(Signalled::Sent), "{statement}");
        let ended = ended.await.unwrap().unwrap();
        assert!(["57P01", "broken"].contains(&ended.as_str()), "{ended}");
    }
}

#[tokio::test]
async fn others_databases_superusers_and_the_server_s_own_processes_are_out_of_reach() {
    let (server, looking, signalling) = server().await;
    server.execute("CREATE DATABASE elsewhere").await;
    let mut elsewhere = session(&server, "stranger", "elsewhere", "ac").await;
    let mut superuser = session(&server, "postgres", "postgres", "ac").await;
    let background: i32 =
        sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
            .fetch_one(&mut superuser)
            .await
            .unwrap();
    looking.check().await.unwrap();
    let own = server.sessions().await[0];
    for (pid, protection, does) in [
        (
            pid(&mut elsewhere).await,
            Protection::OtherDatabase,
            Some(Signalled::Refused(Protection::OtherDatabase)),
        ),
        (pid(&mut superuser).await, Protection::Superuser, None),
        (background, Protection::NotAClient, Some(Signalled::Refused(Protection::NotAClient))),
        (own, Protection::OwnRun, Some(Signalled::Refused(Protection::OwnRun))),
    ] {
        let backend = looking.backend(pid, PATIENT).await.unwrap().unwrap();
        assert!(protection.is_final());
        assert_eq!(backend.protection, Some(protection));
        let target = backend.target.whatever_it_runs();
        let sent = act::terminate(&signalling, &target, Precious::Named, PATIENT).await.unwrap();
        match does {
            Some(expected) => assert_eq!(sent, expected),
            None => assert!(
                matches!(&sent, Signalled::NotAllowed(why) if why.to_lowercase().contains("superuser")),
                "{sent:?}"
            ),
        }
        assert!(looking.backend(pid, PATIENT).await.unwrap().is_some());
    }
    // Who may not look, can't signal the one that is meant.
    let stranger = postgres(&server.url("stranger", "postgres"));
    let pid = pid(&mut superuser).await;
    assert!(matches!(stranger.backend(pid, PATIENT).await, Err(PostgresError::NotAllowed(_))));
    let target = looking.backend(pid, PATIENT).await.unwrap().unwrap().target;
    let sent = act::terminate(&stranger, &target, Precious::Named, PATIENT).await;
    assert_eq!(sent, Ok(Signalled::Refused(Protection::Hidden)));
}

#[tokio::test]
async fn who_waits_for_a_backend_is_told() {
    let (server, looking, _) = server().await;
    server.execute("CREATE TABLE held (id int)").await;
    let mut holder = server.connect("postgres").await;
    sqlx::query("BEGIN").execute(&mut holder).await.unwrap();
    sqlx::query("LOCK TABLE held").execute(&mut holder).await.unwrap();
    let mut waiter = server.connect("postgres").await;
    let (holding, waiting) = (pid(&mut holder).await, pid(&mut waiter).await);
    let ended = running(waiter, "SELECT * FROM held");
    let waits =
        async { while looking.backend(holding, PATIENT).await.unwrap().unwrap().blocks != [waiting] {} };
    timeout(PATIENT, waits).await.expect("it waits");
    let backend = looking.backend(waiting, PATIENT).await.unwrap().unwrap();
    assert_eq!(backend.waits_for.as_deref(), Some("Lock: relation"));
    holder.close().await.unwrap();
    assert_eq!(ended.await.unwrap(), None);
}

#[tokio::test]
async fn a_pool_s_idle_connections_are_ended_and_no_others() {
    let (server, looking, signalling) = server().await;
    let mut idle = session(&server, "stranger", "postgres", "gs_service").await;
    let mut wakes = session(&server, "stranger", "postgres", "gs_service").await;
    let mut busy = session(&server, "stranger", "postgres", "gs_service").await;
    sqlx::query("BEGIN").execute(&mut busy).await.unwrap();
    let mut pool = looking.pool("gs_service", PATIENT).await.unwrap();
    assert_eq!((pool.idle.len(), pool.busy), (2, 1), "{pool:?}");
    assert!(pool.idle.iter().all(|one| !one.is_superuser && one.idle_for.is_some()));
    pool.idle.sort_by_key(|one| one.backend.started);
    let mut backends: Vec<_> = pool.idle.iter().map(|one| one.backend).collect();
    let mut gone = backends[0];
    gone.started = Timestamp::UNIX_EPOCH;
    backends.push(gone);

    sqlx::query("BEGIN").execute(&mut wakes).await.unwrap();
    let told = act::end_idle(&signalling, &backends, PATIENT).await;
    let told: Vec<Signalled> = told.into_iter().map(|(_, sent)| sent.unwrap()).collect();
    assert_eq!(told, [Signalled::Sent, Signalled::Changed, Signalled::Gone]);
    assert!(sqlx::query("SELECT 1").execute(&mut idle).await.is_err());
    for mut other in [wakes, busy] {
        sqlx::query("SELECT 1").execute(&mut other).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_run_has_left_is_ended_by_its_name() {
    let (server, looking, signalling) = server().await;
    let tag = SessionTag::of(RunId::from_random(7), 1);
    server.execute("GRANT CONNECT ON DATABASE private TO stranger").await;
    let left = session(&server, "stranger", "private", tag.as_str()).await;
    let left = running(left, "SELECT pg_sleep(600)");
    let mut other =
        session(&server, "stranger", "postgres", SessionTag::of(RunId::from_random(7), 2).as_str()).await;
    assert_eq!(looking.tagged(&tag, PATIENT).await, Ok(1));
    let told = act::terminate_tagged(&signalling, &tag, PATIENT).await.unwrap();
    assert!(matches!(told.as_slice(), [(_, Signalled::Sent)]), "{told:?}");
    assert!(left.await.unwrap().is_some());
    // By its process alone it is none to be signalled: its run may still need it.
    let target = when(&looking, pid(&mut other).await, "idle").await;
    assert_eq!(target.protection, Some(Protection::OwnRun));
    let refused = act::terminate(&signalling, &target.target, Precious::Named, PATIENT).await;
    assert_eq!(refused, Ok(Signalled::Refused(Protection::OwnRun)));
    let gone = async { while looking.tagged(&tag, PATIENT).await != Ok(0) {} };
    timeout(PATIENT, gone).await.expect("it ends");
    assert_eq!(act::terminate_tagged(&signalling, &tag, PATIENT).await, Ok(Vec::new()));
    sqlx::query("SELECT 1").execute(&mut other).await.expect("another step's");
}
