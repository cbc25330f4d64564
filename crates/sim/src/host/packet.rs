//! What a host does with an IP packet: probes first, since they are many, then echo and neighbour discovery, and the
//! rest to the stack.

use super::echo::{self, Echo};
use super::lan::Lan;
use super::nic::Received;
use super::{HostDrop, nd};
use crate::flow::probe::{self, Probe, Read};
use core::net::IpAddr;
use greylag_base::Instant;
use greylag_wire::ethernet::EtherType;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr,
    Ipv6Packet, Ipv6Repr, TcpPacket, TcpRepr, UdpPacket, UdpRepr,
};

/// What is left to do with a packet.
pub(crate) enum Rest {
    /// Nothing: it has been dealt with.
    Done,
    /// It is a sound probe for an address of ours.
    Probe(Probe),
    /// It is a sound packet for the stack.
    Stack,
}

pub(crate) fn handle(lan: &mut Lan, now: Instant, received: &Received<'_>) -> Result<Rest, HostDrop> {
    let packet = received.payload;
    let to = destination(packet, received.ether_type).ok_or(HostDrop::Malformed)?;
    if !lan.addresses.takes(to) {
        return Err(HostDrop::ForeignAddress);
    }
    let own = received.unicast && lan.addresses.has(to);
    if own {
        match probe::read(packet) {
            Read::Probe(probe) => return Ok(Rest::Probe(probe)),
            Read::Damaged => return Err(HostDrop::Malformed),
            Read::Other => {}
        }
    }
    match to {
        IpAddr::V4(_) => handle_v4(lan, now, packet, own),
        IpAddr::V6(_) => handle_v6(lan, now, packet, own),
    }
}

/// Read before anything else is looked at: most packets that a host gets are probes, or not for it.
fn destination(packet: &[u8], ether_type: EtherType) -> Option<IpAddr> {
    let version = packet.first()? >> 4;
    match ether_type {
        EtherType::IPV4 if version == 4 => {
            let octets: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            Some(octets.into())
        }
        EtherType::IPV6 if version == 6 => {
            let octets: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            Some(octets.into())
        }
        _ => None,
    }
}

fn handle_v4(lan: &mut Lan, now: Instant, packet: &[u8], own: bool) -> Result<Rest, HostDrop> {
    let checksums = ChecksumCapabilities::default();
    let ip = Ipv4Packet::new_checked(packet).map_err(|_| HostDrop::Malformed)?;
    let repr = Ipv4Repr::parse(&ip, &checksums).map_err(|_| HostDrop::Malformed)?;
    let from = repr.src_addr;
    // Fragments are not put together: nothing here sends any.
    if from.is_multicast()
        || from.is_broadcast()
        || from.is_unspecified()
        || ip.more_frags()
        || ip.frag_offset() != 0
    {
        return Err(HostDrop::Malformed);
    }
    if repr.next_header != IpProtocol::Icmp {
        return transport(repr.next_header, from.into(), repr.dst_addr.into(), ip.payload());
    }
    let icmp = Icmpv4Packet::new_checked(ip.payload()).map_err(|_| HostDrop::Malformed)?;
    let icmp = Icmpv4Repr::parse(&icmp, &checksums).map_err(|_| HostDrop::Malformed)?;
    // RFC 1122 3.2.2.6: a request to a group may be left unanswered.
    if let Some(echo) = Echo::from_v4(&icmp).filter(|_| own) {
        echo::handle(lan, now, from.into(), repr.dst_addr.into(), echo)?;
    }
    Ok(Rest::Done)
}

fn handle_v6(lan: &mut Lan, now: Instant, packet: &[u8], own: bool) -> Result<Rest, HostDrop> {
    let checksums = ChecksumCapabilities::default();
    let ip = Ipv6Packet::new_checked(packet).map_err(|_| HostDrop::Malformed)?;
    let repr = Ipv6Repr::parse(&ip).map_err(|_| HostDrop::Malformed)?;
    let from = repr.src_addr;
    if from.is_multicast() {
        return Err(HostDrop::Malformed);
    }
    if repr.next_header != IpProtocol::Icmpv6 {
        return transport(repr.next_header, from.into(), repr.dst_addr.into(), ip.payload());
    }
    let icmp = Icmpv6Packet::new_checked(ip.payload()).map_err(|_| HostDrop::Malformed)?;
    let icmp =
        Icmpv6Repr::parse(&from, &repr.dst_addr, &icmp, &checksums).map_err(|_| HostDrop::Malformed)?;
    if let Icmpv6Repr::Ndisc(ndisc) = &icmp {
        nd::handle(lan, now, &repr, ndisc)?;
    } else if let Some(echo) = Echo::from_v6(&icmp).filter(|_| own && !from.is_unspecified()) {
        echo::handle(lan, now, from.into(), repr.dst_addr.into(), echo)?;
    }
    Ok(Rest::Done)
}

/// The stack drops what is damaged without a word, so that is looked for before.
fn transport(protocol: IpProtocol, from: IpAddr, to: IpAddr, payload: &[u8]) -> Result<Rest, HostDrop> {
    let (from, to): (IpAddress, IpAddress) = (from.into(), to.into());
    let checksums = ChecksumCapabilities::default();
    let sound = match protocol {
        IpProtocol::Udp => UdpPacket::new_checked(payload)
            .is_ok_and(|udp| UdpRepr::parse(&udp, &from, &to, &checksums).is_ok()),
        IpProtocol::Tcp => TcpPacket::new_checked(payload)
            .is_ok_and(|tcp| TcpRepr::parse(&tcp, &from, &to, &checksums).is_ok()),
        _ => true,
    };
    if sound { Ok(Rest::Stack) } else { Err(HostDrop::Malformed) }
}
