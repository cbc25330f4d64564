use core::net::IpAddr;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    IPV4_HEADER_LEN, IPV6_HEADER_LEN, IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr,
};

/// The length of an address's IP header: ours have no options and no extensions.
pub(crate) fn len(addr: IpAddr) -> usize {
    if addr.is_ipv4() { IPV4_HEADER_LEN } else { IPV6_HEADER_LEN }
}

/// Writes the header of a packet that is as long as its buffer; gives what is behind the header.
///
/// # Panics
/// When the addresses are of two families.
pub(crate) fn emit(
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
