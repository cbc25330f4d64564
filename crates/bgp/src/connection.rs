//! One connection to a neighbor: its machine's state, its timers, and the stream that comes in.

use crate::fsm::{DIAGRAM, Direction, State, When};
use crate::open::Agreed;
use bytes::BytesMut;
use greylag_base::Instant;

/// When each timer expires; `None` while it does not run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timers {
    pub(crate) connect_retry: Option<Instant>,
    pub(crate) hold: Option<Instant>,
    pub(crate) keepalive: Option<Instant>,
    pub(crate) idle_hold: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) direction: Direction,
    pub(crate) state: State,
    pub(crate) timers: Timers,
    /// What came in and is not read yet.
    pub(crate) stream: BytesMut,
    /// What both OPENs agree on, once they are there.
    pub(crate) agreed: Option<Agreed>,
    pub(crate) taken: [u64; DIAGRAM.len()],
}

impl Connection {
    pub(crate) fn new(direction: Direction) -> Self {
        Connection {
            direction,
            state: State::Idle,
            timers: Timers::default(),
            stream: BytesMut::new(),
            agreed: None,
            taken: [0; DIAGRAM.len()],
        }
    }

    /// TCP is there.
    pub(crate) fn is_connected(&self) -> bool {
        self.state >= State::OpenSent
    }

    /// Forgets what belongs to a connection that is over.
    pub(crate) fn forget(&mut self) {
        self.stream = BytesMut::new();
        self.agreed = None;
    }

    /// When the first of its timers expires.
    pub(crate) fn next(&self) -> Option<Instant> {
        let Timers { connect_retry, hold, keepalive, idle_hold } = self.timers;
        [connect_retry, hold, keepalive, idle_hold].into_iter().flatten().min()
    }

    /// Stops a timer that has expired, and says which. Where two have, the neighbor's silence counts first.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<When> {
        let Timers { connect_retry, hold, keepalive, idle_hold } = &mut self.timers;
        let timers = [
            (hold, When::HoldTimerExpires),
            (keepalive, When::KeepaliveTimerExpires),
            (connect_retry, When::ConnectRetryTimerExpires),
            (idle_hold, When::IdleHoldTimerExpires),
        ];
        for (timer, when) in timers {
            if timer.is_some_and(|at| at <= now) {
                *timer = None;
                return Some(when);
            }
        }
        None
    }
}
