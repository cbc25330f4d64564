use super::FlowRecord;
use greylag_base::Instant;
use std::time::Duration;

/// How much of the traffic arrived in one bin of time, by what the flows stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Where the bin begins.
    pub from: Instant,
    /// What the flows offered in it on average, in bit/s.
    pub offered_bps: u64,
    /// What of that arrived.
    pub delivered_bps: u64,
}

impl Level {
    /// What was delivered of what was offered, 0 to 1; `None` when nothing was offered.
    pub fn share(&self) -> Option<f64> {
        (self.offered_bps > 0).then(|| self.delivered_bps as f64 / self.offered_bps as f64)
    }
}

/// The level of traffic over time, in bins that begin at multiples of `bin`, from the first that has a flow to the last.
///
/// A probe stands for its flow's weight from its sending to the sending of the next: while lost ones stand, the
/// flow delivers nothing. Bins may be shorter than the flows' intervals. A flow counts from its first probe to its
/// last that is not in flight; nothing is rounded before the bins' sums are complete.
///
/// # Panics
/// When `bin` is zero.
pub fn levels(records: &[FlowRecord], bin: Duration) -> Vec<Level> {
    let bin = u64::try_from(bin.as_nanos()).unwrap_or(u64::MAX);
    assert!(bin > 0, "a bin lasts longer than nothing");
    let spans = records.iter().filter(|record| record.span.0 < record.span.1);
    let Some(first) = spans.clone().map(|record| record.span.0.as_nanos() / bin).min() else {
        return Vec::new();
    };
    let end = spans.clone().map(|record| record.span.1.as_nanos().div_ceil(bin)).max().unwrap_or(first);
    // Offered and lost, in bit/s times nanoseconds.
    let mut sums = vec![(0_u128, 0_u128); (end - first) as usize];
    for record in spans {
        let weight = u128::from(record.weight_bps);
        each_bin(record.span, bin, |index, nanos| sums[(index - first) as usize].0 += weight * nanos);
        for hole in &record.black_holes {
            each_bin((hole.from, hole.until), bin, |index, nanos| {
                sums[(index - first) as usize].1 += weight * nanos;
            });
        }
    }
    let average = |sum: u128| u64::try_from(sum / u128::from(bin)).unwrap_or(u64::MAX);
    (first..)
        .zip(sums)
        .map(|(index, (offered, lost))| Level {
            from: Instant::from_nanos(index.saturating_mul(bin)),
            offered_bps: average(offered),
            delivered_bps: average(offered - lost),
        })
        .collect()
}

/// Tells each bin that a span of time touches, and for how many nanoseconds.
fn each_bin((from, until): (Instant, Instant), bin: u64, mut tell: impl FnMut(u64, u128)) {
    let (mut at, until) = (from.as_nanos(), until.as_nanos());
    while at < until {
        let index = at / bin;
        let next = until.min((index + 1).saturating_mul(bin));
        tell(index, u128::from(next - at));
        at = next;
    }
}
