//! `table-agrees`: what the learning agent believes and what the table says differ for so long at most; `fib-agrees`: RIB and FIB do.

use greylag_base::Instant;
use std::time::Duration;

pub(crate) const NAME: &str = "table-agrees";
pub(crate) const OF_FIB: &str = "fib-agrees";

/// Looks at each switch a few times within the limit.
pub(crate) struct TableAgrees {
    limit: Duration,
    /// Since when a switch's two lists differ, and whether that was told.
    differs: Vec<Option<(Instant, bool)>>,
}

impl TableAgrees {
    pub(crate) fn new(nodes: usize, limit: Duration) -> Self {
        TableAgrees { limit, differs: vec![None; nodes] }
    }

    /// Between two looks.
    pub(crate) fn period(&self) -> Duration {
        (self.limit / 3).max(Duration::from_millis(100))
    }

    /// What a look at a switch found: in how many entries they differ. Gives the first look that found a difference,
    /// once, when they have differed in every look for too long.
    pub(crate) fn looked(&mut self, at: Instant, switch: usize, differences: usize) -> Option<Instant> {
        let differs = &mut self.differs[switch];
        if differences == 0 {
            *differs = None;
            return None;
        }
        let (since, told) = differs.get_or_insert((at, false));
        let lasts = !*told && at - *since > self.limit;
        *told |= lasts;
        lasts.then_some(*since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(differences: &[usize]) -> Vec<bool> {
        let mut checker = TableAgrees::new(1, Duration::from_secs(30));
        let at = |look: usize| Instant::ZERO + checker.period() * look as u32;
        let times: Vec<Instant> = (0..differences.len()).map(at).collect();
        times.iter().zip(differences).map(|(at, &count)| checker.looked(*at, 0, count).is_some()).collect()
    }

    #[test]
    fn a_difference_that_stays_is_told_once() {
        assert_eq!(looks(&[1, 2, 1, 1, 3, 3]), [false, false, false, false, true, false]);
    }

    #[test]
    fn a_difference_that_is_repaired_is_none() {
        assert!(!looks(&[1, 1, 1, 0, 1, 1, 1, 0, 0]).contains(&true));
    }
}
