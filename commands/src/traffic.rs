//! What Prometheus tells of the services' requests.

use serde::{Deserialize, Serialize};

use crate::ids::ServiceName;

/// Errors among all answers from which on somebody is told.
pub const HIGH_ERROR_RATIO: f64 = 0.05;

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
        assert_eq!(Measured::of(Some(f64::NAN)), nan);
        assert_eq!(Measured::of(None), none);
    }
}
