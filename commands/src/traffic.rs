//! What Prometheus tells of the services' requests.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::ServiceName;

/// Errors among all answers from which on somebody is told.
pub const HIGH_ERROR_RATIO: f64 = 0.05;

/// Seconds from which on an answer is slow, as the platform's alert HighLatency has it.
pub const SLOW_SECONDS: f64 = 0.5;

/// Endpoints with fewer answers a second have no quantile worth the name.
pub const FLOOR_PER_SECOND: f64 = 0.01;

/// Refused logins and tokens a second and service from which on somebody is told, as the platform's alert
/// AuthFailures has it.
pub const HIGH_AUTH_FAILURES: f64 = 0.5;

/// A share of answers, from 0.5 to 0.999, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Quantile(u16);

impl Quantile {
    /// 95 of 100, the share of the platform's alert.
    pub const P95: Self = Self(950);

    /// A share as it is typed: `0.5`, `0.95`, `.999`.
    pub(crate) fn read(typed: &str) -> Result<Self, String> {
        let thousandths = typed
            .strip_prefix("0.")
            .or_else(|| typed.strip_prefix('.'))
            .filter(|digits| {
                (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
            })
            .and_then(|digits| format!("{digits:0<3}").parse::<u16>().ok())
            .filter(|thousandths| (500..=999).contains(thousandths));
        thousandths
            .map(Self)
            .ok_or_else(|| "a share from 0.5 to 0.999 with at most three digits, such as 0.95".to_owned())
    }

    /// The same in percent.
    #[must_use]
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}

/// As it is typed; also how Prometheus takes it.
impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:03}", self.0);
        write!(f, "0.{}", digits.trim_end_matches('0'))
    }
}

/// One number that Prometheus may or may not have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// There is no series of that name: nobody reports it.
    NotReported,
    /// It is reported, and there was nothing to measure (Prometheus says NaN).
    NoTraffic,
    /// So much.
    Value(f64),
}

impl Measured {
    /// What Prometheus gave for a series.
    #[must_use]
    pub fn of(value: Option<f64>) -> Self {
        match value {
            None => Self::NotReported,
            Some(value) if value.is_nan() => Self::NoTraffic,
            Some(value) => Self::Value(value),
        }
    }
}

/// Server errors of the platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorRates {
    /// Every configured service, in its order.
    pub services: Vec<ServiceErrors>,
    /// What Prometheus says against its own answer.
    pub warnings: Vec<String>,
}

impl ErrorRates {
    /// Errors among all answers of all services, from 0 to 1. A service that is not reported is left out.
    #[must_use]
    pub fn ratio(&self) -> Measured {
        let known: Vec<(f64, f64)> = self
            .services
            .iter()
            .filter_map(|service| match (service.errors, service.requests) {
                (Measured::Value(errors), Measured::Value(requests)) => Some((errors, requests)),
                _ => None,
            })
            .collect();
        let requests: f64 = known.iter().map(|(_, requests)| requests).sum();
        let errors: f64 = known.iter().map(|(errors, _)| errors).sum();
        match known.len() {
            0 if self.services.iter().all(|service| service.requests == Measured::NotReported) => {
                Measured::NotReported
            }
            _ if requests > 0.0 => Measured::Value(errors / requests),
            _ => Measured::NoTraffic,
        }
    }
}

/// How many of one service's answers are server errors (5xx).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceErrors {
    /// Which service.
    pub service: ServiceName,
    /// Answers a second.
    pub requests: Measured,
    /// Errors a second; 0 where the service answers and never had one.
    pub errors: Measured,
}

impl ServiceErrors {
    /// Errors among all answers, from 0 to 1.
    #[must_use]
    pub fn ratio(&self) -> Measured {
        match (self.errors, self.requests) {
            (Measured::Value(errors), Measured::Value(requests)) if requests > 0.0 => {
                Measured::Value(errors / requests)
            }
            (Measured::Value(_), Measured::Value(_)) | (_, Measured::NoTraffic) => Measured::NoTraffic,
            (_, Measured::NotReported) => Measured::NotReported,
            (Measured::NotReported | Measured::NoTraffic, _) => self.errors,
        }
    }

    /// Whether more than one answer in twenty is an error, as the platform's alert HighErrorRate has it.
    #[must_use]
    pub fn is_high(&self) -> bool {
        matches!(self.ratio(), Measured::Value(ratio) if ratio > HIGH_ERROR_RATIO)
    }
}

/// How long the answers of the platform take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// Every configured service, in its order.
    pub services: Vec<ServiceLatency>,
    /// What Prometheus says against its own answer.
    pub warnings: Vec<String>,
}

/// How long one service's answers take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceLatency {
    /// Which service.
    pub service: ServiceName,
    /// The quantile.
    pub latency: Latency,
    /// Answers a second.
    pub requests: Measured,
}

