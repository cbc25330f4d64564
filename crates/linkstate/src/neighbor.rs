//! A router that is heard on an interface, what it knows of our database, and the states that it goes through.

use crate::event::DownReason;
use crate::unconfirmed::Unconfirmed;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::{Instant, InterfaceId};
use serde::{Deserialize, Serialize};

/// How far an adjacency has come, with the names of RFC 2328 10.1 as far as there is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NeighborState {
    /// It is heard, but BFD says that the path has failed: it is not named in our hellos.
    Held,
    /// It is heard; whether it hears us is not known.
    Init,
    /// Both hear each other. It is being told what is in our database.
    Exchange,
    /// It has all that we had, and announcements go through it.
    Full,
}

/// What moves a neighbor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Its hello names us, or it has something to say to us alone.
    TwoWay,
    /// It has confirmed all that was in our database when the exchange began.
    ExchangeDone,
    /// Its hello does not name us.
    OneWay,
    /// Its incarnation is another.
    Restarted,
    /// BFD says that the path has failed.
    PathDown,
    /// BFD says that the path is there.
    PathUp,
}

/// One arrow of the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Where it begins.
    pub from: NeighborState,
    /// What takes it.
    pub when: When,
    /// Where it leads.
    pub to: NeighborState,
    /// Why the adjacency is no more, if it was up.
    pub reason: Option<DownReason>,
}

const fn on(from: NeighborState, when: When, to: NeighborState) -> Transition {
    Transition { from, when, to, reason: None }
}

const fn falls(from: NeighborState, when: When, to: NeighborState, reason: DownReason) -> Transition {
    Transition { from, when, to, reason: Some(reason) }
}

/// The diagram. A neighbor begins in Init, or in Held where BFD says so; one that is silent for the dead interval, or whose
/// interface goes, is forgotten from any state.
pub const DIAGRAM: &[Transition] = &[
    on(NeighborState::Init, When::TwoWay, NeighborState::Exchange),
    on(NeighborState::Exchange, When::ExchangeDone, NeighborState::Full),
    falls(NeighborState::Exchange, When::OneWay, NeighborState::Init, DownReason::OneWay),
    falls(NeighborState::Full, When::OneWay, NeighborState::Init, DownReason::OneWay),
    falls(NeighborState::Exchange, When::Restarted, NeighborState::Init, DownReason::Restarted),
    falls(NeighborState::Full, When::Restarted, NeighborState::Init, DownReason::Restarted),
    falls(NeighborState::Init, When::PathDown, NeighborState::Held, DownReason::Bfd),
    falls(NeighborState::Exchange, When::PathDown, NeighborState::Held, DownReason::Bfd),
    falls(NeighborState::Full, When::PathDown, NeighborState::Held, DownReason::Bfd),
    on(NeighborState::Held, When::PathUp, NeighborState::Init),
];

/// The arrow that is taken, if there is one.
pub(crate) fn arrow(from: NeighborState, when: When) -> Option<&'static Transition> {
    DIAGRAM.iter().find(|arrow| (arrow.from, arrow.when) == (from, when))
}

/// Who, and where: parallel links to one router are several neighbors.
pub(crate) type NeighborId = (InterfaceId, Ipv4Addr);

#[derive(Clone, Debug)]
pub(crate) struct Neighbor {
    pub(crate) state: NeighborState,
    pub(crate) since: Instant,
    pub(crate) incarnation: u32,
    /// Its own number for its interface.
    pub(crate) interface: InterfaceId,
    pub(crate) ipv4: Option<Ipv4Addr>,
    pub(crate) ipv6: Option<Ipv6Addr>,
    /// When its last hello came.
    pub(crate) heard: Instant,
    pub(crate) unconfirmed: Unconfirmed,
    pub(crate) last_down: Option<DownReason>,
}

impl Neighbor {
    /// Does it take part in flooding?
    pub(crate) fn exchanges(&self) -> bool {
        self.state >= NeighborState::Exchange
    }

    pub(crate) fn has_address(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.ipv4 == Some(address),
            IpAddr::V6(address) => self.ipv6 == Some(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_arrows_leave_one_state_for_one_reason() {
        for transition in DIAGRAM {
            assert_eq!(arrow(transition.from, transition.when), Some(transition));
        }
        let pairs: std::collections::BTreeSet<String> =
            DIAGRAM.iter().map(|arrow| format!("{:?} {:?}", arrow.from, arrow.when)).collect();
        assert_eq!(pairs.len(), DIAGRAM.len());
    }
}
