//! Flows through a router: UDP packets without anything in them, 64 bytes and the check sequence, IPv6 two octets longer.

use crate::Words;
use greylag_base::MacAddr;
use greylag_wire::checksum;
use greylag_wire::ethernet::{EtherType, Repr};

/// A packet of a flow of its own to each destination, to that station and from that one.
pub fn ipv4(destinations: &[u32], ethernet: (MacAddr, MacAddr)) -> Vec<Vec<u8>> {
    flows(destinations, ethernet, (EtherType::IPV4, ipv4_header))
}

/// The same of IPv6.
pub fn ipv6(destinations: &[u128], ethernet: (MacAddr, MacAddr)) -> Vec<Vec<u8>> {
    flows(destinations, ethernet, (EtherType::IPV6, ipv6_header))
}

/// The EtherType of a family, and how the header of one of its packets is made of destination and chance.
type Headers<A> = (EtherType, fn(A, u64) -> Vec<u8>);

fn flows<A: Copy>(
    destinations: &[A],
    (to, from): (MacAddr, MacAddr),
    (ether_type, header): Headers<A>,
) -> Vec<Vec<u8>> {
    let mut words = Words(4);
    let mut flow = |&destination: &A| {
        let mut packet = header(destination, words.next().expect("words do not end"));
        let ports = words.next().expect("words do not end") as u32;
        packet.extend(ports.to_be_bytes());
        packet.extend([0, 8, 0, 0]);
        Repr { destination: to, source: from, ether_type }.frame(&packet)
    };
    destinations.iter().map(&mut flow).collect()
}

fn ipv4_header(destination: u32, word: u64) -> Vec<u8> {
    let mut header = vec![0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17, 0, 0];
    header.extend(((word as u32 & 0x0fff_ffff) | 0x1000_0000).to_be_bytes());
    header.extend(destination.to_be_bytes());
    let checksum = !checksum::sum(&header);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}

fn ipv6_header(destination: u128, word: u64) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0, 0, 8, 17, 64];
    header.extend((0x2001_0db8_u128 << 96 | u128::from(word)).to_be_bytes());
    header.extend(destination.to_be_bytes());
    header
}
