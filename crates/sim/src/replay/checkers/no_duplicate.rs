//! `no-duplicate`: a probe reaches its receiver once.

use crate::replay::frame::ProbeMark;

pub(crate) const NAME: &str = "no-duplicate";

/// What has arrived of one flow: the highest sequence number, and which of the 64 up to it.
#[derive(Clone, Copy, Default)]
struct Arrived {
    highest: u64,
    last: u64,
}

/// Remembers the last 64 probes of each flow: a copy that is later than that is not told from a late probe.
pub(crate) struct NoDuplicate(Vec<Arrived>);

impl NoDuplicate {
    pub(crate) fn new(flows: usize) -> Self {
        NoDuplicate(vec![Arrived::default(); flows])
    }

    /// A probe has come to its receiver. True when it had come before.
    pub(crate) fn arrived(&mut self, probe: ProbeMark) -> bool {
        let Some(seen) = self.0.get_mut(probe.flow as usize) else { return false };
        if probe.sequence > seen.highest {
            let steps = probe.sequence - seen.highest;
            seen.last = if steps < 64 { seen.last << steps } else { 0 };
            seen.highest = probe.sequence;
        }
        let behind = seen.highest - probe.sequence;
        if behind >= 64 {
            return false;
        }
        let bit = 1 << behind;
        let again = seen.last & bit != 0;
        seen.last |= bit;
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(sequences: &[u64]) -> Vec<bool> {
        let mut checker = NoDuplicate::new(1);
        sequences.iter().map(|&sequence| checker.arrived(ProbeMark { flow: 0, sequence })).collect()
    }

    #[test]
    fn a_second_copy_is_seen_and_a_late_probe_is_none() {
        assert_eq!(arrivals(&[0, 1, 1, 3, 2, 0]), [false, false, true, false, false, true]);
    }

    #[test]
    fn probes_that_come_once_are_none_in_any_order() {
        assert!(!arrivals(&[5, 3, 4, 100, 99, 163, 164, 0, 1_000]).contains(&true));
    }
}
