//! How long a worker polls for the next frame before it sleeps.

use greylag_base::Instant;
use greylag_switch::config::IdlePolicy;
use std::time::Duration;

/// An adaptive worker polls for so long at the most. A wake-up costs some 5 to 50 µs: who polls longer than a few of these pays more than
/// he saves.
const MOST: Duration = Duration::from_micros(100);

/// And for so long at the least, if at all: a stream stops for a moment when its sender is not scheduled.
const SHORTEST: Duration = Duration::from_micros(50);

/// What a gap counts for at the most, so that a long silence is forgotten after a few frames.
const LONGEST_GAP: Duration = Duration::from_micros(400);

/// Gaps that the average is over.
const OVER: u32 = 4;

/// When frames came last, and how far they were apart.
///
/// Polling is worth its while if the next frame comes soon. Whether it does, the last few tell: in a stream, or between question and answer, a
/// worker does not sleep; for single frames now and then it does so at once, as a worker that always sleeps.
#[derive(Debug)]
pub(super) struct Idling {
    policy: IdlePolicy,
    last: Instant,
    /// The moving average of the gaps.
    gap: Duration,
}

impl Idling {
    pub(super) fn new(policy: IdlePolicy, now: Instant) -> Self {
        Idling { policy, last: now, gap: LONGEST_GAP }
    }

    /// Frames have come in.
    pub(super) fn frames(&mut self, now: Instant) {
        let gap = now.since(self.last).min(LONGEST_GAP);
        self.gap = (self.gap * (OVER - 1) + gap) / OVER;
        self.last = now;
    }

    /// It is too early to sleep.
    pub(super) fn polls(&self, now: Instant) -> bool {
        match self.policy {
            IdlePolicy::Spin => true,
            IdlePolicy::Sleep => false,
            // A gap that is twice the average is nothing special.
            IdlePolicy::Adaptive => {
                self.gap <= MOST && now.since(self.last) < (self.gap * 2).clamp(SHORTEST, MOST)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An adaptive worker after frames with these gaps, in microseconds, and the time of the last.
    fn after(gaps: impl IntoIterator<Item = u64>) -> (Idling, Instant) {
        let mut now = Instant::ZERO;
        let mut idling = Idling::new(IdlePolicy::Adaptive, now);
        for gap in gaps {
            now += Duration::from_micros(gap);
            idling.frames(now);
        }
        (idling, now)
    }

    /// For how many microseconds it polls on.
    fn polls_for((idling, now): (Idling, Instant)) -> u64 {
        (0..1_000).find(|&us| !idling.polls(now + Duration::from_micros(us))).expect("it sleeps some time")
    }

    #[test]
    fn a_worker_polls_as_long_as_the_next_frame_is_likely_to_come() {
        for (what, gaps, expected) in [
            ("that has had nothing", vec![], 0..=0),
            ("with a frame now and then", vec![10_000; 20], 0..=0),
            ("with a frame every 200 us", vec![200; 20], 0..=0),
            ("between question and answer", vec![40; 20], 75..=85),
            ("in a stream", vec![2; 20], 50..=50),
            ("with frames that a timer sends", vec![90; 20], 100..=100),
        ] {
            let polls = polls_for(after(gaps));
            assert!(expected.contains(&polls), "{what}: {polls}");
        }
    }

    #[test]
    fn a_silence_is_forgotten_after_a_few_frames_and_noticed_after_one() {
        let begins = [vec![1_000_000], vec![20; 8]].concat();
        assert!(polls_for(after(begins.clone())) > 0, "the stream has begun");
        assert_eq!(polls_for(after([begins, vec![1_000_000]].concat())), 0, "and ended");
    }

    #[test]
    fn the_other_policies_do_one_thing_always() {
        for (policy, polls) in [(IdlePolicy::Spin, true), (IdlePolicy::Sleep, false)] {
            let mut idling = Idling::new(policy, Instant::ZERO);
            idling.frames(Instant::ZERO);
            assert_eq!(idling.polls(Instant::ZERO), polls);
            assert_eq!(idling.polls(Instant::ZERO + Duration::from_secs(9)), polls);
        }
    }
}
