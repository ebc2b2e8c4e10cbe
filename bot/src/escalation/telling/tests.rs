use commands::escalation::Way as Loud;
use commands::escalation::{Phase, Recipient};
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