/// One service's answers over some time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceTraffic {
    /// Errors among all answers, from 0 to 1.
    pub errors: Measured,
    /// The time within which 95 of 100 answers came.
    pub p95: Latency,
}

/// One service's answers over two times of the same length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficChange {
    /// Over the time before.
    pub before: ServiceTraffic,
    /// Over the time itself.
    pub during: ServiceTraffic,
    /// What Prometheus says against its own answer.
    pub warnings: Vec<String>,
}

impl TrafficChange {
    /// Whether errors or slowness went above their limit and were not before.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        let high = |traffic: ServiceTraffic| matches!(traffic.errors, Measured::Value(ratio) if ratio > HIGH_ERROR_RATIO);
        let slow = |traffic: ServiceTraffic| traffic.p95.is_slow();
        (high(self.during) && !high(self.before)) || (slow(self.during) && !slow(self.before))
    }
}

/// The slowest endpoints of all services, the slowest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlowEndpoints {
    /// Those with enough traffic to be judged.
    pub endpoints: Vec<EndpointLatency>,
    /// What Prometheus says against its own answer.
    pub warnings: Vec<String>,
}

/// How long the answers of one endpoint take. All names are label values from outside, cut to a length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointLatency {
    /// Its service by its own word.
    pub service: String,
    /// For example `GET`.
    pub method: String,
    /// For example `/api/ping`.
    pub endpoint: String,
    /// The quantile.
    pub latency: Latency,
    /// Answers a second.
    pub requests: Measured,
}

/// A quantile of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latency {
    /// There is no histogram: nobody reports it.
    NotReported,
    /// It is reported, and there was no answer to measure.
    NoTraffic,
    /// So many seconds, as exact as the histogram's buckets are narrow.
    Seconds(f64),
    /// More than the edge of the last bucket, in seconds: how much more is not known. `None` where the
    /// histogram has no other bucket.
    Above(Option<f64>),
}

impl Latency {
    /// What Prometheus gave for a quantile of a histogram whose last bucket but `+Inf` ends at `edge` seconds. It
    /// gives that very edge for whatever lies above.
    #[must_use]
    pub fn of(value: Option<f64>, edge: Option<f64>) -> Self {
        match Measured::of(value) {
            Measured::NotReported => Self::NotReported,
            Measured::NoTraffic => Self::NoTraffic,
            Measured::Value(seconds) if seconds.is_infinite() || edge.is_some_and(|edge| seconds >= edge) => {
                Self::Above(edge)
            }
            Measured::Value(seconds) => Self::Seconds(seconds),
        }
    }

    /// A number to sort by: the slowest is the greatest, and what is not known comes after all that is.
    #[must_use]
    pub const fn order(self) -> f64 {
        match self {
            Self::Above(_) => f64::INFINITY,
            Self::Seconds(seconds) => seconds,
            Self::NotReported => -1.0,
            Self::NoTraffic => -2.0,
        }
    }

    /// Whether it is above [`SLOW_SECONDS`].
    #[must_use]
    pub fn is_slow(self) -> bool {
        match self {
            Self::NotReported | Self::NoTraffic => false,
            Self::Seconds(seconds) => seconds > SLOW_SECONDS,
            Self::Above(edge) => edge.is_none_or(|edge| edge >= SLOW_SECONDS),
        }
    }
}

/// Logins and tokens that were refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthFailures {
    /// By service and reason; empty where nobody reports any.
    pub failures: Vec<AuthFailure>,
    /// Login requests a second.
    pub logins: Measured,
    /// Login requests a second that were answered 401 or 403.
    pub refused_logins: Measured,
    /// Services whose counts began anew within the window.
    pub restarts: Vec<Restarts>,
    /// What Prometheus says against its own answer.
    pub warnings: Vec<String>,
}

/// How many of one service for one reason. Both names are label values from outside, cut to a length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthFailure {
    /// Its service by its own word.
    pub service: String,
    /// For example `bad_credentials`.
    pub reason: String,
    /// So many a second.
    pub per_second: Measured,
}

impl AuthFailures {
    /// All of a service for whatever reason, the most first.
    #[must_use]
    pub fn by_service(&self) -> Vec<(&str, f64)> {
        let mut all: Vec<(&str, f64)> = Vec::new();
        for failure in &self.failures {
            let Measured::Value(per_second) = failure.per_second else { continue };
            match all.iter_mut().find(|(service, _)| *service == failure.service) {
                Some((_, sum)) => *sum += per_second,
                None => all.push((&failure.service, per_second)),
            }
        }
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }

    /// Whether a service has more than [`HIGH_AUTH_FAILURES`].
    #[must_use]
    pub fn is_high(&self) -> bool {
        self.by_service().iter().any(|(_, per_second)| *per_second > HIGH_AUTH_FAILURES)
    }
}

