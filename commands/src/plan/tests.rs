use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::backend::{self, BackendId};
use crate::restore::DatabaseName;
use crate::workload::ContainerId;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn hex(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn seat() -> Seat {
    let name = |text: &str| DatabaseName::try_from(text.to_owned()).unwrap();
    Seat {
        name: "acgs_postgres_db".to_owned(),
        container: hex('e').parse().unwrap(),
        role: "acgs_user".to_owned(),
        database: name("acgs_pgp_db"),
        oid: 16_384,
        maintenance: name("postgres"),
    }
}

/// One with something in every field.
fn plan() -> Plan {
    let id: ContainerId = hex('a').parse().unwrap();
    Plan {
        run: RunId::from_random(0xc0ffee),
        nonce: "00112233445566778899aabbccddeeff".to_owned(),
        line: "restart ac_service".to_owned(),
        commands: vec!["restart ac_service".to_owned()],
        risk: Risk::Change,
        requester: "Dee".to_owned(),
        incident: Some(IncidentNumber(7)),
        break_glass: Some("nobody else is awake".to_owned()),
        created: at(0),
        engine: Some("ABCD:EFGH".to_owned()),
        targets: vec![
            Target::Container {
                service: "ac_service".to_owned(),
                name: "acgs_ac_service".to_owned(),
                id: id.clone(),
                image: "acgs_ac_service:1".to_owned(),
                image_id: format!("sha256:{}", hex('b')).parse().unwrap(),
                state: Some("running".to_owned()),
                started_at: Some(at(-60)),
                configuration: hex('c').parse().unwrap(),
            },
            Target::Backend {
                backend: BackendId { pid: 4_711, started: at(-90) },
                query_start: Some(at(-30)),
                application: "report".to_owned(),
                user: "acgs_user".to_owned(),
                database: "acgs_pgp_db".to_owned(),
                statement: "SELECT 1".to_owned(),
            },
            Target::File { name: "a.dump".to_owned(), bytes: 12, sha256: hex('d') },
            Target::Database { name: "acgs".to_owned(), oid: 16_384 },
        ],
        steps: vec![
            Step {
                act: Act::RestartContainer { name: "acgs_ac_service".to_owned(), id, grace_seconds: 10 },
                timeout_seconds: 40,
            },
            Step {
                act: Act::TerminateBackend {
                    target: backend::Target {
                        backend: BackendId { pid: 4_711, started: at(-90) },
                        statement: Some(at(-30)),
                    },
                },
                timeout_seconds: 10,
            },
            Step {
                act: Act::DumpDatabase { seat: seat(), folder: "/var/backups/acgs".to_owned() },
                timeout_seconds: 3_600,
            },
            Step {
                act: Act::CompareBeside {
                    seat: seat(),
                    rows: Some(vec![ExpectedRows { table: "public.users".to_owned(), rows: 7 }]),
                    alembic_version: Some("9f1c".to_owned()),
                },
                timeout_seconds: 60,
            },
            Step {
                act: Act::SwapDatabases {
                    seat: seat(),
                    with: Some(OtherDatabase {
                        name: DatabaseName::try_from("acgs_before".to_owned()).unwrap(),
                        oid: 16_385,
                    }),
                },
                timeout_seconds: 60,
            },
            Step {
                act: Act::TakeVariables {
                    name: "acgs_ac_service".to_owned(),
                    id: hex('a').parse().unwrap(),
                    service: Some("ac_service".parse().unwrap()),
                    path: "/srv/.env".to_owned(),
                    variables: vec![Variable { name: "KEY".to_owned(), in_file: "AC_KEY".to_owned() }],
                    way: Remake::Engine,
                },
                timeout_seconds: 240,
            },
            Step {
                act: Act::Migrate {
                    seat: seat(),
                    like: MigrationJob {
                        container: Some(hex('a').parse().unwrap()),
                        image: format!("sha256:{}", hex('b')).parse().unwrap(),
                        argv: vec!["alembic".to_owned(), "upgrade".to_owned()],
                    },
                    from: vec!["a1".to_owned().try_into().unwrap()],
                    to: vec!["b2".to_owned().try_into().unwrap()],
                },
                timeout_seconds: 60,
            },
            Step {
                act: Act::BlockNetwork { network: "203.0.113.7".parse().unwrap(), seconds: 60 },
                timeout_seconds: 60,
            },
            Step {
                act: Act::CopyArchive {
                    folder: "/var/backups/acgs".to_owned(),
                    from: "a.dump".to_owned(),
                    to: "monthly/a.dump".to_owned().try_into().unwrap(),
                    sha256: hex('d'),
                },
                timeout_seconds: 60,
            },
        ],
        proves: vec!["ac_service".parse().unwrap()],
        effect: "Restarts it.".to_owned(),
        forecast: vec![
            Forecast::Dependents { services: vec!["gs_service".to_owned()] },
            Forecast::Requests { service: "ac_service".to_owned(), per_second_milli: 1_500 },
        ],
        undo: "None.".to_owned(),
    }
}

/// Paths of everything in a value that holds no other value.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                leaves(inner, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(values) => {
            for (at, inner) in values.iter().enumerate() {
                leaves(inner, &format!("{path}/{at}"), found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

/// Another value of the same kind that the type takes, where there is one.
fn another(value: &Value, salt: u32) -> Value {
    match value {
        Value::Number(_) => Value::from(salt),
        Value::String(text) if text.parse::<Timestamp>().is_ok() => {
            Value::from((at(0) + std::time::Duration::from_secs(u64::from(salt) + 1)).to_string())
        }
        Value::String(text)
            if text.len() >= 12
                && text.trim_start_matches("sha256:").bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            let digits = format!("{salt:08x}");
            Value::from(format!("{}{digits}", &text[..text.len() - 8]))
        }
        Value::String(text) => Value::from(format!("{text}{salt}")),
        other => other.clone(),
    }
}

#[test]
fn a_plan_is_written_in_one_way_and_read_back_as_it_was() {
    let plan = plan();
    let bytes = plan.bytes();
    assert_eq!(serde_json::from_str::<Plan>(&bytes).unwrap(), plan);
    assert_eq!(plan.bytes(), bytes);
    assert!(!bytes.contains(": ") && bytes.starts_with(r#"{"run":"000000c0ffee","nonce":"#), "{bytes}");
    assert_eq!(plan.digest(), Digest::of(bytes.as_bytes()));
    assert_eq!(plan.digest().to_string().len(), 64);
    assert!(plan.digest().to_string().starts_with(&plan.digest().short()));
    // The standard's own example, so that anybody can check a digest with another program.
    assert_eq!(Digest::of(b"abc").short(), "ba7816bf8f01");
}

#[test]
fn a_plan_with_a_field_that_this_program_does_not_know_is_refused() {
    let mut value = serde_json::to_value(plan()).unwrap();
    value["force"] = true.into();
    assert!(serde_json::from_value::<Plan>(value).is_err());
    let mut value = serde_json::to_value(plan()).unwrap();
    value["steps"][0]["act"]["act"] = "run_shell".into();
    assert!(serde_json::from_value::<Plan>(value).is_err());
}

proptest! {
    #[test]
    fn any_change_of_any_field_changes_the_digest(at in 0usize..1_000, salt in 100_000u32..900_000) {
        let plan = plan();
        let value = serde_json::to_value(&plan).unwrap();
        let mut paths = Vec::new();
        leaves(&value, "", &mut paths);
        let path = &paths[at % paths.len()];
        let mut changed = value.clone();
        let field = changed.pointer_mut(path).unwrap();
        *field = another(field, salt);
        // A word of a closed list has no other value to take.
        if let Ok(changed) = serde_json::from_value::<Plan>(changed) {
            prop_assert_ne!(changed.digest(), plan.digest(), "{}", path);
            let found = differences(&plan, &changed);
            prop_assert_eq!(found.len(), 1, "{}: {:?}", path, found);
        }
    }
}

#[test]
fn every_field_is_among_those_whose_change_is_tried() {
    let value = serde_json::to_value(plan()).unwrap();
    let mut paths = Vec::new();
    leaves(&value, "", &mut paths);
    let taken = paths.iter().filter(|path| {
        let mut changed = value.clone();
        let field = changed.pointer_mut(path).unwrap();
        *field = another(field, 123_456);
        serde_json::from_value::<Plan>(changed).is_ok()
    });
    let closed: Vec<_> = paths.iter().filter(|path| !taken.clone().any(|taken| taken == *path)).collect();
    let words = [
        "/risk",
        "/targets/0/kind",
        "/targets/1/kind",
        "/targets/2/kind",
        "/targets/3/kind",
        "/steps/0/act/act",
        "/steps/1/act/act",
        "/steps/1/act/target/statement",
        "/steps/2/act/act",
        "/steps/3/act/act",
        "/steps/4/act/act",
        "/steps/5/act/act",
        "/steps/5/act/way",
        "/steps/6/act/act",
        "/steps/7/act/act",
        "/steps/7/act/network",
        "/steps/8/act/act",
        "/forecast/0/of",
        "/forecast/1/of",
    ];
    assert!(closed.iter().all(|path| words.contains(&path.as_str())), "{closed:?}");
}

#[test]
fn facts_read_again_have_the_digest_of_the_first_if_they_are_the_same() {
    let first = plan();
    let mut later = plan();
    later.created = at(90);
    later.nonce = "another".to_owned();
    later.forecast = Vec::new();
    later.requester = "somebody".to_owned();
    assert_eq!(later.clone().read_again(&first).digest(), first.digest());
    let Target::Container { id, .. } = &mut later.targets[0] else { panic!() };
    *id = hex('e').parse().unwrap();
    let later = later.read_again(&first);
    assert_ne!(later.digest(), first.digest());
    let found = differences(&first, &later);
    let expected =
        Difference { path: "targets[0].id".to_owned(), before: Some(hex('a')), now: Some(hex('e')) };
    assert_eq!(found, [expected]);
}

#[test]
fn what_is_gone_and_what_is_new_is_a_difference() {
    let first = plan();
    let mut later = plan();
    later.targets.pop();
    later.steps.push(later.steps[0].clone());
    later.engine = None;
    let paths: Vec<_> = differences(&first, &later).into_iter().map(|one| one.path).collect();
    assert_eq!(paths, ["engine", "steps[9]", "targets[3]"]);
}

#[test]
fn two_containers_of_one_service_are_one_thing_to_lock() {
    let mut plan = plan();
    let mut other = plan.targets[0].clone();
    let Target::Container { id, name, .. } = &mut other else { panic!() };
    *id = hex('f').parse().unwrap();
    *name = "another".to_owned();
    plan.targets.push(other);
    assert_eq!(plan.locks(), ["backend:4711", "database:acgs", "file:a.dump", "service:ac_service"]);
}
