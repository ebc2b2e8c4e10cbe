//! The words of plans: what will be done, who has to say yes, how it goes, and what it came to.

mod card;
mod execution;
mod facts;
mod refusal;
mod vote;

pub use card::{Shown, StepShown, asked, card, differences, dry_run};
pub use execution::{
    Ended, already_so, container_found, container_gone, flight_record, found_done, found_not_done,
    no_such_step, not_signalled, nothing_kept, part_missing, result, session_gone, session_there,
    still_there,
};
pub use facts::{cancel_effect, cancel_undo, kill_effect, kill_undo, restart_effect, restart_undo};
pub use refusal::{
    closed_reason, closed_word, frozen, no_container, no_glass, no_session, no_signal_url, no_statement,
    nowhere_to_post, other_engine, protected, two_containers,
};
pub use vote::{Waits, approvals, counted, no_such_plan, not_counted, not_counted_reason};
