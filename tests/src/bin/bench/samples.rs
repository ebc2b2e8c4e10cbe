//! Durations of one thing done many times, and what is usual among them.

use std::time::Duration;

/// Durations in no order.
#[derive(Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// One more.
    pub fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// The smallest one that at least `percent` of all do not exceed. Zero when there is none.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    /// The usual one.
    pub fn p50(&self) -> Duration {
        self.percentile(50)
    }

    /// What one in a hundred exceeds.
    pub fn p99(&self) -> Duration {
        self.percentile(99)
    }
}

impl Extend<Duration> for Samples {
    fn extend<I: IntoIterator<Item = Duration>>(&mut self, more: I) {
        self.0.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: impl IntoIterator<Item = u64>) -> Samples {
        let mut samples = Samples::default();
        samples.extend(milliseconds.into_iter().map(Duration::from_millis));
        samples
    }

    #[test]
    fn percentiles_are_samples_by_nearest_rank() {
        let hundred = of((1..=100).rev());
        assert_eq!((hundred.p50(), hundred.p99()), (Duration::from_millis(50), Duration::from_millis(99)));
        let few = of([30, 10, 20]);
        assert_eq!((few.p50(), few.p99()), (Duration::from_millis(20), Duration::from_millis(30)));
        assert_eq!(few.percentile(0), Duration::from_millis(10));
        assert_eq!(of([]).p50(), Duration::ZERO);
    }
}
