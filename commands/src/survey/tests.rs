use super::*;
use crate::logs::{Sieve, Subject, Wanted};
use crate::redact::Redactor;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn log(service: &str, subject: Subject, lines: &[(i64, &str)]) -> ServiceLog {
    let wanted = Wanted { tail: 100, since: None, grep: None, level: None, subject: Some(subject) };
    let redactor = Redactor::new([]);
    let mut sieve = Sieve::new(&wanted, &redactor);
    for (second, text) in lines {
        sieve.take(LogLine { at: Some(at(*second)), text: (*text).to_owned(), missing: 0 });
    }
    let log = Log {
        container: format!("acgs_{service}"),
        started_at: None,
        reaches_back_to: lines.first().map(|(second, _)| at(*second)),
        sieved: sieve.finish(),
        newest_only: None,
        broke_off: false,
    };
    ServiceLog { service: service.parse().unwrap(), log: Ok(Some(log)) }
}

fn survey(logs: Vec<ServiceLog>) -> Survey {
    Survey { since: at(100), logs }
}

#[test]
fn one_kind_from_one_address_is_one_thing_in_whichever_log() {
    let survey = survey(vec![
        log(
            "auth",
            Subject::Threats,
            &[
                (110, "WARN SECURITY attack 17 from 192.0.2.1"),
                (130, "WARN SECURITY attack 18 from 192.0.2.1"),
                (140, "INFO up"),
                (150, "WARN SECURITY attack 19 from 192.0.2.2"),
                (160, "SECURITY key 7 used twice"),
                (161, "SECURITY rule 9 hit"),
            ],
        ),
        log(
            "ac",
            Subject::Threats,
            &[(120, "attack seen, client 192.0.2.1"), (170, "SECURITY key 8 used twice")],
        ),
    ]);
    let told: Vec<_> = survey
        .incidents()
        .iter()
        .map(|one| {
            let source = one.threat.source.map(|source| source.to_string()).unwrap_or_default();
            let times = (one.first_at.unwrap().as_second(), one.newest.at.unwrap().as_second());
            (one.threat.event.as_str(), source, one.count, times, one.services.len())
        })
        .collect();
    let address = |last: u8| format!("192.0.2.{last}");
    assert_eq!(
        told,
        [
            ("attack", address(1), 3, (110, 130), 2),
            ("other", String::new(), 1, (170, 170), 1),
            ("other", String::new(), 1, (161, 161), 1),
            ("other", String::new(), 1, (160, 160), 1),
            ("attack", address(2), 1, (150, 150), 1),
        ]
    );
    assert_eq!((survey.wanted(), survey.sources().len()), (7, 2));
    let merged: Vec<i64> = survey.lines().iter().map(|(_, line)| line.at.unwrap().as_second()).collect();
    assert_eq!(merged, [110, 120, 130, 150, 160, 161, 170]);
}

#[test]
fn shapes_stand_by_how_bad_they_are_and_then_by_how_many() {
    let survey = survey(vec![
        log(
            "auth",
            Subject::Troubles,
            &[
                (1, "WARN slow 17 ms"),
                (2, "WARN slow 18 ms"),
                (3, "WARN SECURITY failed login"),
                (4, "INFO up"),
                (5, "level=warn msg=x"),
            ],
        ),
        log(
            "ac",
            Subject::Troubles,
            &[
                (1, "ERROR no row 7"),
                (2, r#"{"level":"critical","id":9}"#),
                (3, "ERROR no row 8"),
                (4, "PANIC: out"),
                (5, "WARN slow 9 ms"),
            ],
        ),
    ]);
    let told: Vec<String> = survey
        .shapes()
        .iter()
        .map(|shape| format!("{} {} {}", shape.service, shape.group.count, shape.group.newest.text))
        .collect();
    assert_eq!(
        told,
        [
            "ac 2 ERROR no row 8",
            "ac 1 PANIC: out",
            r#"ac 1 {"level":"critical","id":9}"#,
            "auth 1 WARN SECURITY failed login",
            "auth 2 WARN slow 18 ms",
            "auth 1 level=warn msg=x",
            "ac 1 WARN slow 9 ms",
        ]
    );
}

#[test]
fn from_when_on_a_log_is_there_is_never_guessed() {
    let with = |change: &dyn Fn(&mut Log)| {
        let mut one = log("auth", Subject::Threats, &[(150, "INFO up")]);
        if let Ok(Some(log)) = &mut one.log {
            change(log);
        }
        one.reach(at(100))
    };
    assert_eq!(with(&|_| {}), Reach::From(at(150)));
    assert_eq!(with(&|log| log.reaches_back_to = Some(at(100))), Reach::Whole);
    assert_eq!(with(&|log| log.newest_only = Some(100_000)), Reach::Newest(Some(at(150))));
    assert_eq!(with(&|log| log.broke_off = true), Reach::BrokeOff);
    assert_eq!(with(&|log| log.reaches_back_to = None), Reach::Unknown);
    let mut silent = log("auth", Subject::Threats, &[]);
    assert_eq!(silent.reach(at(100)), Reach::Silent);
    silent.log = Ok(None);
    assert_eq!(silent.reach(at(100)), Reach::NoContainer);
    silent.log = Err("refused".to_owned());
    assert_eq!(silent.reach(at(100)), Reach::Unread);
    assert!(survey(vec![silent]).is_partial());
}
