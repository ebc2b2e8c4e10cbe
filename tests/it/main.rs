//! Whole flows, a module each.
#![allow(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod acting_crash;
mod acting_discord;
mod acting_flow;
mod backup_flow;
mod containers_flow;
mod database_flow;
mod demo_flow;
mod deploy_flow;
mod discord_flow;
mod discord_wire;
mod invariants;
mod links_flow;
mod lookup_flow;
mod plot_flow;
mod recovery_flow;
mod replica_flow;
mod rotation_flow;
mod runbook_flow;
mod security_flow;
mod shipped_files;
mod slack_flow;
mod slack_wire;
mod socket_proxy;
mod stack_flow;
mod task_flow;
mod terminal_flow;
mod traffic_flow;
mod upkeep_flow;
mod watch_flow;
mod web_page;
mod whole_stack_flow;
