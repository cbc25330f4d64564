//! When what has lapsed is reclaimed: at an even pace, or all of it on a grid, as an agent with a timer does.

use greylag_base::Instant;
use greylag_mactable::{MacTable, Swept};
use std::time::Duration;

/// Where the worker that sweeps the table stands on the grid.
#[derive(Default)]
pub(crate) struct Sweeping {
    next: Option<Instant>,
}

impl Sweeping {
    /// Sweeps what is due: a slice, or with an `interval` the whole table once that is over. The grid begins with the first
    /// call, and a call that is late does not shift it.
    pub(crate) fn sweep(
        &mut self,
        table: &MacTable,
        interval: Option<Duration>,
        now: Instant,
        report: impl FnMut(Swept),
    ) {
        let nanos = now.as_nanos();
        let Some(interval) = interval else {
            table.sweep(nanos, table.sweep_due(nanos), report);
            return;
        };
        // Ids that a flush has retired do not wait for the grid.
        table.sweep_flushed(nanos, table.flushed_due(nanos));
        if self.is_due(interval, table.longest_round().map(Duration::from_nanos), now) {
            table.sweep(nanos, table.buckets(), report);
        }
    }

    fn is_due(&mut self, interval: Duration, longest: Option<Duration>, now: Instant) -> bool {
        let interval = longest.map_or(interval, |longest| interval.min(longest)).max(Duration::from_nanos(1));
        // The ageing time may have become shorter since the last time.
        let next = self.next.map_or(now + interval, |next| next.min(now + interval));
        let late = now.as_nanos().checked_sub(next.as_nanos());
        let turns = late.map_or(0, |late| late / interval.as_nanos() as u64 + 1);
        self.next = Some(next + Duration::from_nanos(interval.as_nanos() as u64 * turns));
        turns > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_grid_begins_with_the_first_call_and_is_not_shifted_by_late_ones() {
        let mut sweeping = Sweeping::default();
        for (now, expected) in [
            (7, false),
            (16, false),
            (17, true),
            (18, false),
            (29, true),
            (36, false),
            (37, true),
            (99, true),
        ] {
            assert_eq!(sweeping.is_due(second(10), None, Instant::ZERO + second(now)), expected, "at {now}");
        }
        assert_eq!(sweeping.next, Some(Instant::ZERO + second(107)));
    }

    #[test]
    fn no_interval_is_longer_than_the_table_bears() {
        let mut sweeping = Sweeping::default();
        assert!(!sweeping.is_due(second(300), Some(second(150)), Instant::ZERO));
        assert!(sweeping.is_due(second(300), Some(second(150)), Instant::ZERO + second(150)));
        assert!(
            !sweeping.is_due(second(300), Some(second(10)), Instant::ZERO + second(151)),
            "a shorter ageing time"
        );
        assert!(sweeping.is_due(second(300), Some(second(10)), Instant::ZERO + second(161)));
    }
}
