//! What is known of the platform's health, as facts read by the executors, and the verdict on them.
//!
//! Each fault has its own word here, because at night "dead", "frozen" and "answers with an error
//! page" lead to different next steps.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ServiceName;

mod verdict;

pub use verdict::{Part, Severity, Verdict};

/// A reading of something that may not be there to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// The configuration has no section for it. Not an error.
    NotConfigured,
    /// It is configured and could not be read; why, in a few words.
    Unavailable(String),
    /// What was read.
    Read(T),
}

/// One HTTP probe's outcome and how long it took to be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// From the start of the connection to the last byte, or to the moment the probe gave up.
    pub took: Duration,
    /// What came back.
    pub outcome: ProbeOutcome,
}

/// The platform's public address, asked as anybody would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicHealth {
    /// What it answered.
    pub probe: Probe,
    /// When its certificate stops being good; `None` without TLS, or if none was shown.
    pub certificate_ends: Option<Timestamp>,
}

/// A certificate with fewer days than this is due to be renewed.
pub const CERTIFICATE_DAYS: i64 = 14;

impl PublicHealth {
    /// Whole days for which the certificate is still good, from `now`.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> Option<i64> {
        self.certificate_ends.map(|ends| ends.duration_since(now).as_hours() / 24)
    }

    /// Whether it answers well with a certificate that is not about to end.
    #[must_use]
    pub fn is_well(&self, now: Timestamp) -> bool {
        self.probe.outcome.is_healthy() && self.days_left(now).is_none_or(|days| days >= CERTIFICATE_DAYS)
    }
}

/// What a service answered to `GET /health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeOutcome {
    /// HTTP 200 and a `.status` that says well.
    Healthy {
        /// The service's own word.
        status: String,
    },
    /// It answered JSON, and either the code is not 200 or `.status` does not say well.
    Unhealthy {
        /// HTTP status code.
        code: u16,
        /// The service's own word, if the body has one.
        status: Option<String>,
    },
    /// A redirect, which a health check does not follow.
    Redirect {
        /// HTTP status code.
        code: u16,
        /// Where it points; host and path only.
        to: Option<String>,
    },
    /// The body is not JSON: an error page of something in front of the service.
    NotJson {
        /// HTTP status code.
        code: u16,
        /// Such as `text/html`.
        content_type: Option<String>,
    },
    /// JSON without a `.status`.
    NoStatus {
        /// HTTP status code.
        code: u16,
    },
    /// More than 64 KiB of body.
    TooLarge {
        /// HTTP status code.
        code: u16,
    },
    /// Connected, and no answer before the deadline: frozen.
    Frozen,
    /// The answer began and did not end before the deadline: a slow drip.
    Slow {
        /// HTTP status code.
        code: u16,
    },
    /// Nobody listens on the port: dead.
    Refused,
    /// The connection broke in the middle of the answer.
    Broken(String),
    /// No way to the host: name, route, TLS, or no connection before the deadline.
    Unreachable(String),
}

impl ProbeOutcome {
    /// Whether the service said that it is well.
    #[must_use]
    pub const fn is_healthy(&self) -> bool {
        matches!(self, Self::Healthy { .. })
    }
}

/// A container as the Engine sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// All 64 hex digits.
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    /// What it is doing.
    pub state: ContainerState,
    /// What its own health check says; `None` when the image has none.
    pub health: Option<ContainerHealth>,
    /// When it last started; `None` if it never did.
    pub started_at: Option<Timestamp>,
    /// How often the Engine restarted it.
    pub restart_count: u32,
    /// Of the last run; `None` while it runs.
    pub exit_code: Option<i64>,
    /// Whether the kernel killed it for memory.
    pub oom_killed: bool,
}

/// The Engine's state of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerState {
    /// Made and never started.
    Created,
    /// Its process runs.
    Running,
    /// Frozen by `docker pause`.
    Paused,
    /// Between two runs.
    Restarting,
    /// Being removed.
    Removing,
    /// Its process ended.
    Exited,
    /// The Engine failed to remove it.
    Dead,
}

impl ContainerState {
    /// The Engine's own word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }
}

/// The verdict of a container's own health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerHealth {
    /// Not judged yet.
    Starting,
    /// Passes.
    Healthy,
    /// Fails.
    Unhealthy,
}

impl ContainerHealth {
    /// The Engine's own word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// One service: its answer and its container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceHealth {
    /// As configured.
    pub name: ServiceName,
    /// Whether the platform is down without it.
    pub critical: bool,
    /// The answer to `GET /health`.
    pub probe: Probe,
    /// `Read(None)`: Docker answered and has no such container.
    pub container: Reading<Option<Container>>,
}

/// The platform's database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseHealth {
    /// A `SELECT 1` on a fresh TCP connection.
    pub ping: DatabasePing,
    /// From the seat held open, so that it is known even when every other seat is taken.
    pub seats: Option<Seats>,
}

/// The answer to a `SELECT 1` on a fresh connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabasePing {
    /// It answered; connection, authentication and query together took this long.
    Answered(Duration),
    /// Every connection is taken (SQLSTATE 53300).
    Full,
    /// It is starting, stopping or recovering (SQLSTATE 57P0x).
    NotAccepting(String),
    /// Wrong user, password or database (SQLSTATE class 28, 3D000).
    Denied(String),
    /// Nobody listens on the port.
    Refused,
    /// No answer before the deadline.
    TimedOut,
    /// Anything else.
    Failed(String),
}

/// A database's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    /// Client backends now.
    pub used: u32,
    /// `max_connections`.
    pub max: u32,
    /// `superuser_reserved_connections` (and `reserved_connections` from PostgreSQL 16 on).
    pub reserved: u32,
}

/// Prometheus: ready, and what it can't scrape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrometheusHealth {
    /// `GET /-/ready`.
    pub ready: bool,
    /// Active targets that are up.
    pub targets_up: u32,
    /// Active targets that are down.
    pub targets_down: Vec<DownTarget>,
}

/// A target that Prometheus can't scrape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownTarget {
    /// The `job` label.
    pub job: String,
    /// The `instance` label.
    pub instance: String,
    /// Prometheus' own words.
    pub error: String,
}

/// Alertmanager: ready, and what fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertmanagerHealth {
    /// `GET /-/ready`.
    pub ready: bool,
    /// Active alerts that are neither silenced nor inhibited, by name; one entry an alert.
    pub firing: Vec<String>,
    /// Those in force, the one that ends last first: what they hold back is not in `firing`.
    pub silences: Vec<Silence>,
}

/// A silence in force. All texts are people's, cut to a length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// What it holds back, as `alertname=HighLatency, service=~a|b`.
    pub matchers: String,
    /// Who made it.
    pub by: String,
    /// Why.
    pub comment: String,
    /// When it ends.
    pub until: Timestamp,
}

/// Everything that one look at the platform found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// When the last part answered.
    pub as_of: Timestamp,
    /// How long the whole look took.
    pub took: Duration,
    /// Sick ones first, then as configured.
    pub services: Vec<ServiceHealth>,
    /// The database.
    pub database: Reading<DatabaseHealth>,
    /// Prometheus.
    pub prometheus: Reading<PrometheusHealth>,
    /// Alertmanager.
    pub alertmanager: Reading<AlertmanagerHealth>,
}
