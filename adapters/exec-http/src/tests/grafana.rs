//! Against a server that speaks as Grafana's API does, and against worse ones.

use std::time::{Duration, Instant};

use commands::links::PageAnswer;
use secrecy::SecretString;
use tokio::io::AsyncWriteExt as _;
use url::Url;

use super::server::{Server, request};
use crate::Grafana;

/// For answers that come by themselves: never reached.
const PATIENT: Duration = Duration::from_secs(30);
/// For answers that do not come.
const SHORT: Duration = Duration::from_millis(300);

const TOKEN: &str = "glsa_token";

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// As Grafana 11 answers, served below `/grafana`.
fn spoken(head: &str) -> String {
    let path = head.split(' ').nth(1).unwrap();
    let may = head.to_ascii_lowercase().contains(&format!("authorization: bearer {TOKEN}"));
    match path {
        "/grafana/api/health" => answer(
            "200 OK",
            r#"{"database":"ok","version":"11.3.0","commit":"d9455ff7db73b694db7d412e49a68bec767f2b5a"}"#,
        ),
        _ if !may => answer(
            "401 Unauthorized",
            r#"{"extra":null,"message":"Unauthorized","messageId":"auth.unauthorized","statusCode":401,"traceID":""}"#,
        ),
        "/grafana/api/dashboards/uid/acgs-overview" => answer(
            "200 OK",
            r#"{"meta":{"type":"db","slug":"overview"},"dashboard":{"id":1,"panels":[],"title":"Overview","uid":"acgs-overview","version":1}}"#,
        ),
        "/grafana/api/dashboards/uid/private" => answer(
            "403 Forbidden",
            r#"{"accessErrorId":"ACE0","message":"You'll need additional permissions to perform this action. Permissions needed: dashboards:read","title":"Access denied"}"#,
        ),
        _ => answer("404 Not Found", r#"{"message":"Dashboard not found","traceID":""}"#),
    }
}

async fn running() -> Url {
    let server = Server::on_connection(|mut stream| async move {
        let head = request(&mut stream).await;
        let _ = stream.write_all(spoken(&head).as_bytes()).await;
    })
    .await;
    server.url.join("/grafana").unwrap()
}

fn grafana(url: &Url, token: Option<&str>) -> Grafana {
    // The program itself does this at its start.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Grafana::new(url, token.map(SecretString::from)).unwrap()
}

#[tokio::test]
async fn a_dashboard_is_there_or_not_or_not_for_the_bot() {
    let url = running().await;
    let with = grafana(&url, Some(TOKEN));
    assert_eq!(with.health(PATIENT).await, PageAnswer::Works);
    assert_eq!(with.dashboard("acgs-overview", PATIENT).await, PageAnswer::Works);
    assert_eq!(with.dashboard("renamed", PATIENT).await, PageAnswer::NoDashboard);
    assert_eq!(with.dashboard("private", PATIENT).await, PageAnswer::LoginNeeded { code: 403 });
    // Not a path out of the API.
    assert_eq!(with.dashboard("../../health", PATIENT).await, PageAnswer::NoDashboard);
    for token in [None, Some("glsa_old")] {
        let without = grafana(&url, token);
        assert_eq!(without.health(PATIENT).await, PageAnswer::Works, "its health is everybody's");
        assert_eq!(without.dashboard("acgs-overview", PATIENT).await, PageAnswer::LoginNeeded { code: 401 });
    }
}

#[tokio::test]
async fn what_is_no_grafana_is_told_as_such() {
    let page = "<html>ok</html>";
    let cases = [
        (answer("200 OK", page), "200, and not as Grafana does"),
        (
            answer("200 OK", r#"{"dashboard":{"uid":"another"},"message":"Dashboard not found"}"#),
            "200, and not as Grafana does",
        ),
        (answer("404 Not Found", page), "404, and not as Grafana does"),
        (answer("404 Not Found", r#"{"message":"no such route"}"#), "404, and not as Grafana does"),
        (
            answer("500 Internal Server Error", r#"{"message":"Internal Server Error"}"#),
            "500, and not as Grafana does",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/login\r\nContent-Length: 0\r\n\r\n"
                .to_owned(),
            "302, a redirect",
        ),
        (answer("200 OK", &"[".repeat(100_000)), "200, and not as Grafana does"),
        (answer("200 OK", &"x".repeat(5 << 20)), "more than 4 MiB"),
    ];
    for (bytes, said) in cases {
        let server = Server::answering(bytes).await;
        let grafana = grafana(&server.url, Some(TOKEN));
        let expected = PageAnswer::SomethingElse(said.to_owned());
        assert_eq!(grafana.dashboard("acgs-overview", PATIENT).await, expected);
        assert_eq!(grafana.health(PATIENT).await, expected);
        assert_eq!(server.connections(), 2, "one question is one request");
    }
    let failing = answer("503 Service Unavailable", r#"{"database":"failing","version":"11.3.0"}"#);
    let server = Server::answering(failing).await;
    assert_eq!(grafana(&server.url, None).health(PATIENT).await, PageAnswer::NotReady);
}

#[tokio::test]
async fn one_that_does_not_answer_holds_nobody_up() {
    let silent = Server::on_request(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let endless = Server::on_request(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    for server in [silent, endless] {
        let begun = Instant::now();
        assert_eq!(grafana(&server.url, None).dashboard("a", SHORT).await, PageAnswer::TimedOut);
        assert!(begun.elapsed() < SHORT * 10);
    }
    let broken = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").await;
    let cut = PageAnswer::Failed("the answer broke off".to_owned());
    assert_eq!(grafana(&broken.url, None).dashboard("a", PATIENT).await, cut);
    let garbage = Server::answering("\u{16}\u{3}\u{1}garbage\r\n\r\n").await;
    assert_eq!(grafana(&garbage.url, None).dashboard("a", PATIENT).await, cut);
    // Port 1 refuses.
    let dead = grafana(&"http://127.0.0.1:1".parse().unwrap(), None);
    assert_eq!(dead.health(PATIENT).await, PageAnswer::Failed("no connection".to_owned()));
}
