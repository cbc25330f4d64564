//! `no-loop`: a frame crosses one link in one direction so often at most.
//!
//! Probes are told apart by flow and sequence number, other frames by a digest of their bytes without tag. A
//! host may well send the same bytes again and again: what counts is how often a frame crosses a link for
//! each time that a host has sent it, in this second and the one before.

use greylag_base::Instant;

pub(crate) const NAME: &str = "no-loop";

/// Crossings are counted over so long.
const WINDOW: u64 = 1_000_000_000;
/// Frames that are kept in mind: more than go round in any lab's loop at a time.
const SETS: usize = 1 << 10;
const WAYS: usize = 4;

/// How often one frame was seen at one place.
#[derive(Clone, Copy, Default)]
struct Count {
    /// Of frame and place; 0 for none.
    key: u64,
    /// Which window.
    window: u32,
    now: u32,
    /// In the window before.
    before: u32,
}

/// Counts crossings.
pub(crate) struct NoLoop {
    passes: u32,
    counts: Box<[[Count; WAYS]]>,
}

impl NoLoop {
    pub(crate) fn new(passes: u32) -> Self {
        NoLoop { passes, counts: vec![[Count::default(); WAYS]; SETS].into_boxed_slice() }
    }

    /// A frame has come to the end `to` of a link, from a host or from a switch. True when it has crossed it too often.
    pub(crate) fn crossed(
        &mut self,
        at: Instant,
        link: usize,
        to: usize,
        frame: u64,
        from_host: bool,
    ) -> bool {
        let window = (at.as_nanos() / WINDOW) as u32;
        if from_host {
            self.count(frame, window);
        }
        let place = (link as u64 * 2 + to as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let crossings = self.count(frame ^ place, window);
        // Most frames cross once.
        crossings > self.passes && crossings > self.passes.saturating_mul(self.peek(frame, window).max(1))
    }

    /// Counts, and tells how many there have been in this window and the one before.
    fn count(&mut self, key: u64, window: u32) -> u32 {
        let key = key.max(1);
        let set = &mut self.counts[key as usize % SETS];
        let index = match set.iter().position(|count| count.key == key) {
            Some(index) => index,
            None => {
                let oldest = (0..WAYS).min_by_key(|&index| (set[index].window, set[index].now)).unwrap_or(0);
                set[oldest] = Count { key, window, now: 0, before: 0 };
                oldest
            }
        };
        let count = &mut set[index];
        if count.window != window {
            let follows = count.window + 1 == window;
            *count = Count { window, now: 0, before: if follows { count.now } else { 0 }, ..*count };
        }
        count.now = count.now.saturating_add(1);
        count.now.saturating_add(count.before)
    }

    fn peek(&self, key: u64, window: u32) -> u32 {
        let key = key.max(1);
        let count = self.counts[key as usize % SETS].iter().find(|count| count.key == key);
        count.map_or(0, |count| match window - count.window {
            0 => count.now.saturating_add(count.before),
            1 => count.now,
            _ => 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 0x1234_5678_9abc_def0;

    fn at(micros: u64) -> Instant {
        Instant::from_nanos(micros * 1_000)
    }

    #[test]
    fn a_frame_that_goes_round_crosses_a_link_too_often() {
        let mut checker = NoLoop::new(8);
        assert!(!checker.crossed(at(0), 0, 1, FRAME, true));
        let rounds: Vec<bool> =
            (1..12).map(|round| checker.crossed(at(10 * round), 1, 0, FRAME, false)).collect();
        assert_eq!(rounds.iter().position(|&is_loop| is_loop), Some(8), "the ninth crossing is one too many");
    }

    #[test]
    fn a_host_that_sends_the_same_bytes_again_is_no_loop() {
        let mut checker = NoLoop::new(8);
        for round in 0..3_000 {
            assert!(!checker.crossed(at(round * 1_000), 0, 1, FRAME, true), "{round}");
            assert!(!checker.crossed(at(round * 1_000 + 5), 1, 0, FRAME, false), "{round}");
        }
    }

    #[test]
    fn many_frames_that_go_round_together_are_told_apart() {
        let mut checker = NoLoop::new(8);
        let frames: Vec<u64> =
            (1..1_000_u64).map(|number| number.wrapping_mul(0xd6e8_feb8_6659_fd93)).collect();
        for round in 0..12 {
            for &frame in &frames {
                assert_eq!(checker.crossed(at(round), 1, 0, frame, false), round >= 8);
            }
        }
    }
}
