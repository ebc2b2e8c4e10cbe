use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn vote(person: &str, ballot: Ballot, seconds: i64) -> Vote {
    Vote { person: person.to_owned(), ballot, at: at(seconds) }
}

fn role(name: &str) -> Option<Role> {
    match name {
        "Cy" => Some(Role::Viewer),
        "Dee" | "Dan" => Some(Role::Operator),
        "Bo" | "Eve" => Some(Role::Approver),
        "Ada" => Some(Role::Admin),
        _ => None,
    }
}

fn asked(risk: Risk, in_incident: bool, break_glass: bool) -> Asked<'static> {
    Asked {
        requester: "Dee",
        created: at(0),
        quorum: Quorum::of(risk, in_incident).unwrap(),
        break_glass,
        windows: Windows::default(),
    }
}

fn word(standing: &Standing) -> String {
    let name = |by: &[String]| by.join("+");
    match standing {
        Standing::Approved { by, until } => {
            format!("approved by {}, until {}", name(by), until.as_second() - at(0).as_second())
        }
        Standing::Waiting { have, until } => {
            format!("waits, has {}, until {}", name(have), until.as_second() - at(0).as_second())
        }
        Standing::Vetoed { by } => format!("vetoed by {by}"),
        Standing::Withdrawn => "withdrawn".to_owned(),
        Standing::NotApproved => "not approved".to_owned(),
        Standing::NotBegun => "not begun".to_owned(),
    }
}

#[test]
fn what_each_risk_takes() {
    let quorum =
        |risk, incident| Quorum::of(risk, incident).map(|quorum| (quorum.votes, quorum.role, quorum.confirm));
    assert_eq!(quorum(Risk::Read, true), None);
    assert_eq!(quorum(Risk::Coordinate, true), None);
    assert_eq!(quorum(Risk::Change, false), Some((1, Role::Operator, false)));
    assert_eq!(quorum(Risk::Change, true), Some((1, Role::Operator, true)));
    assert_eq!(quorum(Risk::Destructive, true), Some((1, Role::Approver, false)));
    assert_eq!(quorum(Risk::Critical, true), Some((2, Role::Approver, false)));
}

