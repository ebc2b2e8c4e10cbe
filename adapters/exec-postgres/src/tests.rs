//! Against real servers: a shared one for what harms nobody, and a small one of a test's own that is
//! filled, frozen and stopped. Where a server's state can't be brought about, a socket speaks for it.

mod administration;
mod server;
mod signals;

use std::time::Duration;

use commands::backup::LiveRows;
use commands::database::{SlowBy, SlowStatement, SlowStatements};
use commands::health::{DatabaseHealth, DatabasePing, Seats};
use secrecy::SecretString;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::timeout;

use crate::{Postgres, PostgresError, session};
use server::{MAX, RESERVED, Server, signal};

/// For answers that come by themselves: never reached.
const PATIENT: Duration = Duration::from_secs(30);

/// For answers that do not come.
const SHORT: Duration = Duration::from_millis(600);

/// A superuser's address on a server that tests share.
fn shared_url() -> SecretString {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the test server is, is said by whoever runs the tests"
    )]
    let url = std::env::var("ACGS_TEST_POSTGRES_URL");
    url.expect("set ACGS_TEST_POSTGRES_URL to a superuser's address on a PostgreSQL to test with").into()
}

fn postgres(url: &SecretString) -> Postgres {
    Postgres::new(url).unwrap()
}

fn at(address: std::net::SocketAddr) -> Postgres {
    postgres(&format!("postgres://watcher@{address}/postgres").into())
}

async fn ping(url: &SecretString) -> DatabasePing {
    postgres(url).health(PATIENT).await.ping
}

fn answered(health: &DatabaseHealth) -> bool {
    matches!(health.ping, DatabasePing::Answered(took) if took > Duration::ZERO)
}

#[tokio::test]
async fn a_database_answers_with_latency_and_seats() {
    let health = postgres(&shared_url()).health(PATIENT).await;
    assert!(answered(&health), "{health:?}");
    let seats = health.seats.unwrap();
    assert!(seats.used >= 1 && seats.used <= seats.max && seats.reserved < seats.max, "{seats:?}");
}

#[tokio::test]
async fn the_doctor_learns_version_role_and_rights() {
    let info = postgres(&shared_url()).check().await.unwrap();
    assert!(info.version.starts_with(|first: char| first.is_ascii_digit()), "{info:?}");
    assert!(info.superuser && info.pg_monitor, "{info:?}");

    let server = Server::start().await;
    let watcher = postgres(&server.url("watcher", "postgres")).check().await.unwrap();
    assert_eq!((watcher.role.as_str(), watcher.superuser, watcher.pg_monitor), ("watcher", false, true));
    let stranger = postgres(&server.url("stranger", "postgres")).check().await.unwrap();
    assert_eq!((stranger.role.as_str(), stranger.superuser, stranger.pg_monitor), ("stranger", false, false));
}

