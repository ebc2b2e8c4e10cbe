//! Whole flows against local Slack and Discord servers and a real stack.

pub mod acting;
pub mod address;
pub mod bot;
pub mod browser;
pub mod chatter;
pub mod coordination;
pub mod cut;
pub mod database;
pub mod demo;
pub mod discord;
pub mod engine;
pub mod escalation;
pub mod firewall;
pub mod grafana;
pub mod people;
pub mod platform;
pub mod postgres;
pub mod receiver;
pub mod root;
pub mod slack;
pub mod stack;
pub mod wait;
