//! What tells the flow of an IP packet: addresses, protocol and ports, and the flow label of IPv6.
//!
//! Read RFC 791 3.1, RFC 8200 3 and 4, and RFC 6437 first. This is no check of the packet: it reads what a hash needs, in
//! any packet that has an IP header, and leaves out what is not there. Lengths and checksums do not matter to it, for a
//! super-frame on its way to segmentation may have neither.

use core::net::{Ipv4Addr, Ipv6Addr};

/// Extension headers of IPv6 that are walked at the most. Senders use two or three; each one more is time that a crafted packet
/// takes.
const MAX_EXTENSIONS: usize = 8;

/// Numbers of protocols and extension headers (the IANA registry of protocol numbers).
mod number {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const TCP: u8 = 6;
    pub(super) const UDP: u8 = 17;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION_OPTIONS: u8 = 60;
    pub(super) const SCTP: u8 = 132;
    pub(super) const MOBILITY: u8 = 135;
    pub(super) const HIP: u8 = 139;
    pub(super) const SHIM6: u8 = 140;
}

/// What is the same in all packets of a flow; `A` is [`Ipv4Addr`] or [`Ipv6Addr`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiveTuple<A> {
    /// Where the packet comes from.
    pub source: A,
    /// Where it goes.
    pub destination: A,
    /// What it carries: behind the extension headers of IPv6, as far as they could be walked. 44 for
    /// each fragment of an IPv6 packet, for only the first can know what it carries (RFC 8200 4.5).
    pub protocol: u8,
    /// 20 bits; 0 in IPv4.
    pub flow_label: u32,
    /// Of TCP, UDP and SCTP; 0 in a fragment, for only the first has them, and where they are cut off.
    pub source_port: u16,
    /// As the source port.
    pub destination_port: u16,
}

impl FiveTuple<Ipv4Addr> {
    /// Reads an IPv4 packet; `None` when it has no whole header.
    // Always inlined, here and below: a tuple that is returned in memory costs as much as reading it.
    #[inline(always)]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let header: &[u8; 20] = packet.first_chunk()?;
        // Version 4, and a length of five words at least.
        if !matches!(header[0], 0x45..=0x4f) {
            return None;
        }
        let header_len = usize::from(header[0] & 0x0f) * 4;
        // More fragments, or an offset: the first one must go where the others go.
        let is_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
        let protocol = header[9];
        let transport = if is_fragment { &[] } else { packet.get(header_len..).unwrap_or_default() };
        let [source_port, destination_port] = ports(protocol, transport);
        let address = |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
        let (source, destination) = (address(12), address(16));
        Some(FiveTuple { source, destination, protocol, flow_label: 0, source_port, destination_port })
    }
}

impl FiveTuple<Ipv6Addr> {
    /// Reads an IPv6 packet; `None` when it has no whole header.
    #[inline(always)]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let (header, rest) = packet.split_first_chunk::<40>()?;
        if header[0] >> 4 != 6 {
            return None;
        }
        let flow_label = u32::from_be_bytes([0, header[1] & 0x0f, header[2], header[3]]);
        // Most packets have no extension header.
        let (protocol, transport) =
            if has_ports(header[6]) { (header[6], rest) } else { behind_extensions(header[6], rest) };
        let [source_port, destination_port] = ports(protocol, transport);
        let (addresses, _) = header[8..].as_chunks::<16>();
        let (source, destination) = (Ipv6Addr::from(addresses[0]), Ipv6Addr::from(addresses[1]));
        Some(FiveTuple { source, destination, protocol, flow_label, source_port, destination_port })
    }
}

fn has_ports(protocol: u8) -> bool {
    matches!(protocol, number::TCP | number::UDP | number::SCTP)
}

#[inline(always)]
fn ports(protocol: u8, transport: &[u8]) -> [u16; 2] {
    match transport {
        &[a, b, c, d, ..] if has_ports(protocol) => [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])],
        _ => [0, 0],
    }
}

