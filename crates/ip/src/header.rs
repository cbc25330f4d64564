//! The IP header of a packet of somebody else's: options and extension headers are walked over.
//!
//! Read RFC 791 3.1 and RFC 8200 3 and 4 first.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use smoltcp::wire::{IPV6_HEADER_LEN, Ipv4Packet};
use std::ops::Range;

/// Numbers of protocols and extension headers (the IANA registry of protocol numbers).
pub(crate) mod number {
    pub(crate) const HOP_BY_HOP: u8 = 0;
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const FRAGMENT: u8 = 44;
    pub(crate) const ICMP6: u8 = 58;
    pub(crate) const DESTINATION_OPTIONS: u8 = 60;
}

/// What a station goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) from: IpAddr,
    pub(crate) to: IpAddr,
    pub(crate) ttl: u8,
    /// Type of service, or traffic class.
    pub(crate) tos: u8,
    /// What is behind all headers.
    pub(crate) protocol: u8,
    /// Where the number of that protocol stands.
    pub(crate) protocol_at: usize,
    /// What is behind all headers; what is behind the packet, such as the padding of its frame, is not in it.
    pub(crate) payload: Range<usize>,
    pub(crate) fragment: Option<Fragment>,
}

/// A part of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    pub(crate) ident: u32,
    /// In octets.
    pub(crate) offset: usize,
    /// It is not the last.
    pub(crate) more: bool,
}

impl Header {
    /// `None` when lengths do not fit, or a station may not go on with the packet.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        match packet.first()? >> 4 {
            4 => parse_v4(packet),
            6 => parse_v6(packet),
            _ => None,
        }
    }

    /// The whole packet, without what is behind it.
    pub(crate) fn packet<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        &packet[..self.payload.end]
    }
}

/// Where a sound packet goes.
pub(crate) fn destination(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => Some(octets::<4>(packet, 16)?.into()),
        6 => Some(octets::<16>(packet, 24)?.into()),
        _ => None,
    }
}

/// The checksum of an IPv4 header; IPv6 has none.
pub(crate) fn is_intact(packet: &[u8]) -> bool {
    packet[0] >> 4 != 4 || Ipv4Packet::new_checked(packet).is_ok_and(|packet| packet.verify_checksum())
}

fn octets<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn parse_v4(packet: &[u8]) -> Option<Header> {
    let header: [u8; 20] = octets(packet, 0)?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header_len < 20 || total < header_len || packet.len() < total {
        return None;
    }
    let place = u16::from_be_bytes([header[6], header[7]]);
    let (offset, more) = (usize::from(place & 0x1fff) * 8, place & 0x2000 != 0);
    let ident = u32::from(u16::from_be_bytes([header[4], header[5]]));
    Some(Header {
        from: Ipv4Addr::from(octets::<4>(&header, 12)?).into(),
        to: Ipv4Addr::from(octets::<4>(&header, 16)?).into(),
        ttl: header[8],
        tos: header[1],
        protocol: header[9],
        protocol_at: 9,
        payload: header_len..total,
        fragment: (more || offset != 0).then_some(Fragment { ident, offset, more }),
    })
}

fn parse_v6(packet: &[u8]) -> Option<Header> {
    let header: [u8; IPV6_HEADER_LEN] = octets(packet, 0)?;
    let end = IPV6_HEADER_LEN + usize::from(u16::from_be_bytes([header[4], header[5]]));
    let packet = packet.get(..end)?;
    let mut whole = Header {
        from: Ipv6Addr::from(octets::<16>(&header, 8)?).into(),
        to: Ipv6Addr::from(octets::<16>(&header, 24)?).into(),
        ttl: header[7],
        tos: header[0] << 4 | header[1] >> 4,
        protocol: header[6],
        protocol_at: 6,
        payload: IPV6_HEADER_LEN..end,
        fragment: None,
    };
    while whole.step(packet)? {}
    Some(whole)
}

impl Header {
    /// Walks over one extension header; false when there is none.
    fn step(&mut self, packet: &[u8]) -> Option<bool> {
        let at = self.payload.start;
        let first = self.protocol_at == 6;
        let rest = &packet[at..];
        let len = match self.protocol {
            // RFC 8200 4.1: it may be only the first.
            number::HOP_BY_HOP if !first => return None,
            number::HOP_BY_HOP | number::DESTINATION_OPTIONS => {
                let len = (usize::from(*rest.get(1)?) + 1) * 8;
                options_may_be_skipped(rest.get(2..len)?).then_some(len)?
            }
            // RFC 8200 4.4: a route that is not at its end is not for a station, and RFC 5095 has done away with it.
            number::ROUTING if *rest.get(3)? != 0 => return None,
            number::ROUTING => (usize::from(rest[1]) + 1) * 8,
            number::FRAGMENT if self.fragment.is_none() => {
                let place = u16::from_be_bytes(octets(rest, 2)?);
                let (offset, more) = (usize::from(place & 0xfff8), place & 1 != 0);
                let ident = u32::from_be_bytes(octets(rest, 4)?);
                // RFC 6946: one that is all of its packet stands for itself.
                self.fragment = (more || offset != 0).then_some(Fragment { ident, offset, more });
                8
            }
            _ => return Some(false),
        };
        if at + len > self.payload.end {
            return None;
        }
        (self.protocol, self.protocol_at) = (rest[0], at);
        self.payload.start += len;
        // What is in a part other than the first is no header.
        Some(self.fragment.is_none())
    }
}

/// RFC 8200 4.2: the two highest bits of an option that a station does not know say what becomes of the packet.
fn options_may_be_skipped(mut options: &[u8]) -> bool {
    while let [kind, rest @ ..] = options {
        if *kind == 0 {
            options = rest;
            continue;
        }
        let Some(behind) = rest.first().and_then(|&len| rest.get(1 + usize::from(len)..)) else {
            return false;
        };
        if kind >> 6 != 0 {
            return false;
        }
        options = behind;
    }
    true
}
