//! What is done with a packet whose next hop is found: it leaves by an interface, or it is not forwarded, for a reason.

use crate::forwarding::InterfaceExit;
use crate::next_hop::NextHopWord;
use crate::routing::header::Marks;
use crate::tracer::Path;
use crate::{Forwarding, NextHop, PuntReason};
use greylag_base::{DropReason, InterfaceId, MacAddr};
use greylag_fib::{GroupId, NextHopId};

/// A packet leaves.
pub(crate) struct Leaving<'f> {
    /// To which station.
    pub(crate) neighbor: u64,
    /// By which interface.
    pub(crate) id: InterfaceId,
    pub(crate) exit: &'f InterfaceExit,
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
    pub(crate) next_hop: Option<(NextHopId, NextHopWord)>,
    pub(crate) marks: Marks,
}

impl Found {
    /// How it was found, for somebody who listens.
    pub(crate) fn path(
        &self,
        leaving: &Leaving<'_>,
        bucket: impl FnOnce(GroupId) -> Option<u16>,
    ) -> Option<Path> {
        let (group, (next_hop, _)) = (self.group?, self.next_hop?);
        let (interface, neighbor) = (leaving.id, MacAddr::from_bits(leaving.neighbor));
        Some(Path { group, bucket: bucket(group).unwrap_or_default(), next_hop, interface, neighbor })
    }
}

/// Where a packet leaves, when nothing speaks against it. `fits` says whether it is, on the wire and in its longest segment, no longer than
/// this.
#[inline(always)]
pub(crate) fn leaving<'f>(
    found: &Found,
    fits: impl FnOnce(usize) -> bool,
    forwarding: &'f Forwarding,
) -> Option<Leaving<'f>> {
    let (id, neighbor) = found.next_hop?.1.neighbor()?;
    let exit = forwarding.exit(id)?;
    (found.marks.is_clear() && exit.up && fits(exit.mtu)).then_some(Leaving { neighbor, id, exit })
}

/// Why a packet does not leave.
#[cold]
pub(crate) fn refusal(found: &Found, forwarding: &Forwarding) -> Refusal {
    use Refusal::{Silent, Told};
    let next_hop = found.next_hop.map(|(id, word)| (id, word.read()));
    if let Some((_, NextHop::Local)) = next_hop {
        return Refusal::Ours;
    }
    if let Some(reason) = found.marks.of_the_link() {
        return Silent(reason);
    }
    let Some((id, next_hop)) = next_hop else {
        let reason = if found.group.is_none() { DropReason::NoRoute } else { DropReason::NoLiveNextHop };
        return Told(reason, PuntReason::NoRoute);
    };
    let (interface, is_resolved) = match next_hop {
        NextHop::Neighbor { interface, .. } => (interface, true),
        NextHop::Unresolved { interface } | NextHop::Glean { interface } => (interface, false),
        NextHop::Unset => return Silent(DropReason::NextHopUnset),
        NextHop::Blackhole => return Silent(DropReason::Blackhole),
        NextHop::Unreachable => return Told(DropReason::Unreachable, PuntReason::Unreachable),
        NextHop::Prohibited => return Told(DropReason::Prohibited, PuntReason::Prohibited),
        NextHop::Local => unreachable!("told above"),
    };
    // RFC 1812 5.3.1: only where a packet would be forwarded.
    if found.marks.is_expired() {
        return Told(DropReason::TtlExpired, PuntReason::TtlExpired);
    }
    if !forwarding.interface(interface).is_some_and(|interface| interface.up) {
        return Silent(DropReason::InterfaceDown);
    }
    if !is_resolved {
        return Told(DropReason::NextHopUnresolved, PuntReason::Unresolved(id));
    }
    // Nothing else is left to speak against it.
    Told(DropReason::PacketTooBig, PuntReason::TooBig(id))
}
