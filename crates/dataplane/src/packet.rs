//! Packets that workers hand up: those for the switch itself, and those over which its control side has to decide.

use bytes::Bytes;
use greylag_base::{Instant, InterfaceId, PortId};
use greylag_fib::NextHopId;
use serde::{Deserialize, Serialize};

/// Why a packet is handed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PuntReason {
    /// It is to an address of the switch.
    Address,
    /// It concerns the link: ARP, neighbour discovery, groups that end at the link.
    Link,
    /// Nobody knows the station of this next hop, or of its destination.
    Unresolved(NextHopId),
    /// Its time to live, or hop limit, is over.
    TtlExpired,
    /// It is longer than what leaves by this next hop may be.
    TooBig(NextHopId),
    /// There is no route.
    NoRoute,
    /// Its route says that the destination cannot be reached.
    Unreachable,
    /// Its route says that this is forbidden.
    Prohibited,
}

impl PuntReason {
    /// It is for the switch itself, and goes before those that are not.
    pub const fn is_ours(self) -> bool {
        matches!(self, PuntReason::Address | PuntReason::Link)
    }
}

/// A packet that a worker has handed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When the worker took the batch that it was in.
    pub at: Instant,
    /// The port of the bridge, or the routed port, that it came in by.
    pub port: PortId,
    /// The interface that it came in by.
    pub interface: InterfaceId,
    /// Why.
    pub reason: PuntReason,
    /// From the destination address on, without tag, with all checksums.
    pub frame: Bytes,
}
