//! Probes against real sockets, one test a fault.

mod grafana;
mod server;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use commands::health::{Probe, ProbeOutcome};
use rustls::RootCertStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Barrier, mpsc};
use tokio::time::{Instant, interval, timeout};
use url::Url;

use crate::{Prober, connection};
use server::{Server, answer, closed_port};

/// For outcomes that are known by themselves: never reached.
const PATIENT: Duration = Duration::from_secs(30);

/// For outcomes that are known by waiting: long enough for the part before on a busy machine.
const SHORT: Duration = Duration::from_secs(1);

fn prober() -> Prober {
    Prober::trusting(RootCertStore::empty()).unwrap()
}

async fn probe(url: &Url) -> ProbeOutcome {
    let Probe { took, outcome } = prober().probe(url, PATIENT).await;
    assert!(took < PATIENT, "{outcome:?} was known by waiting only");
    outcome
}

/// A probe that ends because its time is up.
async fn probe_until_late(url: &Url) -> ProbeOutcome {
    let Probe { took, outcome } = prober().probe(url, SHORT).await;
    assert!(took >= SHORT, "{outcome:?} after {took:?}");
    outcome
}

async fn answered(bytes: impl Into<Vec<u8>>) -> ProbeOutcome {
    probe(&Server::answering(bytes).await.url).await
}

fn healthy() -> ProbeOutcome {
    ProbeOutcome::Healthy { status: "ok".to_owned() }
}

fn broken(why: &str) -> ProbeOutcome {
    ProbeOutcome::Broken(why.to_owned())
}

fn unreachable(why: &str) -> ProbeOutcome {
    ProbeOutcome::Unreachable(why.to_owned())
}

const OK: &str = r#"{"status":"ok"}"#;

#[tokio::test]
async fn a_service_that_says_well_is_healthy() {
    assert_eq!(answered(answer("200 OK", "application/json", OK)).await, healthy());
    assert_eq!(answered(format!("HTTP/1.0 200 OK\r\n\r\n{OK}")).await, healthy(), "ended by closing");
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{OK}\r\n0\r\n\r\n");
    assert_eq!(answered(chunked).await, healthy());
}

#[tokio::test]
async fn the_request_names_path_query_and_host_and_each_probe_connects_anew() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let server = Server::on_connection(move |mut stream| {
        let seen = seen.clone();
        async move {
            // The server would keep the connection, if the probe asked for that.
            seen.send(server::request(&mut stream).await).unwrap();
            stream.write_all(answer("200 OK", "application/json", OK).as_bytes()).await.unwrap();
            let _ = stream.read_u8().await;
        }
    })
    .await;
    let mut url = server.url.clone();
    url.set_path("/a b/health");
    url.set_query(Some("deep=1"));
    url.set_fragment(Some("top"));
    let prober = prober();
    for _ in 0..3 {
        assert_eq!(prober.probe(&url, PATIENT).await.outcome, healthy());
    }
    assert_eq!(server.connections(), 3);
    let port = url.port().unwrap();
    assert_eq!(
        requests.recv().await.unwrap(),
        format!(
            "GET /a%20b/health?deep=1 HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nuser-agent: acgs-bot\r\n\
             accept: application/json\r\nconnection: close\r\n\r\n"
        )
    );
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_refused() {
    let (_held, url) = closed_port();
    assert_eq!(probe(&url).await, ProbeOutcome::Refused);
}

#[tokio::test]
async fn a_process_that_never_accepts_is_frozen() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    assert_eq!(probe_until_late(&url).await, ProbeOutcome::Frozen);
}

