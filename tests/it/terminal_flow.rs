//! The terminal: `acgs run`, `check`, `audit verify`, and what a bad configuration says.

use std::time::Duration;

use e2e::bot::{Bot, Setup, run_with};
use e2e::people;
use e2e::platform::Platform;
use sqlx::Connection as _;

async fn bot(platform: &Platform) -> Bot {
    Bot::start(Setup::default().with(&people::toml()).with(&platform.toml())).await
}

#[tokio::test]
async fn run_prints_the_card_and_the_exit_code_says_how_it_is() {
    let platform = Platform::start().await;
    let bot = bot(&platform).await;
    let well = bot.line(&["health"], false).await;
    assert_eq!(well.code, 0, "{well:?}");
    assert!(well.out.starts_with("ok All 6 services are well\n"), "{}", well.out);
    assert!(!well.out.contains('\u{1b}'), "no colours in a pipe");

    platform.sick("ac_service", "down=1").await;
    let sick = bot.line(&["health"], false).await;
    assert_eq!(sick.code, 1, "{sick:?}");
    assert!(sick.out.contains("next: acgs run -- health ac_service --wait 60"), "{}", sick.out);

    let unknown = bot.line(&["helth"], false).await;
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(
        unknown.out.contains("Did you mean health?") || unknown.out.contains("health"),
        "{}",
        unknown.out
    );
}

#[tokio::test]
async fn a_dead_database_is_no_success_though_every_service_is_well() {
    let platform = Platform::start().await;
    // Port 1 refuses, as a stopped database does.
    let setup = Setup::default()
        .with(&people::toml())
        .with(&platform.toml())
        .with("[postgres]\nurl_env = \"DEAD_DATABASE\"")
        .secret("DEAD_DATABASE", "postgres://nobody@127.0.0.1:1/none");
    let health = Bot::start(setup).await.line(&["health"], false).await;
    assert_eq!(health.code, 1, "{health:?}");
    assert!(health.out.contains("All 6 services are well; look at PostgreSQL (P0)"), "{}", health.out);
}

#[tokio::test]
async fn run_json_is_the_card_as_data() {
    let platform = Platform::start().await;
    let bot = bot(&platform).await;
    let finished = bot.line(&["health", "auth_service"], true).await;
    let json: serde_json::Value = serde_json::from_str(&finished.out).expect("JSON on standard output");
    assert_eq!(json["card"]["title"], "auth_service is well");
    assert_eq!(json["card"]["tone"], "good");
}

#[tokio::test]
async fn a_wait_ends_when_the_service_recovers() {
    let platform = Platform::start().await;
    let bot = bot(&platform).await;
    platform.sick("ac_service", "down=1").await;
    let line = bot.line(&["health", "ac_service", "--wait", "5"], false).await;
    assert_eq!(line.code, 1, "{line:?}");
    assert!(line.out.contains("not well after"), "{}", line.out);
    platform.sick("ac_service", "well=1").await;
    let line = bot.line(&["health", "ac_service", "--wait", "30"], false).await;
    assert_eq!(line.code, 0, "{line:?}");
    assert!(line.out.contains("3 good answers in a row"), "{}", line.out);
}

#[tokio::test]
async fn an_account_that_is_nobodys_is_refused() {
    let finished = run_with(
        "[bot]\ndata_dir = \"DATA_DIR\"\n[[person]]\nname = \"A\"\ncli = \"somebody-else\"\nroles = [\"admin\"]\n",
        &["run", "--", "health"],
        &[],
    );
    let finished = finished.await;
    assert_eq!(finished.code, 2, "{finished:?}");
    assert!(finished.out.contains("Ask A to add you"), "{}", finished.out);
}

