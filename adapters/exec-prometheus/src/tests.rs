//! Both clients against real sockets: good answers, starting servers, and every kind of bad one.

mod server;
mod silences;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use commands::health::{AlertmanagerHealth, DownTarget, PrometheusHealth};
use commands::period::Period;
use commands::plot::{Course, Wanted};
use commands::traffic::{ErrorRates, Measured};
use jiff::{SignedDuration, Timestamp};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Barrier;
use tokio::time::{Instant, interval};
use url::Url;

use crate::{Alertmanager, Prometheus, PrometheusError};
use server::{Server, answer, ok};

/// For answers that come by themselves: never reached.
const PATIENT: Duration = Duration::from_secs(30);

/// For answers that do not come.
const SHORT: Duration = Duration::from_millis(500);

const TARGETS: &str = r#"{"status":"success","data":{"activeTargets":[
  {"discoveredLabels":{"__address__":"a:1"},"labels":{"instance":"a:1","job":"auth","zone":"x"},"scrapePool":"p",
   "scrapeUrl":"http://a:1/metrics","lastError":"","lastScrape":"2026-01-01T00:00:00Z","health":"up"},
  {"labels":{"instance":"b:1","job":"ac"},"lastError":"connection\nrefused","health":"down"},
  {"labels":{"instance":"c:1","job":"new"},"lastError":"","health":"unknown"},
  {"labels":{},"health":"down"}],"droppedTargets":[],"droppedTargetCounts":{"p":1}}}"#;

const ALERTS: &str = r#"[
  {"annotations":{},"endsAt":"2026-01-01T00:05:00Z","fingerprint":"f","receivers":[{"name":"r"}],
   "startsAt":"2026-01-01T00:00:00Z","status":{"inhibitedBy":[],"silencedBy":[],"state":"active"},
   "updatedAt":"2026-01-01T00:00:00Z","labels":{"alertname":"ServiceDown","severity":"P0"}},
  {"labels":{"alertname":"ServiceDown","instance":"b:1"}},
  {"labels":{"severity":"P1"}}]"#;

fn prometheus(url: &Url) -> Prometheus {
    crypto();
    Prometheus::new(url.clone()).unwrap()
}

const SILENCES: &str = r#"[
  {"id":"1","status":{"state":"active"},"createdBy":"ada","comment":"known","startsAt":"2026-11-26T08:00:00Z",
   "endsAt":"2026-11-26T10:00:00.000Z","matchers":[{"name":"alertname","value":"HighLatency","isRegex":false}]},
  {"id":"2","status":{"state":"active"},"createdBy":"bo","endsAt":"2026-11-26T12:00:00Z",
   "matchers":[{"name":"severity","value":"P0","isRegex":false,"isEqual":false},
               {"name":"service","value":"a|b","isRegex":true,"isEqual":true}]},
  {"id":"3","status":{"state":"expired"},"endsAt":"2026-11-26T07:00:00Z","matchers":[]},
  {"id":"4","status":{"state":"pending"},"endsAt":"2026-11-27T07:00:00Z","matchers":[]}
]"#;

fn alertmanager(url: &Url) -> Alertmanager {
    crypto();
    Alertmanager::new(url.clone()).unwrap()
}

fn crypto() {
    // An error says that another test was here first.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What Prometheus' client says when its list of targets is these bytes.
async fn targets(answer: impl Into<Vec<u8>>) -> Result<PrometheusHealth, PrometheusError> {
    let server = Server::ready_and(answer).await;
    prometheus(&server.url).health(PATIENT).await
}

/// What the client says when a query is answered with these bytes.
async fn queried(answer: impl Into<Vec<u8>>) -> Result<ErrorRates, PrometheusError> {
    let server = Server::ready_and(answer).await;
    let services = ["auth_service".parse().unwrap(), "ac_service".parse().unwrap(), "new".parse().unwrap()];
    prometheus(&server.url).errors(&services, Period::minutes(5), PATIENT).await
}

#[tokio::test]
async fn a_number_no_traffic_and_no_report_are_told_apart() {
    let rates = queried(ok(r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"service":"auth_service"},"value":[1700000000.1,"2.5"]},
        {"metric":{"service":"ac_service"},"value":[1700000000.1,"NaN"]},
        {"metric":{},"value":[1700000000.1,"+Inf"]}]},"warnings":["a part\nis missing"]}"#));
    let rates = rates.await.unwrap();
    let errors: Vec<_> = rates.services.iter().map(|service| service.errors).collect();
    assert_eq!(errors, [Measured::Value(2.5), Measured::NoTraffic, Measured::NotReported]);
    assert_eq!(rates.warnings, ["a part is missing"]);
}