#[tokio::test]
async fn a_process_that_accepts_and_says_nothing_is_frozen() {
    let server = Server::on_request(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(probe_until_late(&server.url).await, ProbeOutcome::Frozen);
}

async fn dripping(start: &'static str, drop: &'static str) -> Server {
    Server::on_request(move |mut stream| async move {
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut tick = interval(Duration::from_millis(20));
        while stream.write_all(drop.as_bytes()).await.is_ok() {
            tick.tick().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_body_that_drips_is_slow() {
    let server = dripping("HTTP/1.1 503 Sick\r\nContent-Length: 60000\r\n\r\n", " ").await;
    assert_eq!(probe_until_late(&server.url).await, ProbeOutcome::Slow { code: 503 });
}

#[tokio::test]
async fn a_head_that_drips_is_slow_too() {
    let server = dripping("HTTP/1.1 200 OK\r\n", "X").await;
    assert_eq!(probe_until_late(&server.url).await, ProbeOutcome::Slow { code: 200 });
}

#[tokio::test]
async fn an_interim_answer_is_no_answer() {
    let server = Server::on_request(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(probe_until_late(&server.url).await, ProbeOutcome::Frozen);
}

#[tokio::test]
async fn a_connection_that_ends_early_is_broken_and_says_where() {
    assert_eq!(answered("").await, broken("the connection was closed without an answer"));
    let middle = broken("the connection was closed in the middle of the answer");
    assert_eq!(answered("HTTP/1.1 200 OK\r\nContent-").await, middle);
    assert_eq!(answered(format!("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{OK}")).await, middle);
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{OK}\r\n");
    assert_eq!(answered(chunked).await, middle);
}

/// Closes with a reset.
fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

#[tokio::test]
async fn a_reset_is_broken_and_says_where() {
    let at_once = Server::on_request(|stream| async move { reset(stream) }).await;
    assert_eq!(probe(&at_once.url).await, broken("the connection was reset without an answer"));

    // A reset throws away what the other side has not read yet, so the server waits for that.
    let midway = Server::on_request(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n").await.unwrap();
        let arrived = async {
            while unread(&stream) > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENT, arrived).await.unwrap();
        reset(stream);
    })
    .await;
    assert_eq!(probe(&midway.url).await, broken("the connection was reset in the middle of the answer"));
}

/// Bytes on the way to the peer of `stream` that the peer's program has not read, from the kernel's
/// table of connections.
fn unread(stream: &TcpStream) -> usize {
    let SocketAddr::V4(peer) = stream.peer_addr().unwrap() else { panic!("tests use IPv4") };
    let port = format!(":{:04X}", peer.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let line = table
        .lines()
        .find(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&port)))
        .unwrap();
    let queues = line.split_whitespace().nth(4).unwrap();
    usize::from_str_radix(queues.split_once(':').unwrap().1, 16).unwrap()
}

#[tokio::test]
async fn what_is_not_http_is_broken() {
    let not_http = broken("the answer is not well-formed HTTP");
    assert_eq!(answered("SSH-2.0-OpenSSH_9.2p1 Debian\r\n").await, not_http);
    assert_eq!(answered("HTTP/1.1 2OO OK\r\n\r\n").await, not_http);
    assert_eq!(answered([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x50]).await, not_http, "a TLS alert");
    assert_eq!(
        answered("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 15\r\n\r\n").await,
        not_http
    );
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n";
    assert_eq!(answered(chunked).await, not_http);
}

#[tokio::test]
async fn a_head_without_end_is_broken() {
    let head = format!("HTTP/1.1 200 OK\r\nX-Filler: {}", "a".repeat(200_000));
    assert_eq!(answered(head).await, broken("the head of the answer is larger than 64 KiB"));
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let target = Server::answering(answer("200 OK", "application/json", OK)).await;
    let location = format!("{}?token=secret", target.url);
    let server =
        Server::answering(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))
            .await;
    let to = Some("127.0.0.1/health".to_owned());
    assert_eq!(probe(&server.url).await, ProbeOutcome::Redirect { code: 302, to });
    assert_eq!(target.connections(), 0);

    let nowhere = answered("HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(nowhere, ProbeOutcome::Redirect { code: 301, to: None });
}

#[tokio::test]
async fn an_error_page_is_told_by_code_and_type() {
    let page = answered(answer("502 Bad Gateway", "text/html; charset=utf-8", "<h1>502</h1>")).await;
    assert_eq!(page, ProbeOutcome::NotJson { code: 502, content_type: Some("text/html".to_owned()) });
    let empty = answered("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(empty, ProbeOutcome::NotJson { code: 204, content_type: None });
}

#[tokio::test]
async fn a_sick_service_is_told_by_code_and_its_own_word() {
    let sick =
        answered(answer("503 Service Unavailable", "application/json", r#"{"status":"degraded"}"#)).await;
    assert_eq!(sick, ProbeOutcome::Unhealthy { code: 503, status: Some("degraded".to_owned()) });
    let wordless = answered(answer("200 OK", "application/json", "{}")).await;
    assert_eq!(wordless, ProbeOutcome::NoStatus { code: 200 });
}

#[tokio::test]
async fn a_body_of_64_kib_is_read_and_one_byte_more_is_too_large() {
    let padded = |length: usize| format!("{OK}{}", " ".repeat(length - OK.len()));
    let full = padded(64 * 1024);
    assert_eq!(answered(answer("200 OK", "application/json", &full)).await, healthy());
    let over = padded(64 * 1024 + 1);
    let too_large = ProbeOutcome::TooLarge { code: 200 };
    assert_eq!(answered(answer("200 OK", "application/json", &over)).await, too_large);
    assert_eq!(answered(format!("HTTP/1.0 200 OK\r\n\r\n{over}")).await, too_large);
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_not_waited_for() {
    let server = Server::on_request(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(probe(&server.url).await, ProbeOutcome::TooLarge { code: 200 });
}

#[tokio::test]
async fn a_body_without_end_is_given_up_at_the_limit() {
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let (hung_up, mut ends) = mpsc::unbounded_channel();
    let server = Server::on_request(move |mut stream| {
        let (count, hung_up) = (Arc::clone(&count), hung_up.clone());
        async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            while stream.write_all(&[b' '; 4096]).await.is_ok() {
                count.fetch_add(4096, Ordering::SeqCst);
            }
            hung_up.send(()).unwrap();
        }
    })
    .await;
    assert_eq!(probe(&server.url).await, ProbeOutcome::TooLarge { code: 200 });
    // The probe hung up; what was written beyond the limit lies in the kernel's buffers.
    timeout(PATIENT, ends.recv()).await.unwrap().unwrap();
    assert!(written.load(Ordering::SeqCst) < 32 * 1024 * 1024);
}

/// A listener whose backlog is full, so that connecting to it never ends; and what fills it.
async fn full_backlog() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    (address, listener, waiting)
}

#[tokio::test]
async fn a_full_backlog_is_no_connection_in_time() {
    let (address, _listener, _waiting) = full_backlog().await;
    let url = format!("http://{address}/").parse().unwrap();
    assert_eq!(probe_until_late(&url).await, unreachable("no connection in time"));
}

#[tokio::test]
async fn a_dead_first_address_leaves_time_for_the_next_one() {
    let (dead, _listener, _waiting) = full_backlog().await;
    let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [dead, alive.local_addr().unwrap()];
    let until = Instant::now() + SHORT;
    let stream = connection::open(&addresses, until).await.unwrap();
    assert!(Instant::now() < until, "no time is left to ask");
    assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
    assert!(stream.nodelay().unwrap());
}

#[tokio::test]
async fn a_host_that_refuses_on_one_address_is_refused() {
    let (dead, _listener, _waiting) = full_backlog().await;
    let (_held, closed) = closed_port();
    let closed = SocketAddr::from(([127, 0, 0, 1], closed.port().unwrap()));
    for addresses in [[closed, dead], [dead, closed]] {
        let fault = connection::open(&addresses, Instant::now() + SHORT).await.unwrap_err();
        assert_eq!(fault, ProbeOutcome::Refused);
    }
}

#[tokio::test]
async fn a_name_that_is_not_there_is_unreachable() {
    // No label may be this long, so no name server has to be asked.
    let name = "x".repeat(70);
    let outcome = probe(&format!("http://{name}.example/health").parse().unwrap()).await;
    assert_eq!(outcome, ProbeOutcome::Unreachable(format!("the name {name}.example can't be resolved")));
}

#[tokio::test]
async fn metadata_addresses_are_refused_without_a_connection() {
    let refused = unreachable("refused: link-local and metadata addresses are not probed");
    for host in ["169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "[::ffff:169.254.169.254]", "0xa9fea9fe"]
    {
        assert_eq!(
            probe(&format!("http://{host}/latest/meta-data/").parse().unwrap()).await,
            refused,
            "{host}"
        );
    }
}

#[tokio::test]
async fn addresses_that_can_not_be_probed_say_why() {
    let ftp = probe(&"ftp://127.0.0.1/health".parse().unwrap()).await;
    assert_eq!(ftp, unreachable("only http and https can be probed"));
    let outcome = probe(&"http://user:hunter2@127.0.0.1/health".parse().unwrap()).await;
    let ProbeOutcome::Unreachable(why) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("user name or password") && !why.contains("hunter2"), "{why}");
}

/// Each server answers only when all 200 requests have come, so the probes must overlap in full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_endpoints_are_asked_at_once_over_one_connection_each() {
    const ENDPOINTS: usize = 200;
    let everyone = Arc::new(Barrier::new(ENDPOINTS));
    let mut servers = Vec::new();
    for _ in 0..ENDPOINTS {
        let everyone = Arc::clone(&everyone);
        let server = Server::on_request(move |mut stream| {
            let everyone = Arc::clone(&everyone);
            async move {
                everyone.wait().await;
                stream.write_all(answer("200 OK", "application/json", OK).as_bytes()).await.unwrap();
            }
        });
        servers.push(server.await);
    }
    let prober = prober();
    let probes = servers.iter().map(|server| prober.probe(&server.url, PATIENT));
    for probe in futures_util::future::join_all(probes).await {
        assert_eq!(probe.outcome, healthy());
    }
    assert!(servers.iter().all(|server| server.connections() == 1));
}
