//! Packets that are longer than the link that they are to leave by: RFC 791 3.2, RFC 8200 4.5.

use crate::header::number;
use smoltcp::wire::{IPV6_HEADER_LEN, Ipv4Packet};

const HEADER4: usize = 20;
const HEADER6: usize = 8;

/// Must a packet not be fragmented on its way? None of IPv6 may.
pub(crate) fn is_protected(packet: &[u8]) -> bool {
    packet[0] >> 4 == 6 || packet[6] & 0x40 != 0
}

/// Cuts a sound IPv4 packet, which may be a part itself, into parts of at most `mtu` octets.
///
/// # Panics
/// When the MTU is less than the 68 octets that RFC 791 wants of a link.
pub(crate) fn cut_v4(packet: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    let (header, payload) = packet.split_at(header_len);
    let later = later_header(header);
    let place = u16::from_be_bytes([packet[6], packet[7]]);
    let (mut offset, last_has_more) = (place & 0x1fff, place & 0x2000);
    let mut parts = Vec::new();
    let mut rest = payload;
    while !rest.is_empty() {
        let header = if parts.is_empty() { header } else { &later[..] };
        let room = (mtu - header.len()) / 8 * 8;
        let (data, behind) = rest.split_at(room.min(rest.len()));
        let more = if behind.is_empty() { last_has_more } else { 0x2000 };
        let mut part = [header, data].concat();
        let length = part.len() as u16;
        part[2..4].copy_from_slice(&length.to_be_bytes());
        part[6..8].copy_from_slice(&(offset | more).to_be_bytes());
        Ipv4Packet::new_unchecked(&mut part).fill_checksum();
        parts.push(part);
        offset += (data.len() / 8) as u16;
        rest = behind;
    }
    parts
}

/// The header of all parts but the first: with those options that are marked to be copied.
fn later_header(header: &[u8]) -> Vec<u8> {
    let mut later = header[..HEADER4].to_vec();
    let mut options = &header[HEADER4..];
    while let [kind, rest @ ..] = options {
        let len = match kind {
            0 => break,
            1 => 1,
            // One that is not right is not copied, and neither is what is behind it.
            _ => match rest.first() {
                Some(&len) if (2..=options.len()).contains(&usize::from(len)) => usize::from(len),
                _ => break,
            },
        };
        if kind & 0x80 != 0 {
            later.extend_from_slice(&options[..len]);
        }
        options = &options[len..];
    }
    later.resize(later.len().next_multiple_of(4), 0);
    later[0] = 0x40 | (later.len() / 4) as u8;
    later
}

/// Cuts an IPv6 packet of our own, which has no extension headers.
pub(crate) fn cut_v6(packet: &[u8], mtu: usize, ident: u32) -> Vec<Vec<u8>> {
    let (header, payload) = packet.split_at(IPV6_HEADER_LEN);
    let room = (mtu - IPV6_HEADER_LEN - HEADER6) / 8 * 8;
    let chunks = payload.chunks(room);
    let last = chunks.len() - 1;
    let part = |(index, data): (usize, &[u8])| {
        let place = (index * room) as u16 | u16::from(index < last);
        let [a, b] = place.to_be_bytes();
        let [c, d, e, f] = ident.to_be_bytes();
        let mut part = [header, &[header[6], 0, a, b, c, d, e, f], data].concat();
        let length = (part.len() - IPV6_HEADER_LEN) as u16;
        part[4..6].copy_from_slice(&length.to_be_bytes());
        part[6] = number::FRAGMENT;
        part
    };
    chunks.enumerate().map(part).collect()
}
