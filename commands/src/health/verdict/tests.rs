use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::health::{DownTarget, Probe, ProbeOutcome};

fn service(name: &str) -> ServiceHealth {
    ServiceHealth {
        name: name.parse().unwrap(),
        critical: name == "auth_service",
        probe: Probe {
            took: Duration::from_millis(12),
            outcome: ProbeOutcome::Healthy { status: "healthy".to_owned() },
        },
        container: Reading::Read(Some(container(ContainerState::Running, Some(ContainerHealth::Healthy)))),
    }
}

fn container(state: ContainerState, health: Option<ContainerHealth>) -> Container {
    Container {
        id: "0".repeat(64),
        name: "acgs_x".to_owned(),
        state,
        health,
        started_at: None,
        restart_count: 0,
        exit_code: None,
        oom_killed: false,
    }
}

fn sick(name: &str) -> ServiceHealth {
    let probe = Probe { took: Duration::from_secs(3), outcome: ProbeOutcome::Frozen };
    ServiceHealth { probe, ..service(name) }
}

fn database(ping: DatabasePing) -> Reading<DatabaseHealth> {
    Reading::Read(DatabaseHealth { ping, seats: Some(Seats { used: 10, max: 100, reserved: 3 }) })
}

fn well() -> HealthReport {
    let names =
        ["gs_service", "auth_service", "ac_service", "fv_service", "pgc_service", "integrity_service"];
    HealthReport {
        as_of: Timestamp::UNIX_EPOCH,
        took: Duration::from_millis(20),
        services: names.map(service).into(),
        database: database(DatabasePing::Answered(Duration::from_millis(4))),
        prometheus: Reading::Read(PrometheusHealth { ready: true, targets_up: 6, targets_down: Vec::new() }),
        alertmanager: Reading::Read(AlertmanagerHealth {
            ready: true,
            firing: Vec::new(),
            silences: Vec::new(),
        }),
    }
}

fn with_sick(names: &[&str]) -> HealthReport {
    let mut report = well();
    for service in &mut report.services {
        if names.contains(&service.name.as_str()) {
            *service = sick(service.name.as_str());
        }
    }
    report
}

/// Tone, severity, number of sick services.
type Judged = (Tone, Option<Severity>, usize);

fn judged(report: &HealthReport) -> Judged {
    let verdict = report.verdict();
    (verdict.tone, verdict.severity, verdict.sick)
}

#[test]
fn severity_follows_the_runbook() {
    let table: [(&[&str], Judged); 6] = [
        (&[], (Tone::Good, None, 0)),
        (&["gs_service"], (Tone::Bad, Some(Severity::P1), 1)),
        (&["gs_service", "ac_service"], (Tone::Bad, Some(Severity::P1), 2)),
        (&["gs_service", "ac_service", "fv_service"], (Tone::Bad, Some(Severity::P0), 3)),
        (&["auth_service"], (Tone::Bad, Some(Severity::P0), 1)),
        (&["auth_service", "gs_service"], (Tone::Bad, Some(Severity::P0), 2)),
    ];
    for (names, verdict) in table {
        assert_eq!(judged(&with_sick(names)), verdict, "{names:?}");
    }
}

#[test]
fn a_database_that_is_down_is_a_p0() {
    let why = || "x".to_owned();
    let table = [
        (DatabasePing::Answered(Duration::ZERO), (Tone::Good, None, 0)),
        (DatabasePing::Denied(why()), (Tone::Warning, None, 0)),
        (DatabasePing::Full, (Tone::Bad, Some(Severity::P0), 0)),
        (DatabasePing::NotAccepting(why()), (Tone::Bad, Some(Severity::P0), 0)),
        (DatabasePing::Refused, (Tone::Bad, Some(Severity::P0), 0)),
        (DatabasePing::TimedOut, (Tone::Bad, Some(Severity::P0), 0)),
        (DatabasePing::Failed(why()), (Tone::Bad, Some(Severity::P0), 0)),
    ];
    for (ping, verdict) in table {
        let report = HealthReport { database: database(ping.clone()), ..well() };
        assert_eq!(judged(&report), verdict, "{ping:?}");
    }
}

