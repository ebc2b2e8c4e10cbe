//! Channels that somebody makes, held to Slack's rules.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::BOT_USER;
use super::state::State;
use super::web::{Args, text};

/// A channel, as its members see it.
#[derive(Clone, Debug)]
pub struct Channel {
    /// `C…`.
    pub id: String,
    /// Without the number sign.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// Who is in it.
    pub members: BTreeSet<String>,
    creator: String,
}

pub(super) fn create(state: &mut State, args: &Args) -> Result<Value, &'static str> {
    let name = text(args, "name");
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 80 || !name.chars().all(allowed) {
        state.violation("invalid_name", format!("conversations.create: {name:?}"));
        return Err("invalid_name_specials");
    }
    if state.channels.iter().any(|channel| channel.name == name) {
        return Err("name_taken");
    }
    let id = made(state, name, BOT_USER);
    Ok(json!({ "ok": true, "channel": { "id": id, "name": name, "creator": BOT_USER, "is_member": true } }))
}

pub(super) fn made(state: &mut State, name: &str, creator: &str) -> String {
    let id = format!("C0MADE{}", state.number());
    state.channels.push(Channel {
        id: id.clone(),
        name: name.to_owned(),
        topic: String::new(),
        members: BTreeSet::from([creator.to_owned()]),
        creator: creator.to_owned(),
    });
    id
}

pub(super) fn set_topic(state: &mut State, args: &Args) -> Result<Value, &'static str> {
    let topic = text(args, "topic").to_owned();
    if topic.chars().count() > 250 {
        state.violation("too_long", "conversations.setTopic");
        return Err("too_long");
    }
    let channel = state.channels.iter_mut().find(|channel| channel.id == text(args, "channel"));
    channel.ok_or("channel_not_found")?.topic = topic;
    Ok(json!({ "ok": true }))
}

/// The incident channel and its like have everybody in them.
pub(super) fn invite(state: &mut State, args: &Args) -> Result<Value, &'static str> {
    let users: Vec<String> = text(args, "users").split(',').map(str::to_owned).collect();
    if users.len() > 100 || users.iter().any(|user| !user.starts_with('U')) {
        state.violation("invalid_users", format!("conversations.invite: {users:?}"));
        return Err("user_not_found");
    }
    let Some(channel) = state.channels.iter_mut().find(|channel| channel.id == text(args, "channel")) else {
        return Err("already_in_channel");
    };
    let before = channel.members.len();
    channel.members.extend(users);
    if channel.members.len() == before { Err("already_in_channel") } else { Ok(json!({ "ok": true })) }
}

/// Two to a page, so that whoever looks has to turn pages.
pub(super) fn list(state: &State, args: &Args) -> Result<Value, &'static str> {
    const PAGE: usize = 2;
    let from: usize = text(args, "cursor").parse().unwrap_or(0);
    let shown = state.channels.iter().skip(from).take(PAGE);
    let shown: Vec<Value> = shown
        .map(|channel| {
            let member = channel.members.contains(BOT_USER);
            json!({ "id": channel.id, "name": channel.name, "creator": channel.creator, "is_member": member })
        })
        .collect();
    let next = from + PAGE;
    let cursor = if next < state.channels.len() { next.to_string() } else { String::new() };
    Ok(json!({ "ok": true, "channels": shown, "response_metadata": { "next_cursor": cursor } }))
}
