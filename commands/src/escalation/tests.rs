use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

mod clock;

fn at(minutes: f64) -> Timestamp {
    let opened: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
    opened + SignedDuration::from_secs_f64(minutes * 60.0)
}

fn minute(at: Timestamp) -> f64 {
    at.duration_since(self::at(0.0)).as_secs_f64() / 60.0
}

fn step(minutes: u32, tell: Rung, how: Way, only: Only) -> Step {
    Step { after: minutes * 60, tell, how, only }
}

/// As RUNBOOK Part 4 has it, which `deploy/acgs.toml` is compared with.
fn schedule() -> Policy {
    use Only::{Security, Unacknowledged, Unresolved};
    use Rung::{Cto, DevopsLead, EngineeringManager, OnCall};
    use Way::{Notify, Page};
    Policy {
        p0: Ladder {
            respond_within: Period::minutes(5),
            repage_every: Some(Period::minutes(5)),
            acknowledgement_holds: Some(Period::minutes(15)),
            status_every: Some(Period::minutes(15)),
            steps: vec![
                step(0, OnCall, Page, Unresolved),
                step(0, EngineeringManager, Notify, Unresolved),
                step(0, Cto, Notify, Security),
                step(0, Rung::Security, Page, Security),
                step(5, DevopsLead, Notify, Unacknowledged),
                step(30, DevopsLead, Page, Unresolved),
                step(60, EngineeringManager, Page, Unresolved),
                step(120, Cto, Page, Unresolved),
            ],
        },
        p1: Ladder {
            respond_within: Period::minutes(15),
            repage_every: Some(Period::minutes(15)),
            acknowledgement_holds: Some(Period::minutes(60)),
            status_every: Some(Period::minutes(30)),
            steps: vec![
                step(0, OnCall, Page, Unresolved),
                step(30, DevopsLead, Page, Unresolved),
                step(30, Cto, Notify, Security),
                step(30, Rung::Security, Page, Security),
                step(120, DevopsLead, Page, Unresolved),
                step(240, EngineeringManager, Page, Unresolved),
                step(480, Cto, Notify, Unresolved),
            ],
        },
        p2: Ladder {
            respond_within: Period::minutes(120),
            repage_every: None,
            acknowledgement_holds: None,
            status_every: None,
            steps: vec![
                step(0, OnCall, Notify, Unresolved),
                step(120, OnCall, Page, Unacknowledged),
                step(240, DevopsLead, Page, Unresolved),
            ],
        },
    }
}

fn opened(severity: Severity, security: bool) -> Course {
    Course::open(schedule(), severity, security, at(0.0))
}

fn told(due: &Due) -> String {
    let what = match &due.what {
        What::Decay => "decays".to_owned(),
        What::Step { tell, how, .. } => format!("{how} {}", tell.key()),
        What::Repage { round, number } => format!("page again {round}.{number}"),
        What::NobodyLeft { tell, number } => format!("nobody left {number}, {}", tell.key()),
        What::Status { slot, phase } => format!("status {} {phase:?}", minute(*slot)),
        What::Unclaimed { duties, number } => format!("{} unclaimed {number}", duties.len()),
    };
    format!("{} {what}", minute(due.at))
}

/// Everything until `minutes`, and what `on` picks of it.
fn until(course: &mut Course, minutes: f64, on: impl Fn(&What) -> bool) -> Vec<String> {
    course.owed(at(minutes), None).iter().filter(|due| on(&due.what)).map(told).collect()
}

const fn calls(what: &What) -> bool {
    matches!(what, What::Decay | What::Step { .. } | What::Repage { .. } | What::NobodyLeft { .. })
}

const fn status(what: &What) -> bool {
    matches!(what, What::Status { .. })
}

