//! The fault switches: what can be made wrong with a service, and the words that do it.
//!
//! `POST /_sick?slow_ms=900&err_pct=60` sets them, `POST /_sick?well=1` ends them all, and the same
//! words in the environment variable `SICK` make a fault that a restart does not cure. What each
//! does to an answer is in `service`.

use axum::extract::Query;
use axum::http::Uri;
use serde::{Deserialize, Serialize};

/// The longest delay that may be ordered.
const SLOWEST_MS: u64 = 600_000;
/// The most memory that may be held, so that a demo does not take its host down.
const MOST_LEAKED_MB: usize = 512;

/// What is wrong with a service now. The default is a healthy one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// Milliseconds before each answer, `/metrics` excepted.
    pub slow_ms: u64,
    /// Of a hundred answers, how many are a 500; `/health` and `/metrics` excepted.
    pub err_pct: u64,
    /// `/health` says 503.
    pub down: bool,
    /// Connections are taken and never answered, as with a paused container.
    pub hang: bool,
    /// `/health` is an HTML page with status 200, as from a proxy in front.
    pub html: bool,
    /// `/health` redirects.
    pub redirect: bool,
    /// `/health` sends its answer one byte every half second.
    pub drip: bool,
    /// The process is gone: connections are closed without an answer.
    pub crash: bool,
    /// MiB of memory held on to.
    pub leak_mb: usize,
}

/// The words of one call of `/_sick`. A word left out leaves its fault as it is; 0 ends it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    slow_ms: Option<u64>,
    err_pct: Option<u64>,
    down: Option<u8>,
    hang: Option<u8>,
    html: Option<u8>,
    redirect: Option<u8>,
    drip: Option<u8>,
    crash: Option<u8>,
    leak_mb: Option<usize>,
    attack: Option<u64>,
    well: Option<u8>,
}

/// Why an order was refused.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// A word is not one of the switches, or its value is not a number.
    #[error(
        "not a fault: {0}; use slow_ms=N err_pct=N down=1 hang=1 html=1 redirect=1 drip=1 crash=1 leak_mb=N attack=N well=1, joined by '&'"
    )]
    Words(String),
    /// A number is beyond what its switch takes.
    #[error("{word} is at most {most}")]
    TooMuch {
        /// The switch.
        word: &'static str,
        /// Its largest value.
        most: u64,
    },
}

impl Order {
    /// Reads the words as they stand in a query string, without the `?`.
    ///
    /// # Errors
    /// When a word is unknown or has no number.
    pub fn parse(words: &str) -> Result<Self, FaultError> {
        let uri: Uri = format!("/?{words}").parse().map_err(|e| FaultError::Words(format!("{e}")))?;
        let Query(order) = Query::try_from_uri(&uri).map_err(|e| FaultError::Words(e.body_text()))?;
        Ok(order)
    }

    /// How many security events it asks for: an event, not a lasting fault.
    pub(crate) fn attacks(&self) -> u64 {
        self.attack.unwrap_or(0).min(1000)
    }
}

impl Faults {
    /// The faults after the order.
    ///
    /// # Errors
    /// When a number is beyond what its switch takes; then nothing is changed.
    pub fn after(&self, order: &Order) -> Result<Self, FaultError> {
        let now = if order.well.is_some_and(|n| n != 0) { Self::default() } else { self.clone() };
        let on = |word: Option<u8>, before: bool| word.map_or(before, |n| n != 0);
        let next = Self {
            slow_ms: order.slow_ms.unwrap_or(now.slow_ms),
            err_pct: order.err_pct.unwrap_or(now.err_pct),
            down: on(order.down, now.down),
            hang: on(order.hang, now.hang),
            html: on(order.html, now.html),
            redirect: on(order.redirect, now.redirect),
            drip: on(order.drip, now.drip),
            crash: on(order.crash, now.crash),
            leak_mb: order.leak_mb.unwrap_or(now.leak_mb),
        };
        next.within_limits()
    }

    fn within_limits(self) -> Result<Self, FaultError> {
        if self.slow_ms > SLOWEST_MS {
            return Err(FaultError::TooMuch { word: "slow_ms", most: SLOWEST_MS });
        }
        if self.err_pct > 100 {
            return Err(FaultError::TooMuch { word: "err_pct", most: 100 });
        }
        if self.leak_mb > MOST_LEAKED_MB {
            return Err(FaultError::TooMuch { word: "leak_mb", most: MOST_LEAKED_MB as u64 });
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(words: &str) -> Result<Faults, FaultError> {
        Faults::default().after(&Order::parse(words)?)
    }

    #[test]
    fn words_set_faults_and_zero_ends_one() {
        let sick = after("down=1&slow_ms=900&err_pct=60").unwrap();
        assert_eq!(sick, Faults { down: true, slow_ms: 900, err_pct: 60, ..Faults::default() });
        let better = sick.after(&Order::parse("down=0").unwrap()).unwrap();
        assert_eq!(better, Faults { slow_ms: 900, err_pct: 60, ..Faults::default() });
        assert_eq!(sick.after(&Order::parse("well=1").unwrap()).unwrap(), Faults::default());
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_words_that_are() {
        for words in
            ["dwon=1", "down=yes", "down", "slow_ms=-1", "err_pct=101", "slow_ms=600001", "leak_mb=513"]
        {
            let error = after(words).unwrap_err().to_string();
            assert!(error.contains("well=1") || error.contains("at most"), "{words}: {error}");
        }
    }
}