/// Walks the extension headers of IPv6: the number of what is behind them, and its bytes. Where it cannot go on, those of the
/// header that it stands at.
pub fn behind_extensions(mut next: u8, mut rest: &[u8]) -> (u8, &[u8]) {
    for _ in 0..MAX_EXTENSIONS {
        let &[following, length, high, low, ..] = rest else { break };
        let length = usize::from(length);
        let len = match next {
            number::HOP_BY_HOP
            | number::ROUTING
            | number::DESTINATION_OPTIONS
            | number::MOBILITY
            | number::HIP
            | number::SHIM6 => (length + 1) * 8,
            number::AUTHENTICATION => (length + 2) * 4, // RFC 4302 2.2
            // Neither an offset nor more fragments: the packet is whole (RFC 6946).
            number::FRAGMENT if u16::from_be_bytes([high, low]) & 0xfff9 == 0 => 8,
            _ => break,
        };
        let Some(behind) = rest.get(len..) else { break };
        (next, rest) = (following, behind);
    }
    (next, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UDP from port 7 to port 9, with nothing in it.
    const UDP_HEADER: [u8; 8] = [0, 7, 0, 9, 0, 8, 0, 0];

    fn ipv4(payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 20];
        (packet[0], packet[9]) = (0x45, number::UDP);
        packet[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        packet.extend(payload);
        packet
    }

    fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 40];
        packet[..4].copy_from_slice(&[0x6b, 0xa1, 0x23, 0x45]);
        (packet[6], packet[23], packet[39]) = (next, 1, 2);
        packet.extend(payload);
        packet
    }

    #[test]
    fn an_ipv4_packet() {
        let tuple = FiveTuple {
            source: Ipv4Addr::new(10, 0, 0, 1),
            destination: Ipv4Addr::new(10, 0, 0, 2),
            protocol: 17,
            flow_label: 0,
            source_port: 7,
            destination_port: 9,
        };
        assert_eq!(FiveTuple::<Ipv4Addr>::parse(&ipv4(&UDP_HEADER)), Some(tuple));
        let no_ports = FiveTuple { source_port: 0, destination_port: 0, ..tuple };
        assert_eq!(FiveTuple::<Ipv4Addr>::parse(&ipv4(&UDP_HEADER[..3])), Some(no_ports));
        assert_eq!(FiveTuple::<Ipv4Addr>::parse(&ipv4(&[])[..19]), None);
        assert_eq!(FiveTuple::<Ipv6Addr>::parse(&ipv4(&UDP_HEADER)), None);
    }

    #[test]
    fn an_ipv4_header_is_five_words_at_least() {
        let mut packet = ipv4(&UDP_HEADER);
        packet[0] = 0x44;
        assert_eq!(FiveTuple::<Ipv4Addr>::parse(&packet), None);
        // Options beyond the end of the packet: there are addresses, but no ports.
        packet[0] = 0x4f;
        assert_eq!(FiveTuple::<Ipv4Addr>::parse(&packet).unwrap().source_port, 0);
    }

    #[test]
    fn an_ipv6_packet() {
        let tuple = FiveTuple {
            source: Ipv6Addr::from_bits(1),
            destination: Ipv6Addr::from_bits(2),
            protocol: 17,
            // The traffic class in front of it is no part of it.
            flow_label: 0x12345,
            source_port: 7,
            destination_port: 9,
        };
        assert_eq!(FiveTuple::<Ipv6Addr>::parse(&ipv6(number::UDP, &UDP_HEADER)), Some(tuple));
        assert_eq!(FiveTuple::<Ipv6Addr>::parse(&ipv6(number::UDP, &[])[..39]), None);
        assert_eq!(FiveTuple::<Ipv4Addr>::parse(&ipv6(number::UDP, &UDP_HEADER)), None);
    }

    #[test]
    fn a_chain_of_extension_headers_that_breaks_off_is_read_as_far_as_it_goes() {
        let options = [number::ROUTING, 0, 1, 4, 0, 0, 0, 0];
        for (behind, protocol) in [
            (&[][..], number::ROUTING),
            (&[number::UDP, 1, 0, 0][..], number::ROUTING),
            (
                &[number::FRAGMENT, 0, 0, 0, 0, 0, 0, 0, number::UDP, 0, 0, 1, 0, 0, 0, 0][..],
                number::FRAGMENT,
            ),
            (&[50, 0, 0, 0, 0, 0, 0, 0][..], 50),
        ] {
            let packet = ipv6(number::HOP_BY_HOP, &[&options, behind].concat());
            let tuple = FiveTuple::<Ipv6Addr>::parse(&packet).unwrap();
            assert_eq!((tuple.protocol, tuple.source_port), (protocol, 0), "{behind:?}");
        }
    }
}
