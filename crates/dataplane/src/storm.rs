//! Storm control: how many frames per second a port may have flooded.

use crate::StormLimits;
use greylag_base::Instant;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Why a frame is flooded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FloodClass {
    Broadcast,
    Multicast,
    UnknownUnicast,
}

impl StormLimits {
    fn of(self, class: FloodClass) -> Option<u32> {
        match class {
            FloodClass::Broadcast => self.broadcast,
            FloodClass::Multicast => self.multicast,
            FloodClass::UnknownUnicast => self.unknown_unicast,
        }
    }
}

/// A burst may be as long as a tenth of a second's worth of frames.
const BURST_NANOS: u64 = 100_000_000;

/// The meters of one port. Workers share them, but touch them once per batch and only where a limit is set.
///
/// Each meter is a virtual scheduling algorithm (ITU-T I.371 annex A): one word, the time at which the next frame
/// is due if all came at the allowed rate.
#[derive(Default)]
pub(crate) struct StormMeters {
    due: [AtomicU64; 3],
}

impl StormMeters {
    /// How many of `wanted` frames of a class may be flooded now.
    pub(crate) fn admit(&self, class: FloodClass, limits: StormLimits, wanted: u64, now: Instant) -> u64 {
        let Some(rate) = limits.of(class) else { return wanted };
        if rate == 0 {
            return 0;
        }
        let interval = 1_000_000_000 / u64::from(rate);
        // At least one frame fits the burst, however low the rate.
        let horizon = now.as_nanos() + BURST_NANOS.max(interval);
        let meter = &self.due[class as usize];
        let mut due = meter.load(Relaxed);
        // A worker that loses the race twice gives up its turn: the limit is then undershot by one batch.
        for _ in 0..2 {
            let start = due.max(now.as_nanos());
            let room = horizon.saturating_sub(start).checked_div(interval).unwrap_or(wanted);
            let admitted = wanted.min(room);
            match meter.compare_exchange(due, start + admitted * interval, Relaxed, Relaxed) {
                Ok(_) => return admitted,
                Err(other) => due = other,
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limits(rate: u32) -> StormLimits {
        StormLimits { broadcast: Some(rate), ..StormLimits::default() }
    }

    #[test]
    fn the_rate_is_kept_over_a_second_and_a_burst_is_let_through() {
        let meters = StormMeters::default();
        let mut now = Instant::ZERO;
        assert_eq!(meters.admit(FloodClass::Broadcast, limits(1000), 500, now), 100, "the burst");
        let mut passed = 0;
        for _ in 0..1000 {
            now += Duration::from_millis(1);
            passed += meters.admit(FloodClass::Broadcast, limits(1000), 64, now);
        }
        assert_eq!(passed, 1000);
    }

    #[test]
    fn classes_do_not_share_a_meter_and_no_limit_is_no_limit() {
        let meters = StormMeters::default();
        assert_eq!(meters.admit(FloodClass::Broadcast, limits(10), 64, Instant::ZERO), 1);
        assert_eq!(meters.admit(FloodClass::Broadcast, limits(10), 64, Instant::ZERO), 0);
        assert_eq!(meters.admit(FloodClass::Multicast, limits(10), 64, Instant::ZERO), 64);
        assert_eq!(meters.admit(FloodClass::Broadcast, limits(0), 64, Instant::ZERO), 0);
    }

    #[test]
    fn a_rate_below_one_burst_still_lets_single_frames_through() {
        let meters = StormMeters::default();
        let mut passed = 0;
        for tenth in 0..100 {
            let now = Instant::ZERO + Duration::from_millis(100 * tenth);
            passed += meters.admit(FloodClass::Broadcast, limits(1), 1, now);
        }
        assert_eq!(passed, 10);
    }
}