#[test]
fn a_p0_that_nobody_answers_calls_rung_after_rung_and_never_stops() {
    let mut course = opened(Severity::P0, false);
    let first = until(&mut course, 31.0, |_| true);
    let expected = [
        "0 page on_call",
        "0 notify engineering_manager",
        "0 status 0 Now",
        "2 4 unclaimed 0",
        "4 4 unclaimed 1",
        "5 notify devops_lead",
        "5 page again 0.0",
        "5 status 0 Missed",
        "6 4 unclaimed 2",
        "8 4 unclaimed 3",
        "10 page again 0.1",
        "10 4 unclaimed 4",
        "13 status 15 Soon",
        "15 page again 0.2",
        "15 status 15 Now",
        "20 page again 0.3",
        "20 status 15 Missed",
        "25 page again 0.4",
        "28 status 30 Soon",
        "30 page devops_lead",
        "30 page again 0.5",
        "30 status 30 Now",
    ];
    assert_eq!(first, expected);
    let steps = |what: &What| matches!(what, What::Step { .. } | What::NobodyLeft { .. });
    let expected = [
        "60 page engineering_manager",
        "120 page cto",
        "135 nobody left 0, cto",
        "150 nobody left 1, cto",
        "165 nobody left 2, cto",
    ];
    assert_eq!(until(&mut course, 166.0, steps), expected);
    let day = until(&mut course, 24.0 * 60.0, calls);
    assert_eq!(day.last().unwrap(), "1440 nobody left 87, cto");
}

#[test]
fn an_acknowledgement_stops_pages_and_no_rung_and_decays_without_a_word() {
    let mut course = opened(Severity::P0, false);
    until(&mut course, 6.0, |_| true);
    assert!(course.acknowledge("Bo", at(6.0)));
    assert!(!course.acknowledge("Ada", at(7.0)), "somebody has it already");
    course.word(at(12.0));
    let expected =
        ["27 decays", "27 page again 1.0", "30 page devops_lead", "32 page again 1.1", "37 page again 1.2"];
    assert_eq!(until(&mut course, 38.0, calls), expected);
    course.snooze("Bo", at(38.0), at(98.0));
    let expected = ["60 page engineering_manager", "98 decays", "98 page again 2.0", "103 page again 2.1"];
    assert_eq!(until(&mut course, 104.0, calls), expected);
    assert_eq!(course.answered, Some(("Bo".to_owned(), at(6.0))), "the first answer stays the first");
    course.resolve(at(104.0));
    assert_eq!(course.next(None), None);
}

#[test]
fn p1_and_p2_by_the_table() {
    let mut p1 = opened(Severity::P1, false);
    let expected = ["0 page on_call", "15 page again 0.0"];
    assert_eq!(until(&mut p1, 16.0, calls), expected);
    p1.snooze("Bo", at(16.0), at(10_000.0));
    let expected = [
        "30 page devops_lead",
        "120 page devops_lead",
        "240 page engineering_manager",
        "480 notify cto",
        "495 nobody left 0, cto",
    ];
    assert_eq!(until(&mut p1, 500.0, calls), expected);

    let mut p2 = opened(Severity::P2, false);
    let expected =
        ["0 notify on_call", "120 page on_call", "240 page devops_lead", "255 nobody left 0, devops_lead"];
    assert_eq!(until(&mut p2, 260.0, |_| true), expected);
    let mut answered = opened(Severity::P2, false);
    until(&mut answered, 1.0, |_| true);
    answered.acknowledge("Bo", at(1.0));
    assert_eq!(until(&mut answered, 241.0, |_| true), ["240 page devops_lead"], "medium ones never decay");
}

#[test]
fn a_security_incident_tells_more_people() {
    let p0 = until(&mut opened(Severity::P0, true), 0.0, calls);
    assert_eq!(p0, ["0 page on_call", "0 notify engineering_manager", "0 notify cto", "0 page security"]);
    let mut p1 = opened(Severity::P1, true);
    p1.snooze("Bo", at(0.0), at(1_000.0));
    let expected = ["0 page on_call", "30 page devops_lead", "30 notify cto", "30 page security"];
    assert_eq!(until(&mut p1, 31.0, calls), expected);
}

#[test]
fn a_change_of_severity_counts_from_the_first_minute_and_repeats_nothing() {
    let mut worse = opened(Severity::P2, false);
    until(&mut worse, 61.0, |_| true);
    worse.set_severity(Severity::P0, at(61.0));
    let expected = [
        "61 page on_call",
        "61 page engineering_manager",
        "61 page devops_lead",
        "61 status 60 Now",
        "65 page again 0.12",
        "70 page again 0.13",
    ];
    let mut found = until(&mut worse, 71.0, |what| calls(what) || status(what));
    found.sort();
    let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    expected.sort();
    assert_eq!(found, expected);

    let mut same = opened(Severity::P1, false);
    until(&mut same, 31.0, |_| true);
    same.acknowledge("Bo", at(31.0));
    same.set_severity(Severity::P0, at(40.0));
    let expected = ["40 notify engineering_manager", "46 decays", "46 page again 1.0"];
    assert_eq!(until(&mut same, 46.0, calls), expected, "told rungs are not told again");

    let mut better = opened(Severity::P0, false);
    better.acknowledge("Bo", at(1.0));
    until(&mut better, 61.0, |_| true);
    better.set_severity(Severity::P2, at(61.0));
    assert_eq!(
        until(&mut better, 241.0, |_| true),
        ["240 page devops_lead"],
        "what was to come is cancelled"
    );
}

