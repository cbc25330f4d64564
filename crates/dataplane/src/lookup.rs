//! Where a frame goes: to one port, to the whole VLAN, or nowhere.

use crate::Forwarding;
use crate::ingress::Header;
use crate::storm::FloodClass;
use greylag_base::{DropReason, PortId};

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Forward(PortId),
    Flood(FloodClass),
    Drop(DropReason),
}

/// Decides over a frame that came in on `ingress`; `station` is the port behind which its destination is known.
#[inline(always)]
pub(crate) fn decide(
    header: &Header,
    station: Option<PortId>,
    ingress: PortId,
    forwarding: &Forwarding,
) -> Verdict {
    if header.destination.is_group() {
        let is_broadcast = header.destination.is_broadcast();
        return Verdict::Flood(if is_broadcast { FloodClass::Broadcast } else { FloodClass::Multicast });
    }
    let Some(egress) = station else {
        return Verdict::Flood(FloodClass::UnknownUnicast);
    };
    if egress == ingress {
        return Verdict::Drop(DropReason::Hairpin);
    }
    match forwarding.port(egress) {
        Some(port) if !port.up => Verdict::Drop(DropReason::DestinationDown),
        Some(port) if !port.vlans.contains(header.vlan) => Verdict::Drop(DropReason::VlanNotAllowed),
        Some(_) => match forwarding.kept_apart(ingress, egress) {
            Some(reason) => Verdict::Drop(reason),
            None => Verdict::Forward(egress),
        },
        None => Verdict::Drop(DropReason::DestinationDown),
    }
}
