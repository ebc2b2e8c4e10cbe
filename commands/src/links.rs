//! The platform's pages that people open, whether they are there, and the numbers that each dashboard
//! would show first.

use serde::{Deserialize, Serialize};

use crate::health::{ProbeOutcome, Reading, Seats};
use crate::ids::ServiceName;
use crate::traffic::{HIGH_AUTH_FAILURES, HIGH_ERROR_RATIO, Latency, Measured};

/// What a page is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageName {
    /// Grafana itself.
    Grafana,
    /// One of its dashboards, as the configuration calls it.
    Dashboard(String),
    /// Prometheus.
    Prometheus,
    /// Alertmanager.
    Alertmanager,
    /// The service without which the platform is down: every request comes through it.
    Gateway(ServiceName),
    /// The address that the world uses.
    Public,
}

/// What asking for a page came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageAnswer {
    /// It is there, and it is what it should be.
    Works,
    /// It answers, and says that it is not ready or not well.
    NotReady,
    /// It wants a login that the bot does not have.
    LoginNeeded {
        /// 401 or 403.
        code: u16,
    },
    /// Grafana knows no dashboard of that uid.
    NoDashboard,
    /// Something else than what should be there answered.
    SomethingElse(String),
    /// No whole answer before the deadline.
    TimedOut,
    /// No way there, or the answer broke off.
    Failed(String),
    /// What a service's health check said.
    Probed(ProbeOutcome),
}

impl PageAnswer {
    /// Whether somebody who opens the page finds what they look for.
    #[must_use]
    pub const fn works(&self) -> bool {
        match self {
            Self::Works => true,
            Self::Probed(outcome) => outcome.is_healthy(),
            Self::NotReady
            | Self::LoginNeeded { .. }
            | Self::NoDashboard
            | Self::SomethingElse(_)
            | Self::TimedOut
            | Self::Failed(_) => false,
        }
    }
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Which.
    pub name: PageName,
    /// Where people find it, without user, password, query and fragment.
    pub address: String,
    /// What it answered.
    pub answer: PageAnswer,
}

/// The numbers beside the dashboards, each read by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headlines {
    /// By Prometheus' last scrapes.
    pub up: Reading<ServicesUp>,
    /// Errors among all answers of the services, from 0 to 1.
    pub errors: Reading<Measured>,
    /// The service with the longest p95; `None` where there is no service.
    pub slowest: Reading<Option<(ServiceName, Latency)>>,
    /// Logins that were answered 401 or 403, a second.
    pub refused_logins: Reading<Measured>,
    /// The database's connections.
    pub seats: Reading<Seats>,
}

/// How many services Prometheus could scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicesUp {
    /// Scraped.
    pub up: usize,
    /// Tried in vain.
    pub down: usize,
    /// Configured here and unknown to Prometheus.
    pub not_reported: usize,
}

/// What one dashboard is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// The platform as a whole.
    Overview,
    /// Its services.
    Services,
    /// Logins.
    Auth,
    /// The database.
    Database,
}

impl Topic {
    /// The topic of the dashboard that the configuration calls `name`; any other has no number beside it.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "overview" => Some(Self::Overview),
            "services" => Some(Self::Services),
            "auth" => Some(Self::Auth),
            "database" => Some(Self::Database),
            _ => None,
        }
    }
}

impl Headlines {
    /// Whether a number of this topic is one to look at.
    #[must_use]
    pub fn is_concern(&self, topic: Topic) -> bool {
        let above = |reading: &Reading<Measured>, limit: f64| matches!(reading, Reading::Read(Measured::Value(value)) if *value > limit);
        match topic {
            Topic::Overview => {
                matches!(&self.up, Reading::Read(up) if up.down > 0) || above(&self.errors, HIGH_ERROR_RATIO)
            }
            Topic::Services => {
                matches!(&self.slowest, Reading::Read(Some((_, latency))) if latency.is_slow())
            }
            Topic::Auth => above(&self.refused_logins, HIGH_AUTH_FAILURES),
            Topic::Database => matches!(&self.seats, Reading::Read(seats) if seats.are_scarce()),
        }
    }
}

/// Every page and every number, at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Links {
    /// As configured; a page whose part is not configured is not among them.
    pub pages: Vec<Page>,
    /// Beside the dashboards.
    pub headlines: Headlines,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_concern_above_its_limit_alone() {
        let quiet = Headlines {
            up: Reading::Read(ServicesUp { up: 6, down: 0, not_reported: 0 }),
            errors: Reading::Read(Measured::Value(0.05)),
            slowest: Reading::Read(None),
            refused_logins: Reading::Read(Measured::NoTraffic),
            seats: Reading::Unavailable("it is down".to_owned()),
        };
        let all = [Topic::Overview, Topic::Services, Topic::Auth, Topic::Database];
        assert!(!all.iter().any(|topic| quiet.is_concern(*topic)));
        let slow = "ac_service".parse().map(|name| (name, Latency::Seconds(0.7))).ok();
        let loud = Headlines {
            up: Reading::Read(ServicesUp { up: 5, down: 1, not_reported: 0 }),
            errors: Reading::NotConfigured,
            slowest: Reading::Read(slow),
            refused_logins: Reading::Read(Measured::Value(0.6)),
            seats: Reading::Read(Seats { used: 58, max: 60, reserved: 3 }),
        };
        assert!(all.iter().all(|topic| loud.is_concern(*topic)));
        let errors = Headlines { errors: Reading::Read(Measured::Value(0.06)), ..quiet };
        assert!(errors.is_concern(Topic::Overview));
    }
}
