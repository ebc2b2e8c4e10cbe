use super::*;

const MESSAGE: u64 = 175_928_847_299_117_063;

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

fn reaction(user: u64, change: ReactionChange) -> Reaction {
    let emoji = "✅".to_owned();
    Reaction { channel: 7, message: MESSAGE, user, by_bot: false, author: None, emoji, change }
}

fn present(users: &[u64], asked_at: Timestamp) -> Present {
    let reactions = users.iter().map(|user| (*user, "✅".to_owned())).collect();
    Present { channel: 7, message: MESSAGE, reactions, asked_at }
}

fn changes(changes: &[(Reaction, Timestamp)]) -> Vec<(u64, ReactionChange, Timestamp)> {
    changes.iter().map(|(reaction, at)| (reaction.user, reaction.change, *at)).collect()
}

#[test]
fn put_on_taken_off_and_put_on_again_are_three_changes_and_a_repeat_is_none() {
    let mut known = Reactions::default();
    assert_eq!(known.note(&reaction(5, ReactionChange::Added), second(1)), second(1));
    assert_eq!(known.note(&reaction(5, ReactionChange::Added), second(2)), second(1), "the same again");
    assert_eq!(known.note(&reaction(5, ReactionChange::Removed), second(3)), second(3));
    assert_eq!(known.note(&reaction(5, ReactionChange::Added), second(4)), second(4));
}

#[test]
fn an_outage_is_made_up_from_what_is_there_now() {
    let mut known = Reactions::default();
    known.note(&reaction(5, ReactionChange::Added), second(1));
    known.note(&reaction(6, ReactionChange::Added), second(2));
    let found = known.reconcile(&present(&[6, 7], second(60)), second(10));
    assert_eq!(
        changes(&found),
        [
            (5, ReactionChange::Removed, second(60)),
            (6, ReactionChange::Added, second(2)),
            (7, ReactionChange::Added, second(10)),
        ]
    );
}

#[test]
fn starting_again_finds_the_same_moment_until_something_was_stored() {
    let first = Reactions::default().reconcile(&present(&[5], second(60)), second(10));
    let second_start = Reactions::default().reconcile(&present(&[5], second(90)), second(10));
    assert_eq!(changes(&first), changes(&second_start));
}

#[test]
fn a_reaction_is_never_older_than_its_message() {
    let found = Reactions::default().reconcile(&present(&[5], second(60)), Timestamp::UNIX_EPOCH);
    assert_eq!(found[0].1, snowflake::made_at(MESSAGE));
}

#[test]
fn what_came_while_the_list_was_on_its_way_is_believed() {
    let mut known = Reactions::default();
    known.note(&reaction(5, ReactionChange::Added), second(1));
    known.note(&reaction(5, ReactionChange::Removed), second(61));
    known.note(&reaction(6, ReactionChange::Added), second(61));
    assert_eq!(known.reconcile(&present(&[5], second(60)), second(10)), []);
}

#[test]
fn a_moderator_clearing_one_emoji_takes_only_that() {
    let mut known = Reactions::default();
    known.note(&reaction(5, ReactionChange::Added), second(1));
    known.note(&Reaction { emoji: "⛔".to_owned(), ..reaction(5, ReactionChange::Added) }, second(2));
    assert_eq!(known.on(MESSAGE, Some("⛔")).len(), 1);
    assert_eq!(known.on(MESSAGE, None).len(), 2);
    assert_eq!(known.on(MESSAGE + 1, None), []);
}

#[test]
fn the_memory_is_bounded_and_keeps_the_newest_messages() {
    let mut known = Reactions::default();
    for message in 0..=KEPT as u64 {
        known.note(&Reaction { message, ..reaction(5, ReactionChange::Added) }, second(1));
    }
    assert!(known.0.len() <= KEPT, "{}", known.0.len());
    assert_eq!(known.on(KEPT as u64, None).len(), 1);
}
