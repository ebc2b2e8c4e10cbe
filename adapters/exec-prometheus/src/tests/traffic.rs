//! Look-ups of the services' requests against a Prometheus that says what the test wants.

use commands::traffic::{AuthFailure, Latency, Quantile, Restarts};

use super::*;
use crate::tests::server::knowing;

const EDGES: (&str, &str) = (
    "group by (service, le)",
    r#"{"metric":{"service":"a","le":"0.5"},"value":[1,"1"]},{"metric":{"service":"a","le":"10.0"},"value":[1,"1"]},
       {"metric":{"service":"a","le":"+Inf"},"value":[1,"1"]},{"metric":{"service":"d","le":"+Inf"},"value":[1,"1"]}"#,
);

#[tokio::test]
async fn a_latency_is_a_number_or_says_why_not() {
    let quantiles = (
        "histogram_quantile",
        r#"{"metric":{"service":"a"},"value":[1,"10"]},{"metric":{"service":"b"},"value":[1,"NaN"]},
           {"metric":{"service":"c"},"value":[1,"0.25"]},{"metric":{"service":"d"},"value":[1,"+Inf"]}"#,
    );
    let answers =
        Box::leak(Box::new([quantiles, EDGES, ("_count", r#"{"metric":{"service":"a"},"value":[1,"4"]}"#)]));
    let (url, mut forms) = knowing(answers).await;
    let services = ["a", "b", "c", "d", "e"].map(|name| name.parse().unwrap());
    let asked =
        prometheus(&url).latencies(&services, Quantile::P95, Period::minutes(5), PATIENT).await.unwrap();
    let found: Vec<_> = asked.services.iter().map(|service| (service.latency, service.requests)).collect();
    let expected = [
        (Latency::Above(Some(10.0)), Measured::Value(4.0)),
        (Latency::NoTraffic, Measured::NotReported),
        (Latency::Seconds(0.25), Measured::NotReported),
        (Latency::Above(None), Measured::NotReported),
        (Latency::NotReported, Measured::NotReported),
    ];
    assert_eq!(found, expected);
    let mut queries = Vec::new();
    for _ in 0..3 {
        queries.push(forms.recv().await.unwrap()["query"].clone());
    }
    queries.sort();
    assert_eq!(
        queries[1],
        "histogram_quantile(0.95, sum by (le, service) (rate(acgs_http_request_duration_seconds_bucket[5m])))"
    );
}

#[tokio::test]
async fn endpoints_come_the_slowest_first_with_their_own_rate() {
    let long = Box::leak(
        format!(
            r#"{{"metric":{{"service":"a","method":"GET","endpoint":"/x"}},"value":[1,"0.1"]}},
           {{"metric":{{"service":"b","method":"POST","endpoint":"{}"}},"value":[1,"0.7"]}}"#,
            "y".repeat(500)
        )
        .into_boxed_str(),
    );
    let answers = Box::leak(Box::new([
        ("topk(3, ", &*long),
        ("> 0.01", r#"{"metric":{"service":"a","method":"GET","endpoint":"/x"},"value":[1,"2"]}"#),
    ]));
    let (url, _forms) = knowing(answers).await;
    let asked = prometheus(&url).slow_endpoints(Quantile::P95, Period::minutes(5), 3, PATIENT).await.unwrap();
    let found: Vec<_> =
        asked.endpoints.iter().map(|one| (one.method.as_str(), one.latency, one.requests)).collect();
    assert_eq!(
        found,
        [
            ("POST", Latency::Seconds(0.7), Measured::NotReported),
            ("GET", Latency::Seconds(0.1), Measured::Value(2.0))
        ]
    );
    assert_eq!(asked.endpoints[0].endpoint, format!("{}…", "y".repeat(200)), "a label is cut");
}

#[tokio::test]
async fn failures_without_series_are_not_zero_failures() {
    let (url, _forms) = knowing(&[]).await;
    let asked = prometheus(&url).auth_failures(Period::minutes(5), PATIENT).await.unwrap();
    assert_eq!(
        (asked.failures, asked.logins, asked.refused_logins),
        (vec![], Measured::NotReported, Measured::NotReported)
    );

    let (url, _forms) = knowing(&[
        ("acgs_auth_failures_total", r#"{"metric":{"service":"a","reason":"bad"},"value":[1,"0.75"]}"#),
        ("401|403", r#"{"metric":{},"value":[1,"0.5"]}"#),
        ("/auth/login", r#"{"metric":{},"value":[1,"2"]}"#),
        ("resets(", r#"{"metric":{"service":"a"},"value":[1,"1"]}"#),
    ])
    .await;
    let asked = prometheus(&url).auth_failures(Period::minutes(5), PATIENT).await.unwrap();
    let failure =
        AuthFailure { service: "a".to_owned(), reason: "bad".to_owned(), per_second: Measured::Value(0.75) };
    assert_eq!((asked.failures.as_slice(), asked.is_high()), ([failure].as_slice(), true));
    assert_eq!((asked.logins, asked.refused_logins), (Measured::Value(2.0), Measured::Value(0.5)));
    assert_eq!(asked.restarts, [Restarts { service: "a".to_owned(), count: 1.0 }]);
}

#[tokio::test]
async fn events_name_the_services_that_report_none() {
    let (url, _forms) = knowing(&[
        (
            "increase(",
            r#"{"metric":{"event_type":"attack","severity":"low"},"value":[1,"0"]},
            {"metric":{"event_type":"attack","severity":"high"},"value":[1,"20.4"]}"#,
        ),
        ("group by", r#"{"metric":{"service":"a"},"value":[1,"1"]}"#),
    ])
    .await;
    let services = ["a", "b"].map(|name| name.parse().unwrap());
    let asked = prometheus(&url).security_events(&services, Period::hours(1), PATIENT).await.unwrap();
    let found: Vec<_> =
        asked.events.iter().map(|event| (event.severity.as_str(), event.happened())).collect();
    assert_eq!(found, [("high", true), ("low", false)]);
    assert_eq!(asked.silent.iter().map(ToString::to_string).collect::<Vec<_>>(), ["b"]);
    assert_eq!(asked.restarts, []);
}
