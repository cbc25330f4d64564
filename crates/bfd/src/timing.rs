//! What a session asks of the other end, and since when it goes by it itself: the Poll Sequence (RFC 5880 6.5) and when new
//! values take effect (6.8.3).

use greylag_base::Instant;
use greylag_wire::bfd::{Micros, State};
use std::time::Duration;

/// No session that is not up sends more often (RFC 5880 6.8.3).
pub(crate) const SLOW: Micros = Micros(1_000_000);

/// No Final is waited for longer. Where packets that asked were lost, the time until the Final came says little of how long one
/// takes, and after an outage it would be as long as that.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(10);

/// The two values that take a Poll Sequence to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intervals {
    /// bfd.DesiredMinTxInterval.
    pub(crate) desired_min_tx: Micros,
    /// bfd.RequiredMinRxInterval.
    pub(crate) required_min_rx: Micros,
}

/// Where a Poll Sequence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poll {
    /// There is none.
    Idle,
    /// Packets ask for a Final.
    Running {
        /// The first may have asked at that time.
        since: Instant,
        /// The last has.
        asked: Instant,
    },
    /// The Final has come. Finals of packets that asked before may still be on their way, and must not be taken for those of
    /// another sequence.
    Settling {
        /// The last of them should be here.
        until: Instant,
    },
}

/// What a session has said of its intervals, and which it goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    said: Intervals,
    in_force: Intervals,
    poll: Poll,
    /// The longest that a Final may take to come.
    round_trip: Duration,
    was_up: bool,
}

impl Timing {
    /// Of a session that has said nothing yet.
    pub(crate) fn new(said: Intervals) -> Self {
        Timing { said, in_force: said, poll: Poll::Idle, round_trip: Duration::ZERO, was_up: false }
    }

    /// What packets say.
    pub(crate) fn said(&self) -> Intervals {
        self.said
    }

    /// What the session itself goes by.
    pub(crate) fn in_force(&self) -> Intervals {
        self.in_force
    }

    pub(crate) fn polls(&self) -> bool {
        matches!(self.poll, Poll::Running { .. })
    }

    /// Says what is configured, as far as the state of the session allows, and when it may.
    pub(crate) fn declare(&mut self, configured: Intervals, state: State, now: Instant) {
        let up = state == State::Up;
        let stays_up = std::mem::replace(&mut self.was_up, up) && up;
        let slow = if up { configured.desired_min_tx } else { configured.desired_min_tx.max(SLOW) };
        let wanted = Intervals { desired_min_tx: slow, ..configured };
        if stays_up && self.poll != Poll::Idle {
            return;
        }
        if wanted != self.said {
            self.poll(now);
        }
        // Sending less often, or giving up sooner, waits until the other end knows.
        if !stays_up || wanted.desired_min_tx <= self.in_force.desired_min_tx {
            self.in_force.desired_min_tx = wanted.desired_min_tx;
        }
        if !stays_up || wanted.required_min_rx >= self.in_force.required_min_rx {
            self.in_force.required_min_rx = wanted.required_min_rx;
        }
        self.said = wanted;
    }

    /// Asks for a Final, or goes on doing so.
    pub(crate) fn poll(&mut self, now: Instant) {
        self.poll = match self.poll {
            Poll::Idle => {
                self.round_trip = Duration::ZERO;
                Poll::Running { since: now, asked: now }
            }
            // A Final may be for what was said before. How long they take is known from there.
            Poll::Settling { .. } => Poll::Running { since: now, asked: now },
            running @ Poll::Running { .. } => running,
        };
    }

    /// A packet that asks for a Final goes out.
    pub(crate) fn asks(&mut self, now: Instant) {
        if let Poll::Running { asked, .. } = &mut self.poll {
            *asked = now;
        }
    }

