//! What is done with a packet whose next hop is found: it leaves by an interface, or it is not forwarded, for a reason.

use crate::next_hop::NextHops;
use crate::routing::header::Marks;
use crate::{Forwarding, InterfaceForwarding, NextHop, PuntReason};
use greylag_base::{DropReason, InterfaceId, MacAddr};
use greylag_fib::{GroupId, NextHopId};

/// A packet leaves.
pub(crate) struct Leaving<'f> {
    /// To which station.
    pub(crate) neighbor: MacAddr,
    /// By which interface.
    pub(crate) id: InterfaceId,
    pub(crate) interface: &'f InterfaceForwarding,
}

/// Why a packet is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is for the switch itself.
    Ours,
    /// It is dropped.
    Silent(DropReason),
    /// It is dropped, and the control side is told, for it has something to do or to say about it.
    Told(DropReason, PuntReason),
}

/// What the tables say of a packet.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) group: Option<GroupId>,
    pub(crate) next_hop: Option<NextHopId>,
    pub(crate) marks: Marks,
}

/// Decides over a packet. `fits` says whether it is, on the wire and in its longest segment, no longer than this.
#[inline(always)]
pub(crate) fn outcome<'f>(
    found: Found,
    fits: impl FnOnce(usize) -> bool,
    next_hops: &NextHops,
    forwarding: &'f Forwarding,
) -> Result<Leaving<'f>, Refusal> {
    use Refusal::{Silent, Told};
    let next_hop = found.next_hop.map(|id| (id, next_hops.get(id)));
    if let Some((_, NextHop::Local)) = next_hop {
        return Err(Refusal::Ours);
    }
    if let Some(reason) = found.marks.of_the_link() {
        return Err(Silent(reason));
    }
    let Some((id, next_hop)) = next_hop else {
        let reason = if found.group.is_none() { DropReason::NoRoute } else { DropReason::NoLiveNextHop };
        return Err(Told(reason, PuntReason::NoRoute));
    };
    let (interface, neighbor) = match next_hop {
        NextHop::Neighbor { interface, mac } => (interface, Some(mac)),
        NextHop::Unresolved { interface } | NextHop::Glean { interface } => (interface, None),
        NextHop::Unset => return Err(Silent(DropReason::NextHopUnset)),
        NextHop::Blackhole => return Err(Silent(DropReason::Blackhole)),
        NextHop::Unreachable => return Err(Told(DropReason::Unreachable, PuntReason::Unreachable)),
        NextHop::Prohibited => return Err(Told(DropReason::Prohibited, PuntReason::Prohibited)),
        NextHop::Local => unreachable!("told above"),
    };
    // RFC 1812 5.3.1: only where a packet would be forwarded.
    if found.marks.is_expired() {
        return Err(Told(DropReason::TtlExpired, PuntReason::TtlExpired));
    }
    let leaving = forwarding.interface(interface).filter(|interface| interface.up);
    let Some(leaving) = leaving else { return Err(Silent(DropReason::InterfaceDown)) };
    let Some(neighbor) = neighbor else {
        return Err(Told(DropReason::NextHopUnresolved, PuntReason::Unresolved(id)));
    };
    if !fits(leaving.mtu) {
        return Err(Told(DropReason::PacketTooBig, PuntReason::TooBig(id)));
    }
    Ok(Leaving { neighbor, id: interface, interface: leaving })
}