#[test]
fn few_seats_left_are_a_concern() {
    let scarce = |used| Seats { used, max: 100, reserved: 10 }.are_scarce();
    assert_eq!([80, 81, 100].map(scarce), [false, true, true]);
    assert!(Seats { used: 1, max: 3, reserved: 3 }.are_scarce());
}

#[test]
fn what_is_not_configured_is_never_a_concern() {
    let mut report = HealthReport {
        database: Reading::NotConfigured,
        prometheus: Reading::NotConfigured,
        alertmanager: Reading::NotConfigured,
        ..well()
    };
    for service in &mut report.services {
        service.container = Reading::NotConfigured;
    }
    assert_eq!(
        report.verdict(),
        Verdict { tone: Tone::Good, severity: None, sick: 0, services: 6, concerns: vec![] }
    );
}

#[test]
fn what_can_not_be_read_is_a_concern_and_no_sickness() {
    let why = || "no answer".to_owned();
    let mut report = HealthReport {
        database: Reading::Unavailable(why()),
        prometheus: Reading::Unavailable(why()),
        alertmanager: Reading::Unavailable(why()),
        ..well()
    };
    report.services[0].container = Reading::Unavailable(why());
    let all = vec![Part::Database, Part::Docker, Part::Prometheus, Part::Alertmanager];
    assert_eq!(
        report.verdict(),
        Verdict { tone: Tone::Warning, severity: None, sick: 0, services: 6, concerns: all }
    );
}

#[test]
fn targets_down_and_firing_alerts_are_concerns() {
    let down =
        DownTarget { job: "gs".to_owned(), instance: "gs:8000".to_owned(), error: "refused".to_owned() };
    let prometheus =
        |ready, targets_down| Reading::Read(PrometheusHealth { ready, targets_up: 5, targets_down });
    let alertmanager =
        |ready, firing| Reading::Read(AlertmanagerHealth { ready, firing, silences: Vec::new() });
    let table = [
        (HealthReport { prometheus: prometheus(true, vec![down]), ..well() }, Part::Prometheus),
        (HealthReport { prometheus: prometheus(false, vec![]), ..well() }, Part::Prometheus),
        (
            HealthReport { alertmanager: alertmanager(true, vec!["HighLatency".to_owned()]), ..well() },
            Part::Alertmanager,
        ),
        (HealthReport { alertmanager: alertmanager(false, vec![]), ..well() }, Part::Alertmanager),
    ];
    for (report, part) in table {
        let verdict = report.verdict();
        assert_eq!((verdict.tone, verdict.concerns), (Tone::Warning, vec![part]));
    }
}

#[test]
fn a_container_can_be_sick_while_the_answer_is_still_good() {
    let table = [
        (ContainerState::Running, None, false),
        (ContainerState::Running, Some(ContainerHealth::Starting), false),
        (ContainerState::Running, Some(ContainerHealth::Healthy), false),
        (ContainerState::Running, Some(ContainerHealth::Unhealthy), true),
        (ContainerState::Created, None, true),
        (ContainerState::Paused, Some(ContainerHealth::Healthy), true),
        (ContainerState::Restarting, None, true),
        (ContainerState::Removing, None, true),
        (ContainerState::Exited, None, true),
        (ContainerState::Dead, None, true),
    ];
    for (state, health, sick) in table {
        let container = Reading::Read(Some(container(state, health)));
        assert_eq!(
            ServiceHealth { container, ..service("gs_service") }.is_sick(),
            sick,
            "{state:?} {health:?}"
        );
    }
    assert!(!ServiceHealth { container: Reading::Read(None), ..service("gs_service") }.is_sick());
}

#[test]
fn sick_services_come_first_and_the_order_stays_otherwise() {
    let mut report = with_sick(&["fv_service", "auth_service"]);
    report.sort();
    let names: Vec<_> = report.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(
        names,
        ["auth_service", "fv_service", "gs_service", "ac_service", "pgc_service", "integrity_service"]
    );
}
