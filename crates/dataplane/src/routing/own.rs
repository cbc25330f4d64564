//! Frames of the switch itself that leave by an interface: those of its control side, and those of an IP stack that shares one.

use crate::OURSELVES;
use crate::Tracer;
use crate::counters::Family;
use crate::flood::FloodBudget;
use crate::ingress::Header;
use crate::plane::DataPlane;
use crate::routing::Concern;
use crate::routing::departures::Departure;
use crate::routing::header::{Marks, packet_of};
use crate::routing::{Load, Origin, Round, Router, Search};
use greylag_base::{DropReason, InterfaceId, MacAddr, VlanId};
use greylag_wire::ethernet::{EtherType, Frame};
use greylag_wire::vlan::Tci;

/// Sends the one frame of the batch by an interface.
pub(crate) fn originate<T: Tracer>(
    id: InterfaceId,
    (router, plane): (&mut Router, &DataPlane),
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
    search: Search<'_>,
) {
    let stations = Frame::new_checked(load.batch.bytes(0)).map(|frame| [frame.destination(), frame.source()]);
    let sent = match stations {
        Some(stations) => router.send_own(0, stations, id, round, load),
        None => Err(DropReason::Runt),
    };
    if let Err(reason) = sent {
        return load.account.drop_frame(load.batch, 0, reason);
    }
    router.find_stations(plane, round, search);
    // What the switch itself has to say is not kept within the limits of a port.
    router.departures.leave(Origin::Own, round, load, &mut FloodBudget::endless());
}

/// Sends the packet in the one frame of the batch the way that the FIB says.
pub(crate) fn originate_routed<T: Tracer>(
    (router, plane): (&mut Router, &DataPlane),
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
    search: Search<'_>,
) {
    let (destination, source) = (MacAddr::ZERO, MacAddr::ZERO);
    load.headers[0] = Some(Header { destination, source, vlan: VlanId::DEFAULT, tag: Tci(0) });
    let concern = match EtherType(packet_of(load.batch, 0).0) {
        EtherType::IPV4 => Concern::Ipv4,
        EtherType::IPV6 => Concern::Ipv6,
        _ => Concern::Unknown,
    };
    router.receive(concern, (0, OURSELVES), round, load);
    // How long it is to live was decided when it was made.
    router.ipv4.marks[0] = Marks::default();
    router.ipv6.marks[0] = Marks::default();
    if router.has_packets() {
        router.route(Origin::OwnRouted, round, load);
    }
    router.find_stations(plane, round, search);
    router.departures.leave(Origin::OwnRouted, round, load, &mut FloodBudget::endless());
}

impl Router {
    /// Has a frame sent by an interface, without a tag and otherwise as it is.
    pub(crate) fn send_own<T: Tracer>(
        &mut self,
        frame: u16,
        [destination, source]: [MacAddr; 2],
        id: InterfaceId,
        round: &Round<'_>,
        load: &mut Load<'_, '_, T>,
    ) -> Result<(), DropReason> {
        let exit = round.forwarding.exit(id).filter(|exit| exit.up);
        let Some(exit) = exit else { return Err(DropReason::InterfaceDown) };
        let (ether_type, packet) = packet_of(load.batch, frame);
        let family = match EtherType(ether_type) {
            EtherType::IPV4 => Some(Family::Ipv4),
            EtherType::IPV6 => Some(Family::Ipv6),
            _ => None,
        };
        let packet = family.map(|family| (family, packet.len() as u32));
        let header = Header { destination, source, vlan: VlanId::DEFAULT, tag: Tci(0) };
        load.headers[usize::from(frame)] = Some(header);
        let departure =
            Departure { frame, id, addresses: [destination, source].map(MacAddr::to_bits), packet };
        self.departures.add(departure, exit.way, load.headers);
        if T::LISTENS {
            self.departures.tell_path(None);
        }
        Ok(())
    }
}
