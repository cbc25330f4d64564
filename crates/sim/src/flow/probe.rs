//! What is in a probe, and how one is made from its flow's template and read again.
//!
//! Behind the UDP header, most significant octet first: magic (2 octets), flow (4), sequence number (6), time of
//! sending in nanoseconds (6). These 18 octets are what a 64-byte frame has room for behind IPv4 and UDP; the time
//! wraps after 78 hours, which a latency never reaches. The rest of the frame is zeros.

use super::config::FCS_LEN;
use super::{Flow, FlowId};
use greylag_base::Instant;
use greylag_ip::ip_header;
use greylag_wire::ethernet::HEADER_LEN;
use smoltcp::wire::{
    IPV4_HEADER_LEN, IPV6_HEADER_LEN, IpProtocol, Ipv4Packet, Ipv6Packet, UDP_HEADER_LEN, UdpPacket, checksum,
};
use std::time::Duration;

/// What a probe needs behind its UDP header.
pub(crate) const PAYLOAD_LEN: usize = 18;

const MAGIC: [u8; 2] = [0x67, 0x6c];
/// Sequence number and time have six octets each.
const MASK: u64 = (1 << 48) - 1;

/// Offsets behind the UDP header.
mod field {
    use std::ops::Range;
    pub(super) const MAGIC: Range<usize> = 0..2;
    pub(super) const FLOW: Range<usize> = 2..6;
    pub(super) const SEQUENCE: Range<usize> = 6..12;
    pub(super) const TIME: Range<usize> = 12..18;
}

/// What a receiver reads from a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) flow: FlowId,
    pub(crate) ports: (u16, u16),
    pub(crate) sequence: u64,
    time: u64,
}

impl Probe {
    /// From sending to `now`.
    pub(crate) fn latency(&self, now: Instant) -> Duration {
        Duration::from_nanos(now.as_nanos().wrapping_sub(self.time) & MASK)
    }
}

/// What a received packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// Something else.
    Other,
    /// It was a probe, and has been damaged on its way.
    Damaged,
    /// A sound one.
    Probe(Probe),
}

/// Recognises a probe in an IP packet, which may have padding behind it.
pub(crate) fn read(packet: &[u8]) -> Read {
    // Only headers without options or extensions: senders make no others.
    let (header_len, total_len) = match packet {
        [0x45, _, high, low, ..] => (IPV4_HEADER_LEN, usize::from(u16::from_be_bytes([*high, *low]))),
        [first, _, _, _, high, low, ..] if first >> 4 == 6 => {
            (IPV6_HEADER_LEN, IPV6_HEADER_LEN + usize::from(u16::from_be_bytes([*high, *low])))
        }
        _ => return Read::Other,
    };
    let Some(packet) = packet.get(..total_len) else { return Read::Other };
    let payload_at = header_len + UDP_HEADER_LEN;
    if packet.len() < payload_at + PAYLOAD_LEN || packet[payload_at..][field::MAGIC] != MAGIC {
        return Read::Other;
    }
    let (header, datagram) = packet.split_at(header_len);
    let (protocol, addresses, sound) = if header_len == IPV4_HEADER_LEN {
        // No fragment: offset and "more fragments" are zero.
        let whole = u16::from_be_bytes([header[6], header[7]]) & 0x3fff == 0;
        (header[9], &header[12..20], whole && checksum::data(header) == !0)
    } else {
        (header[6], &header[8..40], true)
    };
    if protocol != u8::from(IpProtocol::Udp) {
        return Read::Other;
    }
    let length = datagram.len() as u16;
    let sum = [checksum::data(addresses), u16::from(protocol), length, checksum::data(datagram)];
    let udp_length = u16::from_be_bytes([datagram[4], datagram[5]]);
    // A checksum of zero says that there is none (RFC 768); ours always have one.
    if !sound || udp_length != length || datagram[6..8] == [0, 0] || checksum::combine(&sum) != !0 {
        return Read::Damaged;
    }
    let payload = &datagram[UDP_HEADER_LEN..];
    Read::Probe(Probe {
        flow: FlowId(number(&payload[field::FLOW]) as u32),
        ports: (number(&datagram[0..2]) as u16, number(&datagram[2..4]) as u16),
        sequence: number(&payload[field::SEQUENCE]),
        time: number(&payload[field::TIME]),
    })
}

fn number(octets: &[u8]) -> u64 {
    octets.iter().fold(0, |number, &octet| number << 8 | u64::from(octet))
}

