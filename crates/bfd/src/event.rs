//! What happens to sessions, as values.

use crate::config::SessionId;
use crate::state::When;
use greylag_base::Instant;
use greylag_wire::bfd::{Diagnostic, Micros, State};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BfdEvent {
    /// A session is in another state.
    StateChanged {
        /// The session.
        session: SessionId,
        /// Before.
        from: State,
        /// After.
        to: State,
        /// What moved it.
        because: When,
    },
    /// A session is up: both ends hear each other.
    Up {
        /// The session.
        session: SessionId,
    },
    /// A session is no longer up.
    Down {
        /// The session.
        session: SessionId,
        /// How it came about.
        failure: Failure,
    },
    /// A session goes by other times than before.
    ParametersChanged {
        /// The session.
        session: SessionId,
        /// The longest time between two of our packets: what both ends agreed on.
        transmit_interval: Micros,
        /// After so much silence the other end is given up.
        detection_time: Duration,
    },
}

/// How a session ceased to be up.
///
/// Where either end is in AdminDown, RFC 5882 3.2 does not want clients to take the path for broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// When.
    pub at: Instant,
    /// What moved it.
    pub because: When,
    /// What it is now: Down, or AdminDown.
    pub state: State,
    /// What we say of it.
    pub local_diagnostic: Diagnostic,
    /// What the other end said last of its own session's last change.
    pub remote_diagnostic: Diagnostic,
    /// What the other end said last that its session is.
    pub remote_state: State,
}