#[tokio::test]
async fn check_says_one_line_about_each_part_and_fails_if_one_is_wrong() {
    let platform = Platform::start().await;
    let bot = bot(&platform).await;
    let good = bot.run(&["check"]).await;
    assert_eq!(good.code, 0, "{good:?}");
    assert!(good.out.contains("ok    store: sqlite takes writes"), "{}", good.out);
    assert!(good.out.contains("ok    service auth_service"), "{}", good.out);

    let toml = format!(
        "[bot]\ndata_dir = \"DATA_DIR\"\n[prometheus]\nurl = \"http://127.0.0.1:1\"\n[docker]\nhost = \"unix:///no/such.sock\"\n{}",
        people::toml()
    );
    let bad = run_with(&toml, &["check"], &[]).await;
    assert_eq!(bad.code, 1, "{bad:?}");
    assert!(bad.out.contains("WRONG docker:") && bad.out.contains("WRONG prometheus:"), "{}", bad.out);
    assert!(bad.out.contains("ok    store"), "one bad part hides no other: {}", bad.out);
}

#[tokio::test]
async fn a_bad_configuration_is_one_message_with_file_line_and_key_and_exit_2() {
    for (toml, key) in [
        ("[bot]\nhttp_lisen = \"127.0.0.1:0\"\n", ":2: [bot] http_lisen: unknown field"),
        ("[bot]\nhttp_listen = 1\n", ":2: [bot] http_listen: invalid type: integer `1`"),
        ("[store]\nurl = \"mysql://a\"\n", ":1: [store] url is of no known kind"),
        ("[postgres]\nurl = \"mysql://a\"\n", ":1: [postgres] url: the database's address can't be read"),
        ("[prometheus]\nurl = \"ftp://a\"\n", ":2: [prometheus] url must be http"),
        (
            "[docker]\nhost = \"ssh://a\"\n[[person]]\nname = \"A\"\ncli = \"a\"\nroles = [\"approver\"]\n",
            ":2: [docker] host: \"ssh://a\" is not an address of Docker",
        ),
        (
            "[slack]\nbot_token_env = \"NO_SUCH\"\napp_token_env = \"NO_SUCH\"\n",
            ":1: [slack] app_token_env names the environment variable NO_SUCH",
        ),
        ("[postgres]\nurl_file = \"/no/such\"\n", ":1: [postgres] url_file: /no/such can't be read"),
        (
            "[[service]]\nname = \"a\"\nurl = \"http://a\"\n[[service]]\nname = \"a\"\nurl = \"http://a\"\n",
            ":4: [[service]] name \"a\" is listed twice",
        ),
    ] {
        for arguments in [["serve"].as_slice(), &["check"]] {
            let finished = run_with(toml, arguments, &[]).await;
            assert_eq!(finished.code, 2, "{toml}: {finished:?}");
            assert!(
                finished.err.contains("acgs.toml") && finished.err.contains(key),
                "{key:?} in {}",
                finished.err
            );
            assert_eq!(finished.err.trim().lines().count(), 1, "{}", finished.err);
        }
    }
}

#[tokio::test]
async fn the_public_address_is_asked_as_anybody_would() {
    let platform = Platform::start().await;
    let url = platform.url("auth_service").join("health").unwrap();
    let toml = |url: &str| {
        format!("[bot]\ndata_dir = \"DATA_DIR\"\n[public]\nhealth_url = {url:?}\n{}", people::toml())
    };
    let ask = ["run", "--", "health", "--public"];
    let well = run_with(&toml(url.as_str()), &ask, &[]).await;
    assert_eq!(well.code, 0, "{well:?}");
    assert!(well.out.contains("is well") && well.out.contains("the address is not https"), "{}", well.out);
    let secure = run_with(&toml(&url.as_str().replace("http://", "https://")), &ask, &[]).await;
    assert_eq!(secure.code, 1, "{secure:?}");
    assert!(secure.out.contains("TLS: "), "{}", secure.out);
    platform.sick("auth_service", "down=1").await;
    let sick = run_with(&toml(url.as_str()), &ask, &[]).await;
    assert!(sick.code == 1 && sick.out.contains("answers 503"), "{sick:?}");
}

