use commands::escalation::{Course, Policy};
use commands::incident::{IncidentNumber, RoomKind, Severity, State};
use commands::message::Posted;
use commands::timeline::{Entry, Happened};

use super::*;
use crate::{NewIncident, card_slot};

const LEASE: Duration = Duration::from_secs(5);
const TALKED_ON: [Platform; 2] = [Platform::Slack, Platform::Discord];

fn place(platform: Platform, id: &str, thread: Option<&str>) -> Place {
    Place { room: Room::new(platform, id), thread: thread.map(str::to_owned) }
}

fn opened(number: u64, homes: Vec<Place>) -> NewIncident {
    let course = Course::open(Policy::silent(), Severity::P0, false, at(1));
    let what = Happened::Opened { severity: Severity::P0, title: "x".to_owned() };
    NewIncident {
        run: RunId::from_random(number),
        title: "x".to_owned(),
        place: None,
        services: Vec::new(),
        by: "Cy".to_owned(),
        state: State::new(course, homes, false, "Cy".to_owned()),
        owed_at: None,
        entry: Entry { at: at(1), by: None, what },
    }
}

on_both! {
    async fn a_room_is_wanted_beside_each_home_until_it_is_made_or_refused(ground: &Ground) {
        let store = ground.store().await;
        let homes = vec![
            place(Platform::Slack, "C1", None),
            place(Platform::Discord, "100", None),
            place(Platform::Web, "incidents", None),
            place(Platform::Discord, "100", Some("7")),
        ];
        let number = store.open_incident(opened(1, homes.clone()), at(1)).await.unwrap();
        assert_eq!(store.open_incident(opened(1, homes.clone()), at(1)).await.unwrap(), number, "taken up again");
        let slack = store.rooms_wanted(&[Platform::Slack], at(1), LEASE, 9).await.unwrap();
        assert_eq!(slack.iter().map(|wanted| (wanted.home, wanted.tries)).collect::<Vec<_>>(), [(0, 1)]);
        assert_eq!(slack[0].beside, homes[0]);
        let discord = store.rooms_wanted(&TALKED_ON, at(1), LEASE, 9).await.unwrap();
        assert_eq!(discord.iter().map(|wanted| wanted.home).collect::<Vec<_>>(), [1], "one has the other");
        assert_eq!(discord[0].card, None);
        // Whoever dies in the middle is followed by somebody else.
        assert_eq!(store.rooms_wanted(&TALKED_ON, at(5), LEASE, 9).await.unwrap(), []);
        let again = store.rooms_wanted(&TALKED_ON, at(6), LEASE, 9).await.unwrap();
        assert_eq!(again.iter().map(|wanted| wanted.tries).collect::<Vec<_>>(), [2, 2]);

        let own = place(Platform::Slack, "C2", None);
        store.settle_room(&slack[0], Some(&own), at(7)).await.unwrap();
        store.defer_room(&discord[0], at(8)).await.unwrap();
        assert_eq!(store.rooms_wanted(&TALKED_ON, at(7), LEASE, 9).await.unwrap(), []);
        // What nobody is allowed is wanted no more, and what is settled stays so.
        let last = store.rooms_wanted(&TALKED_ON, at(8), LEASE, 9).await.unwrap();
        store.settle_room(&last[0], None, at(9)).await.unwrap();
        store.settle_room(&last[0], Some(&own), at(9)).await.unwrap();
        store.defer_room(&slack[0], at(9)).await.unwrap();
        assert_eq!(store.rooms_wanted(&TALKED_ON, at(99), LEASE, 9).await.unwrap(), []);
        // What was refused or made is not wished for again, and what has become worse gets more.
        let mut state = opened(1, homes.clone()).state;
        state.course.severity = Severity::P1;
        store.want_rooms(number, &state, at(100)).await.unwrap();
        assert_eq!(store.rooms_wanted(&TALKED_ON, at(100), LEASE, 9).await.unwrap(), []);
        state.course.severity = Severity::P2;
        store.want_rooms(number, &state, at(100)).await.unwrap();
        let more = store.rooms_wanted(&TALKED_ON, at(100), LEASE, 9).await.unwrap();
        assert_eq!(more.iter().map(|wanted| (wanted.home, wanted.kind)).collect::<Vec<_>>(), [(0, RoomKind::Thread)]);
        let made = store.rooms_made(at(0)).await.unwrap();
        assert_eq!(made.len(), 1);
        assert_eq!((made[0].incident, &made[0].place, &made[0].beside), (number, &own, &homes[0]));
        assert_eq!(store.rooms_made(at(8)).await.unwrap(), [], "made before that");
    }

    async fn a_thread_waits_for_the_card_that_it_hangs_on(ground: &Ground) {
        let store = ground.store().await;
        let home = place(Platform::Discord, "100", None);
        let number = store.open_incident(opened(1, vec![home.clone()]), at(1)).await.unwrap();
        assert_eq!(number, IncidentNumber(1));
        let card = NewMessage {
            slot: card_slot(number, 0),
            lane: Lane::Answer,
            target: Target::Post(home.clone()),
            reply: reply("card"),
        };
        store.put_message(card, at(1)).await.unwrap();
        let wanted = store.rooms_wanted(&TALKED_ON, at(1), LEASE, 9).await.unwrap();
        assert_eq!(wanted[0].card, None, "stored and not posted");
        let claim = crate::Wanted { platforms: &TALKED_ON, busy: &[], lease: LEASE, limit: 1 };
        let sent = store.claim_messages(claim, at(1)).await.unwrap();
        let posted = Posted::Message(MessageRef { room: home.room, id: "5".to_owned() });
        store.confirm(&sent[0], posted.clone(), at(2)).await.unwrap();
        let wanted = store.rooms_wanted(&TALKED_ON, at(9), LEASE, 9).await.unwrap();
        assert_eq!(wanted[0].card, Some(posted));
    }
}
