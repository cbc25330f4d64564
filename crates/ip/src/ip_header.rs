//! The IP header of packets of our own: no options, no extension headers.

use core::net::IpAddr;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    IPV4_HEADER_LEN, IPV6_HEADER_LEN, IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr,
};

/// The length of an address's IP header: ours have no options and no extensions.
pub fn len(addr: IpAddr) -> usize {
    if addr.is_ipv4() { IPV4_HEADER_LEN } else { IPV6_HEADER_LEN }
}

/// Writes the header of a packet that is as long as its buffer; gives what is behind the header.
///
/// # Panics
/// When the addresses are of two families.
pub fn emit(
    packet: &mut [u8],
    (from, to): (IpAddr, IpAddr),
    next_header: IpProtocol,
    hop_limit: u8,
) -> &mut [u8] {
    let (header, payload) = packet.split_at_mut(len(from));
    let payload_len = payload.len();
    match (from, to) {
        (IpAddr::V4(src_addr), IpAddr::V4(dst_addr)) => {
            let repr = Ipv4Repr { src_addr, dst_addr, next_header, payload_len, hop_limit };
            repr.emit(&mut Ipv4Packet::new_unchecked(header), &ChecksumCapabilities::default());
        }
        (IpAddr::V6(src_addr), IpAddr::V6(dst_addr)) => {
            let repr = Ipv6Repr { src_addr, dst_addr, next_header, payload_len, hop_limit };
            repr.emit(&mut Ipv6Packet::new_unchecked(header));
        }
        _ => panic!("a packet from {from} to {to} would be of two families"),
    }
    payload
}

/// Sets type of service, or traffic class, of a packet that [`emit`] has written.
pub(crate) fn set_tos(packet: &mut [u8], tos: u8) {
    if packet[0] >> 4 == 4 {
        packet[1] = tos;
        Ipv4Packet::new_unchecked(packet).fill_checksum();
    } else {
        Ipv6Packet::new_unchecked(packet).set_traffic_class(tos);
    }
}

/// Sets TTL or hop limit of a packet.
pub(crate) fn set_ttl(packet: &mut [u8], ttl: u8) {
    if packet[0] >> 4 == 4 {
        packet[8] = ttl;
        Ipv4Packet::new_unchecked(packet).fill_checksum();
    } else {
        packet[7] = ttl;
    }
}

/// Lets routers fragment an IPv4 packet of ours; those of IPv6 only their source may.
pub(crate) fn allow_fragments(packet: &mut [u8], ident: u16) {
    if packet[0] >> 4 == 4 {
        let mut packet = Ipv4Packet::new_unchecked(packet);
        packet.set_ident(ident);
        packet.set_dont_frag(false);
        packet.fill_checksum();
    }
}
