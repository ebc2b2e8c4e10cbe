//! Whether the bot keeps its own schedule: looked at every half minute, told to `/readyz` and to a heartbeat's address.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::webhook::{Address, post};
use crate::{clock, report};

/// Nothing may be owed for longer than this.
const LATE: SignedDuration = SignedDuration::from_secs(10);
/// Between two looks.
const EVERY: Duration = Duration::from_secs(30);
/// The same while something is overdue: whoever waits for the bot to be well need not wait for longer.
const SOON: Duration = Duration::from_secs(1);

/// What the last look found.
#[derive(Debug, Default)]
pub struct Punctuality {
    looked: AtomicBool,
    failed: AtomicBool,
    overdue: AtomicU64,
}

impl Punctuality {
    /// Why the bot is not to be relied on; `Ok` with how it is otherwise.
    pub fn state(&self) -> Result<&'static str, String> {
        if self.failed.load(Ordering::Relaxed) {
            return Err("what incidents owe can't be read".to_owned());
        }
        match self.overdue.load(Ordering::Relaxed) {
            0 if self.looked.load(Ordering::Relaxed) => Ok("nothing is overdue"),
            0 => Ok("not looked yet"),
            count => Err(format!("{count} incidents owe something for more than 10 s")),
        }
    }

    fn note(&self, overdue: Option<u64>) {
        self.looked.store(true, Ordering::Relaxed);
        self.failed.store(overdue.is_none(), Ordering::Relaxed);
        self.overdue.store(overdue.unwrap_or_default(), Ordering::Relaxed);
    }
}

/// Looks until `stop`. The heartbeat goes out only while all is well: whoever misses it knows that this bot is not.
pub async fn keep(app: Arc<App>, stop: CancellationToken) {
    let (mut rest, mut told) = (Duration::ZERO, None::<Instant>);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(rest) => {}
        }
        let overdue = app.store.overdue_incidents(clock::now() - LATE).await;
        if let Err(error) = &overdue {
            tracing::error!(error = error as &dyn std::error::Error, "what incidents owe can't be read");
        }
        app.punctuality.note(overdue.ok());
        let well = app.punctuality.state();
        metrics::gauge!("acgs_escalation_punctual").set(if well.is_ok() { 1.0 } else { 0.0 });
        rest = if well.is_ok() { EVERY } else { SOON };
        match well {
            Ok(_) => {
                told = None;
                beat(&app).await;
            }
            Err(why) if told.is_none_or(|told| told.elapsed() >= EVERY) => {
                told = Some(Instant::now());
                tracing::error!(why, "the schedule is not kept");
            }
            Err(_) => {}
        }
    }
}

async fn beat(app: &App) {
    if app.config.heartbeat.is_some() {
        let body = report::incident::heartbeat(clock::now());
        if let Err(why) = post(app, &Address::Heartbeat, &body).await {
            tracing::warn!(why, "the heartbeat was not taken");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overdue_or_can_not_be_read_is_no_readiness() {
        let punctuality = Punctuality::default();
        assert_eq!(punctuality.state(), Ok("not looked yet"));
        punctuality.note(Some(2));
        assert_eq!(punctuality.state(), Err("2 incidents owe something for more than 10 s".to_owned()));
        punctuality.note(None);
        assert_eq!(punctuality.state(), Err("what incidents owe can't be read".to_owned()));
        punctuality.note(Some(0));
        assert_eq!(punctuality.state(), Ok("nothing is overdue"));
    }
}
