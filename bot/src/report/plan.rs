//! The words of plans: what will be done, who has to say yes, how it goes, and what it came to.

mod archive;
mod backup;
mod card;
mod deploy;
mod execution;
mod facts;
mod firewall;
mod fleet;
mod migration;
mod refusal;
mod restore;
mod secrets;
mod stack;
mod upkeep;
mod vote;

pub use archive::{
    archive_effect, archived_already, copied, files_effect, files_made, files_there, in_seconds, no_files,
    nothing_to_archive, odd_archive,
};
pub use backup::{
    backup_made, backup_there, complaint, database_container_rests, database_gone, dump_effect, dump_undo,
    no_administration, no_backup, no_database, no_database_container, odd_database, sessions_stay,
    snapshot_lost, tables_missing,
};
pub use card::{Shown, StepShown, asked, card, differences, dry_run, glass_broken};
pub use deploy::{
    a_number, an_address, config_effect, config_undo, deploy_effect, deploy_undo, image_without_name,
    name_not_back, no_budget, no_compose, no_such_commit, no_such_setting, no_way_back, not_built, not_clean,
    not_of_compose, one_of, other_head, other_image, over_budget, repository_refused, rollback_effect,
    rollback_undo, two_commits, unfit_value,
};
pub use execution::{
    Ended, already_so, container_found, container_gone, flight_record, found_done, found_not_done,
    no_such_step, not_signalled, nothing_kept, part_missing, result, session_gone, session_there,
    still_there,
};
pub use facts::{cancel_effect, cancel_undo, kill_effect, kill_undo, restart_effect, restart_undo};
pub use firewall::{
    block_effect, block_undo, blocked, blocked_already, no_rule, nobody_blocked, not_blocked, rules_gone,
    unblock_effect, unblock_undo,
};
pub use fleet::{
    cleanup_effect, cleanup_undo, fixed_name, fixed_port, left_alone, not_so_many, nothing_to_remove,
    scale_effect, so_many_already,
};
pub use migration::{
    job_ended, job_failed, job_without_log, migrate_effect, migrate_undo, migrated, migrated_already,
    migrations_fail, no_heads, no_migration_container, no_migration_image, not_migrated, nothing_to_migrate,
    other_database, other_revision, still_migrates,
};
pub use refusal::{
    closed_reason, closed_word, frozen, no_container, no_glass, no_session, no_signal_url, no_statement,
    nowhere_to_post, other_engine, protected, two_containers,
};
pub use restore::{
    archive_about, archive_changed, bad_manifest, beside_gone, beside_left, both, commands_in_dump, compared,
    drill_effect, drill_undo, flawed, loaded, never_dropped, no_dump, no_other, no_room, no_room_known,
    no_tables, not_as_expected, not_listed, not_swapped, nothing_set_aside, nothing_to_put_on, odd_names,
    other_migration, other_rows, other_sums, put_on, restore_effect, restore_undo, swap_found, swapped,
    undo_effect,
};
pub use secrets::{
    bad_digest, env_file_error, file_changed, file_not_back, has_it_too, next_up, no_canary, no_compose_file,
    no_env_file, no_old_token, not_in_env_file, not_in_file, nothing_to_rotate, old_token_not_tried,
    old_token_refused, old_token_taken, old_token_unclear, replaced_back, rotate_effect, rotate_undo,
    several_halves, taken_back, value_not_taken,
};
pub use stack::{
    login_fails, login_works, no_container_named, no_containers, no_project, not_healthy, nothing_runs,
    nothing_stopped, stack_restart_effect, stack_restart_undo, stack_start_effect, stack_start_undo,
    stack_stop_effect, stack_stop_undo, the_platform,
};
pub use upkeep::{
    index_effect, index_invalid, index_made, index_missing, index_odd, index_there, index_twice, index_undo,
    invalid_left, no_columns, no_index_listed, no_pool, no_table, pool_effect, pool_reset, pool_undo, tidied,
    tidy_effect, tidy_undo, two_tables, waits_for,
};
pub use vote::{Waits, approvals, counted, no_such_plan, not_counted, not_counted_reason};
