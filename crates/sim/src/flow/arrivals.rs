use greylag_base::Instant;
use std::time::Duration;

/// Probes that are missing: a run of sequence numbers, with a probe that arrived on either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) first: u64,
    /// The next one that arrived.
    pub(crate) end: u64,
    /// When that one arrived.
    pub(crate) ended: Instant,
}

/// What a receiver knows of one flow.
///
/// All sequence numbers below the highest that arrived have arrived, but for those in the gaps; so each arrival is
/// known to be in order, late or a duplicate, however far back it is. A gap takes 24 bytes, an arrival none.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    /// One above the highest that arrived: NextExp of RFC 4737 3.3.
    pub(crate) next: u64,
    pub(crate) received: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
    pub(crate) latency: Option<LatencySum>,
    /// In ascending order, not adjacent.
    pub(crate) gaps: Vec<Gap>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct LatencySum {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
    pub(crate) sum: Duration,
}

impl Arrivals {
    /// Takes in one probe.
    pub fn record(&mut self, sequence: u64, latency: Duration, now: Instant) {
        if sequence < self.next {
            if !self.fill(sequence, now) {
                self.duplicated += 1;
                return;
            }
            self.reordered += 1;
        } else {
            if sequence > self.next {
                self.gaps.push(Gap { first: self.next, end: sequence, ended: now });
            }
            self.next = sequence + 1;
        }
        self.received += 1;
        let sum = self.latency.get_or_insert(LatencySum {
            min: Duration::MAX,
            max: Duration::ZERO,
            sum: Duration::ZERO,
        });
        sum.min = sum.min.min(latency);
        sum.max = sum.max.max(latency);
        sum.sum = sum.sum.saturating_add(latency);
    }

    /// Takes a late arrival out of its gap; false when it is in none.
    fn fill(&mut self, sequence: u64, now: Instant) -> bool {
        let after = self.gaps.partition_point(|gap| gap.first <= sequence);
        let Some(gap) = after.checked_sub(1).map(|index| &mut self.gaps[index]) else { return false };
        if sequence >= gap.end {
            return false;
        }
        let right = Gap { first: sequence + 1, ..*gap };
        (gap.end, gap.ended) = (sequence, now);
        let left_is_empty = gap.first == sequence;
        match (left_is_empty, right.first == right.end) {
            (true, true) => {
                self.gaps.remove(after - 1);
            }
            (true, false) => self.gaps[after - 1] = right,
            (false, true) => {}
            (false, false) => self.gaps.insert(after, right),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn any_order_with_any_duplicates_is_counted_as_a_set_counts_it() {
        let mut dice = greylag_base::Dice::new(greylag_base::Seed(7));
        for _ in 0..200 {
            let (mut arrivals, mut seen, mut next) = (Arrivals::default(), BTreeSet::new(), 0);
            let (mut duplicated, mut reordered) = (0, 0);
            for _ in 0..dice.below(60) {
                let sequence = dice.below(40);
                if !seen.insert(sequence) {
                    duplicated += 1;
                } else if sequence < next {
                    reordered += 1;
                }
                next = next.max(sequence + 1);
                arrivals.record(sequence, Duration::from_micros(sequence), Instant::ZERO);
            }
            let missing: Vec<u64> = arrivals.gaps.iter().flat_map(|gap| gap.first..gap.end).collect();
            let expected: Vec<u64> = (0..next).filter(|sequence| !seen.contains(sequence)).collect();
            assert_eq!(missing, expected);
            assert!(arrivals.gaps.windows(2).all(|pair| pair[0].end < pair[1].first));
            assert_eq!(arrivals.received, seen.len() as u64);
            assert_eq!((arrivals.duplicated, arrivals.reordered), (duplicated, reordered));
        }
    }
}
