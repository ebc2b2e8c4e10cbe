use super::*;

fn reading(service: &str, healthy: bool, errors: Option<u64>, restarts: Option<u64>) -> Reading {
    Reading {
        service: service.parse().unwrap(),
        healthy,
        health: String::new(),
        errors_milli_percent: errors,
        p95_ms: None,
        restarts,
    }
}

#[test]
fn a_verdict_is_that_of_the_service_that_fares_worst() {
    let well = |name| reading(name, true, Some(0), Some(0));
    let sick = |name| reading(name, false, Some(0), Some(0));
    let unchanged = |well| Verdict::Unchanged { well };
    let table = [
        ("well and well", vec![well("a")], vec![well("a")], unchanged(true)),
        ("sick and sick", vec![sick("a")], vec![sick("a")], unchanged(false)),
        ("sick and well", vec![sick("a")], vec![well("a")], Verdict::Improved),
        ("well and sick", vec![well("a")], vec![sick("a")], Verdict::Worse),
        ("one better, one worse", vec![sick("a"), well("b")], vec![well("a"), sick("b")], Verdict::Worse),
        ("one better, one as sick", vec![sick("a"), sick("b")], vec![well("a"), sick("b")], unchanged(false)),
        (
            "one better, one as well",
            vec![sick("a"), well("b")],
            vec![well("a"), well("b")],
            Verdict::Improved,
        ),
        (
            "healthy, and one answer in two an error",
            vec![reading("a", true, Some(50_000), None)],
            vec![reading("a", true, Some(50_000), None)],
            unchanged(false),
        ),
        (
            "healthy, and the errors are gone",
            vec![reading("a", true, Some(50_000), None)],
            vec![reading("a", true, Some(0), None)],
            Verdict::Improved,
        ),
        (
            "no traffic after is no sign",
            vec![reading("a", true, Some(0), None)],
            vec![reading("a", true, None, None)],
            unchanged(true),
        ),
        (
            "it crashes again between its good answers",
            vec![reading("a", true, Some(0), Some(3))],
            vec![reading("a", true, Some(0), Some(4))],
            Verdict::Worse,
        ),
        ("nothing to compare", vec![well("a")], vec![well("b")], unchanged(true)),
    ];
    for (name, before, after, expected) in table {
        assert_eq!(verdict(&before, &after), expected, "{name}");
    }
}

#[test]
fn outcomes_are_stored_as_they_are_read() {
    let outcomes = [
        RunOutcome::Done { verdict: Some(Verdict::Unchanged { well: false }) },
        RunOutcome::Done { verdict: None },
        RunOutcome::Failed { step: 2 },
        RunOutcome::Unknown { step: 0 },
    ];
    for outcome in outcomes {
        let stored = serde_json::to_string(&outcome).unwrap();
        assert_eq!(serde_json::from_str::<RunOutcome>(&stored).unwrap(), outcome, "{stored}");
    }
}