#[test]
fn a_change_in_the_middle_of_a_later_round_begins_that_round_anew() {
    let mut course = opened(Severity::P0, false);
    until(&mut course, 1.0, |_| true);
    course.acknowledge("Bo", at(1.0));
    let pages = |what: &What| matches!(what, What::Decay | What::Repage { .. });
    let expected = ["16 decays", "16 page again 1.0", "21 page again 1.1", "26 page again 1.2"];
    assert_eq!(until(&mut course, 27.0, pages), expected);
    course.set_severity(Severity::P1, at(27.0));
    assert_eq!(until(&mut course, 50.0, pages), ["27 page again 1.0", "42 page again 1.1"]);
}

#[test]
fn one_that_is_open_again_needs_an_answer_again() {
    let mut course = opened(Severity::P0, false);
    until(&mut course, 1.0, |_| true);
    course.acknowledge("Bo", at(1.0));
    course.resolve(at(10.0));
    assert_eq!(until(&mut course, 100.0, |_| true), [] as [&str; 0]);
    course.reopen(at(100.0));
    let expected =
        ["100 page devops_lead", "100 page engineering_manager", "100 page again 1.0", "105 page again 1.1"];
    assert_eq!(until(&mut course, 106.0, calls), expected);
}

#[test]
fn status_updates_are_due_by_a_grid_that_no_update_moves() {
    let mut course = opened(Severity::P0, false);
    course.snooze("Bo", at(0.0), at(1_000.0));
    assert_eq!(until(&mut course, 1.0, status), ["0 status 0 Now"]);
    course.status_posted(at(1.0));
    assert_eq!(until(&mut course, 14.0, status), ["13 status 15 Soon"]);
    course.status_posted(at(14.0));
    course.status_posted(at(14.5));
    let expected = ["28 status 30 Soon", "30 status 30 Now", "35 status 30 Missed", "43 status 45 Soon"];
    assert_eq!(until(&mut course, 44.0, status), expected, "two early ones stand for one slot");
    // Late for 30: it stands for what was missed, and not for 45.
    course.status_posted(at(44.0));
    assert_eq!(until(&mut course, 46.0, status), ["45 status 45 Now"]);
    assert_eq!(course.status_unchanged(at(46.0)), Ok(()));
    assert_eq!(course.status_unchanged(at(61.0)), Ok(()));
    assert_eq!(course.status_unchanged(at(76.0)), Err(TooQuiet));
    course.status_posted(at(76.0));
    assert_eq!(course.status_unchanged(at(77.0)), Ok(()));
}

#[test]
fn claimed_duties_are_not_asked_for() {
    let mut course = opened(Severity::P1, false);
    let unclaimed = |what: &What| matches!(what, What::Unclaimed { .. });
    assert_eq!(until(&mut course, 3.0, unclaimed), ["2 4 unclaimed 0"]);
    assert_eq!(course.assign(Duty::Comms, "Cy"), None);
    assert_eq!(until(&mut course, 5.0, unclaimed), ["4 3 unclaimed 1"]);
    for duty in Duty::ALL {
        course.assign(duty, "Bo");
    }
    assert_eq!(until(&mut course, 60.0, unclaimed), [] as [&str; 0]);
    assert_eq!(course.assign(Duty::Comms, "Ada"), Some("Bo".to_owned()));
}

