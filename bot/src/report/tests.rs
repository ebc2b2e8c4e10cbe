//! A snapshot of what people see, one for each kind of answer.

use std::time::Duration;

use commands::health::*;
use commands::ids::{Platform, Room, ServiceName};
use commands::risk::Role;
use jiff::Timestamp;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn service(name: &str, outcome: ProbeOutcome, container: Reading<Option<Container>>) -> ServiceHealth {
    ServiceHealth {
        name: name.parse::<ServiceName>().unwrap(),
        critical: name == "auth_service",
        probe: Probe { took: Duration::from_millis(12), outcome },
        container,
    }
}

fn well() -> ProbeOutcome {
    ProbeOutcome::Healthy { status: "healthy".to_owned() }
}

fn container(state: ContainerState, health: Option<ContainerHealth>) -> Reading<Option<Container>> {
    Reading::Read(Some(Container {
        id: "0123456789abcdef".repeat(4),
        name: "acgs_x".to_owned(),
        state,
        health,
        started_at: Some(at("2026-11-24T00:00:00Z")),
        restart_count: 2,
        exit_code: (state == ContainerState::Exited).then_some(137),
        oom_killed: state == ContainerState::Exited,
    }))
}

fn report(services: Vec<ServiceHealth>) -> HealthReport {
    let mut report = HealthReport {
        as_of: at("2026-11-24T03:12:00Z"),
        took: Duration::from_millis(31),
        services,
        database: Reading::NotConfigured,
        prometheus: Reading::NotConfigured,
        alertmanager: Reading::NotConfigured,
    };
    report.sort();
    report
}

#[test]
fn all_well_and_nothing_else_configured() {
    let services = ["auth_service", "ac_service"].map(|name| service(name, well(), Reading::NotConfigured));
    insta::assert_snapshot!(text(&health(&report(services.into())), None, false));
}

#[test]
fn every_fault_has_its_own_word_and_sick_ones_stand_first() {
    let running = container(ContainerState::Running, Some(ContainerHealth::Healthy));
    let mut looked = report(vec![
        service("auth_service", well(), running.clone()),
        service("a_dead", ProbeOutcome::Refused, container(ContainerState::Exited, None)),
        service("b_frozen", ProbeOutcome::Frozen, container(ContainerState::Paused, None)),
        service(
            "c_503",
            ProbeOutcome::Unhealthy { code: 503, status: Some("degraded".to_owned()) },
            running.clone(),
        ),
        service(
            "d_html",
            ProbeOutcome::NotJson { code: 502, content_type: Some("text/html".to_owned()) },
            running.clone(),
        ),
        service("e_drip", ProbeOutcome::Slow { code: 200 }, running.clone()),
        service(
            "f_redirect",
            ProbeOutcome::Redirect { code: 302, to: Some("login.example/x".to_owned()) },
            running,
        ),
        service("g_no_docker", well(), Reading::Unavailable("no socket".to_owned())),
    ]);
    looked.database = Reading::Read(DatabaseHealth {
        ping: DatabasePing::Full,
        seats: Some(Seats { used: 57, max: 60, reserved: 3 }),
    });
    looked.prometheus = Reading::Unavailable("nobody listens on its port".to_owned());
    looked.alertmanager = Reading::Read(AlertmanagerHealth {
        ready: true,
        firing: ["ServiceDown", "HighLatency", "A", "B"].map(str::to_owned).into(),
        silences: vec![Silence {
            matchers: "alertname=HighErrorRate".to_owned(),
            by: "ada".to_owned(),
            comment: "known, see the ticket".to_owned(),
            until: "2026-11-24T14:00:00Z".parse().unwrap(),
        }],
    });
    insta::assert_snapshot!(text(&health(&looked), None, false));
}

#[test]
fn a_container_that_cannot_be_read_is_not_the_engines_fault() {
    let running = container(ContainerState::Running, None);
    let unread = || Reading::Unavailable("layer not found".to_owned());
    let docker = |services| text(&health(&report(services)), None, false);
    let some = docker(vec![service("a", well(), running), service("b", well(), unread())]);
    assert!(
        some.contains("answers; containers of 1 of 2 services found, 1 can't be read (b: layer not found)"),
        "{some}"
    );
    let all = docker(vec![service("a", well(), unread()), service("b", well(), unread())]);
    assert!(all.contains("unavailable: layer not found"), "{all}");
}

#[test]
fn one_service_with_detail() {
    let sick = service("ac_service", ProbeOutcome::Frozen, container(ContainerState::Paused, None));
    insta::assert_snapshot!(text(&service_health(&sick, at("2026-11-24T03:12:00Z")), None, false));
}

#[test]
fn a_wait_says_how_it_goes_and_how_it_ended() {
    let services = [service("ac_service", well(), Reading::NotConfigured)];
    let now = at("2026-11-24T03:12:00Z");
    let mut wait =
        Waited { looks: 2, good: 2, of: 3, took: Duration::from_secs(2), limit: Duration::from_secs(60) };
    assert!(waiting(&services, &wait, now).card.title.starts_with("Waiting for ac_service: 2 of 3"));
    wait.good = 3;
    assert_eq!(waited(&services, &wait, now).card.tone, Tone::Good);
    wait.good = 1;
    assert_eq!(waited(&services, &wait, now).card.tone, Tone::Bad);
}

#[test]
fn refusals_say_whom_to_ask_and_are_for_the_asker_alone() {
    let unknown = refused(&Refusal::Unknown { ask: vec!["Ada".to_owned(), "Bo".to_owned()] });
    assert_eq!(unknown.visibility, Visibility::Private);
    assert!(text(&unknown, None, false).contains("Ask Ada or Bo to add you."));
    let role = refused(&Refusal::Role { has: Role::Viewer, needs: Role::Admin, ask: vec!["Ada".to_owned()] });
    assert!(text(&role, None, false).contains("This needs the role admin; yours is viewer. Ask Ada for it."));
    let place = refused(&Refusal::Place { rooms: vec![Room::new(Platform::Slack, "C1")] });
    assert!(text(&place, None, false).contains("incident channels alone: C1."));
}

#[test]
fn a_stale_command_is_offered_with_a_button_that_types_it() {
    let intent = Intent::Health { service: None, wait: None, deep: false, public: false };
    let offer = stale(&intent);
    assert_eq!(offer.card.buttons[0].label, "Run");
    assert_eq!(offer.card.buttons[0].value, "line health");
}

#[test]
fn a_line_too_long_for_a_button_has_none() {
    assert_eq!(
        line_button("Run", &"x".repeat(95), ButtonStyle::Plain).map(|button| button.value.len()),
        Some(100)
    );
    assert_eq!(line_button("Run", &"x".repeat(96), ButtonStyle::Plain), None);
}

#[test]
fn what_was_not_recorded_says_so() {
    let reply = unrecorded(health(&report(vec![])));
    assert!(text(&reply, None, false).contains("Not recorded: the bot's own store takes no writes."));
}
