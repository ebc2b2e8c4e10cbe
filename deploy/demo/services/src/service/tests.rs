//! Each switch, as a client at the other end of a socket sees it, on a service that is nested below
//! a path, as in `acgs demo`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpListener;

use super::*;

struct Served {
    address: SocketAddr,
    client: Client,
}

impl Served {
    async fn new() -> Self {
        // "Already installed" is what another test of this process has done.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().nest("/sandbox/ac_service", Service::sandbox("ac_service").run().router);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        Self { address, client }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/sandbox/ac_service{path}", self.address)
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    async fn sick(&self, words: &str) -> StatusCode {
        self.client.post(self.url(&format!("/_sick?{words}"))).send().await.unwrap().status()
    }
}

#[tokio::test]
async fn a_well_service_says_who_it_is() {
    let served = Served::new().await;
    let answer = served.get("/health").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["status"], "healthy");
    assert_eq!(body["service"], "ac_service");
    assert_eq!(body["database"], "none");
    assert_eq!(served.get("/auth/verify").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn down_is_a_503_and_well_ends_it() {
    let served = Served::new().await;
    served.sick("down=1").await;
    let answer = served.get("/health").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "unhealthy");
    served.sick("well=1").await;
    assert_eq!(served.get("/health").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn html_and_redirect_are_what_a_proxy_would_say() {
    let served = Served::new().await;
    served.sick("html=1").await;
    let page = served.get("/health").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().starts_with("<!doctype html>"));
    served.sick("html=0&redirect=1").await;
    let redirect = served.get("/health").await;
    assert_eq!(redirect.status(), StatusCode::FOUND);
    assert_eq!(redirect.headers()[header::LOCATION], "api/ping");
    assert_eq!(served.get("/api/ping").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_hung_service_answers_when_it_is_well_again() {
    let served = Served::new().await;
    served.sick("hang=1").await;
    let waiting = tokio::spawn(served.client.get(served.url("/health")).send());
    // The switches still work, else nobody could end it.
    let early = served.client.get(served.url("/health")).timeout(Duration::from_millis(200)).send().await;
    assert!(early.unwrap_err().is_timeout());
    served.sick("well=1").await;
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_crashed_service_closes_connections_without_a_byte() {
    let served = Served::new().await;
    served.sick("crash=1").await;
    let address = served.address;
    let answer = tokio::task::spawn_blocking(move || {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        socket.write_all(b"GET /sandbox/ac_service/health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        // A reset is as good as an end.
        let _ = socket.read_to_end(&mut answer);
        answer
    });
    assert_eq!(answer.await.unwrap(), Vec::<u8>::new());
    served.sick("well=1").await;
    assert_eq!(served.get("/health").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_program_learns_of_a_crash() {
    let mut running = Service::sandbox("fv_service").run();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/_sick?crash=1", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, running.router.clone()).into_future());
    let served = Served::new().await;
    served.client.post(url).send().await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), running.crashed()).await.unwrap();
}

#[tokio::test]
async fn a_drip_starts_at_once_and_does_not_end_soon() {
    let served = Served::new().await;
    served.sick("drip=1").await;
    let mut answer = served.get("/health").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "{");
    let rest = tokio::time::timeout(Duration::from_secs(1), answer.bytes()).await;
    assert!(rest.is_err());
}

#[tokio::test]
async fn slow_is_slow_and_metrics_are_not() {
    let served = Served::new().await;
    served.sick("slow_ms=300").await;
    let began = Instant::now();
    served.get("/health").await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    let began = Instant::now();
    served.get("/metrics").await;
    assert!(began.elapsed() < Duration::from_millis(300));
}

#[tokio::test]
async fn a_share_of_answers_fails_and_metrics_count_them() {
    let served = Served::new().await;
    served.sick("err_pct=60").await;
    let mut failed = 0;
    for _ in 0..10 {
        failed += u32::from(served.get("/api/ping").await.status() == StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert_eq!(failed, 6);
    assert_eq!(served.get("/health").await.status(), StatusCode::OK);
    served.get("/no/such/path").await;
    served.sick("attack=3").await;
    let page = served.get("/metrics").await.text().await.unwrap();
    for line in [
        r#"acgs_http_requests_total{service="ac_service",method="GET",endpoint="/api/ping",status="500"} 6"#,
        r#"acgs_http_request_duration_seconds_bucket{service="ac_service",method="GET",endpoint="/api/ping",le="0.5"} 10"#,
        r#"acgs_http_requests_total{service="ac_service",method="GET",endpoint="other""#,
        r#"acgs_auth_failures_total{service="ac_service",reason="bad_credentials"} 0"#,
        r#"acgs_security_events_total{service="ac_service",event_type="attack",severity="high"} 3"#,
    ] {
        assert!(page.contains(line), "no {line} in\n{page}");
    }
}

#[tokio::test]
async fn leaked_memory_is_resident() {
    let served = Served::new().await;
    let before = resident(&served).await;
    served.sick("leak_mb=128").await;
    let after = resident(&served).await;
    assert!(after - before > 100.0 * 1024.0 * 1024.0, "{before} -> {after}");
}

async fn resident(served: &Served) -> f64 {
    let page = served.get("/metrics").await.text().await.unwrap();
    let line = page.lines().find(|line| line.starts_with("process_resident_memory_bytes")).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_unknown_switch_is_refused() {
    let served = Served::new().await;
    assert_eq!(served.sick("dwon=1").await, StatusCode::BAD_REQUEST);
    assert_eq!(served.get("/health").await.status(), StatusCode::OK);
}
