//! How long frames were under way.

use hdrhistogram::Histogram;

/// The longest that is told apart, in nanoseconds: ten seconds.
const LONGEST: u64 = 10_000_000_000;
/// The shares of the frames that are asked for, and what they are called.
const SHARES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// A histogram of times in nanoseconds, with three digits of each.
pub(crate) struct Latency(Histogram<u64>);

/// What it comes to, in microseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LatencySummary {
    /// Frames that were listened to.
    pub(crate) frames: u64,
    /// By share of the frames, `least` and `most` at the ends.
    pub(crate) microseconds: Vec<(String, f64)>,
}

impl Latency {
    pub(crate) fn new() -> Self {
        Latency(Histogram::new_with_bounds(1, LONGEST, 3).expect("these bounds are allowed"))
    }

    pub(crate) fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds.max(1));
    }

    pub(crate) fn summary(&self) -> LatencySummary {
        if self.0.is_empty() {
            return LatencySummary::default();
        }
        let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1e3;
        let mut all = vec![("least".to_owned(), microseconds(self.0.min()))];
        for (name, share) in SHARES {
            all.push((name.to_owned(), microseconds(self.0.value_at_quantile(share))));
        }
        all.push(("most".to_owned(), microseconds(self.0.max())));
        LatencySummary { frames: self.0.len(), microseconds: all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_found_to_three_digits() {
        let mut latency = Latency::new();
        assert_eq!(latency.summary(), LatencySummary::default());
        for microseconds in 1..=10_000 {
            latency.record(microseconds * 1000);
        }
        let summary = latency.summary();
        assert_eq!(summary.frames, 10_000);
        for (name, expected) in [("p50", 5000.0), ("p99", 9900.0), ("p99.99", 9999.0), ("most", 10_000.0)] {
            let found = summary.microseconds.iter().find(|(found, _)| found == name).unwrap().1;
            assert!((found - expected).abs() <= expected / 500.0, "{name}: {found}");
        }
    }

    #[test]
    fn what_is_beyond_the_scale_is_at_its_end() {
        let mut latency = Latency::new();
        latency.record(u64::MAX);
        latency.record(0);
        assert!(latency.summary().microseconds.last().unwrap().1 >= 1e7);
    }
}