/// What the services took for attacks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityEvents {
    /// By type and severity, the most first; empty where nobody reports any.
    pub events: Vec<SecurityEvent>,
    /// Configured services that report no events, not even none.
    pub silent: Vec<ServiceName>,
    /// Services whose counts began anew within the window.
    pub restarts: Vec<Restarts>,
    /// What Prometheus says against its own answer.
    pub warnings: Vec<String>,
}

/// How many events of one type and severity. Both are label values from outside, cut to a length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityEvent {
    /// For example `attack`.
    pub event_type: String,
    /// For example `high`.
    pub severity: String,
    /// So many in the window, not whole: Prometheus extends what it saw to the window's edges.
    pub count: Measured,
}

impl SecurityEvent {
    /// Whether there was one.
    #[must_use]
    pub fn happened(&self) -> bool {
        matches!(self.count, Measured::Value(count) if count > 0.0)
    }
}

/// How often a service's counters began at zero again. What it had counted since the last scrape is lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restarts {
    /// The service by its own word, cut to a length.
    pub service: String,
    /// So often.
    pub count: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_told_from_no_traffic_and_from_no_report() {
        let ratio = |requests, errors| {
            ServiceErrors { service: "a".parse().expect("a name"), requests, errors }.ratio()
        };
        let (none, nan, some) = (Measured::NotReported, Measured::NoTraffic, Measured::Value);
        assert_eq!(ratio(some(4.0), some(1.0)), some(0.25));
        assert_eq!(ratio(some(4.0), some(0.0)), some(0.0));
        assert_eq!(ratio(some(0.0), some(0.0)), nan);
        assert_eq!(ratio(nan, nan), nan);
        assert_eq!(ratio(none, none), none);
        let all = |rates: &[(Measured, Measured)]| {
            let services = rates.iter().map(|(requests, errors)| ServiceErrors {
                service: "a".parse().expect("a name"),
                requests: *requests,
                errors: *errors,
            });
            ErrorRates { services: services.collect(), warnings: Vec::new() }.ratio()
        };
        assert_eq!(all(&[(some(3.0), some(0.0)), (none, none), (some(1.0), some(1.0))]), some(0.25));
        assert_eq!(all(&[(some(0.0), some(0.0)), (nan, nan)]), nan);
        assert_eq!((all(&[(none, none)]), all(&[])), (none, none));
        assert_eq!(Measured::of(Some(f64::NAN)), nan);
        assert_eq!(Measured::of(None), none);
    }

    #[test]
    fn a_share_is_read_and_printed() {
        for (typed, printed) in [("0.95", "0.95"), (".5", "0.5"), ("0.500", "0.5"), ("0.999", "0.999")] {
            assert_eq!(Quantile::read(typed).map(|share| share.to_string()), Ok(printed.to_owned()));
        }
        for typed in ["", "1", "0", "0.", "0.49", "0.9999", "95", "p95", "-0.9", "0.9e", "+0.9", "0.٩"] {
            assert!(Quantile::read(typed).unwrap_err().contains("0.5 to 0.999"), "{typed}");
        }
    }

    #[test]
    fn above_the_last_bucket_is_not_its_edge() {
        assert_eq!(Latency::of(Some(0.7), Some(10.0)), Latency::Seconds(0.7));
        assert_eq!(Latency::of(Some(10.0), Some(10.0)), Latency::Above(Some(10.0)));
        assert_eq!(Latency::of(Some(f64::INFINITY), None), Latency::Above(None));
        assert_eq!(Latency::of(Some(f64::NAN), Some(10.0)), Latency::NoTraffic);
        assert_eq!(Latency::of(None, Some(10.0)), Latency::NotReported);
        let slow = [Latency::Seconds(0.51), Latency::Above(Some(0.5)), Latency::Above(None)];
        assert!(slow.into_iter().all(Latency::is_slow));
        // Above a last bucket that ends before the limit may be on either side of it.
        let fine =
            [Latency::Seconds(0.5), Latency::NoTraffic, Latency::NotReported, Latency::Above(Some(0.25))];
        assert!(!fine.into_iter().any(Latency::is_slow));
    }

    #[test]
    fn failures_are_judged_by_service() {
        let one = |service: &str, per_second| AuthFailure {
            service: service.to_owned(),
            reason: "r".to_owned(),
            per_second: Measured::Value(per_second),
        };
        let all = |failures| AuthFailures {
            failures,
            logins: Measured::NotReported,
            refused_logins: Measured::NotReported,
            restarts: Vec::new(),
            warnings: Vec::new(),
        };
        assert!(!all(vec![one("a", 0.3), one("b", 0.3)]).is_high());
        let high = all(vec![one("a", 0.3), one("b", 0.1), one("a", 0.3)]);
        assert!(high.is_high());
        assert_eq!(high.by_service(), [("a", 0.6), ("b", 0.1)]);
    }
}
