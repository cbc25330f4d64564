//! What a router changes in a packet: its stations, and how long it has to live.

use crate::ingress::Header;
use crate::routing::header::packet_at;
use greylag_ports::Batch;
use greylag_wire::checksum;
use greylag_wire::ethernet::ADDRESSES_LEN;

/// Gives a frame the addresses of `header`.
pub(crate) fn address(batch: &mut Batch, frame: u16, header: &Header) {
    let addresses = &mut batch.bytes_mut(frame.into())[..ADDRESSES_LEN];
    addresses[..6].copy_from_slice(&header.destination.0);
    addresses[6..].copy_from_slice(&header.source.0);
}

/// Gives a frame the addresses of `header`, and its packet one hop less. The packet has a sound IP header, and a hop left.
// The tag is not looked at: egress sees to it. What the sender left to do, such as cutting the packet into segments, stays to be done:
// no header above IP is changed, and the time to live is in no pseudo-header (RFC 9293 3.1, RFC 8200 8.1).
#[inline(always)]
pub(crate) fn rewrite(batch: &mut Batch, frame: u16, header: &Header) {
    let at = packet_at(batch.tagging(frame.into()));
    let bytes = batch.bytes_mut(frame.into());
    let (addresses, rest) = bytes.split_at_mut(ADDRESSES_LEN);
    addresses[..6].copy_from_slice(&header.destination.0);
    addresses[6..].copy_from_slice(&header.source.0);
    let packet = &mut rest[at - ADDRESSES_LEN..];
    if packet[0] >> 4 != 4 {
        packet[7] -= 1;
        return;
    }
    let packet: &mut [u8; 20] = packet.first_chunk_mut().expect("a sound IPv4 header is there");
    let lives = u16::from_be_bytes([packet[8], packet[9]]);
    let checksum = u16::from_be_bytes([packet[10], packet[11]]);
    packet[8] -= 1;
    packet[10..12].copy_from_slice(&checksum::updated(checksum, lives, lives - 0x0100).to_be_bytes());
}
