//! How long a worker lets frames gather in a ring before it looks again.
//!
//! A look at memory that the kernel is about to write takes the line away from the core that the sender runs on, and it has to
//! be fetched back for each frame: a sender to a ring that is looked at all the time needs up to a third more for a frame than one to a
//! ring that is looked at now and then (docs/ports.md). It is the moderation of interrupts that network cards have, for polling.

use greylag_base::Instant;
use greylag_ports::BATCH_FRAMES;
use std::time::Duration;

/// The longest that a frame waits to be looked at.
const LONGEST: Duration = Duration::from_micros(10);

/// Frames that gather in that time, below which it is not worth their delay: 500,000 in a second.
const FEWEST: u32 = 5;

/// Frames that are enough.
const ENOUGH: u32 = BATCH_FRAMES as u32 / 2;

/// Looks that the average is over.
const OVER: u32 = 4;

/// When a worker looked last, and how fast frames came.
#[derive(Debug)]
pub(super) struct Pace {
    last: Instant,
    /// The moving average of the time for a frame.
    gap: Duration,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Pace { last: now, gap: LONGEST }
    }

    /// A look at this time found so many frames.
    pub(super) fn looked(&mut self, now: Instant, frames: u32) {
        let gap = (now.since(self.last) / frames.max(1)).min(LONGEST);
        self.gap = (self.gap * (OVER - 1) + gap) / OVER;
        self.last = now;
    }

    /// When to look again.
    pub(super) fn next(&self) -> Instant {
        if self.gap * FEWEST > LONGEST { self.last } else { self.last + (self.gap * ENOUGH).min(LONGEST) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long the next look waits after 20 looks that found so many frames each, so far apart.
    fn waits(micros: u64, frames: u32) -> Duration {
        let mut now = Instant::ZERO;
        let mut pace = Pace::new(now);
        for _ in 0..20 {
            now += Duration::from_micros(micros);
            pace.looked(now, frames);
        }
        pace.next().since(now)
    }

    #[test]
    fn frames_gather_where_they_come_fast_and_never_for_long() {
        for (what, micros, frames, expected) in [
            ("single frames", 100, 1, 0),
            ("question and answer", 20, 1, 0),
            ("300,000 in a second", 10, 3, 0),
            ("600,000", 10, 6, 10),
            ("a million", 20, 20, 10),
            ("two million", 20, 40, 10),
            ("five million", 20, 100, 6),
            ("ten million", 3, 30, 3),
        ] {
            let waits = waits(micros, frames).as_micros();
            assert!(waits.abs_diff(expected) <= 1, "{what}: {waits} us");
        }
    }

    #[test]
    fn a_stream_that_ends_is_waited_for_no_longer() {
        let mut now = Instant::ZERO;
        let mut pace = Pace::new(now);
        for frames in [vec![32; 20], vec![0; 4]].concat() {
            now += Duration::from_micros(20);
            pace.looked(now, frames);
        }
        assert_eq!(pace.next(), now);
    }
}