#[test]
fn who_counts_for_what() {
    use Ballot::{Approve, Confirm, Veto};
    let change = asked(Risk::Change, false, false);
    let in_incident = asked(Risk::Change, true, false);
    let destructive = asked(Risk::Destructive, true, false);
    let critical = asked(Risk::Critical, false, false);
    let glass = asked(Risk::Critical, true, true);
    let table: [(&str, &Asked<'_>, Vec<Vote>, i64, &str); 26] = [
        ("nobody yet", &change, vec![], 1, "waits, has , until 600"),
        ("another operator", &change, vec![vote("Dan", Approve, 9)], 10, "approved by Dan, until 309"),
        ("the requester", &change, vec![vote("Dee", Approve, 9)], 10, "waits, has , until 600"),
        ("a viewer", &change, vec![vote("Cy", Approve, 9)], 10, "waits, has , until 600"),
        ("somebody unknown", &change, vec![vote("Mallory", Approve, 9)], 10, "waits, has , until 600"),
        (
            "a confirmation outside any incident",
            &change,
            vec![vote("Dee", Confirm, 9)],
            10,
            "waits, has , until 600",
        ),
        (
            "a confirmation inside one",
            &in_incident,
            vec![vote("Dee", Confirm, 9)],
            10,
            "approved by Dee, until 309",
        ),
        (
            "somebody else's confirmation",
            &in_incident,
            vec![vote("Ada", Confirm, 9)],
            10,
            "waits, has , until 600",
        ),
        ("a vote inside one", &in_incident, vec![vote("Dan", Approve, 9)], 10, "approved by Dan, until 309"),
        (
            "a confirmation of what destroys",
            &destructive,
            vec![vote("Dee", Confirm, 9)],
            10,
            "waits, has , until 600",
        ),
        (
            "an operator for what destroys",
            &destructive,
            vec![vote("Dan", Approve, 9)],
            10,
            "waits, has , until 600",
        ),
        (
            "an approver for what destroys",
            &destructive,
            vec![vote("Bo", Approve, 9)],
            10,
            "approved by Bo, until 309",
        ),
        ("one of two", &critical, vec![vote("Bo", Approve, 9)], 10, "waits, has Bo, until 600"),
        (
            "the same one twice",
            &critical,
            vec![vote("Bo", Approve, 9), vote("Bo", Approve, 20)],
            30,
            "waits, has Bo, until 600",
        ),
        (
            "two of two",
            &critical,
            vec![vote("Eve", Approve, 20), vote("Bo", Approve, 9)],
            30,
            "approved by Bo+Eve, until 320",
        ),
        (
            "a third changes no clock",
            &critical,
            vec![vote("Bo", Approve, 9), vote("Eve", Approve, 20), vote("Ada", Approve, 99)],
            100,
            "approved by Bo+Eve+Ada, until 320",
        ),
        (
            "a veto",
            &critical,
            vec![vote("Bo", Approve, 9), vote("Eve", Approve, 20), vote("Ada", Veto, 21)],
            30,
            "vetoed by Ada",
        ),
        (
            "a veto without the role",
            &destructive,
            vec![vote("Bo", Approve, 9), vote("Dan", Veto, 8)],
            10,
            "approved by Bo, until 309",
        ),
        (
            "the requester's veto takes back",
            &destructive,
            vec![vote("Bo", Approve, 9), vote("Dee", Veto, 9)],
            10,
            "withdrawn",
        ),
        (
            "the last moment to vote",
            &destructive,
            vec![vote("Bo", Approve, 600)],
            601,
            "approved by Bo, until 900",
        ),
        ("too late to vote", &destructive, vec![vote("Bo", Approve, 601)], 602, "not approved"),
        ("nobody in time", &destructive, vec![], 601, "not approved"),
        (
            "the last moment to begin",
            &destructive,
            vec![vote("Bo", Approve, 9)],
            309,
            "approved by Bo, until 309",
        ),
        ("too late to begin", &destructive, vec![vote("Bo", Approve, 9)], 310, "not begun"),
        ("the glass is broken", &glass, vec![], 29, "waits, has , until 30"),
        ("and nobody stops it", &glass, vec![], 30, "approved by , until 330"),
    ];
    for (name, asked, votes, now, expected) in table {
        assert_eq!(word(&standing(asked, &votes, role, at(now))), expected, "{name}");
    }
    let stopped = standing(&glass, &[vote("Eve", Veto, 12)], role, at(30));
    assert_eq!(word(&stopped), "vetoed by Eve");
}

#[test]
fn both_edges_of_a_window_are_kept_to_the_microsecond() {
    let asked = asked(Risk::Destructive, false, false);
    let just_after = at(600) + Duration::from_micros(1);
    assert_eq!(word(&standing(&asked, &[], role, at(600))), "waits, has , until 600");
    assert_eq!(word(&standing(&asked, &[], role, just_after)), "not approved");
    let late = Vote { person: "Bo".to_owned(), ballot: Ballot::Approve, at: just_after };
    assert_eq!(word(&standing(&asked, &[late], role, just_after)), "not approved");
}

#[test]
fn only_the_two_emoji_themselves_say_anything() {
    use Platform::{Cli, Discord, Slack, Web};
    let table = [
        (Slack, "white_check_mark", Some(Ballot::Approve)),
        (Slack, "no_entry", Some(Ballot::Veto)),
        (Slack, "white_check_mark::skin-tone-2", None),
        (Slack, "heavy_check_mark", None),
        (Slack, "✅", None),
        (Discord, "✅", Some(Ballot::Approve)),
        (Discord, "⛔", Some(Ballot::Veto)),
        (Discord, "✅:123456789", None),
        (Discord, "white_check_mark:123456789", None),
        (Discord, "white_check_mark", None),
        (Discord, "✔️", None),
        (Discord, "✅\u{fe0f}", None),
        (Web, "✅", Some(Ballot::Approve)),
        (Web, "📌", None),
        (Cli, "✅", None),
    ];
    for (platform, emoji, expected) in table {
        assert_eq!(Ballot::of_emoji(platform, emoji), expected, "{platform} {emoji}");
    }
}

#[test]
fn a_button_is_read_back_and_nothing_else_passes_for_one() {
    let digest = Digest::of(b"abc");
    for ballot in Ballot::ALL {
        let pressed = Pressed::on(ballot, RunId::from_random(7), &digest);
        assert_eq!(Pressed::read(&pressed.to_string()), Some(pressed));
    }
    let whole = "vote approve 000000000007 ba7816bf8f01cfea";
    assert!(Pressed::read(whole).is_some());
    for other in [
        "",
        "vote",
        "vote approve",
        "line health",
        "vote approve 7 ba7816bf8f01cfea",
        "vote approve 000000000007 ba7816bf8f01",
        "vote approve 000000000007 ba7816bf8f01cfe\u{e4}",
        "vote sudo 000000000007 ba7816bf8f01cfea",
        "vote approve 000000000007 ba7816bf8f01cfea now",
        " vote approve 000000000007 ba7816bf8f01cfea",
    ] {
        assert_eq!(Pressed::read(other), None, "{other:?}");
    }
}

#[test]
fn what_the_configuration_approved_needs_nobody_and_can_be_stopped() {
    let mut alone = asked(Risk::Change, false, false);
    alone.quorum = Quorum::CONFIGURED;
    let until = alone.created + alone.windows.start;
    let stands = |votes: &[Vote], seconds| standing(&alone, votes, role, at(seconds));
    assert_eq!(stands(&[], 0), Standing::Approved { by: Vec::new(), until });
    assert_eq!(stands(&[], 301), Standing::NotBegun);
    assert_eq!(stands(&[vote("Ada", Ballot::Veto, 1)], 2), Standing::Vetoed { by: "Ada".to_owned() });
}
