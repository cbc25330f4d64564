//! Which packets keep a switch's own sessions alive: BFD, the session between chassis, routing protocols. They go before what users
//! send, wherever frames wait.
//!
//! By protocol and port, whoever they are from or to: a packet that a neighbour has sent for somebody else is worth as much. What
//! keeps a link (LACP) or finds a neighbour (ARP) is told by its EtherType, and has queues of its own.

use crate::ethernet::EtherType;
use crate::five_tuple::FiveTuple;
use crate::{bfd, iccp};
use core::net::{Ipv4Addr, Ipv6Addr};

/// Destination ports of UDP: BFD (RFC 5881 4, RFC 5883 5).
pub const UDP_PORTS: [u16; 2] = [bfd::SINGLE_HOP_PORT, bfd::MULTIHOP_PORT];
/// Ports of TCP at either end: BGP (RFC 4271 8.2.1), and the session between two chassis.
pub const TCP_PORTS: [u16; 2] = [179, iccp::PORT];
/// Protocols of IP: OSPF (RFC 2328 A.1), and the interior protocol of ours, for experiments (RFC 3692).
pub const IP_PROTOCOLS: [u8; 2] = [89, 253];

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A packet behind this EtherType belongs to a protocol that keeps a session alive.
pub fn keeps_session(ether_type: EtherType, packet: &[u8]) -> bool {
    let told_by = match ether_type {
        EtherType::IPV4 => FiveTuple::<Ipv4Addr>::parse(packet)
            .map(|flow| (flow.protocol, flow.source_port, flow.destination_port)),
        EtherType::IPV6 => FiveTuple::<Ipv6Addr>::parse(packet)
            .map(|flow| (flow.protocol, flow.source_port, flow.destination_port)),
        _ => None,
    };
    match told_by {
        Some((UDP, _, to)) => UDP_PORTS.contains(&to),
        Some((TCP, from, to)) => TCP_PORTS.contains(&from) || TCP_PORTS.contains(&to),
        Some((protocol, ..)) => IP_PROTOCOLS.contains(&protocol),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4(protocol: u8, from: u16, to: u16) -> Vec<u8> {
        let mut packet = vec![0; 20];
        (packet[0], packet[9]) = (0x45, protocol);
        packet.extend([from.to_be_bytes(), to.to_be_bytes()].concat());
        packet
    }

    fn ipv6(protocol: u8, from: u16, to: u16) -> Vec<u8> {
        let mut packet = vec![0; 40];
        (packet[0], packet[6]) = (0x60, protocol);
        packet.extend([from.to_be_bytes(), to.to_be_bytes()].concat());
        packet
    }

    #[test]
    fn sessions_are_told_by_protocol_and_port_and_nothing_else_is_one() {
        let cases = [
            ("BFD, one hop", UDP, 49_152, 3784, true),
            ("BFD, several hops", UDP, 49_152, 4784, true),
            ("BFD's port as a source says nothing", UDP, 3784, 49_152, false),
            ("DNS", UDP, 49_152, 53, false),
            ("BGP, to who listens", TCP, 40_000, 179, true),
            ("BGP, the answer", TCP, 179, 40_000, true),
            ("between chassis", TCP, 40_000, 8888, true),
            ("the web", TCP, 40_000, 443, false),
            ("BFD's port, of TCP", TCP, 40_000, 3784, false),
            ("OSPF", 89, 0, 0, true),
            ("the interior protocol", 253, 0, 0, true),
            ("ping", 1, 0, 0, false),
        ];
        for (what, protocol, from, to, expected) in cases {
            assert_eq!(keeps_session(EtherType::IPV4, &ipv4(protocol, from, to)), expected, "{what}");
            assert_eq!(keeps_session(EtherType::IPV6, &ipv6(protocol, from, to)), expected, "{what}, IPv6");
            assert!(!keeps_session(EtherType::ARP, &ipv4(protocol, from, to)), "{what}, as ARP");
        }
    }

    #[test]
    fn what_is_cut_short_or_a_later_piece_keeps_nothing_alive() {
        let whole = ipv4(UDP, 49_152, 3784);
        for len in 0..whole.len() {
            assert!(!keeps_session(EtherType::IPV4, &whole[..len]), "{len} octets");
        }
        let mut piece = whole;
        piece[7] = 1;
        assert!(!keeps_session(EtherType::IPV4, &piece), "the ports are in the first piece");
    }
}
