//! What zebra says: one value per netlink message.

use crate::netlink::{Message, Wrong};
use crate::next_hop::{self, NextHopAdd, NextHopId};
use crate::route::{self, RouteAdd, RouteDelete};
use core::fmt;

/// One message of the stream. Lists in it are read where they stand: nothing is copied or allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FpmMessage<'a> {
    /// A prefix is routed, or routed another way.
    RouteAdd(RouteAdd<'a>),
    /// A prefix is routed no longer.
    RouteDelete(RouteDelete),
    /// A next hop or group is there, or is another.
    NextHopAdd(NextHopAdd<'a>),
    /// A next hop or group is there no longer.
    NextHopDelete(NextHopId),
    /// Something that a switch of ours has no use for.
    Other(Other),
}

/// What is sent besides, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Other {
    /// A MAC address of EVPN's (RTM_NEWNEIGH, RTM_DELNEIGH).
    MacFdb,
    /// A label switched path.
    Lsp,
    /// A route that also depends on the source (RTA_SRC).
    SourceRoute,
    /// A route of another family: multicast, mostly.
    RouteFamily(u8),
    /// A route that is neither unicast nor one of those that drop (`RTN_*`).
    RouteKind(u8),
    /// A next hop for a VXLAN forwarding table.
    FdbNextHop,
    /// Another netlink message.
    Netlink(u16),
    /// A frame of another type than netlink: 2 is protobuf.
    Frame(u8),
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Other::MacFdb => f.pad("MAC address"),
            Other::Lsp => f.pad("label switched path"),
            Other::SourceRoute => f.pad("route by source"),
            Other::RouteFamily(family) => write!(f, "route of family {family}"),
            Other::RouteKind(kind) => write!(f, "route of kind {kind}"),
            Other::FdbNextHop => f.pad("next hop of a VXLAN table"),
            Other::Netlink(kind) => write!(f, "netlink message {kind}"),
            Other::Frame(kind) => write!(f, "frame of type {kind}"),
        }
    }
}

/// RTM_NEWNEIGH and RTM_DELNEIGH.
const NEIGHBOURS: [u16; 2] = [28, 29];

impl<'a> FpmMessage<'a> {
    #[inline]
    pub(crate) fn parse(message: Message<'a>) -> Result<Self, Wrong> {
        Ok(match message.kind() {
            route::NEW => RouteAdd::parse(message)?.map_or_else(FpmMessage::Other, FpmMessage::RouteAdd),
            route::DEL => {
                RouteDelete::parse(message)?.map_or_else(FpmMessage::Other, FpmMessage::RouteDelete)
            }
            next_hop::NEW => {
                NextHopAdd::parse(message)?.map_or_else(FpmMessage::Other, FpmMessage::NextHopAdd)
            }
            next_hop::DEL => FpmMessage::NextHopDelete(next_hop::parse_delete(message)?),
            kind if NEIGHBOURS.contains(&kind) => FpmMessage::Other(Other::MacFdb),
            kind => FpmMessage::Other(Other::Netlink(kind)),
        })
    }
}