#[tokio::test]
async fn whom_to_reach_is_shown_and_a_rung_with_nobody_flagged() {
    let toml = format!(
        "[bot]\ndata_dir = \"DATA_DIR\"\n[oncall]\non_call = [\"Ada\"]\ndevops_lead = [\"Ada\"]\n\
         engineering_manager = [\"Ada\"]\ncto = []\n[[contact]]\nname = \"Cloud\"\nphone = \"+1-555\"\n{}",
        people::toml()
    );
    let who = run_with(&toml, &["run", "--", "oncall", "who"], &[]).await;
    assert_eq!(who.code, 1, "{who:?}");
    assert!(who.out.contains("Ada is on call"), "{}", who.out);
    assert!(who.out.lines().any(|line| line.contains("CTO") && line.contains("nobody")), "{}", who.out);
    let whole = toml.replace("cto = []", "cto = [\"Ada\"]");
    assert_eq!(run_with(&whole, &["run", "--", "oncall", "who"], &[]).await.code, 0);
    let contacts = run_with(&toml, &["run", "--", "oncall", "contacts"], &[]).await;
    assert!(contacts.code == 0 && contacts.out.contains("+1-555"), "{contacts:?}");
}

#[tokio::test]
async fn a_store_that_can_not_be_opened_is_named() {
    let finished = run_with("[store]\nurl = \"sqlite:///no/such/folder/acgs.db\"\n", &["serve"], &[]).await;
    assert_eq!(finished.code, 1, "{finished:?}");
    assert!(finished.err.contains("/no/such/folder"), "{}", finished.err);
}

#[tokio::test]
async fn a_card_that_can_not_be_recorded_is_shown_and_says_so() {
    let platform = Platform::start().await;
    let bot = bot(&platform).await;
    let url = format!("sqlite://{}", bot.folder().join("acgs.db").display());
    let mut database = sqlx::SqliteConnection::connect(&url).await.expect("the file");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut database).await.expect("the lock");
    let line = bot.line(&["health"], false).await;
    assert_eq!(line.code, 1, "{line:?}");
    assert!(line.out.contains("auth_service") && line.out.contains("Not recorded"), "{}", line.out);
    assert!(line.err.contains("the store failed"), "{}", line.err);
}

#[tokio::test]
async fn an_edited_audit_trail_is_found_out() {
    let platform = Platform::start().await;
    let bot = bot(&platform).await;
    for _ in 0..3 {
        assert_eq!(bot.line(&["help"], false).await.code, 0);
    }
    assert_eq!(bot.run(&["audit", "verify"]).await.code, 0);
    let url = format!("sqlite://{}", bot.folder().join("acgs.db").display());
    let mut database = sqlx::SqliteConnection::connect(&url).await.expect("the file");
    sqlx::query("UPDATE audit SET entry = replace(entry, 'help', 'hulp') WHERE seq = 2")
        .execute(&mut database)
        .await
        .expect("an edit");
    let verified = bot.run(&["audit", "verify"]).await;
    assert_eq!(verified.code, 1, "{verified:?}");
    assert!(verified.out.contains("broken at row 2"), "{}", verified.out);
}

#[tokio::test]
async fn malformed_http_is_refused_and_nothing_dies() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let platform = Platform::start().await;
    let bot = bot(&platform).await;
    let huge = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(1 << 20));
    let header = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(1 << 20));
    for bytes in [
        b"\x16\x03\x01garbage\r\n\r\n".as_slice(),
        huge.as_bytes(),
        header.as_bytes(),
        b"POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(bot.http).await.unwrap();
        // The bot may close before it has read all of it.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "the connection ends");
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(bot.get("/healthz").await, (200, "ok\n".to_owned()));
    let refused = async |reason: &str| {
        bot.metric("acgs_http_refused_total", &["listener=\"http\"", &format!("reason=\"{reason}\"")]).await
    };
    assert_eq!((refused("malformed").await, refused("too_large").await), (2.0, 2.0));
}

#[tokio::test]
async fn probes_say_what_is_ready() {
    let platform = Platform::start().await;
    let bot = bot(&platform).await;
    let (status, body) = bot.get("/readyz").await;
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &json["ready"]), (200, &serde_json::Value::Bool(true)), "{body}");
    assert_eq!(json["parts"][0]["name"], "store");
    assert!(!json["parts"][0]["reason"].as_str().unwrap().is_empty());
    let (status, metrics) = bot.get("/metrics").await;
    assert!(status == 200 && metrics.contains("acgs_ready 1"), "{metrics}");
}
