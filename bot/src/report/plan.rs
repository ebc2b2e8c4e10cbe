//! The words of plans: what will be done, who has to say yes, how it goes, and what it came to.

mod backup;
mod card;
mod execution;
mod facts;
mod refusal;
mod restore;
mod vote;

pub use backup::{
    backup_made, backup_there, complaint, database_container_rests, database_gone, dump_effect, dump_undo,
    no_administration, no_backup, no_database, no_database_container, odd_database, sessions_stay,
    snapshot_lost, tables_missing,
};
pub use card::{Shown, StepShown, asked, card, differences, dry_run};
pub use execution::{
    Ended, already_so, container_found, container_gone, flight_record, found_done, no_such_step,
    not_signalled, nothing_kept, part_missing, result, session_gone, session_there, still_there,
};
pub use facts::{cancel_effect, cancel_undo, kill_effect, kill_undo, restart_effect, restart_undo};
pub use refusal::{
    closed_reason, closed_word, frozen, no_container, no_glass, no_session, no_signal_url, no_statement,
    nowhere_to_post, other_engine, protected, two_containers,
};
pub use restore::{
    archive_about, archive_changed, bad_manifest, beside_gone, beside_left, both, compared, flawed, loaded,
    logged_in, never_dropped, no_dump, no_other, no_room, no_room_known, no_tables, not_as_expected,
    not_listed, not_swapped, nothing_set_aside, nothing_to_put_on, odd_names, other_migration, other_rows,
    other_sums, put_on, restore_effect, restore_undo, swap_found, swapped, undo_effect,
};
pub use vote::{Vote, Waits, approvals, counted, no_such_plan, not_counted, not_counted_reason, vote_of};
