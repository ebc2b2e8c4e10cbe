//! Votes: what a button says, what became of one, and which plans wait.

use commands::approval::{Ballot, Pressed, Quorum, Standing};
use commands::card::{Button, ButtonStyle, Section, Tone};
use commands::layout;
use commands::message::Reply;
use store::{PlanState, StoredPlan};

use super::card::{needs, short_card};
use super::refusal::closed_text;
use crate::counted::NotCounted;
use crate::report::health::clock_time;
use crate::report::{card, private, public, refusal_reason, refused};

/// The answer to a button.
#[must_use]
pub fn counted(standing: &Standing) -> Reply {
    let text = match standing {
        Standing::Waiting { have, .. } if have.is_empty() => "Recorded. It still waits.".to_owned(),
        Standing::Waiting { have, .. } => format!("Recorded. So far: {}.", have.join(", ")),
        Standing::Approved { .. } => "Recorded. That is all it needs: it begins.".to_owned(),
        Standing::Vetoed { by } => format!("Recorded: vetoed by {by}."),
        Standing::Withdrawn => "Recorded: it is taken back.".to_owned(),
        Standing::NotApproved | Standing::NotBegun => "Recorded, but its time is over.".to_owned(),
    };
    private(short_card("Vote".to_owned(), Tone::Neutral, text))
}

/// The answer to a button of a plan that is not stored.
#[must_use]
pub fn no_such_plan() -> Reply {
    private(short_card(
        "Not counted".to_owned(),
        Tone::Warning,
        "This plan is not there any more. Ask anew.".to_owned(),
    ))
}

/// Why a vote does not count, for the audit trail.
#[must_use]
pub fn not_counted_reason(why: &NotCounted) -> String {
    match why {
        NotCounted::Refusal(refusal) => refusal_reason(refusal),
        NotCounted::Own => "one's own plan".to_owned(),
        NotCounted::NoConfirmation => "this plan takes no confirmation of this person".to_owned(),
        NotCounted::NotOpen(PlanState::Open | PlanState::Begun) => "the plan has begun".to_owned(),
        NotCounted::NotOpen(PlanState::Closed(_)) => "the plan is closed".to_owned(),
        NotCounted::TooLate => "its time for votes is over".to_owned(),
        NotCounted::OtherPlan => "the button is of another plan".to_owned(),
    }
}

/// The answer to a vote that does not count.
#[must_use]
pub fn not_counted(why: &NotCounted) -> Reply {
    let text = match why {
        NotCounted::Refusal(refusal) => return refused(refusal),
        NotCounted::Own => "It is your own plan: somebody else has to say yes. ⛔ takes it back.".to_owned(),
        NotCounted::NoConfirmation => {
            "Only who asked can confirm, and only a change inside an open incident: approve it instead."
                .to_owned()
        }
        NotCounted::NotOpen(PlanState::Open | PlanState::Begun) => "It has begun already.".to_owned(),
        NotCounted::NotOpen(PlanState::Closed(why)) => closed_text(why),
        NotCounted::TooLate => "Its time for votes is over. Ask anew if it is still wanted.".to_owned(),
        NotCounted::OtherPlan => {
            "This button is of another plan than the one that is stored. Ask anew.".to_owned()
        }
    };
    private(short_card("Not counted".to_owned(), Tone::Warning, text))
}

/// One plan that waits, as a person sees it.
#[derive(Debug)]
pub struct Waits<'a> {
    /// Itself.
    pub stored: &'a StoredPlan,
    /// How it stands.
    pub standing: Standing,
    /// Whether this person's vote would count.
    pub for_me: bool,
}

/// The plans that wait, those for the asker first.
#[must_use]
pub fn approvals(waiting: &[Waits<'_>]) -> Reply {
    if waiting.is_empty() {
        return public(short_card(
            "Nothing waits for a vote".to_owned(),
            Tone::Good,
            "No plan is open.".to_owned(),
        ));
    }
    let mine = waiting.iter().filter(|one| one.for_me).count();
    let title = match (waiting.len(), mine) {
        (1, 0) => "1 plan waits, and not for you".to_owned(),
        (all, 0) => format!("{all} plans wait, and none for you"),
        (_, 1) => "1 plan waits for your vote".to_owned(),
        (_, mine) => format!("{mine} plans wait for your vote"),
    };
    let facts = waiting.iter().map(|one| {
        let plan = &one.stored.plan;
        let until = match &one.standing {
            Standing::Waiting { until, .. } | Standing::Approved { until, .. } => clock_time(*until),
            Standing::Vetoed { .. } | Standing::Withdrawn | Standing::NotApproved | Standing::NotBegun => {
                "now".to_owned()
            }
        };
        let who = if one.for_me { "your vote" } else { "others" };
        (
            layout::short(&plan.line, 100),
            format!(
                "plan {}, {}, asked by {}, needs {}, until {until}; waits for {who}; posted in {}",
                one.stored.digest.short(),
                plan.risk,
                plan.requester,
                needs_words(one.stored.quorum),
                one.stored.place.room
            ),
        )
    });
    let mut list = card(title, Tone::Neutral, vec![Section::Facts(facts.collect())]);
    list.buttons = waiting.iter().filter(|one| one.for_me).take(10).flat_map(buttons).collect();
    public(list)
}

fn needs_words(quorum: Quorum) -> String {
    let mut words = needs(quorum);
    if quorum.confirm {
        words.push_str(" or a confirmation");
    }
    words
}

fn buttons(one: &Waits<'_>) -> [Button; 2] {
    let button = |word: &str, ballot, style| Button {
        label: format!("{word} {}", one.stored.digest.short()),
        value: Pressed::on(ballot, one.stored.plan.run, &one.stored.digest).to_string(),
        style,
    };
    [
        button("Approve", Ballot::Approve, ButtonStyle::Primary),
        button("Veto", Ballot::Veto, ButtonStyle::Danger),
    ]
}
