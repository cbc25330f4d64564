//! What happens to a speaker, as values.

use crate::config::{Family, NeighborId};
use crate::fsm::{Direction, State, When};
use crate::notification::{self as code, Notification};
use greylag_base::Instant;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BgpEvent {
    /// A connection's machine is in another state.
    StateChanged {
        /// The neighbor.
        neighbor: NeighborId,
        /// Which of its two connections.
        direction: Direction,
        /// Before.
        from: State,
        /// After.
        to: State,
        /// What moved it.
        because: When,
    },
    /// A connection ended, or an attempt at one, before there was a session.
    AttemptFailed {
        /// The neighbor.
        neighbor: NeighborId,
        /// Which of its two connections.
        direction: Direction,
        /// Why.
        cause: Cause,
    },
    /// A session is up.
    Up {
        /// The neighbor.
        neighbor: NeighborId,
        /// By the connection of this direction.
        direction: Direction,
    },
    /// A session is no longer up, and the neighbor's routes are gone.
    Down {
        /// The neighbor.
        neighbor: NeighborId,
        /// How it came about.
        failure: Failure,
    },
    /// An UPDATE was wrong, in a way that does not end the session (RFC 7606).
    UpdateMistaken {
        /// The neighbor that sent it.
        neighbor: NeighborId,
        /// What is wrong with it.
        mistake: Mistake,
    },
    /// A neighbor has as many prefixes as it may have; one more would end the session.
    PrefixLimitReached {
        /// The neighbor.
        neighbor: NeighborId,
        /// Of which family.
        family: Family,
        /// So many.
        limit: u32,
    },
}

/// How a session ceased to be up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// When.
    pub at: Instant,
    /// What moved it.
    pub because: When,
    /// Why.
    pub cause: Cause,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Nothing was heard for the hold time.
    HoldTimerExpired,
    /// The neighbor did something wrong, and was told.
    NotificationSent(Notification),
    /// The neighbor said so.
    NotificationReceived(Notification),
    /// TCP ended, or did not come about.
    ConnectionClosed,
    /// The interface towards the neighbor is down.
    InterfaceDown,
    /// BFD says that the neighbor cannot be reached.
    BfdDown,
    /// An operator has disabled the neighbor.
    AdminDown,
    /// An operator has reset the session.
    AdminReset,
    /// The neighbor is no longer configured.
    Removed,
    /// The session has to begin anew for what was configured.
    ConfigurationChanged,
    /// The neighbor has more prefixes than it may have.
    PrefixLimitExceeded {
        /// Of which family.
        family: Family,
        /// So many it may have.
        limit: u32,
    },
    /// The neighbor's other connection is kept (RFC 4271 6.8).
    Collision,
}

impl Cause {
    /// What the neighbor is told.
    pub(crate) fn notification(&self) -> Option<Notification> {
        let (code, data): (_, Vec<u8>) = match self {
            Cause::NotificationSent(notification) => return Some(notification.clone()),
            // What does not arrive need not be said, and what has said so itself need not be told.
            Cause::NotificationReceived(_) | Cause::ConnectionClosed | Cause::InterfaceDown => return None,
            Cause::HoldTimerExpired => (code::HOLD_TIMER_EXPIRED, Vec::new()),
            Cause::BfdDown => (code::BFD_DOWN, Vec::new()),
            Cause::AdminDown => (code::ADMINISTRATIVE_SHUTDOWN, Vec::new()),
            Cause::AdminReset => (code::ADMINISTRATIVE_RESET, Vec::new()),
            Cause::Removed => (code::PEER_DE_CONFIGURED, Vec::new()),
            Cause::ConfigurationChanged => (code::OTHER_CONFIGURATION_CHANGE, Vec::new()),
            Cause::PrefixLimitExceeded { family, limit } => {
                let afi: u16 = match family {
                    Family::Ipv4Unicast => 1,
                    Family::Ipv6Unicast => 2,
                };
                // RFC 4486 4: family, then the bound.
                let data = [&afi.to_be_bytes()[..], &[1], &limit.to_be_bytes()].concat();
                (code::MAXIMUM_PREFIXES, data)
            }
            Cause::Collision => (code::COLLISION_RESOLUTION, Vec::new()),
        };
        Some(Notification::new(code, &data))
    }
}

impl fmt::Display for Cause {
    /// In a few words, with what a NOTIFICATION says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::HoldTimerExpired => f.write_str("hold timer expired"),
            Cause::NotificationSent(notification) => write!(f, "we said: {notification}"),
            Cause::NotificationReceived(notification) => write!(f, "it said: {notification}"),
            Cause::ConnectionClosed => f.write_str("connection closed"),
            Cause::InterfaceDown => f.write_str("interface down"),
            Cause::BfdDown => f.write_str("BFD down"),
            Cause::AdminDown => f.write_str("disabled"),
            Cause::AdminReset => f.write_str("reset"),
            Cause::Removed => f.write_str("removed"),
            Cause::ConfigurationChanged => f.write_str("configuration changed"),
            Cause::PrefixLimitExceeded { limit, .. } => write!(f, "more than {limit} prefixes"),
            Cause::Collision => f.write_str("the other connection is kept"),
        }
    }
}

/// What is wrong with an UPDATE that does not end the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mistake {
    /// The type of the path attribute that is wrong; 0 where it cannot be told.
    pub attribute: u8,
    /// What is wrong.
    pub fault: Fault,
    /// What was done about it.
    pub treatment: Treatment,
}

/// What may be wrong with a path attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Optional, though it is well-known, or the other way round; transitive likewise.
    Flags,
    /// It is longer or shorter than it can be, or holds what makes no sense.
    Malformed,
    /// It is there a second time.
    Twice,
    /// It has to be there and is not.
    Missing,
    /// It comes from another system and is known only within one.
    Foreign,
    /// It ends after the list of attributes does.
    Overrun,
}

/// What was done about it (RFC 7606 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// The attribute was passed over.
    AttributeDiscard,
    /// The routes of the UPDATE count as withdrawn.
    TreatAsWithdraw,
}