    /// A packet has come, with this Final flag.
    ///
    /// RFC 5880 6.8.3 lets another sequence begin when a packet without Final has come, or a round trip after the last packet
    /// that asked. Where a round trip takes longer than an interval, several have asked, and the first is not enough: we
    /// wait for both. A Final that answers any of them is no younger than the round trip.
    pub(crate) fn heard(&mut self, is_final: bool, now: Instant) {
        self.poll = match self.poll {
            Poll::Running { since, asked } if is_final => {
                self.in_force = self.said;
                self.round_trip = self.round_trip.max(now - since).min(LONGEST_ROUND_TRIP);
                Poll::Settling { until: asked + self.round_trip }
            }
            Poll::Settling { until } if !is_final && until <= now => Poll::Idle,
            poll => poll,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Instant = Instant::ZERO;

    const fn ms(desired: u32, required: u32) -> Intervals {
        Intervals {
            desired_min_tx: Micros::from_millis(desired),
            required_min_rx: Micros::from_millis(required),
        }
    }

    fn up() -> Timing {
        let mut timing = Timing::new(ms(1000, 300));
        timing.declare(ms(300, 300), State::Up, AT);
        timing.heard(true, AT);
        timing.heard(false, AT);
        assert_eq!((timing.said(), timing.in_force(), timing.polls()), (ms(300, 300), ms(300, 300), false));
        timing
    }

    #[test]
    fn nobody_who_is_not_up_sends_more_than_once_a_second() {
        let mut timing = up();
        for state in [State::Down, State::Init, State::AdminDown] {
            timing.declare(ms(300, 300), state, AT);
            assert_eq!((timing.said(), timing.in_force()), (ms(1000, 300), ms(1000, 300)), "{state:?}");
        }
        timing.declare(ms(5000, 300), State::Down, AT);
        assert_eq!(timing.in_force(), ms(5000, 300));
    }

    #[test]
    fn sending_less_often_and_giving_up_sooner_wait_for_the_final() {
        let mut timing = up();
        timing.declare(ms(900, 100), State::Up, AT);
        assert_eq!((timing.said(), timing.in_force(), timing.polls()), (ms(900, 100), ms(300, 300), true));
        timing.heard(false, AT);
        assert_eq!(timing.in_force(), ms(300, 300));
        timing.heard(true, AT);
        assert_eq!((timing.in_force(), timing.polls()), (ms(900, 100), false));
    }

    #[test]
    fn sending_more_often_and_being_more_patient_do_not() {
        let mut timing = up();
        timing.declare(ms(100, 900), State::Up, AT);
        assert_eq!((timing.said(), timing.in_force(), timing.polls()), (ms(100, 900), ms(100, 900), true));
    }

    #[test]
    fn a_second_change_waits_until_the_first_is_known_for_certain() {
        let mut timing = up();
        timing.declare(ms(900, 300), State::Up, AT);
        timing.declare(ms(600, 300), State::Up, AT);
        assert_eq!(timing.said(), ms(900, 300));
        timing.heard(true, AT);
        timing.declare(ms(600, 300), State::Up, AT);
        assert_eq!((timing.said(), timing.polls()), (ms(900, 300), false));
        timing.heard(false, AT);
        timing.declare(ms(600, 300), State::Up, AT);
        assert_eq!((timing.said(), timing.polls()), (ms(600, 300), true));
    }

    #[test]
    fn an_outage_is_no_round_trip() {
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let mut timing = up();
        timing.declare(ms(300, 300), State::Down, at(0));
        timing.asks(at(600));
        timing.heard(true, at(600));
        timing.heard(false, at(610));
        timing.declare(ms(300, 300), State::Up, at(610));
        timing.heard(true, at(611));
        timing.heard(false, at(612));
        timing.declare(ms(900, 300), State::Up, at(612));
        assert_eq!(timing.said(), ms(900, 300));
    }

    #[test]
    fn a_session_that_fails_waits_for_nobody() {
        let mut timing = up();
        timing.declare(ms(900, 100), State::Up, AT);
        timing.declare(ms(900, 100), State::Down, AT);
        assert_eq!((timing.said(), timing.in_force()), (ms(1000, 100), ms(1000, 100)));
    }

    #[test]
    fn finals_that_are_late_are_not_taken_for_those_of_another_sequence() {
        let at = |millis| Instant::ZERO + Duration::from_millis(millis);
        let mut timing = up();
        timing.declare(ms(900, 300), State::Up, at(0));
        // Three packets ask, and it takes 500 ms until the first is answered.
        for asked in [0, 200, 400] {
            timing.asks(at(asked));
        }
        timing.heard(true, at(500));
        for (is_final, millis) in [(false, 600), (true, 700), (false, 899), (true, 900)] {
            timing.heard(is_final, at(millis));
            timing.declare(ms(600, 300), State::Up, at(millis));
            assert_eq!(timing.said(), ms(900, 300), "{millis}");
        }
        timing.heard(false, at(901));
        timing.declare(ms(600, 300), State::Up, at(901));
        assert_eq!(timing.said(), ms(600, 300));
    }
}
