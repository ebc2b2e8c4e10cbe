use commands::card::{Card, Tone};
use commands::ids::{Place, Platform, Room};
use commands::message::{Outgoing, Reply, Visibility};

use super::*;

fn claimed(attempts: u32, created_at: Timestamp) -> Claimed {
    let card =
        Card { title: "x".to_owned(), tone: Tone::Neutral, sections: vec![], buttons: vec![], footer: None };
    let outgoing = Outgoing {
        slot: "s".to_owned(),
        target: Target::Post(Place::channel(Room::new(Platform::Slack, "C1"))),
        reply: Reply {
            visibility: Visibility::Public,
            card,
            file: None,
            picture: None,
            mentions: Vec::new(),
        },
        may_repeat: false,
    };
    let (slot, lane) = ("s".to_owned(), Lane::Answer);
    Claimed { slot, lane, version: 1, outgoing, attempts, fence: 1, created_at }
}

#[test]
fn a_day_of_tries_is_given_up_and_a_day_of_downtime_is_not() {
    let then = Timestamp::UNIX_EPOCH;
    let after = |hours| then + SignedDuration::from_hours(hours);
    assert!(!is_hopeless(&claimed(1400, then), after(23)));
    assert!(is_hopeless(&claimed(1450, then), after(25)));
    assert!(!is_hopeless(&claimed(1, then), after(72)), "the bot was down");
}
