//! Requests that are refused: from elsewhere, too large, not what belongs here. All are counted.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::site::{Site, logins, read};
use crate::WebMode;

const LINE: &str = r#"{"id":"1","room":"incidents","line":"health"}"#;

/// A POST of a line with these headers in place of the page's own.
async fn post_line(
    site: &Site,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> (StatusCode, String) {
    let mut request = site.http.post(site.url("/api/line?as=ann")).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (status, body) = read(request.send().await.unwrap()).await;
    (status, body["reason"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: StatusCode, reason: &str) -> (StatusCode, String) {
    (status, reason.to_owned())
}

#[tokio::test]
async fn only_the_page_itself_may_post() {
    let site = Site::demo().await;
    let (json, own) = (("Content-Type", "application/json"), site.url(""));
    let other_port = format!("http://127.0.0.1:{}", site.address.port() ^ 1);
    let cross = [
        vec![json],
        vec![json, ("Origin", "https://evil.example")],
        vec![json, ("Origin", "null")],
        vec![json, ("Origin", other_port.as_str())],
        vec![json, ("Origin", own.as_str()), ("Sec-Fetch-Site", "same-site")],
        vec![json, ("Origin", "https://evil.example"), ("Sec-Fetch-Site", "same-origin")],
        vec![json, ("Sec-Fetch-Site", "cross-site")],
        vec![json, ("Sec-Fetch-Site", "none")],
    ];
    for headers in cross {
        let outcome = post_line(&site, &headers, LINE).await;
        assert_eq!(outcome, refused(StatusCode::FORBIDDEN, "cross_site"), "{headers:?}");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let headers = [("Origin", own.as_str()), ("Content-Type", content_type)];
        let outcome = post_line(&site, &headers, LINE).await;
        assert_eq!(outcome, refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type"), "{content_type}");
    }
    assert!(site.heard().is_empty());
    let headers = [("Sec-Fetch-Site", "same-origin"), ("Content-Type", "Application/JSON; charset=utf-8")];
    assert_eq!(post_line(&site, &headers, LINE).await.0, StatusCode::OK);
}

#[tokio::test]
async fn another_site_can_not_take_the_streams() {
    let site = Site::demo().await;
    let ask = async |site_of_asker: &str| {
        let request = site.http.get(site.url("/api/events?as=ann")).header("Sec-Fetch-Site", site_of_asker);
        request.send().await.unwrap().status()
    };
    assert_eq!(ask("cross-site").await, StatusCode::FORBIDDEN);
    assert_eq!(ask("same-origin").await, StatusCode::OK);
    let link = site.http.get(site.url("/")).header("Sec-Fetch-Site", "cross-site").send().await.unwrap();
    assert_eq!(link.status(), StatusCode::OK, "somebody may follow a link to the page");
}

#[tokio::test]
async fn the_demo_answers_to_loopback_names_only() {
    let site = Site::demo().await;
    let ask = async |site: &Site, host: &str, path: &str| {
        site.http.get(site.url(path)).header("Host", host).send().await.unwrap().status()
    };
    for path in ["/", "/chat.js", "/api/people", "/api/events?as=ann", "/nowhere"] {
        assert_eq!(ask(&site, "rebound.example", path).await, StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
    assert_eq!(ask(&site, "localhost:1234", "/").await, StatusCode::OK);
    let public = Site::start(WebMode::Login(logins())).await;
    assert_eq!(ask(&public, "acgs.example.com", "/").await, StatusCode::OK);
}

#[tokio::test]
async fn malformed_and_oversized_input_is_refused_and_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    // The test's runtime has one thread, so the server's tasks count here too.
    let _guard = metrics::set_default_local_recorder(&recorder);
    let site = Site::demo().await;
    let own = site.url("");
    let headers = [("Origin", own.as_str()), ("Content-Type", "application/json")];

    let malformed = [
        "",
        "{",
        "[]",
        "null",
        r#"{"id":"1","room":"incidents","line":"\ud800"}"#,
        r#"{"id":"1","room":"incidents","line":"health","as":"bob:2"}"#,
        r#"{"id":"1","room":"incidents","line":7}"#,
        r#"{"id":"","room":"incidents","line":"health"}"#,
        r#"{"id":"a:b","room":"incidents","line":"health"}"#,
    ];
    for body in malformed {
        let outcome = post_line(&site, &headers, body).await;
        assert_eq!(outcome, refused(StatusCode::BAD_REQUEST, "malformed"), "{body}");
    }
    for body in
        [b"{\"id\":\"1\",\"room\":\"incidents\",\"line\":\"\xff\"}".to_vec(), "[".repeat(60_000).into()]
    {
        assert_eq!(post_line(&site, &headers, body).await.0, StatusCode::BAD_REQUEST);
    }
    let long = json!({ "id": "1", "room": "incidents", "line": "x".repeat(64 * 1024) }).to_string();
    let outcome = post_line(&site, &headers, long).await;
    assert_eq!(outcome, refused(StatusCode::PAYLOAD_TOO_LARGE, "too_large"));
    let cookie = "x".repeat(17 * 1024);
    let outcome = post_line(&site, &[headers[0], headers[1], ("Cookie", &cookie)], LINE).await;
    assert_eq!(outcome, refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers"));
    assert!(site.heard().is_empty());

    let counted = metrics.render();
    for (reason, times) in [("malformed", 11), ("too_large", 1), ("headers", 1)] {
        let sample = format!("acgs_http_refused_total{{listener=\"web\",reason=\"{reason}\"}} {times}\n");
        assert!(counted.contains(&sample), "{sample}{counted}");
    }
}

#[tokio::test]
async fn the_longest_line_that_fits_is_taken() {
    let site = Site::demo().await;
    let line = "x".repeat(64 * 1024 - 100);
    assert_eq!(site.line("ann", "1", &line).await.0, StatusCode::OK);
    assert_eq!(site.line("ann", "2", "\u{202e}\u{0}\u{7f}").await.0, StatusCode::OK);
    assert_eq!(site.heard().len(), 2);
}

#[tokio::test]
async fn unknown_people_rooms_and_reactions_are_refused() {
    let site = Site::demo().await;
    assert_eq!(site.line("mallory", "1", "health").await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.get("/api/complete?line=x").await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.get("/api/complete?as=ann").await.0, StatusCode::BAD_REQUEST);
    let elsewhere = json!({ "id": "1", "room": "elsewhere", "line": "health" });
    assert_eq!(site.post("/api/line?as=ann", &elsewhere).await.0, StatusCode::NOT_FOUND);
    let none = json!({ "id": "1", "room": "incidents", "message": "1", "emoji": "✅", "change": "added" });
    assert_eq!(site.post("/api/reaction?as=ann", &none).await.0, StatusCode::NOT_FOUND);
    site.line("ann", "1", "health").await;
    let events = site.events("ann", "").await.until_ready().await;
    let id = events.last().unwrap().data["id"].as_str().unwrap();
    for emoji in ["🎉", "white_check_mark", ""] {
        let odd = json!({ "id": "1", "room": "incidents", "message": id, "emoji": emoji, "change": "added" });
        assert_eq!(site.post("/api/reaction?as=ann", &odd).await.0, StatusCode::BAD_REQUEST, "{emoji}");
    }
    assert_eq!(site.post("/login", &json!({ "token": "good" })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(site.heard().len(), 1);
}

#[tokio::test]
async fn a_hundred_pages_may_be_open() {
    let site = Site::demo().await;
    let mut open = Vec::new();
    for _ in 0..crate::STREAM_LIMIT {
        open.push(site.events("ann", "").await);
    }
    assert_eq!(site.get("/api/events?as=ann").await.0, StatusCode::SERVICE_UNAVAILABLE);
    open.pop();
    // The server notices the closed connection a moment later.
    let is_free = async {
        while site.request(Method::GET, "/api/events?as=ann").send().await.unwrap().status() != StatusCode::OK
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), is_free).await.expect("the place is free again");
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let site = Site::demo().await;
    for path in ["/", "/login?token=x", "/chat.css", "/chat.js", "/api/people", "/api/line", "/nowhere"] {
        let answer = site.request(Method::GET, path).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with(
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                 img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
            ),
            "{path}: {policy}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
    }
}
