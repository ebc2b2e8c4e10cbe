//! What can be made to go wrong, one call or one connection at a time.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::DiscordServer;
use super::gateway::Order;

/// A kind of REST call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// The first response to an interaction.
    Callback,
    /// An interaction's answer: `@original`.
    Original,
    /// A new message in a channel.
    Post,
    /// An edit of a channel's message.
    Edit,
    /// Reading back messages.
    Messages,
    /// Reading who reacted.
    Reactions,
    /// Reading or putting commands.
    Commands,
    /// The gateway's address.
    Gateway,
    /// Everything else.
    Other,
}

/// What happens to one call.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// 429 with this delay; a call before it is over is a violation.
    Limit { retry_after: Duration, global: bool },
    /// Done, and then the connection breaks.
    Reset,
    /// Done, and its answer is kept until this is cancelled.
    Hold(CancellationToken),
    /// This status and no JSON.
    Status(u16),
    /// This status and Discord's code.
    Code(u16, u32),
}

/// How a connection to the gateway ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// A close frame.
    Close(u16),
    /// The connection ends without one.
    Abort,
    /// The connection is reset (TCP RST).
    Reset,
}

impl DiscordServer {
    /// The next `times` calls of `route` get 429 and this delay.
    pub fn limit_next(&self, route: Route, times: usize, retry_after: Duration, global: bool) {
        self.plan(route, times, &Fault::Limit { retry_after, global });
    }

    /// The next call of `route` is done, and its answer never arrives.
    pub fn answer_then_reset_next(&self, route: Route) {
        self.plan(route, 1, &Fault::Reset);
    }

    /// The next call of `route` is done, and its answer leaves when what this returns is dropped.
    #[must_use]
    pub fn hold_next(&self, route: Route) -> DropGuard {
        let held = CancellationToken::new();
        self.plan(route, 1, &Fault::Hold(held.clone()));
        held.drop_guard()
    }

    /// The next `times` calls of `route` get an HTTP error page.
    pub fn status_next(&self, route: Route, times: usize, status: u16) {
        self.plan(route, times, &Fault::Status(status));
    }

    /// The next `times` calls of `route` are refused with `status` and Discord's `code`.
    pub fn refuse_next(&self, route: Route, times: usize, status: u16, code: u32) {
        self.plan(route, times, &Fault::Code(status, code));
    }

    fn plan(&self, route: Route, times: usize, fault: &Fault) {
        let mut state = self.state();
        state.faults.entry(route).or_default().extend(std::iter::repeat_n(fault.clone(), times));
    }

    /// The next `times` connections to the gateway are broken before the WebSocket handshake.
    pub fn refuse_connections(&self, times: usize) {
        self.state().refuse_connections = times;
    }

    /// The next `times` connections to the gateway are taken, and then nothing is ever said on them.
    pub fn silence_connections(&self, times: usize) {
        self.state().silent_connections = times;
    }

    /// Every connection to the gateway ends. With `resumable` the session waits for a RESUME.
    /// Returns how many there were.
    pub fn drop_gateway(&self, how: Drop, resumable: bool) -> usize {
        self.order_all(resumable, |_| Order::End(how))
    }

    /// Asks the bot to reconnect and resume (opcode 7).
    pub fn op7(&self) -> usize {
        self.order_all(true, |_| Order::Send(json!({"op": 7, "d": null})))
    }

    /// Invalidates the session (opcode 9).
    pub fn op9(&self, resumable: bool) -> usize {
        self.order_all(resumable, |_| Order::Send(json!({"op": 9, "d": resumable})))
    }

    /// Every connection to the gateway stays open and dead: nothing is said or heard on it any more, and its
    /// session is over. Returns how many there were.
    pub fn hush_gateway(&self) -> usize {
        self.order_all(false, |_| Order::Hush)
    }

    /// What Discord says is left of the day's sessions, and when it counts anew.
    pub fn sessions_left(&self, remaining: usize, reset_after: Duration) {
        self.state().sessions_left = Some((remaining, reset_after));
    }

    /// IDENTIFY is refused with close code 4014 from now on.
    pub fn refuse_intents(&self) {
        self.state().intents_refused = true;
    }

    /// The next event is sent twice.
    pub fn duplicate_next(&self) {
        self.state().duplicate_next = true;
    }

    /// The next event comes without these fields, each a JSON pointer such as `/locale`.
    pub fn malformed_dispatch(&self, fields: &[&str]) {
        self.state().malformed_next = fields.iter().map(|field| (*field).to_owned()).collect();
    }

    /// The interaction's token is refused from now on, as after 15 minutes.
    pub fn expire_token(&self, interaction: u64) {
        if let Some(interaction) = self.state().interactions.get_mut(&interaction) {
            interaction.is_over = true;
        }
    }

    /// Somebody deletes a message.
    pub fn delete_message(&self, id: u64) {
        let mut state = self.state();
        let gone = state.messages.iter().position(|message| message.id == id);
        let gone = gone.map(|at| state.messages.remove(at));
        // Its nonce is not free again at once.
        state.deleted.extend(gone);
    }

    fn order_all(&self, resumable: bool, order: impl Fn(&str) -> Order) -> usize {
        let mut state = self.state();
        let live: Vec<String> = state
            .sessions
            .iter()
            .filter(|(_, session)| session.is_live())
            .map(|(id, _)| id.clone())
            .collect();
        for id in &live {
            if let Some(session) = state.sessions.get_mut(id) {
                session.order(order(id));
            }
            if !resumable {
                state.sessions.remove(id);
            }
        }
        drop(state);
        self.shared.changed.notify_waiters();
        live.len()
    }
}

/// Leaves out what a JSON pointer names.
pub(super) fn without(value: &mut Value, pointer: &str) {
    let (parent, field) = pointer.rsplit_once('/').unwrap_or_default();
    if let Some(Value::Object(fields)) = value.pointer_mut(parent) {
        fields.remove(field);
    }
}
