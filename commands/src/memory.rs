//! How the services' memory goes.

use serde::{Deserialize, Serialize};

use crate::ids::ServiceName;
use crate::traffic::{Measured, Restarts};

/// Growth an hour, as a share of what is used now, from which on somebody is told: what grows so fast has doubled
/// within a night.
pub const GROWING: f64 = 0.10;

/// Less than this an hour is a cache that fills up, in bytes.
pub const GROWING_LEAST: f64 = 8.0 * 1_048_576.0;

/// Memory of the services' processes over some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryTrend {
    /// Every service that was asked for, in the configuration's order.
    pub services: Vec<ServiceMemory>,
    /// What Prometheus says against its own answer.
    pub warnings: Vec<String>,
}

/// Memory of one service's process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceMemory {
    /// Which service.
    pub service: ServiceName,
    /// Resident bytes now.
    pub now: Measured,
    /// Bytes that it grew by a second, by the line that lies closest to all that was measured.
    pub per_second: Measured,
    /// How often it began anew meanwhile: then that line says nothing.
    pub restarts: Option<Restarts>,
}

/// What a service's memory does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trend {
    /// Nobody reports it.
    NotReported,
    /// It began anew in between.
    Restarted,
    /// It grows by so many bytes an hour, more than [`GROWING`].
    Grows(f64),
    /// It changes by so many bytes an hour, which is no concern.
    Steady(f64),
}

impl ServiceMemory {
    /// What it does.
    #[must_use]
    pub fn trend(&self) -> Trend {
        let (Measured::Value(now), Measured::Value(per_second)) = (self.now, self.per_second) else {
            return Trend::NotReported;
        };
        if self.restarts.is_some() {
            return Trend::Restarted;
        }
        let hourly = per_second * 3_600.0;
        if hourly > GROWING_LEAST && hourly > now * GROWING {
            Trend::Grows(hourly)
        } else {
            Trend::Steady(hourly)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1_048_576.0;

    fn trend(now: Measured, hourly: f64, restarts: u8) -> Trend {
        let restarts =
            (restarts > 0).then(|| Restarts { service: "a".to_owned(), count: f64::from(restarts) });
        let service = "a".parse().expect("a name");
        ServiceMemory { service, now, per_second: Measured::Value(hourly / 3_600.0), restarts }.trend()
    }

    #[test]
    fn growth_is_judged_by_what_is_used() {
        let value = |mib: f64| Measured::Value(mib * MIB);
        assert!(matches!(trend(value(100.0), 11.0 * MIB, 0), Trend::Grows(_)));
        assert!(matches!(trend(value(1_000.0), 11.0 * MIB, 0), Trend::Steady(_)));
        // A small one that fills its caches.
        assert!(matches!(trend(value(10.0), 5.0 * MIB, 0), Trend::Steady(_)));
        assert!(matches!(trend(value(100.0), -50.0 * MIB, 0), Trend::Steady(_)));
        assert_eq!(trend(value(100.0), 50.0 * MIB, 1), Trend::Restarted);
        assert_eq!(trend(Measured::NotReported, 0.0, 0), Trend::NotReported);
    }
}
