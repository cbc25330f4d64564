//! What a frame has to do with an interface of the switch: whether it is a packet to be routed, or concerns the link.

use crate::InterfaceForwarding;
use crate::routing::martian::{Scope, is_link_group_ipv4, is_link_group_ipv6, of_ipv4, of_ipv6};
use greylag_base::MacAddr;
use greylag_wire::ethernet::EtherType;

/// What a frame is to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// Nothing: it is to another station, or to a group that is not listened to.
    Nothing,
    /// It is to the interface's station, and an IPv4 packet.
    Ipv4,
    /// It is to the interface's station, and an IPv6 packet.
    Ipv6,
    /// It concerns the link: address resolution, neighbour discovery, groups that end at the link. It is to the interface's
    /// station, or to a group.
    Link,
    /// It is to the interface's station, and nothing that this understands.
    Unknown,
}

/// What a frame to this address, with this type and packet, is to the interface.
#[inline(always)]
pub(crate) fn concern(
    destination: MacAddr,
    (ether_type, packet): (u16, &[u8]),
    interface: &InterfaceForwarding,
) -> Concern {
    let ether_type = EtherType(ether_type);
    if destination.is_group() || !interface.takes(destination) {
        return of_another(destination, (ether_type, packet), interface);
    }
    match ether_type {
        EtherType::IPV4 => Concern::Ipv4,
        EtherType::IPV6 => Concern::Ipv6,
        EtherType::ARP => Concern::Link,
        _ => Concern::Unknown,
    }
}

/// The same of a frame that is to a group, or to another station.
#[inline(never)]
fn of_another(
    destination: MacAddr,
    (ether_type, packet): (EtherType, &[u8]),
    interface: &InterfaceForwarding,
) -> Concern {
    if destination.is_group() {
        return match ether_type {
            EtherType::ARP if destination.is_broadcast() => Concern::Link,
            EtherType::IPV4 | EtherType::IPV6 if is_to_link_group(ether_type, packet) => Concern::Link,
            _ => Concern::Nothing,
        };
    }
    let is_routed = interface.stands_in_for(destination) && goes_beyond_its_link(ether_type, packet);
    match ether_type {
        EtherType::IPV4 if is_routed => Concern::Ipv4,
        EtherType::IPV6 if is_routed => Concern::Ipv6,
        // Answers to questions that the other chassis has asked, and whatever else is its own.
        _ => Concern::Nothing,
    }
}

/// A packet has addresses that mean something beyond the link that it came in by: it is not of the conversation of two neighbours.
#[inline(never)]
fn goes_beyond_its_link(ether_type: EtherType, packet: &[u8]) -> bool {
    let is_sound = |scope| scope == Scope::Sound;
    match ether_type {
        EtherType::IPV4 => packet.get(12..20).is_some_and(|addresses| {
            let (addresses, _) = addresses.as_chunks::<4>();
            addresses.iter().all(|address| is_sound(of_ipv4(u32::from_be_bytes(*address))))
        }),
        EtherType::IPV6 => packet.get(8..40).is_some_and(|addresses| {
            let (addresses, _) = addresses.as_chunks::<16>();
            addresses.iter().all(|address| is_sound(of_ipv6(u128::from_be_bytes(*address))))
        }),
        _ => false,
    }
}

/// A packet is to a group that ends at the link.
pub(crate) fn is_to_link_group(ether_type: EtherType, packet: &[u8]) -> bool {
    match ether_type {
        EtherType::IPV4 => packet
            .get(16..)
            .and_then(|rest| rest.first_chunk())
            .is_some_and(|address| is_link_group_ipv4(u32::from_be_bytes(*address))),
        EtherType::IPV6 => packet
            .get(24..)
            .and_then(|rest| rest.first_chunk())
            .is_some_and(|address| is_link_group_ipv6(u128::from_be_bytes(*address))),
        _ => false,
    }
}

/// The frame answers a question for a station: an ARP reply (RFC 826) or a neighbour advertisement (RFC 4861 4.4). What the one IP
/// stack has asked for, the other may want to know as well.
pub(crate) fn is_answer((ether_type, packet): (u16, &[u8])) -> bool {
    const ARP_REPLY: [u8; 2] = [0, 2];
    const ICMPV6: u8 = 58;
    const NEIGHBOR_ADVERTISEMENT: u8 = 136;
    match EtherType(ether_type) {
        EtherType::ARP => packet.get(6..8) == Some(&ARP_REPLY[..]),
        EtherType::IPV6 => packet.get(6) == Some(&ICMPV6) && packet.get(40) == Some(&NEIGHBOR_ADVERTISEMENT),
        _ => false,
    }
}
