//! What a router changes in a packet: its stations, and how long it has to live.

use crate::routing::header::packet_at;
use greylag_ports::Batch;
use greylag_wire::checksum;
use greylag_wire::ethernet::ADDRESSES_LEN;

/// Gives a frame other addresses: the destination's, the source's.
// In two stores: octets that are put together one by one have to be waited for.
#[inline(always)]
pub(crate) fn address(frame: &mut [u8], [destination, source]: [u64; 2]) {
    let addresses: &mut [u8; ADDRESSES_LEN] = frame.first_chunk_mut().expect("it has a header");
    addresses[..8].copy_from_slice(&(destination << 16 | source >> 32).to_be_bytes());
    addresses[8..].copy_from_slice(&(source as u32).to_be_bytes());
}

/// Gives a frame other addresses, and its packet one hop less. The packet has a sound IP header, and a hop left.
// The tag is not looked at: egress sees to it. What the sender left to do, such as cutting the packet into segments, stays to be done:
// no header above IP is changed, and the time to live is in no pseudo-header (RFC 9293 3.1, RFC 8200 8.1).
#[inline(always)]
pub(crate) fn rewrite(batch: &mut Batch, frame: u16, addresses: [u64; 2]) {
    let at = packet_at(batch.tagging(frame.into()));
    let bytes = batch.bytes_mut(frame.into());
    address(bytes, addresses);
    let packet: &mut [u8; 20] = bytes[at..].first_chunk_mut().expect("a sound header is there");
    if packet[0] >> 4 != 4 {
        packet[7] -= 1;
        return;
    }
    // Time to live, protocol, checksum.
    let word: &mut [u8; 4] = packet[8..].first_chunk_mut().expect("20 octets are more");
    let [lives, protocol, high, low] = *word;
    // That the upper octet of a word is one less, whatever it was, is as if a word had been 0x0100 and were 0.
    let [high, low] = checksum::updated(u16::from_be_bytes([high, low]), 0x0100, 0).to_be_bytes();
    *word = [lives - 1, protocol, high, low];
}