#[test]
fn what_is_medium_waits_for_the_morning() {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(2));
    // Opened at noon there, which is 10:00 UTC.
    let quiet = Quiet { from: jiff::civil::time(13, 0, 0, 0), to: jiff::civil::time(18, 30, 0, 0), zone };
    let mut course = opened(Severity::P2, false);
    let found: Vec<_> = course.owed(at(406.0), Some(&quiet)).iter().map(told).collect();
    let expected =
        ["0 notify on_call", "390 page on_call", "390 page devops_lead", "405 nobody left 0, devops_lead"];
    assert_eq!(found, expected);
    let mut loud = opened(Severity::P1, false);
    assert_eq!(loud.owed(at(15.0), Some(&quiet)).iter().map(told).next_back().unwrap(), "15 page again 0.0");
    let night = Quiet { from: jiff::civil::time(22, 0, 0, 0), to: jiff::civil::time(7, 0, 0, 0), ..quiet };
    let hour = |hour: i64| at(0.0) + SignedDuration::from_hours(hour - 12);
    for (asked, given) in [(21, 21), (22, 31), (24, 31), (30, 31), (31, 31), (12, 12)] {
        assert_eq!(night.after(hour(asked)), hour(given), "{asked} h there");
    }
}

#[test]
fn a_ladder_that_contradicts_itself_is_told() {
    for severity in Severity::ALL {
        assert_eq!(schedule().ladder(severity).flaws(), []);
    }
    let mut ladder = schedule().p0;
    ladder.steps.swap(5, 6);
    ladder.steps.push(ladder.steps[7]);
    ladder.steps[0].after = 60;
    ladder.steps[1].after = 60;
    ladder.steps[4].after = 60;
    ladder.status_every = Some(Period::minutes(5));
    ladder.acknowledgement_holds = Some(Period::minutes(1));
    let flaws: Vec<String> = ladder.flaws().iter().map(ToString::to_string).collect();
    for words in [
        "the step at 0 s comes after a later one",
        "the CTO is told twice at 7200 s",
        "nobody is told at the opening",
        "for the unacknowledged at 60 s comes before",
        "status_every must be 10 minutes or more",
        "acknowledgement_holds is shorter",
    ] {
        assert!(flaws.iter().any(|flaw| flaw.contains(words)), "{words:?} in {flaws:?}");
    }
}

/// What people do, each with the minutes since the act before.
#[derive(Clone, Debug)]
enum Act {
    Acknowledge,
    Word,
    Snooze(u32),
    Status,
    Severity(Severity),
    Resolve,
    Reopen,
}

fn act() -> impl Strategy<Value = (u32, Act)> {
    let severity = prop::sample::select(Severity::ALL.to_vec());
    let act = prop_oneof![
        3 => Just(Act::Acknowledge),
        3 => Just(Act::Word),
        1 => (1..120u32).prop_map(Act::Snooze),
        2 => Just(Act::Status),
        2 => severity.prop_map(Act::Severity),
        1 => Just(Act::Resolve),
        1 => Just(Act::Reopen),
    ];
    (0..200u32, act)
}