#[tokio::test]
async fn sessions_are_named_read_only_and_limited_in_time() {
    let mut connection = PgConnection::connect_with(&session::options(&shared_url()).unwrap()).await.unwrap();
    let settings: (String, String, String, String) = sqlx::query_as(
        "SELECT current_setting('application_name'), current_setting('transaction_read_only'),
                current_setting('statement_timeout'), current_setting('lock_timeout')",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    let expected = ("acgs-bot", "on", "2500ms", "1s");
    assert_eq!((&*settings.0, &*settings.1, &*settings.2, &*settings.3), expected);
    let written = sqlx::query("CREATE TABLE never (id int)").execute(&mut connection).await.unwrap_err();
    assert_eq!(written.as_database_error().unwrap().code().as_deref(), Some("25006"), "read-only");
}

/// The heart of it: the seat answers while everybody else is turned away.
#[tokio::test]
async fn a_full_database_says_that_it_is_full_and_how_full() {
    let server = Server::start().await;
    let postgres = postgres(&server.url("watcher", "postgres"));
    let alone = Seats { used: 1, max: MAX, reserved: RESERVED };
    assert_eq!(seats_without_ping(&postgres).await, Some(alone));

    let mut crowd = Vec::new();
    for _ in 1..MAX - RESERVED {
        crowd.push(server.connect("stranger").await);
    }
    for _ in 0..3 {
        let health = postgres.health(PATIENT).await;
        assert_eq!(health.ping, DatabasePing::Full);
        let full = Seats { used: MAX - RESERVED, max: MAX, reserved: RESERVED };
        // A ping that is being turned away counts for a moment, where the superuser's seats are free.
        assert!(
            health.seats == Some(full) || health.seats == Some(Seats { used: MAX, ..full }),
            "{health:?}"
        );
    }

    let late = self::postgres(&server.url("watcher", "postgres"));
    assert_eq!(late.health(PATIENT).await, DatabaseHealth { ping: DatabasePing::Full, seats: None });

    crowd.pop().unwrap().close().await.unwrap();
    let freed = async { while !answered(&postgres.health(PATIENT).await) {} };
    timeout(PATIENT, freed).await.expect("there is a free connection again");
}

/// The count alone, so that no ping is counted with it.
async fn seats_without_ping(postgres: &Postgres) -> Option<Seats> {
    postgres.seats(PATIENT).await.ok()
}

#[tokio::test]
async fn other_peoples_sessions_count_without_the_right_to_see_them() {
    let server = Server::start().await;
    let _others = [server.connect("watcher").await, server.connect("postgres").await];
    let seats = seats_without_ping(&postgres(&server.url("stranger", "postgres"))).await.unwrap();
    assert_eq!(seats.used, 3);
}

#[tokio::test]
async fn a_role_at_its_own_limit_is_full_too() {
    let server = Server::start().await;
    let _only = server.connect("limited").await;
    assert_eq!(ping(&server.url("limited", "postgres")).await, DatabasePing::Full);
}

#[tokio::test]
async fn a_seat_that_was_cut_off_is_taken_again_at_once() {
    let server = Server::start().await;
    let postgres = postgres(&server.url("watcher", "postgres"));
    assert!(seats_without_ping(&postgres).await.is_some());
    let before = server.sessions().await;
    assert_eq!(before.len(), 1);
    assert!(seats_without_ping(&postgres).await.is_some());
    assert_eq!(server.sessions().await, before, "the seat is kept from one count to the next");

    server.execute(&format!("SELECT pg_terminate_backend({})", before[0])).await;
    assert!(seats_without_ping(&postgres).await.is_some());
    assert_ne!(server.sessions().await, before);

    server.down();
    let health = postgres.health(PATIENT).await;
    assert_eq!(health, DatabaseHealth { ping: DatabasePing::Refused, seats: None });
    server.up();
    assert!(postgres.health(PATIENT).await.seats.is_some());
}

/// A slow answer must not cost the seat: there may be no second one to be had.
#[tokio::test]
async fn a_silent_seat_is_replaced_only_when_there_is_another() {
    let server = Server::start().await;
    let postgres = postgres(&server.url("watcher", "postgres"));
    assert!(seats_without_ping(&postgres).await.is_some());
    let seat = server.sessions().await[0];
    let mut crowd = Vec::new();
    for _ in 1..MAX - RESERVED {
        crowd.push(server.connect("stranger").await);
    }
    signal("STOP", seat);
    assert_eq!(postgres.health(SHORT).await, DatabaseHealth { ping: DatabasePing::Full, seats: None });
    signal("CONT", seat);
    let health = postgres.health(PATIENT).await;
    assert_eq!(health.ping, DatabasePing::Full);
    assert!(health.seats.is_some(), "the seat was given up");
    assert_eq!(server.sessions().await, [seat]);

    for other in crowd {
        other.close().await.unwrap();
    }
    signal("STOP", seat);
    let health = postgres.health(PATIENT / 10).await;
    assert!(answered(&health) && health.seats.is_some(), "{health:?}");
    signal("CONT", seat);
}

#[tokio::test]
async fn counts_that_come_at_the_same_time_wait_for_each_other() {
    let server = Server::start().await;
    let postgres = postgres(&server.url("watcher", "postgres"));
    let clone = postgres.clone();
    let (one, two, three) = tokio::join!(postgres.health(PATIENT), clone.check(), clone.seats(PATIENT));
    assert!(one.seats.is_some() && two.is_ok() && three.is_ok());
    let gone = async { while server.sessions().await.len() > 1 {} };
    timeout(PATIENT, gone).await.expect("one seat, and no ping left behind");
}

#[tokio::test]
async fn a_login_that_is_refused_says_why() {
    let server = Server::start().await;
    for (user, database, why) in [
        ("nobody", "postgres", r#"role "nobody" does not exist"#),
        ("watcher", "nothing", r#"database "nothing" does not exist"#),
        ("locked:wrong", "postgres", r#"password authentication failed for user "locked""#),
        ("shut_out", "private", r#"permission denied for database "private""#),
    ] {
        assert_eq!(ping(&server.url(user, database)).await, DatabasePing::Denied(why.to_owned()));
    }
    let health = postgres(&server.url("locked:open%20sesame", "postgres")).health(PATIENT).await;
    assert!(answered(&health), "{health:?}");
    let error = postgres(&server.url("locked:wrong", "postgres")).check().await.unwrap_err();
    assert!(error.to_string().contains("check user, password and database"), "{error}");
    assert!(!format!("{error} {error:?}").contains("wrong"), "{error:?}");
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_refused() {
    // Bound and not listening: taken, so that nobody else gets it.
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let local: std::net::SocketAddr = local.parse().unwrap();
        let socket = if local.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
        socket.bind(local).unwrap();
        let postgres = at(socket.local_addr().unwrap());
        let health = postgres.health(PATIENT).await;
        assert_eq!(health, DatabaseHealth { ping: DatabasePing::Refused, seats: None });
        assert_eq!(postgres.check().await, Err(PostgresError::Refused));
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_timed_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let health = at(listener.local_addr().unwrap()).health(SHORT).await;
    assert_eq!(health, DatabaseHealth { ping: DatabasePing::TimedOut, seats: None });
}

/// A server that refuses encryption, reads the login, and sends these bytes.
async fn saying(bytes: Vec<u8>) -> DatabasePing {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let postgres = at(listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            for reply in [b"N".as_slice(), &bytes] {
                let length = stream.read_u32().await.unwrap();
                let mut rest = vec![0; length as usize - 4];
                stream.read_exact(&mut rest).await.unwrap();
                stream.write_all(reply).await.unwrap();
            }
        }
    });
    let ping = postgres.health(PATIENT).await.ping;
    serving.abort();
    ping
}

/// An error as the server words it:
/// <https://www.postgresql.org/docs/current/protocol-error-fields.html>.
fn error(code: &str, message: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    [b"E".as_slice(), &length.to_be_bytes(), fields.as_bytes()].concat()
}

#[tokio::test]
async fn a_server_that_starts_or_stops_takes_no_connections() {
    for (code, message) in [
        ("57P03", "the database system is starting up"),
        ("57P01", "terminating connection due to administrator command"),
        ("57P02", "terminating connection because of crash of another server process"),
    ] {
        assert_eq!(saying(error(code, message)).await, DatabasePing::NotAccepting(message.to_owned()));
    }
}

#[tokio::test]
async fn any_other_fault_is_told_with_its_code_and_cut() {
    let other = saying(error("XX000", "could not\nopen file")).await;
    assert_eq!(other, DatabasePing::Failed("could not open file (SQLSTATE XX000)".to_owned()));
    let long = saying(error("XX000", &"x".repeat(9000))).await;
    assert_eq!(long, DatabasePing::Failed(format!("{}… (SQLSTATE XX000)", "x".repeat(200))));
    let gone = saying(Vec::new()).await;
    assert_eq!(gone, DatabasePing::Failed("the connection broke".to_owned()));
    let DatabasePing::Failed(_) = saying(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await else {
        panic!("this is no PostgreSQL");
    };
}

#[test]
fn an_address_that_is_none_is_refused_without_repeating_it() {
    for text in ["", "hunter2", "mysql://u:hunter2@h/d", "postgres://u:hunter2@h:notaport/d"] {
        let error = Postgres::new(&text.to_owned().into()).err().unwrap();
        assert_eq!(error, PostgresError::Address);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    assert!(Postgres::new(&"postgres://u@h/d?sslmode=nonsense".to_owned().into()).is_err());
}

/// A question that the server refuses, as one that takes too long, must not cost the seat either.
#[tokio::test]
async fn a_refused_question_leaves_the_seat() {
    let server = Server::start().await;
    let postgres = postgres(&server.url("watcher", "postgres"));
    let refused = async || postgres.seat.rows::<(i32,)>("SELECT 1 / 0", &[], PATIENT).await;
    let division = "the database could not be asked: division by zero (SQLSTATE 22012)";
    assert_eq!(refused().await.unwrap_err().to_string(), division);
    let seat = server.sessions().await;
    assert_eq!(seat.len(), 1);
    assert_eq!(refused().await.unwrap_err().to_string(), division);
    assert!(seats_without_ping(&postgres).await.is_some());
    assert_eq!(server.sessions().await, seat);
    let secret = postgres.seat.rows::<(String,)>("SELECT rolpassword FROM pg_authid", &[], PATIENT).await;
    assert!(matches!(secret, Err(PostgresError::NotAllowed(_))), "{secret:?}");
}

/// What is given up must not go on at the server, long before its own limit ends it.
#[tokio::test]
async fn a_question_that_is_given_up_ends_at_the_server_too() {
    let server = Server::start().await;
    let postgres = postgres(&server.url("watcher", "postgres"));
    let asked = postgres.look_up("SELECT pg_sleep(2.4)", SHORT).await;
    assert_eq!(asked, Err(PostgresError::TimedOut));
    // The session's own limit would end it after 2.5 s.
    let gone = async { while !server.sessions().await.is_empty() {} };
    timeout(Duration::from_millis(1_500), gone).await.expect("the server has noticed that nobody listens");
}

#[tokio::test]
async fn a_library_that_is_not_loaded_is_told_from_an_extension_that_is_not_there() {
    let server = Server::start().await;
    let postgres = postgres(&server.url("watcher", "postgres"));
    let slow = postgres.slow(SlowBy::Total, PATIENT).await.unwrap();
    let missing = SlowStatements::NotInstalled {
        database: "postgres".to_owned(),
        available: true,
        preloaded: Some(false),
    };
    assert_eq!(slow, missing);
    server.execute("CREATE EXTENSION pg_stat_statements").await;
    assert_eq!(postgres.slow(SlowBy::Mean, PATIENT).await, Ok(SlowStatements::NotLoaded));
}

/// Before PostgreSQL 13 the columns were called otherwise, and before 14 there was no reset to tell. Such a
/// server is not to be had, so a view with those names stands for the extension's.
#[tokio::test]
async fn the_columns_of_older_versions_are_known() {
    let server = Server::start().await;
    for statement in [
        "CREATE EXTENSION pg_stat_statements",
        "ALTER EXTENSION pg_stat_statements DROP VIEW pg_stat_statements",
        "DROP VIEW pg_stat_statements",
        "ALTER EXTENSION pg_stat_statements DROP VIEW pg_stat_statements_info",
        "DROP VIEW pg_stat_statements_info",
        "CREATE VIEW pg_stat_statements AS SELECT oid AS dbid, 10::oid AS userid, 1::bigint AS queryid, \
         'SELECT ''hunter2'''::text AS query, 4::bigint AS calls, 10::float8 AS total_time, 8::bigint AS rows FROM pg_database",
        "GRANT SELECT ON pg_stat_statements TO PUBLIC",
    ] {
        server.execute(statement).await;
    }
    let postgres = postgres(&server.url("watcher", "postgres"));
    let SlowStatements::Read { since, dropped, statements, .. } =
        postgres.slow(SlowBy::Mean, PATIENT).await.unwrap()
    else {
        panic!("the view is there");
    };
    assert_eq!((since, dropped), (None, None));
    let expected =
        SlowStatement { calls: 4, total_ms: 10.0, mean_ms: 2.5, rows: 8, statement: "SELECT ?".to_owned() };
    assert_eq!(statements, [expected], "this database alone");
}

#[tokio::test]
async fn sessions_that_the_role_may_not_see_are_counted_as_such() {
    let server = Server::start().await;
    let mut other = server.connect("watcher").await;
    sqlx::query("BEGIN").execute(&mut other).await.unwrap();
    let stranger = postgres(&server.url("stranger", "postgres"));
    let long = stranger.long_queries(Duration::ZERO, PATIENT).await.unwrap();
    assert_eq!(long.sessions, []);
    assert!(long.hidden >= 1, "{long:?}");
    let watcher = postgres(&server.url("watcher", "postgres"));
    let long = watcher.long_queries(Duration::ZERO, PATIENT).await.unwrap();
    assert_eq!(
        long.sessions.iter().map(|one| one.state.as_str()).collect::<Vec<_>>(),
        ["idle in transaction"]
    );
    assert_eq!(long.hidden, 0);
}

#[tokio::test]
async fn rows_are_counted_by_the_catalogue_s_names_or_estimated() {
    let server = Server::start().await;
    for statement in [
        "CREATE SCHEMA shop",
        "GRANT USAGE ON SCHEMA shop TO watcher",
        "CREATE TABLE shop.orders AS SELECT id FROM generate_series(1, 7) AS id",
        "CREATE TABLE plain AS SELECT id FROM generate_series(1, 3) AS id",
        r#"CREATE TABLE "x""; DROP TABLE plain; --" AS SELECT 1 AS id"#,
        "CREATE TABLE private AS SELECT id FROM generate_series(1, 9) AS id",
        "CREATE TABLE guarded AS SELECT id FROM generate_series(1, 5) AS id",
        "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
        "CREATE TABLE parted (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (100)",
        "INSERT INTO parted SELECT generate_series(1, 6)",
        "CREATE TABLE held AS SELECT id FROM generate_series(1, 4) AS id",
        "CREATE VIEW seen AS SELECT 1 AS id",
        r#"GRANT SELECT ON shop.orders, plain, "x""; DROP TABLE plain; --", guarded, held, seen TO watcher"#,
        "ANALYZE",
    ] {
        server.execute(statement).await;
    }
    let mut holder = server.connect("postgres").await;
    sqlx::query("BEGIN").execute(&mut holder).await.unwrap();
    sqlx::query("LOCK TABLE held").execute(&mut holder).await.unwrap();
    let names = [
        "shop.orders",
        "plain",
        "public.plain",
        "public.x\"; DROP TABLE plain; --",
        "public.private",
        "guarded",
        "public.parted",
        "public.held",
        "public.seen",
        "orders",
        "pg_class; DROP TABLE plain",
        "",
    ]
    .map(str::to_owned);
    let (database, counted) =
        postgres(&server.url("watcher", "postgres")).row_counts(&names, PATIENT).await.unwrap();
    assert_eq!(database, "postgres");
    let of: Vec<LiveRows> = counted.iter().map(|(_, live)| *live).collect();
    let expected = [
        LiveRows::Counted(7),
        LiveRows::Counted(3),
        LiveRows::Counted(3),
        LiveRows::Counted(1),
        LiveRows::NotAllowed(9),
        LiveRows::NotAllowed(5),
        LiveRows::NotAllowed(6),
        LiveRows::TooSlow(4),
        LiveRows::Missing,
        LiveRows::Missing,
        LiveRows::Missing,
        LiveRows::Missing,
    ];
    assert_eq!(of, expected, "{counted:?}");
    let asked: Vec<&String> = counted.iter().map(|(name, _)| name).collect();
    assert_eq!(asked, names.iter().collect::<Vec<_>>(), "in their order");
    let hanging = postgres(&server.url("watcher", "postgres")).row_counts(&names, SHORT).await;
    assert_eq!(hanging, Err(PostgresError::TimedOut));
}