#[tokio::test]
async fn a_refused_query_and_an_answer_that_is_none_say_so() {
    let refused = r#"{"status":"error","errorType":"bad_data","error":"parse error: unexpected end"}"#;
    assert_eq!(
        complaint(queried(answer("400 Bad Request", refused)).await),
        "answered wrongly to POST api/v1/query: parse error: unexpected end"
    );
    assert_eq!(
        complaint(queried(answer("502 Bad Gateway", "<html>")).await),
        "answered wrongly to POST api/v1/query: 502"
    );
    let word = r#"{"status":"success","data":{"result":[{"metric":{},"value":[1,"many"]}]}}"#;
    assert!(complaint(queried(ok(word)).await).contains("\"many\" is no number"));
    let many = r#"{"metric":{},"value":[1,"1"]},"#.repeat(2_001);
    let many = format!(r#"{{"status":"success","data":{{"result":[{}]}}}}"#, many.trim_end_matches(','));
    assert!(complaint(queried(ok(&many)).await).contains("2001 series, at most 2000"));
}

/// The complaint, without the address.
fn complaint<T: std::fmt::Debug>(result: Result<T, PrometheusError>) -> String {
    match result.unwrap_err() {
        PrometheusError::BadAnswer(what) => what.split_once(' ').unwrap().1.to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn targets_are_counted_and_the_ones_down_are_named() {
    let mut server = Server::ready_and(ok(TARGETS)).await;
    let health = prometheus(&server.url).health(PATIENT).await.unwrap();
    let down = |job: &str, instance: &str, error: &str| DownTarget {
        job: job.to_owned(),
        instance: instance.to_owned(),
        error: error.to_owned(),
    };
    let targets_down = vec![down("ac", "b:1", "connection refused"), down("", "", "")];
    assert_eq!(health, PrometheusHealth { ready: true, targets_up: 1, targets_down });

    let mut asked = [server.requests.recv().await.unwrap(), server.requests.recv().await.unwrap()];
    asked.sort();
    assert_eq!(asked, ["GET /-/ready HTTP/1.1", "GET /api/v1/targets?state=active HTTP/1.1"]);
}

#[tokio::test]
async fn firing_alerts_are_named_one_entry_an_alert() {
    let mut server = Server::ready_with(ok(ALERTS), ok(SILENCES)).await;
    let mut below = server.url.clone();
    below.set_path("/alertmanager");
    let health = alertmanager(&below).health(PATIENT).await.unwrap();
    let firing = ["ServiceDown", "ServiceDown", "(unnamed)"].map(str::to_owned).to_vec();
    assert_eq!((health.ready, health.firing), (true, firing));
    // The one that ends last first; what is over or yet to come holds nothing back.
    let silences: Vec<String> = health
        .silences
        .iter()
        .map(|silence| format!("{} {} {} {}", silence.matchers, silence.by, silence.comment, silence.until))
        .collect();
    assert_eq!(
        silences,
        [
            "severity!=P0, service=~a|b bo  2026-11-26T12:00:00Z",
            "alertname=HighLatency ada known 2026-11-26T10:00:00Z"
        ]
    );

    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(server.requests.recv().await.unwrap());
    }
    asked.sort();
    let list = "GET /alertmanager/api/v2/alerts?active=true&silenced=false&inhibited=false HTTP/1.1";
    let silences = "GET /alertmanager/api/v2/silences HTTP/1.1";
    assert_eq!(asked, ["GET /alertmanager/-/ready HTTP/1.1", list, silences]);
}

#[tokio::test]
async fn a_server_that_is_starting_is_not_ready_which_is_no_error() {
    let busy = answer("503 Service Unavailable", "Service Unavailable");
    let server = Server::saying(busy.clone(), busy.clone()).await;
    let not_ready = PrometheusHealth { ready: false, targets_up: 0, targets_down: Vec::new() };
    assert_eq!(prometheus(&server.url).health(PATIENT).await, Ok(not_ready));
    let not_ready = AlertmanagerHealth { ready: false, firing: Vec::new(), silences: Vec::new() };
    assert_eq!(alertmanager(&server.url).health(PATIENT).await, Ok(not_ready));

    let server = Server::saying(busy, ok(ALERTS)).await;
    let health = alertmanager(&server.url).health(PATIENT).await.unwrap();
    assert!(!health.ready);
    assert_eq!(health.firing.len(), 3, "what it knows is told all the same");
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_unreachable() {
    // Bound and not listening: taken, so that nobody else gets it.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let url = format!("http://user:hunter2@{address}").parse().unwrap();
    let error = prometheus(&url).health(PATIENT).await.unwrap_err();
    let why = "nobody listens there; is it running?".to_owned();
    assert_eq!(error, PrometheusError::Unreachable { address, why });
}

#[tokio::test]
async fn a_name_that_is_not_there_is_unreachable() {
    // No label may be this long, so no name server has to be asked.
    let url = format!("http://{}.example:9093", "x".repeat(70)).parse().unwrap();
    let error = alertmanager(&url).health(PATIENT).await.unwrap_err();
    assert!(matches!(error, PrometheusError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn silence_and_a_drip_end_at_the_deadline() {
    let silent = Server::running(|_, stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let dripping = Server::running(|_, mut stream| async move {
        let mut tick = interval(Duration::from_millis(20));
        while stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n ").await.is_ok() {
            tick.tick().await;
        }
    })
    .await;
    for url in [silent.url, dripping.url] {
        let started = Instant::now();
        let error = prometheus(&url).health(SHORT).await.unwrap_err();
        assert!(matches!(error, PrometheusError::TimedOut(_)), "{error:?}");
        assert!(started.elapsed() >= SHORT);
        assert!(matches!(alertmanager(&url).health(SHORT).await, Err(PrometheusError::TimedOut(_))));
    }
}

/// Each request is answered only when all have come.
#[tokio::test]
async fn readiness_and_lists_are_asked_side_by_side() {
    let server = async |count: usize| {
        let all = Arc::new(Barrier::new(count));
        Server::running(move |path, stream| answered_when_all_have_come(Arc::clone(&all), path, stream)).await
    };
    let (two, three) = (server(2).await, server(3).await);
    assert!(prometheus(&two.url).health(PATIENT).await.unwrap().ready);
    assert!(alertmanager(&three.url).health(PATIENT).await.unwrap().ready);
}

async fn answered_when_all_have_come(all: Arc<Barrier>, path: String, mut stream: TcpStream) {
    all.wait().await;
    let answer = match path.as_str() {
        "/-/ready" => ok("Ready."),
        "/api/v2/silences" => ok("[]"),
        path if path.starts_with("/api/v1/") => ok(TARGETS),
        _ => ok(ALERTS),
    };
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn another_code_than_200_or_503_is_a_bad_answer() {
    let lost = Server::saying(answer("404 Not Found", ""), ok(TARGETS)).await;
    let error = complaint(prometheus(&lost.url).health(PATIENT).await);
    assert_eq!(error, "answered wrongly to GET -/ready: 404");

    let error = complaint(targets(answer("500 Internal Server Error", "")).await);
    assert_eq!(error, "answered wrongly to GET api/v1/targets: 500");

    let mut elsewhere = Server::ready_and(ok(TARGETS)).await;
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url);
    assert_eq!(complaint(targets(redirect).await), "answered wrongly to GET api/v1/targets: 302");
    assert!(elsewhere.requests.try_recv().is_err(), "the redirect was followed");
}

#[tokio::test]
async fn an_answer_that_is_not_the_promised_json_is_a_bad_answer() {
    let wrong_health = TARGETS.replace(r#""unknown""#, r#""sleepy""#);
    let wrong_type = TARGETS.replace(r#""b:1""#, "7");
    let cut_short = &TARGETS[..100];
    for body in ["", "<html>", "[]", "{}", r#"{"status":"success"}"#, &wrong_health, &wrong_type, cut_short] {
        let error = complaint(targets(ok(body)).await);
        assert!(error.starts_with("answered wrongly to GET api/v1/targets: "), "{body}: {error}");
    }
    let own_words = r#"{"status":"error","errorType":"bad_data","error":"no\nsuch state"}"#;
    let error = complaint(targets(ok(own_words)).await);
    assert_eq!(error, "answered wrongly to GET api/v1/targets: no such state");

    let invalid_utf8 = b"HTTP/1.0 200 OK\r\n\r\n{\"status\":\"error\",\"error\":\"\xff\"}";
    assert!(complaint(targets(invalid_utf8).await).contains("invalid unicode"));
    let alerts = Server::ready_and(ok(r#"{"labels":{}}"#)).await;
    let error = complaint(alertmanager(&alerts.url).health(PATIENT).await);
    assert!(error.starts_with("answered wrongly to GET api/v2/alerts: "), "{error}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_bad_answer() {
    for broken in [
        "",
        "SSH-2.0-OpenSSH_9.2p1\r\n",
        "HTTP/1.1 200 OK\r\nContent-",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n",
    ] {
        let error = complaint(targets(broken).await);
        let begins = "answered wrongly to api/v1/targets: the answer broke off: ";
        assert!(error.starts_with(begins), "{broken}: {error}");
    }
}

#[tokio::test]
async fn more_than_8_mib_is_given_up() {
    let endless = Server::running(|path, mut stream| async move {
        if path == "/-/ready" {
            stream.write_all(ok("Ready.").as_bytes()).await.unwrap();
            return;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(&[b' '; 65536]).await.is_ok() {}
    })
    .await;
    let error = complaint(prometheus(&endless.url).health(PATIENT).await);
    assert_eq!(error, "answered wrongly to api/v1/targets: more than 8 MiB");

    let padded = format!("{}{TARGETS}", " ".repeat(7 * 1024 * 1024));
    assert_eq!(targets(ok(&padded)).await.unwrap().targets_up, 1, "7 MiB are read");
}

#[tokio::test]
async fn long_texts_from_outside_are_cut() {
    let long = TARGETS.replace("connection", &"x".repeat(5000));
    let error = targets(ok(&long)).await.unwrap().targets_down.remove(0).error;
    assert_eq!(error, format!("{}…", "x".repeat(200)));
}

#[tokio::test]
async fn an_address_that_is_not_http_is_refused_at_the_start() {
    for text in ["unix:///run/prometheus.sock", "mailto:prometheus@example"] {
        let error = Prometheus::new(text.parse().unwrap()).err().unwrap();
        assert!(error.to_string().contains("http://host:port"), "{error}");
        assert!(Alertmanager::new(text.parse().unwrap()).is_err());
    }
}

const MEMORY_TRACK: &str = r#"{"metric":{"service":"a"},"values":[
  [1700000000,"1e6"],[1700000030,"NaN"],[1700000060,"+Inf"],[1700000090.4,"4e6"]]},
  {"metric":{"service":"stranger"},"values":[[1700000000,"1"]]}"#;
const RESTARTED: &str = r#"{"metric":{"service":"a"},"values":[[1700000060,"1"],[1700000090,"1"]]},
  {"metric":{"service":"stranger"},"values":[[1700000060,"1"]]}"#;
const FIRED: &str = r#"{"metric":{"alertname":"Before","service":"a"},"values":[[1699996490,"1"]]},
  {"metric":{"alertname":"Since","service":"a","severity":"P1"},"values":[[1700000030,"1"],[1700000060,"1"]]}"#;

/// Now, in the answers above: their last moment.
fn then() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

#[tokio::test]
async fn a_history_has_gaps_where_there_is_no_number_and_marks_where_something_began() {
    let answers = &[("ALERTS", FIRED), ("resets", RESTARTED), ("resident", MEMORY_TRACK)];
    let (url, mut forms) = server::knowing(answers).await;
    let services = ["a", "b"].map(|name| name.parse().unwrap());
    let hour = Period::hours(1);
    let wanted = Wanted { course: Course::Memory, window: hour, stretch: hour };
    let until = then() + SignedDuration::from_secs(90);
    let history = prometheus(&url).history(&wanted, &services, until, PATIENT).await.unwrap();
    let form = forms.recv().await.unwrap();
    assert_eq!((form["path"].as_str(), form["step"].as_str()), ("/api/v1/query_range", "30"));
    assert_eq!((form["end"].as_str(), form["start"].as_str()), ("1700000090", "1699996490"));
    let [a, b] = &history.lines[..] else { panic!("{:?}", history.lines) };
    assert_eq!((a.name.as_str(), a.points.len(), b.name.as_str(), b.points.len()), ("a", 121, "b", 121));
    let last: Vec<_> = a.points[116..].iter().map(|(_, number)| *number).collect();
    assert_eq!(last, [None, Some(1e6), None, None, Some(4e6)]);
    assert!(b.points.iter().all(|(_, number)| number.is_none()));
    let marks: Vec<String> =
        history.marks.iter().map(|mark| format!("{:?} {} {}", mark.kind, mark.name, mark.at)).collect();
    assert_eq!(marks, ["Restart a 2023-11-14T22:14:20Z", "Alert P1 Since a 2023-11-14T22:13:50Z"]);
}

#[tokio::test]
async fn more_lines_than_a_picture_can_hold_are_refused() {
    let one = r#"{"metric":{},"values":[]}"#;
    let many = vec![one; 51].join(",");
    let body = format!(r#"{{"status":"success","data":{{"result":[{many}]}}}}"#);
    let server = Server::ready_and(ok(&body)).await;
    let wanted = Wanted::over(Course::Errors, Period::minutes(5));
    let error = prometheus(&server.url).history(&wanted, &[], then(), PATIENT).await.unwrap_err();
    assert!(complaint::<()>(Err(error)).contains("51 series, at most 50"));
}
