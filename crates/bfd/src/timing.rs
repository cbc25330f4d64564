//! What a session asks of the other end, and since when it goes by it itself: the Poll Sequence (RFC 5880 6.5) and when new
//! values take effect (6.8.3).

use greylag_wire::bfd::{Micros, State};

/// No session that is not up sends more often (RFC 5880 6.8.3).
pub(crate) const SLOW: Micros = Micros(1_000_000);

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
pub(crate) enum Poll {
    /// There is none.
    Idle,
    /// Packets ask for a Final.
    Running,
    /// The Final has come. A packet without one has to follow before the next sequence may begin, or its Final could be
    /// taken for another (6.8.3, the third choice).
    Settling,
}

/// What a session has said of its intervals, and which it goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    said: Intervals,
    in_force: Intervals,
    poll: Poll,
    was_up: bool,
}

impl Timing {
    /// Of a session that has said nothing yet.
    pub(crate) fn new(said: Intervals) -> Self {
        Timing { said, in_force: said, poll: Poll::Idle, was_up: false }
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
        self.poll == Poll::Running
    }

    /// Says what is configured, as far as the state of the session allows, and when it may.
    pub(crate) fn declare(&mut self, configured: Intervals, state: State) {
        let up = state == State::Up;
        let stays_up = std::mem::replace(&mut self.was_up, up) && up;
        let slow = if up { configured.desired_min_tx } else { configured.desired_min_tx.max(SLOW) };
        let wanted = Intervals { desired_min_tx: slow, ..configured };
        if stays_up && self.poll != Poll::Idle {
            return;
        }
        if wanted != self.said {
            self.poll = Poll::Running;
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

    /// Asks for a Final although no interval has changed.
    pub(crate) fn poll(&mut self) {
        self.poll = Poll::Running;
    }

    /// A packet has come, with this Final flag.
    pub(crate) fn heard(&mut self, is_final: bool) {
        self.poll = match self.poll {
            Poll::Running if is_final => {
                self.in_force = self.said;
                Poll::Settling
            }
            Poll::Settling if !is_final => Poll::Idle,
            poll => poll,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(desired: u32, required: u32) -> Intervals {
        Intervals {
            desired_min_tx: Micros::from_millis(desired),
            required_min_rx: Micros::from_millis(required),
        }
    }

    fn up() -> Timing {
        let mut timing = Timing::new(ms(1000, 300));
        timing.declare(ms(300, 300), State::Up);
        timing.heard(true);
        timing.heard(false);
        assert_eq!((timing.said(), timing.in_force(), timing.polls()), (ms(300, 300), ms(300, 300), false));
        timing
    }

    #[test]
    fn nobody_who_is_not_up_sends_more_than_once_a_second() {
        let mut timing = up();
        for state in [State::Down, State::Init, State::AdminDown] {
            timing.declare(ms(300, 300), state);
            assert_eq!((timing.said(), timing.in_force()), (ms(1000, 300), ms(1000, 300)), "{state:?}");
        }
        timing.declare(ms(5000, 300), State::Down);
        assert_eq!(timing.in_force(), ms(5000, 300));
    }

    #[test]
    fn sending_less_often_and_giving_up_sooner_wait_for_the_final() {
        let mut timing = up();
        timing.declare(ms(900, 100), State::Up);
        assert_eq!((timing.said(), timing.in_force(), timing.polls()), (ms(900, 100), ms(300, 300), true));
        timing.heard(false);
        assert_eq!(timing.in_force(), ms(300, 300));
        timing.heard(true);
        assert_eq!((timing.in_force(), timing.polls()), (ms(900, 100), false));
    }

    #[test]
    fn sending_more_often_and_being_more_patient_do_not() {
        let mut timing = up();
        timing.declare(ms(100, 900), State::Up);
        assert_eq!((timing.said(), timing.in_force(), timing.polls()), (ms(100, 900), ms(100, 900), true));
    }

    #[test]
    fn a_second_change_waits_until_the_first_is_known_for_certain() {
        let mut timing = up();
        timing.declare(ms(900, 300), State::Up);
        timing.declare(ms(600, 300), State::Up);
        assert_eq!(timing.said(), ms(900, 300));
        timing.heard(true);
        timing.declare(ms(600, 300), State::Up);
        assert_eq!((timing.said(), timing.polls()), (ms(900, 300), false));
        timing.heard(false);
        timing.declare(ms(600, 300), State::Up);
        assert_eq!((timing.said(), timing.polls()), (ms(600, 300), true));
    }

    #[test]
    fn a_session_that_fails_waits_for_nobody() {
        let mut timing = up();
        timing.declare(ms(900, 100), State::Up);
        timing.declare(ms(900, 100), State::Down);
        assert_eq!((timing.said(), timing.in_force()), (ms(1000, 100), ms(1000, 100)));
    }
}