fn apply(course: &mut Course, act: &Act, now: Timestamp) {
    match act {
        Act::Acknowledge => {
            course.acknowledge("Bo", now);
        }
        Act::Word => course.word(now),
        Act::Snooze(minutes) => {
            course.snooze("Bo", now, now + SignedDuration::from_mins(i64::from(*minutes)));
        }
        Act::Status => course.status_posted(now),
        Act::Severity(severity) if *severity != course.severity && course.resolved.is_none() => {
            course.set_severity(*severity, now);
        }
        Act::Severity(_) => {}
        Act::Resolve => course.resolve(now),
        Act::Reopen if course.resolved.is_some() => course.reopen(now),
        Act::Reopen => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever people do: nothing is told twice, before its time, after the end, or in the face of an
    /// acknowledgement; and a bot that is started anew at every minute tells the same.
    #[test]
    fn nothing_is_told_twice_or_at_the_wrong_time(
        severity in prop::sample::select(Severity::ALL.to_vec()),
        security: bool,
        acts in prop::collection::vec(act(), 0..12),
    ) {
        let mut straight = opened(severity, security);
        let mut restarted = straight.clone();
        let mut seen = std::collections::BTreeSet::new();
        let mut now = at(0.0);
        let mut done = Vec::new();
        for (minutes, act) in acts {
            let next = now + SignedDuration::from_mins(i64::from(minutes));
            let epoch = straight.epoch;
            let before = straight.clone();
            let told = straight.owed(next, None);
            let mut piecewise = Vec::new();
            while now < next {
                now = (now + SignedDuration::from_mins(1)).min(next);
                let stored = serde_json::to_string(&restarted).unwrap();
                restarted = serde_json::from_str(&stored).unwrap();
                piecewise.extend(restarted.owed(now, None));
            }
            piecewise.extend(restarted.owed(now, None));
            prop_assert_eq!(&told, &piecewise);
            let mut waits = !before.is_acknowledged();
            for due in &told {
                prop_assert!(seen.insert((epoch, due.what.key())) || due.what == What::Decay, "{due:?} again");
                prop_assert!(due.at <= next && due.at >= before.opened);
                prop_assert!(before.resolved.is_none());
                match &due.what {
                    What::Decay => waits = true,
                    What::Repage { .. } => prop_assert!(waits, "{due:?} though acknowledged"),
                    What::Step { index, .. } => {
                        let step = before.ladder().steps[*index];
                        prop_assert!(due.at >= before.opened + SignedDuration::from_secs(i64::from(step.after)));
                        prop_assert!(step.only != Only::Security || security);
                    }
                    What::NobodyLeft { .. } | What::Status { .. } | What::Unclaimed { .. } => {}
                }
            }
            apply(&mut straight, &act, now);
            apply(&mut restarted, &act, now);
            done.push(act);
        }
    }
}

/// The table read minute by minute by somebody who has never seen the code above.
#[test]
fn a_day_of_each_severity_is_what_a_reading_of_the_table_gives() {
    for (severity, answered_at) in Severity::ALL
        .into_iter()
        .flat_map(|severity| [None, Some(3_u32), Some(200)].map(|answered| (severity, answered)))
    {
        let mut course = opened(severity, false);
        let mut found = Vec::new();
        let mut expected = Vec::new();
        for minute in 0..=24 * 60_u32 {
            if answered_at == Some(minute) {
                course.snooze("Bo", at(f64::from(minute)), at(100_000.0));
            }
            let called = course.owed(at(f64::from(minute)), None);
            found.extend(
                called.iter().filter(|due| calls(&due.what)).map(|due| (minute, due.what.tells().unwrap())),
            );
            let waits = answered_at.is_none_or(|answered| minute < answered);
            let mut tell = |rung, way| expected.push((minute, (Recipient::Rung(rung), way)));
            let nobody_left = |end: u32| minute > end && (minute - end).is_multiple_of(15);
            match severity {
                Severity::P0 => {
                    if minute == 0 {
                        tell(Rung::OnCall, Way::Page);
                        tell(Rung::EngineeringManager, Way::Notify);
                    }
                    if minute == 5 && waits {
                        tell(Rung::DevopsLead, Way::Notify);
                    }
                    if minute == 30 {
                        tell(Rung::DevopsLead, Way::Page);
                    }
                    if minute == 60 {
                        tell(Rung::EngineeringManager, Way::Page);
                    }
                    if minute == 120 {
                        tell(Rung::Cto, Way::Page);
                    }
                    if minute >= 5 && minute.is_multiple_of(5) && waits {
                        tell(Rung::OnCall, Way::Page);
                    }
                    if nobody_left(120) {
                        tell(Rung::Cto, Way::Page);
                    }
                }
                Severity::P1 => {
                    if minute == 0 {
                        tell(Rung::OnCall, Way::Page);
                    }
                    if minute == 30 || minute == 120 {
                        tell(Rung::DevopsLead, Way::Page);
                    }
                    if minute == 240 {
                        tell(Rung::EngineeringManager, Way::Page);
                    }
                    if minute == 480 {
                        tell(Rung::Cto, Way::Notify);
                    }
                    if minute >= 15 && minute.is_multiple_of(15) && waits {
                        tell(Rung::OnCall, Way::Page);
                    }
                    if nobody_left(480) {
                        tell(Rung::Cto, Way::Page);
                    }
                }
                Severity::P2 => {
                    if minute == 0 {
                        tell(Rung::OnCall, Way::Notify);
                    }
                    if minute == 120 && waits {
                        tell(Rung::OnCall, Way::Page);
                    }
                    if minute == 240 {
                        tell(Rung::DevopsLead, Way::Page);
                    }
                    if nobody_left(240) {
                        tell(Rung::DevopsLead, Way::Page);
                    }
                }
            }
        }
        assert_eq!(found, expected, "{severity}, answered at {answered_at:?}");
    }
}