/// What is behind the UDP header of a probe.
pub(super) fn payload(flow: &Flow, sequence: u64, at: Instant) -> Vec<u8> {
    let config = flow.config();
    let headers = FCS_LEN + HEADER_LEN + ip_header::len(config.from.addr) + UDP_HEADER_LEN;
    let mut payload = vec![0; usize::from(config.size) - headers];
    payload[field::MAGIC].copy_from_slice(&MAGIC);
    payload[field::FLOW].copy_from_slice(&flow.id().0.to_be_bytes());
    payload[field::SEQUENCE].copy_from_slice(&sequence.to_be_bytes()[2..]);
    payload[field::TIME].copy_from_slice(&at.as_nanos().to_be_bytes()[2..]);
    payload
}

/// A probe that a stack which is not ours has delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Its flow.
    pub flow: FlowId,
    /// Its number.
    pub sequence: u64,
    /// From when it was due until now.
    pub latency: Duration,
}

impl Sighting {
    /// Recognises a probe in what is behind a UDP header.
    pub fn of(payload: &[u8], now: Instant) -> Option<Self> {
        if payload.len() < PAYLOAD_LEN || payload[field::MAGIC] != MAGIC {
            return None;
        }
        let time = number(&payload[field::TIME]);
        Some(Sighting {
            flow: FlowId(number(&payload[field::FLOW]) as u32),
            sequence: number(&payload[field::SEQUENCE]),
            latency: Duration::from_nanos(now.as_nanos().wrapping_sub(time) & MASK),
        })
    }
}

/// A probe of one flow without its sequence number and time, and the sum of everything that never changes.
#[derive(Debug)]
pub(crate) struct Template {
    frame: Vec<u8>,
    udp_at: usize,
    /// Of pseudo-header, UDP header and payload (RFC 1071).
    sum: u16,
}

impl Template {
    /// Leaves room for an Ethernet header of `ethernet_len` bytes, which its user fills in.
    pub(crate) fn new(flow: &Flow, ttl: u8, ethernet_len: usize) -> Self {
        let config = flow.config();
        let (from, to) = (config.from.addr, config.to.addr);
        let packet_len = usize::from(config.size) - FCS_LEN - HEADER_LEN;
        let mut frame = vec![0; ethernet_len + packet_len];
        let packet = &mut frame[ethernet_len..];
        let datagram = ip_header::emit(packet, (from, to), IpProtocol::Udp, ttl);
        let length = datagram.len();
        let mut udp = UdpPacket::new_unchecked(&mut *datagram);
        udp.set_src_port(config.sport);
        udp.set_dst_port(config.dport);
        udp.set_len(length as u16);
        let payload = udp.payload_mut();
        payload[field::MAGIC].copy_from_slice(&MAGIC);
        payload[field::FLOW].copy_from_slice(&flow.id().0.to_be_bytes());
        let pseudo = checksum::pseudo_header(&from.into(), &to.into(), IpProtocol::Udp, length as u32);
        let sum = checksum::combine(&[pseudo, checksum::data(datagram)]);
        if from.is_ipv4() {
            let mut ip = Ipv4Packet::new_unchecked(packet);
            ip.set_dscp(config.dscp);
            ip.fill_checksum();
        } else {
            // Traffic class: DSCP, then two bits of congestion notification (RFC 2474 3).
            Ipv6Packet::new_unchecked(packet).set_traffic_class(config.dscp << 2);
        }
        Template { frame, udp_at: ethernet_len + ip_header::len(from), sum }
    }

    /// The part that its user fills in.
    pub(crate) fn ethernet_mut(&mut self, ethernet_len: usize) -> &mut [u8] {
        &mut self.frame[..ethernet_len]
    }

    /// Makes one probe in a buffer, whose memory is used again.
    pub(crate) fn stamp(&self, sequence: u64, at: Instant, frame: &mut Vec<u8>) {
        frame.clear();
        frame.extend_from_slice(&self.frame);
        let datagram = &mut frame[self.udp_at..];
        let payload = &mut datagram[UDP_HEADER_LEN..];
        payload[field::SEQUENCE].copy_from_slice(&sequence.to_be_bytes()[2..]);
        payload[field::TIME].copy_from_slice(&at.as_nanos().to_be_bytes()[2..]);
        // All else has been summed up once; both fields begin at an even offset.
        let sum = [self.sum, words(sequence), words(at.as_nanos())];
        let checksum = match !checksum::combine(&sum) {
            // Zero would say that there is none (RFC 768).
            0 => !0,
            checksum => checksum,
        };
        datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// The sum of the three low words.
fn words(number: u64) -> u16 {
    checksum::combine(&[(number >> 32) as u16, (number >> 16) as u16, number as u16])
}
