//! What can be made to go wrong, one call or one socket at a time.

use std::time::Duration;

use super::SlackServer;
use super::delivery::{AckOutcome, Kind};
use super::sockets::Order;

/// What happens to one call.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// 429 with this `Retry-After`; a call before it is over is a violation.
    Limit(u64),
    /// No answer at all.
    Hang,
    /// Done, and then the connection breaks.
    Reset,
    /// `ok: false` with this code.
    Code(&'static str),
    /// An HTTP status and no JSON.
    Status(u16),
}

impl SlackServer {
    /// The next `times` calls of `method` (or `response_url`) get 429 and `Retry-After: retry_after`.
    pub fn limit_next(&self, method: &str, times: usize, retry_after: u64) {
        self.plan(method, times, &Fault::Limit(retry_after));
    }

    /// The next call of `method` gets no answer.
    pub fn hang_next(&self, method: &str) {
        self.plan(method, 1, &Fault::Hang);
    }

    /// The next call of `method` is done, and its answer never arrives.
    pub fn answer_then_reset_next(&self, method: &str) {
        self.plan(method, 1, &Fault::Reset);
    }

    /// The next `times` calls of `method` are refused with `code`.
    pub fn refuse_next(&self, method: &str, times: usize, code: &'static str) {
        self.plan(method, times, &Fault::Code(code));
    }

    /// Whatever was asked for of `method` and has not happened yet is called off.
    pub fn works_again(&self, method: &str) {
        self.state().faults.remove(method);
    }

    /// The next call of `method` gets an HTTP error page.
    pub fn status_next(&self, method: &str, status: u16) {
        self.plan(method, 1, &Fault::Status(status));
    }

    /// The next `times` sockets are taken and closed again.
    pub fn close_next_sockets(&self, times: usize) {
        self.state().refuse_sockets = times;
    }

    /// The next envelope goes to two sockets at once.
    pub fn duplicate_next(&self) {
        self.state().duplicate_next = true;
    }

    /// Tells every socket that it will be closed soon, as Slack does every few hours. Returns how many.
    pub fn refresh_sockets(&self) -> usize {
        let told = self.order_all(|| Order::Refresh);
        self.state().sockets.values_mut().for_each(|link| link.leaving = true);
        told
    }

    /// The same, and right behind each notice a command, on the very socket that was told to go.
    pub async fn refresh_sockets_under_commands(
        &self,
        user: &str,
        channel: &str,
        text: &str,
    ) -> Vec<AckOutcome> {
        let links: Vec<u64> = self.state().sockets.keys().copied().collect();
        let mut outcomes = Vec::new();
        for id in links {
            let payload = self.command(user, channel, text);
            let (envelope, acknowledged) = self.envelope(Kind::Command, &payload, 0);
            if let Some(link) = self.state().sockets.get_mut(&id) {
                link.leaving = true;
                link.order(Order::Refresh);
                link.order(Order::Send(envelope));
            }
            outcomes.push(acknowledged);
        }
        let mut heard = Vec::new();
        for outcome in outcomes {
            heard.push(outcome.within_deadline().await);
        }
        heard
    }

    /// Breaks every connection without a word. Returns how many.
    pub fn drop_sockets(&self) -> usize {
        let dropped = self.order_all(|| Order::Abort);
        self.state().sockets.clear();
        dropped
    }

    /// Leaves every connection open and never reads from or writes to it again. Returns how many.
    pub fn freeze_sockets(&self) -> usize {
        let frozen = self.order_all(|| Order::Freeze);
        self.state().sockets.clear();
        frozen
    }

    /// Sends a raw frame on one socket.
    ///
    /// # Panics
    /// Where no socket is open.
    pub fn send_raw(&self, text: &str) {
        let state = self.state();
        let (_, link) = state.sockets.first_key_value().expect("an open socket");
        link.order(Order::Send(text.to_owned()));
    }

    /// Waits until `calls` of `method` have been made.
    ///
    /// # Panics
    /// After `timeout`.
    pub async fn wait_calls(&self, method: &str, calls: usize, timeout: Duration) {
        self.wait(timeout, &format!("{calls} calls of {method}"), |state| {
            (state.calls.get(method).copied().unwrap_or(0) >= calls).then_some(())
        })
        .await;
    }

    fn order_all(&self, order: impl Fn() -> Order) -> usize {
        let state = self.state();
        state.sockets.values().filter(|link| !link.leaving).map(|link| link.order(order())).count()
    }

    fn plan(&self, method: &str, times: usize, fault: &Fault) {
        let mut state = self.state();
        let queue = state.faults.entry(method.to_owned()).or_default();
        queue.extend(std::iter::repeat_n(fault.clone(), times));
    }
}
