use commands::escalation::Way as Loud;
use commands::escalation::{Course, Ladder, Only, Phase, Policy, Recipient, Step};
use commands::incident::Severity;
use commands::period::Period;
use jiff::SignedDuration;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn step(seconds: i64, index: usize, tell: Rung, how: Loud) -> Due {
    Due { at: at(seconds), what: What::Step { index, tell, how } }
}

#[test]
fn each_recipient_has_one_message_and_what_was_missed_is_one_in_all() {
    let owed = [
        step(0, 0, Rung::OnCall, Loud::Page),
        step(0, 1, Rung::EngineeringManager, Loud::Notify),
        Due { at: at(0), what: What::Status { slot: at(0), phase: Phase::Now } },
        Due { at: at(1), what: What::Decay },
        Due { at: at(1), what: What::Repage { round: 1, number: 0 } },
    ];
    let recipients = |tellings: Vec<Telling>| -> Vec<(usize, bool)> {
        tellings.iter().map(|telling| (telling.owed.len(), telling.missed)).collect()
    };
    assert_eq!(recipients(group(&owed, at(2))), [(2, false), (1, false), (1, false)]);
    assert_eq!(recipients(group(&owed, at(0) + MISSED_FOR)), [(4, true)]);
    assert_eq!(group(&owed[3..4], at(2)), [], "what decayed is told by the page after it");
    let told = owed[2].what.tells().map(|(recipient, _)| recipient);
    assert_eq!(told, Some(Recipient::Duty(Duty::Comms)));
}

const MISSED_FOR: SignedDuration = SignedDuration::from_secs(61);

fn ladder(repage_every: Option<Period>) -> Ladder {
    let step = |after, tell| Step { after, tell, how: Loud::Page, only: Only::Unresolved };
    Ladder {
        respond_within: Period::minutes(5),
        repage_every,
        acknowledgement_holds: Some(Period::minutes(15)),
        status_every: Some(Period::minutes(15)),
        steps: vec![step(0, Rung::OnCall), step(1_800, Rung::DevopsLead)],
    }
}

/// A clock that jumps forward by hours owes everything between at once.
#[test]
fn whatever_a_jump_of_the_clock_owes_is_one_message() {
    let often = ladder(Some(Period::minutes(5)));
    let policy = Policy { p0: often.clone(), p1: often, p2: ladder(None) };
    for severity in Severity::ALL {
        for minutes in [2_i64, 7, 45, 600] {
            let mut course = Course::open(policy.clone(), severity, false, at(0));
            course.owed(at(1), None);
            let jumped = at(minutes * 60 + 61);
            let owed = course.owed(jumped, None);
            let told = owed.iter().filter(|due| due.what.tells().is_some()).count();
            assert!(told > 0, "{severity}, {minutes} min");
            let tellings = group(&owed, jumped);
            assert_eq!(tellings.len(), 1, "{severity}, {minutes} min: {tellings:?}");
            assert!(tellings[0].missed && tellings[0].owed.len() == told, "{tellings:?}");
            assert_eq!(course.owed(at(60), None), [], "and back: nothing");
        }
    }
}
